//! The usual datagram, read without a tree of its values: that takes half of the time.
//!
//! It holds only what libtlsrpt writes, each member once and with its type. Of any other one nothing is taken from here; it is
//! read in the general way. What both read must be the same, and a test holds them together.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::{Datagram, MAX_FAILURES, MAX_POLICIES, PolicyResult, VERSION};
use crate::anomaly::Anomaly;
use crate::clean::{Cleaner, TextLimits};
use crate::domain::Domain;
use crate::failure::FailureKey;
use crate::policy::{Policy, PolicyKey, PolicyType, named_by_text};

/// Reads a usual datagram.
pub(super) fn read(bytes: &[u8], limits: &TextLimits) -> Option<Datagram> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut usual: UsualDatagram<'_> = serde_json::from_str(text).ok()?;
    if usual.version.is_some_and(|version| version.0 != VERSION) {
        return None;
    }
    let mut cleaner = Cleaner::new(limits);
    let domain = Domain::parse(&usual.domain?.0).ok()?;
    let tlsrpt_record = cleaner.tlsrpt_record(&usual.tlsrpt_record?.0);
    let policies = usual.policies.take()?;
    if policies.is_empty() || policies.len() > MAX_POLICIES {
        return None;
    }
    let policies = policies
        .into_iter()
        .map(|policy| policy.result(&domain, &mut cleaner))
        .collect::<Option<_>>()?;
    Some(Datagram {
        domain,
        tlsrpt_record,
        policies,
        anomalies: cleaner.anomalies(),
    })
}

#[derive(Default)]
struct UsualDatagram<'t> {
    version: Option<Text<'t>>,
    domain: Option<Text<'t>>,
    tlsrpt_record: Option<Text<'t>>,
    policies: Option<Vec<UsualPolicy<'t>>>,
}

#[derive(Default)]
struct UsualPolicy<'t> {
    kind: Option<i64>,
    domain: Option<Text<'t>>,
    strings: Option<Vec<Text<'t>>>,
    mx_hosts: Option<Vec<Text<'t>>>,
    failures: Option<Vec<UsualFailure<'t>>>,
    failure_count: Option<u64>,
    final_result: Option<i64>,
}

#[derive(Default)]
struct UsualFailure<'t> {
    code: Option<i64>,
    sending_ip: Option<Text<'t>>,
    mx_hostname: Option<Text<'t>>,
    mx_helo: Option<Text<'t>>,
    receiving_ip: Option<Text<'t>>,
    information: Option<Text<'t>>,
    reason: Option<Text<'t>>,
}

impl UsualPolicy<'_> {
    /// In the order of the general way where members stand as libtlsrpt writes them: what is odd is noted in the same order.
    fn result(self, domain: &Domain, cleaner: &mut Cleaner) -> Option<PolicyResult> {
        let failures = self.failures.unwrap_or_default();
        if failures.len() > MAX_FAILURES {
            return None;
        }
        let failures: Vec<FailureKey> = failures
            .into_iter()
            .map(|failure| failure.key(cleaner))
            .collect::<Option<_>>()?;
        let count = failures.len() as u64;
        if self.failure_count.is_some_and(|told| told != count) {
            cleaner.record_anomaly(Anomaly::FailureCount);
        }
        let failed = match self.final_result? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let kind = PolicyType::of(self.kind?)?;
        let named = match self.domain {
            None => None,
            Some(Text(text)) => match cleaner.text(&text) {
                None => None,
                Some(text) => named_by_text(&text, cleaner),
            },
        };
        let policy = Policy {
            kind,
            domain: named.as_ref().unwrap_or(domain).to_string(),
            strings: lines(self.strings, cleaner),
            mx_hosts: lines(self.mx_hosts, cleaner),
        };
        Some(PolicyResult {
            policy: PolicyKey::of_known(policy, cleaner),
            failed,
            failures,
        })
    }
}

impl UsualFailure<'_> {
    fn key(self, cleaner: &mut Cleaner) -> Option<FailureKey> {
        // As `FailureKey` has them.
        let texts = [
            self.sending_ip,
            self.mx_hostname,
            self.mx_helo,
            self.receiving_ip,
            self.information,
            self.reason,
        ];
        let texts = texts.map(|text| text.map(|Text(text)| text));
        Some(FailureKey::of_known(self.code?, texts, cleaner))
    }
}

fn lines(texts: Option<Vec<Text<'_>>>, cleaner: &mut Cleaner) -> Vec<String> {
    let mut lines = Vec::new();
    for Text(text) in texts.unwrap_or_default() {
        lines.extend(cleaner.text_lines(&text));
    }
    lines
}

/// A text, which is borrowed where nothing in it is escaped.
struct Text<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(text.to_owned().into()))
    }
}

/// Reads the members of an object.
struct MembersVisitor<T>(PhantomData<T>);

macro_rules! members {
    ($object:ident: $($key:literal $field:ident)*) => {
        impl<'de> Deserialize<'de> for $object<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(MembersVisitor::<Self>(PhantomData))
            }
        }

        impl<'de> Visitor<'de> for MembersVisitor<$object<'de>> {
            type Value = $object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut found = $object::default();
                while let Some(Text(key)) = members.next_key()? {
                    match &*key {
                        $($key => once(&mut found.$field, members.next_value()?)?,)*
                        _ => return Err(A::Error::custom("an unknown member")),
                    }
                }
                Ok(found)
            }
        }
    };
}

fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a member stands twice")),
    }
}

members!(UsualDatagram: "dpv" version "d" domain "pr" tlsrpt_record "policies" policies);
members!(UsualPolicy: "policy-type" kind "policy-domain" domain "policy-string" strings "mx-host" mx_hosts
    "failure-details" failures "t" failure_count "f" final_result);
members!(UsualFailure: "c" code "s" sending_ip "n" mx_hostname "h" mx_helo "r" receiving_ip "a" information "f" reason);

#[cfg(test)]
mod tests {
    use super::*;

    /// With a bound so small that texts are cut.
    const LIMITS: [usize; 2] = [4096, 20];

    const USUAL: [&str; 4] = [
        r#"{"dpv": "1","d": "Example.com.","pr": "v=TLSRPTv1; rua=mailto:a@example.com,https://b.example","policies":[{"policy-type":2,"policy-domain": "example.com","policy-string":["version: STSv1\r\nmode: enforce","mx: MX1.example.com. ",""],"mx-host":["MX1.example.com.", "b"],"t":0,"f":0}]}"#,
        r#"{"d":"example.com","pr":"v=TLSRPTv1;","policies":[{"policy-type":1,"policy-domain":"mx.example.com","policy-string":["3 1 1  ea2c","2 1 1 AA","3 1 1 EA2C"],"failure-details":[{"c":204,"s":"192.0.2.25","n":"MX.example.com","h":"250-mx.example.com\r\n250 STARTTLS","r":"[IPv6:2001:DB8::1%eth0]","a":"caf\u00e9 \ud83d\ude00\u2028","f":"expired\t\u0000"},{"c":999}],"t":2,"f":1}]}"#,
        r#"{"d":"a.test","pr":"","policies":[{"policy-type":9,"policy-domain":"no name","t":3,"f":1,"failure-details":[{"c":201,"s":"?"}]},{"policy-type":9,"t":0,"f":0}]}"#,
        r#"{"policies":[{"f":0,"policy-type":2,"policy-string":["b\u2028","a"]}],"pr":"v=TLSRPTv1;rua=mailto:x@y.test,mailto:z@y.test","d":"m\u00fcller.test"}"#,
    ];

    /// Whether it is read here; then the general way reads the same.
    fn is_read(bytes: &[u8]) -> bool {
        let mut is_read = false;
        for max_text_length in LIMITS {
            let limits = TextLimits { max_text_length };
            if let Some(datagram) = read(bytes, &limits) {
                let general = Datagram::parse_any(bytes, &limits).unwrap();
                assert_eq!(datagram, general, "{}", String::from_utf8_lossy(bytes));
                is_read = true;
            }
        }
        is_read
    }

    #[test]
    fn both_ways_read_the_same() {
        for text in USUAL {
            assert!(is_read(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn whatever_is_changed_both_ways_read_the_same() {
        let bytes = b"\"\\}],0n\xff";
        let (mut tried, mut read) = (0, 0);
        for text in USUAL {
            for at in 0..text.len() {
                for byte in bytes {
                    let mut changed = text.as_bytes().to_vec();
                    changed[at] = *byte;
                    read += u32::from(is_read(&changed));
                    changed.insert(at, text.as_bytes()[at]);
                    read += u32::from(is_read(&changed));
                    changed.truncate(at);
                    is_read(&changed);
                    tried += 2;
                }
            }
        }
        assert!(read > tried / 5, "{read} of {tried}");
    }

    #[test]
    fn what_is_unusual_is_left_to_the_general_way() {
        for (from, to) in [
            (r#""dpv": "1""#, r#""dpv": "2""#),
            (r#""dpv": "1""#, r#""dpv": 1"#),
            (r#""dpv": "1""#, r#""new": "1""#),
            (r#""dpv": "1""#, r#""d": "example.com""#),
            (r#""t":0"#, r#""t":null"#),
            (r#""t":0"#, r#""t":0.0"#),
            (r#""f":0"#, r#""f":2"#),
            (r#""f":0"#, r#""f":false"#),
            (r#""policy-type":2"#, r#""policy-type":3"#),
            (r#""policy-type":2"#, r#""policy-type":"2""#),
            (
                r#""policy-type":2"#,
                r#""$serde_json::private::Number":"2""#,
            ),
            (r#","f":0"#, ""),
        ] {
            let text = USUAL[0].replacen(from, to, 1);
            assert_ne!(text, USUAL[0]);
            assert!(!is_read(text.as_bytes()), "{text}");
        }
    }
}
