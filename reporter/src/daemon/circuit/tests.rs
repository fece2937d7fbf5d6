//! Sequences as tables.

use super::*;

/// What happens to a circuit, one letter each:
/// `a` an answer, `n` nothing, `w` a wish to wait for a minute, each at once after it began;
/// `b` an attempt begins and stays under way, `A` `N` `W` the oldest of those ends so;
/// `d` the daemon looks, `p` the time of a hold is over, `h` an hour passes.
fn play(events: &str) -> (Circuit, Vec<News>) {
    let (mut circuit, mut news, mut under_way) = (Circuit::default(), Vec::new(), Vec::new());
    let mut now = Instant::now();
    for event in events.chars() {
        now += Duration::from_secs(1);
        let heard = match event.to_ascii_lowercase() {
            'a' => Heard::Answer,
            'n' => Heard::Nothing,
            'w' => Heard::Wish(Duration::from_secs(60)),
            'b' => {
                under_way.push(circuit.begin().unwrap());
                continue;
            }
            'd' => {
                news.extend(circuit.news());
                continue;
            }
            'p' => {
                circuit.probe();
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
            false => circuit.begin().unwrap(),
        };
        circuit.end(begun, heard, now);
    }
    (circuit, news)
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
        ("wd", "held", vec![wishes(true)], "one wish is enough"),
        ("wdpad", "flows", vec![wishes(true), News::Flows], "and ends with the next answer"),
        ("wdpwd", "held", vec![wishes(true), wishes(false)], "it may be repeated"),
        ("bbwWWd", "held", vec![wishes(true)], "together they are one"),
        ("wdpnd", "held", vec![wishes(true), News::Holds { wish: None, times: 1, first: false }], "then it was gone"),
        ("nnnnndpwd", "held", vec![dead(1), wishes(false)], "it is there, but not for us"),
        ("bnnnnnWd", "held", vec![News::Holds { wish: WISH, times: 0, first: true }], "a wish comes in time"),
        ("nnnnp", "flows", vec![], "nothing to probe"),
    ];
    for (events, state, news, why) in rows {
        let (circuit, heard) = play(events);
        let now = match circuit.phase {
            Phase::Flows { .. } => "flows",
            Phase::Stopped { .. } => "stopped",
            Phase::Held => "held",
            Phase::Probing => "probing",
        };
        assert_eq!((now, &heard), (*state, news), "{events}: {why}");
        assert_eq!(circuit.is_held(), now == "held", "{events}");
        assert_eq!(circuit.begin().is_none(), now == "held", "{events}");
        assert_eq!(circuit.is_probing(), now == "probing", "{events}");
    }
}

#[test]
fn nothing_begins_before_the_daemon_has_looked() {
    let (circuit, _) = play("nnnnn");
    assert!(circuit.begin().is_none() && circuit.is_held());
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
        let (circuit, _) = play(events);
        assert_eq!(circuit.is_plain(Instant::now()), soon, "{events}: {why}");
        assert_eq!(circuit.is_plain(later), late, "{events}: {why}, much later");
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
        (Outcome::Sent { detail: text() }, Heard::Answer),
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
    ] {
        assert_eq!(Heard::of(&outcome), heard, "{outcome:?}");
    }
}
