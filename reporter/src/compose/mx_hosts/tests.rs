use std::sync::atomic::AtomicUsize;

use super::*;
use crate::lookup::from_texts;

/// Answers with a record for whoever's name begins with `mx`, and counts the questions.
#[derive(Default)]
struct Answers {
    asked: AtomicUsize,
    /// The first so many questions are not answered.
    silent: usize,
}

impl Records for Answers {
    async fn record(&self, domain: &Domain) -> Option<LookupResult> {
        let nth = self.asked.fetch_add(1, Relaxed);
        if nth < self.silent {
            return Some(LookupResult::Unknown("no answer".to_owned()));
        }
        let record = format!("v=TLSRPTv1;rua=mailto:tls@{domain}");
        Some(match domain.as_str().starts_with("mx") {
            true => from_texts(&[record]),
            false => LookupResult::OptedOut("no such name in DNS".to_owned()),
        })
    }
}

fn routes() -> Routes {
    let settings = tlsrptd_config::reportd::load(
        [
            "--fetchers=x".into(),
            "--dbname=/x".into(),
            "--organization_name=x".into(),
            "--contact_info=a@b.example".into(),
        ],
        [],
    );
    match settings {
        tlsrptd_config::Start::Run(settings) => Routes::load(&settings.values).unwrap(),
        tlsrptd_config::Start::Done { stderr, .. } => panic!("{stderr}"),
    }
}

/// Counts of these policies: type, policy domain, strings, sessions.
fn counts(domain: &Domain, policies: &[(i64, &str, &str, u64)]) -> ReportCounts {
    let policies: serde_json::Map<String, serde_json::Value> = policies
        .iter()
        .map(|(kind, name, strings, sessions)| {
            let key = format!(
                r#"{{"policy-type": {kind}, "policy-domain": "{name}", "policy-string": [{strings}]}}"#
            );
            let counts =
                serde_json::json!({ "cntrtotal": sessions, "cntrfailure": 0, "failures": {} });
            (key, counts)
        })
        .collect();
    let seen = serde_json::json!({ "record": policies }).to_string();
    ReportCounts::from_json(&seen, domain).unwrap()
}

fn decided(domain: &str, policies: &[(i64, &str, &str, u64)]) -> DecidedDomain {
    let name = Domain::parse(domain).unwrap();
    DecidedDomain {
        domain: domain.to_owned(),
        uniqid: 1,
        rows: CountedRows {
            by_mx_host: by_mx_host(&name, &counts(&name, policies)),
            ..CountedRows::default()
        },
        decision: Decision::NoReport("no record".to_owned()),
        named: Vec::new(),
    }
}

#[test]
fn whose_sessions_they_are() {
    let domain = Domain::parse("a.example").unwrap();
    let counts = counts(
        &domain,
        &[
            (1, "MX1.hoster.example", "\"3 1 1 AA\"", 2),
            (1, "mx1.hoster.example", "\"3 1 1 BB\"", 3),
            (1, "mx2.hoster.example", "", 5),
            (1, "a.example", "\"3 1 1 CC\"", 7),
            (1, "a.example", "", 11),
            (2, "a.example", "\"mode: enforce\"", 13),
            (9, "mx1.hoster.example", "", 17),
        ],
    );
    let hosts = by_mx_host(&domain, &counts);
    let sessions = |name: &str| {
        let host = hosts.get(&Domain::parse(name).unwrap());
        host.map(ReportCounts::sessions)
    };
    for (host, want, why) in [
        ("mx1.hoster.example", Some(5), "two RRsets of one host"),
        (
            "mx2.hoster.example",
            Some(5),
            "all records unusable: it is its host still",
        ),
        (
            "a.example",
            Some(7),
            "a host of the domain's name, without what was folded",
        ),
    ] {
        assert_eq!(sessions(host), want, "{why}");
    }
    assert_eq!(hosts.len(), 3, "neither sts nor no-policy-found");
}

#[tokio::test]
async fn a_host_is_looked_up_once_for_all_domains() {
    let (hosts, records, routes) = (MxHosts::default(), Answers::default(), routes());
    for number in 0..50 {
        let mut decided = decided(
            &format!("d{number}.example"),
            &[
                (1, "mx.hoster.example", "\"3 1 1 AA\"", 2),
                (1, "other.hoster.example", "\"3 1 1 AA\"", 2),
            ],
        );
        hosts
            .find(
                &records,
                &routes,
                &DestinationLimit::default(),
                &mut decided,
            )
            .await;
        let shares = decided.rows.mx_shares;
        let names: Vec<&str> = shares
            .iter()
            .map(|share| share.host.name.as_str())
            .collect();
        assert_eq!(names, ["mx.hoster.example"], "who asks for reports");
        assert_eq!(
            shares[0].host.destinations[0].uri(),
            "mailto:tls@mx.hoster.example"
        );
    }
    assert_eq!(records.asked.load(Relaxed), 2);
    assert_eq!(hosts.beyond(), 0);
}

/// A stranger's hosts take what is theirs, and no more.
#[tokio::test]
async fn strangers_hosts_are_bounded() {
    let (hosts, records, routes) = (MxHosts::default(), Answers::default(), routes());
    let mut all = 0;
    for number in 0..20 {
        let names: Vec<String> = (0..OF_ONE_DOMAIN + 8)
            .map(|host| format!("mx{host}.d{number}.stranger.example"))
            .collect();
        let policies: Vec<_> = names
            .iter()
            .map(|name| (1, &**name, "\"3 1 1 AA\"", 1))
            .collect();
        let mut decided = decided("stranger.example", &policies);
        hosts
            .find(
                &records,
                &routes,
                &DestinationLimit::default(),
                &mut decided,
            )
            .await;
        all += policies.len() - decided.rows.mx_shares.len();
    }
    assert_eq!(records.asked.load(Relaxed), OF_ONE_OWNER);
    assert_eq!(
        hosts.beyond(),
        all as u64,
        "those that are left out are counted"
    );
    let mut honest = decided("a.example", &[(1, "mx.hoster.test", "\"3 1 1 AA\"", 9)]);
    hosts
        .find(&records, &routes, &DestinationLimit::default(), &mut honest)
        .await;
    assert_eq!(honest.rows.mx_shares.len(), 1, "another owner has his room");
}

#[tokio::test]
async fn dns_that_fails_is_asked_again_and_not_for_ever() {
    for (silent, want, why) in [
        (2, vec![0, 0, 1, 1, 1], "it answers for the third domain"),
        (9, vec![0; 5], "it does not, and is left alone"),
    ] {
        let (hosts, routes) = (MxHosts::default(), routes());
        let records = Answers {
            silent,
            ..Answers::default()
        };
        let mut shares = Vec::new();
        for number in 0..5 {
            let domain = format!("d{number}.example");
            let mut decided = decided(&domain, &[(1, "mx.hoster.test", "\"3 1 1 AA\"", 9)]);
            hosts
                .find(
                    &records,
                    &routes,
                    &DestinationLimit::default(),
                    &mut decided,
                )
                .await;
            shares.push(decided.rows.mx_shares.len());
        }
        assert_eq!(shares, want, "{why}");
        let without = want.iter().filter(|shares| **shares == 0).count();
        assert_eq!(hosts.unanswered(), 9 * without as u64, "{why}: it is told");
        assert_eq!(records.asked.load(Relaxed), 3, "{why}");
    }
}
