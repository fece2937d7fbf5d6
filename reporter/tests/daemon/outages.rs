//! Outages of hours or days, one at a time, on the virtual clock: afterwards all is as it should be.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering::SeqCst},
    time::Duration,
};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{
    deliver::Outcome,
    lookup::{LookupResult, from_texts},
    model::{BounceBlame, BounceKind, Destination, NamedBy, RequestKind},
    store::{
        self, CommitSide, HookVerdict, NewBounce, NewRequest, OperatorAccess, Step, StoreError,
    },
};

use crate::{
    HOUR, YESTERDAY_ONLY,
    environment::{
        TestEnvironment, counted, dane, each_engine, folder, lines, make_store, record, run, sent,
        settings, stored,
    },
};

const BEGIN: &str = "2026-11-21T12:00:00Z";
const DAYS_DOMAINS: usize = 200;

fn many(
    _: &tlsrptd_reporter::model::FetchJob,
    _: Timestamp,
) -> Vec<tlsrptd_reporter::model::Fetched> {
    (0..DAYS_DOMAINS)
        .map(|number| counted(&format!("d{number}.example"), 1))
        .collect()
}

fn by_mail(domain: &str) -> LookupResult {
    from_texts(&[format!("v=TLSRPTv1;rua=mailto:r@{domain}")])
}

/// Each step in turn cannot be written for an hour. The reporter goes on, or is started again until it can.
#[each_engine]
async fn a_full_disk_at_every_step() {
    for step in Step::ALL.iter().copied() {
        let folder = folder();
        let settings = settings(
            folder.path(),
            &[
                YESTERDAY_ONLY,
                "--spread_out_delivery=1",
                "--fetchers=one,two",
                "--mx_reports=yes",
            ],
        );
        let mut environment = TestEnvironment::new(BEGIN);
        environment.sys4 = vec![2];
        environment.gather = Box::new(|_, _| {
            let at_host = dane("b.example", "mx.example", 2, 0);
            Ok(vec![counted("a.example", 1), at_host])
        });
        let environment = Arc::new(environment);
        make_store(&settings);
        ask_for_a_test(&settings, environment.now());
        bring_back_what_is_gone(&settings, environment.now());
        let met = Arc::new(AtomicBool::new(false));
        let ends = Duration::from_secs(3600 * 4);
        while environment.zero.elapsed() < ends {
            let (seen, met) = (Arc::clone(&environment), Arc::clone(&met));
            let hook = Box::new(move |reached, _| {
                let fails = reached == step && seen.zero.elapsed() < HOUR;
                met.fetch_or(fails, SeqCst);
                if fails {
                    HookVerdict::Fail
                } else {
                    HookVerdict::Continue
                }
            });
            let left = ends - environment.zero.elapsed();
            match run(&settings, &environment, Some(hook), left).await {
                Ok(()) => {}
                Err(StoreError::Step { .. } | StoreError::Open { .. }) => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                Err(other) => panic!("{step:?}: {other}"),
            }
        }
        // Nothing fails in an undisturbed run, the end of one comes only after the hour, and nobody wants a digest.
        let rare = ["JobFailed", "JobGivenUp", "DigestMade", "DigestRecorded"]
            .contains(&format!("{step:?}").as_str());
        assert!(met.load(SeqCst) || rare, "{step:?} was never reached");
        assert_eq!(
            lines(&stored(&settings).reports, |row| {
                format!("{}|{}|{}", row.domain, row.sessions, row.deliveries)
            }),
            ["a.example|2|2", "b.example|4|2", "mx.example|4|2"],
            "{step:?}",
        );
        assert_eq!(stored(&settings).ended("sent"), 6, "{step:?}",);
        for (key, seen) in environment.taken() {
            assert_eq!(
                seen.len(),
                1,
                "{:?}: {key:?} is sent once: its outcome was kept in mind",
                step
            );
        }
    }
}

/// Decisions cannot be written, for whatever reason. What was decided before goes out all the same, how it ended is recorded at
/// once, and collectors are asked for what was added to other days.
#[each_engine]
async fn deliveries_go_on_while_nothing_can_be_decided() {
    let folder = folder();
    let options = [
        "--max_report_age=259200",
        "--spread_out_delivery=1",
        "--late_interval=300",
    ];
    let settings = settings(folder.path(), &options);
    let mut environment = TestEnvironment::new("2026-11-21T23:30:00Z");
    let fails = Arc::new(AtomicBool::new(false));
    let is_time = Arc::clone(&fails);
    let later = || Outcome::Retry {
        reason: "451 later".into(),
        after: Some(HOUR / 6),
    };
    // They are greylisted until then.
    environment.receive = Box::new(move |_, _| match is_time.load(SeqCst) {
        false => (later(), Duration::from_secs(1)),
        true => (sent(), Duration::from_secs(1)),
    });
    let environment = Arc::new(environment);
    let (seen, met) = (Arc::clone(&environment), Arc::clone(&fails));
    let recorded: Arc<Mutex<Vec<Timestamp>>> = Arc::default();
    let outcomes = Arc::clone(&recorded);
    let hook = Box::new(move |step, side| {
        let is_next_day = seen.zero.elapsed() > HOUR / 2;
        match step {
            Step::Recorded if side == CommitSide::After => {
                outcomes.lock().unwrap().push(seen.now());
                HookVerdict::Continue
            }
            Step::Decided | Step::DayDecided if is_next_day => {
                met.store(true, SeqCst);
                HookVerdict::Fail
            }
            _ => HookVerdict::Continue,
        }
    });
    let collector = Arc::clone(&environment);
    tokio::spawn(async move {
        tokio::time::sleep(HOUR).await;
        let added = vec![vec![counted("a.example", 3)]];
        let mut all = collector.added.lock().unwrap();
        all.insert("2026-11-20".to_owned(), added);
    });
    run(&settings, &environment, Some(hook), 3 * HOUR / 2)
        .await
        .unwrap();
    assert!(fails.load(SeqCst), "it was never reached");
    let stored = stored(&settings);
    let days = stored.reports.iter().map(|row| row.day.as_str()).max();
    assert_eq!(days, Some("2026-11-20"), "the next one is not decided");
    let of_day = stored.deliveries.iter();
    let of_day = of_day.filter(|row| row.day == "2026-11-20");
    let states: Vec<&str> = of_day.map(|row| row.status()).collect();
    assert_eq!(states, ["sent"; 4]);
    let (seen, recorded) = (environment.seen.lock().unwrap(), recorded.lock().unwrap());
    for taken in seen.iter().filter(|seen| seen.taken) {
        let ended = taken.at + Duration::from_secs(1);
        let is_at_once = |at: &Timestamp| (0..2).contains(&at.duration_since(ended).as_secs());
        assert!(recorded.iter().any(is_at_once), "{ended}: {recorded:?}");
    }
    let asked = environment.asked.lock().unwrap();
    let other = asked.iter().filter(|(day, ..)| day == "2026-11-20");
    assert_eq!(other.count(), 2, "{asked:?}");
}

/// As `tlsrptctl send-test` does.
fn ask_for_a_test(settings: &Reportd, now: Timestamp) {
    let mut store = store::open_for_operator(settings, OperatorAccess::Write).unwrap();
    let request = NewRequest {
        kind: RequestKind::Test,
        report: None,
        destination: Destination::new("mailto:me@sender.example", NamedBy::Record),
        by: "operator".to_owned(),
    };
    store.ask(&[request], now).unwrap().unwrap();
}

/// As `tlsrptctl bounce` does for a mail whose row has been cleaned.
fn bring_back_what_is_gone(settings: &Reportd, now: Timestamp) {
    let mut store = store::open_for_operator(settings, OperatorAccess::Write).unwrap();
    let key = store.known_bounce_key().unwrap().unwrap();
    let bounce = NewBounce {
        tag: key.of_delivery(77, "2026-01-01", "a.example", 1, "mailto:tls@a.example"),
        kind: BounceKind::Failed,
        blame: BounceBlame::Address,
        text: "550 5.1.1 no such user".to_owned(),
    };
    assert!(store.add_bounce(&bounce, now).unwrap());
}

/// For longer than any retry window: what is the operator's to mend costs no report.
#[each_engine]
async fn a_relay_that_is_gone_or_denies_for_two_days() {
    let reason = || "no".to_owned();
    for outcome in [
        Outcome::Unreachable { reason: reason() },
        Outcome::Denied { reason: reason() },
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &["--spread_out_delivery=14400"]);
        let mut environment = TestEnvironment::new(BEGIN);
        environment.gather = Box::new(|job, now| Ok(many(job, now)));
        environment.lookup = Box::new(|domain| Some(by_mail(domain.as_str())));
        let gone = Arc::new(AtomicBool::new(true));
        let (is_gone, no) = (Arc::clone(&gone), outcome.clone());
        environment.receive = Box::new(move |_, _| match is_gone.load(SeqCst) {
            true => (no.clone(), Duration::from_secs(1)),
            false => (sent(), Duration::from_millis(20)),
        });
        let environment = Arc::new(environment);
        let back = Arc::clone(&gone);
        tokio::spawn(async move {
            tokio::time::sleep(HOUR * 52).await;
            back.store(false, SeqCst);
        });
        run(&settings, &environment, None, HOUR * 51).await.unwrap();
        let mut charged = stored(&settings).deliveries;
        charged.retain(|row| row.failures > 0 || row.status.is_some());
        assert!(charged.is_empty(), "{outcome:?}: charged to nobody");
        run(&settings, &environment, None, HOUR * 8).await.unwrap();
        let stored = stored(&settings);
        let all = stored.deliveries.len();
        assert!(
            all >= 600 && stored.ended("sent") == all,
            "{outcome:?}: all arrived"
        );
        let once = environment.taken().values().all(|seen| seen.len() == 1);
        assert!(once, "{outcome:?}: each once");
        let seen = environment.seen.lock().unwrap();
        let in_vain = seen.iter().filter(|seen| !seen.taken).count();
        // By its own schedule each would have tried nine times a day.
        assert!(
            in_vain < DAYS_DOMAINS * 3,
            "{outcome:?}: {in_vain} attempts in vain"
        );
    }
}

/// A relay with a slow filter has the mail long before it says so: who hangs up at a stop sends it again after the start.
#[each_engine]
async fn a_stop_waits_for_the_relay_where_it_has_the_mail() {
    for (has_mails, ends, why) in [
        (true, (4, 0), "each answer is heard"),
        (
            false,
            (0, 4),
            "nothing is out yet: nothing is lost by hanging up",
        ),
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &["--spread_out_delivery=1"]);
        let mut environment = TestEnvironment::new(BEGIN);
        environment.has_mails = has_mails;
        environment.lookup = Box::new(|domain| Some(by_mail(domain.as_str())));
        environment.receive = Box::new(|_, _| (sent(), Duration::from_secs(60)));
        let environment = Arc::new(environment);
        let begin = tokio::time::Instant::now();
        run(&settings, &environment, None, Duration::from_secs(20))
            .await
            .unwrap();
        let took = begin.elapsed().as_secs();
        assert!(took < if has_mails { 90 } else { 40 }, "{why}: {took} s");
        let stored = stored(&settings);
        let in_hand = stored.deliveries.iter().filter(|row| row.in_hand).count();
        assert_eq!((stored.ended("sent"), in_hand), ends, "{why}");
    }
}

#[each_engine]
async fn dns_that_is_gone_for_hours() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, "--spread_out_delivery=1"]);
    let mut environment = TestEnvironment::new("2026-11-21T00:00:10Z");
    environment.gather = Box::new(|job, now| Ok(many(job, now)));
    environment.lookup = Box::new(|_| Some(LookupResult::Unknown("timed out".to_owned())));
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 6).await.unwrap();
    let mut by_mta = stored(&settings).reports;
    by_mta.retain(|row| row.reason.is_none());
    assert_eq!(by_mta.len(), DAYS_DOMAINS, "by the record that the MTA saw");
    for ((_, domain, uri), seen) in environment.taken() {
        assert!(record(&domain).contains(&uri), "{uri}");
        assert_eq!(seen.len(), 1, "{uri}");
    }
}

/// Down for three days: what is young enough goes out late, each day with its own report.
#[each_engine]
async fn a_reporter_that_was_down_for_three_days() {
    let folder = folder();
    // Three mails on one day would be as many as the sessions.
    let settings = settings(
        folder.path(),
        &["--spread_out_delivery=3600", "--loop_guard=no"],
    );
    let environment = Arc::new(TestEnvironment::new(BEGIN));
    run(&settings, &environment, None, HOUR * 2).await.unwrap();
    tokio::time::sleep(HOUR * 72).await;
    run(&settings, &environment, None, HOUR * 8).await.unwrap();
    let deliveries = stored(&settings).deliveries;
    assert_eq!(
        lines(&deliveries, |row| format!(
            "{} {}",
            &row.day[8..],
            row.status()
        )),
        ["18", "19", "20", "21", "22", "23"]
            .map(|day| vec![format!("{day} sent"); 4])
            .concat()
    );
    assert!(
        environment.taken().values().all(|seen| seen.len() == 1),
        "each once"
    );
}
