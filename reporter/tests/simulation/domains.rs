//! Who is sent mail, what DNS says of them, and what the collectors counted: the truth that laws are held against.

use std::collections::BTreeSet;

use rand::RngExt as _;
use tlsrptd_proto::day::Day;
use tlsrptd_reporter::{lookup::LookupResult, model::Fetched};

use super::dice::Dice;

/// Hosts that take posts.
pub const HOSTS: u64 = 8;

/// MX hosts with a TLSA policy,
const MX_HOSTS: u64 = 3;
/// and how their names end.
pub const HOSTERS: &str = ".hosters.test";

/// What a domain's record is like. A domain's name begins with the word for its kind.
const KINDS: &[(&str, u64)] = &[
    ("mail", 30),      // an address of its own
    ("web", 20),       // one of a few hosts
    ("both", 10),      // both
    ("many", 8),       // several addresses, some twice, some unusable
    ("shared", 8),     // an address that others have too
    ("out", 6),        // not in DNS, though the MTA saw a record
    ("leaves", 5),     // in DNS on some days only
    ("unusable", 4),   // nothing that anybody can send to
    ("discarded", 4),  // a map discards it
    ("moved", 6),      // DNS says another address than the MTA saw
    ("silent", 4),     // DNS never answers, and the MTA saw nothing
    ("suppressed", 4), // on the operator's list
    ("closed", 3),     // a port of a host that others have too, where nobody listens
    ("holding", 4),    // places at a host that others have too, which hold whoever comes
];

/// Who there is.
#[derive(Clone, Debug)]
pub struct Domains {
    pub dice: Dice,
    /// In binary order.
    pub names: Vec<String>,
    pub collectors: i64,
}

/// What one collector counted of one domain's day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub total: u64,
    pub failed: u64,
}

/// Where a report must go, or the word its reason begins with.
pub type Fate = Result<BTreeSet<String>, &'static str>;

impl Domains {
    pub fn new(dice: Dice, number: u64, collectors: i64) -> Domains {
        let all: u64 = KINDS.iter().map(|(_, share)| share).sum();
        let name = |number: u64| {
            let mut left = dice.below(("kind", number), all);
            let is_it = |(_, share): &&(&str, u64)| match left < *share {
                true => true,
                false => {
                    left -= share;
                    false
                }
            };
            let kind = KINDS.iter().find(is_it).unwrap();
            format!("{}{number:03}.example", kind.0)
        };
        let mut names: Vec<String> = (0..number).map(name).collect();
        names.sort();
        Domains {
            dice,
            names,
            collectors,
        }
    }

    /// The collector's count; `None` when it knows nothing of the domain that day.
    pub fn truth(&self, collector: i64, day: Day, domain: &str) -> Option<Truth> {
        let mut rng = self.dice.of(("truth", collector, day, domain));
        if !domain.ends_with(".example") || rng.random_range(0..100) >= 60 {
            return None;
        }
        let total = if rng.random_range(0..4) == 0 {
            1
        } else {
            rng.random_range(1..20)
        };
        let failed = match rng.random_range(0..8) {
            0 => rng.random_range(0..=total),
            _ => 0,
        };
        Some(Truth { total, failed })
    }

    /// A collector's rows of a day, in binary order.
    pub fn rows(&self, collector: i64, day: Day) -> Vec<Fetched> {
        let row = |domain: &String| self.one_row(collector, day, domain);
        self.names.iter().filter_map(row).collect()
    }

    /// One of them.
    pub fn one_row(&self, collector: i64, day: Day, domain: &str) -> Option<Fetched> {
        let truth = self.truth(collector, day, domain)?;
        Some(self.row(domain, truth))
    }

    /// Where its mail goes, if that host has a TLSA policy.
    pub fn mx_host(&self, domain: &str) -> Option<String> {
        let number = self.dice.below(("mx", domain), MX_HOSTS);
        let has_dane = self.dice.percent(("dane", domain), 40);
        has_dane.then(|| format!("mx{number}{HOSTERS}"))
    }

    /// Where the reports on a MX host go.
    pub fn mx_destination(host: &str) -> Option<String> {
        match host.strip_suffix(HOSTERS)? {
            // That of some domains, too.
            "mx0" => Some("mailto:all@collector.test".to_owned()),
            "mx1" => Some(format!("mailto:TLS@{host}")),
            _ => None,
        }
    }

    fn row(&self, domain: &str, Truth { total, failed }: Truth) -> Fetched {
        let policy = match self.mx_host(domain) {
            None => format!(r#"{{"policy-type": 9, "policy-domain": "{domain}"}}"#),
            Some(host) => format!(
                r#"{{"policy-type": 1, "policy-domain": "{host}", "policy-string": ["3 1 1 AA"]}}"#
            ),
        };
        let failures = match failed {
            0 => serde_json::json!({}),
            _ => serde_json::json!({ r#"{"c": 203}"#: failed }),
        };
        let counts =
            serde_json::json!({ "cntrtotal": total, "cntrfailure": failed, "failures": failures });
        let data = serde_json::json!({ self.seen_by_mta(domain): { policy: counts } });
        Fetched {
            domain: domain.to_owned(),
            data: data.to_string(),
        }
    }

    /// What DNS says when it is well.
    pub fn in_dns(&self, domain: &str, today: Day) -> LookupResult {
        if domain.ends_with(HOSTERS) {
            return match Self::mx_destination(domain) {
                Some(uri) => {
                    tlsrptd_reporter::lookup::from_texts(&[format!("v=TLSRPTv1;rua={uri}")])
                }
                None => LookupResult::OptedOut("no such name in DNS".to_owned()),
            };
        }
        if is(domain, "silent") {
            return LookupResult::Unknown("it never answers".to_owned());
        }
        match self.dns_text(domain, today) {
            Some(text) => tlsrptd_reporter::lookup::from_texts(&[text]),
            None => LookupResult::OptedOut("no such name in DNS".to_owned()),
        }
    }

    /// Where the report goes when DNS has been asked and was well.
    pub fn fate_by_dns(&self, domain: &str, today: Day) -> Fate {
        match self.dns_text(domain, today) {
            Some(text) => self.fate(domain, &text),
            None => Err("opted out"),
        }
    }

    /// Where it goes by what the MTA saw.
    pub fn fate_by_mta(&self, domain: &str) -> Fate {
        self.fate(domain, &self.seen_by_mta(domain))
    }

    fn dns_text(&self, domain: &str, today: Day) -> Option<String> {
        let left = is(domain, "leaves") && self.dice.percent(("left", domain, today), 40);
        match is(domain, "out") || left {
            true => None,
            false => Some(self.record(domain, "reports")),
        }
    }

    fn seen_by_mta(&self, domain: &str) -> String {
        match domain {
            _ if is(domain, "silent") => String::new(),
            _ if is(domain, "moved") => self.record(domain, "old"),
            _ => self.record(domain, "reports"),
        }
    }

    fn record(&self, domain: &str, user: &str) -> String {
        let host = self.dice.below(("host", domain), HOSTS);
        let several = |place: &dyn Fn(u64) -> String| {
            let places: Vec<String> = (0..5).map(place).collect();
            places.join(",")
        };
        let rua = match domain {
            _ if is(domain, "web") => format!("https://h{host}.hosts.test/{domain}"),
            _ if is(domain, "both") => {
                format!("mailto:{user}@{domain},https://h{host}.hosts.test/{domain}")
            }
            _ if is(domain, "many") => format!(
                "mailto:a@{domain},http://x.test/,mailto:a@{},mailto:b@{domain},nonsense,\
                 https://h{host}.hosts.test/{domain},https://h{host}.Hosts.test:443/{domain}",
                domain.to_ascii_uppercase()
            ),
            _ if is(domain, "shared") => "mailto:all@collector.test".to_owned(),
            _ if is(domain, "closed") => several(&|n| format!("https://h{host}.hosts.test:81/{n}")),
            _ if is(domain, "holding") => {
                several(&|n| format!("https://h{host}.hosts.test/hold/{domain}/{n}"))
            }
            _ if is(domain, "unusable") => "http://x.test/,ftp://x.test".to_owned(),
            _ => format!("mailto:{user}@{domain}"),
        };
        format!("v=TLSRPTv1;rua={rua}")
    }

    /// Read here once more, by simpler means than the reporter has.
    fn fate(&self, domain: &str, record: &str) -> Fate {
        let Some((_, rua)) = record.split_once("rua=") else {
            return Err("no record");
        };
        let usable = |uri: &&str| uri.starts_with("mailto:") || uri.starts_with("https:");
        // However a place is spelled: the first counts.
        let mut seen = BTreeSet::new();
        let mut is_new = |uri: &&str| seen.insert(place(uri));
        let uris = rua.split(',').filter(usable);
        let places: BTreeSet<String> = uris.filter(|uri| is_new(uri)).map(str::to_owned).collect();
        match places.is_empty() {
            _ if is(domain, "discarded") => Err("discarded by a map"),
            _ if is(domain, "suppressed") => Err("suppressed"),
            true => Err("no usable URI"),
            false => Ok(places),
        }
    }
}

/// Where a URI leads to. (No path here differs from another by its case alone.)
pub fn place(uri: &str) -> String {
    uri.to_ascii_lowercase().replace(":443/", "/")
}

/// Whether it is on the operator's list.
pub fn is_suppressed(domain: &str) -> bool {
    is(domain, "suppressed")
}

/// The operator's map.
pub fn map() -> String {
    // A regexp, as a domain pattern matches whole labels.
    "regexp:^discarded DISCARD\n. ACCEPT\n".to_owned()
}

fn is(domain: &str, kind: &str) -> bool {
    domain
        .strip_prefix(kind)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
