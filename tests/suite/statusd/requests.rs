//! What is asked, well and badly.

use std::io::{Read, Write};

use tlsrptd_tests::harness::statusd::{HttpAnswer, Statusd};

use super::QuietSite;

/// What keeps a browser from taking an answer for something else.
const FIELDS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[test]
fn what_is_answered_and_what_is_not() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    let get = |target: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    };
    let with = |field: &str| {
        format!("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{field}\r\n\r\n")
    };
    let method = |method: &str| {
        format!("{method} /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    };
    let host =
        |host: &str| format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let long = "x".repeat(20_000);
    for (request, status, why) in [
        (get("/health"), 200, "as it should be"),
        (get("/style.css"), 200, "the style sheet"),
        (get("/metrics"), 200, "metrics"),
        (get("/api/v1/status"), 200, "for programs"),
        (get("/nothing"), 404, "no such page"),
        (get("/api/v1/nothing"), 404, "no such question"),
        (get("/api/v1/history?days=x"), 400, "no number"),
        (get("/%ff"), 400, "no text"),
        (get(&format!("/{}", &long[..3000])), 414, "a long target"),
        (method("POST"), 405, "to change something"),
        (method("OPTIONS"), 405, "to find out more"),
        (method("BREW"), 405, "an unknown method"),
        (host("127.0.0.1:9976"), 200, "an address"),
        (host("evil.example"), 421, "a name that leads here"),
        (
            "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            400,
            "no host",
        ),
        (with("Host: localhost"), 400, "two hosts"),
        (with("Content-Length: 5"), 413, "a body"),
        (
            with("Transfer-Encoding: chunked"),
            413,
            "a body of any length",
        ),
        (with(&format!("X: {long}")), 431, "a large head"),
        (with(&"X: y\r\n".repeat(200)), 431, "many fields"),
        (
            "GET /health HTTP/1.0\r\n\r\n".to_owned(),
            200,
            "what watches servers",
        ),
        (
            "GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n".to_owned(),
            400,
            "another protocol",
        ),
        ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned(), 400, "TLS"),
        (
            "{\"request\":\"status\"}\r\n\r\n".to_owned(),
            400,
            "what an observation socket takes",
        ),
    ] {
        let answer = page.ask(&request);
        assert_eq!(answer.status, status, "{why}: {answer:?}");
        // What is not HTTP is answered by the library, with nothing in it.
        if answer.fields.contains_key("content-type") {
            for (name, value) in FIELDS {
                assert_eq!(answer.field(name), value, "{why}: {name}");
            }
        } else {
            assert_eq!(answer.body, "", "{why}");
        }
        if status == 405 {
            assert_eq!(answer.field("allow"), "GET, HEAD", "{why}");
        }
    }
    let stopped = page.running.stop().success();
    assert!(
        !stopped.stderr.contains(" WARN ") && !stopped.stderr.contains(" ERROR "),
        "{}",
        stopped.stderr
    );
}

#[test]
fn head_tells_the_length_and_no_more() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    for target in [
        "/health",
        "/style.css",
        "/nothing",
        "/api/v1/history?days=3",
    ] {
        let whole = page.get(target);
        let head = page.ask(&format!(
            "HEAD {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(
            (head.status, head.body.as_str()),
            (whole.status, ""),
            "{target}"
        );
        assert_eq!(
            head.field("content-length"),
            whole.body.len().to_string(),
            "{target}"
        );
        assert_eq!(
            head.field("content-type"),
            whole.field("content-type"),
            "{target}"
        );
    }
}

#[test]
fn media_and_caching() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    for (target, media, caching) in [
        ("/", "text/html; charset=utf-8", "no-store"),
        ("/style.css", "text/css; charset=utf-8", "max-age=3600"),
        ("/health", "text/plain; charset=utf-8", "no-store"),
        ("/api/v1/status", "application/json", "no-store"),
        (
            "/metrics",
            "text/plain; version=0.0.4; charset=utf-8",
            "no-store",
        ),
        ("/%3Cscript%3E", "text/plain; charset=utf-8", "no-store"),
    ] {
        let answer = page.get(target);
        assert_eq!(answer.field("content-type"), media, "{target}");
        assert_eq!(answer.field("cache-control"), caching, "{target}");
    }
}

#[test]
fn several_requests_in_one_connection_and_then_garbage() {
    let site = QuietSite::new();
    let page = Statusd::start(&site.statusd());
    let mut stream = page.connect();
    let get = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream
        .write_all(format!("{get}{get}\0\0 garbage\r\n\r\n{get}").as_bytes())
        .unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    assert_eq!(text.matches("HTTP/1.1 400 ").count(), 1, "{text}");
    assert!(HttpAnswer::parse(&bytes).is_some_and(|first| first.body.starts_with("ok\n")));
    assert_eq!(page.get("/health").status, 200, "others are served");
}
