//! What the operator asks for by a row, while the relay takes nothing and the clock moves, on a virtual clock.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{
    deliver::Outcome,
    model::{Destination, NamedBy, RequestKind},
    store::{NewRequest, OperatorAccess, RequestedReport, open_for_operator},
};

use crate::{
    DAY, HOUR, NOW, YESTERDAY_ONLY,
    environment::{TestEnvironment, each_engine, folder, lines, or_dash, run, settings, stored},
};

const AGAIN: &str = "mailto:again@a.example";

fn ask(settings: &Reportd, now: Timestamp) {
    let stored = stored(settings);
    let report = stored.reports.first().unwrap();
    let mut operator = open_for_operator(settings, OperatorAccess::Write).unwrap();
    let request = NewRequest {
        kind: RequestKind::Resend,
        report: Some(RequestedReport {
            r_id: report.r_id,
            day: Day::parse(&report.day).unwrap(),
            domain: report.domain.clone(),
        }),
        destination: Destination::new(AGAIN, NamedBy::Record),
        by: "root".to_owned(),
    };
    operator.ask(&[request], now).unwrap().unwrap();
}

fn requests(settings: &Reportd) -> Vec<String> {
    lines(&stored(settings).requests, |row| {
        format!("{}: {}", row.state, or_dash(&row.answer))
    })
}

/// As with a delivery: what waits for days because nobody takes it ends some day, and that is told.
#[each_engine]
async fn a_resend_ends_when_it_has_waited_for_too_long() {
    let denied = |reason: &str| Outcome::Denied {
        reason: reason.to_owned(),
    };
    let waited = "timedout: it has waited for longer than max_report_age: ";
    for (steps, lives, want, why) in [
        (&[][..], vec![DAY / 2], "waiting: ", "half a day"),
        (&[], vec![DAY * 3], waited, "three days"),
        (&[], vec![HOUR, DAY * 3], waited, "started again"),
        (
            &[(2 * HOUR, 30 * 86_400), (4 * HOUR, 0)],
            vec![DAY / 2],
            "waiting: ",
            "a clock that is ahead for two hours makes nothing old",
        ),
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW, "--loop_guard=no"]);
        let mut environment = TestEnvironment::new("2026-11-20T12:00:00Z");
        environment.receive = Box::new(move |delivery, _| {
            let outcome = match delivery.destination.uri() {
                AGAIN => denied("554 no"),
                _ => crate::environment::sent(),
            };
            (outcome, Duration::from_millis(20))
        });
        let begun = environment.begin;
        let offset = HOUR;
        environment.steps = steps
            .iter()
            .map(|(at, seconds)| (*at + offset, *seconds))
            .collect();
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR).await.unwrap();
        ask(&settings, begun + HOUR);
        for life in lives {
            run(&settings, &environment, None, life).await.unwrap();
        }
        let told = requests(&settings).remove(0);
        assert!(
            told.starts_with(want) && told.ends_with("554 no"),
            "{why}: {told}"
        );
    }
}
