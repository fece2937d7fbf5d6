//! Sequences of attempts, on a clock that stands in the test.

use std::sync::Arc;

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, domain::Domain, report::InstallationId};

use super::{room::PATIENCE, *};
use crate::deliver::{PreparedMail, Progress};
use crate::model::{Delivery, Destination, NamedBy, Payload, StoredReport};

const SECOND: Duration = Duration::from_secs(1);
const PATIENT: Duration = Duration::from_secs(10);

fn queued(domain: &str, uri: &str, has_worked: bool) -> Queued {
    let report = StoredReport {
        day: Day::parse("2026-11-20").unwrap(),
        domain: Domain::parse(domain).unwrap(),
        uniqid: 1,
        json: String::new(),
        created: Timestamp::UNIX_EPOCH,
        installation: InstallationId::parse("0123456789abcdef").unwrap(),
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
        has_worked,
    };
    let mail = PreparedMail::default();
    Queued { delivery, mail }
}

struct Play {
    scheduler: Scheduler,
    now: Instant,
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Play {
    /// So many deliveries at once, and so many a host.
    fn new(deliveries: usize, per_host: usize) -> Play {
        let (sender, ended) = mpsc::unbounded_channel();
        let limits = Limits::new(deliveries, per_host, 0, 20_000);
        Play {
            scheduler: Scheduler::new(limits, sender),
            now: Instant::now(),
            ended,
        }
    }

    fn push(&mut self, domain: &str, uri: &str, has_worked: bool) {
        let queued = queued(domain, uri, has_worked);
        self.scheduler.push(queued, self.now);
    }

    /// All that begin now, by their domains.
    fn begin(&mut self) -> Vec<Job> {
        let mut begun = Vec::new();
        while let Some(Next::Begin(job)) = self.scheduler.next(self.now) {
            begun.push(*job);
        }
        begun
    }

    fn end(&mut self, job: Job, outcome: Outcome) {
        self.scheduler.end(job, outcome, self.now);
    }

    fn look(&mut self, job: &Job, since: Option<Instant>) -> Look {
        let progress = match since {
            Some(since) => Progress::waiting_since(since, PATIENT),
            None => Progress::default(),
        };
        self.scheduler.look(job.id, &progress, self.now)
    }

    fn look_connecting(&mut self, job: &Job, since: Instant) -> Look {
        let progress = Progress::connecting_since(since);
        self.scheduler.look(job.id, &progress, self.now)
    }
}

fn sent() -> Outcome {
    let detail = String::new();
    Outcome::Sent { detail }
}

fn domains(jobs: &[Job]) -> Vec<&str> {
    jobs.iter()
        .map(|job| job.queued.delivery.domain())
        .collect()
}

#[test]
fn posts_take_no_room_from_mails_and_the_slow_give_theirs_back() {
    let mut play = Play::new(2, 2);
    for number in 0..30 {
        let domain = format!("d{number}.example");
        play.push(&domain, &format!("https://{domain}/"), false);
    }
    let mut posts = play.begin();
    assert_eq!(posts.len(), 2, "max_concurrent_deliveries");
    play.push("m.example", "mailto:a@m.example", false);
    assert_eq!(domains(&play.begin()), ["m.example"], "mails do not wait");
    let begun = play.now;
    // A second each: then they are slow, and others have their turn, until the room for the slow is full.
    for round in 1..=8 {
        play.now += SECOND;
        for job in &posts[2 * round - 2..] {
            assert_eq!(play.look(job, Some(begun)), Look::Room, "{round}");
        }
        posts.extend(play.begin());
        assert_eq!(posts.len(), 2 * round + 2, "{round}");
    }
    play.now += SECOND;
    assert_eq!(play.look(&posts[16], None), Look::Nothing, "no room");
    play.now = begun + PATIENT;
    assert_eq!(play.look(&posts[0], Some(begun + SECOND)), Look::Nothing);
    assert_eq!(play.look(&posts[1], Some(begun)), Look::Cut, "longest");
    assert_eq!(play.look(&posts[2], Some(begun)), Look::Nothing, "enough");
    let cut = posts.remove(1);
    play.end(cut, sent());
    let crowded = posts.remove(15);
    assert_eq!(play.look(&crowded, Some(begun)), Look::Room);
    assert_eq!(play.begin().len(), 1, "the next has its turn");
}

#[test]
fn at_a_shared_host_those_whose_reports_arrive_go_first() {
    let mut play = Play::new(64, 2);
    let uri = |n: usize| format!("https://saas.example/{n}");
    play.push("first.example", &uri(0), false);
    play.push("other.example", &uri(1), false);
    let mut jobs = play.begin();
    assert_eq!(jobs.len(), 1, "one finds out whether somebody is there");
    play.end(jobs.remove(0), sent());
    play.push("stranger.example", &uri(2), false);
    play.push("customer.example", &uri(3), true);
    let strangers = play.begin();
    assert_eq!(domains(&strangers), ["customer.example", "other.example"]);
    let since = play.now;
    play.now += PATIENT;
    let [customer, other] = &strangers[..] else {
        panic!()
    };
    assert_eq!(
        play.look(other, Some(since)),
        Look::Room,
        "an unknown one waits, which has no better standing"
    );
    play.push("second.example", &uri(4), true);
    assert_eq!(
        play.look(other, Some(since)),
        Look::Cut,
        "the host is prompt for others, and a customer waits"
    );
    let _ = customer;
    let mut strangers = strangers;
    play.end(strangers.remove(1), sent());
    assert_eq!(domains(&play.begin()), ["second.example"]);
}

#[test]
fn a_host_that_is_slow_for_all_is_waited_for() {
    let mut play = Play::new(64, 1);
    for number in 0..3 {
        let uri = format!("https://slow.example/{number}");
        play.push(&format!("d{number}.example"), &uri, true);
    }
    let job = play.begin().remove(0);
    let since = play.now;
    play.now += PATIENCE - SECOND;
    assert_eq!(play.look(&job, Some(since)), Look::Room, "not quick");
    play.now += SECOND;
    assert_eq!(
        play.look(&job, Some(since)),
        Look::Cut,
        "it has had its time"
    );
    play.end(job, sent());
    // From now on nobody is cut twice.
    for cut in [true, false, false] {
        play.push("d0.example", "https://slow.example/0", true);
        let job = play.begin().remove(0);
        let since = play.now;
        play.now += PATIENCE * 5;
        let is_cut = play.look(&job, Some(since)) == Look::Cut;
        assert_eq!(is_cut, cut, "{}", job.queued.delivery.domain());
        play.end(job, sent());
    }
}

#[test]
fn a_wish_holds_the_domain_that_heard_it() {
    let mut play = Play::new(64, 4);
    let uri = |n: usize| format!("https://saas.example/{n}");
    play.push("a.example", &uri(0), false);
    let job = play.begin().remove(0);
    let wish = Duration::from_secs(3600);
    let busy = Outcome::Retry {
        reason: String::new(),
        after: Some(wish),
    };
    play.end(job, busy);
    assert!(matches!(play.ended.try_recv().unwrap().end, End::Tried(..)));
    play.push("a.example", &uri(1), false);
    play.push("b.example", &uri(2), false);
    assert_eq!(domains(&play.begin()), ["b.example"]);
    let put_off = play.ended.try_recv().unwrap();
    assert_eq!(put_off.delivery.domain(), "a.example");
    assert!(matches!(put_off.end, End::PutOff(left) if left == wish));
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
        let job = play.begin().pop().unwrap();
        play.end(job, nobody());
    }
    let is_held = |play: &Play| {
        let queue = play.scheduler.hosts["mailto:"].queue(&QueueKey::Relay);
        queue.is_some_and(|queue| queue.throttle.is_held())
    };
    assert!(is_held(&play));
    for number in 0..20 {
        play.push("x.example", &format!("https://h{number}.example/"), false);
        for job in play.begin() {
            play.end(job, nobody());
        }
    }
    let gone = play.scheduler.forget(0, play.now);
    assert_eq!(gone.len(), 20);
    assert!(is_held(&play), "the relay is the operator's");
}

/// Hosts that never answer a SYN.
#[test]
fn who_is_not_connected_makes_way_while_others_are_crowded() {
    let mut play = Play::new(2, 2);
    for number in 0..18 {
        let uri = format!("https://dead{number}.example/");
        play.push("x.example", &uri, false);
    }
    let mut jobs = Vec::new();
    // Two places, and sixteen for slow ones.
    while jobs.len() < 18 {
        let begun = play.begin();
        assert!(!begun.is_empty(), "{}", jobs.len());
        let since = play.now;
        play.now += SECOND;
        for job in &begun {
            play.look_connecting(job, since);
        }
        jobs.extend(begun.into_iter().map(|job| (job, since)));
    }
    let (last, others) = jobs.split_at(16);
    assert_eq!(
        play.look(&last[0].0, None),
        Look::Nothing,
        "it does not tell how far it is"
    );
    let (young, since) = &others[0];
    assert_eq!(
        play.look_connecting(young, *since),
        Look::Nothing,
        "for a second"
    );
    play.now += SECOND;
    let mut cut = 0;
    for (job, since) in &jobs {
        cut += usize::from(play.look_connecting(job, *since) == Look::Cut);
    }
    assert_eq!(cut, 2, "as many as are crowded");
}

#[test]
fn memory_that_is_free_again_costs_no_post() {
    let mut play = Play::new(2, 2);
    for number in 0..2 {
        play.push("x.example", &format!("https://h{number}.example/"), false);
    }
    let mut jobs = play.begin();
    play.scheduler.want_room();
    play.end(jobs.pop().unwrap(), sent());
    let since = play.now;
    play.now += SECOND * 60;
    assert_ne!(play.look(&jobs[0], Some(since)), Look::Cut);
    play.scheduler.want_room();
    assert_eq!(play.look(&jobs[0], Some(since)), Look::Cut);
}
