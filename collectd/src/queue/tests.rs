//! What waits, in what order, and how much of it.

use super::*;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn queue(max_datagrams: usize, max_datagram_size: usize) -> Queue {
    Queue::new(max_datagrams, max_datagram_size, Arc::default())
}

fn taken(queue: &Queue) -> Vec<String> {
    let mut load = Batch::default();
    queue.take(&mut load, NOW);
    load.items
        .iter()
        .map(|item| match item {
            Item::Datagram { id, .. } => format!("datagram {id:?}"),
            Item::Counts(counts) => format!("counts {counts:?}"),
            Item::EpochChange(boundary) => {
                format!("boundary {} {}", boundary.today, boundary.rotate)
            }
            Item::End => "end".into(),
        })
        .collect()
}

fn boundary(rotate: bool) -> EpochChange {
    EpochChange {
        today: Day::parse("2026-11-20").unwrap(),
        rotate,
        closing: Closing::AsUsual,
        spare: 0,
    }
}

#[test]
fn full_by_number_and_by_bytes() {
    let queue = queue(2, 10_000);
    assert!(queue.room().put(None, b"a", false));
    assert!(queue.room().put(None, b"b", false));
    assert!(!queue.room().put(None, b"c", false), "two is the bound");
    queue.put_counts(vec![(0, 1)]);
    assert!(queue.has_counts(), "counts always have room");

    let mut load = Batch::default();
    queue.take(&mut load, NOW);
    assert_eq!(load.bytes, b"ab");
    assert_eq!(load.items.len(), 3);
    assert!(!queue.has_counts());
    assert_eq!(queue.high_water(), 2);

    assert!(
        queue.room().put(None, &[0; 10_000], false),
        "one of the largest always fits"
    );
    assert!(
        !queue.room().put(None, b"a", false),
        "and nothing beside it"
    );
}

#[test]
fn long_ones_leave_room_for_those_of_the_usual_length() {
    let queue = queue(100, 0);
    let long = vec![0; 10_000];
    let mut taken = 0;
    while queue.room().put(None, &long, false) {
        taken += 1;
    }
    let room = 100 * AVERAGE;
    assert_eq!(taken, room * 3 / 4 / long.len(), "three quarters");
    for usual in [1, 500, AVERAGE] {
        assert!(queue.room().put(None, &vec![0; usual], false), "{usual}");
    }
    assert!(!queue.room().put(None, &vec![0; AVERAGE + 1], false));
}

#[test]
fn waits_for_a_nudge() {
    let queue = queue(10, 100);
    let mut load = Batch::default();
    assert!(queue.room().put(None, b"a", false));
    queue.nudge();
    queue.take(&mut load, None);
    assert_eq!(load.items.len(), 1, "a nudge before the wait is not lost");
}

#[test]
fn counts_follow_their_datagrams_and_precede_the_boundary() {
    let queue = queue(10, 100);
    queue.room().put(Some(0), b"a", false);
    queue.put_counts(vec![(0, 2)]);
    queue.room().put(Some(1), b"b", false);
    queue.put_counts(vec![(1, 1), (0, 3)]);
    queue.put_boundary(boundary(false));
    queue.put_boundary(boundary(true));
    queue.put_boundary(boundary(false));
    queue.put_counts(vec![(7, 1)]);
    queue.end();
    assert_eq!(
        taken(&queue),
        [
            "datagram Some(0)",
            "datagram Some(1)",
            "counts [(0, 5), (1, 1)]",
            "boundary 2026-11-20 true",
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
    let queues = Queues::new(vec![Arc::clone(&sick), Arc::clone(&well)]);
    let ids = 20_000;
    let mut sent = 0;
    for epoch in 0..80 {
        for id in 0..5 {
            assert!(queues.put(Some(id), b"a", false), "the other has room");
            sent += 1;
        }
        for _ in 0..3 {
            queues.put_counts((0..ids).map(|id| (id, 1)).collect());
            sent += u64::from(ids);
        }
        // It takes everything each time, and is never told of what the sick one did not take.
        assert_eq!(taken(&well).len(), 6 + usize::from(epoch > 0));
        queues.put_boundary(boundary(false));
    }
    let mut load = Batch::default();
    sick.take(&mut load, NOW);
    let held: usize = load
        .items
        .iter()
        .map(|item| match item {
            Item::Counts(counts) => counts.len(),
            _ => 1,
        })
        .sum();
    assert!(held < 2 * MAX_HELD_COUNTS, "{held}");
    let counted: u64 = load
        .items
        .iter()
        .map(|item| match item {
            Item::Counts(counts) => counts.iter().map(|&(_, times)| u64::from(times)).sum(),
            Item::Datagram { .. } => 1,
            _ => 0,
        })
        .sum();
    assert_eq!(
        counted + stats.dropped.total(),
        sent,
        "handed over or dropped"
    );
}
