//! The sendmail program and the meaning of its exit status.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tlsrptd_service::program::command;

use super::Envelope;
use super::mail_answer::{Denial, DenialScope, MailAnswer, Permanence, SEE_ITS_LOG};
use crate::deliver::program::{self, ProgramEnd, ProgramError};

/// The program and its time limit.
#[derive(Debug)]
pub(in crate::deliver) struct Sendmail {
    path: PathBuf,
    time: Duration,
}

/// Directories that the PATH of a daemon seldom has.
const USUAL_PLACES: &[&str] = &[
    "/usr/sbin",
    "/usr/lib",
    "/usr/local/sbin",
    "/run/wrappers/bin",
];

impl Sendmail {
    /// A missing program is only a warning: it may be installed later, and HTTPS does not need it.
    pub(super) fn find(time: Duration) -> Sendmail {
        let search = std::env::var_os("PATH").unwrap_or_default();
        let usual = USUAL_PLACES.iter().map(PathBuf::from);
        let found = std::env::split_paths(&search)
            .chain(usual)
            .map(|folder| folder.join("sendmail"))
            .find(|path| is_file(path));
        let path = found.unwrap_or_else(|| {
            tracing::warn!(
                "no sendmail program in PATH or the usual places: mails will wait (mail_transport \
                 can name an SMTP relay instead)"
            );
            PathBuf::from("sendmail")
        });
        Sendmail { path, time }
    }

    pub(super) async fn send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> MailAnswer {
        let mut command = command(&self.path);
        // -i: a dot alone does not end the mail. --: no address is an option.
        command.args([
            "-i",
            "-f",
            envelope.from.as_str(),
            "--",
            envelope.to.as_str(),
        ]);
        command.args(envelope.copy_to.map(|copy| copy.as_str()));
        mail_answer_of(program::run(command, &local_line_ends(mail), self.time).await)
    }
}

/// Programs expect LF line ends; the MTA restores the CRLF that was signed.
pub(super) fn local_line_ends(mail: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(mail)
        .replace("\r\n", "\n")
        .into_bytes()
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// By sysexits.h. Only the statuses about the address count as the receiver's answer; all others are about us, the mail or
/// the program.
pub(super) fn mail_answer_of(ended: Result<ProgramEnd, ProgramError>) -> MailAnswer {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return no_end(&error),
    };
    let reason = format!(
        "the mail program ended with {}: {}",
        ended.status, ended.said
    );
    let denied = |permanence, remedy| {
        MailAnswer::Denied(Denial {
            reason: reason.clone(),
            remedy,
            permanence,
            scope: DenialScope::Mail,
        })
    };
    match ended.status.code() {
        Some(0) => MailAnswer::Taken { detail: ended.said },
        // EX_NOUSER, EX_NOHOST: the address.
        Some(67 | 68) => MailAnswer::NoSuchAddress { reason },
        Some(program::NOT_EXECUTABLE | program::NOT_FOUND) => MailAnswer::Nobody { reason },
        // EX_OSERR, EX_IOERR, EX_TEMPFAIL.
        Some(71 | 74 | 75) => denied(Permanence::Transient, SEE_ITS_LOG),
        // EX_DATAERR: the mail, mostly its size.
        Some(65) => denied(
            Permanence::Permanent,
            "it does not like this mail: max_report_size makes reports smaller",
        ),
        // EX_NOPERM, EX_CONFIG.
        Some(77 | 78) => denied(
            Permanence::Permanent,
            "let the service's user send mail, or name a relay in mail_transport",
        ),
        Some(_) => denied(Permanence::Permanent, SEE_ITS_LOG),
        // Killed by a signal: the mail may have been accepted.
        None => MailAnswer::Unknown { reason },
    }
}

/// A program that was killed may have accepted the mail.
fn no_end(error: &ProgramError) -> MailAnswer {
    let reason = format!("the mail program {error}");
    match error {
        ProgramError::Start(_) => MailAnswer::Nobody { reason },
        ProgramError::TimedOut(_) | ProgramError::Wait(_) => MailAnswer::Unknown { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn exit_status_decides() {
        #[rustfmt::skip]
        let rows = [
            ("exit 0", "taken", "it has it"),
            ("exit 75", "passing", "EX_TEMPFAIL"),
            ("exit 71", "passing", "EX_OSERR: no memory, for one"),
            ("exit 1", "lasting", "whatever that is, it is not the address"),
            ("exit 64", "lasting", "EX_USAGE"),
            ("exit 65", "lasting", "EX_DATAERR"),
            ("exit 67", "no such address", "EX_NOUSER"),
            ("exit 68", "no such address", "EX_NOHOST"),
            ("exit 69", "lasting", "EX_UNAVAILABLE"),
            ("exit 77", "lasting", "EX_NOPERM"),
            ("exit 126", "nobody", "it cannot be run"),
            ("exit 127", "nobody", "there is no such program"),
            ("kill -9 $$", "unknown", "it may have handed the mail on"),
            ("sleep 10", "unknown", "the same"),
        ];
        for (script, expected, why) in rows {
            let ended = program::run(
                tlsrptd_service::program::shell(script),
                b"",
                Duration::from_millis(700),
            )
            .await;
            let found = match mail_answer_of(ended) {
                MailAnswer::Taken { .. } => "taken",
                MailAnswer::NoSuchAddress { .. } => "no such address",
                MailAnswer::AddressBusy { .. } => "busy",
                MailAnswer::Unknown { .. } => "unknown",
                MailAnswer::Nobody { .. } => "nobody",
                MailAnswer::Denied(denial) => match denial.permanence {
                    Permanence::Transient => "passing",
                    Permanence::Permanent => "lasting",
                },
            };
            assert_eq!(found, expected, "{script}: {why}");
        }
    }
}
