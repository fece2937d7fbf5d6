//! The MIME structure of a mail (RFC 2045, 2046), walked within bounds.
//!
//! The parts are split here, and not by mail-parser's `MessageParser`: its mails within mails are as deep as a stranger likes, and are
//! dropped by recursion; and a multipart whose boundary never comes makes it look at the rest of the mail once more. Here each
//! level looks at its own bytes once, and there are [`MAX_DEPTH`] levels. What a Content-Type says, and what is encoded, it reads.

use std::borrow::Cow;

use mail_parser::{
    HeaderValue,
    decoders::quoted_printable::quoted_printable_decode,
    decoders::{base64::base64_decode, charsets::map::charset_decoder},
    parsers::MessageStream,
};

use super::field::{self, Fields};

/// Levels of parts that are read. A bounce has two, each forward adds one or two.
pub(super) const MAX_DEPTH: usize = 10;
/// Parts that are read, of all levels.
pub(super) const MAX_PARTS: usize = 300;

/// What is known of a mail while its parts are read.
#[derive(Debug, Default)]
pub(super) struct Tree {
    parts: usize,
    /// It has parts that were not read.
    pub(super) was_cut: bool,
    /// A part is a message disposition notification.
    pub(super) has_receipt: bool,
    /// A part is an abuse report.
    pub(super) has_abuse_report: bool,
}

impl Tree {
    /// For another look at the same mail.
    pub(super) fn begin_again(&mut self) {
        self.parts = 0;
    }
}

/// A mail, or a part of one.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) fields: Fields,
    pub(super) media: MediaType,
    /// Decoded, unless it has parts.
    body: Cow<'a, [u8]>,
}

/// What a Content-Type says.
#[derive(Debug, Default)]
pub(super) struct MediaType {
    /// As in `text/plain`, in lower case.
    pub(super) name: String,
    /// Of a multipart/report, in lower case.
    pub(super) report_type: Option<String>,
    boundary: Option<String>,
    charset: Option<String>,
}

impl<'a> Entity<'a> {
    /// A mail or part; `None` if there were too many of them.
    pub(super) fn parse(bytes: &'a [u8], tree: &mut Tree) -> Option<Entity<'a>> {
        if tree.parts == MAX_PARTS {
            tree.was_cut = true;
            return None;
        }
        tree.parts += 1;
        let (fields, body) = Fields::split(bytes);
        let media = MediaType::of(fields.get("content-type"));
        let encoding = fields.get("content-transfer-encoding").unwrap_or_default();
        let decoded = match encoding.trim().to_ascii_lowercase().as_str() {
            _ if media.is_multipart() => None,
            "base64" => base64_decode(body),
            "quoted-printable" => quoted_printable_decode(body),
            _ => None,
        };
        Some(Entity {
            fields,
            media,
            // What is not encoded as it says is read as it stands.
            body: decoded.map_or(Cow::Borrowed(body), Cow::Owned),
        })
    }

    /// The text, of at most so many bytes, with what its charset does not have replaced.
    pub(super) fn text(&self, max_bytes: usize) -> Cow<'_, str> {
        let body = &self.body[..self.body.len().min(max_bytes)];
        let charset = self.media.charset.as_deref().unwrap_or_default();
        let is_utf8 = ["", "utf-8", "utf8", "us-ascii"].contains(&charset);
        match charset_decoder(charset.as_bytes()) {
            Some(decode) if !is_utf8 => Cow::Owned(decode(body)),
            _ => String::from_utf8_lossy(body),
        }
    }

    /// The parts of a multipart; the mail within a mail. `depth` is that of this entity.
    pub(super) fn parts<'b>(&'b self, depth: usize, tree: &mut Tree) -> Vec<Entity<'b>> {
        let slices = match &self.media.boundary {
            Some(boundary) if self.media.is_multipart() => split(&self.body, boundary.as_bytes()),
            _ if self.media.is_mail() => vec![&self.body[..]],
            _ => return Vec::new(),
        };
        if depth == MAX_DEPTH {
            tree.was_cut |= !slices.is_empty();
            return Vec::new();
        }
        let mut parts = Vec::new();
        for slice in slices {
            let Some(part) = Entity::parse(slice, tree) else {
                break;
            };
            parts.push(part);
        }
        parts
    }

    /// The header of the mail that a part returns, whole or not.
    pub(super) fn returned_header(&self) -> Fields {
        Fields::split(&self.body).0
    }
}

impl MediaType {
    fn of(value: Option<&str>) -> MediaType {
        let line = format!("{}\n", value.unwrap_or("text/plain"));
        let HeaderValue::ContentType(read) =
            MessageStream::new(line.as_bytes()).parse_content_type()
        else {
            return MediaType::default();
        };
        let lower = |name: &str| {
            read.attribute(name)
                .map(|text| text.trim().to_ascii_lowercase())
        };
        let subtype = read.subtype().unwrap_or_default();
        MediaType {
            name: format!("{}/{subtype}", read.ctype()).to_ascii_lowercase(),
            report_type: lower("report-type"),
            boundary: read.attribute("boundary").map(str::to_owned),
            charset: lower("charset"),
        }
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.name.starts_with("multipart/")
    }

    /// RFC 2046 section 5.2.1, RFC 6532 section 3.7.
    pub(super) fn is_mail(&self) -> bool {
        matches!(self.name.as_str(), "message/rfc822" | "message/global")
    }

    /// RFC 6522, RFC 6533 section 3; also what is returned whole.
    pub(super) fn is_returned(&self) -> bool {
        let headers = [
            "text/rfc822-headers",
            "message/global-headers",
            "text/rfc822",
        ];
        self.is_mail() || headers.contains(&self.name.as_str())
    }

    /// RFC 3464, RFC 6533 section 4.
    pub(super) fn is_delivery_status(&self) -> bool {
        let names = ["message/delivery-status", "message/global-delivery-status"];
        names.contains(&self.name.as_str())
    }

    pub(super) fn is_plain_text(&self) -> bool {
        matches!(
            self.name.as_str(),
            "text/plain" | "text/" | "text" | "" | "/"
        )
    }
}

/// The parts between the lines of a boundary (RFC 2046 section 5.1.1). Without its end, the last part ends with the bytes.
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let boundary = boundary.trim_ascii_end();
    let mut begin = None;
    let mut rest = body;
    while !rest.is_empty() && !boundary.is_empty() && parts.len() <= MAX_PARTS {
        let at = body.len() - rest.len();
        let (line, after) = field::line(rest);
        rest = after;
        let Some(tail) = line
            .strip_prefix(b"--")
            .and_then(|line| line.strip_prefix(boundary))
        else {
            continue;
        };
        let is_last = tail.starts_with(b"--");
        if !is_last && !tail.trim_ascii().is_empty() {
            continue;
        }
        if let Some(begin) = begin.replace(body.len() - rest.len()) {
            parts.push(without_line_end(&body[begin..at]));
        }
        if is_last {
            return parts;
        }
    }
    parts.extend(begin.map(|begin| &body[begin..]));
    parts
}

/// The line end before a boundary is the boundary's.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_at_their_own_boundary() {
        for (body, expected, why) in [
            ("--b\nA\n--b\nB\n--b--\nend", vec!["A", "B"], "usual"),
            ("pre\n--b\r\nA\r\n--b--\r\n", vec!["A"], "CRLF"),
            ("--b\nA\n--b \nB", vec!["A", "B"], "cut off, and a space"),
            ("--b\nA\n--bc\nB\n--b--", vec!["A\n--bc\nB"], "another's"),
            ("--b\nx --b\n--b--", vec!["x --b"], "within a line"),
            ("--b\n--b--", vec![""], "an empty one"),
            ("A", vec![], "none"),
            ("--b--\nA", vec![], "its end at once"),
        ] {
            let parts = split(body.as_bytes(), b"b");
            let parts: Vec<_> = parts
                .iter()
                .map(|part| String::from_utf8_lossy(part))
                .collect();
            assert_eq!(parts, expected, "{why}");
        }
        assert!(split(b"--\n--\n", b"").is_empty(), "no boundary");
    }

    #[test]
    fn content_types() {
        let long = format!("multipart/mixed; boundary=\"{}\"", "x".repeat(100));
        for (value, name, boundary, why) in [
            (
                "Multipart/Report; Boundary=\"a b\"; report-type=X",
                "multipart/report",
                "a b",
                "case",
            ),
            (
                "multipart/report;boundary=a",
                "multipart/report",
                "a",
                "bare",
            ),
            (
                "multipart/report; boundary*0=a; boundary*1=b",
                "multipart/report",
                "ab",
                "RFC 2231",
            ),
            (
                "text/plain (a comment); charset=UTF-8",
                "text/plain",
                "",
                "a comment",
            ),
            (
                long.as_str(),
                "multipart/mixed",
                &long[27..127],
                "too long by RFC 2046, and used",
            ),
        ] {
            let media = MediaType::of(Some(value));
            assert_eq!(media.name, name, "{why}");
            assert_eq!(
                media.boundary.as_deref().unwrap_or_default(),
                boundary,
                "{why}"
            );
        }
        assert_eq!(
            MediaType::of(None).name,
            "text/plain",
            "RFC 2045 section 5.2"
        );
    }
}
