//! What comes once more, is given again by a failover, or becomes another member's.

use super::*;
use crate::{
    model::{RequestKind, RequestState},
    store::{
        NewRequest, OperatorRequests as _, RequestEnd, RequestOutcome, Requests as _,
        postgres::PostgresReader,
    },
};

/// A failover has lost that the report was made and taken in hand; numbers begin again before it.
#[test]
fn an_end_is_that_of_its_report_and_of_no_other_with_its_number() {
    for (change, ended, why) in [
        ("", 1, "the attempt alone was lost"),
        (
            "UPDATE report SET domain = 'z.example'",
            0,
            "another domain's report has its number",
        ),
        (
            "UPDATE report SET uniqid = 2",
            0,
            "another report of the domain has it",
        ),
    ] {
        let Some(mut fleet) = Fleet::new(None) else {
            return;
        };
        fleet.decide("a.example", &["mailto:reports@hoster.example".to_owned()]);
        let claims = claim(fleet.owner("a.example"), "21T00:00:06");
        let lost = "UPDATE delivery SET started = NULL, by = NULL, first = NULL, dated = NULL";
        for sql in [lost, change] {
            if !sql.is_empty() {
                fleet.db.query(sql, &[]).unwrap();
            }
        }
        let owner = fleet.owner("a.example");
        owner
            .record(&[sent(&claims[0])], at("21T00:00:07"))
            .unwrap();
        let all = "SELECT count(*) FROM delivery WHERE status = 'sent'";
        assert_eq!(fleet.number(all), ended, "{why}");
        let pending = "SELECT count(*) FROM delivery WHERE status IS NULL AND started IS NULL";
        assert_eq!(fleet.number(pending), 1 - ended, "{why}");
    }
}

/// The answer to a COMMIT was lost: the daemon records the same once more.
#[test]
fn what_a_request_was_answered_counts_once() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let mut reader = PostgresReader {
        db: Session::connect(fleet.db.address().clone()).unwrap(),
    };
    let request = |to: &str| NewRequest {
        kind: RequestKind::Test,
        report: None,
        destination: Destination::new(to, NamedBy::Record),
        by: "operator".to_owned(),
    };
    let all: Vec<Shard> = (0..SHARDS).collect();
    fleet.give(1, &[]);
    fleet.give(0, &all);
    let asked = [request("mailto:a@a.example"), request("mailto:b@b.example")];
    let ids = reader.ask(&asked, at("21T00:00:00")).unwrap().unwrap();
    let member = &mut fleet.members[0];
    assert_eq!(
        member
            .start_requests(&ids[..1], at("21T00:00:01"))
            .unwrap()
            .len(),
        1
    );
    let end = |id, outcome| RequestEnd {
        id,
        r_id: None,
        destination: asked[0].destination.clone(),
        outcome,
        took: std::time::Duration::ZERO,
    };
    let retry = Disposition::Retry {
        at: at("21T00:05:00"),
        begins: None,
        reason: "451".to_owned(),
    };
    let too_old = RequestOutcome::Over {
        state: RequestState::Failed,
        answer: "too old".to_owned(),
    };
    let ends = [
        end(ids[0], RequestOutcome::Delivery(retry)),
        // It was never in hand.
        end(ids[1], too_old),
    ];
    for _ in 0..3 {
        member.record_requests(&ends, at("21T00:00:02")).unwrap();
    }
    for (sql, want) in [
        (
            "SELECT sum(failures)::bigint FROM request WHERE ended IS NULL",
            1,
        ),
        (
            "SELECT count(*) FROM request WHERE ended IS NOT NULL AND answer = 'too old'",
            1,
        ),
    ] {
        assert_eq!(fleet.number(sql), want, "{sql}");
    }
}

/// While queues drain a shard goes each second: what is known of a million deliveries must not be read again each time.
#[test]
fn shards_that_go_leave_what_is_known_of_the_others() {
    let Some(mut fleet) = Fleet::new(None) else {
        return;
    };
    let of_first = |name: &String| shard_of(name) % 2 == 0;
    let names = (0..).map(|n| format!("d{n}.example"));
    let names: Vec<String> = names.filter(of_first).take(40).collect();
    for name in &names {
        fleet.decide(name, &[format!("mailto:t@{name}")]);
    }
    let now = at("21T00:00:06");
    let claimed = |fleet: &mut Fleet| {
        let claims = fleet.members[0].claim(now, 1.into(), &|_| 100).unwrap();
        let [Claimed::Delivery(delivery)] = &claims[..] else {
            panic!("{claims:?}");
        };
        shard_of(delivery.domain())
    };
    let busy = claimed(&mut fleet);
    let read = fleet.members[0].deliveries.read.get();
    let mut left: Vec<Shard> = fleet.members[0].member.shards().to_vec();
    for _ in 0..10 {
        let gone = left.iter().rposition(|shard| *shard != busy).unwrap();
        let gone = left.remove(gone);
        fleet.give(0, &left.clone());
        assert_ne!(claimed(&mut fleet), gone);
    }
    assert_eq!(
        fleet.members[0].deliveries.read.get(),
        read,
        "nothing is read again"
    );
    // What comes is found, whatever was read before.
    let all: Vec<Shard> = (0..SHARDS).collect();
    fleet.give(1, &[]);
    fleet.give(0, &all);
    let pending = "SELECT count(*) FROM delivery WHERE status IS NULL AND started IS NULL";
    let pending = usize::try_from(fleet.number(pending)).unwrap();
    assert_eq!(claim(&mut fleet.members[0], "21T00:00:06").len(), pending);
}
