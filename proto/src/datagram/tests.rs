mod refused;

use std::path::PathBuf;

use super::*;
use crate::counts::DomainCounts;
use crate::policy::Policy;

fn parse(text: &str) -> Result<Datagram, DatagramError> {
    Datagram::parse(text.as_bytes(), &TextLimits::default())
}

/// A datagram around one policy.
fn with_policy(policy: &str) -> String {
    format!(
        r#"{{"dpv":"1","d":"a.example","pr":"v=TLSRPTv1;rua=mailto:r@a.example","policies":[{policy}]}}"#
    )
}

/// What a key says.
fn policy(key: &PolicyKey) -> Policy {
    Policy::read(key.as_str(), &Domain::parse("a.example").unwrap()).unwrap()
}

/// What Postfix sent, with the names of the files.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/data/datagrams");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    files
        .iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn recorded_datagrams_are_not_odd() {
    let files = recorded();
    assert!(files.len() > 40);
    for (name, bytes) in files {
        let datagram = Datagram::parse(&bytes, &TextLimits::default()).unwrap();
        assert_eq!(datagram.anomalies, [], "{name}");
        assert_eq!(datagram.policies.len(), 1, "{name}");
        let tried = &datagram.policies[0];
        assert_eq!(tried.failed, !tried.failures.is_empty(), "{name}");
        let key = tried.policy.as_str();
        assert_eq!(
            PolicyKey::normalise(key, &datagram.domain).unwrap(),
            tried.policy,
            "{name}"
        );
    }
}

#[test]
fn the_order_of_a_dns_answer_does_not_count() {
    let mut policies = recorded()
        .into_iter()
        .filter(|(name, _)| name.contains("dane-multi-2"))
        .map(|(_, bytes)| {
            Datagram::parse(&bytes, &TextLimits::default())
                .unwrap()
                .policies
                .remove(0)
                .policy
        });
    assert_eq!(policies.next().unwrap(), policies.next().unwrap());
}

#[test]
fn any_valid_shape_is_counted() {
    use Anomaly::*;
    let ok = r#"{"policy-type":9,"t":0,"f":0}"#;
    let details = r#""failure-details":[{"c":201},{"c":201}]"#;
    let rows = [
        (
            with_policy(ok),
            false,
            0,
            vec![],
            "no policy-domain, as from Postfix 3.10.0 to 3.10.4",
        ),
        (
            with_policy(ok).replace(r#""dpv":"1","#, ""),
            false,
            0,
            vec![],
            "no dpv, as from libtlsrpt before 0.5",
        ),
        (
            with_policy(ok).replace(r#""dpv":"1""#, r#""dpv":2"#),
            false,
            0,
            vec![ProtocolVersion],
            "another version",
        ),
        (
            with_policy(ok).replace("}]}", r#"}],"x":{"y":[]}}"#),
            false,
            0,
            vec![],
            "extra keys",
        ),
        (
            r#"{"d":"a.example","policies":[{"policy-type":9,"f":0}]}"#.to_owned(),
            false,
            0,
            vec![NoTxt],
            "no record",
        ),
        (
            with_policy(&format!(r#"{{"policy-type":9,{details},"t":2,"f":1}}"#)),
            true,
            2,
            vec![],
            "several failures",
        ),
        (
            with_policy(&format!(r#"{{"policy-type":9,{details},"t":2,"f":0}}"#)),
            false,
            2,
            vec![],
            "success after all",
        ),
        (
            with_policy(&format!(r#"{{"policy-type":9,{details},"t":1,"f":1}}"#)),
            true,
            2,
            vec![FailureCount],
            "t differs",
        ),
        (
            with_policy(&format!(r#"{{"policy-type":9,{details}}}"#)),
            true,
            2,
            vec![FinalResult],
            "no final result",
        ),
        (
            with_policy(r#"{"policy-type":9,"f":7}"#),
            true,
            0,
            vec![FinalResult],
            "f above 1 is one failure",
        ),
        (
            with_policy(r#"{"policy-type":9,"f":1e400}"#),
            true,
            0,
            vec![FinalResult],
            "a huge number",
        ),
        (
            with_policy(r#"{"policy-type":9,"f":false}"#),
            false,
            0,
            vec![FinalResult],
            "a bool",
        ),
        (
            with_policy(r#"{"policy-type":4,"f":0}"#),
            false,
            0,
            vec![PolicyType],
            "an unknown type is counted as none",
        ),
        (
            with_policy(r#"{"policy-type":1,"policy-domain":"a b","f":0}"#),
            false,
            0,
            vec![PolicyDomain],
            "a bad name",
        ),
        (
            with_policy(r#"{"policy-type":9,"failure-details":[{"c":7}],"f":1}"#),
            true,
            1,
            vec![FailureCode],
            "a new code",
        ),
        (
            with_policy(r#"{"policy-type":9,"failure-details":[7],"f":1}"#),
            true,
            0,
            vec![WrongType],
            "no failure",
        ),
        (
            with_policy(r#"{"policy-type":9,"f":1,"f":0}"#),
            false,
            0,
            vec![],
            "of a key twice the last counts",
        ),
        (
            with_policy(r#"{"policy-type":2,"policy-string":["a\ud800"],"f":0}"#),
            false,
            0,
            vec![Mended],
            "half a pair",
        ),
        (
            with_policy("{\"policy-type\":2,\"policy-string\":[\"a\tb\"],\"f\":0}"),
            false,
            0,
            vec![Mended],
            "a raw tab",
        ),
    ];
    for (text, failed, failures, anomalies, reason) in rows {
        let datagram = parse(&text).unwrap();
        let tried = &datagram.policies[0];
        assert_eq!(
            (tried.failed, tried.failures.len()),
            (failed, failures),
            "{reason}"
        );
        assert_eq!(datagram.anomalies, anomalies, "{reason}");
    }
}

#[test]
fn no_more_failures_are_kept_than_any_mta_sends() {
    let many = vec![r#"{"c":201}"#; 1001].join(",");
    let policy = format!(r#"{{"policy-type":9,"t":1000,"f":1,"failure-details":[{many}]}}"#);
    let datagram = parse(&with_policy(&policy)).unwrap();
    assert_eq!(datagram.policies[0].failures.len(), 1000);
    assert!(
        datagram.policies[0].failed,
        "the session counts all the same"
    );
    assert!(datagram.anomalies.contains(&Anomaly::Clipped));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let text = with_policy(r#"{"policy-type":2,"policy-string":["mx: m?ller"],"f":0}"#);
    let bytes: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'?' { 0xfc } else { byte })
        .collect();
    let datagram = Datagram::parse(&bytes, &TextLimits::default()).unwrap();
    assert_eq!(datagram.anomalies, [Anomaly::InvalidUtf8]);
    assert_eq!(
        policy(&datagram.policies[0].policy).strings,
        ["mx: m\u{fffd}ller"]
    );
}

#[test]
fn texts_are_cut() {
    let limits = TextLimits {
        max_text_length: 40,
    };
    let cut = |text: &str| Datagram::parse(text.as_bytes(), &limits).unwrap();
    let wide = "ü".repeat(30);
    let text =
        format!(r#"{{"policy-type":2,"policy-string":["x{wide}"],"x":1,"y":"{wide}","f":0}}"#);
    let datagram = cut(&with_policy(&text));
    assert_eq!(datagram.anomalies, [Anomaly::Clipped]);
    let key = &datagram.policies[0].policy;
    assert_eq!(
        policy(key).strings,
        [format!("x{}", "ü".repeat(19))],
        "at the boundary of a character"
    );
    assert!(
        key.as_str().ends_with(r#", "x": 1}"#),
        "unknown keys as far as they fit: {key}"
    );

    let long = with_policy(r#"{"policy-type":9,"f":0}"#);
    let record = "v=TLSRPTv1;rua=mailto:r@a.example,mailto:r@a.example.net";
    let datagram = cut(&long.replace("v=TLSRPTv1;rua=mailto:r@a.example", record));
    assert_eq!(
        datagram.tlsrpt_record, "v=TLSRPTv1;rua=mailto:r@a.example",
        "half an address may be somebody else's"
    );
}

#[test]
fn each_policy_is_a_record() {
    let text = with_policy(r#"{"policy-type":1,"f":1},{"policy-type":2,"f":0}"#);
    let records = parse(&text.replace("a.example\",", "A.Example.\","))
        .unwrap()
        .into_session_results();
    let told: Vec<_> = records
        .iter()
        .map(|r| (r.domain.as_str(), policy(&r.policy).kind.code(), r.failed))
        .collect();
    assert_eq!(told, [("a.example", 1, true), ("a.example", 2, false)]);
}

/// Whatever a datagram holds: no panic, and what is counted survives being written and read.
#[test]
fn damaged_datagrams_do_no_harm() {
    let mut random = 8460_u64;
    let mut below = |bound: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % bound
    };
    let pieces: [&[u8]; 12] = [
        b"\"",
        b"\\",
        b"{",
        b"[",
        b"\\ud83d",
        b"\xff",
        b"\0",
        b"\\u0001",
        b"250-",
        b"1e9",
        b",",
        b"\xe2\x80\xa8",
    ];
    let mut counted = 0;
    for (name, bytes) in recorded()
        .into_iter()
        .filter(|(_, bytes)| bytes.len() < 4000)
    {
        for _ in 0..40 {
            let mut bytes = bytes.clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                let end = (at + below(4)).min(bytes.len());
                bytes.splice(at..end, pieces[below(pieces.len())].iter().copied());
            }
            let Ok(datagram) = Datagram::parse(
                &bytes,
                &TextLimits {
                    max_text_length: 20 + below(200),
                },
            ) else {
                continue;
            };
            counted += 1;
            let (domain, mut counts) = (datagram.domain.clone(), DomainCounts::default());
            datagram
                .into_session_results()
                .into_iter()
                .for_each(|result| counts.add(result));
            let read = DomainCounts::from_json(&counts.to_json(), &domain).unwrap();
            assert_eq!(read, counts, "{name}: {}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(
        counted > 100,
        "most of them should still be datagrams: {counted}"
    );
}
