use hyper::Request;

use super::*;

/// A request in a few words: method, target, and `Field: value` lines.
fn head(method: &str, target: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn asked(method: &str, target: &str, fields: &[(&str, &str)]) -> Result<Route, u16> {
    let hosts = HostNames::default();
    route(&head(method, target, fields), &hosts).map_err(|refused| refused.status.as_u16())
}

const HOST: (&str, &str) = ("Host", "localhost:9976");

#[test]
fn what_there_is() {
    let asks = |question| Ok(Route::Asked(question));
    for (target, want, why) in [
        ("/style.css", Ok(Route::Style), "the style sheet"),
        ("/icon.svg", Ok(Route::Icon), "what a tab shows"),
        ("/style.css?v=1", Ok(Route::Style), "whatever stands behind"),
        (
            "/metrics",
            asks(StatusQuestion::Metrics(TextForm::Prometheus)),
            "for Prometheus",
        ),
        (
            "/metrics?name=x",
            asks(StatusQuestion::Metrics(TextForm::Prometheus)),
            "which may add parameters",
        ),
        (
            "/health",
            asks(StatusQuestion::Health(HealthForm::Readable)),
            "for load balancers",
        ),
        (
            "/health?check",
            asks(StatusQuestion::Health(HealthForm::Check)),
            "for the monitoring",
        ),
        ("/nothing", Err(404), "no such page"),
        ("/metrics/", Err(404), "another path"),
        ("/METRICS", Err(404), "paths have capitals"),
        ("//metrics", Err(404), "an empty segment"),
        ("/../etc/passwd", Err(404), "no file is served"),
        ("/%2e%2e/etc/passwd", Err(404), "in no spelling"),
        ("/api", Err(404), "the question is missing"),
        (
            "/api/v1/doctor",
            Err(404),
            "what starts programs is not asked here",
        ),
        ("/api/v2/status", Err(404), "another version"),
        ("/%00", Err(400), "a control character"),
        ("/%ff", Err(400), "not UTF-8"),
        (
            "http://localhost/metrics",
            asks(StatusQuestion::Metrics(TextForm::Prometheus)),
            "as of a proxy",
        ),
        (
            "http://evil.example/metrics",
            Err(421),
            "the target names another host",
        ),
    ] {
        assert_eq!(asked("GET", target, &[HOST]), want, "{target}: {why}");
    }
    assert!(matches!(
        asked("GET", "/", &[HOST]),
        Ok(Route::Asked(StatusQuestion::Page(_)))
    ));
}

#[test]
fn methods_hosts_and_bodies() {
    for (method, fields, want, why) in [
        ("GET", &[HOST][..], None, "to read"),
        ("HEAD", &[HOST], None, "to look"),
        ("POST", &[HOST], Some(405), "to change"),
        ("OPTIONS", &[HOST], Some(405), "to ask for more"),
        ("DELETE", &[HOST], Some(405), "to remove"),
        ("BREW", &[HOST], Some(405), "unknown"),
        ("GET", &[], Some(400), "HTTP/1.1 wants a Host"),
        ("GET", &[HOST, HOST], Some(400), "which one?"),
        (
            "GET",
            &[("Host", "evil.example")],
            Some(421),
            "a name that leads here",
        ),
        (
            "POST",
            &[("Host", "evil.example")],
            Some(421),
            "is told nothing else",
        ),
        ("GET", &[("Host", "")], Some(421), "no name"),
        (
            "GET",
            &[HOST, ("Content-Length", "0")],
            None,
            "an empty body",
        ),
        ("GET", &[HOST, ("Content-Length", "5")], Some(413), "a body"),
        (
            "GET",
            &[HOST, ("Transfer-Encoding", "chunked")],
            Some(413),
            "of any length",
        ),
        (
            "GET",
            &[
                HOST,
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Mode", "no-cors"),
            ],
            Some(403),
            "another web site's page asks",
        ),
        (
            "GET",
            &[
                HOST,
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Mode", "navigate"),
            ],
            None,
            "who follows a link from there",
        ),
        (
            "GET",
            &[
                HOST,
                ("Sec-Fetch-Site", "same-origin"),
                ("Sec-Fetch-Mode", "no-cors"),
            ],
            None,
            "the style sheet of the page",
        ),
    ] {
        let got = asked(method, "/health", fields).err();
        assert_eq!(got, want, "{method} {fields:?}: {why}");
    }
}

#[test]
fn a_client_of_http_1_0_needs_no_host() {
    let mut request = head("GET", "/health", &[]);
    request.version = Version::HTTP_10;
    assert!(route(&request, &HostNames::default()).is_ok());
}

#[test]
fn a_long_target_is_refused() {
    let long = format!("/health?{}", "x".repeat(limits::TARGET));
    assert_eq!(asked("GET", &long, &[HOST]), Err(414));
}

#[test]
fn questions_of_tlsrptctl() {
    for (target, want, why) in [
        ("status", None, "nothing to add"),
        ("history?days=90", None, "an option"),
        ("history?days=401", Some(400), "longer than is told"),
        ("history?days=0", Some(400), "out of range"),
        ("history?days=", Some(400), "no value"),
        ("history?dys=1", Some(400), "unknown"),
        (
            "failures?new&explain&days=7&domain=a.example",
            None,
            "all of them",
        ),
        ("failures?new=1", Some(400), "a switch takes no value"),
        ("failures?limit=1000", None, "the most lines"),
        ("failures?limit=1001", Some(400), "too many lines"),
        ("deliveries", None, "the last closed day"),
        ("deliveries?day=2026-11-20&status=sent", None, "a day"),
        ("deliveries?day=today", Some(400), "asks the collectors"),
        ("deliveries?day=2026-02-30", Some(400), "no such day"),
        ("deliveries?status=lost", Some(400), "no such status"),
        ("show?domain=a.example", None, "the last closed day"),
        ("show?day=2026-11-20&domain=a.example", None, "in any order"),
        ("show", Some(400), "of which domain?"),
        ("show?day=2026-11-20", Some(400), "of which domain?"),
        (
            "show?domain=a.example&mail",
            Some(400),
            "that is written with the keys",
        ),
        ("why?domain=--help", None, "a domain, and no option"),
        (
            "status?config_file=/etc/shadow",
            Some(400),
            "an option of the program",
        ),
        ("status?dbname=/etc/shadow", Some(400), "another one"),
        ("status?help", Some(400), "nor that"),
        ("status?=x", Some(400), "without a name"),
    ] {
        let target = format!("/api/v1/{target}");
        let got = asked("GET", &target, &[HOST]).err();
        assert_eq!(got, want, "{target}: {why}");
    }
}

#[test]
fn what_is_wrong_with_a_question_is_named() {
    for (target, want) in [
        (
            "history?days=0",
            "days: 0 is out of range (allowed: 1 to 400)",
        ),
        (
            "history?days=401",
            "days: 401 is out of range (allowed: 1 to 400)",
        ),
        (
            "failures?limit=1001",
            "limit: 1001 is out of range (allowed: 1 to 1000)",
        ),
        ("status?json", "json: belongs to no question"),
        ("status?help", "help: belongs to no question"),
        ("status?version", "version: belongs to no question"),
        (
            "status?config_file=/etc/x",
            "config_file: belongs to no question",
        ),
    ] {
        let head = head("GET", &format!("/api/v1/{target}"), &[HOST]);
        let refused = route(&head, &HostNames::default()).unwrap_err();
        let body = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(body.contains(want), "{target}: {body}");
    }
}
