//! Generated records through sys4's parser and through ours. Where they differ, a piece of the record is one of those
//! whose difference has a reason; what ours makes of a record follows from its pieces alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{Rua, TlsrptRecord};

const RECORDS: usize = 5000;
const SEED: u64 = 8460;

/// One item of a `rua` as it stands in a record, what ours takes from it, and why that is not the item itself.
type Item = (&'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const ITEMS: &[Item] = &[
    ("mailto:a@a.test", &["mailto:a@a.test"], ""),
    ("mailto:b@a.test", &["mailto:b@a.test"], ""),
    ("mailto:tls-rpt+x@mx.b.test", &["mailto:tls-rpt+x@mx.b.test"], ""),
    ("https://a.test/", &["https://a.test/"], ""),
    ("https://b.test/tls/v1?x=1&y=%20z", &["https://b.test/tls/v1?x=1&y=%20z"], ""),
    ("https://b.test:8443/", &["https://b.test:8443/"], ""),
    (" mailto:c@a.test", &["mailto:c@a.test"], "white space about a URI is no part of it"),
    ("mailto:d@a.test\t", &["mailto:d@a.test"], "white space about a URI is no part of it"),
    ("MailTo:e@a.test", &["mailto:e@a.test"], "a scheme has no case (RFC 3986 3.1)"),
    ("HTTPS://c.test/", &["https://c.test/"], "a scheme has no case (RFC 3986 3.1)"),
    ("https://D.test/X", &["https://d.test/X"], "a URL in one form: a host has no case"),
    ("https://d.test", &["https://d.test/"], "a URL in one form: no path is the root"),
    ("https://d.test:443/x", &["https://d.test/x"], "a URL in one form: 443 is the scheme's own"),
    ("https://d.test/y#z", &["https://d.test/y"], "a URL in one form: a fragment is not sent"),
    ("mailto:f@D.test", &["mailto:f@d.test"], "a domain has no case"),
    ("mailto:g%2Bx@a.test", &["mailto:g+x@a.test"], "a mailto is percent-decoded (RFC 6068)"),
    ("mailto:%22h%2Ci%22@a.test", &["mailto:\"h,i\"@a.test"], "a mailto is percent-decoded (RFC 6068)"),
    ("mailto:j@a.test%2Ck@a.test", &["mailto:j@a.test", "mailto:k@a.test"], "a mailto may hold several addresses (RFC 6068)"),
    ("mailto:l@a.test?subject=report", &["mailto:l@a.test"], "the headers of a mailto are ignored"),
    ("mailto:m@m%C3%BCller.test", &["mailto:m@xn--mller-kva.test"], "a domain is written in A-labels"),
    ("", &[], "unusable: set aside, the others are used"),
    ("mailto:", &[], "unusable: set aside, the others are used"),
    ("mailto:nobody", &[], "unusable: set aside, the others are used"),
    ("mailto:a@[192.0.2.1]", &[], "unusable: set aside, the others are used"),
    ("mailto:%0d%0aBcc:x@a.test", &[], "unusable: set aside, the others are used"),
    ("mailto:n%zz@a.test", &[], "unusable: set aside, the others are used"),
    ("mailto:n n@a.test", &[], "unusable: set aside, the others are used"),
    ("n@a.test", &[], "unusable: set aside, the others are used"),
    ("http://a.test/", &[], "unusable: set aside, the others are used"),
    ("file:///etc/passwd", &[], "unusable: set aside, the others are used"),
    ("https://user@a.test/", &[], "unusable: set aside, the others are used"),
    ("https:///x", &[], "unusable: set aside, the others are used"),
    ("https://a.test:0/", &[], "unusable: set aside, the others are used"),
    ("https://a.test/%zz", &[], "unusable: set aside, the others are used"),
    ("https://a.test/\u{fc}", &[], "unusable: set aside, the others are used"),
];
/// What ours makes of them is the same whatever stands about them.
const TWICE: &str = "a destination that stands twice is one";

/// Beginnings, whether ours takes the record, and why if theirs does otherwise.
#[rustfmt::skip]
const VERSIONS: &[(&str, bool, &str)] = &[
    ("v=TLSRPTv1;", true, ""),
    ("v=TLSRPTv1; ", true, ""),
    ("v=TLSRPTv1;\t", true, ""),
    ("v=TLSRPTv1 ;", true, "white space before the first `;` is legal (RFC 8460 3)"),
    ("v=TLSRPTv2;", false, ""),
    ("V=TLSRPTv1;", false, ""),
    (" v=TLSRPTv1;", false, ""),
    ("v=TLSRPTv1", false, ""),
];

/// Other fields, whether they keep to the grammar, and why if theirs does otherwise.
#[rustfmt::skip]
const FIELDS: &[(&str, bool, &str)] = &[
    ("x=y", true, ""),
    ("ext-1.a_b=!#", true, ""),
    ("RUA=mailto:z@z.test", true, ""),
    ("x", false, "a field that breaks the grammar makes the record invalid (RFC 8460 3)"),
    ("=x", false, "a field that breaks the grammar makes the record invalid (RFC 8460 3)"),
    ("x=", false, "a field that breaks the grammar makes the record invalid (RFC 8460 3)"),
    ("x=a b", false, "a field that breaks the grammar makes the record invalid (RFC 8460 3)"),
];
/// The same of what may stand behind the last field.
const ENDS: &[(&str, bool, &str)] = &[
    ("", true, ""),
    (";", true, ""),
    (" ; ", true, ""),
    (
        ";;",
        false,
        "a field that breaks the grammar makes the record invalid (RFC 8460 3)",
    ),
];
const ORDER: &str = "fields stand in any order (RFC 8460 3)";
const SEVERAL: &str = "rua may stand several times, all of them count";

const SYS4: &str = r#"
import json, sys
from tlsrpt_reporter.utility import parse_tlsrpt_record
def read(text):
    try:
        return parse_tlsrpt_record(text)
    except Exception:
        return []
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
"#;

/// A record, what ours has to make of it, and why sys4 may make something else of it.
#[derive(Default)]
struct Record {
    text: String,
    ours: Vec<String>,
    reasons: BTreeSet<&'static str>,
}

#[test]
fn records_read_as_sys4_reads_them_but_for_reasons() {
    let Some(python) = python() else {
        return;
    };
    let mut chance = Chance(SEED);
    let records: Vec<Record> = (0..RECORDS).map(|_| generate(&mut chance)).collect();
    let theirs = ask(&python, &records);
    assert_eq!(theirs.len(), RECORDS);
    let (mut same, mut met) = (0, BTreeMap::new());
    for (record, theirs) in records.iter().zip(&theirs) {
        let Record {
            text,
            ours,
            reasons,
        } = record;
        let found = TlsrptRecord::parse(text).map_or_else(|_| Vec::new(), |read| uris(&read));
        assert_eq!(&found, ours, "{text:?}");
        if found == *theirs {
            same += 1;
            continue;
        }
        assert!(
            !reasons.is_empty(),
            "unexplained: {text:?}: sys4 {theirs:?}, ours {found:?}"
        );
        // Where there is but one reason, it is the one.
        if let (1, Some(reason)) = (reasons.len(), reasons.first()) {
            *met.entry(*reason).or_insert(0) += 1;
        }
    }
    println!("{same} of {RECORDS} alike; by reason: {met:#?}");
    assert!(same > RECORDS / 5, "records of both sorts: {same} alike");
    let all = ITEMS
        .iter()
        .map(|row| row.2)
        .chain(VERSIONS.iter().chain(FIELDS).map(|row| row.2));
    let idle: BTreeSet<_> = all
        .chain([TWICE, ORDER, SEVERAL])
        .filter(|reason| !reason.is_empty() && !met.contains_key(reason))
        .collect();
    assert!(idle.is_empty(), "reasons that explain nothing: {idle:?}");
}

fn uris(record: &TlsrptRecord) -> Vec<String> {
    record.ruas.iter().map(Rua::uri).collect()
}

fn generate(chance: &mut Chance) -> Record {
    let mut record = Record::default();
    // Odd pieces are rare enough that records without are common, and most odd ones have one anomaly.
    let (version, mut valid, reason) = *chance.pick(VERSIONS, |row| row.1 && row.2.is_empty());
    record.text.push_str(version);
    record.reason(reason);
    let (mut ruas, mut others) = (0, 0);
    let fields = match chance.below(12) {
        0 => 0,
        1..=3 => 2 + chance.below(2),
        _ => 1,
    };
    for number in 0..fields {
        if number > 0 {
            record.text.push_str([";", "; ", " ;"][chance.below(3)]);
        }
        if chance.one_in(6) {
            let (text, good, reason) = *chance.pick(FIELDS, |row| row.1);
            record.text.push_str(text);
            record.reason(reason);
            valid &= good;
            others += usize::from(ruas == 0);
            continue;
        }
        ruas += 1;
        if others > 0 {
            record.reason(ORDER);
        }
        if ruas == 2 {
            record.reason(SEVERAL);
        }
        rua(chance, &mut record);
    }
    if fields > 0 {
        let (text, good, reason) = *chance.pick(ENDS, |row| row.0.is_empty());
        record.text.push_str(text);
        record.reason(reason);
        valid &= good;
    }
    if !valid || fields == 0 {
        record.ours.clear();
    }
    record
}

fn rua(chance: &mut Chance, record: &mut Record) {
    record.text.push_str("rua=");
    for number in 0..1 + chance.below(3) {
        if number > 0 {
            record.text.push(',');
        }
        let (text, ours, reason) = *chance.pick(ITEMS, |row| row.2.is_empty());
        record.text.push_str(text);
        record.reason(reason);
        for uri in ours {
            if record.ours.iter().any(|before| before == uri) {
                record.reason(TWICE);
            } else {
                record.ours.push((*uri).to_owned());
            }
        }
    }
}

impl Record {
    fn reason(&mut self, reason: &'static str) {
        if !reason.is_empty() {
            self.reasons.insert(reason);
        }
    }
}

fn ask(python: &PathBuf, records: &[Record]) -> Vec<Vec<String>> {
    let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
    let mut child = Command::new(python)
        .args(["-c", SYS4])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_string(&texts).unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The Python that has sys4; `make venv` makes it. Named where `make test` counts what was skipped; on CI nothing may be.
fn python() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    // target/debug/deps/NAME
    let target = test.ancestors().nth(3).unwrap();
    let venv = std::env::var_os("TLSRPTD_VENV").map_or_else(|| target.join("venv"), PathBuf::from);
    if venv.join("complete").is_file() {
        return Some(venv.join("bin/python"));
    }
    let line = "SKIPPED tlsrpt_record::differential: there is no Python environment with sys4's programs (make venv)";
    assert!(std::env::var_os("CI").is_none(), "{line}");
    println!("{line}");
    let list = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(target.join("skipped.txt"));
    writeln!(list.unwrap(), "{line}").unwrap();
    None
}

/// A small generator (xorshift*), so that the records are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A row; four times of five one of the usual ones.
    fn pick<'a, T>(&mut self, rows: &'a [T], usual: impl Fn(&T) -> bool) -> &'a T {
        let plain: Vec<&T> = rows.iter().filter(|row| usual(row)).collect();
        if !self.one_in(5) && !plain.is_empty() {
            return plain[self.below(plain.len())];
        }
        &rows[self.below(rows.len())]
    }
}
