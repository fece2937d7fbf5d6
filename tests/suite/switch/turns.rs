//! Reporters in turn on one database, there and back again: each delivery goes out once, whoever makes it.

use std::collections::BTreeMap;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Running;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::sys4::Sys4;

use super::End::{Kill, Stop};
use super::Turn::{Ours, Theirs};
use super::{Turn, end};
use crate::in_turn::{our_domains, patient, their_domains, their_reporter};
use crate::reporter::assert_law;

/// Domains whose receiver is ready from a turn on, a turn.
const EACH: usize = 3;
const TURNS: usize = 4;

fn name(turn: usize, number: usize) -> String {
    format!("w{turn}-{number}.test")
}

#[test]
fn each_delivery_goes_out_once_whoever_makes_it() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    for (first, second, how) in [
        (Theirs, Ours, Stop),
        (Theirs, Ours, Kill),
        (Ours, Theirs, Stop),
        (Ours, Theirs, Kill),
    ] {
        let lab = Lab::new();
        let domains: Vec<String> = (0..TURNS)
            .flat_map(|turn| (0..EACH).map(move |number| name(turn, number)))
            .collect();
        let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:a@{domain}");
        for domain in &domains {
            lab.dns.tlsrpt(domain, &record(domain));
        }
        lab.collect(
            domains
                .iter()
                .map(|domain| mta::failure(domain, &record(domain), 203)),
        );
        for turn in 0..TURNS {
            let whose = [first, second][turn % 2];
            let why = format!("{first:?} first, {how:?}, turn {turn}");
            let running = start(&lab, &sys4, whose, turn);
            // All that may go out has gone out, and what may not has been tried.
            let pending = (TURNS - 1 - turn) * EACH;
            let settled = format!(
                "SELECT sum(status = 'sent') = {} AND sum(status IS NULL AND retries > 0) = {pending} FROM destinations",
                (turn + 1) * EACH
            );
            lab.wait_for_query(&lab.reportd_db(), &settled, "1");
            end(running, whose, how);
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for domain in their_domains(&lab).into_iter().chain(our_domains(&lab)) {
                *seen.entry(domain).or_default() += 1;
            }
            let wanted = domains[..(turn + 1) * EACH]
                .iter()
                .map(|domain| (domain.clone(), 1));
            assert_eq!(seen, wanted.collect(), "{why}");
        }
        assert_law(&lab);
    }
}

/// A reporter, in a turn in which the receivers of later turns say no for now.
fn start(lab: &Lab, sys4: &Sys4, whose: Turn, turn: usize) -> Running {
    match whose {
        Ours => {
            lab.smtp.heal();
            for domain in
                (turn + 1..TURNS).flat_map(|later| (0..EACH).map(move |number| name(later, number)))
            {
                lab.smtp.script_for(
                    &format!("a@{domain}"),
                    Stage::Rcpt,
                    Act::reply("451 4.2.1 later"),
                );
            }
            patient(lab.reportd()).start()
        }
        Theirs => {
            let later: String = (turn + 1..TURNS).map(|later| later.to_string()).collect();
            let failing = if later.is_empty() {
                "nobody".to_owned()
            } else {
                format!("w[{later}]-")
            };
            their_reporter(lab, sys4, &failing).start()
        }
    }
}

/// Killed while it asks a fetcher of sys4's for one domain after the other, ours leaves a list that sys4 goes on
/// with.
#[test]
fn what_ours_was_asking_for_sys4_asks_for() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let domains: Vec<String> = (0..24).map(|number| format!("d{number:02}.test")).collect();
    let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:a@{domain}");
    for domain in &domains {
        lab.dns.tlsrpt(domain, &record(domain));
    }
    lab.collect(
        domains
            .iter()
            .map(|domain| mta::success(domain, &record(domain))),
    );
    let fetchers = lab.their_fetcher(&sys4).command_line();
    let running = patient(lab.reportd()).set("fetchers", &fetchers).start();
    // The list is stored at once, what the domains' processes bring follows in groups.
    let listed = "SELECT count(*) FROM reportdata";
    lab.wait_for_query(&lab.reportd_db(), listed, &domains.len().to_string());
    running.kill();
    let missing = "SELECT count(*) > 0 FROM reportdata WHERE status IS NULL";
    assert_eq!(
        lab.query(&lab.reportd_db(), missing),
        [["1"]],
        "in the middle"
    );
    assert_eq!(our_domains(&lab), [""; 0]);

    let running = their_reporter(&lab, &sys4, "nobody")
        .set("fetchers", &fetchers)
        .start();
    let sent = format!(
        "SELECT count(*) = {} FROM destinations WHERE status = 'sent'",
        domains.len()
    );
    lab.wait_for_query(&lab.reportd_db(), &sent, "1");
    running.stop();
    assert_eq!(their_domains(&lab), domains, "each once");
    let mut running = lab.reportd().set("fetchers", &fetchers).start();
    running.wait_for_log("is at work");
    lab.deliveries();
    running.stop().success();
    assert_eq!(our_domains(&lab), [""; 0], "nothing is sent again");
    assert_law(&lab);
}
