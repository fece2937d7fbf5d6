//! The mail of a digest: text for people, and the table as CSV (RFC 4180, RFC 7111).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::{Header, Message, base64_lines, date, header, text};
use crate::deliver::{fingerprint::fingerprint_of, sender::Sender};
use crate::model::DigestMail;

/// Writes the mail of a digest. Everything in it follows from its arguments.
pub(in crate::deliver) fn compose(digest: &DigestMail, to: &Mailbox, sender: &Sender) -> Message {
    let DigestMail {
        period,
        made,
        contents,
        installation,
        ..
    } = digest;
    let made_at = made.as_second().to_string();
    let (days, last) = (period.days.to_string(), period.last.to_string());
    let fingerprint = fingerprint_of(&[
        "digest",
        &last,
        &days,
        &made_at,
        installation.as_str(),
        &contents.text,
        to.as_str(),
    ]);
    let boundary = format!("=_tlsrpt_{fingerprint}");
    let submitter = &sender.submitter;
    let headers = vec![
        Header::new("Date", &date(*made)),
        Header::new(
            "From",
            &header::mailbox(sender.display.as_deref(), sender.address.as_str()),
        ),
        Header::new("To", to.as_str()),
        Header::new("Subject", &contents.subject),
        Header::new(
            "Message-ID",
            &format!("<digest-{last}-{days}.{}@{submitter}>", &fingerprint[..16]),
        ),
        // RFC 3834 section 5: no vacation answers.
        Header::new("Auto-Submitted", "auto-generated"),
        // RFC 8689: it arrives where TLS is what is broken, and Postfix does not report on its session.
        Header::new("TLS-Required", "No"),
        Header::new("MIME-Version", "1.0"),
        Header::new(
            "Content-Type",
            &format!("multipart/mixed; boundary=\"{boundary}\""),
        ),
    ];
    Message {
        headers,
        body: body(&boundary, digest),
    }
}

fn body(boundary: &str, digest: &DigestMail) -> Vec<u8> {
    let mut out = String::new();
    let contents = &digest.contents;
    let text = text::encode(&contents.text);
    out.push_str(&format!(
        "--{boundary}\r\n\
         Content-Type: text/plain; charset={}\r\n\
         Content-Transfer-Encoding: {}\r\n\
         \r\n\
         {}\r\n",
        text.charset, text.encoding, text.body
    ));
    if !contents.csv.is_empty() {
        out.push_str(&format!(
            "--{boundary}\r\n\
             Content-Type: text/csv; charset=utf-8; header=present\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment;\r\n \
             filename=\"{}\"\r\n\
             \r\n",
            file_name(digest)
        ));
        base64_lines(&STANDARD.encode(&contents.csv), |line| out.push_str(line));
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out.into_bytes()
}

/// `tls-failures-2026-11-28.csv`; of a week with both days.
fn file_name(digest: &DigestMail) -> String {
    let period = digest.period;
    match period.days {
        0 | 1 => format!("tls-failures-{}.csv", period.last),
        _ => format!("tls-failures-{}_{}.csv", period.first(), period.last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::fixtures;

    fn mail(csv: &str) -> String {
        let mut digest = fixtures::digest();
        csv.clone_into(&mut digest.contents.csv);
        let submitter = tlsrptd_proto::domain::Domain::parse("mail.sender.example").unwrap();
        let sender = Sender::parse("TLS Reports <noreply@sender.example>", submitter).unwrap();
        let to = Mailbox::parse("postmaster@sender.example").unwrap();
        String::from_utf8(compose(&digest, &to, &sender).bytes(&[])).unwrap()
    }

    #[test]
    fn it_is_marked_as_what_it_is() {
        let whole = mail("a,b\r\n1,2\r\n");
        let (head, _) = whole.split_once("\r\n\r\n").unwrap();
        for (line, why) in [
            ("Date: Sat, 21 Nov 2026 00:10:00 +0000", "when it was made"),
            (
                "From: TLS Reports <noreply@sender.example>",
                "as a report's",
            ),
            ("To: postmaster@sender.example", "digest_address"),
            (
                "Subject: TLS failures 2026-11-20: 1 domain, 3 sessions",
                "the essence",
            ),
            (
                "Auto-Submitted: auto-generated",
                "nobody's vacation answers it",
            ),
            ("TLS-Required: No", "it is not reported on"),
        ] {
            assert!(head.lines().any(|found| found == line), "{why}: {head}");
        }
        assert!(!head.contains("TLS-Report-"), "it is no report: {head}");
        assert!(whole.contains("filename=\"tls-failures-2026-11-20.csv\""));
        assert_eq!(whole, mail("a,b\r\n1,2\r\n"), "a retry is the same bytes");
    }

    #[test]
    fn without_a_table_there_is_no_attachment() {
        let whole = mail("");
        assert!(!whole.contains("text/csv"));
        assert!(whole.ends_with("--\r\n"));
    }
}
