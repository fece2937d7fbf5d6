//! What is delivered: the report, compressed, and the name of its file.

use std::cell::RefCell;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use tlsrptd_proto::domain::Domain;

use crate::model::StoredReport;

/// The gzip of a report (RFC 8460 section 5.2). No file name and no time go in: the bytes
/// follow from the report and the level.
pub(super) fn gzip(json: &str, level: i32) -> std::io::Result<Vec<u8>> {
    let level = match u32::try_from(level) {
        Ok(level) => Compression::new(level.min(9)),
        // -1 is zlib's own default.
        Err(_) => Compression::default(),
    };
    let speed = match level.level() {
        9.. => 2,
        0 | 1 => 4,
        _ => 0,
    };
    // RFC 1952 section 2.3: deflate, no flags, no time, how hard it was tried, no system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, speed, 255];
    deflate(json.as_bytes(), level, &mut out)?;
    let mut sum = Crc::new();
    sum.update(json.as_bytes());
    out.extend(sum.sum().to_le_bytes());
    out.extend(sum.amount().to_le_bytes());
    Ok(out)
}

thread_local! {
    /// Its tables are large: to make them anew for each report would cost more than the report.
    static KEPT: RefCell<Option<(Compression, Compress)>> = const { RefCell::new(None) };
}

fn deflate(data: &[u8], level: Compression, out: &mut Vec<u8>) -> std::io::Result<()> {
    KEPT.with_borrow_mut(|kept| {
        let (_, compress) = match kept {
            Some(kept) if kept.0 == level => kept,
            other => other.insert((level, Compress::new(level, false))),
        };
        compress.reset();
        loop {
            out.reserve(data.len() / 2 + 64);
            // It cannot be longer than memory.
            let taken = usize::try_from(compress.total_in()).unwrap_or(data.len());
            match compress.compress_vec(&data[taken..], out, FlushCompress::Finish)? {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError => {}
            }
        }
    })
}

/// `SUBMITTER!DOMAIN!BEGIN!END!UNIQUE.json.gz` (RFC 8460 section 5.1): seconds since 1970, and letters and digits alone in
/// the last part. Its number ends at the `x`: nothing else makes the same text.
pub(super) fn file_name(report: &StoredReport, submitter: &Domain) -> String {
    format!(
        "{submitter}!{}!{}!{}!{}x{}.json.gz",
        report.domain,
        report.day.start().as_second(),
        report.day.last_second().as_second(),
        report.uniqid,
        report.installation
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::deliver::fixtures;

    #[test]
    fn bytes_follow_from_the_report() {
        for level in [-1, 0, 1, 9] {
            let once = gzip("{\"a\": 1}", level).unwrap();
            let long: String = (0..40_000).map(|number| format!("{number},")).collect();
            let mut read = String::new();
            flate2::read::GzDecoder::new(&gzip(&long, level).unwrap()[..])
                .read_to_string(&mut read)
                .unwrap();
            assert_eq!(read, long);
            assert_eq!(
                once,
                gzip("{\"a\": 1}", level).unwrap(),
                "whatever went before"
            );
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
            file_name(&fixtures::report(), &submitter),
            "mail.sender.example!example.com!1795132800!1795219199!7x0123456789abcdef.json.gz"
        );
    }
}
