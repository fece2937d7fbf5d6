//! Hosts that are dead, full or busy, and how often they hear of us: the whole reporter on a virtual clock.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_reporter::{deliver::Outcome, lookup::from_texts};

use crate::{
    HOUR, NOW, YESTERDAY_ONLY,
    environment::{
        TestEnvironment, counted, distinct, each_engine, folder, lines, retry, run, sent, settings,
        stored, unreachable,
    },
};

/// Shortly after midnight: the next day is far.
const BEGIN: &str = "2026-11-21T00:20:00Z";
pub const YESTERDAY: &str = "2026-11-20";

/// So many domains, with this record each.
pub fn environment(
    domains: usize,
    record: impl Fn(&str) -> String + Send + Sync + 'static,
) -> TestEnvironment {
    let mut environment = TestEnvironment::new(BEGIN);
    environment.gather = Box::new(move |_, _| {
        let domain = |number| counted(&format!("d{number:05}.example"), 1);
        Ok((0..domains).map(domain).collect())
    });
    environment.lookup = Box::new(move |domain| Some(from_texts(&[record(domain.as_str())])));
    environment.hurries = true;
    environment
}

pub fn by_mail(domain: &str) -> String {
    format!("v=TLSRPTv1;rua=mailto:r@{domain}")
}

/// Every seventh domain has one of its own, the others share one.
fn by_https(domain: &str) -> String {
    let number: u32 = domain[1..6].parse().unwrap();
    match number % 7 {
        0 => format!("v=TLSRPTv1;rua=https://own.{domain}/"),
        _ => format!("v=TLSRPTv1;rua=https://shared.example/{domain}"),
    }
}

pub fn ends(settings: &Reportd, day: &str) -> Vec<String> {
    let mut deliveries = stored(settings).deliveries;
    deliveries.retain(|row| row.day == day);
    let status = distinct(&deliveries, |row| row.status().to_owned());
    let number = |status: &str| {
        deliveries
            .iter()
            .filter(|row| row.status() == status)
            .count()
    };
    lines(&status, |status| format!("{status}|{}", number(status)))
}

/// When each attempt began.
pub fn attempts(environment: &TestEnvironment, to: &str) -> Vec<(Timestamp, bool)> {
    let seen = environment.seen.lock().unwrap();
    let there = seen.iter().filter(|seen| seen.uri.contains(to));
    there.map(|seen| (seen.at, seen.taken)).collect()
}

fn most_in(time: Duration, attempts: &[(Timestamp, bool)]) -> usize {
    let end_of = |at: Timestamp| at + time;
    let count = |(first, (at, _)): (usize, &(Timestamp, bool))| {
        attempts[first..].partition_point(|(other, _)| *other < end_of(*at))
    };
    attempts.iter().enumerate().map(count).max().unwrap_or(0)
}

#[each_engine]
async fn a_host_that_is_dead_for_one_domain_is_dead_for_all_and_slows_nobody() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(2000, by_https);
    let back = environment.begin + HOUR * 3;
    let zero = (environment.begin, environment.zero);
    environment.receive = Box::new(move |delivery, _| {
        let is_shared = delivery.destination.uri().contains("shared");
        match is_shared && zero.0 + zero.1.elapsed() < back {
            true => (unreachable("time-out"), Duration::from_secs(10)),
            false => (sent(), Duration::from_millis(20)),
        }
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 6).await.unwrap();
    assert_eq!(ends(&settings, YESTERDAY), ["sent|2000"]);
    let others = attempts(&environment, "own.");
    let last = others.iter().map(|(at, _)| *at).max().unwrap();
    assert_eq!(others.len(), 286);
    assert!(
        last < environment.begin + Duration::from_secs(60),
        "nobody else waits: {last}"
    );
    let shared = attempts(&environment, "shared");
    let in_vain = shared.iter().filter(|(_, taken)| !taken).count();
    assert!((12..=35).contains(&in_vain), "{in_vain} attempts in vain");
    let first = shared.iter().find(|(_, taken)| *taken).unwrap().0;
    assert!(
        first < back + Duration::from_secs(930),
        "it is noticed that it is back: {first}"
    );
    let taken: Vec<_> = shared.into_iter().filter(|(_, taken)| *taken).collect();
    let most = most_in(Duration::from_secs(1), &taken);
    assert!((45..=54).contains(&most), "no herd: {most} in a second");
    assert_eq!(taken.len(), 1714);
}

/// A host that is busy for one customer after the other is busy: then not each of five hundred asks it.
#[each_engine]
async fn a_busy_host_is_held_back_for_all() {
    let folder = folder();
    let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
    let mut environment = environment(500, by_https);
    let (begin, zero) = (environment.begin, environment.zero);
    let until = begin + HOUR;
    environment.receive = Box::new(move |delivery, _| {
        let is_shared = delivery.destination.uri().contains("shared");
        let now = begin + zero.elapsed();
        let outcome = match is_shared && now < until {
            true => busy(Duration::try_from(until.duration_since(now)).unwrap()),
            false => sent(),
        };
        (outcome, Duration::from_millis(300))
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 4).await.unwrap();
    assert_eq!(ends(&settings, YESTERDAY), ["sent|500"]);
    let shared = attempts(&environment, "shared");
    let refused = shared.iter().filter(|(_, taken)| !taken).count();
    assert!((20..=600).contains(&refused), "{refused} attempts in vain");
    let most = most_in(Duration::from_secs(12), &shared[..refused]);
    assert!(most <= 20 + 4, "with those under way {most} in a row");
    let failed = stored(&settings).failures();
    assert_eq!(failed, refused as i64, "nobody else failed");
}

fn busy(wish: Duration) -> Outcome {
    Outcome::Retry {
        reason: "503 Service Unavailable".into(),
        after: Some(wish),
    }
}

/// The first forty domains belong to somebody who has ten places each in his record; the others are customers of the host.
fn strangers(place: impl Fn(&str, usize) -> String) -> impl Fn(&str) -> String {
    move |domain| {
        let number: usize = domain[1..6].parse().unwrap();
        match number < 40 {
            true => {
                let places: Vec<String> = (0..10).map(|n| place(domain, n)).collect();
                format!("v=TLSRPTv1;rua={}", places.join(","))
            }
            false => format!("v=TLSRPTv1;rua=https://saas.example/{domain}"),
        }
    }
}

/// The strangers' places by domain and number, how those answer, and what may follow: attempts there, and seconds until the
/// last neighbour is served.
type Case = (
    &'static str,
    fn(&str, usize) -> String,
    Box<dyn Fn() -> (Outcome, Duration) + Send + Sync>,
    usize,
    u64,
);

/// Strangers share a host: what one of them has there is no neighbour's affair.
#[each_engine]
async fn strangers_do_not_hold_a_shared_host() {
    let wish = || busy(HOUR);
    let longest = Duration::from_secs(600);
    #[rustfmt::skip]
    let rows: [Case; 6] = [
        ("a port where nobody listens", |_, n| format!("https://saas.example:81/{n}"),
            Box::new(|| (unreachable("refused"), Duration::from_millis(5))), 80, 60),
        ("a port that swallows everything", |_, n| format!("https://saas.example:81/{n}"),
            Box::new(|| (unreachable("time-out"), Duration::from_secs(10))), 80, 60),
        ("a port each, all of them swallow", |d, n| format!("https://saas.example:1{}{n}/", &d[3..6]),
            Box::new(|| (unreachable("time-out"), Duration::from_secs(10))), 4000, 60),
        ("places that are busy for an hour", |d, n| format!("https://saas.example/{d}/{n}"),
            Box::new(move || (wish(), Duration::from_millis(20))), 400 * 5, 300),
        ("places that take 20 s", |d, n| format!("https://saas.example/{d}/{n}"),
            Box::new(|| (sent(), Duration::from_secs(20))), 1000, 1500),
        ("places that never answer", |d, n| format!("https://saas.example/{d}/{n}"),
            Box::new(move || (retry("no answer"), longest)), 4000, 1500),
    ];
    for (why, place, outcome, most, within) in rows {
        let folder = folder();
        let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
        let mut environment = environment(100, strangers(place));
        environment.receive = Box::new(move |delivery, _| {
            let number: usize = delivery.report.domain.as_str()[1..6].parse().unwrap();
            match number < 40 {
                true => outcome(),
                false => (sent(), Duration::from_millis(50)),
            }
        });
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR * 3).await.unwrap();
        let seen = environment.seen.lock().unwrap();
        let is_neighbour = |domain: &str| domain[1..6].parse::<usize>().unwrap() >= 40;
        let (neighbours, others): (Vec<_>, Vec<_>) =
            seen.iter().partition(|seen| is_neighbour(&seen.domain));
        assert_eq!(neighbours.len(), 60, "{why}: each neighbour once");
        let last = neighbours.iter().map(|seen| seen.at).max().unwrap();
        let took = last.duration_since(environment.begin).as_secs();
        assert!(took <= within as i64, "{why}: the last after {took} s");
        assert!(others.len() <= most, "{why}: {} attempts", others.len());
        let bound = environment.under_way.lock().unwrap()["saas.example"].1;
        assert!(bound <= 4, "{why}: {bound} connections");
        println!(
            "{why}: neighbours after {took} s, {} attempts of strangers",
            others.len()
        );
    }
}

/// Hosts without number that are slow, beside mails and beside hosts that are not.
#[each_engine]
async fn slow_hosts_without_number_delay_nobody() {
    for (hosts, takes, within) in [(200, 9, 5), (1000, 3600, 70)] {
        let folder = folder();
        let settings = settings(folder.path(), &[YESTERDAY_ONLY, NOW]);
        // Every tenth wants mail, every tenth has a quick host.
        let mut environment = environment(hosts * 10 / 8, move |domain| {
            let number: usize = domain[1..6].parse().unwrap();
            match number % 10 {
                0 => format!("v=TLSRPTv1;rua=mailto:r@{domain}"),
                1 => format!("v=TLSRPTv1;rua=https://quick.{domain}/"),
                _ => format!(
                    "v=TLSRPTv1;rua=https://slow{number}.evil.example/1,https://slow{number}.evil.example/2"
                ),
            }
        });
        environment.receive = Box::new(move |delivery, _| {
            let slow = delivery.destination.uri().contains("slow");
            let takes = if slow {
                Duration::from_secs(takes)
            } else {
                Duration::from_millis(100)
            };
            (sent(), takes)
        });
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR).await.unwrap();
        for (who, within) in [("mailto:", 5), ("quick", within)] {
            let seen = attempts(&environment, who);
            let last = seen.iter().map(|(at, _)| *at).max().unwrap();
            let took = last.duration_since(environment.begin).as_secs();
            println!(
                "{hosts} hosts, {takes} s: {} of {who} after {took} s",
                seen.len()
            );
            assert!(
                took <= within,
                "{hosts} hosts, {takes} s: {who} after {took} s"
            );
        }
        let most: usize = environment
            .under_way
            .lock()
            .unwrap()
            .values()
            .map(|(_, most)| most)
            .sum();
        assert!(most > 0);
        let slow = attempts(&environment, "slow").len();
        assert!(
            slow >= hosts / 2,
            "{hosts} hosts, {takes} s: the slow get on too: {slow}"
        );
    }
}

#[each_engine]
async fn a_quick_host_is_paced_and_the_relay_is_not() {
    for (rate, bound) in [("0", 2000), ("5", 5 + 4), ("50", 50 + 4)] {
        let folder = folder();
        let option = format!("--max_rate_per_host={rate}");
        let settings = settings(
            folder.path(),
            &[YESTERDAY_ONLY, NOW, &option, "--max_concurrent_per_host=16"],
        );
        let mut environment = environment(600, |domain| {
            format!("v=TLSRPTv1;rua=mailto:r@{domain},https://shared.example/{domain}")
        });
        environment.receive = Box::new(|_, _| (sent(), Duration::from_millis(1)));
        let environment = Arc::new(environment);
        run(&settings, &environment, None, HOUR).await.unwrap();
        assert_eq!(ends(&settings, YESTERDAY), ["sent|1200"]);
        let second = Duration::from_secs(1);
        let posts = most_in(second, &attempts(&environment, "https:"));
        assert!(posts <= bound, "{rate}: {posts}");
        assert!(posts * 2 >= bound.min(600), "{rate}: {posts}");
        let mails = most_in(second, &attempts(&environment, "mailto:"));
        assert!(mails > 200, "{rate}: {mails} mails");
    }
}

/// The proxy is down, or there are no certificates, for longer than `retry_window`.
#[each_engine]
async fn what_is_the_operators_to_mend_is_charged_to_no_post() {
    let folder = folder();
    let settings = settings(folder.path(), &[NOW]);
    let mut environment = environment(50, by_https);
    environment.gather = Box::new(|job, _| {
        let domains = if job.day.to_string() == YESTERDAY {
            50
        } else {
            0
        };
        let domain = |number| counted(&format!("d{number:05}.example"), 1);
        Ok((0..domains).map(domain).collect())
    });
    let (begin, zero) = (environment.begin, environment.zero);
    let back = begin + HOUR * 30;
    environment.receive = Box::new(move |_, _| match begin + zero.elapsed() < back {
        true => {
            let reason = "the proxy cannot be reached".to_owned();
            (Outcome::HttpsUnavailableHere { reason }, Duration::ZERO)
        }
        false => (sent(), Duration::from_millis(20)),
    });
    let environment = Arc::new(environment);
    run(&settings, &environment, None, HOUR * 29).await.unwrap();
    assert_eq!(stored(&settings).failures(), 0);
    run(&settings, &environment, None, HOUR * 2).await.unwrap();
    assert_eq!(ends(&settings, YESTERDAY), ["sent|50"]);
}
