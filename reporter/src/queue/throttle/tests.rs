//! Sequences as tables.

use rand::{SeedableRng as _, rngs::StdRng};

use super::{super::retry_after::FOR_STRANGERS, *};
use crate::throttle::ROW;

/// What changed, with the pause in words that do not depend on chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// So many pauses in a row that nobody answered.
    Dead {
        times: u32,
        is_first: bool,
    },
    /// A pause that was asked for.
    Asked {
        time: Duration,
        is_first: bool,
    },
    Unthrottled,
}

/// What happens to a queue, one letter each:
/// `s` served, `a` another answer, `n` no answer, `o` a fault of ours, `w` `Retry-After` of a minute, each right after its
/// start and each by another domain; `v` `Retry-After` for a domain that has a report there, `y` one for always the same
/// owner; `b` an attempt starts and stays under way, `A` `N` `W` the oldest of those ends so;
/// `p` the pause ends, `h` an hour passes.
fn play(events: &str) -> (DestinationThrottle, Vec<Change>, Instant) {
    let (mut throttle, mut changes) = (DestinationThrottle::new(), Vec::new());
    let (mut under_way, mut rng) = (Vec::new(), StdRng::seed_from_u64(7));
    let (mut now, mut end) = (Instant::now(), None);
    for (number, event) in events.chars().enumerate() {
        now += Duration::from_secs(1);
        let reply = match event.to_ascii_lowercase() {
            's' => HostReply::Served,
            'a' => HostReply::Answered,
            'n' => HostReply::NoAnswer,
            'o' => HostReply::LocalFault,
            'w' | 'v' | 'y' => HostReply::RetryAfter(Duration::from_secs(60)),
            'b' => {
                under_way.push(throttle.start(now).unwrap());
                continue;
            }
            'p' => {
                now = end.unwrap_or(now);
                continue;
            }
            'h' => {
                now += ROW;
                continue;
            }
            other => panic!("{other}"),
        };
        let epoch = match event.is_ascii_uppercase() {
            true => under_way.remove(0),
            false => throttle.start(now).unwrap(),
        };
        let name = match event {
            'y' => format!("d{number}.one.example"),
            _ => format!("d{number}.example"),
        };
        let domain = ReportedDomain {
            name: &name,
            delivered_before: event == 'v',
        };
        let change = throttle.end(epoch, reply, domain, now, &mut rng);
        changes.extend(change.map(|change| match change {
            ThrottleChange::Paused { until, is_first } => {
                end = Some(until);
                let (time, times) = (until - now, throttle.pauses);
                match times {
                    0 => Change::Asked { time, is_first },
                    _ => {
                        let base = PAUSES.min_wait * (1 << (times - 1));
                        assert!(time >= base * 3 / 4 && time <= base * 5 / 4, "{time:?}");
                        Change::Dead { times, is_first }
                    }
                }
            }
            ThrottleChange::Unthrottled => Change::Unthrottled,
        }));
    }
    (throttle, changes, now)
}

fn dead(times: u32) -> Change {
    let is_first = times == 1;
    Change::Dead { times, is_first }
}

fn asked(is_first: bool) -> Change {
    let time = Duration::from_secs(60);
    Change::Asked { time, is_first }
}

#[test]
fn what_happens_and_what_changes() {
    use Change::{Asked, Dead, Unthrottled};
    #[rustfmt::skip]
    let rows: &[(&str, &str, Vec<Change>, &str)] = &[
        ("a", "flows", vec![], "nothing is wrong"),
        ("nnnn", "flows", vec![], "a connection may break by chance"),
        ("nnnnannnn", "flows", vec![], "an answer in between: no row"),
        ("nnnnn", "paused", vec![dead(1)], "enough in a row"),
        ("nnnnhn", "flows", vec![], "what was an hour ago is no row with this"),
        ("nnnnnpa", "flows", vec![dead(1), Unthrottled], "the probe is answered"),
        ("nnnnnpn", "paused", vec![dead(1), dead(2)], "nobody answers the probe: one is enough"),
        ("nnnnnpnpn", "paused", vec![dead(1), dead(2), dead(3)], "the pauses grow"),
        ("nnnnnpannnnn", "paused", vec![dead(1), Unthrottled, dead(1)], "and start again after an answer"),
        ("nnnnnpan", "flows", vec![dead(1), Unthrottled], "after an answer one alone is chance again"),
        ("bbbbnnnnnNNNN", "paused", vec![dead(1)], "what was under way is the same event"),
        ("bbbbnnnnnpNNNN", "probing", vec![dead(1)], "and even while the probe is awaited"),
        ("bnnnnnA", "paused", vec![dead(1)], "an answer that was under way says how it was before"),
        ("nnnnnpbN", "paused", vec![dead(1), dead(2)], "a slow probe"),
        ("ooooo", "flows", vec![], "what fails here says nothing of them"),
        ("nnnnon", "paused", vec![dead(1)], "and is no answer"),
        ("w", "flows", vec![], "one is one domain's"),
        ("wwww", "flows", vec![], "a few are a few"),
        ("vvvvv", "paused", vec![asked(true)], "five customers in a row: the host is busy"),
        ("wwwwwwwwwwwwwwwwwww", "flows", vec![], "strangers are many before that is said"),
        ("wwwwwwwwwwwwwwwwwwww", "paused", vec![Asked { time: FOR_STRANGERS, is_first: true }], "these are"),
        ("yyyyyyyy", "flows", vec![], "one owner may have many names"),
        ("vvsvvv", "flows", vec![], "somebody was served between"),
        ("vvavvv", "paused", vec![asked(true)], "another answer is no service"),
        ("wwvvvv", "flows", vec![], "some of each are few"),
        ("svvvvv", "paused", vec![asked(true)], "whoever was served before"),
        ("vvvvhv", "flows", vec![], "not in a row"),
        ("vvvvvps", "flows", vec![asked(true), Unthrottled], "it ends when somebody is served"),
        ("vvvvvpv", "paused", vec![asked(true), asked(false)], "of its customers one is enough then"),
        ("vvvvvpw", "flows", vec![asked(true), Unthrottled], "but no stranger"),
        ("vvvvvpa", "flows", vec![asked(true), Unthrottled], "or with another answer"),
        ("bbvvvvvWW", "paused", vec![asked(true)], "together they are one"),
        ("vvvvvpn", "paused", vec![asked(true), Dead { times: 1, is_first: false }], "then it was gone"),
        ("nnnnnpw", "flows", vec![dead(1), Unthrottled], "it is there, but not for this one"),
        ("bnnnnnW", "paused", vec![dead(1)], "a `Retry-After` of before"),
        ("nnnnp", "flows", vec![], "nothing to probe"),
    ];
    for (events, state, want, why) in rows {
        let (throttle, changes, now) = play(events);
        let is = match (throttle.is_paused(now), throttle.is_probing(now)) {
            (true, _) => "paused",
            (_, true) => "probing",
            _ => "flows",
        };
        assert_eq!((is, &changes), (*state, want), "{events}: {why}");
        assert_eq!(throttle.start(now).is_none(), is == "paused", "{events}");
    }
}

#[test]
fn what_is_worth_remembering() {
    for (events, soon, late, why) in [
        ("", true, true, "nothing happened"),
        ("nna", true, true, "somebody is there"),
        ("nn", false, true, "the next may pause it"),
        ("nnnnn", false, false, "paused"),
        ("nnnnnp", false, false, "a probe is awaited"),
        ("nnnnnpa", true, true, "it works again"),
        ("w", false, true, "more may follow"),
    ] {
        let (throttle, _, now) = play(events);
        assert_eq!(throttle.is_clear(now), soon, "{events}: {why}");
        let later = now + ROW * 3;
        assert_eq!(throttle.is_clear(later), late, "{events}: {why}, later");
    }
}

#[test]
fn what_outcomes_say() {
    let retry = |after| Outcome::Retry {
        reason: String::new(),
        after,
    };
    let text = String::new;
    for (outcome, reply) in [
        (Outcome::Sent { detail: text() }, HostReply::Served),
        (Outcome::Refused { reason: text() }, HostReply::Answered),
        (Outcome::UnknownScheme, HostReply::Answered),
        (retry(None), HostReply::Answered),
        (retry(Some(Duration::ZERO)), HostReply::Answered),
        (
            retry(Some(Duration::from_secs(60))),
            HostReply::RetryAfter(Duration::from_secs(60)),
        ),
        (Outcome::Unreachable { reason: text() }, HostReply::NoAnswer),
        (Outcome::Denied { reason: text() }, HostReply::NoAnswer),
        (
            Outcome::LocalShortage { reason: text() },
            HostReply::LocalFault,
        ),
        (
            Outcome::HttpsUnavailableHere { reason: text() },
            HostReply::LocalFault,
        ),
        (
            Outcome::OwnerLimitReached { reason: text() },
            HostReply::LocalFault,
        ),
    ] {
        assert_eq!(HostReply::of(&outcome), reply, "{outcome:?}");
    }
}
