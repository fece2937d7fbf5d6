//! Server and client over real sockets: also clients that do what they should not.

mod clients;
mod paths;

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{AskError, Client, Handler, Limits, Server};

/// A condition that does not come about in this time fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of a long answer: more than the kernel keeps for a client.
const LONG: usize = 4 << 20;

struct Bench {
    dir: TempDir,
    asked: Arc<AtomicUsize>,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            dir: tempfile::tempdir().unwrap(),
            asked: Arc::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("observe")
    }

    fn server(&self, limits: Limits) -> Server {
        Server::start_with(limits, &self.path(), self.handler()).unwrap()
    }

    /// `status`, and answers that are long, without an end, or with a pause until somebody else asks.
    fn handler(&self) -> Arc<Handler> {
        let asked = Arc::clone(&self.asked);
        Arc::new(move |request, out| {
            asked.fetch_add(1, Relaxed);
            match request.name() {
                "status" => out.json(&json!({"pid": 7, "domain": request.text("domain")})),
                "stream" => {
                    out.json(&json!({"format": "lines"}))?;
                    out.bytes(b"one\ntwo\n")
                }
                "flood" => loop {
                    out.bytes(&[b'x'; 4096])?;
                },
                "long" => {
                    out.expect_long();
                    out.bytes(&vec![b'x'; LONG])
                }
                "pause" => {
                    out.json(&json!({"format": "lines"}))?;
                    out.send()?;
                    wait_until("another asks", || asked.load(Relaxed) > 1);
                    out.bytes(b"one\n")
                }
                _ => out.error(&request.unknown(&["status", "stream"])),
            }
        })
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends these bytes, and reads until the server closes.
    fn exchange(&self, sent: &[u8]) -> String {
        let mut stream = self.raw();
        // The server may close before it has read everything.
        let _ = stream.write_all(sent);
        let _ = stream.shutdown(Shutdown::Write);
        rest(&mut stream)
    }

    fn is_answering(&self) -> bool {
        let answer = Client::connect(&self.path()).and_then(|mut client| client.ask(&status()));
        answer.is_ok()
    }
}

fn rest(stream: &mut UnixStream) -> String {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&read).into_owned(),
            Ok(length) => read.extend_from_slice(&part[..length]),
        }
    }
}

fn status() -> Value {
    json!({"request": "status"})
}

/// Short ones, so that a test need not wait.
fn short() -> Limits {
    Limits {
        clients: 2,
        read: Duration::from_millis(1000),
        write: Duration::from_millis(1000),
        client: Duration::from_secs(4),
        long_write: Duration::from_millis(1000),
        long_client: Duration::from_secs(4),
        interval: Duration::from_millis(1),
        ..Limits::default()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn questions_and_answers() {
    let bench = Bench::new();
    let _server = bench.server(Limits::default());
    let mut client = Client::connect(&bench.path()).unwrap();
    for domain in ["a.example", "\u{1b}[2J\"\n", ""] {
        let question = json!({"request": "status", "domain": domain});
        let answer = client.ask(&question).unwrap();
        assert_eq!(answer, json!({"pid": 7, "domain": domain}));
    }
    let refused = client.ask(&json!({"request": "no\nsuch"})).unwrap_err();
    assert!(
        matches!(&refused, AskError::Refused { why, .. } if why == "unknown request \"no\\nsuch\" (allowed: status, stream)"),
        "{refused}"
    );
    let (head, mut lines) = client.ask_stream(&json!({"request": "stream"})).unwrap();
    assert_eq!(head, json!({"format": "lines"}));
    let mut told = [0; 8];
    lines.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"one\ntwo\n");
}

#[test]
fn what_is_no_request() {
    let bench = Bench::new();
    let _server = bench.server(short());
    let deep = format!("{}\n", "[".repeat(4000));
    let long = format!(
        "{{\"request\":\"status\",\"a\":\"{}\"}}\n",
        "x".repeat(5000)
    );
    let blank = "\n".repeat(5000);
    for (sent, want, why) in [
        (
            blank.as_str(),
            "{\"error\":\"a request is at most 4096 bytes",
            "empty lines without end",
        ),
        ("{\"request\":\"status\"}\n", "{\"pid\":7", "a request"),
        (
            "{\"request\":\"status\"}",
            "{\"pid\":7",
            "the last line needs no end",
        ),
        (
            "\n \r\n{\"request\":\"status\"}\r\n",
            "{\"pid\":7",
            "empty lines",
        ),
        ("status\n", "{\"error\":\"not JSON", "a word"),
        ("[]\n", "{\"error\":\"not a JSON object", "an array"),
        ("{}\n", "{\"error\":\"no `request`", "an empty object"),
        (
            "{\"request\":1}\n",
            "{\"error\":\"`request` is not",
            "a number",
        ),
        (
            "{\"request\":{\"$serde_json::private::Number\":\"1\"}}\n",
            "{\"error\":\"",
            "serde_json's own token",
        ),
        ("\u{0}\u{0}\n", "{\"error\":\"not JSON", "null bytes"),
        (&deep, "{\"error\":\"not JSON", "deep"),
        (
            &long,
            "{\"error\":\"a request is at most 4096 bytes",
            "long",
        ),
        (
            &long[..5000],
            "{\"error\":\"a request is at most 4096 bytes",
            "long, without an end",
        ),
        ("", "", "nothing"),
    ] {
        let answer = bench.exchange(sent.as_bytes());
        assert!(answer.starts_with(want), "{why}: {answer}");
        assert!(
            answer.is_empty() || answer.ends_with('\n'),
            "{why}: {answer}"
        );
    }
    assert!(bench.exchange(b"\xff\xfe{}\n").contains("not JSON"));
    assert!(bench.is_answering());
}

#[test]
fn why_there_is_no_answer() {
    let bench = Bench::new();
    let ask = |within| {
        let asked = Client::connect_within(&bench.path(), within)
            .and_then(|mut client| client.ask(&status()));
        asked.unwrap_err()
    };
    assert!(matches!(ask(PATIENCE), AskError::Missing(_)));
    fs::write(bench.path(), "").unwrap();
    assert!(matches!(ask(PATIENCE), AskError::OtherKind(_)));
    for (answer, want) in [
        ("", "the answer was cut off"),
        ("{\"pid\":", "the answer was cut off"),
        ("hello\n", "the answer is not a line of JSON"),
        ("{\"error\":\"busy\"}\n", "the daemon says: busy"),
    ] {
        fs::remove_file(bench.path()).unwrap();
        let listener = UnixListener::bind(bench.path()).unwrap();
        let answering = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 64]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = ask(PATIENCE).to_string();
        assert!(error.contains(want), "{answer:?}: {error}");
        answering.join().unwrap();
    }
    assert!(matches!(ask(PATIENCE), AskError::NobodyAnswers(_)));
    fs::remove_file(bench.path()).unwrap();
    let _listener = UnixListener::bind(bench.path()).unwrap();
    let error = ask(Duration::from_millis(300));
    assert!(matches!(error, AskError::TimedOut { .. }), "{error}");
}
