//! `http_script`: a shell command of the operator, with the gzip on its standard input and the quoted URL as its last
//! argument.

use std::time::Duration;

use crate::deliver::Outcome;
use crate::deliver::program::{self, ProgramEnd};
use crate::model::{Destination, NamedBy};

use tlsrptd_service::program::shell;
use url::Url;

/// The script and its time limit.
#[derive(Debug)]
pub(in crate::deliver) struct HttpScript {
    script: String,
    time: Duration,
    allow_private: bool,
}

impl HttpScript {
    pub(in crate::deliver) fn new(script: &str, time: Duration, allow_private: bool) -> HttpScript {
        HttpScript {
            script: script.to_owned(),
            time,
            allow_private,
        }
    }

    pub(in crate::deliver) async fn send(
        &self,
        destination: &Destination,
        url: &Url,
        gzip: &[u8],
    ) -> Outcome {
        if let Err(reason) = self.check(destination.named_by, url) {
            return Outcome::Unsendable { reason };
        }
        let line = format!("{} {}", self.script, quoted(destination.uri()));
        match program::run(shell(&line), gzip, self.time).await {
            Ok(ended) => outcome_of_exit(&ended),
            Err(error) => error.outcome("http_script"),
        }
    }

    /// The script resolves names itself; here only an IP address in the URL can be checked.
    fn check(&self, named_by: NamedBy, url: &Url) -> Result<(), String> {
        if named_by == NamedBy::Operator || self.allow_private {
            return Ok(());
        }
        super::check_literal(url).map_err(|error| error.to_string())
    }
}

/// Status 0 is success. A script tells no more than that, so anything else is tried again until the
/// delivery's time is over; but mostly the script is curl, which tells whether there was anybody to answer.
fn outcome_of_exit(ended: &ProgramEnd) -> Outcome {
    let reason = || format!("http_script: {}: {}", ended.status, ended.said);
    match ended.status.code() {
        Some(0) => Outcome::Sent {
            detail: ended.said.clone(),
        },
        Some(code) if NOBODY_ANSWERS.contains(&code) => Outcome::unreachable(reason()),
        Some(code) if UNAVAILABLE_HERE.contains(&code) => {
            Outcome::HttpsUnavailableHere { reason: reason() }
        }
        _ => Outcome::retry(reason()),
    }
}

/// curl's numbers for: the host has no address, no connection, no TLS, a certificate that is not trusted. Not 28, a time-out:
/// the answer may have been waited for.
const NOBODY_ANSWERS: &[i32] = &[6, 7, 35, 60];
/// curl's for: the proxy has no address, its handshake failed. The last two are the shell's.
const UNAVAILABLE_HERE: &[i32] = &[5, 97, program::NOT_EXECUTABLE, program::NOT_FOUND];

/// Quotes any text as one word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::fixtures::outcome_name;

    #[tokio::test]
    async fn the_script_gets_bytes_and_a_quoted_url() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let script = format!("cat > {0}; printf %s >> {0}", out.display());
        let script = HttpScript::new(&script, Duration::from_secs(5), false);
        let uri = "https://h.example/a'b$(touch /tmp/never)`x`\"y\" z;&|<>";
        let destination = Destination::new(uri, NamedBy::Record);
        let url = destination.https_url().unwrap();
        let outcome = script.send(&destination, url, b"gzip:").await;
        assert_eq!(
            outcome,
            Outcome::Sent {
                detail: String::new()
            }
        );
        assert_eq!(std::fs::read_to_string(out).unwrap(), format!("gzip:{uri}"));
    }

    #[tokio::test]
    async fn status_time_and_addresses() {
        #[rustfmt::skip]
        let rows = [
            ("true", "https://h.example/", NamedBy::Record, "sent"),
            ("false", "https://h.example/", NamedBy::Record, "retry"),
            ("exit 22;", "https://h.example/", NamedBy::Record, "retry"),
            ("exit 52;", "https://h.example/", NamedBy::Record, "retry"),
            ("exit 6;", "https://h.example/", NamedBy::Record, "unreachable"),
            ("exit 7;", "https://h.example/", NamedBy::Record, "unreachable"),
            ("exit 28;", "https://h.example/", NamedBy::Record, "retry"),
            ("exit 35;", "https://h.example/", NamedBy::Record, "unreachable"),
            ("exit 5;", "https://h.example/", NamedBy::Record, "not ready"),
            ("exit 97;", "https://h.example/", NamedBy::Record, "not ready"),
            ("/nonexistent/curl", "https://h.example/", NamedBy::Record, "not ready"),
            ("kill -9 $$;", "https://h.example/", NamedBy::Record, "retry"),
            ("sleep 10;", "https://h.example/", NamedBy::Record, "retry"),
            ("true", "https://127.0.0.1/", NamedBy::Record, "unsendable"),
            ("true", "https://[::1]/", NamedBy::Record, "unsendable"),
            ("true", "https://0x7f.1/", NamedBy::Record, "unsendable"),
            ("true", "https://127.0.0.1/", NamedBy::Operator, "sent"),
        ];
        for (script, uri, named_by, expected) in rows {
            let script = HttpScript::new(script, Duration::from_millis(500), false);
            let destination = Destination::new(uri, named_by);
            let url = destination.https_url().unwrap();
            let outcome = script.send(&destination, url, b"").await;
            assert_eq!(outcome_name(&outcome), expected, "{script:?} {uri}");
        }
    }
}
