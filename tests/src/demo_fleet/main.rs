//! `make demo-fleet`: a day of a fleet on loopback, played through by the real programs on a real PostgreSQL, with two hosts lost in
//! the middle of it.
//!
//! Five collectors count sessions that Postfix recorded, and their shippers bring them into the database. One of these hosts is
//! lost, with its disk, before the day ends. Three reporters share the work; one of them is killed while it has reports to send.
//! The exit status is 0 only if each report arrived at each of its destinations, once, and all sessions are in them.

mod site;
mod verdict;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::fleet::{Fleet, FleetHost, Member};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

/// Three minutes: a lease is half of one.
const LONGEST: Duration = Duration::from_secs(180);
const HOSTS: usize = 5;
const MEMBERS: usize = 3;
/// Made-up domains beside the recorded ones, so that each member has something to do.
const DOMAINS: usize = 60;

fn main() -> ExitCode {
    let lab = Lab::new();
    title("A fleet on loopback");
    let yesterday = TimeZone::UTC.to_datetime(Timestamp::now() - SignedDuration::from_hours(24));
    let day = yesterday.date().to_string();
    let Some(clock) = FakeClock::or_skip(lab.folder(), &format!("{day}T23:50:00Z")) else {
        println!(
            "The demo plays a midnight, and needs libfaketime for that (apt-get install faketime)."
        );
        return ExitCode::FAILURE;
    };
    let Some(fleet) = Fleet::start() else {
        println!("There is no PostgreSQL 15 or newer here (apt-get install postgresql).");
        return ExitCode::FAILURE;
    };
    println!("{}", fleet.query("SELECT version()"));
    println!("For its programs it is {day}, ten to midnight (UTC).");

    let members: Vec<Member> = (1..=MEMBERS)
        .map(|number| site::member(&fleet, &lab, &clock, number))
        .collect();
    fleet.wait_for(
        "all shards have an owner",
        "SELECT count(*) = 0 FROM tlsrpt.shard WHERE owner IS NULL",
    );
    let mut hosts: Vec<FleetHost> = (1..=HOSTS)
        .map(|number| fleet.host(&lab, Some(&clock), &format!("mx{number}")))
        .collect();
    let sent = count(&lab, &fleet, &hosts);
    lose_host(&mut hosts);
    midnight(&fleet, &clock, &day);
    // The others work on until the end.
    let _others = lose_member(&lab, &fleet, members, &day);
    title("What tlsrptctl fleet says of it");
    print!("{}", fleet.ctl(&lab).arg("fleet").run().success().stdout);
    verdict::verdict(&lab, &fleet, &day, &sent)
}

/// What the MTAs have sent.
pub(crate) struct Sent {
    pub(crate) domains: BTreeSet<String>,
    pub(crate) sessions: i64,
}

/// Each datagram on one or several hosts: a domain's report is made of what several of them counted.
fn count(lab: &Lab, fleet: &Fleet, hosts: &[FleetHost]) -> Sent {
    title("Five MTA hosts count, and ship");
    let recorded = mta::recorded().into_iter().map(|(_, bytes)| bytes);
    let made = (0..DOMAINS).map(|number| match number % 4 {
        0 => mta::failure(
            &format!("d{number}.test"),
            "v=TLSRPTv1; rua=mailto:x@seen.test",
            202,
        ),
        _ => mta::success(
            &format!("d{number}.test"),
            "v=TLSRPTv1; rua=mailto:x@seen.test",
        ),
    });
    let datagrams: Vec<Vec<u8>> = recorded.chain(made).collect();
    let domains: BTreeSet<String> = datagrams
        .iter()
        .map(|bytes| mta::domain_of(bytes))
        .collect();
    for (number, domain) in domains.iter().enumerate() {
        let mut record = format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}");
        if number % 4 == 0 {
            record.push_str(&format!(",{}", lab.https.url(&format!("/v1/{domain}"))));
        }
        lab.dns.tlsrpt(domain, &record);
    }
    let mut sessions = 0;
    for (number, datagram) in datagrams.iter().enumerate() {
        for (index, host) in hosts.iter().enumerate() {
            // Every third domain is known to the last host alone.
            let has = if number % 3 == 0 {
                index == HOSTS - 1
            } else {
                (number + index) % 2 == 0
            };
            if has {
                host.mta.send(datagram);
                sessions += mta::sessions_of(datagram);
            }
        }
    }
    println!(
        "{sessions} sessions with {} domains went into their sockets.",
        domains.len()
    );
    let all = format!("SELECT coalesce(sum(sessions), 0) = {sessions} FROM tlsrpt.shipment");
    fleet.wait_for("all of them are in the database", &all);
    println!("All of them are in the database, as tlsrpt-shipper wrote them: so many each");
    println!("{}", fleet.query("SELECT c.name || ': ' || s.sessions FROM tlsrpt.shipment s JOIN tlsrpt.collector c ON c.id = s.collector ORDER BY 1"));
    Sent { domains, sessions }
}

fn lose_host(hosts: &mut Vec<FleetHost>) {
    title("One of the hosts is lost, with its disk");
    if let Some(host) = hosts.pop() {
        let name = host.name.clone();
        host.lose();
        println!(
            "{name} is gone: collector and shipper killed, its files removed. The day is not over."
        );
    }
}

fn midnight(fleet: &Fleet, clock: &FakeClock, day: &str) {
    title("Midnight");
    let next: jiff::civil::Date = day.parse().expect("a day");
    let next = next.tomorrow().expect("a day behind it");
    clock.jump(&format!("{next}T00:00:05Z"));
    let done = format!(
        "SELECT count(*) FILTER (WHERE done) = {} FROM tlsrpt.shipment WHERE day = '{day}'",
        HOSTS - 1
    );
    fleet.wait_for("four hosts are done with the day", &done);
    println!("Four collectors have closed their day, and shipped it to the end.");
    let closed = format!("SELECT state <> 'open' FROM tlsrpt.day WHERE day = '{day}'");
    fleet.wait_for("the day is closed at its deadline", &closed);
    println!(
        "At fetch_deadline the day is closed without: {}",
        fleet.query(&format!(
            "SELECT missing FROM tlsrpt.day WHERE day = '{day}'"
        ))
    );
}

/// A member that has something to send and nothing in hand: what it has in hand when it is killed may be sent twice, by right.
fn lose_member(lab: &Lab, fleet: &Fleet, mut members: Vec<Member>, day: &str) -> Vec<Member> {
    title("A reporter is killed while it has reports to send");
    let composed = format!("SELECT composed FROM tlsrpt.composing WHERE day = '{day}'");
    fleet.wait_for("the day is composed", &composed);
    println!(
        "Composed by three members: {} reports.",
        fleet.query(&format!(
            "SELECT count(*) FROM tlsrpt.report WHERE day = '{day}' AND reason IS NULL"
        ))
    );
    fleet.wait_for(
        "some are sent",
        &format!(
            "SELECT count(*) >= 5 FROM tlsrpt.delivery WHERE day = '{day}' AND status = 'sent'"
        ),
    );
    let member = members.remove(0);
    let waiting = site::pause_without_work_in_hand(fleet, &member);
    println!(
        "kill -9 {}, while {waiting} of its reports wait, and {} of all are sent.",
        member.name,
        fleet.query("SELECT count(*) FROM tlsrpt.delivery WHERE status = 'sent'")
    );
    member.running.kill();
    fleet.wait_for(
        "all deliveries have ended",
        &format!("SELECT count(*) = 0 FROM tlsrpt.delivery WHERE day = '{day}' AND status IS NULL"),
    );
    println!(
        "The others took its shards when its lease had ended, and sent the rest: {} mails, {} posts.",
        lab.smtp.mails().len(),
        lab.https.posts().len()
    );
    members
}

pub(crate) fn title(text: &str) {
    println!("\n== {text} ==");
}
