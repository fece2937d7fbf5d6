//! Generated files through Python's configparser and through ours: the same values, or both refuse.

use std::{fmt::Write as _, path::Path, process::Command};

use super::Ini;

const FILES: usize = 4000;
const SEED: u64 = 8460;

/// Prints a line a file: `refused`, or every value of every section in hexadecimal.
const PYTHON: &str = r#"
import configparser, os, sys
folder = sys.argv[1]
h = lambda s: s.encode().hex()
for name in sorted(os.listdir(folder)):
    parser = configparser.ConfigParser()
    try:
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            parser.read_file(file)
        rows = sorted(h(s) + '.' + h(k) + '=' + h(v) for s in parser.sections() for k, v in parser.items(s))
        print('|'.join([h(s) for s in parser.sections()] + rows))
    except configparser.Error:
        print('refused')
"#;

#[test]
fn generated_files_read_as_python_reads_them() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: generated_files_read_as_python_reads_them (no python3 here)");
        return;
    }
    println!("seed {SEED}, {FILES} files");
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance(SEED);
    let files: Vec<String> = (0..FILES).map(|_| generate(&mut chance)).collect();
    for (number, text) in files.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:06}")), text).unwrap();
    }
    let theirs = python(folder.path());
    assert_eq!(
        theirs.lines().count(),
        FILES,
        "Python answers for every file"
    );
    let mut refused = 0;
    for (text, theirs) in files.iter().zip(theirs.lines()) {
        assert_eq!(ours(text), theirs, "{text:?}");
        refused += usize::from(theirs == "refused");
    }
    println!("{refused} refused by both");
    assert!(
        (FILES / 10..FILES * 9 / 10).contains(&refused),
        "files of both sorts: {refused} refused"
    );
}

fn python(folder: &Path) -> String {
    let output = Command::new("python3")
        .args(["-c", PYTHON])
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The same line as Python's.
fn ours(text: &str) -> String {
    let (ini, problems) = Ini::parse(text);
    let mut rows = Vec::new();
    for (section, _) in ini.names() {
        for entry in ini.entries(section).unwrap() {
            match entry.value {
                Ok(value) => rows.push(format!(
                    "{}.{}={}",
                    hex(section),
                    hex(&entry.name),
                    hex(&value)
                )),
                Err(_) => return "refused".to_owned(),
            }
        }
    }
    if !problems.is_empty() {
        return "refused".to_owned();
    }
    rows.sort();
    ini.names()
        .map(|(name, _)| name)
        .map(hex)
        .chain(rows)
        .collect::<Vec<_>>()
        .join("|")
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// Lines of every sort, with the odd ones rare enough that files with none are as common as files with some.
fn generate(chance: &mut Chance) -> String {
    let mut text = String::new();
    if chance.one_in(20) {
        text += &line(chance);
    }
    text += chance.pick(&["[a]\n", "[a]\n", "[DEFAULT]\n", "  [a]\n", "\n# c\n[b]\n"]);
    for _ in 0..chance.below(9) {
        text += &line(chance);
    }
    text
}

fn line(chance: &mut Chance) -> String {
    let indent = chance
        .pick(&["", "", "", "", " ", "  ", "\t", "\u{a0}"])
        .to_owned();
    let end = chance.pick(&[
        "\n", "\n", "\n", "\n", "\n", " \n", "\r\n", "\r", "\n\n", "\x1c\n",
    ]);
    let body = match chance.below(20) {
        0 => chance.pick(&["# comment", ";x = y", "#", "; %"]).to_owned(),
        1 => chance
            .pick(&[
                "[c]",
                "[d]",
                "[b]",
                "[DEFAULT]",
                "[e] x",
                "[f]g]",
                "[default]",
                "[ h ]",
            ])
            .to_owned(),
        2 if chance.one_in(2) => chance
            .pick(&["[a]", "[]", "[", "[x", "k", "=", ": v", "= v", "[]=x"])
            .to_owned(),
        3 => format!("  {}", piece(chance)),
        4 => "\n".to_owned(),
        _ => {
            let key = chance.pick(&[
                "a", "b", "c", "D", "ke y", "E", "f", "g", "h", "ä", "İ", "j", "l", "m", "n",
            ]);
            let separator = chance.pick(&["=", " = ", ":", " : ", "= ", " =", "\t=\t", ":="]);
            format!("{key}{separator}{}", piece(chance))
        }
    };
    indent + &body + end
}

fn piece(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..chance.below(4) {
        text += match chance.below(24) {
            0 => chance.pick(&["%", "% ", "%(", "%(a", "%(a)", "%()s", "%s"]),
            1..=3 => chance.pick(&["%(a)s", "%(b)s", "%(C)s", "%(d)s", "%(ke y)s", "%(zz)s"]),
            4 | 5 => "%%",
            _ => chance.pick(&[
                "x", " ", "v w", "#", ";", "=", ":", "[q]", "é", "\u{2003}", "\u{85}", "/p",
                "\x1f", "\x0b",
            ]),
        };
    }
    text
}

/// A small generator (xorshift*), so that the files are the same everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }
}
