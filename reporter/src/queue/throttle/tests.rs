//! Sequences as tables.

use super::*;

/// What happens to a queue, one letter each:
/// `s` served, `a` another answer, `n` nothing, `o` a fault of ours, `w` a wish to wait for a minute, each at once after it
/// began and each by another domain; `v` such a wish by a domain that has a report there, `y` one by always the same
/// owner; `b` an attempt begins and stays under way, `A` `N` `W` the oldest of those ends so;
/// `d` the daemon looks, `p` the time of a hold is over, `h` an hour passes.
fn play(events: &str) -> (DestinationThrottle, Vec<News>) {
    let (mut throttle, mut news, mut under_way) =
        (DestinationThrottle::default(), Vec::new(), Vec::new());
    let mut now = Instant::now();
    for (number, event) in events.chars().enumerate() {
        now += Duration::from_secs(1);
        let heard = match event.to_ascii_lowercase() {
            's' => Heard::Served,
            'a' => Heard::Answer,
            'n' => Heard::Nothing,
            'o' => Heard::Ours,
            'w' | 'v' | 'y' => Heard::Wish(Duration::from_secs(60)),
            'b' => {
                under_way.push(throttle.begin().unwrap());
                continue;
            }
            'd' => {
                news.extend(throttle.news());
                continue;
            }
            'p' => {
                throttle.probe();
                continue;
            }
            'h' => {
                now += A_ROW;
                continue;
            }
            other => panic!("{other}"),
        };
        let begun = match event.is_ascii_uppercase() {
            true => under_way.remove(0),
            false => throttle.begin().unwrap(),
        };
        let domain = match event {
            'y' => format!("d{number}.one.example"),
            _ => format!("d{number}.example"),
        };
        let witness = Witness {
            domain: &domain,
            has_worked: event == 'v',
        };
        throttle.end(begun, heard, witness, now);
    }
    (throttle, news)
}

const WISH: Option<Duration> = Some(Duration::from_secs(60));

fn dead(times: u32) -> News {
    News::Holds {
        wish: None,
        times,
        first: times == 1,
    }
}

fn wishes(first: bool) -> News {
    News::Holds {
        wish: WISH,
        times: 0,
        first,
    }
}

#[test]
fn what_happens_and_what_the_daemon_hears() {
    #[rustfmt::skip]
    let rows: &[(&str, &str, Vec<News>, &str)] = &[
        ("ad", "flows", vec![], "nothing is wrong"),
        ("nnnnd", "flows", vec![], "a connection may break by chance"),
        ("nnnnannnnd", "flows", vec![], "an answer in between: no row"),
        ("nnnnnd", "held", vec![dead(1)], "enough in a row"),
        ("nnnnndd", "held", vec![dead(1)], "told once"),
        ("nnnnhnd", "flows", vec![], "what was an hour ago is no row with this"),
        ("nnnnndpa", "flows", vec![dead(1)], "the probe is answered"),
        ("nnnnndpad", "flows", vec![dead(1), News::Flows], "the daemon hears of it"),
        ("nnnnndpadd", "flows", vec![dead(1), News::Flows], "once"),
        ("nnnnndpnd", "held", vec![dead(1), dead(2)], "nobody answers the probe: one is enough"),
        ("nnnnndpndpnd", "held", vec![dead(1), dead(2), dead(3)], "the waits grow"),
        ("nnnnndpadnnnnnd", "held", vec![dead(1), News::Flows, dead(1)], "and begin anew after an answer"),
        ("nnnnndpadnd", "flows", vec![dead(1), News::Flows], "after an answer one alone is chance again"),
        ("bbbbnnnnnNNNNd", "held", vec![dead(1)], "what was under way is the same event"),
        ("bbbbnnnnndNNNNd", "held", vec![dead(1)], "also when the daemon was there first"),
        ("bbbbnnnnndpNNNNd", "probing", vec![dead(1)], "and even while the probe is awaited"),
        ("bnnnnndAd", "held", vec![dead(1)], "an answer that was under way says how it was before"),
        ("nnnnndpbNd", "held", vec![dead(1), dead(2)], "a slow probe"),
        ("ooooood", "flows", vec![], "what fails here says nothing of them"),
        ("nnnnond", "held", vec![dead(1)], "and is no answer"),
        ("wd", "flows", vec![], "one wish is one domain's"),
        ("wwwwd", "flows", vec![], "a few are a few"),
        ("vvvvvd", "held", vec![wishes(true)], "of five customers in a row each: the host is busy"),
        ("wwwwwwwwwwwwwwwwwwwd", "flows", vec![], "strangers are many before that is said"),
        ("wwwwwwwwwwwwwwwwwwwwd", "held", vec![News::Holds { wish: Some(FOR_STRANGERS), times: 0, first: true }], "these are"),
        ("yyyyyyyyd", "flows", vec![], "one owner may have many names"),
        ("vvsvvvd", "flows", vec![], "somebody was served between"),
        ("vvavvvd", "held", vec![wishes(true)], "another answer is no service"),
        ("wwvvvvd", "flows", vec![], "some of each are few"),
        ("svvvvvd", "held", vec![wishes(true)], "whoever was served before"),
        ("vvvvhvd", "flows", vec![], "not in a row"),
        ("vvvvvdpsd", "flows", vec![wishes(true), News::Flows], "it ends when somebody is served"),
                ("vvvvvdpvd", "held", vec![wishes(true), wishes(false)], "of its customers one is enough then"),
        ("vvvvvdpwd", "flows", vec![wishes(true), News::Flows], "but no stranger"),
        ("vvvvvdpad", "flows", vec![wishes(true), News::Flows], "or with another answer"),
        ("bbvvvvvWWd", "held", vec![wishes(true)], "together they are one"),
        ("vvvvvdpnd", "held", vec![wishes(true), News::Holds { wish: None, times: 1, first: false }], "then it was gone"),
        ("nnnnndpwd", "flows", vec![dead(1), News::Flows], "it is there, but not for this one"),
        ("bnnnnnWd", "held", vec![dead(1)], "a wish of before"),
        ("nnnnp", "flows", vec![], "nothing to probe"),
    ];
    for (events, state, news, why) in rows {
        let (throttle, heard) = play(events);
        let now = match throttle.phase {
            Phase::Flows { .. } => "flows",
            Phase::Stopped { .. } => "stopped",
            Phase::Held => "held",
            Phase::Probing => "probing",
        };
        assert_eq!((now, &heard), (*state, news), "{events}: {why}");
        assert_eq!(throttle.is_held(), now == "held", "{events}");
        assert_eq!(throttle.begin().is_none(), now == "held", "{events}");
        assert_eq!(throttle.is_probing(), now == "probing", "{events}");
    }
}

#[test]
fn nothing_begins_before_the_daemon_has_looked() {
    let (throttle, _) = play("nnnnn");
    assert!(throttle.begin().is_none() && throttle.is_held());
}

#[test]
fn what_is_worth_remembering() {
    let later = Instant::now() + A_ROW * 3;
    for (events, soon, late, why) in [
        ("", true, true, "nothing happened"),
        ("nna", true, true, "somebody is there"),
        ("nn", false, true, "the next may stop it"),
        ("nnnnn", false, false, "stopped"),
        ("nnnnndp", false, false, "a probe is awaited"),
        ("nnnnndpa", false, false, "the daemon has to be told"),
        ("nnnnndpad", true, true, "it was"),
    ] {
        let (throttle, _) = play(events);
        assert_eq!(throttle.is_plain(Instant::now()), soon, "{events}: {why}");
        assert_eq!(
            throttle.is_plain(later),
            late,
            "{events}: {why}, much later"
        );
    }
}

#[test]
fn what_outcomes_tell() {
    let retry = |after| Outcome::Retry {
        reason: String::new(),
        after,
    };
    let text = String::new;
    for (outcome, heard) in [
        (Outcome::Sent { detail: text() }, Heard::Served),
        (Outcome::Refused { reason: text() }, Heard::Answer),
        (Outcome::UnknownScheme, Heard::Answer),
        (retry(None), Heard::Answer),
        (retry(Some(Duration::ZERO)), Heard::Answer),
        (
            retry(Some(Duration::from_secs(60))),
            Heard::Wish(Duration::from_secs(60)),
        ),
        (Outcome::Unreachable { reason: text() }, Heard::Nothing),
        (Outcome::Denied { reason: text() }, Heard::Nothing),
        (Outcome::Exhausted { reason: text() }, Heard::Ours),
        (Outcome::NotReady { reason: text() }, Heard::Ours),
        (Outcome::Crowded { reason: text() }, Heard::Ours),
    ] {
        assert_eq!(Heard::of(&outcome), heard, "{outcome:?}");
    }
}

#[test]
fn who_may_have_made_up_a_domain() {
    for (domain, want) in [
        ("a.example", "a.example"),
        ("x.y.a.example", "a.example"),
        ("example", "example"),
        ("", ""),
    ] {
        assert_eq!(owner(domain), want);
    }
}
