//! What the reporter says on its observation socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::smtp::{Act, Stage};
use tlsrptd_tests::harness::wait::until_true;

use super::{MAILBOX, reported, socket, words};

fn ask(socket: &Path, request: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    writeln!(stream, "{}", json!({ "request": request })).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn the_reporter_says_how_it_is() {
    let lab = Lab::new();
    let running = reported(&lab);
    let status = ask(&socket(&lab), "status");
    assert_eq!(status["program"], "tlsrpt-reportd");
    assert_eq!(status["pid"], running.pid().as_raw());
    assert_eq!(status["clock"]["is_confirmed"], true);
    assert_eq!(status["resolver"]["state"], "available");
    assert_eq!(status["requests"], 0);
    let collector = &status["collectors"][0];
    assert!(collector["last_success"].is_string(), "{status}");
    assert_eq!(collector["last_error"], Value::Null, "{status}");
    assert!(ask(&socket(&lab), "secrets")["error"].is_string());

    // Five failures in a row throttle the relay's queue. The connection that is kept for the next mail is closed.
    lab.smtp.script(Stage::Mail, Act::Close);
    let out_of_order = "421 4.3.2 out of \u{202e}order";
    lab.smtp.script(Stage::Banner, Act::reply(out_of_order));
    let asked = words(&lab, &["resend", "one.test", "yesterday", "--to", MAILBOX]).start();
    until_true("the relay's queue is throttled", || {
        let status = ask(&socket(&lab), "status");
        let queues = status["queues"].as_array().unwrap();
        let relay = queues.iter().find(|queue| queue["key"] == "mailto:");
        relay.is_some_and(|relay| {
            relay["throttled_until"].is_string()
                && relay["reason"]
                    .as_str()
                    .is_some_and(|why| why.contains("421 4.3.2 out of"))
        })
    });
    until_true("the operator is told", || {
        asked.log().contains("mailto: is throttled")
    });
    let status = ask(&socket(&lab), "status");
    let warnings = status["warnings"].as_array().unwrap();
    let told = warnings.iter().any(|warning| {
        let text = warning["text"].as_str().unwrap();
        text.starts_with("the DKIM key is open to every user")
    });
    assert!(told, "{status}");
    assert_eq!(status["requests"], 1, "{status}");
    assert_documented(&status);
    // Whoever waits keeps no reporter from ending in order.
    running.stop().success();
    asked.signal(Signal::SIGTERM);
    let ended = asked.wait();
    assert!(
        ended.stdout.contains("taken back, nothing was sent"),
        "{}",
        ended.stdout
    );
    assert!(!socket(&lab).exists());
}

/// tlsrpt-observe(5) has each field.
fn assert_documented(status: &Value) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/man/tlsrpt-observe.5.in");
    let page = std::fs::read_to_string(page).unwrap();
    let begin = page.find(".Sh THE REPORTER").unwrap();
    let page = &page[begin..page.find(".Sh FILES").unwrap()];
    let words: Vec<&str> = page.split([' ', ',', '\n']).collect();
    let nested = ["clock", "deliveries_in_hand", "resolver"].map(|name| &status[name]);
    let listed = ["queues", "collectors", "warnings"].map(|name| &status[name][0]);
    let mut told = 0;
    for object in nested.into_iter().chain(listed).chain([status]) {
        for field in object.as_object().unwrap().keys() {
            assert!(
                words.contains(&field.as_str()),
                "{field} is not in tlsrpt-observe(5)"
            );
            told += 1;
        }
    }
    assert!(told > 35, "{told}");
}
