//! Sequences of attempts, on a clock that stands in the test.

use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use rand::SeedableRng as _;

use super::{slots::PATIENCE, *};
use crate::deliver::{PreparedMail, Progress};
use crate::model::{Delivery, Destination, NamedBy, Payload, ReportKind, StoredReport};

const SECOND: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(10);

fn queued(domain: &str, uri: &str, delivered_before: bool) -> Queued {
    let report = StoredReport {
        day: Day::parse("2026-11-20").unwrap(),
        domain: Domain::parse(domain).unwrap(),
        uniqid: 1,
        json: String::new(),
        created: Timestamp::UNIX_EPOCH,
        installation: InstallationId::parse("0123456789abcdef").unwrap(),
        kind: ReportKind::Sessions,
        payload: Payload::default(),
    };
    let destination = Destination::new(uri, NamedBy::Record);
    let delivery = Delivery {
        r_id: 1,
        report: Arc::new(report),
        queue: destination.queue(),
        destination,
        failures: 0,
        first: Timestamp::UNIX_EPOCH,
        begins_window: true,
        date: Timestamp::UNIX_EPOCH,
        delivered_before,
        request: None,
    };
    let mail = PreparedMail::default();
    Queued { delivery, mail }
}

struct Play {
    scheduler: Scheduler,
    now: Instant,
    events: mpsc::UnboundedReceiver<DeliveryEvent>,
}

impl Play {
    /// So many deliveries at once, and so many a host.
    fn new(deliveries: usize, per_host: usize) -> Play {
        let (sender, events) = mpsc::unbounded_channel();
        let limits = ConcurrencyLimits::new(deliveries, per_host, 0, 20_000);
        Play {
            scheduler: Scheduler::new(limits, StdRng::seed_from_u64(1), sender),
            now: Instant::now(),
            events,
        }
    }

    fn push(&mut self, domain: &str, uri: &str, delivered_before: bool) {
        let queued = queued(domain, uri, delivered_before);
        self.scheduler.push(queued, self.now);
    }

    /// All that start now.
    fn start(&mut self) -> Vec<Attempt> {
        let mut started = Vec::new();
        while let Some(RunnerTask::Attempt(attempt)) = self.scheduler.next(self.now) {
            started.push(*attempt);
        }
        started
    }

    fn end(&mut self, attempt: Attempt, outcome: Outcome) {
        self.scheduler.end(attempt, outcome, self.now);
    }

    fn review(&mut self, attempt: &Attempt, since: Option<Instant>) -> Review {
        let progress = match since {
            Some(since) => Progress::waiting_since(since, PATIENT),
            None => Progress::default(),
        };
        self.scheduler.review(attempt.id, &progress, self.now)
    }

    fn review_connecting(&mut self, attempt: &Attempt, since: Instant) -> Review {
        let progress = Progress::connecting_since(since);
        self.scheduler.review(attempt.id, &progress, self.now)
    }
}

fn sent() -> Outcome {
    let detail = String::new();
    Outcome::Sent { detail }
}

fn domains(attempts: &[Attempt]) -> Vec<&str> {
    attempts
        .iter()
        .map(|attempt| attempt.queued.delivery.domain())
        .collect()
}

#[test]
fn posts_take_no_room_from_mails_and_the_slow_give_theirs_back() {
    let mut play = Play::new(2, 2);
    for number in 0..30 {
        let domain = format!("d{number}.example");
        play.push(&domain, &format!("https://{domain}/"), false);
    }
    let mut posts = play.start();
    assert_eq!(posts.len(), 2, "max_concurrent_deliveries");
    play.push("m.example", "mailto:a@m.example", false);
    assert_eq!(domains(&play.start()), ["m.example"], "mails do not wait");
    let begun = play.now;
    // A second each: then they are slow, and others have their turn, until the room for the slow is full.
    for round in 1..=8 {
        play.now += SECOND;
        for attempt in &posts[2 * round - 2..] {
            assert_eq!(
                play.review(attempt, Some(begun)),
                Review::SlotFreed,
                "{round}"
            );
        }
        posts.extend(play.start());
        assert_eq!(posts.len(), 2 * round + 2, "{round}");
    }
    play.now += SECOND;
    assert_eq!(play.review(&posts[16], None), Review::Unchanged, "no room");
    play.now = begun + PATIENT;
    assert_eq!(
        play.review(&posts[0], Some(begun + SECOND)),
        Review::Unchanged
    );
    assert_eq!(
        play.review(&posts[1], Some(begun)),
        Review::CutOff,
        "longest"
    );
    assert_eq!(
        play.review(&posts[2], Some(begun)),
        Review::Unchanged,
        "enough"
    );
    let cut = posts.remove(1);
    play.end(cut, sent());
    let crowded = posts.remove(15);
    assert_eq!(play.review(&crowded, Some(begun)), Review::SlotFreed);
    assert_eq!(play.start().len(), 1, "the next has its turn");
}

#[test]
fn at_a_shared_host_those_whose_reports_arrive_go_first() {
    let mut play = Play::new(64, 2);
    let uri = |n: usize| format!("https://saas.example/{n}");
    play.push("first.example", &uri(0), false);
    play.push("other.example", &uri(1), false);
    let mut attempts = play.start();
    assert_eq!(attempts.len(), 1, "one finds out whether somebody is there");
    play.end(attempts.remove(0), sent());
    play.push("stranger.example", &uri(2), false);
    play.push("customer.example", &uri(3), true);
    let strangers = play.start();
    assert_eq!(domains(&strangers), ["customer.example", "other.example"]);
    let since = play.now;
    play.now += PATIENT;
    let [customer, other] = &strangers[..] else {
        panic!()
    };
    assert_eq!(
        play.review(other, Some(since)),
        Review::SlotFreed,
        "an unknown one waits, which has no better standing"
    );
    play.push("second.example", &uri(4), true);
    assert_eq!(
        play.review(other, Some(since)),
        Review::CutOff,
        "the host is prompt for others, and a customer waits"
    );
    let _ = customer;
    let mut strangers = strangers;
    play.end(strangers.remove(1), sent());
    assert_eq!(domains(&play.start()), ["second.example"]);
}

#[test]
fn a_host_that_is_slow_for_all_is_waited_for() {
    let mut play = Play::new(64, 1);
    for number in 0..3 {
        let uri = format!("https://slow.example/{number}");
        play.push(&format!("d{number}.example"), &uri, true);
    }
    let attempt = play.start().remove(0);
    let since = play.now;
    play.now += PATIENCE - SECOND;
    assert_eq!(
        play.review(&attempt, Some(since)),
        Review::SlotFreed,
        "not quick"
    );
    play.now += SECOND;
    assert_eq!(
        play.review(&attempt, Some(since)),
        Review::CutOff,
        "it has had its time"
    );
    play.end(attempt, sent());
    // From now on nobody is cut twice.
    for cut in [true, false, false] {
        play.push("d0.example", "https://slow.example/0", true);
        let attempt = play.start().remove(0);
        let since = play.now;
        play.now += PATIENCE * 5;
        let is_cut = play.review(&attempt, Some(since)) == Review::CutOff;
        assert_eq!(is_cut, cut, "{}", attempt.queued.delivery.domain());
        play.end(attempt, sent());
    }
}

#[test]
fn retry_after_delays_the_domain_that_it_was_given_to() {
    let mut play = Play::new(64, 4);
    let uri = |n: usize| format!("https://saas.example/{n}");
    play.push("a.example", &uri(0), false);
    let attempt = play.start().remove(0);
    let wish = Duration::from_secs(3600);
    let busy = Outcome::Retry {
        reason: String::new(),
        after: Some(wish),
    };
    play.end(attempt, busy);
    let event = play.events.try_recv().unwrap();
    assert!(matches!(event, DeliveryEvent::Attempted { .. }));
    play.push("a.example", &uri(1), false);
    play.push("b.example", &uri(2), false);
    assert_eq!(domains(&play.start()), ["b.example"]);
    match play.events.try_recv().unwrap() {
        DeliveryEvent::PutOff(delivery, left) => {
            assert_eq!((delivery.domain(), left), ("a.example", wish));
        }
        DeliveryEvent::Attempted { .. } => panic!("it has to wait"),
    }
}

#[test]
fn hosts_without_number_do_not_erase_what_is_known_of_the_relay() {
    let mut play = Play::new(64, 4);
    let nobody = || Outcome::Unreachable {
        reason: String::new(),
    };
    let relay = "mailto:r@x.example";
    for _ in 0..5 {
        play.push("x.example", relay, true);
        let attempt = play.start().pop().unwrap();
        play.end(attempt, nobody());
    }
    let is_paused = |play: &Play| {
        let queue = play.scheduler.hosts["mailto:"].queue(&QueueKey::Relay);
        queue.is_some_and(|queue| queue.throttle.is_paused(play.now))
    };
    assert!(is_paused(&play));
    for number in 0..20 {
        play.push("x.example", &format!("https://h{number}.example/"), false);
        for attempt in play.start() {
            play.end(attempt, nobody());
        }
    }
    let gone = play.scheduler.forget(0, play.now);
    assert_eq!(gone.len(), 20);
    assert!(is_paused(&play), "the relay is the operator's");
}

/// Hosts that never answer a SYN.
#[test]
fn who_is_not_connected_makes_way_while_others_are_crowded() {
    let mut play = Play::new(2, 2);
    for number in 0..18 {
        let uri = format!("https://dead{number}.example/");
        play.push("x.example", &uri, false);
    }
    let mut attempts = Vec::new();
    // Two places, and sixteen for slow ones.
    while attempts.len() < 18 {
        let begun = play.start();
        assert!(!begun.is_empty(), "{}", attempts.len());
        let since = play.now;
        play.now += SECOND;
        for attempt in &begun {
            play.review_connecting(attempt, since);
        }
        attempts.extend(begun.into_iter().map(|attempt| (attempt, since)));
    }
    let (last, others) = attempts.split_at(16);
    assert_eq!(
        play.review(&last[0].0, None),
        Review::Unchanged,
        "it does not tell how far it is"
    );
    let (young, since) = &others[0];
    assert_eq!(
        play.review_connecting(young, *since),
        Review::Unchanged,
        "for a second"
    );
    play.now += SECOND;
    let mut cut = 0;
    for (attempt, since) in &attempts {
        cut += usize::from(play.review_connecting(attempt, *since) == Review::CutOff);
    }
    assert_eq!(cut, 2, "as many as are crowded");
}

/// They take a place for ten seconds each, where none is cut.
#[test]
fn hosts_without_number_that_never_connect_leave_places_soon() {
    const TICK: Duration = Duration::from_millis(250);
    let (mut play, hosts) = (Play::new(64, 4), 4000);
    for number in 0..hosts {
        play.push(
            "x.example",
            &format!("https://dead{number}.example/"),
            false,
        );
    }
    let (start, mut begun, mut under_way) = (play.now, 0, VecDeque::new());
    while begun < hosts {
        let now = play.now;
        let attempts = play.start();
        begun += attempts.len();
        under_way.extend(attempts.into_iter().map(|attempt| (attempt, now)));
        play.now += TICK;
        for _ in 0..under_way.len() {
            let (attempt, since): (Attempt, Instant) = under_way.pop_front().unwrap();
            let lasts = play.now - since;
            // As the runner does: at first, and then every second.
            let is_looked_at = lasts == TICK || lasts.as_millis().is_multiple_of(1000);
            let is_cut = is_looked_at && play.review_connecting(&attempt, since) == Review::CutOff;
            if is_cut || lasts >= SECOND * 10 {
                let reason = String::new();
                play.end(attempt, Outcome::Unreachable { reason });
            } else {
                under_way.push_back((attempt, since));
            }
        }
    }
    let took = play.now - start;
    assert!(took < SECOND * 35, "{took:?}");
}

#[test]
fn memory_that_is_free_again_costs_no_post() {
    let mut play = Play::new(2, 2);
    for number in 0..2 {
        play.push("x.example", &format!("https://h{number}.example/"), false);
    }
    let mut attempts = play.start();
    play.scheduler.want_slot();
    play.end(attempts.pop().unwrap(), sent());
    let since = play.now;
    play.now += SECOND * 60;
    assert_ne!(play.review(&attempts[0], Some(since)), Review::CutOff);
    play.scheduler.want_slot();
    assert_eq!(play.review(&attempts[0], Some(since)), Review::CutOff);
}

/// So that no queue runs dry while more is due, and nobody is told for nothing.
#[test]
fn the_daemon_is_told_once_when_half_is_left_and_more_is_due() {
    for (uri, is_due, want, why) in [
        ("mailto:r@x.example", true, [4].as_slice(), "half of eight"),
        ("https://h.example/", true, &[4], "the same of a host"),
        ("https://h.example/", false, &[], "there is no more"),
    ] {
        let mut play = Play::new(1, 1);
        for _ in 0..8 {
            play.push("x.example", uri, false);
        }
        let key = Destination::new(uri, NamedBy::Record).queue();
        play.scheduler.claimed(|_| is_due, play.now);
        let mut told = Vec::new();
        for left in (0..8).rev() {
            let attempt = play.start().pop().unwrap();
            let is_told = play.scheduler.capacity_changed.notified().now_or_never();
            told.extend(is_told.map(|()| left));
            play.end(attempt, sent());
        }
        assert_eq!(told, want, "{uri}: {why}");
        let knows = |play: &Play| {
            let host = play.scheduler.hosts.get(key.host());
            host.is_some_and(|host| host.queue(&key).is_some())
        };
        let is_kept = is_due || key.is_local();
        assert_eq!(knows(&play), is_kept, "{uri}: more comes at once, {why}");
        play.scheduler.claimed(|_| false, play.now);
        assert_eq!(knows(&play), key.is_local(), "{uri}: nothing more came");
    }
}
