//! Clients that hold their places, never read, ask without end, or are there at the end.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    super::{Client, Limits},
    Bench, LONG, PATIENCE, rest, short, status, wait_until,
};

/// The client's half of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Open,
    Closed,
}

/// However many misbehave at once, they are gone in time, and others are answered again.
#[test]
fn clients_that_hold_their_places() {
    let flood = "{\"request\":\"flood\"}\n";
    let cases = [
        ("say nothing", "", Half::Open),
        ("never end the line", "{\"request\":", Half::Open),
        ("never read", flood, Half::Open),
        ("are half closed and never read", flood, Half::Closed),
        (
            "never read a long answer",
            "{\"request\":\"long\"}\n",
            Half::Open,
        ),
    ];
    for (why, sent, half) in cases {
        let bench = Bench::new();
        let _server = bench.server(short());
        let mut held: Vec<_> = (0..2).map(|_| bench.raw()).collect();
        for stream in &mut held {
            stream.write_all(sent.as_bytes()).unwrap();
            if half == Half::Closed {
                stream.shutdown(Shutdown::Write).unwrap();
            }
        }
        let mut refused = bench.raw();
        assert_eq!(
            rest(&mut refused),
            "{\"error\":\"too many clients\"}\n",
            "{why}"
        );
        wait_until(why, || bench.is_answering());
        drop(held);
    }
}

#[test]
fn a_client_that_reads_little_by_little_is_gone_at_last() {
    let bench = Bench::new();
    let _server = bench.server(Limits {
        write: PATIENCE,
        client: Duration::from_millis(600),
        ..short()
    });
    let mut slow = bench.raw();
    slow.write_all(b"{\"request\":\"flood\"}\n").unwrap();
    let began = Instant::now();
    let mut part = [0; 16 * 1024];
    while matches!(slow.read(&mut part), Ok(1..)) {
        assert!(began.elapsed() < PATIENCE, "it may stay for ever");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(
        began.elapsed() >= Duration::from_millis(500),
        "it was in time"
    );
}

#[test]
fn a_long_answer_reaches_a_client_that_pauses() {
    let bench = Bench::new();
    let limits = Limits {
        write: Duration::from_millis(200),
        client: Duration::from_millis(500),
        long_write: PATIENCE,
        long_client: PATIENCE * 2,
        ..short()
    };
    let _server = bench.server(limits);
    let mut slow = bench.raw();
    slow.write_all(b"{\"request\":\"long\"}\n").unwrap();
    slow.shutdown(Shutdown::Write).unwrap();
    let mut first = [0; 4096];
    slow.read_exact(&mut first).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(rest(&mut slow).len(), LONG - first.len());
}

#[test]
fn what_is_sent_comes_before_the_answer_ends() {
    let bench = Bench::new();
    let _server = bench.server(Limits::default());
    let client = Client::connect(&bench.path()).unwrap();
    let (_, mut lines) = client.ask_stream(&json!({"request": "pause"})).unwrap();
    assert!(lines.buffer().is_empty());
    assert!(bench.is_answering());
    let mut told = [0; 4];
    lines.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"one\n");
}

#[test]
fn floods_of_connections_and_of_questions_are_slowed_down() {
    let bench = Bench::new();
    let _server = bench.server(Limits {
        clients: 1,
        interval: Duration::from_millis(50),
        ..Limits::default()
    });
    let end = Instant::now() + Duration::from_millis(500);
    let (mut connected, mut client) = (0, Client::connect(&bench.path()).unwrap());
    while Instant::now() < end {
        client.ask(&status()).unwrap();
        connected += usize::from(UnixStream::connect(bench.path()).is_ok());
    }
    let asked = bench.asked.load(Relaxed);
    assert!(
        (2..=12).contains(&asked),
        "{asked} answers in half a second"
    );
    assert!(connected > 1, "{connected}");
    drop(client);
    wait_until("others are answered", || bench.is_answering());
}

#[test]
fn the_end_waits_for_nobody_and_removes_the_path() {
    let bench = Bench::new();
    let server = bench.server(Limits::default());
    let mut silent = bench.raw();
    let mut busy = bench.raw();
    busy.write_all(b"{\"request\":\"flood\"}\n").unwrap();
    wait_until("it is asked", || bench.asked.load(Relaxed) == 1);
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(!bench.path().exists());
    rest(&mut silent);
    rest(&mut busy);
}
