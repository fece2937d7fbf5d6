//! Nothing waits for the database while more is due: the whole reporter on a virtual clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tlsrptd_reporter::store::{CommitSide, HookVerdict, Step};

use crate::{
    NOW, YESTERDAY_ONLY,
    environment::{each_engine, folder, run, sent, settings},
    hosts::{attempts, by_mail, environment},
};

const REPORTS: usize = 2000;
/// `max_concurrent_per_host`, by default.
const CONNECTIONS: usize = 4;

fn to_one_host(domain: &str) -> String {
    format!("v=TLSRPTv1;rua=https://one.example/{domain}")
}

/// A receiver that takes a report in a millisecond gets them without a pause, and many are recorded at a time.
#[each_engine]
async fn a_receiver_that_takes_reports_at_once_waits_for_nobody() {
    for who in ["mailto:", "https:"] {
        let folder = folder();
        let settings = settings(
            folder.path(),
            &[YESTERDAY_ONLY, NOW, "--max_rate_per_host=0"],
        );
        let mut environment = environment(
            REPORTS,
            match who {
                "mailto:" => by_mail,
                _ => to_one_host,
            },
        );
        environment.receive = Box::new(|_, _| (sent(), Duration::from_millis(1)));
        let environment = Arc::new(environment);
        let commits = Arc::new(AtomicUsize::new(0));
        let hook = {
            let commits = Arc::clone(&commits);
            Box::new(move |step, side| {
                if (step, side) == (Step::Recorded, CommitSide::After) {
                    commits.fetch_add(1, Ordering::Relaxed);
                }
                HookVerdict::Continue
            })
        };
        run(
            &settings,
            &environment,
            Some(hook),
            Duration::from_secs(600),
        )
        .await
        .unwrap();
        let began = attempts(&environment, who);
        assert_eq!(began.len(), REPORTS, "{who}");
        let began = || began.iter().map(|(at, _)| *at);
        let (first, last) = (began().min().unwrap(), began().max().unwrap());
        let took = last.duration_since(first).as_millis();
        let least = (REPORTS / CONNECTIONS) as i128;
        // Until the receiver has answered, less is claimed.
        assert!(took <= least + 20, "{who} {took} ms");
        let commits = commits.load(Ordering::Relaxed);
        assert!(commits <= REPORTS / 12, "{who} {commits} transactions");
    }
}
