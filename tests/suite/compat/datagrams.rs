//! What the collector makes of datagrams: rows, and what it survives.

use serde_json::{Value, json};
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::wait::until;

use super::mark::{Mark, better, different, kept};
use super::scene::{Scene, end};
use super::topic::{Topic, case};

const TXT: &str = "v=TLSRPTv1; rua=mailto:a@b.test";

pub(super) fn topic() -> Topic {
    invalid(odd(counted(Topic::new("Datagrams"))))
}

/// A datagram by the domain it is about, what its rows have to be, and the mark.
type Row = (&'static str, Vec<Value>, &'static str, Mark);

fn counted(topic: Topic) -> Topic {
    let cases = rows()
        .into_iter()
        .map(|(domain, _, expected, mark)| case(domain, expected, mark))
        .collect();
    topic.together(cases, |scene| {
        let collector = scene.collector();
        let running = scene.started(&collector);
        let mut policies = 0;
        for (domain, datagrams, ..) in rows() {
            for mut datagram in datagrams {
                datagram["pr"] = json!(TXT);
                if datagram["d"].is_null() {
                    datagram["d"] = json!(domain);
                }
                scene.send(datagram.to_string().as_bytes());
                policies += datagram["policies"].as_array().map_or(0, Vec::len);
            }
        }
        scene.wait_for(
            "c.sqlite",
            "SELECT sum(cntrtotal) FROM finalresults",
            &policies.to_string(),
        );
        running.stop();
        rows()
            .into_iter()
            .map(|(domain, ..)| stored(scene, domain))
            .collect()
    })
}

/// The rows of a domain: `TOTAL FAILED POLICY`, then `TIMES REASON` of each of its failures.
fn stored(scene: &Scene, domain: &str) -> String {
    let policies = format!(
        "SELECT cntrtotal, cntrfailure, policy FROM finalresults WHERE domain = '{domain}' ORDER BY policy"
    );
    let reasons =
        format!("SELECT cntr, reason FROM failures WHERE domain = '{domain}' ORDER BY reason");
    let (policies, reasons) = (
        scene.rows("c.sqlite", &policies),
        scene.rows("c.sqlite", &reasons),
    );
    [policies, reasons]
        .into_iter()
        .filter(|rows| !rows.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn one(policy: Value) -> Vec<Value> {
    vec![json!({"dpv": "1", "policies": [policy]})]
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let none = |domain: &str| json!({"policy-type": 9, "policy-domain": domain, "t": 0, "f": 0});
    let tlsa = |records: [&str; 2]| json!({"policy-type": 1, "policy-domain": "order.test", "policy-string": records, "t": 0, "f": 0});
    let mut rows = keys();
    rows.extend([
        ("capitals.test", vec![json!({"d": "Capitals.Test.", "policies": [none("x.test")]})],
            r#"1 0 {"policy-type": 9, "policy-domain": "x.test"}"#, kept("domains are lower-cased and lose a final dot")),
        ("two.test", vec![json!({"policies": [none("two.test"), {"policy-type": 1, "policy-domain": "mx.two.test", "t": 0, "f": 1}]})],
            r#"1 1 {"policy-type": 1, "policy-domain": "mx.two.test"} 1 0 {"policy-type": 9, "policy-domain": "two.test"}"#, kept("a session a policy")),
        ("again.test", vec![json!({"policies": [none("again.test")]}), json!({"policies": [none("again.test")]})],
            r#"2 0 {"policy-type": 9, "policy-domain": "again.test"}"#, kept("")),
        ("version.test", vec![json!({"dpv": "2", "policies": [none("x.test")]})],
            r#"1 0 {"policy-type": 9, "policy-domain": "x.test"}"#, kept("another `dpv`, and a `t` that is not the number of details, are logged and counted all the same")),
        ("number.test", one(json!({"policy-type": 9, "policy-domain": "x.test", "t": 7, "f": 1, "failure-details": [{"c": 201}]})),
            r#"1 1 {"policy-type": 9, "policy-domain": "x.test"} 1 {"c": 201}"#, kept("")),
        ("nameless.test", one(json!({"policy-type": 9, "t": 0, "f": 0})), r#"1 0 {"policy-type": 9, "policy-domain": "nameless.test"}"#,
            better(r#"1 0 {"policy-type": 9}"#, "reports lack `policy-domain` with Postfix before 3.10.5", "filled in with the domain")),
        ("order.test", vec![json!({"policies": [tlsa(["3 1 1 AA", "2 0 1 BB"])]}), json!({"policies": [tlsa(["2 0 1 BB", "3 1 1 AA"])]})],
            r#"2 0 {"policy-type": 1, "policy-domain": "order.test", "policy-string": ["2 0 1 BB", "3 1 1 AA"]}"#,
            better(r#"1 0 {"policy-type": 1, "policy-domain": "order.test", "policy-string": ["2 0 1 BB", "3 1 1 AA"]} 1 0 {"policy-type": 1, "policy-domain": "order.test", "policy-string": ["3 1 1 AA", "2 0 1 BB"]}"#,
                "one policy appears twice when its TLSA records come in another order", "one policy")),
        ("ehlo.test", one(json!({"policy-type": 9, "policy-domain": "x.test", "t": 1, "f": 1, "failure-details": [{"c": 201, "h": "mx.test greets you\nSIZE 100\nPIPELINING"}]})),
            r#"1 1 {"policy-type": 9, "policy-domain": "x.test"} 1 {"c": 201, "h": "mx.test"}"#,
            better(r#"1 1 {"policy-type": 9, "policy-domain": "x.test"} 1 {"c": 201, "h": "mx.test greets you\nSIZE 100\nPIPELINING"}"#,
                "the whole EHLO answer stands in `receiving-mx-helo`", "its host name")),
        ("final.test", one(json!({"policy-type": 9, "policy-domain": "x.test", "t": 0, "f": 3})),
            r#"1 1 {"policy-type": 9, "policy-domain": "x.test"}"#,
            better(r#"1 3 {"policy-type": 9, "policy-domain": "x.test"}"#, "a final result above 1 counts as so many failures of one session", "as one, and is logged")),
    ]);
    rows
}

/// How the keys are written: as Python's `json.dumps` does.
#[rustfmt::skip]
fn keys() -> Vec<Row> {
    vec![
        (
            "sts.test",
            one(
                json!({"policy-type": 2, "policy-domain": "sts.test", "policy-string": ["version: STSv1", "mode: enforce"], "mx-host": ["mx.sts.test"],
            "failure-details": [{"c": 203, "s": "192.0.2.1", "n": "mx.sts.test", "r": "192.0.2.2", "a": "x", "f": "y"}], "t": 1, "f": 1}),
            ),
            r#"1 1 {"policy-type": 2, "policy-domain": "sts.test", "policy-string": ["version: STSv1", "mode: enforce"], "mx-host": ["mx.sts.test"]} 1 {"c": 203, "s": "192.0.2.1", "n": "mx.sts.test", "r": "192.0.2.2", "a": "x", "f": "y"}"#,
            kept("rows and their JSON texts, as Python's `json.dumps` writes them"),
        ),
        ("escapes.test", one(json!({"policy-type": 2, "policy-domain": "escapes.test", "policy-string": ["\u{fc}\u{1f600}\"\\/<"], "t": 0, "f": 0})),
            r#"1 0 {"policy-type": 2, "policy-domain": "escapes.test", "policy-string": ["\u00fc\ud83d\ude00\"\\/<"]}"#, kept("")),
        ("control.test", one(json!({"policy-type": 2, "policy-domain": "control.test", "policy-string": ["a\u{7f}b"], "t": 0, "f": 0})),
            r#"1 0 {"policy-type": 2, "policy-domain": "control.test", "policy-string": ["a b"]}"#,
            different(r#"1 0 {"policy-type": 2, "policy-domain": "control.test", "policy-string": ["a\u007fb"]}"#, "control characters in texts are reported", "a blank in their place; texts have a greatest length, domains and policies a greatest number of details")),
        ("more.test", one(json!({"policy-type": 9, "policy-domain": "more.test", "zzz": {"b": 1, "a": [true, null, 1.5]}, "t": 0, "f": 0})),
            r#"1 0 {"policy-type": 9, "policy-domain": "more.test", "zzz": {"b": 1, "a": [true, null, 1.5]}}"#, kept("")),
        ("kind.test", one(json!({"policy-type": 7, "policy-domain": "kind.test", "t": 0, "f": 0})),
            r#"1 0 {"policy-type": 9, "policy-domain": "kind.test"}"#,
            better(r#"1 0 {"policy-type": 7, "policy-domain": "kind.test"}"#, "", "")),
    ]
}

/// Counted all the same, but not without a word.
fn odd(topic: Topic) -> Topic {
    let table = [
        (
            "another version is an error",
            r#"{"dpv": "2", "d": "a.test", "pr": "v=TLSRPTv1; rua=mailto:a@b.test", "policies": [{"policy-type": 9, "policy-domain": "a.test", "t": 0, "f": 0}]}"#,
        ),
        (
            "another number of details is an error",
            r#"{"dpv": "1", "d": "a.test", "pr": "v=TLSRPTv1; rua=mailto:a@b.test", "policies": [{"policy-type": 9, "policy-domain": "a.test", "t": 3, "f": 1}]}"#,
        ),
    ];
    table.into_iter().fold(topic, |topic, (name, datagram)| {
        topic.case(name, "logged, 1", kept(""), move |scene| {
            let mut running = scene.started(&scene.collector());
            scene.send(datagram.as_bytes());
            running.wait_for_log("ERROR");
            format!(
                "logged, {}",
                scene.wait_for("c.sqlite", "SELECT sum(cntrtotal) FROM finalresults", "1")
            )
        })
    })
}

/// What is no datagram: what becomes of the collector, and of the next datagram.
#[rustfmt::skip]
fn invalid(topic: Topic) -> Topic {
    let says = || {
        better(
            "ends: exit 8",
            "a datagram that is no JSON object with a domain and policies, or not UTF-8, ends the collector",
            "it is counted by reason, logged once in a while, and dumped if asked; bad UTF-8 inside a text is replaced",
        )
    };
    let table: [(&'static str, Vec<u8>); 5] = [
        ("no JSON", b"hello".to_vec()),
        ("no object", b"5".to_vec()),
        (
            "half of a datagram",
            mta::success("a.test", TXT)[..40].to_vec(),
        ),
        ("a number as domain", br#"{"d": 7, "pr": "x", "policies": [{"policy-type": 9, "t": 0, "f": 0}]}"#.to_vec()),
        ("not UTF-8", mta::invalid_utf8("a.test", TXT)),
    ];
    let topic = table.into_iter().fold(topic, |topic, (name, bytes)| {
        topic.case(name, "goes on", says(), move |scene| after(scene, &bytes))
    });
    topic.case(
        "dump_path_for_invalid_datagram",
        "second",
        kept("`dump_path_for_invalid_datagram` holds the last that was invalid"),
        |scene| {
            let collector = scene.collector().set(
                "dump_path_for_invalid_datagram",
                scene.file("dump").display(),
            );
            let _running = scene.started(&collector);
            scene.send(b"first");
            scene.send(b"second");
            until("the dump", || {
                std::fs::read_to_string(scene.file("dump"))
                    .ok()
                    .filter(|dump| dump == "second")
            })
        },
    )
}

/// Whether the collector counts what comes after these bytes.
fn after(scene: &Scene, bytes: &[u8]) -> String {
    let mut running = scene.started(&scene.collector());
    scene.send(bytes);
    if scene.goes_on(&mut running) == "ends" {
        return format!("ends: {}", end(&running.wait()));
    }
    scene.wait_for(
        "c.sqlite",
        "SELECT count(*) > 10 FROM finalresults WHERE domain GLOB 'd*.test'",
        "1",
    );
    "goes on".to_owned()
}
