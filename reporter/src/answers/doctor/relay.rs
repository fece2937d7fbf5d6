//! The relay is there and lets us send: asked up to the recipient, which is `contact_info`, and taken back.

use tlsrptd_config::MailTransport;

use super::{finding::Finding, looking::Looking};
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
    let (from, to) = (&settings.sender_address, &settings.contact_info);
    match looking.outside.rehearse(settings) {
        None => vec![program(looking)],
        Some(Ok(answer)) => {
            let place = place(looking);
            vec![Finding::ok(
                AREA,
                format!("{place} takes mail from {from} to {to}, {}", how(answer)),
            )]
        }
        Some(Err(trouble)) => vec![told(looking, trouble)],
    }
}

fn how(answer: RelayAnswer) -> &'static str {
    match (answer.encrypted, answer.logged_in) {
        (true, true) => "over TLS, logged in",
        (true, false) => "over TLS",
        (false, true) => "without TLS, logged in",
        (false, false) => "without TLS",
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
            Finding::warn(AREA, finding, "ask again in some minutes: tlsrptctl doctor")
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
    let what = match looking.settings.sendmail_script {
        Some(_) => "sendmail_script",
        None => "the sendmail program",
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
