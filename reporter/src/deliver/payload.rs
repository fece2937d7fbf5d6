//! What is delivered: the report, compressed, and the name of its file.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use tlsrptd_proto::domain::Domain;

use super::StoredReport;

/// The gzip of a report (RFC 8460 section 5.2). No file name and no time go in: the bytes
/// follow from the report and the level.
pub(super) fn gzip(json: &str, level: i32) -> std::io::Result<Vec<u8>> {
    let level = match u32::try_from(level) {
        Ok(level) => Compression::new(level.min(9)),
        // -1 is zlib's own default.
        Err(_) => Compression::default(),
    };
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), level);
    encoder.write_all(json.as_bytes())?;
    encoder.finish()
}

/// `SUBMITTER!DOMAIN!BEGIN!END!UNIQUE.json.gz` (RFC 8460 section 5.1): seconds since 1970,
/// and letters and digits alone in the last part.
pub(super) fn file_name(report: &StoredReport, submitter: &Domain) -> String {
    format!(
        "{submitter}!{}!{}!{}!{}.json.gz",
        report.domain,
        report.day.start().as_second(),
        report.day.last_second().as_second(),
        report.uniqid
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::deliver::sample;

    #[test]
    fn bytes_follow_from_the_report() {
        for level in [-1, 0, 1, 9] {
            let once = gzip("{\"a\": 1}", level).unwrap();
            assert_eq!(once, gzip("{\"a\": 1}", level).unwrap());
            assert_eq!(once[4..8], [0; 4], "no time");
            let mut text = String::new();
            flate2::read::GzDecoder::new(&once[..])
                .read_to_string(&mut text)
                .unwrap();
            assert_eq!(text, "{\"a\": 1}");
        }
    }

    #[test]
    fn file_name_has_five_parts() {
        let submitter = Domain::parse("mail.sender.example").unwrap();
        assert_eq!(
            file_name(&sample::report(), &submitter),
            "mail.sender.example!example.com!1795132800!1795219199!7.json.gz"
        );
    }
}
