//! Clients that are slow, or many.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixListener,
    time::{Duration, Instant},
};

use nix::sys::socket::{setsockopt, sockopt};
use tlsrptd_tests::harness::statusd::Statusd;
use tlsrptd_tests::harness::wait::until_true;

use super::QuietSite;

const READERS: usize = 200;
/// More than the kernel takes for a connection at once.
const REQUESTS: usize = 20_000;
/// What a page takes beside slow readers, on a busy machine.
const SOON: Duration = Duration::from_secs(10);
const MIB: u64 = 1 << 20;

#[test]
fn slow_readers_hold_nobody_up_and_are_cut() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    let get = "GET /api/v1/history HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let many = get.repeat(REQUESTS);
    let readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = page.connect();
            setsockopt(&stream, sockopt::RcvBuf, &4096).unwrap();
            // As much as is taken: what we do not read keeps it from taking more.
            stream.set_nonblocking(true).unwrap();
            let _ = stream.write(many.as_bytes());
            stream
        })
        .collect();
    let mut writers: Vec<TcpStream> = (0..20).map(|_| page.connect()).collect();
    let began = Instant::now();
    // Others are served, while those who write slowly do so.
    while began.elapsed() < Duration::from_secs(5) {
        for writer in &mut writers {
            let _ = writer.write_all(b"G");
        }
        let asked = Instant::now();
        assert_eq!(page.get("/health").status, 200);
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    }
    assert!(resident(&page) < 64 * MIB, "{} MiB", resident(&page) / MIB);
    // Those who take nothing are cut off: what was sent to them is all that there is.
    for mut reader in readers {
        reader.set_nonblocking(false).unwrap();
        until_true("the end of a slow reader", || ended(&mut reader));
    }
    for mut writer in writers {
        let mut rest = Vec::new();
        let _ = writer.read_to_end(&mut rest);
    }
    page.running.stop().success();
}

/// Reads nothing that would let the other side go on: looks for the end alone.
fn ended(stream: &mut TcpStream) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    let mut polled = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    poll(&mut polled, PollTimeout::ZERO).unwrap();
    let events = polled[0].revents().unwrap_or(PollFlags::empty());
    events.intersects(PollFlags::POLLHUP | PollFlags::POLLERR)
}

fn resident(page: &Statusd) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", page.running.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// Connections of its port for which the kernel keeps what was not taken, whoever's they are.
fn kept_by_kernel(page: &Statusd) -> usize {
    let local = format!("0100007F:{:04X}", page.address.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let kept = table.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_listening = fields[3] == "0A";
        fields[1] == local && !is_listening && !fields[4].starts_with("00000000:")
    });
    kept.count()
}

/// An answer that was written and closed waits in the kernel for its reader, but not for long.
#[test]
fn what_was_answered_and_is_not_taken_is_given_up() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd().set("max_connections", 4));
    // More than a reader's kernel takes for it, and less than ours.
    let get = |field| format!("GET /style.css HTTP/1.1\r\nHost: localhost\r\n{field}\r\n");
    let repeated = 120_000 / page.get("/style.css").body.len();
    let requests = get("").repeat(repeated) + &get("Connection: close\r\n");
    let readers: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = page.connect();
            setsockopt(&stream, sockopt::RcvBuf, &2048).unwrap();
            stream.write_all(requests.as_bytes()).unwrap();
            // All is written before the next comes: what is closed in order stays.
            let answered = stream.peek(&mut [0]).unwrap();
            assert_eq!(answered, 1);
            std::thread::sleep(Duration::from_millis(20));
            stream
        })
        .collect();
    let at_first = kept_by_kernel(&page);
    assert!(at_first > 4, "{at_first}");
    until_true("an end of what nobody takes", || kept_by_kernel(&page) == 0);
    drop(readers);
}

/// Daemons that hang keep the worker busy meanwhile.
#[test]
fn who_asks_and_goes_keeps_no_place() {
    let site = QuietSite::new();
    let _hanging = UnixListener::bind(site.lab.file("reportd.observe")).unwrap();
    let page = Statusd::start(&site.statusd());
    let busy = page.connect();
    (&busy)
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    for days in 1..=100 {
        let mut gone = page.connect();
        let get = format!("GET /api/v1/history?days={days} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        gone.write_all(get.as_bytes()).unwrap();
        // Asked, before it goes.
        page.get("/style.css");
    }
    for target in ["/api/v1/history?days=399", "/metrics", "/health", "/"] {
        let answer = page.get(target);
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
}

/// Each connection has a descriptor, and there is only so many of them.
#[test]
fn more_connections_than_open_files() {
    let site = QuietSite::new();
    let program = site.statusd().set("max_connections", 1000);
    let page = Statusd::start(&program.under(&["sh", "-c", "ulimit -n 64; exec \"$@\"", "sh"]));
    let open: Vec<TcpStream> = (0..100).map(|_| page.connect()).collect();
    assert_eq!(page.get("/health").status, 200, "a new one is served");
    drop(open);
    let told = page.running.stop().success().stderr;
    let warning = " WARN max_connections is more than the limit of open files allows max_connections=1000 served=32";
    assert!(told.contains(warning), "{told}");
}

#[test]
fn one_connection_too_many_takes_the_place_of_the_idlest() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd().set("max_connections", 4));
    let mut open: Vec<TcpStream> = (0..4).map(|_| page.connect()).collect();
    // The first of them is the last that has moved something.
    for stream in &mut open {
        answered(stream);
    }
    answered(&mut open[0]);
    for _ in 0..2 {
        assert_eq!(page.get("/health").status, 200, "a new one is served");
    }
    let closed = open[1].read(&mut [0; 9]);
    let is_closed = matches!(closed, Ok(0)) || closed.is_err();
    assert!(is_closed, "the second is closed: {closed:?}");
    answered(&mut open[0]);
}

/// One answer, with the connection kept.
fn answered(stream: &mut TcpStream) {
    let get = "HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(get.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 OK"), "{head:?}");
}
