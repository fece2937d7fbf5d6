//! Every file of the corpora, and everything that was ever found, through its properties: part of `make check`, where
//! no fuzzer is built.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder:?} is empty");
    files
}

fn replay(folders: &[&str], check: fn(&[u8])) {
    for file in folders.iter().flat_map(|folder| files(folder)) {
        println!("{}", file.display());
        check(&fs::read(&file).unwrap_or_else(|error| panic!("{file:?}: {error}")));
    }
}

#[test]
fn datagrams() {
    replay(
        &["../data/datagrams", "corpus/datagram"],
        crate::datagram::check,
    );
}

/// A day of all recorded datagrams at once.
#[test]
fn a_day() {
    let mut day = Vec::new();
    for file in files("../data/datagrams") {
        day.extend(fs::read(file).unwrap_or_default());
        day.push(b'\n');
    }
    crate::datagram::check(&day);
}

#[test]
fn txt_records() {
    replay(&["corpus/tlsrpt_record"], crate::tlsrpt_record::check);
}

#[test]
fn answers() {
    replay(&["corpus/fetch"], crate::fetch::check);
}

#[test]
fn destination_maps() {
    replay(&["corpus/maps"], crate::maps::check);
}

#[test]
fn files_of_settings() {
    replay(&["corpus/ini"], crate::ini::check);
}

#[test]
fn returned_mails() {
    replay(
        &["../../reporter/src/bounce/fixtures", "corpus/bounce"],
        crate::bounce::check,
    );
}
