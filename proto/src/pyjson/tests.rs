use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

#[test]
fn writes_as_python_does() {
    let rows = [
        (
            r#"{"b":1,"a":[1,2,{}],"c":[]}"#,
            r#"{"b": 1, "a": [1, 2, {}], "c": []}"#,
            "separators, and keys in their order",
        ),
        (
            r#""ü😀""#,
            r#""\u00fc\ud83d\ude00""#,
            "ASCII, with surrogate pairs, in lower case",
        ),
        (
            "\"\u{7f}\u{80}\"",
            r#""\u007f\u0080""#,
            "DEL is escaped too",
        ),
        (
            r#""\u0000\b\f\n\r\t\/\\\"""#,
            r#""\u0000\b\f\n\r\t/\\\"""#,
            "short escapes where Python has them",
        ),
        (
            r#"{"a":1,"b":2,"a":3}"#,
            r#"{"a": 3, "b": 2}"#,
            "of a key that stands twice: the first place, the last value",
        ),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            "integers are exact",
        ),
        ("-0", "0", "no minus zero among integers"),
        ("-0.0", "-0.0", "but among floats"),
        ("1.0", "1.0", "a float stays one"),
        (
            "100000.0e10",
            "1000000000000000.0",
            "no exponent below 1e16",
        ),
        ("1e16", "1e+16", "an exponent from 1e16"),
        ("0.0001", "0.0001", "no exponent from 1e-4"),
        ("0.00001", "1e-05", "two digits of exponent at least"),
        (
            "0.1000000000000000055",
            "0.1",
            "the shortest digits that read back the same",
        ),
        (
            "2145814318577816.25",
            "2145814318577816.2",
            "of two that are equally near, the even one",
        ),
        (
            "-45814318577816.375",
            "-45814318577816.375",
            "but no digit less than reads back",
        ),
        ("5e-324", "5e-324", "the smallest float"),
        (
            "1e999",
            "1.7976931348623157e+308",
            "Python's Infinity would not be JSON",
        ),
        ("[true,false,null]", "[true, false, null]", "words"),
    ];
    for (text, expected, reason) in rows {
        assert_eq!(compact(&read(text).unwrap().0), expected, "{reason}");
    }
}

#[test]
fn indents_as_python_does() {
    let value = read(r#"{"a":{},"b":[],"c":[1,{"d":"e"}]}"#).unwrap().0;
    let expected = "{\n    \"a\": {},\n    \"b\": [],\n    \"c\": [\n        1,\n        {\n            \"d\": \"e\"\n        }\n    ]\n}";
    assert_eq!(indented(&value), expected);
}

#[test]
fn mends_what_can_be_mended() {
    let rows = [
        (
            r#""a\ud800b""#,
            Some(r#""a\ufffdb""#),
            "the first half of a pair alone",
        ),
        (
            r#""a\udc00b""#,
            Some(r#""a\ufffdb""#),
            "the second half alone",
        ),
        (
            r#""\ud800\ud83d\ude00""#,
            Some(r#""\ufffd\ud83d\ude00""#),
            "a half before a pair",
        ),
        (
            r#""\\ud800\ud800""#,
            Some(r#""\\ud800\ufffd""#),
            "an escaped backslash is no escape of what follows",
        ),
        ("\"a\tb\u{1}\"", Some(r#""a b ""#), "raw control characters"),
        ("\"a\\\u{1}\"", None, "a backslash that escapes nothing"),
        (r#""a\"#, None, "an end in the middle"),
        (r#""\ud8"#, None, "an end in an escape"),
    ];
    for (text, expected, reason) in rows {
        let mended = read(text).ok();
        assert_eq!(
            mended.as_ref().map(|(value, _)| compact(value)).as_deref(),
            expected,
            "{reason}"
        );
        assert!(mended.is_none_or(|(_, mended)| mended), "{reason}");
    }
    assert!(!read("\"a\"").unwrap().1, "what is whole is not mended");
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = "[".repeat(100_000);
    assert!(read(&deep).is_err());
}

/// Random objects, as keys are, written by Python and by us.
#[test]
fn agrees_with_python_on_random_objects() {
    const SCRIPT: &str = "import json, sys\n\
        for line in sys.stdin.buffer.read().decode().split('\\n')[:-1]:\n    \
            value = json.loads(line)\n    \
            print(json.dumps(value))\n    \
            print(json.dumps(json.dumps(value, indent=4)))\n";
    let mut python = Command::new("python3");
    let Ok(mut child) = python
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
    else {
        eprintln!("skipped agrees_with_python_on_random_objects: there is no python3");
        return;
    };
    let mut random = Random(8460);
    let texts: Vec<String> = (0..10_000).map(|_| random.object(4)).collect();
    let mut input = child.stdin.take().unwrap();
    let lines = texts.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let mut lines = output.lines();
    for text in &texts {
        let (value, _) = read(text).unwrap();
        assert_eq!(Some(compact(&value).as_str()), lines.next(), "{text}");
        let mut quoted = String::new();
        write_string(&mut quoted, &indented(&value));
        assert_eq!(Some(quoted.as_str()), lines.next(), "{text}");
    }
    assert_eq!(lines.next(), None);
}

/// A generator of JSON texts; the same every time, so that a failure can be looked into.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // Xorshift; good enough to meet many forms.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn value(&mut self, depth: u32) -> String {
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 => ["null", "true", "false"][self.below(3) as usize].to_owned(),
            1 => self.integer(),
            2 => self.float(),
            3 | 4 => self.string(),
            5 => format!("[{}]", self.many(|random| random.value(depth - 1))),
            _ => self.object(depth),
        }
    }

    fn object(&mut self, depth: u32) -> String {
        let member =
            |random: &mut Random| format!("{}:{}", random.string(), random.value(depth - 1));
        format!("{{{}}}", self.many(member))
    }

    fn many(&mut self, mut each: impl FnMut(&mut Random) -> String) -> String {
        let items: Vec<String> = (0..self.below(5)).map(|_| each(self)).collect();
        items.join(",")
    }

    fn integer(&mut self) -> String {
        let digits: String = (0..self.below(40))
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect();
        format!(
            "{}{}{digits}",
            ["", "-"][self.below(2) as usize],
            1 + self.below(9)
        )
    }

    fn float(&mut self) -> String {
        let exponent = match self.below(3) {
            0 => self.below(40) as i64 - 20,
            1 => self.below(600) as i64 - 300,
            _ => return format!("{}.{}", self.below(1000), self.below(1_000_000_000)),
        };
        format!(
            "{}{}.{}e{exponent}",
            ["", "-"][self.below(2) as usize],
            self.below(10),
            self.below(u64::MAX >> 10)
        )
    }

    fn string(&mut self) -> String {
        let text: String = (0..self.below(8)).map(|_| self.character()).collect();
        // Half of them escaped by us, half by a writer that passes everything on.
        if self.below(2) == 0 {
            let mut out = String::new();
            write_string(&mut out, &text);
            return out;
        }
        serde_json::to_string(&text).unwrap()
    }

    fn character(&mut self) -> char {
        let bound = [0x20, 0x80, 0x800, 0x1_0000, 0x11_0000][self.below(5) as usize];
        char::from_u32(self.below(bound) as u32).unwrap_or('\u{fffd}')
    }
}
