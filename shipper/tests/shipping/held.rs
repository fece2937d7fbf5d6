//! What is held by a transaction that does not end, as whoever has the shippers' password can leave one open.

use tlsrptd_fleet::{PgDay, Session, key_hash, shard_of};

use crate::harness::{Host, today};

#[test]
fn keeps_back_itself_and_nothing_else() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.count("first.test", 1, 0);
    host.await_counted("today", 1);
    host.start_shipper();
    host.await_shipped(today(), host.counted("today").unwrap());

    let other = Session::connect(host.session.address().clone().with_program("other")).unwrap();
    let holds = other.begin().unwrap();
    let (held, record) = ("held.test", "v=TLSRPTv1;rua=mailto:a@held.test");
    let policy = r#"{"policy-type": 9, "policy-domain": "held.test"}"#;
    let (shard, key) = (shard_of(held), key_hash(held, record, policy, None));
    holds
        .execute(
            "INSERT INTO key(day, shard, key, domain, record, policy) VALUES($1, $2, $3, $4, $5, $6)",
            &[&PgDay(today()), &shard, &key, &held, &record, &policy],
        )
        .unwrap();
    holds
        .query("SELECT 1 FROM collector FOR NO KEY UPDATE", &[])
        .unwrap();
    let free = (0..).map(|n| format!("free{n}.test"));
    let free = free.into_iter().find(|name| shard_of(name) != shard);
    let free = free.unwrap();
    host.count(held, 2, 0);
    host.count(&free, 3, 0);
    host.await_counted("today", 6);
    host.await_number(
        &format!("SELECT count(*) FROM key WHERE domain = '{free}'"),
        1,
    );
    host.await_number("SELECT sessions FROM shipment", 4);
    host.await_log("program \\\"other\\\"");

    drop(holds);
    drop(other);
    host.await_shipped(today(), host.counted("today").unwrap());
    assert_eq!(host.number("SELECT sessions FROM shipment"), 6);
}

/// Today's file is replaced, and the row of what it was is held: it is another collector all the same, and the day waits for both.
#[test]
fn what_it_was() {
    let Some(mut host) = Host::new() else { return };
    host.start_collector();
    host.start_shipper();
    host.count("a.test", 10, 0);
    host.await_shipped(today(), (10, 0, 0));
    let other = Session::connect(host.session.address().clone()).unwrap();
    let holds = other.begin().unwrap();
    holds
        .query("SELECT 1 FROM shipment FOR UPDATE", &[])
        .unwrap();
    host.stop_collector();
    std::fs::remove_file(host.storage()).unwrap();
    host.start_collector();
    host.count("a.test", 4, 0);
    host.await_shipped(today(), (14, 0, 0));
    host.await_log("somebody holds what this collector was before");
    assert_eq!(host.number("SELECT count(*) FROM shipment WHERE done"), 0);
    assert_eq!(host.number("SELECT count(*) FROM collector"), 2);
}
