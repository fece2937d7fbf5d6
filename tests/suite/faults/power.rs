//! A power cut: the files are cut back to what had been synced, with or without some of what was written after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::load::Load;
use tlsrptd_tests::harness::shim::Shim;
use tlsrptd_tests::harness::wait::until_true;

use super::{Content, freeze, times};

/// `sockettimeout`: what a power cut may cost.
const TIMEOUT: Duration = Duration::from_secs(2);
/// What the writer keeps up with: what waits in its queue is lost as well.
const A_SECOND: u32 = 4_000;
/// What a disk writes at once.
const PAGE: usize = 4096;
/// Of each cut: what was synced alone, then with so many random choices of later pages.
const MIXES: u64 = 3;

#[test]
fn a_power_cut_costs_no_more_than_sockettimeout() {
    let lab = Lab::new();
    let Some(shim) = Shim::or_skip(lab.folder()) else {
        return;
    };
    let mut worst = Duration::ZERO;
    let rounds = times(2, 40);
    for round in 0..rounds {
        // Before the first sync, between two, and so on.
        let after = Duration::from_millis(1_500 + 1_700 * (round as u64 % 4) + 37 * round as u64);
        worst = worst.max(cut(&lab, &shim, round, after));
    }
    println!(
        "{rounds} power cuts, {} states of the disk each: at most {worst:?} lost, sockettimeout is {TIMEOUT:?}",
        MIXES + 1
    );
}

/// Cuts the power under load, and gives how much time is lost.
fn cut(lab: &Lab, shim: &Shim, round: usize, after: Duration) -> Duration {
    let name = format!("cut{round}.sqlite");
    let collectd = lab
        .collectd()
        .set("storage", format!("sqlite://{}", lab.file(&name).display()))
        .set("sockettimeout", TIMEOUT.as_secs());
    let collectd = lab.start_ready(&shim.under(collectd));
    let load = Load::paced(&lab.socket(), A_SECOND);
    let begun = Instant::now();
    until_true("the moment of the cut", || begun.elapsed() >= after);
    freeze(&collectd);
    let cut = Instant::now();
    let states: Vec<PathBuf> = (0..=MIXES)
        .map(|mix| after_the_cut(lab, shim, &name, mix))
        .collect();
    collectd.kill();
    let sent = load.stop();

    let mut worst = Duration::ZERO;
    for state in &states {
        let found = Content::read(state);
        let first_lost = sent.accepted_at(found.first_missing());
        let lost = first_lost.map_or(Duration::ZERO, |sent| cut.saturating_duration_since(sent));
        println!(
            "cut {:?} after the first datagram: {} of {} there, {lost:?} lost",
            cut - begun,
            found.total,
            sent.count()
        );
        assert!(lost <= TIMEOUT, "{lost:?}");
        worst = worst.max(lost);
    }
    next_collector_goes_on(lab, &states[0]);
    worst
}

/// A disk as it may be found: each page as it was synced, or (but for mix 0) as it was written since.
fn after_the_cut(lab: &Lab, shim: &Shim, name: &str, mix: u64) -> PathBuf {
    let state = lab.file(&format!("{name}.state{mix}"));
    for end in ["", "-wal"] {
        let name = format!("{name}{end}");
        let written = fs::read(lab.file(&name)).unwrap_or_default();
        let Some(mut bytes) = shim.synced(&name).or_else(|| (mix > 0).then(Vec::new)) else {
            continue;
        };
        if mix > 0 {
            bytes.resize(bytes.len().max(written.len()), 0);
        }
        let pages = bytes.chunks_mut(PAGE).zip(written.chunks(PAGE));
        let prefix = (mix as usize * written.len() / PAGE) / 4;
        let mut dice = mix;
        for (number, (old, new)) in pages.enumerate() {
            // Knuth's generator is random enough for a disk.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let reached = match (mix, end) {
                (0, _) => false,
                // The log in its order up to some point, or all of it; pages of the database in any order.
                (2, "-wal") => number < prefix,
                (3, "-wal") => true,
                _ => dice >> 63 == 1,
            };
            if reached {
                old[..new.len()].copy_from_slice(new);
            }
        }
        fs::write(format!("{}{end}", state.display()), bytes).unwrap();
    }
    state
}

fn next_collector_goes_on(lab: &Lab, state: &Path) {
    let _ = fs::remove_file(lab.socket());
    let before = Content::read(state).total;
    let collectd = lab
        .collectd()
        .set("storage", format!("sqlite://{}", state.display()));
    let collectd = lab.start_ready(&collectd);
    lab.mta().send(&tlsrptd_tests::harness::mta::success(
        "next.test",
        "v=TLSRPTv1; rua=mailto:a@b.test",
    ));
    lab.wait_for_sessions(state, i64::try_from(before).unwrap() + 1);
    collectd.stop().success();
}
