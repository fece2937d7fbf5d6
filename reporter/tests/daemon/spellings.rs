//! One domain in two spellings, as sys4's collectors have it, is one domain.

use std::sync::Arc;

use tlsrptd_reporter::gather::GatherError;

use crate::{
    HOUR,
    environment::{
        TestEnvironment, counted, each_engine, folder, lines, or_dash, run, settings, stored,
        stored::DataRow,
    },
};

const USUAL: &str = "xn--bcher-kva.example";

/// The first collector speaks sys4's protocol and lists three spellings; the second is ours, and late.
fn environment() -> TestEnvironment {
    let mut environment = TestEnvironment::new("2026-11-21T00:00:10Z");
    environment.sys4 = vec![1];
    environment.gather = Box::new(|job, now| match job.index {
        1 => Ok(vec![
            counted("BÜCHER.example.", 8),
            counted("a.example", 1),
            counted("bücher.example", 1),
            counted(USUAL, 2),
        ]),
        _ if now < "2026-11-21T02:00:00Z".parse().unwrap() => {
            Err(GatherError::NotReady { newest: None })
        }
        _ => Ok(vec![counted(USUAL, 4)]),
    });
    environment
}

#[each_engine]
async fn two_spellings_get_one_report() {
    for restarted in [false, true] {
        let folder = folder();
        let settings = settings(
            folder.path(),
            &[
                "--max_report_age=86400",
                "--fetchers=one,two",
                "--spread_out_delivery=1",
            ],
        );
        let environment = Arc::new(environment());
        if restarted {
            run(&settings, &environment, None, HOUR).await.unwrap();
            let is_listed = |row: &DataRow| row.data.is_none() && row.status.is_none();
            let listed = lines(&stored(&settings).data, |row| {
                format!("{}|{}|{}", row.domain, row.command, is_listed(row))
            });
            let want = [
                "BÜCHER.example.|one|true",
                "a.example|one|true",
                "bücher.example|one|true",
                "xn--bcher-kva.example|one|true",
            ];
            assert_eq!(listed, want, "sys4 would ask for each");
        }
        run(&settings, &environment, None, HOUR * 4).await.unwrap();
        let stored = stored(&settings);
        assert_eq!(
            lines(&stored.reports, |row| format!(
                "{}|{}",
                row.domain, row.sessions
            )),
            [
                "BÜCHER.example.|0",
                "a.example|1",
                "bücher.example|0",
                "xn--bcher-kva.example|15"
            ],
            "all sessions are in one: {restarted}"
        );
        let mut moved: Vec<String> = stored
            .data
            .iter()
            .filter(|row| or_dash(&row.reason).starts_with("listed as "))
            .map(|row| format!("{}|{}", row.domain, or_dash(&row.reason)))
            .collect();
        moved.sort();
        assert_eq!(
            moved,
            [
                "xn--bcher-kva.example|listed as BÜCHER.example.",
                "xn--bcher-kva.example|listed as bücher.example"
            ]
        );
        let taken = environment.taken();
        assert_eq!(taken.len(), 4, "two addresses each: {taken:?}");
        assert!(taken.values().all(|seen| seen.len() == 1), "each once");
    }
}

/// The collector that lists another spelling answers when the domain is reported: what it has is late.
#[each_engine]
async fn another_spelling_of_a_reported_domain_is_late() {
    let folder = folder();
    let settings = settings(
        folder.path(),
        &["--fetchers=one,two,three", "--spread_out_delivery=1"],
    );
    let mut environment = TestEnvironment::new("2026-11-20T00:00:10Z");
    environment.sys4 = vec![1, 3];
    environment.gather = Box::new(|job, now| {
        let late = ["2026-11-20T23:00:00Z", "", "2026-11-21T12:00:00Z"];
        let late = late[job.index as usize - 1].parse();
        match job.index {
            2 => Ok(vec![counted(USUAL, 4)]),
            _ if late.is_ok_and(|late| now < late) => Err(GatherError::NotReady { newest: None }),
            1 => Ok(vec![counted("bücher.example", 8), counted("a.example", 3)]),
            _ => Ok(vec![counted("bücher.example", 16)]),
        }
    });
    run(&settings, &Arc::new(environment), None, HOUR * 64)
        .await
        .unwrap();
    let mut stored = stored(&settings);
    stored
        .reports
        .retain(|row| row.day == "2026-11-19" && row.sessions > 0);
    let reports = lines(&stored.reports, |row| {
        format!("{}|{}|{}", row.domain, row.uniqid, row.sessions)
    });
    let want = [
        "a.example|1|3",
        "xn--bcher-kva.example|1|4",
        "xn--bcher-kva.example|2|8",
        "xn--bcher-kva.example|3|16",
    ];
    assert_eq!(reports, want);
}
