//! What must hold after any number of kills.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write as _,
    path::Path,
};

use super::journal::{self, Line};
use crate::environment::{self, Stored, contradiction, distinct, lines, stored, totals};

/// What every reader of a day is: who counted how much in it. The third collector answers a day late.
const LATE: &str = "three";

/// Where the operator has a report sent once more, and a test.
pub const RESENT_TO: &str = "mailto:again@a.example";
pub const TESTED: &str = "mailto:test@a.example";

/// A mail that the relay takes and brings back.
pub const COMES_BACK: (&str, &str, &str) = ("2026-11-19", "d.example", "mailto:reports@d.example");

/// Where some domains have their mail, and others do not.
pub const MX_HOST: &str = "mx.example";

/// Writes down what was in hand: nobody knows how that ended.
pub fn after_a_kill(folder: &Path) {
    // Killed before there were tables, it has nothing in hand.
    let Some(stored) = environment::read(&environment::settings(folder, &[]).dbname) else {
        return;
    };
    let path = folder.join("journal");
    let Some(last) = journal::read(&path).last().cloned() else {
        return;
    };
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    for row in stored
        .deliveries
        .iter()
        .filter(|row| row.in_hand && row.status.is_none())
    {
        let domain = match row.uniqid {
            1 => row.domain.clone(),
            number => format!("{}#{number}", row.domain),
        };
        writeln!(file, "{} in-hand {} {domain} {}", last.at, row.day, row.uri).unwrap();
    }
    for row in stored.requests.iter().filter(|row| row.in_hand) {
        let (Some(day), Some(domain)) = (&row.day, &row.domain) else {
            continue;
        };
        let domain = match row.uniqid {
            Some(number) if number > 1 => format!("{domain}#{number}"),
            _ => domain.clone(),
        };
        writeln!(file, "{} in-hand {day} {domain} {}", last.at, row.uri).unwrap();
    }
}

pub fn check(folder: &Path, what: &str) {
    let lines = journal::read(&folder.join("journal"));
    assert!(
        lines.last().is_some_and(|line| line.words == ["over"]),
        "{what}: it did not come to its end"
    );
    let mut deliveries: BTreeMap<[&str; 3], Vec<&Line>> = BTreeMap::new();
    for line in &lines {
        if line.words[0] == "seen" || line.words[0] == "in-hand" {
            let key = [1, 2, 3].map(|index| line.words[index].as_str());
            deliveries.entry(key).or_default().push(line);
        }
    }
    let settings = environment::settings(folder, &[]);
    let requests = stored(&settings).requests;
    // Its text was cleaned before the next attempt.
    let is_gone = |row: &environment::stored::RequestRow| {
        let why = row.answer.as_deref().unwrap_or_default();
        row.state == "failed" && why.contains("not kept")
    };
    let resent_is_gone = requests.iter().any(is_gone);
    for row in &requests {
        let is_over = match row.kind.as_str() {
            "test" => ["sent", "unknown"].contains(&row.state.as_str()),
            _ => row.state == "sent" || is_gone(row),
        };
        assert!(is_over, "{what}: {row:?}");
    }
    for (key, events) in &deliveries {
        match key[2] {
            RESENT_TO if resent_is_gone => {}
            // One attempt, whatever comes of it.
            TESTED => assert_eq!(events.len(), 1, "{what}: {key:?}: {events:?}"),
            _ => one_delivery(what, key, events),
        }
    }
    let tried: BTreeSet<[&str; 2]> = deliveries
        .keys()
        .map(|[day, domain, _]| [*day, *domain])
        .collect();
    // The late collector's own domain of the 19th is reported a day late; that of the 18th is too old by then.
    for (day, domains) in [
        ("2026-11-18", "abcd"),
        ("2026-11-19", "abcde"),
        ("2026-11-20", "abcde"),
        ("2026-11-21", "abcde"),
    ] {
        let letters = domains.chars().map(|letter| format!("{letter}.example"));
        for domain in letters.chain([MX_HOST.to_owned()]) {
            assert!(
                tried.contains(&[day, &domain]),
                "{what}: no report on {domain} and {day}"
            );
            for uri in [
                format!("mailto:reports@{domain}"),
                format!("https://reports.example/{domain}"),
            ] {
                assert!(
                    deliveries.contains_key(&[day, &domain, &uri]),
                    "{what}: {day} {uri} was never tried"
                );
            }
        }
    }
    digests(&lines, what);
    database(folder, what);
}

/// Each day's digest arrived; a kill may repeat it, and then it is the same mail.
fn digests(lines: &[Line], what: &str) {
    for day in ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"] {
        let seen: Vec<&Line> = journal::of(lines, "digest")
            .filter(|line| line.words[1] == day)
            .collect();
        let sent = seen.iter().filter(|line| line.words[3] == "sent").count();
        assert!((1..=3).contains(&sent), "{what}: digest of {day}: {seen:?}");
        let is_same = |line: &&Line| line.words[2] == seen[0].words[2];
        assert!(seen.iter().all(is_same), "{what}: another mail: {seen:?}");
    }
}

/// Nothing is lost, nothing repeated but where nobody could know, and then the same bytes.
fn one_delivery(what: &str, key: &[&str; 3], events: &[&Line]) {
    let seen: Vec<&&Line> = events
        .iter()
        .filter(|line| line.words[0] == "seen")
        .collect();
    assert!(
        !seen.is_empty(),
        "{what}: {key:?} was in hand and never tried"
    );
    assert!(
        seen.iter().all(|line| line.words[4] == seen[0].words[4]),
        "{what}: {key:?}: a repeat is the same bytes"
    );
    let is_final = |line: &Line| line.words[0] == "seen" && line.words[6] != "later";
    let mut is_over = false;
    for (number, line) in events.iter().enumerate() {
        if line.words[0] == "in-hand" {
            continue;
        }
        assert!(
            !is_over,
            "{what}: {key:?} was tried after its end: {events:?}"
        );
        // Its outcome was never recorded when the next event is that it was found in hand.
        let unknown = events
            .get(number + 1)
            .is_some_and(|next| next.words[0] == "in-hand");
        is_over = is_final(line) && !unknown;
    }
    assert!(is_over, "{what}: {key:?} has no end: {events:?}");
    let refuses = key[2] == "mailto:reports@c.example";
    let taken = seen.iter().any(|line| line.words[5] == "taken");
    assert_eq!(taken, !refuses, "{what}: {key:?}: who has it: {events:?}");
}

/// What the database still keeps of it.
fn database(folder: &Path, what: &str) {
    let settings = super::environment::settings(folder, &[]);
    assert!(environment::is_whole(&settings.dbname), "{what}");
    let stored = stored(&settings);
    history(&settings.dbname, &stored, what);
    assert_eq!(
        lines(&stored.reports, |row| format!(
            "{}|{}|{}",
            row.day, row.domain, row.sessions
        )),
        [
            "2026-11-21|a.example|1",
            // The third collector answered late.
            "2026-11-21|a.example|1",
            "2026-11-21|b.example|2",
            "2026-11-21|c.example|1",
            "2026-11-21|d.example|1",
            "2026-11-21|e.example|1",
            "2026-11-21|mx.example|3",
            // Of the late domain.
            "2026-11-21|mx.example|1",
            "2026-11-22|a.example|1",
            "2026-11-22|b.example|2",
            "2026-11-22|c.example|1",
            "2026-11-22|d.example|1",
            "2026-11-22|mx.example|3",
        ],
        "{what}"
    );
    let (refusing, taking): (Vec<_>, Vec<_>) = stored
        .deliveries
        .into_iter()
        .partition(|row| row.uri.ends_with("@c.example"));
    assert_eq!(
        distinct(&taking, |row| row.status().to_owned()),
        ["sent"],
        "{what}"
    );
    let ends = lines(&refusing, |row| row.status().to_owned());
    // It has refused on three days by then, unless the relay had taken no other mail that day.
    assert!(
        ends == ["refused", "suppressed"] || ends == ["refused", "refused"],
        "{what}: {ends:?}"
    );
    let mut jobs = stored.jobs;
    jobs.retain(|row| row.command != LATE);
    assert_eq!(
        distinct(&jobs, |row| row.status().to_owned()),
        ["ok"],
        "{what}"
    );
}

/// Whatever was repeated counts once, also of days whose rows are gone; and of what was sent the bytes are kept.
fn history(path: &Path, stored: &Stored, what: &str) {
    let totals = totals(path);
    assert_eq!(
        lines(&totals, |day| format!(
            "{} {} domains, {} sessions, {} reports, {} deliveries",
            day.day, day.domains, day.sessions, day.reports, day.deliveries
        )),
        [
            "2026-11-18 4 domains, 5 sessions, 4 reports, 10 deliveries",
            "2026-11-19 5 domains, 7 sessions, 6 reports, 16 deliveries",
            "2026-11-20 5 domains, 7 sessions, 6 reports, 16 deliveries",
            "2026-11-21 5 domains, 7 sessions, 6 reports, 16 deliveries",
            "2026-11-22 4 domains, 5 sessions, 4 reports, 10 deliveries",
        ],
        "{what}"
    );
    let refused = totals[1].ended("refused");
    assert_eq!(refused, 2, "{what}: what came back counts once");
    for day in &totals {
        assert_eq!(contradiction(path, day), None, "{what}");
        assert_eq!(day.waiting(), 0, "{what}: {day:?}");
        let name = day.day.to_string();
        let rows = stored.deliveries.iter().filter(|row| row.day == name);
        let rows: Vec<&str> = rows.map(|row| row.status()).collect();
        for outcome in day.outcomes.iter().filter(|_| !rows.is_empty()) {
            let of_it = rows.iter().filter(|status| **status == outcome.status);
            assert_eq!(outcome.deliveries, of_it.count() as u64, "{what}: {day:?}");
        }
    }
    assert!(environment::knows_what_it_keeps(path), "{what}");
    assert!(
        environment::all_are_kept(path, stored),
        "{what}: a report is not kept"
    );
}
