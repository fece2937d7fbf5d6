//! The text of a digest, for people.

use super::{
    count, counted,
    reports::reports,
    wrap::{COLUMNS, cut, paragraph, title},
};
use crate::answers::{
    digest::{Advice, Counted, Digest, DigestFailure, News, advice},
    explain::{Fault, explain},
    when::policy,
};

/// Failures that the text names. The table has the others.
const MAX_FAILURES: usize = 15;
/// Result types that it explains.
const MAX_TYPES: usize = 12;
/// Collectors that it names.
const MAX_COLLECTORS: usize = 20;

pub(super) fn text(digest: &Digest, organization: &str) -> String {
    let mut out = head(digest, organization);
    out.push_str(&title("What failed when we sent"));
    out.push_str(&failures(digest));
    if !digest.by_result.is_empty() {
        out.push_str(&title("What it means"));
        out.push_str(&meanings(digest));
    }
    out.push_str(&title("Is anything to be done?"));
    out.push_str(&to_do(digest));
    out.push_str(&title("How the reports fared"));
    out.push_str(&reports(digest));
    if !digest.missing.is_empty() || !digest.unknown.is_empty() {
        out.push_str(&title("What is missing here"));
        out.push_str(&missing(digest));
    }
    out.push_str(&foot(digest));
    out
}

fn head(digest: &Digest, organization: &str) -> String {
    let title = format!(
        "TLS of the mail that {organization} sent, {} (UTC)",
        digest.period
    );
    let mut out = paragraph(&title, "");
    out.push('\n');
    let domains = match digest.period.days {
        0 | 1 => format!("with {}", count(digest.domains, "domain")),
        _ => format!("with up to {} a day", count(digest.domains, "domain")),
    };
    let sessions = count(digest.sessions, "session");
    let summary = match (digest.failed, digest.failing) {
        (0, _) => format!("{sessions} {domains}. None of them failed."),
        (failed, Counted::Exactly(0)) => format!("{sessions} {domains}. {failed} of them failed."),
        (failed, failing) => format!(
            "{sessions} {domains}. {failed} of them failed, with {}.",
            counted(failing, "domain")
        ),
    };
    out.push_str(&paragraph(&format!("{summary} {}", news(digest)), ""));
    out
}

fn news(digest: &Digest) -> String {
    match &digest.news {
        _ if digest.failing == Counted::Exactly(0) => String::new(),
        News::Unknown => "Nothing is known of the week before: what is new cannot be told.".into(),
        News::Domains { domains, .. } => match domains {
            Counted::Exactly(0) => "All of that failed in the week before too.".into(),
            Counted::Exactly(1) => {
                "1 of these domains is new: in the week before it did not fail in that way.".into()
            }
            Counted::Exactly(new) => format!(
                "{new} of these domains are new: in the week before they did not fail in that way."
            ),
            Counted::MoreThan(new) => format!(
                "More than {new} of these domains are new: in the week before they did not fail in that way."
            ),
        },
    }
}

fn failures(digest: &Digest) -> String {
    let mut named = digest.failures.iter().filter(|of| of.row.domain.is_some());
    let mut out = String::new();
    for failure in named.by_ref().take(MAX_FAILURES) {
        out.push_str(&one_failure(failure));
    }
    if out.is_empty() {
        return paragraph("Nothing.", "  ");
    }
    let more = named.count();
    let folded = digest.failures.iter().filter(|of| of.row.domain.is_none());
    let folded: u64 = folded.map(|of| of.row.sessions).sum();
    if more > 0 {
        let text = format!("And {more} more: the attached table has them.");
        out.push_str(&paragraph(&text, "  "));
    }
    if folded > 0 {
        let text = format!(
            "{} more with many other domains, which were counted together.",
            count(folded, "session")
        );
        out.push_str(&paragraph(&text, "  "));
    }
    out
}

fn one_failure(failure: &DigestFailure) -> String {
    const INDENT: &str = "            ";
    let room = COLUMNS - INDENT.len();
    let row = &failure.row;
    let new = if failure.is_new { " (new)" } else { "" };
    let domain = cut(row.domain.as_deref().unwrap_or_default(), room - new.len());
    let mut out = format!("{:>10}  {domain}{new}\n", row.sessions);
    let what = format!("{}, policy {}", row.result_type, policy(&row.policy_type));
    out.push_str(&paragraph(&what, INDENT));
    let server = match (&row.mx, &row.address) {
        (Some(mx), Some(address)) => Some(format!("{mx}[{address}]")),
        (Some(mx), None) => Some(mx.clone()),
        (None, Some(address)) => Some(format!("[{address}]")),
        (None, None) => None,
    };
    for line in server.iter().chain(&row.reason_code) {
        out.push_str(&format!("{INDENT}{}\n", cut(line, room)));
    }
    out
}

fn meanings(digest: &Digest) -> String {
    let mut out = String::new();
    for of in digest.by_result.iter().take(MAX_TYPES) {
        let head = format!("{} ({})", of.result_type, count(of.sessions, "session"));
        out.push_str(&format!("  {}\n", cut(&head, COLUMNS - 2)));
        let words = explain(&of.result_type);
        let whose = match words.fault {
            Fault::Unclear => "Whose fault it is depends.".to_owned(),
            fault => format!("The fault is usually {}.", fault.in_words()),
        };
        let text = [words.meaning, &whose, words.unless, words.action].join(" ");
        out.push_str(&paragraph(&text, "    "));
    }
    out
}

fn to_do(digest: &Digest) -> String {
    let all: String = advice(digest).iter().map(|of| item(&words(of))).collect();
    match all.is_empty() {
        true => paragraph(nothing_to_do(digest), "  "),
        false => all,
    }
}

fn nothing_to_do(digest: &Digest) -> &'static str {
    match digest.failed {
        0 => "No.",
        _ => {
            "No. What failed is mostly the receivers' affair, and the reports tell them of it. \
              Mail to those with a policy that is enforced waits in the queue meanwhile."
        }
    }
}

fn item(text: &str) -> String {
    let lines = paragraph(text, "    ");
    format!("  - {}", lines.trim_start())
}

fn words(advice: &Advice) -> String {
    match advice {
        Advice::MendCollectors(1) => {
            "A collector gave no answer, and its sessions are missing here and in the reports: see below. `tlsrptctl doctor` tries it.".into()
        }
        Advice::MendCollectors(number) => format!(
            "{number} times a collector gave no answer, and its sessions are missing here and in the reports: see below. `tlsrptctl doctor` tries them."
        ),
        Advice::LookAtTheCollector => {
            "No session was counted. If mail went out to domains that publish a TLSRPT record, Postfix does not tell the collector: run `tlsrptctl doctor`.".into()
        }
        Advice::LookAtUs {
            result_type,
            domains,
        } => format!(
            "{domains} domains began to fail in the same way ({result_type}). That so many servers changed at once is unlikely: look at this host first, at its name server, certificate store and clock."
        ),
        Advice::LookAtNews => {
            "Look at what is new. Where DANE or MTA-STS demands TLS, mail waits in the queue (`postqueue -p`) and goes back to its sender after days.".into()
        }
        Advice::LookAtDeliveries(1) => {
            "A delivery of a report was given up: `tlsrptctl deliveries --status timedout` shows it.".into()
        }
        Advice::LookAtDeliveries(number) => format!(
            "{number} deliveries of reports were given up: `tlsrptctl deliveries --status timedout` shows them."
        ),
    }
}

fn missing(digest: &Digest) -> String {
    let mut out = String::new();
    for of in digest.missing.iter().take(MAX_COLLECTORS) {
        let line = format!("{} gave no answer for {}", of.command, of.day);
        out.push_str(&format!("  {}\n", cut(&line, COLUMNS - 2)));
        if let Some(reason) = &of.reason {
            out.push_str(&format!("    {}\n", cut(reason, COLUMNS - 4)));
        }
    }
    let more = digest.missing.len().saturating_sub(MAX_COLLECTORS);
    if more > 0 {
        out.push_str(&paragraph(&format!("And {more} more."), "  "));
    }
    if !digest.unknown.is_empty() {
        let days: Vec<String> = digest.unknown.iter().map(ToString::to_string).collect();
        let text = format!("Nothing is known of {}.", days.join(", "));
        out.push_str(&paragraph(&text, "  "));
    }
    out
}

fn foot(digest: &Digest) -> String {
    let days = digest.period.days;
    let text = format!(
        "`tlsrptctl failures --days {days} --explain` and `tlsrptctl deliveries {}` show more. This mail is sent as `digest` and `digest_address` say.",
        digest.period.last
    );
    format!("\n-- \n{}", paragraph(&text, ""))
}
