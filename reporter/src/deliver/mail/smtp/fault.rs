//! Why a mail was not sent, and whether the address or the relay is the reason.
//!
//! Which replies speak of the address, [`crate::refusal`] says: at RCPT, and at the end of a mail that has one recipient. A bare
//! 550, 551 or 553 is not among them: `550 Relay access denied` and `550 no such user` look alike.

mod remedy;

use std::fmt;

use super::reply::Reply;
use crate::deliver::mail::mail_answer::{Denial, DenialScope, MailAnswer, Permanence, SEE_ITS_LOG};
use crate::refusal::{HeardIn, Refusal, RefusalSubject};
use remedy::{LOGIN, remedy};

/// The stages of an SMTP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Connect => "connecting to the relay",
            Stage::Ehlo => "EHLO",
            Stage::StartTls => "STARTTLS",
            Stage::Auth => "AUTH",
            Stage::Mail => "MAIL FROM",
            Stage::Rcpt => "RCPT TO",
            Stage::Data => "DATA",
            Stage::Content => "end of mail",
        })
    }
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(super) struct SmtpFault {
    pub(super) stage: Stage,
    cause: FaultCause,
    /// The mail has a second recipient, so a reply to the content may speak of that one.
    has_copy: bool,
}

#[derive(Debug)]
enum FaultCause {
    /// The relay refused, or sent a reply that does not belong there.
    Said(Reply),
    /// There was no valid reply.
    Broken(String),
    /// The relay does not offer what we need.
    Ours(String),
}

impl SmtpFault {
    pub(super) fn said(stage: Stage, reply: Reply) -> SmtpFault {
        SmtpFault::new(stage, FaultCause::Said(reply))
    }

    pub(super) fn broken(stage: Stage, why: impl fmt::Display) -> SmtpFault {
        SmtpFault::new(stage, FaultCause::Broken(why.to_string()))
    }

    pub(super) fn ours(stage: Stage, why: impl Into<String>) -> SmtpFault {
        SmtpFault::new(stage, FaultCause::Ours(why.into()))
    }

    fn new(stage: Stage, cause: FaultCause) -> SmtpFault {
        SmtpFault {
            stage,
            cause,
            has_copy: false,
        }
    }

    pub(super) fn with_copy(self, has_copy: bool) -> SmtpFault {
        SmtpFault { has_copy, ..self }
    }

    /// Whether no further command can be sent: the connection is broken, the relay closes it (421), or commands and replies
    /// are out of step.
    pub(super) fn ends_connection(&self) -> bool {
        match &self.cause {
            FaultCause::Said(reply) => reply.code == 421 || !reply.is_bad(),
            FaultCause::Broken(_) => true,
            FaultCause::Ours(_) => false,
        }
    }

    /// Whether the connection can carry another mail after RSET, as after greylisting. Not if it accepts no mail, or counts
    /// the recipients of the whole session: a mail of ours has one, and a copy.
    pub(super) fn leaves_connection(&self) -> bool {
        match &self.cause {
            FaultCause::Said(reply) => {
                !self.ends_connection() && self.stage != Stage::Mail && !is_session_limit(reply)
            }
            FaultCause::Broken(_) | FaultCause::Ours(_) => false,
        }
    }

    /// Whether the relay, or what stands before it, does not know the command that carried the mail.
    pub(super) fn is_unknown_command(&self) -> bool {
        let is_said = |reply: &Reply| matches!(reply.code, 500..=504);
        self.stage == Stage::Content
            && matches!(&self.cause, FaultCause::Said(reply) if is_said(reply))
    }

    /// Whether the address or the relay is the reason.
    pub(super) fn mail_answer(self) -> MailAnswer {
        let reason = self.to_string();
        let scope = match self.stage {
            Stage::Connect | Stage::Ehlo | Stage::StartTls | Stage::Auth => DenialScope::Session,
            Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Content => DenialScope::Mail,
        };
        let denied = |permanence, remedy| {
            MailAnswer::Denied(Denial {
                reason: reason.clone(),
                remedy,
                permanence,
                scope,
            })
        };
        match &self.cause {
            FaultCause::Ours(_) => denied(Permanence::Permanent, LOGIN),
            FaultCause::Said(reply) if reply.is_bad() => match self.of_address(reply) {
                Some(Permanence::Permanent) => MailAnswer::NoSuchAddress { reason },
                Some(Permanence::Transient) => MailAnswer::AddressBusy { reason },
                None if reply.is_final() => {
                    denied(Permanence::Permanent, remedy(self.stage, reply))
                }
                None => denied(Permanence::Transient, remedy(self.stage, reply)),
            },
            // The mail was sent completely, but there is no valid reply.
            _ if self.stage == Stage::Content => MailAnswer::Unknown { reason },
            FaultCause::Broken(_) if scope == DenialScope::Session => MailAnswer::Nobody { reason },
            _ => denied(Permanence::Transient, SEE_ITS_LOG),
        }
    }

    /// If the reply speaks of the address: whether for good.
    fn of_address(&self, reply: &Reply) -> Option<Permanence> {
        let is_asked = match self.stage {
            Stage::Rcpt => true,
            Stage::Data | Stage::Content => !self.has_copy,
            _ => false,
        };
        if !is_asked {
            return None;
        }
        let enhanced = reply.enhanced();
        let refusal = Refusal {
            code: Some(reply.code),
            enhanced,
            text: &reply.to_string(),
            heard: HeardIn::Session,
        };
        let lasts = reply.is_final() && enhanced.is_none_or(|code| code.class == 5);
        (refusal.speaks_of() == RefusalSubject::Address).then_some(match lasts {
            true => Permanence::Permanent,
            false => Permanence::Transient,
        })
    }
}

/// Too many recipients (RFC 3463 section 3.6, X.5.3).
fn is_session_limit(reply: &Reply) -> bool {
    let code = reply.enhanced();
    code.is_some_and(|code| (code.subject, code.detail) == (5, 3))
}

impl fmt::Display for SmtpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            FaultCause::Said(reply) if !reply.is_bad() => {
                write!(f, "{}: {reply}, which is no answer to that", self.stage)
            }
            FaultCause::Said(reply) => write!(f, "{}: {reply}", self.stage),
            FaultCause::Broken(text) | FaultCause::Ours(text) => {
                write!(f, "{}: {text}", self.stage)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(answer: &MailAnswer) -> &'static str {
        match answer {
            MailAnswer::Taken { .. } => "taken",
            MailAnswer::NoSuchAddress { .. } => "no such address",
            MailAnswer::AddressBusy { .. } => "address busy",
            MailAnswer::Unknown { .. } => "unknown",
            MailAnswer::Nobody { .. } => "nobody",
            MailAnswer::Denied(denial) => match (denial.scope, denial.permanence) {
                (DenialScope::Session, _) => "session",
                (DenialScope::Mail, Permanence::Permanent) => "denied",
                (DenialScope::Mail, Permanence::Transient) => "denied now",
            },
        }
    }

    #[test]
    fn whom_a_reply_speaks_of() {
        use Stage::{Auth, Connect, Content, Data, Ehlo, Mail, Rcpt};
        #[rustfmt::skip]
        let rows = [
            (Rcpt, "550 5.1.1 no such user", "no such address", "bad destination mailbox"),
            (Rcpt, "550 5.1.2 no such host", "no such address", "bad destination system"),
            (Rcpt, "501 5.1.3 bad syntax", "no such address", "bad destination syntax"),
            (Rcpt, "551 5.1.6 moved", "no such address", "it has moved"),
            (Rcpt, "556 5.1.10 null MX", "no such address", "RFC 7505"),
            (Rcpt, "556 takes no mail", "no such address", "RFC 7504"),
            (Rcpt, "550 5.2.1 disabled", "no such address", "the mailbox"),
            (Rcpt, "552 5.2.2 full", "no such address", "the mailbox"),
            (Rcpt, "452 4.2.2 full", "address busy", "the mailbox, now"),
            (Rcpt, "552 5.2.3 too long", "denied", "about the mail"),
            (Rcpt, "550 5.4.4 no route", "denied", "the relay's routing"),
            (Rcpt, "450 4.1.1 unverified", "address busy", "Postfix asks the receiver"),
            (Rcpt, "450 4.1.2 domain not found", "address busy", "it may be found later"),
            (Rcpt, "550 4.2.2 full", "address busy", "two words: the milder"),
            (Rcpt, "450 5.1.1 unknown", "address busy", "the same"),
            (Content, "550 5.1.1 no such user", "no such address", "some ask only then"),
            (Rcpt, "550 no such user", "denied", "looks as the next does"),
            (Rcpt, "550 Relay access denied", "denied", "about us"),
            (Rcpt, "553 sorry, not in my rcpthosts", "denied", "about us, by qmail"),
            (Rcpt, "551 we do not relay", "denied", "about us"),
            (Rcpt, "554 5.7.1 Relay access denied", "denied", "about us"),
            (Rcpt, "550 5.7.1 denied", "denied", "policy"),
            (Rcpt, "550 5.1.0 Sender address rejected", "denied", "about nothing in particular"),
            (Rcpt, "550 5.1.7 bad sender syntax", "denied", "about the sender"),
            (Rcpt, "550 5.1.8 Sender address rejected", "denied", "about the sender"),
            (Rcpt, "550 5.1.1 <a@s.example>: Sender address rejected", "denied", "a policy's own code"),
            (Rcpt, "550 5.1.3 Sender verify failed", "denied", "the same"),
            (Rcpt, "504 5.5.2 Helo command rejected", "denied", "about our name"),
            (Rcpt, "550 5.4.1 access denied", "denied", "routing"),
            (Rcpt, "503 5.5.1 bad sequence", "denied", "protocol"),
            (Rcpt, "530 log in first", "denied", "RFC 4954 section 6"),
            (Rcpt, "451 4.3.5 server configuration error", "denied now", "about itself"),
            (Rcpt, "450 greylisted", "denied now", "about nothing in particular"),
            (Rcpt, "421 bye", "denied now", "about itself"),
            (Rcpt, "354 go on", "denied now", "no answer to that"),
            (Mail, "550 5.1.1 unknown", "denied", "there is no address yet"),
            (Mail, "452 4.3.1 disk full", "denied now", "about itself"),
            (Data, "554 5.5.1 no valid recipients", "denied", "protocol"),
            (Data, "250 ok", "denied now", "no answer to that"),
            (Content, "554 5.7.1 spam", "denied", "about the mail, or about us"),
            (Content, "552 5.3.4 too big", "denied", "about the mail"),
            (Content, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", "denied", "about the sender"),
            (Content, "554 5.2.252 SendAsDenied; u@s.example not allowed to send as r@s.example", "denied", "about the sender"),
            (Content, "550 5.2.253 Mailbox has no license", "denied", "no detail of RFC 3463"),
            (Content, "550 5.2.1 u@s.example is not allowed to send as r@s.example", "denied", "about the sender, whatever the code"),
            (Rcpt, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "denied", "about the sender"),
            (Rcpt, "550 5.2.0 something", "denied", "about nothing in particular"),
            (Rcpt, "450 4.2.0 Greylisted", "denied now", "about nothing in particular"),
            (Rcpt, "554 5.2.4 list", "no such address", "the mailbox"),
            (Content, "354 go on", "unknown", "no answer to that"),
            (Connect, "554 no", "session", "about us"),
            (Connect, "421 busy", "session", "about itself"),
            (Ehlo, "501 syntax", "session", "about our name"),
            (Auth, "535 5.7.8 wrong", "session", "about us"),
        ];
        for (stage, text, expected, why) in rows {
            let answer = SmtpFault::said(stage, Reply::of(text)).mail_answer();
            assert_eq!(name(&answer), expected, "{stage}: {text}: {why}");
        }
        let copied = SmtpFault::said(Content, Reply::of("550 5.1.1 no such user")).with_copy(true);
        assert_eq!(
            name(&copied.mail_answer()),
            "denied",
            "of which of the two?"
        );
        for (stage, expected) in [
            (Connect, "nobody"),
            (Auth, "nobody"),
            (Rcpt, "denied now"),
            (Content, "unknown"),
        ] {
            let answer = SmtpFault::broken(stage, "closed").mail_answer();
            assert_eq!(name(&answer), expected, "{stage}: closed");
        }
    }

    #[test]
    fn which_replies_leave_the_connection_usable() {
        use Stage::{Content, Data, Mail, Rcpt};
        for (stage, text, expected, why) in [
            (Rcpt, "450 4.2.0 Greylisted", true, "about this recipient"),
            (Rcpt, "451 4.7.1 try again later", true, "the same"),
            (Rcpt, "550 5.1.1 no such user", true, "the same"),
            (Data, "451 4.3.0 later", true, "about this mail"),
            (Content, "452 4.3.1 disk full", true, "about this mail"),
            (Content, "554 5.7.1 spam", true, "about this mail"),
            (Mail, "452 4.5.3 too many messages", false, "the session's"),
            (Mail, "550 no", false, "no mail gets further"),
            (
                Rcpt,
                "452 4.5.3 too many",
                false,
                "the session's recipients",
            ),
            (Rcpt, "421 4.3.2 closing", false, "the relay closes it"),
            (Rcpt, "354 go on", false, "out of step"),
        ] {
            let fault = SmtpFault::said(stage, Reply::of(text));
            assert_eq!(fault.leaves_connection(), expected, "{text}: {why}");
        }
        assert!(!SmtpFault::broken(Rcpt, "closed").leaves_connection());
    }
}
