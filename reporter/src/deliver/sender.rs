//! The sender: the From mailbox, the envelope sender, and the submitting domain.

use tlsrptd_proto::domain::Domain;
use tlsrptd_proto::tlsrpt_record::{Mailbox, MailboxError};

/// The sender of all report mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sender {
    /// The display name of `sender_address`, if it has one.
    pub(super) display: Option<String>,
    /// From and the envelope.
    pub(super) address: Mailbox,
    /// The domain of `contact_info`.
    pub(super) submitter: Domain,
}

impl Sender {
    /// `sender_address` is an address, or a display name and an address in angle brackets.
    pub(super) fn parse(sender_address: &str, submitter: Domain) -> Result<Sender, MailboxError> {
        let text = sender_address.trim();
        let (display, address) = match text
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        {
            Some((display, address)) => (unquoted(display.trim()), address.trim()),
            None => (String::new(), text),
        };
        Ok(Sender {
            display: Some(display).filter(|name| !name.is_empty()),
            address: Mailbox::parse(address)?,
            submitter,
        })
    }
}

/// The content of a quoted-string; other text stays as it is. Control characters are removed, so that no header line can be
/// injected, and words are separated by one space, where the header may fold.
fn unquoted(text: &str) -> String {
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let mut name = String::new();
    let mut chars = quoted.unwrap_or(text).chars();
    while let Some(c) = chars.next() {
        name.extend(if c == '\\' && quoted.is_some() {
            chars.next()
        } else {
            Some(c)
        });
    }
    let words = name.split(|c: char| c.is_control() || c.is_whitespace());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_display_names() {
        let submitter = Domain::parse("sender.example").unwrap();
        for (text, display, address) in [
            ("a@x.example", None, "a@x.example"),
            (" <a@x.example> ", None, "a@x.example"),
            (
                "TLS Reports <a@x.example>",
                Some("TLS Reports"),
                "a@x.example",
            ),
            (
                r#""Reports \"X\", Inc." <a@x.example>"#,
                Some(r#"Reports "X", Inc."#),
                "a@x.example",
            ),
            (
                "Bücher <a@bücher.example>",
                Some("Bücher"),
                "a@xn--bcher-kva.example",
            ),
            (
                "A\r\nBcc: b@x <a@x.example>",
                Some("A Bcc: b@x"),
                "a@x.example",
            ),
        ] {
            let sender = Sender::parse(text, submitter.clone()).unwrap();
            assert_eq!(sender.display.as_deref(), display, "{text}");
            assert_eq!(sender.address.as_str(), address, "{text}");
        }
        for text in ["", "nobody", "Name <a>", "a@x.example, b@x.example"] {
            assert!(Sender::parse(text, submitter.clone()).is_err(), "{text}");
        }
    }
}
