//! Days, from the collector to the receivers.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use tlsrptd_reporter::{
    deliver::Outcome,
    lookup::LookupResult,
    store::{HookVerdict, Step},
};

use crate::{
    DAY, YESTERDAY_ONLY,
    environment::{
        self, TestEnvironment, counted, distinct, each_engine, folder, lines, or_dash, retry, run,
        sent, settings, stored,
    },
};

const BEGIN: &str = "2026-11-21T12:00:00Z";

#[each_engine]
async fn a_day_from_the_collector_to_its_receivers() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, "--fetchers=one,two"]);
    let environment = Arc::new(TestEnvironment::new(BEGIN));
    run(
        &settings,
        &environment,
        None,
        DAY / 2 - Duration::from_secs(60),
    )
    .await
    .unwrap();
    assert_eq!(
        lines(&stored(&settings).jobs, |row| {
            format!("{}|{}|{}", row.day, row.index, row.status())
        }),
        ["2026-11-20|1|ok", "2026-11-20|2|ok"]
    );
    assert_eq!(
        lines(&stored(&settings).reports, |row| {
            format!("{}|{}|{}", row.domain, row.uniqid, row.sessions)
        }),
        ["a.example|1|2", "b.example|1|4"],
        "one report a domain, both collectors in it"
    );
    let taken = environment.taken();
    assert_eq!(taken.len(), 4, "two domains, two addresses each: {taken:?}");
    assert!(taken.values().all(|seen| seen.len() == 1), "each once");
    let times: BTreeSet<_> = taken.values().map(|seen| seen[0].at).collect();
    assert_eq!(times.len(), 4, "each at its own time");
    assert_eq!(
        distinct(&stored(&settings).deliveries, |row| row.status().to_owned()),
        ["sent"]
    );
    assert!(
        !folder.path().join("reportd.sqlite-wal").exists(),
        "an orderly stop leaves no journal"
    );
}

#[each_engine]
async fn every_day_once_and_missed_days_late() {
    let folder = folder();
    let settings = settings(folder.path(), &["--spread_out_delivery=1"]);
    let environment = Arc::new(TestEnvironment::new(BEGIN));
    run(&settings, &environment, None, DAY * 3).await.unwrap();
    let days = distinct(&stored(&settings).reports, |row| row.day.clone());
    assert_eq!(
        days,
        [
            "2026-11-18",
            "2026-11-19",
            "2026-11-20",
            "2026-11-21",
            "2026-11-22",
            "2026-11-23"
        ]
    );
    assert!(
        environment.taken().values().all(|seen| seen.len() == 1),
        "each once"
    );
    // Away for ten days: what is younger than max_report_age goes out, nothing goes out again.
    tokio::time::sleep(DAY * 10).await;
    run(&settings, &environment, None, DAY / 4).await.unwrap();
    let mut days = distinct(&stored(&settings).reports, |row| row.day.clone());
    days.retain(|day| day.as_str() > "2026-11-23");
    assert_eq!(days, ["2026-12-01", "2026-12-02", "2026-12-03"]);
    assert!(
        environment.taken().values().all(|seen| seen.len() == 1),
        "still each once"
    );
}

/// On several threads decisions may end before the turn that began them does. With the virtual clock they cannot.
#[each_engine]
fn decisions_that_end_at_once_stop_nothing() {
    let folder = folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(decisions_that_end_at_once(folder.path()));
}

async fn decisions_that_end_at_once(folder: &Path) {
    let settings = settings(folder, &[YESTERDAY_ONLY]);
    let mut environment = TestEnvironment::new(BEGIN);
    environment.gather = Box::new(|_, _| {
        let domain = |number| counted(&format!("d{number}.example"), 1);
        Ok((0..2_000).map(domain).collect())
    });
    environment.hurries = true;
    let mut daemon = environment::daemon(&settings, Arc::new(environment), None, 1).unwrap();
    let (sender, mut orders) = tokio::sync::mpsc::channel(1);
    let is_closed = |settings: &tlsrptd_config::reportd::Reportd| {
        let stored = environment::read(&settings.dbname);
        stored.is_some_and(|stored| stored.jobs.iter().any(|row| row.status() == "ok"))
    };
    let path = settings.clone();
    let until_closed = tokio::spawn(async move {
        for _ in 0..300 {
            if is_closed(&path) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = sender.send(tlsrptd_reporter::daemon::Order::Stop).await;
    });
    daemon.run(&mut orders, |_| {}).await.unwrap();
    until_closed.await.unwrap();
    assert!(is_closed(&settings), "within half a minute");
    assert_eq!(stored(&settings).reports.len(), 2000);
}

#[each_engine]
async fn reasons_against_a_report() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY]);
    let mut environment = TestEnvironment::new(BEGIN);
    let bad = |domain: &str, data: &str| tlsrptd_reporter::model::Fetched {
        domain: domain.into(),
        data: data.into(),
    };
    environment.gather = Box::new(move |_, _| {
        let mut rows = vec![
            bad("", "{}"),
            bad("bad domain", "{}"),
            bad("broken.example", "{not json"),
            bad("empty.example", "{}"),
        ];
        rows.extend(
            ["dns-down", "good", "none", "several", "unusable"]
                .map(|name| counted(&format!("{name}.example"), 3)),
        );
        Ok(rows)
    });
    environment.lookup =
        Box::new(|domain| {
            Some(match domain.as_str() {
                "none.example" => LookupResult::OptedOut("no such name in DNS".into()),
                "several.example" => tlsrptd_reporter::lookup::from_texts(&[
                    "v=TLSRPTv1;rua=mailto:a@b.example".to_owned(),
                    "v=TLSRPTv1;rua=mailto:a@c.example".to_owned(),
                ]),
                "unusable.example" => tlsrptd_reporter::lookup::from_texts(&[
                    "v=TLSRPTv1;rua=http://a.example".to_owned(),
                ]),
                "dns-down.example" => LookupResult::Unknown("timed out".into()),
                name => tlsrptd_reporter::lookup::from_texts(&[environment::record(name)]),
            })
        });
    let environment = Arc::new(environment);
    run(
        &settings,
        &environment,
        None,
        DAY / 2 - Duration::from_secs(60),
    )
    .await
    .unwrap();
    let found = lines(&stored(&settings).reports, |row| {
        format!("{}|{}", row.domain, or_dash(&row.reason))
    });
    for (row, (want, why)) in found.iter().zip([
        ("|not a domain", "nor does one without a name"),
        ("bad domain|not a domain", "a bad domain stops nobody"),
        (
            "broken.example|no sessions",
            "a bad row is left with its reason",
        ),
        (
            "dns-down.example|-",
            "DNS fails: the record that the MTA saw",
        ),
        ("empty.example|no sessions", "nothing was counted"),
        ("good.example|-", "the others are reported"),
        ("none.example|opted out: no such name", "opted out"),
        (
            "several.example|opted out: 2 TLSRPT records",
            "two records are none",
        ),
        ("unusable.example|no usable URI", "nowhere to send it"),
    ]) {
        assert!(row.starts_with(want), "{why}: {row}");
    }
    assert_eq!(found.len(), 9);
    let mut bad = stored(&settings).data;
    bad.retain(|row| row.reason.is_some());
    assert_eq!(bad.len(), 1, "{bad:?}");
}

#[each_engine]
async fn attempts_are_repeated_with_the_same_bytes_and_end_with_a_word() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, "--spread_out_delivery=1"]);
    let mut environment = TestEnvironment::new(BEGIN);
    environment.gather = Box::new(|_, _| {
        Ok(["later", "never", "odd", "refused"]
            .map(|name| counted(&format!("{name}.example"), 1))
            .into())
    });
    environment.lookup = Box::new(|domain| {
        Some(tlsrptd_reporter::lookup::from_texts(&[format!(
            "v=TLSRPTv1;rua=mailto:r@{domain}"
        )]))
    });
    environment.receive = Box::new(|delivery, before| {
        let outcome = match delivery.report.domain.as_str() {
            "later.example" if before < 3 => retry("451 later"),
            "never.example" => retry("451 never"),
            "odd.example" => Outcome::UnknownScheme,
            "refused.example" => Outcome::Refused {
                reason: "550 no".into(),
            },
            _ => sent(),
        };
        (outcome, Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    // The day after tomorrow's midnight brings new days; theirs are other rows.
    run(&settings, &environment, None, DAY * 2).await.unwrap();
    let mut deliveries = stored(&settings).deliveries;
    deliveries.retain(|row| row.day == "2026-11-20");
    let ends = lines(&deliveries, |row| {
        format!("{}|{}", row.domain, row.status())
    });
    assert_eq!(
        ends,
        [
            "later.example|sent",
            "never.example|timedout",
            "odd.example|unknownrua",
            "refused.example|refused"
        ]
    );
    let seen = environment.seen.lock().unwrap();
    let never: Vec<_> = seen
        .iter()
        .filter(|seen| seen.domain == "never.example" && seen.day == "2026-11-20")
        .collect();
    assert!(never.len() > 5, "{} attempts", never.len());
    assert!(
        never.windows(2).all(|pair| pair[0].bytes == pair[1].bytes),
        "the same bytes"
    );
    let span = never[never.len() - 1].at.duration_since(never[0].at);
    assert!(
        span <= jiff::SignedDuration::from_hours(24) + jiff::SignedDuration::from_secs(1),
        "within the window: {span}"
    );
}

#[each_engine]
async fn what_was_sent_is_recorded_though_the_rest_cannot_be_put_back() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &[
            YESTERDAY_ONLY,
            "--spread_out_delivery=1",
            "--max_concurrent_deliveries=1",
        ],
    );
    let mut environment = TestEnvironment::new(BEGIN);
    environment.receive = Box::new(|_, _| (sent(), Duration::from_secs(5)));
    let environment = Arc::new(environment);
    let seen = Arc::clone(&environment);
    let hook = Box::new(move |step, _| match step {
        Step::Released if !seen.zero.elapsed().is_zero() => HookVerdict::Fail,
        _ => HookVerdict::Continue,
    });
    let ran = run(&settings, &environment, Some(hook), Duration::from_secs(3)).await;
    assert!(ran.unwrap_err().to_string().contains("Released"));
    assert_eq!(
        stored(&settings).ended("sent"),
        3,
        "a mail, and two posts: the first was slow, and left its place to the second"
    );
}

#[each_engine]
async fn a_slow_host_delays_nobody_else() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, "--spread_out_delivery=1"]);
    let mut environment = TestEnvironment::new(BEGIN);
    environment.gather = Box::new(|_, _| {
        Ok((0..300)
            .map(|n| counted(&format!("d{n}.example"), 1))
            .collect())
    });
    environment.lookup = Box::new(|domain| {
        let host = if domain.as_str() == "d299.example" {
            "quick"
        } else {
            "slow"
        };
        Some(tlsrptd_reporter::lookup::from_texts(&[format!(
            "v=TLSRPTv1;rua=https://{host}.example/{domain}"
        )]))
    });
    environment.receive = Box::new(|delivery, _| {
        let slow = delivery.destination.uri().contains("slow");
        (sent(), Duration::from_secs(if slow { 300 } else { 1 }))
    });
    let environment = Arc::new(environment);
    run(
        &settings,
        &environment,
        None,
        DAY / 2 - Duration::from_secs(60),
    )
    .await
    .unwrap();
    let seen = environment.seen.lock().unwrap();
    let quick = seen.iter().find(|seen| seen.uri.contains("quick")).unwrap();
    assert!(
        quick.at.duration_since(environment.begin).as_secs() < 10,
        "{}",
        quick.at
    );
    assert_eq!(
        environment.under_way.lock().unwrap()["slow.example"].1,
        4,
        "max_concurrent_per_host"
    );
    assert!(
        seen.len() > 300 / 2,
        "the slow one gets on too: {}",
        seen.len()
    );
}

#[each_engine]
async fn while_the_disk_is_full_nobody_is_asked_in_vain() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, "--spread_out_delivery=1"]);
    let environment = Arc::new(TestEnvironment::new(BEGIN));
    let is_full = |environment: &TestEnvironment| environment.zero.elapsed() < DAY / 24;
    let seen = Arc::clone(&environment);
    let hook = Box::new(move |step, _| match step {
        Step::RowsStored if is_full(&seen) => HookVerdict::Fail,
        _ => HookVerdict::Continue,
    });
    run(&settings, &environment, Some(hook), DAY / 12)
        .await
        .unwrap();
    let asked = environment.asked.lock().unwrap().len();
    assert!((5..20).contains(&asked), "{asked} times in an hour");
    assert_eq!(
        distinct(&stored(&settings).deliveries, |row| row.status().to_owned()),
        ["sent"]
    );
}
