//! Answers of a collector, over a real file.

use std::{cell::RefCell, io, sync::Arc};

use serde_json::{Value, json};
use tlsrptd_config::Storage;
use tlsrptd_proto::{
    datagram::{Datagram, TextLimits},
    day::Day,
    fetch::{Event, Parser},
};
use tlsrptd_service::observe::{AnswerWriter, Request};

use super::{Observed, ObservedCollector, Place};
use crate::{
    stats::{DropReason, Stats},
    store::{self, FoldLimits, Store, TodaysRows},
};

struct Bench {
    _dir: tempfile::TempDir,
    store: RefCell<Box<dyn Store>>,
    stats: Arc<Stats>,
    observed: Arc<Observed>,
}

fn day() -> Day {
    Day::parse("2026-11-20").unwrap()
}

impl Bench {
    /// A collector that has committed these domains.
    fn with(domains: usize) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::Sqlite {
            url: "sqlite:///db".into(),
            path: dir.path().join("db"),
        };
        let mut store = store::open(&storage, FoldLimits::new(100, 100), 10).unwrap();
        for n in 0..domains {
            let text = format!(
                r#"{{"d":"d{n}.test","pr":"v=TLSRPTv1;rua=mailto:a@b","policies":[{{"policy-type":9,"policy-domain":"d{n}.test","t":0,"f":0}}]}}"#
            );
            let parsed = Datagram::parse(text.as_bytes(), &TextLimits::default());
            store.add(day(), &parsed.unwrap().into_session_results().into());
        }
        store.flush().unwrap();
        let stats = Arc::new(Stats::of_storages(["sqlite:///db", "dummy:"]));
        stats.set_today(day());
        let collector = ObservedCollector {
            started: "2026-11-20T01:02:03.9Z".parse().unwrap(),
            clock: Arc::new(|| "2026-11-20T08:09:10Z".parse().unwrap()),
            sockets: vec!["/run/a b\n.sock".into()],
            storages: vec!["sqlite:///db".into(), "dummy:".into()],
            max_day_file_bytes: 1 << 31,
            stats: Arc::clone(&stats),
        };
        let observed = Observed::new(Arc::new(collector), store.running_day());
        Bench {
            _dir: dir,
            store: RefCell::new(store),
            stats,
            observed,
        }
    }

    fn ask(&self, question: Value) -> String {
        let mut out = Written::default();
        self.ask_into(&question, &mut out);
        String::from_utf8(out.0).unwrap()
    }

    fn ask_into(&self, question: &Value, out: &mut dyn AnswerWriter) {
        let request = Request::parse(question.to_string().as_bytes()).unwrap();
        self.observed.answer(&request, out).unwrap();
    }
}

#[derive(Default)]
struct Written(Vec<u8>);

impl AnswerWriter for Written {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A client that takes so long for its first part that the day ends meanwhile.
struct Slow<'b> {
    bench: &'b Bench,
    written: Written,
    parts: usize,
}

impl AnswerWriter for Slow<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.parts += 1;
        if self.parts == 8 {
            let mut store = self.bench.store.borrow_mut();
            store
                .close_days(day(), TodaysRows::BecomeYesterdays)
                .unwrap();
        }
        self.written.bytes(bytes)
    }
}

#[test]
fn status() {
    let bench = Bench::with(0);
    bench.stats.received.add(10);
    bench.stats.last_received.set(1_795_000_000);
    bench.stats.malformed.add("not-json", 2);
    bench.stats.counted.add(7);
    bench.stats.counted.subtract(3);
    bench.stats.dropped.add(DropReason::DayFull, 3);
    bench.stats.dropped.add(DropReason::QueueFull, 1);
    bench.stats.others[0].counted.add(7);
    bench.stats.successful.add(7);
    bench.stats.failed.add(1);
    let status: Value = serde_json::from_str(&bench.ask(json!({"request": "status"}))).unwrap();
    for (field, want) in [
        ("/program", json!("tlsrpt-collectd")),
        ("/pid", json!(std::process::id())),
        ("/started", json!("2026-11-20T01:02:03Z")),
        ("/now", json!("2026-11-20T08:09:10Z")),
        ("/day", json!("2026-11-20")),
        ("/sockets", json!(["/run/a b\n.sock"])),
        ("/last_received", json!("2026-11-18T11:06:40Z")),
        ("/received", json!(10)),
        ("/malformed", json!(2)),
        ("/malformed_by_reason", json!({"not-json": 2})),
        ("/storages/0/url", json!("sqlite:///db")),
        ("/storages/0/accepted", json!(7)),
        ("/storages/0/dropped", json!(4)),
        (
            "/storages/0/dropped_by_reason",
            json!({"day-full": 3, "domain-share": 0, "queue-full": 1, "storage": 0}),
        ),
        ("/storages/0/sessions", json!(8)),
        ("/storages/0/successful", json!(7)),
        ("/storages/0/failed", json!(1)),
        ("/storages/0/max_day_file_bytes", json!(1_u64 << 31)),
        ("/storages/0/sessions_today", json!(null)),
        ("/storages/1/url", json!("dummy:")),
        ("/storages/1/accepted", json!(7)),
        ("/storages/1/dropped", json!(0)),
    ] {
        assert_eq!(status.pointer(field), Some(&want), "{field}");
    }
    assert_eq!(bench.stats.counted.value(), 4, "the log's figure falls");
}

#[test]
fn today() {
    let bench = Bench::with(600);
    let one = bench.ask(json!({"request": "today", "domain": "D7.test"}));
    for (question, domains, why) in [
        (json!({"request": "today"}), 600, "the names"),
        (json!({"request": "today", "domain": null}), 600, "the same"),
        (json!({"request": "today", "domain": "."}), 600, "all"),
        (json!({"request": "today", "domain": "D7.test"}), 1, "one"),
        (
            json!({"request": "today", "domain": "none.test"}),
            0,
            "none such",
        ),
        (
            json!({"request": "today", "domain": "\u{1b}[2J"}),
            0,
            "no name",
        ),
        (json!({"request": "today", "domain": ""}), 0, "nor this"),
    ] {
        let answer = bench.ask(question);
        let (head, lines) = answer.split_once('\n').unwrap();
        assert_eq!(
            head, r#"{"day":"2026-11-20","format":"tlsrpt-fetcher"}"#,
            "{why}"
        );
        let mut parser = Parser::new();
        let events: Vec<_> = lines
            .lines()
            .map(|line| parser.line(line).unwrap())
            .collect();
        parser.finish().expect(why);
        let told = events
            .iter()
            .filter(|event| matches!(event, Event::Listed { .. } | Event::Counts(..)));
        assert_eq!(told.count(), domains, "{why}");
    }
    assert!(one.contains(r#"{"d": "d7.test", "policies": "#), "{one}");
}

#[test]
fn the_day_ends_while_it_is_told() {
    let bench = Bench::with(5000);
    let mut slow = Slow {
        bench: &bench,
        written: Written::default(),
        parts: 0,
    };
    bench.ask_into(&json!({"request": "today", "domain": "."}), &mut slow);
    let answer = String::from_utf8(slow.written.0).unwrap();
    let last = answer.lines().last().unwrap();
    assert!(
        last.starts_with(r#"{"error":"the day is being closed"#),
        "{last}"
    );
    assert!(
        answer
            .lines()
            .any(|line| line.starts_with(r#"{"d": "d0.test""#))
    );
    assert!(!answer.lines().any(|line| line.starts_with('.')), "no end");
}

#[test]
fn what_is_not_answered() {
    let bench = Bench::with(1);
    let _places = [
        Place::take(&bench.observed.today),
        Place::take(&bench.observed.today),
    ];
    for (question, want) in [
        (
            json!({"request": "today"}),
            "{\"error\":\"too many ask for today at once: ask again\"}\n",
        ),
        (
            json!({"request": "tomorrow"}),
            "{\"error\":\"unknown request \\\"tomorrow\\\" (allowed: status, today)\"}\n",
        ),
    ] {
        assert_eq!(bench.ask(question), want);
    }
    let bench = Bench::with(1);
    for _ in 0..10 {
        let answer = bench.ask(json!({"request": "today", "domain": 5}));
        assert_eq!(answer, "{\"error\":\"`domain` is not a text\"}\n");
    }
    assert!(
        bench
            .ask(json!({"request": "today"}))
            .ends_with("d0.test\n.\n"),
        "all places are free"
    );
    let collector = ObservedCollector {
        started: jiff::Timestamp::UNIX_EPOCH,
        clock: Arc::new(jiff::Timestamp::now),
        sockets: Vec::new(),
        storages: vec!["dummy:".into()],
        max_day_file_bytes: 1,
        stats: Arc::default(),
    };
    let observed = Observed::new(Arc::new(collector), None);
    let mut out = Written::default();
    let request = Request::parse(br#"{"request":"today"}"#).unwrap();
    observed.answer(&request, &mut out).unwrap();
    let answer = String::from_utf8(out.0).unwrap();
    assert!(answer.contains("keeps nothing"), "{answer}");
}
