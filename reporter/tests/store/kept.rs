//! What is kept, for how long, and what is seen of it.

use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    model::{DecidedDomain, Delivery, DeliveryStatus, Destination, NamedBy},
    store::{
        AttemptEnd, DeliveryFilter, DeliveryProgress, DeliveryQuestion, Disposition,
        OperatorAccess, open_for_operator,
    },
};

use crate::{
    at, claim, claim_room, day, decision,
    environment::{
        Engine, counted, each_engine, folder, pages_in_use, settings, stored,
        stored::{DataRow, ReportRow},
    },
    jobs, later, open, report,
};

#[each_engine]
fn what_is_old_goes_but_nothing_pending() {
    let folder = folder();
    let settings = settings(folder.path(), &[]);
    let mut store = open(&settings);
    let job = jobs(&mut *store, &["one"]).remove(0);
    let now = at("21T00:00:00");
    store
        .store_rows(
            &job,
            &[counted("a.example", 1), counted("b.example", 1)],
            now,
        )
        .unwrap();
    store.job_answered(&job, None, now).unwrap();
    let decisions = ["a.example", "b.example"].map(|domain| {
        let mut decided = decision(domain, &[&format!("mailto:r@{domain}")], now);
        decided.rows.used = vec!["one".to_owned()];
        decided
    });
    store.close_day(day(), &decisions, now).unwrap();
    let sent = |claimed: &Delivery| AttemptEnd {
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
        ..later(claimed, now)
    };
    let claimed = claim(&mut *store, now, 1);
    store.record(&[sent(&claimed[0])], now).unwrap();
    while store.clean(day().next()).unwrap() {}
    let operator = open_for_operator(&settings, OperatorAccess::Read).unwrap();
    assert!(operator.jobs(day()).unwrap().is_empty());
    let all = DeliveryQuestion {
        day: day(),
        domain: None,
        status: DeliveryFilter::All,
        limit: 9,
    };
    let mut stay = operator.deliveries(&all).unwrap();
    if Engine::current() == Engine::Postgres {
        // A day's rows go together there, as its tables.
        stay.retain(|row| row.destination == "mailto:r@b.example");
    }
    assert_eq!(stay.len(), 1, "the pending one stays");
    assert!(matches!(stay[0].progress, DeliveryProgress::Waiting { .. }));
}

#[each_engine]
fn what_is_sent_leaves_room() {
    const DOMAINS: usize = 400;
    let folder = folder();
    let settings = settings(folder.path(), &["--max_kept_reports_size=0"]);
    let mut store = open(&settings);
    let job = jobs(&mut *store, &["one"]).remove(0);
    let now = at("21T00:00:00");
    let domains: Vec<String> = (0..DOMAINS).map(|n| format!("d{n}.example")).collect();
    let rows: Vec<_> = domains.iter().map(|domain| counted(domain, 1)).collect();
    store.store_rows(&job, &rows, now).unwrap();
    let addresses = ["mailto:a@x.example", "mailto:b@x.example"]
        .map(|uri| (Destination::new(uri, NamedBy::Record), now));
    let json = " ".repeat(1000);
    let decide = |(domain, number): (&String, usize)| {
        // One in ten has no destination, of one in ten the row could not be read.
        let destinations = if number % 10 == 0 {
            Vec::new()
        } else {
            addresses.to_vec()
        };
        let mut decided = report(domain, &json, destinations);
        if number % 10 != 1 {
            decided.rows.used.push("one".to_owned());
        }
        decided
    };
    let decisions: Vec<DecidedDomain> = domains.iter().zip(0..).map(decide).collect();
    store.store_decisions(day(), &decisions, now).unwrap();
    let data = stored(&settings).data;
    let is_used = |row: &&DataRow| row.data.as_deref() == Some("");
    let used = data.iter().filter(is_used).count();
    assert_eq!(used, 360, "not NULL, or sys4 asks for it");
    let mut kept = data.iter().filter(|row| !is_used(row));
    assert!(
        kept.all(|row| row.data.is_some() && row.domain.ends_with("1.example")),
        "what was not used stays"
    );
    // Everything once, then half of it again.
    let with_json = || {
        let reports = stored(&settings).reports;
        reports
            .iter()
            .filter(|row| row.has_json && row.reason.is_none())
            .count()
    };
    let engine = Engine::current();
    let pages = || match engine {
        Engine::Sqlite => pages_in_use(&settings.dbname),
        Engine::Postgres => 0,
    };
    let (all, pages_before) = (with_json(), pages());
    let mut claims = claim_room(&mut *store, now, 2 * DOMAINS, 2 * DOMAINS);
    assert_eq!(claims.len(), 2 * 360);
    // As due times are: in no order.
    claims.sort_by_key(|claimed| {
        (
            claimed.destination.uri().to_owned(),
            claimed.r_id % 400 * 7919 % 400,
        )
    });
    let sent = |claimed: &Delivery| AttemptEnd {
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
        ..later(claimed, now)
    };
    for (group, want, why) in [
        (&claims[..360], all, "the second destination is pending"),
        (&claims[360..], all - 360, "nothing pending"),
    ] {
        store
            .record(&group.iter().map(sent).collect::<Vec<_>>(), now)
            .unwrap();
        assert_eq!(with_json(), want, "{why}");
    }
    let reports = stored(&settings).reports;
    let is_kept = |row: &ReportRow| row.sessions == 1 && row.made == "2026-11-21 00:00:00";
    assert!(reports.len() == DOMAINS && reports.iter().all(is_kept));
    // Three reports a page before; what an UPDATE makes shorter frees no page. (Of SQLite: PostgreSQL's autovacuum comes later.)
    assert!(
        engine == Engine::Postgres || pages() < pages_before - 360 / 4,
        "{} pages of {pages_before} are in use",
        pages()
    );
}

/// A mail counts against the domain that it was sent to when that domain's own record, or the operator, has named it.
#[each_engine]
fn whose_mails_count_for_the_loop_guard() {
    let folder = folder();
    let guard = [
        "--loop_guard=yes",
        "--bcc_address=postmaster@Copies.example",
    ];
    let settings = settings(folder.path(), &guard);
    let mut store = open(&settings);
    let now = at("21T00:00:00");
    let central = Destination::new("mailto:all@central.example", NamedBy::Operator);
    let by_map = report("mapped.example", "{}", vec![(central, now)]);
    let decisions = [
        decision(
            "a.example",
            &["mailto:r@A.example", "mailto:x@neighbour.example"],
            now,
        ),
        decision("copies.example", &["mailto:r@copies.example"], now),
        decision("b.example", &["https://b.example/"], now),
        by_map,
    ];
    store.store_decisions(day(), &decisions, now).unwrap();
    let sent = |claimed: &Delivery| AttemptEnd {
        r_id: claimed.r_id,
        destination: claimed.destination.clone(),
        gzip: None,
        disposition: Disposition::Final {
            status: DeliveryStatus::Sent,
            reason: String::new(),
        },
    };
    let mut deliveries = 0;
    loop {
        let ends: Vec<_> = claim(&mut *store, now, 100).iter().map(sent).collect();
        if ends.is_empty() {
            break;
        }
        deliveries += ends.len();
        store.record(&ends, now).unwrap();
    }
    assert_eq!(deliveries, 5);
    let now_stored = stored(&settings);
    for (domain, want, why) in [
        ("a.example", 1, "its own record names it"),
        ("neighbour.example", 0, "another one's record does"),
        (
            "copies.example",
            4,
            "three copies, and one mail that needs no second session for it",
        ),
        ("central.example", 1, "the operator's map"),
        ("b.example", 0, "no mail"),
        ("", 4, "all that the relay took"),
    ] {
        assert_eq!(now_stored.mails_to(domain), want, "{why}");
    }
    // They stay as long as the guard needs them, however short a time reports are kept.
    for (oldest, left) in [("2026-11-27", 1), ("2026-11-28", 1), ("2026-11-29", 0)] {
        while store.clean(Day::parse(oldest).unwrap()).unwrap() {}
        assert_eq!(stored(&settings).mails_to("a.example"), left, "{oldest}");
    }
}

/// A file of SQLite; a fleet's database is there before us.
#[test]
fn status_before_there_is_a_database() {
    let folder = Engine::Sqlite.folder();
    let settings = settings(folder.path(), &[]);
    let read = || {
        open_for_operator(&settings, OperatorAccess::Read)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(read().contains("there is no database"), "{}", read());
    std::fs::write(&settings.dbname, "").unwrap();
    assert!(read().contains("there is no database"), "{}", read());
}
