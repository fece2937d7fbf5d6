//! What waits, in what order, and how much of it.

use tlsrptd_proto::day::Day;

use super::*;

const NOW: Duration = Duration::ZERO;

fn queue(max_datagrams: usize, max_datagram_size: usize) -> Queue {
    Queue::new(max_datagrams, max_datagram_size, Arc::default())
}

fn taken(queue: &Queue) -> Vec<String> {
    let mut batch = Batch::default();
    queue.take(&mut batch, NOW);
    batch
        .items
        .iter()
        .map(|item| match item {
            QueueItem::Datagram { id, .. } => format!("datagram {id:?}"),
            QueueItem::Counts(counts) => format!("counts {counts:?}"),
            QueueItem::EpochChange(change) => {
                format!("epoch change {} {}", change.today, change.rotate)
            }
            QueueItem::End => "end".into(),
        })
        .collect()
}

fn epoch_change(rotate: bool) -> EpochChange {
    EpochChange {
        today: Day::parse("2026-11-20").unwrap(),
        rotate,
        closing: DayClosing::AsUsual,
        extra_days: 0,
    }
}

#[test]
fn full_by_number_and_by_bytes() {
    let queue = queue(2, 10_000);
    assert!(queue.put(None, b"a"));
    assert!(queue.put(None, b"b"));
    assert!(!queue.put(None, b"c"), "two is the bound");
    queue.put_counts(vec![(0, 1)]);
    assert!(queue.has_counts(), "counts are never refused");

    let mut batch = Batch::default();
    queue.take(&mut batch, NOW);
    assert_eq!(batch.bytes, b"ab");
    assert_eq!(batch.items.len(), 3);
    assert!(!queue.has_counts());
    assert_eq!(queue.high_water(), 2);

    assert!(
        queue.put(None, &[0; 10_000]),
        "one of the largest always fits"
    );
    assert!(!queue.put(None, b"a"), "and nothing beside it");
}

#[test]
fn long_ones_leave_room_for_those_of_the_usual_length() {
    let queue = queue(100, 0);
    let long = vec![0; 15_000];
    let mut taken = 0;
    while queue.put(None, &long) {
        taken += 1;
    }
    let max_bytes = 100 * AVERAGE_BYTES;
    assert_eq!(taken, max_bytes * 3 / 4 / long.len(), "three quarters");
    for usual in [1, 500, USUAL_BYTES] {
        assert!(queue.put(None, &vec![0; usual]), "{usual}");
    }
    assert!(!queue.put(None, &vec![0; USUAL_BYTES + 1]));
}

#[test]
fn what_woke_the_writer_before_it_waits_is_not_lost() {
    let queue = queue(10, 100);
    let mut batch = Batch::default();
    assert!(queue.put(None, b"a"));
    queue.wake_if_waiting();
    queue.take(&mut batch, Duration::from_secs(60));
    assert_eq!(batch.items.len(), 1);
}

#[test]
fn counts_follow_their_datagrams_and_precede_the_epoch_change() {
    let queue = queue(10, 100);
    queue.put(Some(0), b"a");
    queue.put_counts(vec![(0, 2)]);
    queue.put(Some(1), b"b");
    queue.put_counts(vec![(1, 1), (0, 3)]);
    queue.put_epoch_change(epoch_change(false));
    queue.put_epoch_change(epoch_change(true));
    queue.put_epoch_change(epoch_change(false));
    queue.put_counts(vec![(7, 1)]);
    queue.end();
    assert_eq!(
        taken(&queue),
        [
            "datagram Some(0)",
            "datagram Some(1)",
            "counts [(0, 5), (1, 1)]",
            "epoch change 2026-11-20 true",
            "counts [(7, 1)]",
            "end"
        ]
    );
}

#[test]
fn a_writer_that_hangs_costs_no_more_than_its_queue() {
    let stats: Arc<Stats> = Arc::default();
    let (sick, well) = (
        Arc::new(Queue::new(3, 10, Arc::clone(&stats))),
        Arc::new(queue(1_000_000, 10)),
    );
    let queues = StorageQueues::new(vec![Arc::clone(&sick), Arc::clone(&well)]);
    let ids = 20_000;
    let mut sent = 0;
    for epoch in 0..80 {
        for id in 0..5 {
            assert!(queues.put(Some(id), b"a"), "the other one takes it");
            sent += 1;
        }
        for _ in 0..3 {
            queues.put_counts((0..ids).map(|id| (id, 1)).collect());
            sent += u64::from(ids);
        }
        // It takes everything each time, and nothing in it depends on what the sick one refused.
        assert_eq!(taken(&well).len(), 6 + usize::from(epoch > 0));
        queues.put_epoch_change(epoch_change(false));
    }
    let mut batch = Batch::default();
    sick.take(&mut batch, NOW);
    let held: usize = batch
        .items
        .iter()
        .map(|item| match item {
            QueueItem::Counts(counts) => counts.len(),
            _ => 1,
        })
        .sum();
    assert!(held < 2 * MAX_HELD_COUNTS, "{held}");
    let counted: u64 = batch
        .items
        .iter()
        .map(|item| match item {
            QueueItem::Counts(counts) => counts.iter().map(|&(_, times)| u64::from(times)).sum(),
            QueueItem::Datagram { .. } => 1,
            _ => 0,
        })
        .sum();
    assert_eq!(
        counted + stats.dropped.total(),
        sent,
        "handed over or dropped"
    );
}

#[test]
fn two_epoch_changes_with_nothing_in_between_become_one() {
    use DayClosing::{AsUsual, CheckNow, Forbidden};
    let change = |(closing, extra_days)| EpochChange {
        closing,
        extra_days,
        ..epoch_change(false)
    };
    for (first, second, want, why) in [
        ((AsUsual, 0), (AsUsual, 0), (AsUsual, 0), "nothing special"),
        (
            (AsUsual, 0),
            (CheckNow, u32::MAX),
            (CheckNow, u32::MAX),
            "the clock moved: no real day may be removed for a wrong one",
        ),
        (
            (CheckNow, 1),
            (AsUsual, 0),
            (CheckNow, 1),
            "the review is still to come",
        ),
        (
            (CheckNow, 1),
            (Forbidden, 0),
            (Forbidden, 1),
            "the last doubt counts",
        ),
        (
            (Forbidden, 0),
            (CheckNow, 1),
            (CheckNow, 1),
            "in doubt no more",
        ),
    ] {
        let queue = queue(10, 100);
        queue.put_epoch_change(change(first));
        queue.put_epoch_change(change(second));
        let mut batch = Batch::default();
        queue.take(&mut batch, NOW);
        match batch.items[..] {
            [QueueItem::EpochChange(found)] => assert_eq!(found, change(want), "{why}"),
            ref items => panic!("{why}: {items:?}"),
        }
    }
}
