//! The text part for human readers, and its transfer encoding (RFC 2045).

use tlsrptd_config::visible;
use tlsrptd_proto::report::Summary;

use crate::model::{ReportKind, StoredReport};

/// The text for somebody who has not opened the attachment.
pub(super) fn for_people(report: &StoredReport, summary: &Summary) -> String {
    const COLUMN: usize = 17;
    let mut text = String::with_capacity(1024);
    let mut line = |label: &str, value: &str| {
        text.push_str(label);
        text.extend(std::iter::repeat_n(' ', COLUMN.saturating_sub(label.len())));
        // Names come from settings and from sys4's reports: they must not add lines.
        match value.contains(char::is_control) {
            true => text.push_str(&visible::text(&value.replace(char::is_control, " "))),
            false => text.push_str(&visible::text(value)),
        }
        text.push('\n');
    };
    line("Domain:", report.domain.as_str());
    line("Day:", &format!("{} (UTC)", report.day));
    line("Sessions:", &summary.sessions.to_string());
    line("Failed sessions:", &summary.failures.to_string());
    for (kind, count) in &summary.by_type {
        line("", &format!("{kind}: {count}"));
    }
    line("Reported by:", &summary.organization_name);
    line("Contact:", &summary.contact_info);
    line("Report-ID:", &summary.report_id);
    let opening = match report.kind {
        ReportKind::Sessions => {
            "This is a report about TLS on the way to your mail servers (RFC 8460).\n"
        }
        ReportKind::Test => {
            "This is a TEST. It shows whether reports about TLS (RFC 8460) arrive at this\n\
             address. It tells of no real session: its one session is invented, and its\n\
             domain is that of whoever sent it. Nothing has to be done.\n"
        }
    };
    format!(
        "{opening}\n\
         {text}\n\
         The attached file is the whole report: JSON, compressed with gzip.\n"
    )
}

/// The charset, the transfer encoding and the encoded body of a text part, with CRLF line ends.
pub(super) struct Encoded {
    pub(super) charset: &'static str,
    pub(super) encoding: &'static str,
    pub(super) body: String,
}

/// ASCII stays as it is; anything else becomes quoted-printable UTF-8.
pub(super) fn encode(text: &str) -> Encoded {
    const LONGEST: usize = 998;
    if text.is_ascii() && text.lines().all(|line| line.len() <= LONGEST) {
        return Encoded {
            charset: "us-ascii",
            encoding: "7bit",
            body: text.replace('\n', "\r\n"),
        };
    }
    Encoded {
        charset: "utf-8",
        encoding: "quoted-printable",
        body: quoted_printable(text),
    }
}

fn quoted_printable(text: &str) -> String {
    const WIDTH: usize = 76;
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let mut column = 0;
        for (at, byte) in line.bytes().enumerate() {
            // A space at the end of a line would be lost.
            let last = at + 1 == line.len();
            let plain = matches!(byte, b'!'..=b'~' if byte != b'=') || (byte == b' ' && !last);
            let piece = if plain {
                char::from(byte).to_string()
            } else {
                format!("={byte:02X}")
            };
            if column + piece.len() > WIDTH - 1 {
                out.push_str("=\r\n");
                column = 0;
            }
            out.push_str(&piece);
            column += piece.len();
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::fixtures;

    #[test]
    fn nothing_in_it_hides() {
        let report = fixtures::report();
        let summary = Summary {
            organization_name: "Inc.\u{202e}\r\n\tX".to_owned(),
            by_type: [("a\u{200b}\nb".to_owned(), 1)].into(),
            ..Summary::from_json(&report.json).unwrap()
        };
        let text = for_people(&report, &summary);
        assert!(
            text.contains("Reported by:     Inc.\\u{202e}   X\n"),
            "{text}"
        );
        assert!(text.contains(" a\\u{200b} b: 1\n"), "{text}");
    }

    #[test]
    fn quoted_printable_of_what_needs_it() {
        for (text, expected) in [
            ("Müller\n", "M=C3=BCller\r\n"),
            ("a=b ü \nc", "a=3Db =C3=BC=20\r\nc\r\n"),
        ] {
            let encoded = encode(text);
            assert_eq!(
                (encoded.encoding, encoded.body.as_str()),
                ("quoted-printable", expected)
            );
        }
        let long = encode(&"ü".repeat(100)).body;
        assert!(long.lines().all(|line| line.len() <= 76));
        assert_eq!(encode("plain\ntext\n").body, "plain\r\ntext\r\n");
        assert_eq!(
            encode(&"x".repeat(999)).encoding,
            "quoted-printable",
            "no line over 998"
        );
    }
}
