//! A report mail taken apart: just enough MIME to look into what we sent. (That others can read it is shown by others.)

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

/// A report mail.
#[derive(Debug, Clone)]
pub struct ReportMail {
    head: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    head: String,
    body: String,
}

impl ReportMail {
    /// Takes a mail apart.
    ///
    /// # Panics
    /// When it is not ASCII, has bare line ends, or is no multipart with a boundary.
    pub fn parse(bytes: &[u8]) -> ReportMail {
        assert!(bytes.is_ascii(), "a report mail is ASCII only");
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            text.matches('\n').count(),
            text.matches("\r\n").count(),
            "every line ends in CRLF"
        );
        let (head, body) = text
            .split_once("\r\n\r\n")
            .expect("an empty line ends the header");
        let mail = ReportMail {
            head: format!("{head}\r\n"),
            parts: Vec::new(),
        };
        let boundary = mail.boundary();
        let end = body
            .split(&format!("--{boundary}--"))
            .next()
            .unwrap_or_default();
        let parts = end
            .split(&format!("--{boundary}\r\n"))
            .skip(1)
            .filter_map(Part::parse)
            .collect();
        ReportMail { parts, ..mail }
    }

    /// The names of the header fields, in their order.
    pub fn header_names(&self) -> Vec<&str> {
        let fields = self
            .head
            .lines()
            .filter(|line| !line.starts_with([' ', '\t']));
        fields
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect()
    }

    /// A header field's value, unfolded; `None` when it is missing.
    ///
    /// # Panics
    /// When it stands more than once (ask [`ReportMail::headers`] then).
    pub fn header(&self, name: &str) -> Option<String> {
        let mut values = self.headers(name);
        assert!(values.len() < 2, "{name} stands {} times", values.len());
        values.pop()
    }

    /// All values of a header field, unfolded, in their order.
    pub fn headers(&self, name: &str) -> Vec<String> {
        fields(&self.head, name)
    }

    /// The header as it was sent, line ends and all.
    pub fn raw_header(&self) -> &str {
        &self.head
    }

    /// The text part, decoded.
    pub fn text(&self) -> String {
        let part = self.parts.first().expect("a report mail has a text part");
        assert!(
            self.part_header(0, "Content-Type")
                .is_some_and(|kind| kind.starts_with("text/plain"))
        );
        let encoding = self
            .part_header(0, "Content-Transfer-Encoding")
            .unwrap_or_default();
        match encoding.to_ascii_lowercase().as_str() {
            "base64" => String::from_utf8_lossy(&decode(&part.body)).into_owned(),
            "quoted-printable" => String::from_utf8_lossy(&unquoted(&part.body)).into_owned(),
            _ => part.body.clone(),
        }
    }

    /// A header field of a part (0 is the text, 1 the report).
    pub fn part_header(&self, part: usize, name: &str) -> Option<String> {
        fields(&self.parts.get(part)?.head, name).pop()
    }

    /// The report as it was attached: gzip bytes.
    pub fn gzip(&self) -> Vec<u8> {
        decode(
            &self
                .parts
                .get(1)
                .expect("a report mail has an attachment")
                .body,
        )
    }

    /// The report.
    pub fn report(&self) -> Value {
        report(&self.gzip())
    }

    fn boundary(&self) -> String {
        let kind = self
            .header("Content-Type")
            .expect("a mail of several parts has a Content-Type");
        let (_, rest) = kind
            .split_once("boundary=")
            .expect("a multipart has a boundary");
        let end = rest.trim_start_matches('"').split(['"', ';']).next();
        end.unwrap_or_default().to_owned()
    }
}

/// A report from its gzip bytes, as posted.
///
/// # Panics
/// When they are not gzip of JSON.
pub fn report(gzip: &[u8]) -> Value {
    serde_json::from_str(&gunzip(gzip)).expect("a report is JSON")
}

/// The text of a report from its gzip bytes.
///
/// # Panics
/// When they are not gzip of UTF-8.
pub fn gunzip(gzip: &[u8]) -> String {
    let mut json = String::new();
    GzDecoder::new(gzip)
        .read_to_string(&mut json)
        .expect("a report is gzip of UTF-8");
    json
}

impl Part {
    fn parse(text: &str) -> Option<Part> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some(Part {
            head: format!("{head}\r\n"),
            body: body.to_owned(),
        })
    }
}

fn fields(head: &str, name: &str) -> Vec<String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let value = |line: &str| {
        let (found, value) = line.split_once(':')?;
        found
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    };
    unfolded.lines().filter_map(value).collect()
}

fn decode(body: &str) -> Vec<u8> {
    let text: String = body.split_whitespace().collect();
    STANDARD.decode(text).expect("an attachment is base64")
}

/// RFC 2045 section 6.7.
fn unquoted(body: &str) -> Vec<u8> {
    let joined = body.replace("=\r\n", "");
    let mut pieces = joined.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let code = piece
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.expect("= and two hex digits"));
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}
