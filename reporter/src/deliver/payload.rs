//! The payload of a delivery: the compressed report and its file name. Both the summary and the gzip are made once a
//! report, however many destinations it has.

use std::cell::RefCell;
use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};
use hyper::body::Bytes;
use tlsrptd_proto::{domain::Domain, report::Summary};

use crate::model::{ReportKind, StoredReport};

/// The report's numbers for people.
///
/// # Errors
/// Why the report cannot be sent: what is stored is no report.
pub(super) fn summary(report: &StoredReport) -> Result<&Summary, String> {
    let read = || {
        Summary::from_json(&report.json)
            .map_err(|error| format!("the stored report cannot be read: {error}"))
    };
    let summary = report.payload.summary.get_or_init(read);
    summary.as_ref().map_err(String::clone)
}

/// The gzip of a report (RFC 8460 section 5.2). No file name and no time go in: the bytes follow from the report and the
/// level, which is the same for all that the daemon sends.
///
/// # Errors
/// Why the report cannot be sent: it cannot be compressed.
pub(super) fn gzip(report: &StoredReport, level: i32) -> Result<&Bytes, String> {
    let compress = || {
        compressed(report.json.as_bytes(), level)
            .map(Bytes::from)
            .map_err(|error| format!("the report cannot be compressed: {error}"))
    };
    let gzip = report.payload.gzip.get_or_init(compress);
    gzip.as_ref().map_err(String::clone)
}

thread_local! {
    /// Allocating its tables for each report would cost more than compressing the report.
    static COMPRESSOR: RefCell<Option<(Compression, Compress)>> = const { RefCell::new(None) };
}

/// zlib's largest window, as a power of two.
const WINDOW_BITS: u8 = 15;

fn compressed(data: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let level = match u32::try_from(level) {
        Ok(level) => Compression::new(level.min(9)),
        // -1 is zlib's own default.
        Err(_) => Compression::default(),
    };
    COMPRESSOR.with_borrow_mut(|last| {
        let (_, compress) = match last {
            Some(last) if last.0 == level => last,
            other => other.insert((level, Compress::new_gzip(level, WINDOW_BITS))),
        };
        compress.reset();
        let mut out = Vec::new();
        loop {
            out.reserve(data.len() / 2 + 64);
            // `data` is in memory, so its length fits.
            let taken = usize::try_from(compress.total_in()).unwrap_or(data.len());
            match compress.compress_vec(&data[taken..], &mut out, FlushCompress::Finish)? {
                Status::StreamEnd => break,
                Status::Ok | Status::BufError => {}
            }
        }
        // It is kept for as long as the report is in hand.
        out.shrink_to_fit();
        Ok(out)
    })
}

/// `SUBMITTER!DOMAIN!BEGIN!END!UNIQUE.json.gz` (RFC 8460 section 5.1): seconds since 1970, and letters and digits alone in
/// the last part. The `x` separates number and installation, so no two reports share a name; a test says that it is one.
pub(super) fn file_name(report: &StoredReport, submitter: &Domain) -> String {
    let test = match report.kind {
        ReportKind::Sessions => "",
        ReportKind::Test => "test",
    };
    format!(
        "{submitter}!{}!{}!{}!{test}{}x{}.json.gz",
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
            let once = compressed(b"{\"a\": 1}", level).unwrap();
            let long: String = (0..40_000).map(|number| format!("{number},")).collect();
            let mut read = String::new();
            flate2::read::GzDecoder::new(&compressed(long.as_bytes(), level).unwrap()[..])
                .read_to_string(&mut read)
                .unwrap();
            assert_eq!(read, long);
            assert_eq!(
                once,
                compressed(b"{\"a\": 1}", level).unwrap(),
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
    fn a_report_is_read_and_compressed_once() {
        let report = fixtures::report();
        let (first, again) = (gzip(&report, -1).unwrap(), gzip(&report, -1).unwrap());
        assert!(std::ptr::eq(first, again));
        let (first, again) = (summary(&report).unwrap(), summary(&report).unwrap());
        assert!(std::ptr::eq(first, again));
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
