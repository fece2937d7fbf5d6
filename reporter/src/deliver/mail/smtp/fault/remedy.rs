//! What an operator can do about a denial.

use super::{super::reply::Reply, Stage};
use crate::deliver::mail::mail_answer::SEE_ITS_LOG;

const SENDER: &str = "set sender_address to one that the relay takes";
pub(super) const LOGIN: &str = "see to mail_user, mail_password_file and the relay's TLS and AUTH";

/// What an operator can do about a denial.
pub(super) fn remedy(stage: Stage, reply: &Reply) -> &'static str {
    let text = reply.to_string().to_ascii_lowercase();
    let enhanced = reply.enhanced().map(|code| (code.subject, code.detail));
    let is_helo = text.contains("helo") || text.contains("ehlo") || reply.code == 504;
    match (stage, enhanced) {
        (Stage::Auth, _) | (_, Some((7, 8))) => LOGIN,
        _ if matches!(reply.code, 530 | 535) => LOGIN,
        _ if is_helo || (stage == Stage::Ehlo && reply.is_final()) => {
            "set helo_name to a name that the relay takes"
        }
        (_, Some((1, 7 | 8))) => SENDER,
        _ if reply.names_sender() => SENDER,
        (Stage::Mail, _) if reply.is_final() => {
            "set sender_address to one that the relay takes, or let the relay take mail from this host"
        }
        _ if reply.code == 552 || enhanced == Some((3, 4)) => {
            "raise the relay's limit for the size of a mail, or lower max_report_size"
        }
        (Stage::Connect | Stage::Rcpt, _) if reply.is_final() => {
            "let the relay take mail from this host (Postfix: mynetworks), or set mail_user"
        }
        _ => SEE_ITS_LOG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies() {
        use Stage::{Auth, Content, Ehlo, Mail, Rcpt};
        for (stage, text, word) in [
            (
                Rcpt,
                "554 5.7.1 <a@x.example>: Relay access denied",
                "mynetworks",
            ),
            (Rcpt, "550 relay not permitted", "mynetworks"),
            (Rcpt, "530 5.7.0 Authentication required", "mail_user"),
            (Auth, "535 5.7.8 no", "mail_user"),
            (Rcpt, "504 5.5.2 <h>: Helo command rejected", "helo_name"),
            (
                Rcpt,
                "450 4.7.1 <h>: Helo command rejected: Host not found",
                "helo_name",
            ),
            (Ehlo, "501 Syntactically invalid argument", "helo_name"),
            (
                Rcpt,
                "550 5.1.8 <s>: Sender address rejected",
                "sender_address",
            ),
            (Mail, "550 no", "sender_address"),
            (
                Content,
                "554 5.2.252 SendAsDenied; a not allowed to send as b",
                "sender_address",
            ),
            (Content, "552 5.3.4 too big", "max_report_size"),
            (Content, "554 5.7.1 spam", "log"),
        ] {
            let found = remedy(stage, &Reply::of(text));
            assert!(found.contains(word), "{stage}: {text}: {found}");
        }
    }
}
