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
