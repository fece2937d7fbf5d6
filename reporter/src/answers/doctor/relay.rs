//! The relay is there and lets us send: asked up to the recipient, which is `contact_info`, and taken back.

use std::fs;

use tlsrptd_config::MailTransport;

use super::{database, finding::Finding, looking::Looking};
use crate::deliver::{RelayAnswer, RelayTrouble, TroubleKind};

const AREA: &str = "relay";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let settings = looking.settings;
    if settings.contact_info.is_empty() {
        return vec![Finding::unknown(
            AREA,
            "not asked: contact_info is missing",
            looking.set("contact_info = tls-reports@example.com"),
        )];
    }
    let from = settings.bounce_address.as_ref();
    let (from, to) = (
        from.unwrap_or(&settings.sender_address),
        &settings.contact_info,
    );
    match looking.environment.rehearse(settings) {
        None => vec![program(looking)],
        Some(Ok(answer)) => {
            let place = place(looking);
            vec![Finding::ok(
                AREA,
                format!(
                    "{place} takes mail from {from} to {to}, {}{}",
                    how(&answer),
                    notices(looking, &answer)
                ),
            )]
        }
        Some(Err(trouble)) => vec![told(looking, trouble)],
    }
}

fn how(answer: &RelayAnswer) -> &'static str {
    match (answer.encrypted, answer.logged_in) {
        (true, true) => "over TLS, logged in",
        (true, false) => "over TLS",
        (false, true) => "without TLS, logged in",
        (false, false) => "without TLS",
    }
}

/// What it says of mails that it cannot deliver; either will do.
fn notices(looking: &Looking<'_>, answer: &RelayAnswer) -> &'static str {
    match (&looking.settings.bounce_address, answer.offers_dsn) {
        (None, _) => "",
        (Some(_), true) => "; it is asked for notices of failure (DSN)",
        (Some(_), false) => "; it offers no DSN, so its bounces are read as they come",
    }
}

fn told(looking: &Looking<'_>, trouble: RelayTrouble) -> Finding {
    let (place, reason) = (place(looking), &trouble.reason);
    let finding = format!("{place}: {reason}");
    match trouble.kind {
        TroubleKind::Settings => {
            Finding::fail(AREA, reason.clone(), "tlsrpt-reportd --check_config")
        }
        TroubleKind::Unreachable => {
            let remedy = looking.set("mail_transport = smtp://127.0.0.1:25");
            Finding::fail(
                AREA,
                finding,
                format!("systemctl start postfix; or {remedy}"),
            )
        }
        TroubleKind::Denied => Finding::fail(AREA, finding, trouble.remedy),
        TroubleKind::Recipient => {
            let remedy = looking.set("contact_info = an address that exists");
            Finding::fail(AREA, finding, remedy)
        }
        TroubleKind::Later => {
            let again = "ask again in some minutes: tlsrptctl doctor";
            let remedy = match trouble.remedy {
                "" => again.to_owned(),
                known => format!("{again}; {known}"),
            };
            Finding::warn(AREA, finding, remedy)
        }
    }
}

fn place(looking: &Looking<'_>) -> String {
    match &looking.settings.mail_transport {
        MailTransport::Smtp { host, port } => format!("smtp://{host}:{port}"),
        MailTransport::Smtps { host, port } => format!("smtps://{host}:{port}"),
        MailTransport::Sendmail => "sendmail".to_owned(),
    }
}

/// A program cannot be asked without giving it a mail.
fn program(looking: &Looking<'_>) -> Finding {
    let relay = || looking.set("mail_transport = smtp://127.0.0.1:25");
    let is_sendmail = looking.settings.sendmail_script.is_none();
    if is_sendmail && database::process(looking).is_some_and(gets_no_rights) {
        return Finding::fail(
            AREA,
            "the unit's sandbox (NoNewPrivileges=) keeps Postfix's sendmail, which is set-gid, from handing mail over",
            format!("{}; systemctl restart tlsrpt-reportd", relay()),
        );
    }
    let what = match is_sendmail {
        true => "the sendmail program",
        false => "sendmail_script",
    };
    Finding::unknown(
        AREA,
        format!("whether {what} takes mail: only a mail can tell"),
        format!(
            "tlsrptctl send-test mailto:{}",
            looking.settings.contact_info
        ),
    )
}

/// Whether what a process starts is never given rights by the program's own file.
fn gets_no_rights(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mut lines = status.lines();
    lines.any(|line| line.strip_prefix("NoNewPrivs:").map(str::trim) == Some("1"))
}
