//! `tlsrptctl bounce`: takes a mail that came to `bounce_address`, for the MTA.
//!
//! Whoever runs it holds a mail and is told by the exit status what to do with it. So nothing that is wrong here refuses a mail for
//! good, and nothing is mailed: no loop can begin. What strangers send costs a counter.

mod unclaimed;

use std::{
    env,
    io::{self, Read},
    iter,
};

use jiff::Timestamp;
use serde_json::json;
use tlsrptd_config::{exit, reportd::Reportd, visible};
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::answer::{CommandAnswer, say};
use crate::{
    bounce::{self, DeliveryAction, ReturnedMail, ReturnedRecipient},
    error::Error,
    model::{BounceBlame, BounceKey, BounceKind, BounceResult, BounceTag, Destination},
    refusal::RefusalSubject,
    store::{self, NewBounce, OperatorAccess, OperatorStore},
};
use unclaimed::{Unclaimed, keep};

/// In which local(8) of Postfix, and other MTAs, say what the mail came to.
const VARIABLES: [&str; 3] = ["ORIGINAL_RECIPIENT", "RECIPIENT", "EXTENSION"];

/// Longest text of a bounce that is remembered, in characters.
const LONGEST_TEXT: usize = 500;

/// What became of the mail.
enum TakenBounce {
    /// It is left to the daemon, or only counted.
    Ours(BounceResult, String),
    /// It is nobody's.
    Unclaimed(Unclaimed),
}

/// Takes the mail on standard input. The exit status is for the MTA.
pub(super) fn answer(settings: &Reportd, recipient: Option<String>) -> CommandAnswer {
    let mail = read_bounded(&mut io::stdin().lock());
    let mail = mail.map_err(|error| Error::NotDone {
        what: "standard input",
        problem: error.to_string(),
    });
    match mail.and_then(|mail| take(settings, recipient, &mail)) {
        Ok(TakenBounce::Ours(result, text)) => {
            let (result, text) = (result.as_str(), visible::one_line(&text));
            let json = json!({ "result": result, "text": text });
            CommandAnswer::new(format!("{result}: {text}\n"), json)
        }
        Ok(TakenBounce::Unclaimed(unclaimed)) => told(&unclaimed),
        Err(error) => {
            say(&error.to_string());
            let json = json!({ "result": "later", "text": error.to_string() });
            CommandAnswer {
                // As of any error: standard output is empty.
                verbatim_json: Some(Vec::new()),
                ..CommandAnswer::new("", json).with_exit(exit::TRY_AGAIN)
            }
        }
    }
}

/// Postfix takes a status code at the begin of what is printed for its own.
fn told(unclaimed: &Unclaimed) -> CommandAnswer {
    let text = unclaimed.to_string();
    let json = json!({ "result": unclaimed.result.as_str(), "text": text });
    match &unclaimed.kept {
        Some(_) => CommandAnswer::new(format!("{text}\n"), json),
        None => CommandAnswer::new(format!("5.1.1 {text}\n"), json).with_exit(exit::NO_USER),
    }
}

/// The begin of the mail. The rest is read and dropped: an MTA may take a closed pipe for a failure.
fn read_bounded(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut mail = Vec::new();
    let most = u64::try_from(bounce::MAX_READ).unwrap_or(u64::MAX);
    from.by_ref().take(most).read_to_end(&mut mail)?;
    io::copy(from, &mut io::sink())?;
    Ok(mail)
}

fn take(settings: &Reportd, recipient: Option<String>, mail: &[u8]) -> Result<TakenBounce, Error> {
    let mut store = store::open_for_operator(settings, OperatorAccess::Write)?;
    let key = store.known_bounce_key()?.ok_or(Error::NotDone {
        what: "dbname",
        problem: "tlsrpt-reportd has not made the key of the tags yet: start it".to_owned(),
    })?;
    let given: Vec<String> = recipient
        .into_iter()
        .chain(VARIABLES.iter().filter_map(|name| env::var(name).ok()))
        .collect();
    let now = Timestamp::now();
    let (result, why) = match bounce::read(mail) {
        Ok(returned) => match find_tag(&key, &given, &returned) {
            Some(tag) => return ours(settings, store, &key, tag, &returned, now),
            None => (
                BounceResult::Untagged,
                "it bears no tag of a report of ours".to_owned(),
            ),
        },
        Err(error) => (BounceResult::NoBounce, error.to_string()),
    };
    store.count_bounce(result, now)?;
    let folder = settings.unclaimed_bounces.as_deref();
    let kept = folder.map(|folder| keep(folder, mail, now)).transpose()?;
    Ok(TakenBounce::Unclaimed(Unclaimed {
        result,
        why,
        kept: kept.flatten(),
        is_full: folder.is_some(),
    }))
}

/// The first that we have made: of what it came to, then of what stands in it.
fn find_tag(key: &BounceKey, given: &[String], returned: &ReturnedMail) -> Option<BounceTag> {
    let texts = given.iter().chain(&returned.tags);
    let mut tags = texts.filter_map(|text| BounceTag::find(text));
    tags.find(|tag| key.has_made(tag))
}

fn ours(
    settings: &Reportd,
    mut store: Box<dyn OperatorStore>,
    key: &BounceKey,
    tag: BounceTag,
    returned: &ReturnedMail,
    now: Timestamp,
) -> Result<TakenBounce, Error> {
    // A row for it would be of no use, and whoever has old tags could leave many.
    let Some(destination) = store.bounced_destination(key, &tag)? else {
        store.count_bounce(BounceResult::Gone, now)?;
        let text = "its report is not remembered any more".to_owned();
        return Ok(TakenBounce::Ours(BounceResult::Gone, text));
    };
    let copy = settings.bcc_address.as_deref();
    let Some(about) = of_report(&returned.recipients, &destination, copy) else {
        store.count_bounce(BounceResult::Copy, now)?;
        let text = "it is about the copy for bcc_address".to_owned();
        return Ok(TakenBounce::Ours(BounceResult::Copy, text));
    };
    let bounce = new_bounce(tag, about, &destination);
    let result = match (store.add_bounce(&bounce, now)?, bounce.kind) {
        (false, _) => BounceResult::Repeated,
        (true, BounceKind::Failed) => BounceResult::Refused,
        (true, BounceKind::Delayed) => BounceResult::Delayed,
        (true, BounceKind::Passed) => BounceResult::Passed,
    };
    Ok(TakenBounce::Ours(result, bounce.text))
}

fn new_bounce(tag: BounceTag, about: &ReturnedRecipient, destination: &Destination) -> NewBounce {
    let kind = match about.action {
        DeliveryAction::Failed => BounceKind::Failed,
        DeliveryAction::Delayed => BounceKind::Delayed,
        DeliveryAction::Delivered | DeliveryAction::Relayed | DeliveryAction::Expanded => {
            BounceKind::Passed
        }
    };
    let forwarded = forwarded_to(about, destination);
    let blame = match about.speaks_of() {
        RefusalSubject::Address if forwarded.is_none() => BounceBlame::Address,
        _ => BounceBlame::Other,
    };
    let text = match forwarded {
        Some(address) => format!("forwarded to {address}: {about}"),
        None => about.to_string(),
    };
    let text = visible::one_line(&text);
    NewBounce {
        tag,
        kind,
        blame,
        text: text.chars().take(LONGEST_TEXT).collect(),
    }
}

/// What it says of the report's address; or of whom that was forwarded to, a failure first. Not of `bcc_address`.
fn of_report<'a>(
    recipients: &'a [ReturnedRecipient],
    destination: &Destination,
    copy: Option<&str>,
) -> Option<&'a ReturnedRecipient> {
    let own = destination.mailbox().map(Mailbox::canonical);
    let copy = copy
        .and_then(canonical)
        .filter(|copy| own.as_ref() != Some(copy));
    let is = |recipient: &ReturnedRecipient, wanted: &Option<String>| {
        let names = iter::once(&recipient.original).chain([&recipient.address]);
        let mut names = names.flatten().filter_map(|name| canonical(name));
        wanted.is_some() && names.any(|name| Some(name) == *wanted)
    };
    let others = || recipients.iter().filter(|recipient| !is(recipient, &copy));
    recipients
        .iter()
        .find(|recipient| is(recipient, &own))
        .or_else(|| others().find(|recipient| recipient.has_failed()))
        .or_else(|| others().next())
}

/// The address that it speaks of, if that is another one than we mailed to. As others may have got the mail from there, as from a
/// list, nothing is held against ours.
fn forwarded_to<'a>(about: &'a ReturnedRecipient, destination: &Destination) -> Option<&'a str> {
    let address = about.address.as_deref()?;
    let own = destination.mailbox().map(Mailbox::canonical)?;
    (canonical(address)? != own).then_some(address)
}

fn canonical(text: &str) -> Option<String> {
    Mailbox::parse(text).ok().map(|mailbox| mailbox.canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{KEY_LENGTH, NamedBy, RequestId},
        refusal::EnhancedCode,
    };

    #[test]
    fn the_rest_of_a_mail_is_read_and_dropped() {
        let endless = io::repeat(b'x').take(100 << 20);
        let mut counted = io::BufReader::new(endless);
        let mail = read_bounded(&mut counted).unwrap();
        assert_eq!(mail.len(), bounce::MAX_READ);
        assert_eq!(counted.into_inner().limit(), 0, "read to its end");
    }

    fn recipient(
        address: Option<&str>,
        original: Option<&str>,
        action: DeliveryAction,
    ) -> ReturnedRecipient {
        ReturnedRecipient {
            address: address.map(str::to_owned),
            original: original.map(str::to_owned),
            action,
            status: None,
            code: None,
            enhanced: None,
            remote: None,
            reason: String::new(),
        }
    }

    #[test]
    fn whom_a_bounce_is_about() {
        let recipient =
            |address: &str, original, action| recipient(Some(address), original, action);
        let to = Destination::new("mailto:TLS@x.example", NamedBy::Record);
        let copy = Some("copy@s.example");
        use DeliveryAction::{Delayed, Delivered, Failed};
        #[rustfmt::skip]
        let rows = [
            (vec![recipient("tls@x.example", None, Failed)], Some(0), "the address"),
            (vec![recipient("copy@s.example", None, Failed)], None, "the copy alone"),
            (vec![recipient("copy@s.example", None, Failed), recipient("tls@x.example", None, Delayed)], Some(1), "the address, whatever became of the copy"),
            (vec![recipient("other@y.example", None, Failed)], Some(0), "forwarded"),
            (vec![recipient("a@y.example", None, Delivered), recipient("b@y.example", None, Failed)], Some(1), "a failure first"),
            (vec![recipient("b@y.example", None, Failed), recipient("c@y.example", Some("tls@x.example"), Delivered)], Some(1), "as we named it"),
            (vec![recipient("no address", None, Delayed)], Some(0), "a text that is none"),
        ];
        for (recipients, want, why) in rows {
            let found = of_report(&recipients, &to, copy);
            assert_eq!(found, want.map(|at: usize| &recipients[at]), "{why}");
        }
        let own = Destination::new("mailto:copy@s.example", NamedBy::Operator);
        let recipients = [recipient("copy@s.example", None, Failed)];
        let found = of_report(&recipients, &own, copy);
        assert!(
            found.is_some(),
            "a report to the address that gets the copies"
        );
    }

    #[test]
    fn what_is_held_against_the_address() {
        let key = BounceKey::new(&[1; KEY_LENGTH]).unwrap();
        let tag = key.of_request(RequestId(1), "mailto:tls@x.example");
        let to = Destination::new("mailto:TLS@x.example", NamedBy::Record);
        for (address, forwarded, why) in [
            (Some("tls@X.example"), false, "ours"),
            (Some("b@y.example"), true, "a forward, or one of a list"),
            (Some("other@x.example"), true, "an alias there"),
            (Some("no address"), false, "a text that is none"),
            (None, false, "nobody is named"),
        ] {
            let mut about = recipient(address, None, DeliveryAction::Failed);
            about.status = EnhancedCode::parse("5.1.1");
            let bounce = new_bounce(tag, &about, &to);
            let want = match forwarded {
                true => BounceBlame::Other,
                false => BounceBlame::Address,
            };
            assert_eq!(bounce.blame, want, "{why}");
            let said = bounce.text.strip_suffix("status 5.1.1").unwrap();
            let before = address.map(|address| format!("forwarded to {address}: "));
            assert_eq!(
                said,
                before.filter(|_| forwarded).unwrap_or_default(),
                "{why}"
            );
        }
    }
}
