//! The report mail (RFC 8460 section 5.3). It is written here and not by a library, so that a retry is the same octets.

mod digest;
mod header;
mod text;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use tlsrptd_proto::{domain::Domain, tlsrpt_record::Mailbox};

use super::fingerprint::fingerprint;
use super::payload;
use super::sender::Sender;
use crate::model::{ReportKind, RequestId, StoredReport};

pub(super) use digest::compose as compose_digest;
pub(super) use header::Header;

/// A mail before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) headers: Vec<Header>,
    /// Lines end with CRLF, the last one too; ASCII alone.
    pub(super) body: Vec<u8>,
}

impl Message {
    /// The mail as it is sent. Signatures stand before the headers that they sign.
    pub(super) fn bytes(&self, signatures: &[Header]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 4096);
        for header in signatures.iter().chain(&self.headers) {
            header.write(&mut out);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// Writes the mail of one report to one address, to be sent first at `date`. Everything in it follows from its arguments.
///
/// What the operator has asked for is another mail with the same report: some mail servers drop a Message-ID that they have
/// seen, and the reason to ask is that the first mail was lost.
///
/// # Errors
/// Why the report cannot be sent.
pub(super) fn compose(
    report: &StoredReport,
    to: &Mailbox,
    sender: &Sender,
    date: Timestamp,
    request: Option<RequestId>,
    compression_level: i32,
) -> Result<Message, String> {
    let summary = payload::summary(report)?;
    // The report's own contact: the settings may have changed since it was made.
    let contact = Mailbox::parse(&summary.contact_info);
    let submitter = contact.as_ref().map_or(&sender.submitter, Mailbox::domain);
    let fingerprint = fingerprint(report, &format!("mailto:{to}"));
    let boundary = format!("=_tlsrpt_{fingerprint}");
    let attachment = Attachment {
        name: payload::file_name(report, submitter),
        gzip: payload::gzip(report, compression_level)?,
    };

    let id = format!(
        "{}.{}{}",
        header::msg_id_left(&summary.report_id),
        &fingerprint[..16],
        request
            .map(|request| format!(".r{request}"))
            .unwrap_or_default()
    );
    let headers = vec![
        Header::new("Date", &self::date(date)),
        Header::new(
            "From",
            &header::mailbox(sender.display.as_deref(), sender.address.as_str()),
        ),
        Header::new("To", to.as_str()),
        Header::new("Subject", &subject(report, submitter, &summary.report_id)),
        Header::new("Message-ID", &format!("<{id}@{submitter}>")),
        // RFC 3834 section 5: no vacation answers.
        Header::new("Auto-Submitted", "auto-generated"),
        // RFC 8689: deliver it even where TLS is what is broken.
        Header::new("TLS-Required", "No"),
        Header::new("TLS-Report-Domain", report.domain.as_str()),
        Header::new("TLS-Report-Submitter", submitter.as_str()),
        Header::new("MIME-Version", "1.0"),
        Header::new(
            "Content-Type",
            &format!("multipart/report; report-type=\"tlsrpt\"; boundary=\"{boundary}\""),
        ),
    ];
    let text = text::encode(&text::for_people(report, summary));
    Ok(Message {
        headers,
        body: body(&boundary, &text, &attachment),
    })
}

/// RFC 8460 section 5.3. It ends with optional CFWS: a comment is allowed there.
fn subject(report: &StoredReport, submitter: &Domain, report_id: &str) -> String {
    let id = header::msg_id_left(report_id);
    let comment = match report.kind {
        ReportKind::Sessions => "",
        ReportKind::Test => " (TEST, please ignore)",
    };
    format!(
        "Report Domain: {} Submitter: {submitter} Report-ID: <{id}@{submitter}>{comment}",
        report.domain
    )
}

struct Attachment<'a> {
    name: String,
    gzip: &'a [u8],
}

fn body(boundary: &str, text: &text::Encoded, attachment: &Attachment<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut push = |text: &str| out.extend_from_slice(text.as_bytes());
    push(&format!(
        "--{boundary}\r\n\
         Content-Type: text/plain; charset={}\r\n\
         Content-Transfer-Encoding: {}\r\n\
         \r\n\
         {}\r\n",
        text.charset, text.encoding, text.body
    ));
    // The file name is not split: simple receivers do not read RFC 2231.
    push(&format!(
        "--{boundary}\r\n\
         Content-Type: application/tlsrpt+gzip\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment;\r\n \
         filename=\"{}\"\r\n\
         \r\n",
        attachment.name
    ));
    base64_lines(&STANDARD.encode(attachment.gzip), &mut push);
    push(&format!("--{boundary}--\r\n"));
    out
}

/// RFC 5322 section 3.3, in UTC.
fn date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn base64_lines(encoded: &str, mut push: impl FnMut(&str)) {
    for start in (0..encoded.len()).step_by(BASE64_COLUMNS) {
        push(&encoded[start..encoded.len().min(start + BASE64_COLUMNS)]);
        push("\r\n");
    }
}

/// RFC 2045 section 6.8.
const BASE64_COLUMNS: usize = 76;

#[cfg(test)]
mod tests;
