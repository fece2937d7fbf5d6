//! A relay that is dead, greylists or refuses, on a virtual clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tlsrptd_reporter::deliver::Outcome;

use crate::{
    DAY, HOUR, NOW, YESTERDAY_ONLY,
    environment::{counted, each_engine, folder, retry, run, sent, settings, stored, unreachable},
    hosts::{YESTERDAY, attempts, by_mail, ends, environment},
};

#[each_engine]
async fn a_relay_that_is_dead_for_a_day_is_asked_now_and_then() {
    for (takes, why) in [
        (Duration::ZERO, "connections are refused at once"),
        (Duration::from_secs(10), "time-outs"),
    ] {
        let folder = folder();
        let settings = settings(folder.path(), &[YESTERDAY_ONLY]);
        let mut environment = environment(700, by_mail);
        let (begin, zero) = (environment.begin, environment.zero);
        let back = begin + DAY;
        environment.receive = Box::new(move |_, _| match begin + zero.elapsed() < back {
            true => (unreachable("no connection"), takes),
            false => (sent(), Duration::from_millis(20)),
        });
        let environment = Arc::new(environment);
        run(&settings, &environment, None, DAY - Duration::from_secs(60))
            .await
            .unwrap();
        let in_vain = attempts(&environment, "mailto:").len();
        assert!((90..=130).contains(&in_vain), "{in_vain} attempts: {why}");
        assert_eq!(
            stored(&settings).failures(),
            0,
            "the relay's failure is charged to nobody: {why}"
        );
        // The reporter is started again, and the relay some seconds later.
        run(&settings, &environment, None, HOUR * 6).await.unwrap();
        assert_eq!(
            ends(&settings, YESTERDAY),
            ["sent|700"],
            "nothing is lost: {why}"
        );
        let taken = environment.taken();
        assert!(taken.values().all(|seen| seen.len() == 1), "each once");
        let bound = environment.under_way.lock().unwrap()["mailto:"].1;
        assert!(bound <= 4, "max_concurrent_per_host: {bound}");
    }
}

/// A relay that greylists takes no mail when it sees it first, whoever it is for, and each one some minutes later.
#[each_engine]
async fn a_relay_that_greylists_gets_all_mails() {
    const MINUTES: Duration = Duration::from_secs(300);
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(300, by_mail);
    let (zero, known) = (environment.zero, Mutex::new((BTreeMap::new(), None)));
    environment.receive = Box::new(move |delivery, _| {
        let now = zero.elapsed();
        let (first, taken) = &mut *known.lock().unwrap();
        let since = *first
            .entry(delivery.destination.uri().to_owned())
            .or_insert(now);
        let outcome = if now - since >= MINUTES {
            *taken = Some(now);
            sent()
        } else if taken.is_some_and(|taken| now - taken < 3 * MINUTES) {
            retry("450 4.7.1 greylisted")
        } else {
            Outcome::Denied {
                reason: "450 4.7.1 greylisted".into(),
            }
        };
        (outcome, Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 2).await.unwrap();
    assert_eq!(ends(&settings, YESTERDAY), ["sent|300"]);
}

/// A relay that looks at each mail for a second gets as many a second as it has connections, and posts go on meanwhile as if
/// there were no mails.
#[each_engine]
async fn a_relay_that_takes_its_time_delays_no_post() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(1200, |domain| {
        let number: u32 = domain[1..6].parse().unwrap();
        match number % 6 {
            0 => format!(
                "v=TLSRPTv1;rua=https://host{}.example/{domain}",
                number % 16
            ),
            _ => by_mail(domain),
        }
    });
    environment.receive = Box::new(|delivery, _| {
        let is_mail = delivery.destination.uri().starts_with("mailto:");
        let takes = if is_mail { 1000 } else { 20 };
        (sent(), Duration::from_millis(takes))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR).await.unwrap();
    assert_eq!(ends(&settings, YESTERDAY), ["sent|1200"]);
    // 200 posts wait for nobody; of 1,000 mails four are under way at a time, without a pause.
    for (who, range) in [("https:", 0..=3), ("mailto:", 248..=255)] {
        let last = attempts(&environment, who).iter().map(|(at, _)| *at).max();
        let took = last.unwrap().duration_since(environment.begin).as_secs();
        assert!(range.contains(&took), "{who} after {took} s");
    }
}

/// Mails that no relay takes ask no more often than every other time whether it takes any.
#[each_engine]
async fn twenty_mails_that_are_never_taken_hold_up_no_other() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(100, by_mail);
    let (zero, tried) = (environment.zero, Mutex::new((Vec::new(), None)));
    environment.receive = Box::new(move |delivery, _| {
        let now = zero.elapsed();
        let (poisoned, taken) = &mut *tried.lock().unwrap();
        // The first that come, whichever they are.
        let domain = delivery.report.domain.to_string();
        if poisoned.len() < 20 && !poisoned.contains(&domain) {
            poisoned.push(domain.clone());
        }
        let reason = "552 5.3.4 too big";
        let outcome = if !poisoned.contains(&domain) {
            *taken = Some(now);
            sent()
        } else if taken.is_some_and(|taken| now - taken < Duration::from_secs(900)) {
            retry(reason)
        } else {
            Outcome::Denied {
                reason: reason.into(),
            }
        };
        (outcome, Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 8).await.unwrap();
    assert_eq!(stored(&settings).ended("sent"), 80);
}

/// A filter denies all mails of one stranger, and for an hour the others' too.
#[each_engine]
async fn a_thousand_mails_of_a_stranger_do_not_starve_ten() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(0, by_mail);
    environment.gather = Box::new(|_, _| {
        let stranger = |n| counted(&format!("n{n}.evil.example"), 1);
        let genuine = |n| counted(&format!("genuine{n}.example"), 1);
        Ok((0..1000)
            .map(stranger)
            .chain((0..10).map(genuine))
            .collect())
    });
    let (zero, taken) = (environment.zero, Mutex::new(None));
    environment.receive = Box::new(move |delivery, _| {
        let (now, mut taken) = (zero.elapsed(), taken.lock().unwrap());
        let is_genuine = delivery.report.domain.as_str().starts_with("genuine");
        let is_lately = taken.is_some_and(|taken| now - taken < Duration::from_secs(900));
        let reason = "554 5.7.1 blocked by DBL";
        let outcome = match (is_genuine && now > HOUR, is_lately) {
            (true, _) => {
                *taken = Some(now);
                sent()
            }
            (false, true) => retry(reason),
            (false, false) => Outcome::Denied {
                reason: reason.into(),
            },
        };
        (outcome, Duration::from_millis(20))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 5).await.unwrap();
    assert_eq!(stored(&settings).ended("sent"), 10);
}
