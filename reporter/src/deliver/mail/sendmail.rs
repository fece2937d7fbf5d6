//! The sendmail program, and what its exit status means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::Envelope;
use crate::deliver::Outcome;
use crate::deliver::program::{self, Ended, ProgramError};

/// Where it is and how long it may take.
#[derive(Debug)]
pub(in crate::deliver) struct Sendmail {
    path: PathBuf,
    time: Duration,
}

/// Daemons seldom have these in their PATH.
const USUAL_PLACES: &[&str] = &[
    "/usr/sbin",
    "/usr/lib",
    "/usr/local/sbin",
    "/run/wrappers/bin",
];

impl Sendmail {
    /// A missing program is only warned of: it may be installed later, and HTTPS needs none.
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

    pub(super) async fn send(&self, envelope: &Envelope<'_>, mail: &[u8]) -> Outcome {
        let mut command = Command::new(&self.path);
        // -i: a dot alone does not end the mail. --: no address is an option.
        command.args([
            "-i",
            "-f",
            envelope.from.as_str(),
            "--",
            envelope.to.as_str(),
        ]);
        command.args(envelope.copy_to.map(|copy| copy.as_str()));
        outcome(program::run(command, &local_line_ends(mail), self.time).await)
    }
}

/// Programs expect a text file; signatures are over the CRLF that the MTA puts back.
pub(super) fn local_line_ends(mail: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(mail)
        .replace("\r\n", "\n")
        .into_bytes()
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// By sysexits.h: what is wrong with the address or the mail is final, all else is ours to
/// mend or will pass.
pub(super) fn outcome(ended: Result<Ended, ProgramError>) -> Outcome {
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => return error.outcome("the mail program"),
    };
    let reason = format!(
        "the mail program ended with {}: {}",
        ended.status, ended.said
    );
    match ended.status.code() {
        Some(0) => Outcome::Sent { detail: ended.said },
        // EX_DATAERR: the mail.
        Some(65) => Outcome::Unsendable { reason },
        // EX_NOUSER, EX_NOHOST: the address.
        Some(67 | 68) => Outcome::Refused { reason },
        Some(program::NOT_EXECUTABLE | program::NOT_FOUND) => Outcome::unreachable(reason),
        // EX_TEMPFAIL, anything else, or a signal.
        _ => Outcome::retry(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::sample::word;

    #[tokio::test]
    async fn exit_status_decides() {
        for (script, expected) in [
            ("exit 0", "sent"),
            ("exit 75", "retry"),
            ("exit 1", "retry"),
            ("exit 64", "retry"),
            ("exit 65", "unsendable"),
            ("exit 67", "refused"),
            ("exit 68", "refused"),
            ("exit 69", "retry"),
            ("exit 77", "retry"),
            ("exit 126", "unreachable"),
            ("exit 127", "unreachable"),
            ("kill -9 $$", "retry"),
            ("sleep 10", "unreachable"),
        ] {
            let ended = program::run(program::shell(script), b"", Duration::from_millis(700)).await;
            assert_eq!(word(&outcome(ended)), expected, "{script}");
        }
    }
}
