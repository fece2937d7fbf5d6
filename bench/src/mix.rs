//! What is sent: datagrams as libtlsrpt writes them, made faster than any collector can read them.
//!
//! Each is a template with the numbers of its domain and of itself put in place, so that a million domains cost the
//! sender no memory. All numbers have a fixed width.

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// The digits of a number in a template: nine of them, so that a datagram's own number fits for a billion.
const DOMAIN: &[u8] = b"DDDDDDDDD";
const SERIAL: &[u8] = b"SSSSSSSSS";

/// Whose results the datagrams tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatagramKind {
    /// Successes only: what most days look like.
    Success,
    /// One in eight a failure.
    Mixed,
    /// No two alike: every one with its own policy, EHLO answer and reason.
    Hostile,
}

impl DatagramKind {
    /// Its word on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            DatagramKind::Success => "success",
            DatagramKind::Mixed => "mixed",
            DatagramKind::Hostile => "hostile",
        }
    }
}

impl ValueEnum for DatagramKind {
    fn value_variants<'a>() -> &'a [DatagramKind] {
        &[
            DatagramKind::Success,
            DatagramKind::Mixed,
            DatagramKind::Hostile,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()))
    }
}

/// An endless row of datagrams.
#[derive(Debug)]
pub(crate) struct Mix {
    kind: DatagramKind,
    domains: u64,
    step: u64,
    number: u64,
    successes: Vec<Template>,
    failures: Vec<Template>,
}

#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    domain: Vec<usize>,
    serial: Vec<usize>,
}

impl Mix {
    /// A mix of so many domains, from datagram number `first` on. Hostile with no domains: each its own.
    pub(crate) fn new(kind: DatagramKind, domains: u64, first: u64) -> Mix {
        Mix {
            kind,
            domains,
            step: coprime_step(domains),
            number: first,
            successes: [STS, TLSA, NONE].map(success).into(),
            failures: [STS, TLSA, NONE].map(|policy| failure(policy, kind)).into(),
        }
    }

    /// The next datagram. Domains come in a scattered order, each as often as any other; a domain's failures in one of
    /// eight rounds.
    pub(crate) fn next(&mut self) -> &[u8] {
        let number = self.number;
        self.number += 1;
        let (round, place) = match self.domains {
            0 => (0, number),
            domains => (number / domains, number % domains * self.step % domains),
        };
        let fails = match self.kind {
            DatagramKind::Success => false,
            DatagramKind::Mixed => (round + place).is_multiple_of(8),
            DatagramKind::Hostile => true,
        };
        let templates = match fails {
            true => &mut self.failures,
            false => &mut self.successes,
        };
        // One domain has one kind of policy, as in life.
        let which = (place / 8 % 3) as usize;
        templates[which].fill(place, number)
    }
}

const STS: &str = r#""policy-type":2,"policy-domain": "dDDDDDDDDD.example","policy-string":["version: STSv1","mode: enforce","mx: mx1.dDDDDDDDDD.example","max_age: 604800"],"mx-host":["mx1.dDDDDDDDDD.example"]"#;
const TLSA: &str = r#""policy-type":1,"policy-domain": "mx1.dDDDDDDDDD.example","policy-string":["3 1 1 EA2CA144D90B72ACC8D34904A0371C8C88E37069EF0F95720EE1BFEDDDDDDDDD"]"#;
const NONE: &str = r#""policy-type":9,"policy-domain": "dDDDDDDDDD.example""#;

fn success(policy: &str) -> Template {
    Template::new(&datagram(policy, r#""t":0,"f":0"#))
}

fn failure(policy: &str, kind: DatagramKind) -> Template {
    let (helo, reason) = match kind {
        DatagramKind::Hostile => ("hSSSSSSSSS.example", "reason SSSSSSSSS"),
        _ => ("mx1.dDDDDDDDDD.example", "certificate has expired"),
    };
    let policy = match kind {
        DatagramKind::Hostile => format!(r#"{policy},"x-SSSSSSSSS":1"#),
        _ => policy.to_owned(),
    };
    let result = format!(
        r#""failure-details":[{{"c":204,"s": "192.0.2.25","n": "mx1.dDDDDDDDDD.example","h": "250-{helo}\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS","r": "198.51.100.33","f": "{reason}"}}],"t":1,"f":1"#
    );
    Template::new(&datagram(&policy, &result))
}

fn datagram(policy: &str, result: &str) -> String {
    format!(
        r#"{{"dpv": "1","d": "dDDDDDDDDD.example","pr": "v=TLSRPTv1; rua=mailto:tlsrpt@dDDDDDDDDD.example","policies":[{{{policy},{result}}}]}}"#
    )
}

impl Template {
    fn new(text: &str) -> Template {
        let bytes = text.as_bytes().to_owned();
        let places = |what: &[u8]| {
            bytes
                .windows(what.len())
                .enumerate()
                .filter_map(|(at, window)| (window == what).then_some(at))
                .collect()
        };
        Template {
            domain: places(DOMAIN),
            serial: places(SERIAL),
            bytes,
        }
    }

    fn fill(&mut self, domain: u64, serial: u64) -> &[u8] {
        write(&mut self.bytes, &self.domain, domain);
        write(&mut self.bytes, &self.serial, serial);
        &self.bytes
    }
}

fn write(bytes: &mut [u8], places: &[usize], mut number: u64) {
    if places.is_empty() {
        return;
    }
    let mut digits = [b'0'; DOMAIN.len()];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    for &at in places {
        bytes[at..at + digits.len()].copy_from_slice(&digits);
    }
}

/// A step that visits every one of so many domains before any twice.
fn coprime_step(domains: u64) -> u64 {
    let is_coprime = |step: &u64| {
        let (mut a, mut b) = (*step, domains.max(1));
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    (7919..).find(is_coprime).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn distinct(kind: DatagramKind, domains: u64, number: usize) -> usize {
        let mut mix = Mix::new(kind, domains, 0);
        let texts: HashSet<Vec<u8>> = (0..number).map(|_| mix.next().to_vec()).collect();
        texts.len()
    }

    #[test]
    fn mixes_are_as_distinct_as_they_say() {
        for (kind, domains, sent, want, reason) in [
            (DatagramKind::Success, 100, 800, 100, "one text a domain"),
            (
                DatagramKind::Mixed,
                100,
                800,
                200,
                "a success and a failure a domain",
            ),
            (
                DatagramKind::Mixed,
                1000,
                8000,
                2000,
                "the same where eight divides the number",
            ),
            (
                DatagramKind::Hostile,
                10,
                500,
                500,
                "few domains, no two alike",
            ),
            (DatagramKind::Hostile, 0, 500, 500, "every one a domain"),
        ] {
            assert_eq!(distinct(kind, domains, sent), want, "{reason}");
        }
    }

    #[test]
    fn one_in_eight_fails() {
        let mut mix = Mix::new(DatagramKind::Mixed, 1000, 0);
        let failures = (0..8000)
            .filter(|_| mix.next().ends_with(br#""t":1,"f":1}]}"#))
            .count();
        assert_eq!(failures, 1000);
    }

    #[test]
    fn numbers_stand_in_their_places() {
        let mut mix = Mix::new(DatagramKind::Success, 0, 3);
        let text = String::from_utf8(mix.next().to_vec()).unwrap();
        assert!(text.contains(r#""d": "d000000003.example""#), "{text}");
        assert!(!text.contains("DDDDDDDDD"), "{text}");
    }
}
