//! Members come and go, and the work is shared among those that are there.

use std::{sync::mpsc, thread, time::Duration};

use tlsrptd_fleet::Session;
use tlsrptd_reporter::store::StoreError;

use crate::{
    child::Child,
    environment::Engine,
    party::{Fleet, now, tend, tend_until, wait_until},
};

/// Longer than a busy machine lets a thread wait.
const LEASE: f64 = 6.0;

#[test]
fn the_work_is_shared_by_those_that_are_there() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let mut one = fleet.member();
        assert_eq!(fleet.shares(), [64], "alone, all is its own at once");
        let mut two = fleet.member();
        let shares = |want: &'static [i64]| {
            let fleet = &fleet;
            move || fleet.shares() == want
        };
        tend_until(&mut [&mut one, &mut two], shares(&[32, 32]), "halves");
        assert_eq!(tend(&mut one).unwrap().members, 2);
        let mut three = fleet.member();
        let thirds = shares(&[20, 22, 22]);
        tend_until(&mut [&mut one, &mut two, &mut three], thirds, "thirds");
        two.close().unwrap();
        assert!(fleet.shares().len() == 2, "what it had is free at once");
        tend_until(&mut [&mut one, &mut three], shares(&[32, 32]), "halves");
        three.close().unwrap();
        tend_until(&mut [&mut one], shares(&[64]), "alone again");
        assert_eq!(tend(&mut one).unwrap().members, 1);
        let sum: i64 =
            fleet.ask("SELECT count(*) FROM shard WHERE owner IS NOT NULL", &[])[0].get(0);
        assert_eq!(sum, 64);
        one.close().unwrap();
        assert!(fleet.shares().is_empty());
    });
}

#[test]
fn whoever_is_started_again_after_a_crash_goes_on_at_once() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(3600.0);
        let one = fleet.member();
        let first = fleet.newest();
        // As in a crash: it does not leave.
        drop(one);
        let two = fleet.member();
        assert_eq!(fleet.shares(), [64], "within an hour's lease");
        let fenced = fleet.ask("SELECT fenced FROM member WHERE id = $1", &[&first]);
        assert!(fenced[0].get::<_, bool>(0));
        two.close().unwrap();
        let mut child = Child::start(&fleet);
        child.wait_for("member");
        child.kill();
        let two = fleet.member();
        assert_eq!(
            fleet.shares(),
            [64],
            "its process is gone: that is seen here"
        );
        two.close().unwrap();
    });
}

#[test]
fn a_lease_that_ran_out_is_never_renewed() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let mut one = fleet.member();
        wait_until(|| fleet.shares() == [64], "it has joined");
        let mut two = fleet.member();
        let second = fleet.newest();
        tend_until(
            &mut [&mut one, &mut two],
            || fleet.shares().len() == 2,
            "both",
        );
        assert!(two.lease().is_valid());
        let in_the_past =
            "UPDATE member SET until = clock_timestamp() - interval '1 second' WHERE id = $1";
        fleet.ask(in_the_past, &[&second]);
        wait_until(|| !two.lease().is_valid(), "the next heartbeat says so");
        let until = "SELECT until < clock_timestamp() FROM member WHERE id = $1";
        assert!(fleet.ask(until, &[&second])[0].get::<_, bool>(0));
        // The other one takes it for dead, and its shards.
        tend_until(
            &mut [&mut one],
            || fleet.shares() == [64],
            "all are the other's",
        );
        wait_until(
            || matches!(tend(&mut two), Err(StoreError::Fenced)),
            "whoever was fenced learns it",
        );
        assert!(one.lease().is_valid());
        let anew = fleet.member();
        assert!(
            anew.lease().is_valid() && fleet.newest() > second,
            "as another"
        );
    });
}

#[test]
fn a_member_lives_through_steps_that_last() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let mut one = fleet.member();
        let mut two = fleet.member();
        // Nobody tends the second one for two leases: its thread renews it.
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs_f64(2.0 * LEASE) {
            let tended = one.tend(now(), None).unwrap();
            assert_eq!(tended.fenced, Vec::<String>::new());
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(two.lease().is_valid());
        tend(&mut two).unwrap();
    });
}

/// By SIGSTOP: the process stands still, with all of its threads, and its clock goes on.
#[test]
fn a_process_that_stood_still_attempts_nothing() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let mut one = fleet.member();
        let mut child = Child::start(&fleet);
        child.wait_for("member");
        tend_until(&mut [&mut one], || fleet.shares().len() == 2, "both");
        child.wait_for("octet");
        child.stop();
        tend_until(
            &mut [&mut one],
            || fleet.shares() == [64],
            "it is taken for dead",
        );
        let before = child.said();
        child.go_on();
        child.wait_for("over");
        child.wait_for("fenced");
        let behind = child.said().split_off(before.len());
        let sent = behind.iter().filter(|word| *word == "octet").count();
        assert_eq!(sent, 0, "not one octet after it woke: {behind:?}");
        child.kill();
    });
}

/// Whoever had them was killed in the middle of a transaction, and the server has not noticed yet.
#[test]
fn shards_that_are_held_for_a_moment_are_taken_at_the_start() {
    Engine::Postgres.test(|| {
        let fleet = Fleet::new(LEASE);
        let address = fleet.db.address().clone();
        let (tell, is_held) = mpsc::channel();
        let before = thread::spawn(move || {
            let session = Session::connect(address).unwrap();
            let held = session.begin().unwrap();
            held.query("SELECT 1 FROM shard FOR SHARE", &[]).unwrap();
            tell.send(()).unwrap();
            let has_come = || !held.query("SELECT 1 FROM member", &[]).unwrap().is_empty();
            wait_until(has_come, "the member");
        });
        is_held.recv().unwrap();
        let member = fleet.member();
        assert_eq!(fleet.shares(), [64]);
        before.join().unwrap();
        member.close().unwrap();
    });
}
