//! What the demo does to the fleet's parts, and says of it.

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::fleet::{Fleet, Member};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::wait::within;

use super::LONGEST;

/// A reporter at work.
pub(crate) fn member(fleet: &Fleet, lab: &Lab, clock: &FakeClock, number: usize) -> Member {
    let reportd = fleet
        .reportd(lab, number)
        .set("spread_out_delivery", 20)
        .set("fetch_deadline", 20)
        .clock(clock);
    let member = fleet.join(&reportd);
    println!("{} has joined.", member.name);
    member
}

/// Stops it at a moment when it has nothing in hand, whose outcome nobody would know. Gives how many deliveries it has to make.
pub(crate) fn pause_without_work_in_hand(fleet: &Fleet, member: &Member) -> String {
    let of = format!(
        "(SELECT id FROM tlsrpt.member WHERE name = '{}' ORDER BY id DESC LIMIT 1)",
        member.name
    );
    let in_hand = format!(
        "SELECT count(*) = 0 FROM tlsrpt.delivery WHERE status IS NULL AND started IS NOT NULL AND by = {of}"
    );
    let waiting = format!(
        "SELECT count(*) FROM tlsrpt.delivery d JOIN tlsrpt.shard s USING (shard) WHERE d.status IS NULL AND s.owner = {of}"
    );
    let found = within(LONGEST, || {
        member.running.signal(Signal::SIGSTOP);
        let number = fleet.query(&waiting);
        if fleet.query(&in_hand) == "t" && number != "0" {
            return Some(number);
        }
        member.running.signal(Signal::SIGCONT);
        None
    });
    found.unwrap_or_else(|| panic!("{} had nothing to do", member.name))
}
