//! Patterns and substitutions whose expected values come from Python itself.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{Matcher, Substitution};

const URI: &str = "mailto:tls-Rpt@mx1.Example.com";

/// Pattern, text, and why the row is there.
#[rustfmt::skip]
const MATCHES: &[(&str, &str, &str)] = &[
    ("mailto:", URI, "anchored at the start"),
    ("tls", URI, "and only there"),
    ("mailto:tls", URI, "not anchored at the end"),
    ("^mailto:.*com$", URI, "anchors of its own"),
    ("a|b|mailto", URI, "alternatives are anchored as one"),
    (r"\Amailto.*\Z", URI, "text anchors"),
    (r"mailto\Z", URI, "\\Z is not the engine's"),
    ("a$", "a\n", "$ before a last line feed"),
    (r"a\Z", "a\n", "but not \\Z"),
    ("a$", "a\n\n", "nor two of them"),
    ("(?m)a$", "a\nb", "multi-line $"),
    ("(?m)a\n^b", "a\nb", "multi-line ^"),
    ("a.b", "a\nb", "dot is not a line feed"),
    ("a.b", "a\rb", "but a carriage return"),
    ("(?s)a.b", "a\nb", "dot-all"),
    ("(?i)MAILTO", URI, "ignoring case"),
    ("(?i:MAIL)to", URI, "in a part"),
    ("(?i:MAIL)TO", URI, "only in that part"),
    ("(?i)(?-i:MAIL)TO", URI, "switched off in a part"),
    ("(?i)[a-m]+", "ABC", "a range ignoring case"),
    ("(?i)[^a]", "A", "a negated set ignoring case"),
    ("(?ai)k", "\u{212a}", "Kelvin is no k in ASCII"),
    ("(?i)k", "\u{212a}", "but is in Unicode"),
    ("(?ai)[h-z]+$", "KX", "an ASCII range"),
    ("(?ai)[H-k]+$", "hiJK[", "an ASCII range over both cases"),
    (r"\d+$", "1\u{0663}", "Arabic digits are digits"),
    (r"(?a)\d+$", "1\u{0663}", "not in ASCII"),
    (r"\d", "\u{00b2}", "a superscript is no decimal"),
    (r"\w+$", "a\u{00b2}\u{00fc}_", "but is alphanumeric"),
    (r"\w", "\u{0301}", "a combining mark is no word character"),
    (r"\w", "\u{203f}", "nor other connectors"),
    (r"(?a)\w", "\u{00fc}", "ASCII words"),
    (r"\s", "\u{1f}", "separators are space"),
    (r"(?a)\s", "\u{1f}", "not in ASCII"),
    (r"[\s]", "\u{a0}", "no-break space in a set"),
    (r"[\S]", "\u{1c}", "and its opposite"),
    (r"[^\W\d]+$", "ab\u{00fc}", "negated class in a negated set"),
    (r"[^\W\d]+$", "ab1", "which takes no digits"),
    (r"\bmailto\b", URI, "word boundaries"),
    (r"mail\b", URI, "and none"),
    (r"mail\B", URI, "not a boundary"),
    (r"a\b", "a\u{0301}", "a mark ends a word in Python"),
    ("[]a]+$", "]a", "] first is a member"),
    ("[^]a]", "b", "also when negated"),
    ("[a-]+$", "a-", "- last is a member"),
    ("[-a]+$", "a-", "- first is a member"),
    (r"[\w-]+$", "a-b", "- behind a class"),
    (r"[a\]b]+$", "a]b", "escaped ]"),
    ("[[a]+$", "[a", "[ in a set is itself"),
    ("[a&&b]+$", "a&b", "no set operations"),
    ("[a--b]", "a", "a range that starts at -"),
    ("[a~~b]+$", "~b", "no symmetric difference"),
    (r"[\b]", "\x08", "backspace in a set"),
    (r"[\101]", "A", "octal in a set"),
    (r"[\x41-\u0043]+$", "ABC", "hexadecimal ends of a range"),
    ("[z-a]", "b", "a range the wrong way round"),
    (r"[\d-z]", "-", "a range from a class"),
    ("[a", "a", "unterminated set"),
    (r"\x41\u0042\U00000043\103\0", "ABCC\0", "numeric escapes"),
    (r"\x4", "4", "incomplete escape"),
    (r"\U00110000", "a", "beyond Unicode"),
    (r"\t\n\r\f\v\a", "\t\n\r\x0c\x0b\x07", "control characters"),
    (r"\@\.\-\ \%", "@.- %", "escaped punctuation"),
    (r"\q", "q", "unknown escapes are errors"),
    (r"\e", "\x1b", "also those that the engine knows"),
    (r"\h", "a", "and this"),
    (r"\z", "", "and this"),
    (r"\K", "", "and this"),
    (r"\G", "", "and this"),
    (r"\p{L}", "a", "and this"),
    ("\\", "", "a backslash alone"),
    ("a{2,3}$", "aaa", "counted"),
    ("a{,2}$", "aa", "no lower bound"),
    ("a{,2}$", "aaa", "but an upper"),
    ("a{2,}$", "aaaa", "no upper bound"),
    ("a{,}$", "aaaa", "no bound at all"),
    ("a{}", "a{}", "text"),
    ("a{x}", "a{x}", "text"),
    ("a{1,x}", "a{1,x}", "text"),
    ("{", "{", "text at the start"),
    ("a}", "a}", "text"),
    ("a{3,2}", "aaa", "bounds the wrong way round"),
    ("*a", "a", "nothing to repeat"),
    ("^*a", "a", "an anchor is not repeated"),
    (r"\b+a", "a", "nor this one"),
    ("a**", "a", "multiple repeat"),
    ("a{2}{3}", "aaaaaa", "also counted"),
    ("(?:a{2}){3}", "aaaaaa", "a group may be"),
    ("a??b", "ab", "lazy"),
    ("<.+?>$", "<a><b>", "lazy but anchored"),
    ("(", "a", "unterminated group"),
    (")", "a", "unbalanced"),
    ("a|*", "a", "nothing to repeat behind a bar"),
    ("()", "", "an empty group"),
    ("(?:)", "", "an empty group"),
    ("|a", "b", "an empty alternative"),
    (r"(?P<x>a)(?P=x)$", "aa", "named reference"),
    (r"(?P<x>a)(?P<x>b)", "ab", "a name twice"),
    (r"(?P=x)", "a", "unknown name"),
    (r"(?P<1>a)", "a", "a bad name"),
    (r"(?<x>a)", "a", "not Python's syntax"),
    (r"(?P>x)", "a", "nor this"),
    (r"\k<x>", "a", "nor this"),
    (r"(a)\1", "aa", "reference"),
    (r"(a)\2", "aa", "reference to no group"),
    (r"(a\1)", "aa", "reference to an open group"),
    (r"(a)\10", "aa0", "two digits are one number"),
    (r"(?i)(a)\1", "aA", "reference ignoring case"),
    (r"(a)?\1b", "b", "a group that matched nothing fails"),
    (r"(a)|b\1", "b", "also in another alternative"),
    (r"(a)?(?(1)b|c)$", "ab", "condition"),
    (r"(a)?(?(1)b|c)$", "c", "condition not met"),
    (r"(?P<q>a)?b(?(q)c)$", "b", "condition by name, no second branch"),
    (r"(?(2)a|b)", "b", "condition on no group"),
    (r"(?(0)a|b)", "b", "condition on the whole"),
    (r"(a)(?(1)b|c|d)", "ab", "three branches"),
    (r"mailto:(?!abuse)", URI, "negative look-ahead"),
    (r"mailto(?=:tls)", URI, "look-ahead"),
    (r"mailto:(?<=:)tls", URI, "look-behind"),
    (r"mailto:(?<!:)tls", URI, "negative look-behind"),
    (r"(?<=a+)b", "ab", "look-behind of no fixed width"),
    (r"(?<=a|bc)d", "d", "also by its alternatives"),
    (r"ab(?<=ab|cd)e", "abe", "equal alternatives"),
    (r"(a)b(?<=\1b)c", "abc", "reference in a look-behind"),
    (r"(?<=(a)\1)b", "aab", "reference to the look-behind's own"),
    ("(?#comment)a", "a", "a comment"),
    ("a(?#", "a", "unterminated comment"),
    ("a(?i)b", "ab", "flags that come late"),
    ("(?i)(?s)A.", "a\n", "flags one after another"),
    ("(?L)a", "a", "locale is for bytes"),
    ("(?au)a", "a", "incompatible flags"),
    ("(?-a:a)", "a", "flags that cannot go"),
    ("(?i-:a)", "a", "no flag behind -"),
    ("(?k)a", "a", "unknown flag"),
    ("(?U)a", "a", "the engine's flag, not Python's"),
    ("(?x)a b # c", "ab", "verbose"),
    ("(?~a)", "b", "the engine's, not Python's"),
    ("(*FAIL)", "b", "nothing to repeat"),
    ("(?", "a", "the end"),
    ("(?:a*)*b", "aab", "empty iterations"),
    ("(?:(?:a*)+)+b", "b", "empty iterations"),
    ("(?=a)*a", "a", "a repeated look-ahead"),
    ("(?=b){0}a", "a", "one that is not asked"),
    ("(?=b)+a", "a", "one that fails"),
    ("(?:)*?(?<=a)??b", "b", "what is always empty, lazily"),
    (r"(?i)https://[^/]+\.example(:\d+)?/", "HTTPS://a.Example:8443/x", "a host with a port"),
    (r"mailto:[^@]+@(?:.*\.)?example\.com$", "mailto:a@b.example.com", "a domain and what is below it"),
    (r"mailto:[^@]+@example\.com$", "mailto:a@b.example.com", "not what is below it"),
    ("https?://", "http://a.example/", "an optional letter"),
    (r"[a-z]+:(?!//)", "https://a.example/", "a look-ahead that no other match escapes"),
    ("(?s:.).", "\n\n", "dot-all in a part only"),
    (r"[^@]+@[^@]+\Z", "a@b@c", "a second @"),
];

/// As above, for what came with Python 3.11.
#[rustfmt::skip]
const MATCHES_3_11: &[(&str, &str, &str)] = &[
    ("(?>a|ab)c", "abc", "atomic"),
    ("(?>ab|a)c", "abc", "atomic"),
    ("a*+a", "aaa", "possessive"),
    ("a?+b", "ab", "possessive"),
    ("a{1,2}+a", "aaa", "possessive, counted"),
    ("a++?", "aa", "multiple repeat"),
];

/// Pattern, substitution, text, and why.
#[rustfmt::skip]
const SUBSTITUTIONS: &[(&str, &str, &str, &str)] = &[
    ("example", "relay", "https://a.example/example", "all occurrences"),
    ("x", "y", URI, "none"),
    ("(.*)@(.*)", r"\2@\1", URI, "groups"),
    ("(?P<user>[^:]*)@(?P<host>.*)", r"\g<user>+\g<host>@relay.example", URI, "names"),
    ("mailto:", r"[\g<0>]", URI, "the whole match"),
    ("mailto:", r"\0", URI, "\\0 is an octet, not a group"),
    ("(m)", r"\g<1>1", URI, "a digit behind a group"),
    ("(m)", r"\11", URI, "a group that is not there"),
    ("(m)", r"\1015", URI, "octal with three digits"),
    ("(m)", r"\07\08", URI, "octal with a zero"),
    ("(m)", r"\400", URI, "octal too large"),
    ("(m)", r"\2", URI, "no such group"),
    ("(m)", r"\g<2>", URI, "no such group by number"),
    ("(m)", r"\g<nope>", URI, "no such name"),
    ("(m)", r"\g<a b>", URI, "a bad name"),
    ("(m)", r"\g<1", URI, "unterminated"),
    ("(m)", r"\g1", URI, "without brackets"),
    ("(m)", r"\g<>", URI, "no name"),
    ("m", r"\n\t\r\a\f\v\b\\", URI, "control characters"),
    ("m", r"\q", URI, "unknown escape"),
    ("m", r"\x41", URI, "no hexadecimal here"),
    ("m", r"\.\@\-", URI, "a backslash before punctuation stays"),
    ("m", "\\", URI, "a backslash alone"),
    ("m", "$1 ${x} $$", URI, "the engine's own form means nothing"),
    ("(a)|b", r"<\1>", "ab", "a group that matched nothing is empty"),
    ("x*", "-", "abxd", "empty matches next to others"),
    ("", "-", "abc", "empty matches"),
    ("|a", "-", "aa", "an empty match, then the same place again"),
    ("a|", "-", "ab", "the other way round"),
    ("b*?", "-", "abb", "lazy empty matches"),
    (r"\b", "|", "ab cd", "boundaries"),
    (r"(?=b)|b", "-", "abb", "look-ahead, then the letter"),
    ("(?<=a)", "-", "aab", "look-behind sees what was before"),
    ("(?<=a)*?", "-", "aab", "a repeated look-behind"),
    ("^", "-", "ab\ncd", "the start only"),
    ("(?m)^", "-", "ab\ncd", "each line"),
    ("$", "-", "ab\n", "both ends"),
    ("(a|b)*", r"<\1>", "abc", "the last iteration"),
    ("(a)?b", r"<\1>", "bab", "groups are forgotten between matches"),
    (r"(.)\1", r"\1", "aabbcd", "back-reference"),
    ("(?i)EXAMPLE", "x", URI, "ignoring case"),
    ("^mailto:.*", "https://relay.example/upload", URI, "another scheme"),
    ("\u{fc}", "ue", "m\u{fc}ller", "not ASCII"),
    ("", "-", "\u{fc}\u{1f600}", "empty matches between wide characters"),
    (r"^(https://)([^/]+)(/.*)?$", r"\1gw.example/\2\3", "https://a.example/t?x=1", "a gateway"),
    (r"^mailto:([^@]+)@.*$", r"mailto:\1+tls@relay.example", URI, "a tag"),
    (r"(?i)^https://([^/:]+)(?::\d+)?/?", r"https://proxy.example/\1/", "HTTPS://A.example:443/x", "a host becomes a folder"),
    (r"\?.*$", "", "https://a.example/t?x=1", "the query goes"),
    (r"[,;]\s*", ",", "a; b,c", "separators"),
    ("(?P<a>m)(?P<b>a)", r"\g<b>\g<a>\g<0>", URI, "names and the whole"),
];

/// Prints one line a row: what Python's `re` makes of it, null for an error.
const ORACLE: &str = r#"
import json, re, sys, warnings
warnings.simplefilter("ignore")
rows = json.load(sys.stdin)
def value(row):
    try:
        if len(row) == 2:
            return re.match(row[0], row[1]) is not None
        return re.sub(row[0], row[1], row[2])
    except Exception:
        return None
json.dump({"new": sys.version_info >= (3, 11), "values": [value(r) for r in rows]}, sys.stdout)
"#;

#[test]
fn translated_patterns_mean_what_they_mean_in_python() {
    let mut rows: Vec<(Vec<&str>, &str)> = Vec::new();
    rows.extend(MATCHES.iter().map(|(p, t, why)| (vec![*p, *t], *why)));
    rows.extend(
        SUBSTITUTIONS
            .iter()
            .map(|(p, s, t, why)| (vec![*p, *s, *t], *why)),
    );
    let newer = rows.len();
    rows.extend(MATCHES_3_11.iter().map(|(p, t, why)| (vec![*p, *t], *why)));

    let Some((new, expected)) = python(&rows) else {
        skip("there is no python3");
        return;
    };
    assert_eq!(expected.len(), rows.len());
    assert!(rows.len() >= 200, "{} rows", rows.len());
    let rows = if new { &rows[..] } else { &rows[..newer] };
    let wrong: Vec<String> = rows
        .iter()
        .zip(expected)
        .filter_map(|((row, why), expected)| {
            let ours = ours(row);
            (ours != expected).then(|| format!("{row:?} ({why}): python {expected}, ours {ours}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} rows differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Named where `make test` counts what was skipped; on CI nothing may be.
fn skip(reason: &str) {
    let line = format!("SKIPPED route::python_regex::table: {reason}");
    assert!(std::env::var_os("CI").is_none(), "{line}");
    println!("{line}");
    let test = std::env::current_exe().unwrap();
    // target/debug/deps/NAME
    let list = test.ancestors().nth(3).unwrap().join("skipped.txt");
    let list = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(list);
    writeln!(list.unwrap(), "{line}").unwrap();
}

fn ours(row: &[&str]) -> serde_json::Value {
    match row {
        [pattern, text] => match Matcher::compile(pattern) {
            Ok(matcher) => matcher.matches(text).unwrap().into(),
            Err(_) => serde_json::Value::Null,
        },
        [pattern, template, text] => match Substitution::compile(pattern, template) {
            Ok(substitution) => substitution.apply(text).unwrap().into(),
            Err(_) => serde_json::Value::Null,
        },
        _ => unreachable!("rows have two or three texts"),
    }
}

fn python(rows: &[(Vec<&str>, &str)]) -> Option<(bool, Vec<serde_json::Value>)> {
    let mut child = Command::new("python3")
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let rows: Vec<&Vec<&str>> = rows.iter().map(|(row, _)| row).collect();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(serde_json::json!(rows).to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    Some((
        answer["new"].as_bool().unwrap(),
        answer["values"].as_array().unwrap().clone(),
    ))
}

#[test]
fn what_has_no_equal_is_named() {
    for (pattern, reason) in [
        (
            "(a(?(1)b|c))+",
            "a condition on group 1 inside of it has no equal here",
        ),
        (
            "(a*)+b",
            "repeating a group that may match nothing has no equal here",
        ),
        (r"\N{DIGIT ONE}", r"\N{...} has no equal here"),
        (r"\ud800", r"the surrogate \ud800 has no equal here"),
        (
            r"(?ai)(a)\1",
            "a back-reference under (?ai) has no equal here",
        ),
    ] {
        assert_eq!(Matcher::compile(pattern).unwrap_err().to_string(), reason);
    }
}

#[test]
fn a_pattern_at_its_limit_is_an_error_and_not_a_hang() {
    let matcher = Matcher::compile(r"(x)(?:a|aa|\1)*c").unwrap();
    assert!(matcher.matches(&format!("x{}", "a".repeat(60))).is_err());
}
