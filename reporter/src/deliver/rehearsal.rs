//! What a mail would meet at the relay, up to its recipient; then it is taken back. Nothing is sent.

use tlsrptd_config::{MailTransport, reportd::Reportd};
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::{PrepareError, address, bounce_address, mail, sender};

/// The relay takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayAnswer {
    /// Whether it was asked over TLS.
    pub(crate) encrypted: bool,
    /// Whether it took user and password.
    pub(crate) logged_in: bool,
    /// Whether it offers delivery status notifications (RFC 3461).
    pub(crate) offers_dsn: bool,
}

/// The relay does not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayTrouble {
    /// Whose fault it is.
    pub(crate) kind: TroubleKind,
    /// What it said, or what happened.
    pub(crate) reason: String,
    /// What to do; empty where the kind says it.
    pub(crate) remedy: &'static str,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// Our settings.
    Settings,
    /// Nobody answers there.
    Unreachable,
    /// It takes no mail from us.
    Denied,
    /// There is no such recipient.
    Recipient,
    /// Not now.
    Later,
}

/// Asks the relay whether it takes a mail from the envelope sender of reports to `contact_info`. `None` where mail goes to a program.
pub(crate) async fn rehearse(settings: &Reportd) -> Option<Result<RelayAnswer, RelayTrouble>> {
    let (host, port, implicit_tls) = match &settings.mail_transport {
        _ if settings.sendmail_script.is_some() => return None,
        MailTransport::Sendmail => return None,
        MailTransport::Smtp { host, port } => (host, *port, false),
        MailTransport::Smtps { host, port } => (host, *port, true),
    };
    let from = match bounce_address(settings) {
        Ok(Some(bounces)) => Ok(bounces),
        Ok(None) => sender(settings).map(|sender| sender.address),
        Err(error) => Err(error),
    };
    let from = match from {
        Ok(from) => from,
        Err(error) => return Some(Err(wrong(&error))),
    };
    let to = match Mailbox::parse(&settings.contact_info).map_err(address("contact_info")) {
        Ok(to) => to,
        Err(error) => return Some(Err(wrong(&error))),
    };
    let asked = mail::rehearse((host, port, implicit_tls), settings, &from, &to);
    Some(match asked.await {
        Ok(answer) => answer,
        Err(error) => Err(wrong(&error)),
    })
}

fn wrong(error: &PrepareError) -> RelayTrouble {
    RelayTrouble {
        kind: TroubleKind::Settings,
        reason: error.to_string(),
        remedy: "",
    }
}
