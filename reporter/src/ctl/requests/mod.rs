//! `tlsrptctl resend` and `send-test`: what the daemon is asked to do, by a row each, and what it answers; and `requests`, what
//! of that waits.

mod pending;
mod resend;
mod send_test;
mod show;
mod wait;

use jiff::Timestamp;
use nix::unistd::{Uid, User};
use tlsrptd_config::{ctl::Wait, reportd::Reportd, visible};
use tlsrptd_proto::tlsrpt_record::Rua;

use super::answer::CommandAnswer;
use crate::{
    answers::requests::{LeftOut, Requested, RequestsAnswer, WaitEnd},
    error::Error,
    model::{Destination, NamedBy, RequestKind, RequestState},
    store::{self, NewRequest, OperatorStore},
};

pub(super) use pending::answer as pending;
pub(super) use resend::resend;
pub(super) use send_test::send_test;

/// What is to be asked for.
struct Wish {
    kind: RequestKind,
    requests: Vec<NewRequest>,
    /// Of each request: the report's id, and what the operator should know.
    about: Vec<(Option<String>, Option<String>)>,
    left_out: Vec<LeftOut>,
}

/// Asks, waits, and says what came of it.
fn ask(
    settings: &Reportd,
    mut store: Box<dyn OperatorStore>,
    wish: Wish,
    how_long: Wait,
) -> Result<CommandAnswer, Error> {
    let first = wish.requests.first();
    let report = first.and_then(|request| request.report.clone());
    let mut answer = RequestsAnswer {
        kind: wish.kind,
        report: report.map(|report| (report.day, report.domain)),
        requests: Vec::new(),
        left_out: wish.left_out,
        wait: WaitEnd::NotWaited,
    };
    let reporter = store::reporter_at_work(settings)?;
    let may_wait = how_long == Wait::No && wish.kind == RequestKind::Resend;
    if reporter.is_none() && !may_wait {
        return Err(not_at_work(settings, wish.kind));
    }
    let asked = store.ask(&wish.requests, Timestamp::now())?;
    // A reporter that ends wants its database for itself.
    drop(store);
    let Some(ids) = asked else {
        return Err(Error::NotDone {
            what: "tlsrpt-reportd",
            problem: "so many requests wait already that no more are taken (allowed: 1000)"
                .to_owned(),
        });
    };
    answer.requests = ids
        .iter()
        .zip(wish.requests.iter().zip(wish.about))
        .map(|(id, (request, (report_id, note)))| Requested {
            id: *id,
            destination: request.destination.uri().to_owned(),
            report_id,
            note,
            state: RequestState::Asked,
            answer: None,
            seconds: None,
            next: None,
        })
        .collect();
    if let Wait::ForAnswer(seconds) = how_long {
        let reporter = reporter.as_deref().unwrap_or_default();
        wait::for_answers(settings, &mut answer, seconds, reporter)?;
    }
    let is_asked = how_long == Wait::No && answer.left_out.is_empty();
    let exit = match answer.is_sent() || is_asked {
        true => tlsrptd_config::exit::OK,
        false => tlsrptd_config::exit::FAILED,
    };
    Ok(CommandAnswer::new(show::text(&answer), answer.json()).with_exit(exit))
}

fn not_at_work(settings: &Reportd, kind: RequestKind) -> Error {
    let or = match kind {
        RequestKind::Resend => ", or leave the request to its next start with --no-wait",
        RequestKind::Test => "",
    };
    Error::NotDone {
        what: "tlsrpt-reportd",
        problem: format!(
            "it is not running on {}, and nothing was asked for (start it{or})",
            settings.dbname.display()
        ),
    }
}

fn fault(what: &'static str, problem: &str) -> Error {
    Error::Argument {
        what,
        problem: problem.to_owned(),
    }
}

/// A destination that an operator names, as a record may name it, and with all that holds for it: it may have come by mail
/// from a stranger, and leads to no private address. An address alone is one too.
fn named(what: &'static str, text: &str) -> Result<Destination, Error> {
    let text = text.trim();
    let is_address = !text.contains(':') && text.contains('@');
    let uri = match is_address {
        true => format!("mailto:{text}"),
        false => text.to_owned(),
    };
    let allowed = "(allowed: mailto:LOCAL@DOMAIN or https://HOST/PATH)";
    let mut found = Rua::parse(&uri);
    match (found.pop(), found.is_empty()) {
        (Some(Ok(rua)), true) => Ok(Destination::new(rua.uri(), NamedBy::Record)),
        (Some(Err(error)), true) => Err(fault(what, &error.to_string())),
        _ => Err(fault(what, &format!("one address is wanted {allowed}"))),
    }
}

/// Who asks: whoever called sudo, or the user.
fn who() -> String {
    let by_sudo = std::env::var("SUDO_USER").ok();
    let user = || Some(User::from_uid(Uid::current()).ok()??.name);
    let name = by_sudo.or_else(user);
    visible::one_line(&name.unwrap_or_else(|| Uid::current().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_may_name() {
        for (text, want, why) in [
            ("mailto:a@b.example", Ok("mailto:a@b.example"), "an address"),
            (
                "a@b.example",
                Ok("mailto:a@b.example"),
                "without its scheme",
            ),
            ("https://b.example/x", Ok("https://b.example/x"), "a URL"),
            ("mailto:a@b.example,c@b.example", Err("one address"), "two"),
            ("mailto:", Err("it is empty"), "nobody"),
            ("http://b.example/", Err("scheme"), "not encrypted"),
            ("directory:/etc", Err("scheme"), "a map's"),
            ("mailto:a@localhost", Err("domain"), "a name of ours"),
            ("mailto:a%0d%0aBcc:x@b.example", Err("control"), "a header"),
            (
                "https://[::1]/",
                Ok("https://[::1]/"),
                "an address: the connection is refused later",
            ),
            ("", Err("empty"), "nothing"),
            ("a@b.example\u{202e}", Err("character"), "beyond ASCII"),
            ("--", Err("scheme"), "no URI"),
        ] {
            match (named("URI", text), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.uri(), want, "{text}: {why}"),
                (Err(error), Err(want)) => {
                    assert!(error.to_string().contains(want), "{text}: {why}: {error}");
                }
                (got, _) => panic!("{text}: {why}: {got:?}"),
            }
        }
    }
}
