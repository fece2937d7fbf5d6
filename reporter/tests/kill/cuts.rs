//! The connection to PostgreSQL breaks at COMMITs: before the server has it, and with its answer, which nobody ever sees. The
//! reporter lives on, so nothing at all may happen twice.

use rand::seq::SliceRandom as _;
use tlsrptd_reporter::store::CommitSide;

use super::{child::Point, laws, play, seeded, times};
use crate::environment::{self, Engine, Proxy};

/// In one play of so many, each COMMIT is cut. (Each cut makes a dozen others, so every step comes to be cut sooner or later; and
/// with more cuts in a play all but those would be of this dozen.)
const PLAYS: u64 = 29;
/// The suite plays so many of them, others each time; `make soak` plays all.
const PLAYED: usize = 6;

#[test]
fn cut_at_each_commit() {
    Engine::Postgres.test(|| {
        let (mut commits, mut cuts) = (0, 0);
        let mut offsets: Vec<u64> = (0..PLAYS).collect();
        if environment::soak().is_zero() {
            offsets.shuffle(&mut seeded());
            offsets.truncate(PLAYED);
        }
        for offset in offsets {
            // Which side changes from cut to cut, and from play to play.
            let counts = cut(&format!("cut at {offset} of {PLAYS}"), move |nth| {
                let side = [CommitSide::Before, CommitSide::After];
                let of = (mixed(nth) / PLAYS + offset) % 2;
                (mixed(nth) % PLAYS == offset).then_some(side[of as usize])
            });
            commits += counts.0;
            cuts += counts.1;
        }
        // About one in so many, as chance has it.
        assert!(cuts > commits / (2 * PLAYS), "{cuts} of {commits}");
        println!("{cuts} cuts at {commits} COMMITs, each survived");
    });
}

/// A quarter of them, on one side: what is done again after a cut is seldom done at once. (With a third it takes hours, which the
/// days do not have.)
#[test]
#[ignore = "takes minutes: make soak runs it"]
fn cut_at_many_commits() {
    Engine::Postgres.test(|| {
        let mut sides = vec![CommitSide::Before, CommitSide::After];
        if environment::soak().is_zero() {
            sides.shuffle(&mut seeded());
            sides.truncate(1);
        }
        for side in sides {
            let what = format!("a quarter of the COMMITs cut {side:?}");
            let (commits, cuts) = cut(&what, move |nth| (mixed(nth) % 4 == 1).then_some(side));
            println!("{what}: {cuts} of {commits}");
        }
    });
}

/// Another number for each, in no order: what is tried again has as many COMMITs each time, and would be cut for ever.
fn mixed(nth: u64) -> u64 {
    nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

/// A play behind a proxy, and how many COMMITs there were and were cut.
fn cut(what: &str, which: impl Fn(u64) -> Option<CommitSide> + Send + 'static) -> (u64, u64) {
    let folder = environment::folder();
    let proxy = Proxy::start(folder.address().unwrap(), which);
    folder.redirect(proxy.address());
    play(folder.path(), times::OF_CUTS, Point::Nowhere, false);
    laws::check(folder.path(), what);
    proxy.counts()
}
