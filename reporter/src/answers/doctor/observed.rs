//! What the collector itself says: that it is at work, on which sockets, and when the last datagram came.

use std::{collections::BTreeSet, path::Path, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use tlsrptd_config::{collectd::Collectd, visible};
use tlsrptd_service::observe::{AskError, Client};

use super::finding::Finding;

const AREA: &str = "collector";
const WAIT: Duration = Duration::from_secs(5);
/// A host that sends mail all day has a session a day with somebody who has a TLSRPT record.
const A_DAY: i64 = 24 * 3600;
const STATUS: &str = "systemctl status tlsrpt-collectd";

pub(super) fn check(settings: &Collectd, file: &Path) -> Vec<Finding> {
    let Some(path) = &settings.observation_socket else {
        return vec![Finding::unknown(
            AREA,
            "whether it is at work, and when the last datagram came: observation_socket is not set",
            format!(
                "in {}, section [tlsrptd_collectd]: observation_socket = /run/tlsrpt/collectd.observe",
                file.display()
            ),
        )];
    };
    let asked = Client::connect_within(path, WAIT)
        .and_then(|mut client| client.ask(&json!({"request": "status"})));
    match asked {
        Ok(status) => said(&status, settings, Timestamp::now()),
        Err(error) => vec![silent(&error)],
    }
}

fn silent(error: &AskError) -> Finding {
    let text = visible::one_line(&error.to_string());
    match error {
        AskError::Denied(_) => Finding::unknown(AREA, text, "sudo tlsrptctl doctor"),
        AskError::NobodyAnswers(_) => Finding::fail(
            AREA,
            text,
            "systemctl start tlsrpt-collectd.socket tlsrpt-collectd.service",
        ),
        _ => Finding::warn(AREA, text, STATUS),
    }
}

fn said(status: &Value, settings: &Collectd, now: Timestamp) -> Vec<Finding> {
    let text = |name: &str| status.get(name).and_then(Value::as_str);
    if text("program") != Some("tlsrpt-collectd") {
        let finding = "the observation socket is not a collector's";
        return vec![Finding::warn(AREA, finding, STATUS)];
    }
    let one_line = |name| visible::one_line(text(name).unwrap_or("?"));
    let mut findings = vec![Finding::ok(
        AREA,
        format!(
            "tlsrpt-collectd {} is at work since {}",
            one_line("version"),
            one_line("started")
        ),
    )];
    findings.extend(other_sockets(status, settings));
    findings.push(last_datagram(text("last_received"), now));
    findings
}

/// The configuration may have changed since it was started.
fn other_sockets(status: &Value, settings: &Collectd) -> Option<Finding> {
    let known = status.get("sockets")?.as_array()?;
    let known: BTreeSet<&str> = known.iter().filter_map(Value::as_str).collect();
    let missing: Vec<String> = settings
        .socketname
        .iter()
        .map(|socket| socket.display().to_string())
        .filter(|socket| !known.contains(socket.as_str()))
        .collect();
    (!missing.is_empty()).then(|| {
        Finding::fail(
            AREA,
            format!(
                "it was started without {}, which socketname names now",
                missing.join(", ")
            ),
            "systemctl restart tlsrpt-collectd.socket tlsrpt-collectd.service",
        )
    })
}

fn last_datagram(at: Option<&str>, now: Timestamp) -> Finding {
    const LOOK: &str = "send a mail to a domain with a TLSRPT record, then: journalctl -t postfix/smtp | grep TLSRPT:";
    let Some(at) = at else {
        return Finding::unknown(AREA, "no datagram came since its start", LOOK);
    };
    let finding = format!("the last datagram came at {}", visible::one_line(at));
    match at.parse::<Timestamp>() {
        Ok(time) if now.as_second() - time.as_second() > A_DAY => {
            Finding::warn(AREA, format!("{finding}, more than a day ago"), LOOK)
        }
        Ok(_) => Finding::ok(AREA, finding),
        Err(_) => Finding::unknown(AREA, finding, STATUS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_says() {
        let settings = ["--storage", "dummy:", "--socketname", "/a,/b"].map(Into::into);
        let tlsrptd_config::Start::Run(settings) = tlsrptd_config::collectd::load(settings, [])
        else {
            panic!("these settings are right");
        };
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let collector = |sockets: Value, last: Value| json!({"program": "tlsrpt-collectd", "version": "1", "started": "then", "sockets": sockets, "last_received": last});
        for (status, level, words, why) in [
            (
                collector(json!(["/a", "/b"]), json!("2026-11-20T11:00:00Z")),
                "ok",
                "last datagram",
                "good",
            ),
            (
                collector(json!(["/a", "/b"]), json!("2026-11-18T11:00:00Z")),
                "warn",
                "a day ago",
                "a day without",
            ),
            (
                collector(json!(["/a", "/b"]), Value::Null),
                "unknown",
                "no datagram",
                "none yet",
            ),
            (
                collector(json!(["/a"]), Value::Null),
                "fail",
                "without /b",
                "an old start",
            ),
            (
                collector(json!(7), json!("\u{1b}[2J")),
                "unknown",
                "last datagram",
                "rubbish",
            ),
            (
                json!({"program": "x"}),
                "warn",
                "not a collector's",
                "somebody else",
            ),
            (json!([]), "warn", "not a collector's", "no object"),
        ] {
            let found = said(&status, &settings.values, now);
            let is_there = found
                .iter()
                .any(|finding| finding.level.word() == level && finding.finding.contains(words));
            assert!(is_there, "{why}: {found:?}");
            assert!(
                !found
                    .iter()
                    .any(|finding| finding.finding.contains('\u{1b}')),
                "{why}"
            );
        }
    }
}
