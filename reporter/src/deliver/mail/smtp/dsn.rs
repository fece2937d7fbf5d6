//! What is asked of a relay that offers delivery status notifications (RFC 3461), where bounces come back to us: one for a
//! failure alone, with the headers alone, and with a name for the mail. None for a copy.

use super::connection::EhloExtensions;
use crate::deliver::mail::Envelope;

/// Behind the addresses of MAIL and RCPT, each empty or with a space before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DsnParameters {
    pub(super) mail: String,
    pub(super) rcpt: &'static str,
    pub(super) copy: &'static str,
}

impl DsnParameters {
    pub(super) fn of(envelope: &Envelope<'_>, offers: &EhloExtensions) -> DsnParameters {
        match envelope.envelope_id {
            Some(id) if offers.dsn => DsnParameters {
                mail: format!(" RET=HDRS ENVID={}", xtext(id)),
                rcpt: " NOTIFY=FAILURE",
                copy: " NOTIFY=NEVER",
            },
            _ => DsnParameters::default(),
        }
    }
}

/// Section 4.
fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(char::from(byte)),
            _ => out.push_str(&format!("+{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded() {
        for (text, want) in [
            ("dab2", "dab2"),
            ("a+b=c d", "a+2Bb+3Dc+20d"),
            ("ü\r\n", "+C3+BC+0D+0A"),
        ] {
            assert_eq!(xtext(text), want, "{text:?}");
        }
    }
}
