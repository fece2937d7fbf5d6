use super::*;
use crate::store::{
    ClaimLimit,
    pending::{PendingQueues, window::DueWindow, window::WindowSize},
};

const SMALL: WindowSize = WindowSize { rows: 8, queues: 4 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A database with these pending rows: queue, second.
fn database(rows: &[(&str, i64)]) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    // As the reporter has it.
    db.pragma_update(None, "foreign_keys", "OFF").unwrap();
    super::super::schema::create(&db).unwrap();
    let installation = super::super::installation::of(&db).unwrap();
    super::super::schema::extend(&db, &installation).unwrap();
    for (r_id, (queue, second)) in (1..).zip(rows) {
        insert(&db, r_id, queue, *second);
    }
    db
}

fn insert(db: &Connection, r_id: i64, queue: &str, second: i64) {
    db.execute(
        "INSERT INTO destinations(destination, d_r_id, retries, nexttry, tlsrptd_queue) VALUES(?1, ?2, 0, ?3, ?1)",
        (queue, r_id, text::nexttry(at(second))),
    )
    .unwrap();
}

/// Takes what is due, as a reporter does that sends everything at once; gives seconds and rows.
fn take(
    ready: &mut PendingQueues<i64>,
    db: &Connection,
    second: i64,
    per_queue: usize,
) -> Vec<(i64, i64)> {
    let mut taken = Vec::new();
    loop {
        let picked = ready.pick(db, at(second), ClaimLimit::from(100), |_| per_queue);
        let picked = picked.unwrap();
        let is_reading =
            ready.is_reading() || ready.next(db, at(second)).unwrap() == Some(at(second));
        if picked.is_empty() && !is_reading {
            return taken;
        }
        for candidate in picked {
            let sent = db.execute(
                "UPDATE destinations SET status = 'sent' WHERE d_r_id = ?1 AND status IS NULL",
                [candidate.r_id],
            );
            if sent.unwrap() > 0 {
                taken.push((
                    (candidate.due().as_second() - at(0).as_second()),
                    candidate.r_id,
                ));
            }
        }
    }
}

#[test]
fn every_row_is_found_when_it_is_due_and_not_before() {
    let many: Vec<(String, i64)> = (0..50).map(|n| (format!("https:{n}:443"), n % 7)).collect();
    let one_large: Vec<(String, i64)> = (0..60)
        .map(|n| {
            (
                (if n % 20 == 0 {
                    "https:small:443"
                } else {
                    "mailto:"
                })
                .to_owned(),
                n * 13 % 50,
            )
        })
        .collect();
    let equal = vec![("mailto:".to_owned(), 5); 40];
    let hosts: Vec<(String, i64)> = (0..40).map(|n| (format!("https:{n}:443"), 5)).collect();
    for (rows, why) in [
        (&many, "more queues than are kept"),
        (&one_large, "more rows of a queue than are kept"),
        (&equal, "all at one time"),
        (&hosts, "more queues than are kept, all at one time"),
    ] {
        let rows: Vec<(&str, i64)> = rows
            .iter()
            .map(|(queue, second)| (&**queue, *second))
            .collect();
        let db = database(&rows);
        let mut ready = PendingQueues::with_bounds(SMALL.rows, SMALL.queues);
        let mut found = 0;
        for second in -1..60 {
            let due = rows.iter().filter(|(_, due)| *due == second).count();
            let taken = take(&mut ready, &db, second, 3);
            assert!(
                taken.iter().all(|(due, _)| *due == second),
                "{why}: {second}: {taken:?}"
            );
            assert_eq!(taken.len(), due, "{why}: {second}");
            found += due;
        }
        assert_eq!(found, rows.len(), "{why}");
    }
}

#[test]
fn a_large_queue_leaves_room_for_the_small() {
    let mut window = DueWindow::new(SMALL);
    for n in 0..1000 {
        window.add(&QueueKey::parse("mailto:"), n, n);
    }
    window.add(&QueueKey::parse("https:small:443"), 999, 1000);
    for n in 1001..2000 {
        window.add(&QueueKey::parse("mailto:"), n, n);
    }
    let picked = window.pick(2000, ClaimLimit::from(100), |_| Some(2));
    let queues: Vec<String> = picked
        .iter()
        .map(|candidate| candidate.queue.to_string())
        .collect();
    assert_eq!(queues, ["mailto:", "mailto:", "https:small:443"]);
    assert_eq!(
        (picked[0].r_id, picked[1].r_id),
        (0, 1),
        "the earliest first"
    );
}

#[test]
fn a_queue_that_is_held_is_passed_over_until_it_is_free() {
    let db = database(&[
        ("https:dead:443", 10),
        ("https:dead:443", 11),
        ("https:other:443", 10),
    ]);
    let mut ready = PendingQueues::default();
    ready.hold(&QueueKey::parse("https:dead:443"));
    ready.next(&db, at(0)).unwrap();
    let pick = |ready: &mut PendingQueues<i64>, second| {
        let picked = ready
            .pick(&db, at(second), ClaimLimit::from(100), |_| 1)
            .unwrap();
        picked
            .iter()
            .map(|candidate| candidate.r_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(pick(&mut ready, 10), [3]);
    ready.added(&QueueKey::parse("https:dead:443"), at(5), 4);
    let is_due = |ready: &PendingQueues<i64>, second| {
        ready.is_due(&QueueKey::parse("https:dead:443"), at(second))
    };
    assert!(!is_due(&ready, 20), "held");
    assert_eq!(pick(&mut ready, 20), [0; 0], "held");
    ready.free(&QueueKey::parse("https:dead:443"));
    assert!(is_due(&ready, 20));
    assert_eq!(pick(&mut ready, 20), [4]);
    assert_eq!(pick(&mut ready, 20), [1]);
    assert!(!is_due(&ready, 10), "the last one comes later");
    assert!(is_due(&ready, 20), "there was no room for it");
}

#[test]
fn it_says_when_to_come_again() {
    let db = database(&[("mailto:", 10), ("https:a:443", 20), ("https:a:443", 30)]);
    let mut ready = PendingQueues::default();
    let mut next = |second| ready.next(&db, at(second)).unwrap();
    assert_eq!(
        next(0),
        Some(at(0)),
        "there may be something in what was read"
    );
    assert_eq!(next(0), Some(at(10)));
    assert_eq!(
        next(10),
        Some(at(20)),
        "not what is due now: that waits for room"
    );
    assert_eq!(
        next(25),
        None,
        "the queue has something due: when it has room, it is asked again"
    );
    let picked = ready
        .pick(&db, at(25), ClaimLimit::from(100), |_| 1)
        .unwrap();
    assert_eq!(picked.len(), 2);
    assert_eq!(ready.next(&db, at(25)).unwrap(), Some(at(30)));
    ready.added(&QueueKey::parse("https:new:443"), at(27), 9);
    assert_eq!(ready.next(&db, at(25)).unwrap(), Some(at(27)));
}

#[test]
fn rows_are_read_in_parts_and_what_comes_meanwhile_is_found() {
    let rows = vec![("mailto:", 0); READ_AT_ONCE + 10];
    let db = database(&rows);
    let mut ready = PendingQueues::default();
    assert_eq!(
        ready.next(&db, at(0)).unwrap(),
        Some(at(0)),
        "it is read on at once"
    );
    assert!(ready.is_reading(), "but others have their turn");
    // Behind what is read already.
    insert(&db, 0, "https:new:443", 0);
    ready.added(&QueueKey::parse("https:new:443"), at(0), 0);
    let taken = take(&mut ready, &db, 0, 1000);
    assert_eq!(taken.len(), rows.len() + 1);
}

#[test]
fn pending_rows_are_read_in_the_index_alone() {
    let db = database(&[]);
    let plan: String = db
        .query_row(&format!("EXPLAIN QUERY PLAN {PENDING}"), [0], |row| {
            row.get(3)
        })
        .unwrap();
    assert!(plan.contains("COVERING INDEX tlsrptd_pending"), "{plan}");
}

/// A mail on that domain; its address has had a report before, or not.
fn mail(db: &Connection, r_id: i64, domain: &str, second: i64, delivered_before: bool) {
    let uri = format!("mailto:r@{domain}");
    let report = "INSERT INTO reports(r_id, day, domain) VALUES(?1, '2026-11-20', ?2)";
    db.execute(report, (r_id, domain)).unwrap();
    let pending = "INSERT INTO destinations(destination, d_r_id, retries, nexttry, tlsrptd_queue) \
        VALUES(?1, ?2, 0, ?3, 'mailto:')";
    db.execute(pending, (&uri, r_id, text::nexttry(at(second))))
        .unwrap();
    if delivered_before {
        let sent = "INSERT INTO destinations(destination, d_r_id, retries, status) VALUES(?1, -?2, 0, 'sent')";
        db.execute(sent, (uri, r_id)).unwrap();
    }
}

/// A relay denies one stranger's mails, which are due before all others.
#[test]
fn what_asks_a_relay_that_takes_none_is_not_always_the_same_strangers() {
    let owners: &dyn Fn(usize) -> String = &|n| format!("n.evil{n}.example");
    let subdomains: &dyn Fn(usize) -> String = &|n| format!("n{n}.evil.example");
    for (stranger, theirs_worked, genuine_worked, within, why) in [
        (subdomains, false, false, 8, "owners take turns"),
        (
            subdomains,
            true,
            false,
            8,
            "whatever has arrived there before",
        ),
        (owners, false, true, 4, "what has worked before goes first"),
        (owners, true, true, 650, "else it takes its turn"),
    ] {
        let db = database(&[]);
        let most = 300;
        for n in 0..most {
            mail(&db, n as i64 + 1, &stranger(n), n as i64, theirs_worked);
        }
        let genuine = most as i64 + 1;
        mail(&db, genuine, "genuine.example", 999, genuine_worked);
        let (mut ready, queue) = (PendingQueues::default(), QueueKey::Relay);
        ready.free(&queue);
        let mut asked = Vec::new();
        while asked.last() != Some(&genuine) {
            let second = 1000 + 900 * asked.len() as i64;
            let picked = ready.pick(&db, at(second), ClaimLimit::from(100), |_| 1);
            let picked = picked.unwrap();
            let [one] = &picked[..] else {
                panic!("{why}: {picked:?}");
            };
            // Denied: it waits for a while.
            let later = at(second + 1000);
            let wait = "UPDATE destinations SET nexttry = ?1 WHERE d_r_id = ?2";
            db.execute(wait, (text::nexttry(later), one.r_id)).unwrap();
            ready.seen(&queue, later, one.r_id);
            asked.push(one.r_id);
            assert!(asked.len() <= within, "{why}: {}", asked.len());
        }
        ready.flows(&queue);
        let picked = ready.pick(&db, at(1000), ClaimLimit::from(9), |_| 1);
        assert_eq!(picked.unwrap()[0].r_id, 1, "{why}: the earliest first");
    }
}
