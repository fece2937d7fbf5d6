//! What a child that is killed has seen, line by line in a file: each line is written before anybody acts on it.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::Mutex,
};

use jiff::Timestamp;

/// Open for one child.
#[derive(Debug)]
pub struct Journal(Mutex<File>);

/// One line: when, and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub at: Timestamp,
    pub words: Vec<String>,
}

impl Journal {
    pub fn open(path: &Path) -> Journal {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        Journal(Mutex::new(file))
    }

    pub fn write(&self, at: Timestamp, words: &[&str]) {
        assert!(
            words
                .iter()
                .all(|word| !word.is_empty() && !word.contains([' ', '\n']))
        );
        let line = format!("{at} {}\n", words.join(" "));
        // One call: a kill leaves the line whole, or none of it.
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// All lines of all children so far.
pub fn read(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Line {
            at: words.next().unwrap().parse().unwrap(),
            words: words.collect(),
        }
    };
    text.lines().map(line).collect()
}

/// Those that begin with this word.
pub fn of<'a>(lines: &'a [Line], word: &'a str) -> impl Iterator<Item = &'a Line> + 'a {
    lines.iter().filter(move |line| line.words[0] == word)
}
