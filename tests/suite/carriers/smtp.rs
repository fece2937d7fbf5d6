//! Mail to a relay: what its answer means at each stage, TLS that fails, connections that carry many mails.

use std::collections::{BTreeMap, BTreeSet};

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::smtp::{Act, Smtp, Stage};
use tlsrptd_tests::harness::stored::Stored;
use tlsrptd_tests::harness::tls::Ca;
use tlsrptd_tests::harness::wait::until_true;

use super::{Delivery, USUAL_WAIT, by_domain, closed_day, fill, logged, outcomes, rua};

/// A mail's fate after its recipient is known: one relay, one run, a recipient a row. `kept`: it is tried again, as the relay's
/// word is not on its address; whether that is charged to it depends on what became of the others.
#[test]
fn from_the_recipient_on_only_what_speaks_of_the_address_is_held_against_it() {
    #[rustfmt::skip]
    let table = [
        ("well", None, "sent", "the rows beside it disturb nobody"),
        ("rcpt4", Some((Stage::Rcpt, Act::reply("450 4.2.1 mailbox busy"))), "retry", "about the address, now"),
        ("greylisted", Some((Stage::Rcpt, Act::reply("450 later"))), "kept", "about nothing in particular"),
        ("sender", Some((Stage::Rcpt, Act::reply("550 5.1.8 Sender address rejected"))), "kept", "about us"),
        ("helo", Some((Stage::Rcpt, Act::reply("504 5.5.2 Helo command rejected"))), "kept", "about us"),
        ("bare", Some((Stage::Rcpt, Act::reply("550 Relay access denied"))), "kept", "about us"),
        ("nullmx", Some((Stage::Rcpt, Act::reply("556 5.1.10 no mail"))), "refused", "RFC 7505"),
        ("rcpt5", Some((Stage::Rcpt, Act::reply("550 5.1.1 nobody here"))), "refused", "no such address"),
        ("rcptdenied", Some((Stage::Rcpt, Act::reply("554 5.7.1 Relay access denied"))), "kept", "about us, and the operator's to mend"),
        ("rcptodd5", Some((Stage::Rcpt, Act::reply("550 5.1.1 \u{1b}[31m delivery result=sent"))), "refused", "what it says is text"),
        ("rcpt421", Some((Stage::Rcpt, Act::reply("421 4.3.2 closing"))), "kept", "the relay goes away"),
        ("rcptcut", Some((Stage::Rcpt, Act::Close)), "kept", "a closed connection is no answer"),
        ("rcptodd", Some((Stage::Rcpt, Act::Garbage)), "kept", "rubbish is no answer"),
        ("data4", Some((Stage::Data, Act::reply("451 4.3.0 later"))), "kept", "temporary"),
        ("datadenied", Some((Stage::Data, Act::reply("550 5.7.1 no"))), "kept", "about us"),
        ("data5", Some((Stage::Data, Act::reply("554 5.5.1 no valid recipients"))), "kept", "about nothing in particular"),
        ("dataok", Some((Stage::Data, Act::bytes(b"250 ok\r\n"))), "kept", "it waits for no mail"),
        ("datacut", Some((Stage::Data, Act::Close)), "kept", "a closed connection is no answer"),
        ("end4", Some((Stage::End, Act::reply("452 4.3.1 disk full"))), "kept", "temporary"),
        ("end5", Some((Stage::End, Act::reply("552 5.3.4 too big"))), "kept", "this mail, or each"),
        ("enddenied", Some((Stage::End, Act::reply("550 5.7.1 looks like spam"))), "kept", "this mail, or each"),
        ("endcut", Some((Stage::End, Act::Close)), "retry", "nobody knows whether it was taken"),
        ("endkept", Some((Stage::End, Act::AcceptAndClose)), "retry", "it was taken, but nobody said so: again rather than never"),
        ("end354", Some((Stage::End, Act::bytes(b"354 go on\r\n"))), "retry", "no answer to that: it may have been taken"),
        ("last", None, "sent", "the rows beside it disturb nobody"),
    ];
    let lab = Lab::new();
    let address = |row: &str| format!("{row}@reports.test");
    for (row, rule, result, _) in &table {
        if let Some((stage, act)) = rule {
            // A relay that denies five mails before it has taken one gets no more for a while.
            let act = match *result {
                "kept" => act.clone().held(),
                _ => act.clone(),
            };
            lab.smtp.script_for(&address(row), *stage, act);
        }
    }
    let domain = |row: &str| format!("mail-{row}.test");
    let domains: Vec<String> = table.iter().map(|row| domain(row.0)).collect();
    let record = |row: &str| rua(&format!("mailto:{}", address(row)));
    fill(
        &lab,
        domains
            .iter()
            .zip(&table)
            .map(|(domain, row)| (domain.as_str(), record(row.0))),
    );
    // All are under way at once, so that those that are held do not keep the others.
    let reportd = lab.reportd().set("max_concurrent_per_host", 32).start();
    until_true("a mail that the relay has taken", || {
        reportd.log().contains(" result=sent ")
    });
    lab.smtp.release();
    let found = by_domain(&lab, &lab.reportd_db(), table.len());
    let log = reportd.stop().success().stderr;
    assert!(
        !log.contains('\u{1b}'),
        "no control character reaches the log"
    );
    for (row, _, result, reason) in table {
        let delivery = &found[&domain(row)];
        let found = delivery.result();
        let is_right = found == result || result == "kept" && matches!(found, "retry" | "waits");
        assert!(is_right, "{row}: {reason}: {delivery:?}");
        assert_eq!(logged(&log, &domain(row)), [found], "{row}: {reason}");
        assert!(
            found != "retry" || USUAL_WAIT.contains(&delivery.wait),
            "{row}: {delivery:?}"
        );
        let taken = lab.smtp.mails_to(&address(row)).len();
        assert_eq!(
            taken,
            usize::from(result == "sent" || row == "endkept"),
            "{row}: {reason}"
        );
    }
}

/// Relays that each go wrong in another way, each with a reportd and a database of its own, all on one closed day.
struct Relays {
    lab: Lab,
    running: Vec<(String, Smtp, Running)>,
}

impl Relays {
    fn new() -> Relays {
        let lab = closed_day([("a.test", rua("mailto:a@reports.test"))]);
        Relays {
            lab,
            running: Vec::new(),
        }
    }

    fn start(&mut self, row: &str, relay: Smtp, scheme: &str, settings: &[(&str, &str)]) {
        let mut program = self
            .lab
            .reportd()
            .set("dbname", self.lab.file(&format!("{row}.sqlite")).display())
            .set("mail_transport", format!("{scheme}://{}", relay.address()));
        for (option, value) in settings {
            program = program.set(option, value);
        }
        self.running.push((row.to_owned(), relay, program.start()));
    }

    /// What came of each row, with its relay.
    fn outcomes(self) -> BTreeMap<String, (Smtp, Delivery)> {
        let Relays { lab, running } = self;
        let outcome = |(row, relay, reportd): (String, Smtp, Running)| {
            let found = by_domain(&lab, &lab.file(&format!("{row}.sqlite")), 1);
            reportd.stop().success();
            (row, (relay, found["a.test"].clone()))
        };
        running.into_iter().map(outcome).collect()
    }
}

#[test]
fn before_the_recipient_it_is_between_us_and_the_relay() {
    let acts = [
        ("4xx", Act::reply("450 4.3.2 not now")),
        ("5xx", Act::reply("550 5.7.1 not you")),
        ("421", Act::reply("421 4.3.2 closing")),
        ("cut", Act::Close),
        ("rubbish", Act::Garbage),
    ];
    let stages = [
        ("banner", Stage::Banner),
        ("ehlo", Stage::Ehlo),
        ("from", Stage::Mail),
    ];
    let mut relays = Relays::new();
    for (stage_name, stage) in stages {
        for (act_name, act) in &acts {
            let relay = Smtp::start();
            relay.script(stage, act.clone());
            relays.start(&format!("{stage_name}-{act_name}"), relay, "smtp", &[]);
        }
    }
    let outcomes = relays.outcomes();
    assert_eq!(outcomes.len(), 15);
    for (row, (relay, delivery)) in outcomes {
        // Even a 5xx: the operator can mend it, and the receiver has refused nothing.
        assert_eq!(delivery.result(), "waits", "{row}: {delivery:?}");
        assert!(USUAL_WAIT.contains(&delivery.wait), "{row}: {delivery:?}");
        assert!(relay.offered().is_empty(), "{row}");
    }
}

/// Once there is a mail, a relay may look at it for minutes (RFC 5321 section 4.5.3.2): who hangs up earlier sends it again.
#[test]
fn a_relay_that_hangs_is_left_after_the_time_out_but_not_once_it_has_a_mail() {
    let mut patient = Relays::new();
    for (name, stage, act) in [
        ("data", Stage::Data, Act::Hang),
        ("end", Stage::End, Act::Hang),
        ("kept", Stage::End, Act::AcceptAndHang),
    ] {
        let relay = Smtp::start();
        relay.script(stage, act);
        patient.start(name, relay, "smtp", &[("sendmail_timeout", "1")]);
    }
    for (row, relay, _) in &patient.running {
        match row.as_str() {
            "data" => until_true("a connection", || relay.connections() > 0),
            _ => drop(relay.wait_for_offered(1)),
        }
    }
    let mut relays = Relays::new();
    for (name, stage) in [
        ("banner", Stage::Banner),
        ("ehlo", Stage::Ehlo),
        ("from", Stage::Mail),
        ("rcpt", Stage::Rcpt),
    ] {
        let relay = Smtp::start();
        relay.script(stage, Act::Hang);
        relays.start(name, relay, "smtp", &[("sendmail_timeout", "1")]);
    }
    // TLS from the first byte, to a relay that speaks first.
    relays.start(
        "no-tls",
        Smtp::start(),
        "smtps",
        &[("sendmail_timeout", "1")],
    );
    for (row, (_, delivery)) in relays.outcomes() {
        assert_eq!(delivery.result(), "waits", "{row}: {delivery:?}");
        assert!(USUAL_WAIT.contains(&delivery.wait), "{row}: {delivery:?}");
    }
    // The time-outs of the others have passed since: these wait still. None of them is waited for here.
    let Relays { lab, running } = patient;
    for (row, relay, reportd) in running {
        let log = reportd.kill().stderr;
        assert!(logged(&log, "a.test").is_empty(), "{row}: {log}");
        let stored = Stored::read(&lab.file(&format!("{row}.sqlite"))).unwrap();
        assert_eq!(
            (stored.deliveries.len(), stored.failures()),
            (1, 0),
            "{row}"
        );
        assert!(relay.offered().len() <= 1, "{row}");
    }
}

/// Delivery does not fail because of TLS (RFC 8460 section 3).
#[test]
fn a_report_goes_out_whatever_becomes_of_starttls() {
    let ca = Ca::new();
    let relay = |act: Option<Act>| {
        let relay = Smtp::start_with_starttls(&ca);
        if let Some(act) = act {
            relay.script(Stage::StartTls, act);
        }
        relay
    };
    let second_ehlo = relay(None);
    let offer = Act::reply("250-mx.test\r\n250 STARTTLS");
    second_ehlo.script_times(Stage::Ehlo, offer, 1);
    second_ehlo.script_times(Stage::Ehlo, Act::Close, 1);
    let mut relays = Relays::new();
    #[rustfmt::skip]
    let table = [
        ("good", "smtp", relay(None), true, "by a certificate of nobody's: better than none"),
        ("temporary", "smtp", relay(Some(Act::reply("454 4.7.0 TLS not available"))), false, "offered, then not now"),
        ("unknown", "smtp", relay(Some(Act::reply("502 5.5.1 what?"))), false, "offered, then unknown"),
        ("handshake", "smtp", relay(Some(Act::Garbage)), false, "220, then no TLS"),
        ("cut", "smtp", relay(Some(Act::Close)), false, "closed"),
        ("second-ehlo", "smtp", second_ehlo, false, "TLS is there, but nobody behind it"),
        ("hang", "smtp", relay(Some(Act::Hang)), false, "no answer to STARTTLS"),
        ("none", "smtp", Smtp::start(), false, "not offered"),
        ("smtps", "smtps", Smtp::start_with_tls(&ca), true, "TLS from the first byte"),
    ];
    let mut expected = BTreeMap::new();
    for (row, scheme, relay, tls, reason) in table {
        let time = if row == "hang" { "2" } else { "10" };
        relays.start(row, relay, scheme, &[("sendmail_timeout", time)]);
        expected.insert(row, (tls, reason));
    }
    for (row, (relay, delivery)) in relays.outcomes() {
        let (tls, reason) = expected[row.as_str()];
        assert_eq!(delivery.result(), "sent", "{row}: {reason}: {delivery:?}");
        let mails = relay.mails();
        assert_eq!(mails.len(), 1, "{row}: {reason}");
        assert_eq!(mails[0].tls, tls, "{row}: {reason}");
    }
}

#[test]
fn a_connection_carries_many_mails() {
    let lab = Lab::new();
    let names: Vec<String> = (0..80)
        .map(|number| format!("many-{number}.test"))
        .collect();
    // One in eight is refused: the connection goes on.
    for name in names.iter().step_by(8) {
        let to = format!("a@{name}");
        lab.smtp
            .script_for(&to, Stage::Rcpt, Act::reply("550 5.1.1 nobody here"));
    }
    fill(
        &lab,
        names
            .iter()
            .map(|name| (name.as_str(), rua(&format!("mailto:a@{name}")))),
    );
    let reportd = lab.reportd().set("max_concurrent_per_host", 4).start();
    by_domain(&lab, &lab.reportd_db(), names.len());
    reportd.stop().success();
    assert_eq!(lab.smtp.mails().len(), 70);
    let connections = lab.smtp.connections();
    assert!(
        (1..=4).contains(&connections),
        "{connections} connections for 80 mails, 4 at a time"
    );
}

#[test]
fn several_addresses_of_one_uri_are_several_deliveries() {
    let lab = Lab::new();
    lab.smtp.script_for(
        "gone@reports.test",
        Stage::Rcpt,
        Act::reply("550 5.1.1 nobody here"),
    );
    fill(
        &lab,
        [(
            "a.test",
            rua(
                "mailto:%22odd%20one%22@reports.test,mailto:one@reports.test%2Cgone@reports.test%2Ctwo@reports.test?subject=x,mailto:one@reports.test",
            ),
        )],
    );
    let reportd = lab.reportd().start();
    let found = outcomes(&lab, &lab.reportd_db(), 1);
    reportd.stop().success();
    let found: Vec<_> = found
        .iter()
        .map(|((_, uri), delivery)| (uri.as_str(), delivery.result()))
        .collect();
    #[rustfmt::skip]
    assert_eq!(found, [
        ("mailto:\"odd one\"@reports.test", "sent"),
        ("mailto:gone@reports.test", "refused"),
        ("mailto:one@reports.test", "sent"),
        ("mailto:two@reports.test", "sent"),
    ]);
    let to: BTreeSet<Vec<String>> = lab.smtp.mails().into_iter().map(|mail| mail.to).collect();
    let one = |address: &str| vec![address.to_owned()];
    assert_eq!(
        to,
        BTreeSet::from([
            one("\"odd one\"@reports.test"),
            one("one@reports.test"),
            one("two@reports.test")
        ])
    );
}
