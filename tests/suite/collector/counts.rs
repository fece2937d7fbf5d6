//! What a day counts: computed from datagrams by the rules of libtlsrpt's protocol, read from a day file by SQL, and
//! read from the fetcher's lines. No code of the collector's is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};
use tlsrptd_tests::harness::lab::Lab;

/// The counts of one day. Keys are texts of JSON in one form, so that they can be compared.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// (domain, TXT record, policy) to sessions and failed sessions.
    pub(super) sessions: BTreeMap<[String; 3], (i64, i64)>,
    /// (domain, TXT record, policy, reason) to a number.
    pub(super) failures: BTreeMap<[String; 4], i64>,
}

impl Counts {
    /// What good datagrams come to.
    pub(super) fn of<D: AsRef<[u8]>>(datagrams: impl IntoIterator<Item = D>) -> Counts {
        let mut counts = Counts::default();
        for datagram in datagrams {
            let datagram: Value =
                serde_json::from_str(&String::from_utf8_lossy(datagram.as_ref())).unwrap();
            let domain = name(&datagram["d"]).unwrap();
            let txt = datagram["pr"].as_str().unwrap_or_default().to_owned();
            for session in datagram["policies"].as_array().unwrap() {
                let key = [domain.clone(), txt.clone(), policy(session, &domain)];
                let sessions = counts.sessions.entry(key.clone()).or_default();
                sessions.0 += 1;
                sessions.1 += i64::from(session["f"] != 0);
                for failure in session["failure-details"].as_array().into_iter().flatten() {
                    let [domain, txt, policy] = key.clone();
                    *counts
                        .failures
                        .entry([domain, txt, policy, reason(failure)])
                        .or_default() += 1;
                }
            }
        }
        counts
    }

    /// What a collector's file holds of a day.
    pub(super) fn in_file(lab: &Lab, file: &Path, day: &str) -> Counts {
        let mut counts = Counts::default();
        let found = lab.day_file(file);
        for row in found.results.into_iter().filter(|row| row.day == day) {
            let key = [row.domain, row.record, same_form(&row.policy)];
            let before = counts.sessions.insert(key, (row.total, row.failed));
            assert_eq!(before, None, "two rows of one policy");
        }
        for row in found.failures.into_iter().filter(|row| row.day == day) {
            let (policy, reason) = (same_form(&row.policy), same_form(&row.reason));
            let key = [row.domain, row.record, policy, reason];
            let before = counts.failures.insert(key, row.count);
            assert_eq!(before, None, "two rows of one failure");
        }
        counts
    }

    /// Adds what a fetcher says of one domain: `{"d": DOMAIN, "policies": ...}`.
    pub(super) fn add_details(&mut self, details: &str) {
        let details: Value =
            serde_json::from_str(details).unwrap_or_else(|error| panic!("{error}: {details}"));
        let domain = details["d"].as_str().unwrap();
        for (txt, policies) in details["policies"].as_object().unwrap() {
            for (policy, counted) in policies.as_object().unwrap() {
                let key = [domain.to_owned(), txt.clone(), same_form(policy)];
                for (reason, n) in counted["failures"].as_object().unwrap() {
                    let [domain, txt, policy] = key.clone();
                    let key = [domain, txt, policy, same_form(reason)];
                    assert_eq!(self.failures.insert(key, n.as_i64().unwrap()), None);
                }
                let counts =
                    ["cntrtotal", "cntrfailure"].map(|counter| counted[counter].as_i64().unwrap());
                assert_eq!(self.sessions.insert(key, counts.into()), None);
            }
        }
    }

    /// Asserts that both are the same, and shows what differs.
    pub(super) fn assert_are(&self, expected: &Counts, what: &str) {
        let [found, expected] = [self, expected].map(Counts::lines);
        let surplus: Vec<_> = found.difference(&expected).collect();
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(
            surplus.is_empty() && missing.is_empty(),
            "{what}\nnot expected: {surplus:#?}\nmissing: {missing:#?}"
        );
    }

    fn lines(&self) -> BTreeSet<String> {
        let sessions = self
            .sessions
            .iter()
            .map(|(key, counts)| format!("{key:?}: {counts:?}"));
        sessions
            .chain(self.failures.iter().map(|(key, n)| format!("{key:?}: {n}")))
            .collect()
    }

    /// The domains, in binary order.
    pub(super) fn domains(&self) -> Vec<String> {
        let mut domains: Vec<String> = self
            .sessions
            .keys()
            .map(|[domain, ..]| domain.clone())
            .collect();
        domains.dedup();
        domains
    }
}

/// Key texts as Python writes them are ASCII with `": "`; whatever the spacing, the same object is the same text here.
fn same_form(key: &str) -> String {
    assert!(
        key.is_ascii() && key.contains("\": "),
        "as json.dumps writes it: {key}"
    );
    serde_json::from_str::<Value>(key).unwrap().to_string()
}

/// A domain as it is counted: lower case, without a trailing dot.
fn name(value: &Value) -> Option<String> {
    let name = value.as_str().filter(|name| !name.is_empty())?;
    Some(name.strip_suffix('.').unwrap_or(name).to_lowercase())
}

/// The key of a session's policy: a TLSA RRset is a set, whatever the order and case of its records.
fn policy(session: &Value, domain: &str) -> String {
    let kind = session["policy-type"]
        .as_i64()
        .filter(|kind| [1, 2].contains(kind))
        .unwrap_or(9);
    let policy_domain = name(&session["policy-domain"]).unwrap_or_else(|| domain.to_owned());
    let mut key = json!({"policy-type": kind, "policy-domain": policy_domain});
    let mut strings = texts(&session["policy-string"]);
    if kind == 1 {
        strings = strings.iter().map(|text| text.to_uppercase()).collect();
        strings.sort();
    }
    if kind != 9 && !strings.is_empty() {
        key["policy-string"] = json!(strings);
    }
    let hosts = texts(&session["mx-host"]);
    if kind == 2 && !hosts.is_empty() {
        key["mx-host"] = json!(hosts);
    }
    for (unknown, value) in session.as_object().unwrap() {
        let known = [
            "policy-type",
            "policy-domain",
            "policy-string",
            "mx-host",
            "t",
            "f",
            "failure-details",
        ];
        if !known.contains(&unknown.as_str()) {
            key[unknown] = value.clone();
        }
    }
    key.to_string()
}

/// The key of a failure: addresses canonical, of the EHLO answer the host's name alone, nothing that is empty.
fn reason(failure: &Value) -> String {
    let mut key = Map::from_iter([("c".to_owned(), failure["c"].clone())]);
    for part in ["s", "n", "h", "r", "a", "f"] {
        let Some(text) = failure[part].as_str().filter(|text| !text.is_empty()) else {
            continue;
        };
        let text = match part {
            "s" | "r" => text.parse::<std::net::IpAddr>().unwrap().to_string(),
            "h" => text
                .lines()
                .next()
                .unwrap()
                .trim_start_matches("250-")
                .trim_start_matches("250 ")
                .to_owned(),
            _ => text.to_owned(),
        };
        key.insert(part.to_owned(), text.into());
    }
    Value::from(key).to_string()
}

/// The texts of a list; an empty one says nothing.
fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    let texts = items.map(|item| item.as_str().unwrap().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}
