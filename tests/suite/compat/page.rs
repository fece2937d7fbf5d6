//! COMPATIBILITY.md: its tables are made from the marks; the prose around them is written by hand.

use std::fs;
use std::path::PathBuf;

use super::mark::{Instead, Mark};
use super::topic::Topic;
use super::topics;

#[test]
fn the_page_says_what_the_marks_say() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../COMPATIBILITY.md");
    let page = fs::read_to_string(&path).unwrap();
    let topics = topics();
    let tables = [
        ("kept", kept(&topics)),
        (
            "better",
            instead(&topics, |mark| {
                if let Mark::Better(instead) = mark {
                    Some(instead)
                } else {
                    None
                }
            }),
        ),
        (
            "different",
            instead(&topics, |mark| {
                if let Mark::Different(instead) = mark {
                    Some(instead)
                } else {
                    None
                }
            }),
        ),
        ("without effect", no_effect(&topics)),
    ];
    let made = tables.iter().fold(page.clone(), |page, (name, table)| {
        replaced(&page, name, table)
    });
    if std::env::var_os("UPDATE_COMPATIBILITY").is_some() {
        fs::write(&path, made).unwrap();
        return;
    }
    assert!(
        page == made,
        "COMPATIBILITY.md is not what the marks say: UPDATE_COMPATIBILITY=1 cargo test -p tlsrptd-tests --test suite compat::page"
    );
}

/// A row a topic.
fn kept(topics: &[Topic]) -> String {
    let row = |topic: &Topic| {
        let says = |mark: &Mark| {
            if let Mark::Kept(says) = mark {
                Some(*says)
            } else {
                None
            }
        };
        let says: Vec<&str> = topic
            .cases()
            .filter_map(|case| says(&case.mark))
            .filter(|says| !says.is_empty())
            .collect();
        (!says.is_empty()).then(|| format!("| {} | {} |\n", topic.title, says.join("; ")))
    };
    "| | |\n|---|---|\n".to_owned() + &topics.iter().filter_map(row).collect::<String>()
}

/// A row a difference: cases may share one.
fn instead(topics: &[Topic], of: fn(&Mark) -> Option<&Instead>) -> String {
    let mut table = "| | theirs | ours |\n|---|---|---|\n".to_owned();
    for topic in topics {
        // The title stands at the first row of its topic.
        let mut title = topic.title;
        for instead in topic.cases().filter_map(|case| of(&case.mark)) {
            let line = format!(" | {} | {} |\n", instead.sys4, instead.ours);
            if !instead.sys4.is_empty() && !table.contains(&line) {
                table.push_str(&format!("| {}{line}", std::mem::take(&mut title)));
            }
        }
    }
    table
}

fn no_effect(topics: &[Topic]) -> String {
    let says = |mark: &Mark| {
        if let Mark::NoEffect(says) = mark {
            Some(format!("- {says}\n"))
        } else {
            None
        }
    };
    topics
        .iter()
        .flat_map(Topic::cases)
        .filter_map(|case| says(&case.mark))
        .collect()
}

/// The page with this text between the marks of a table.
fn replaced(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (
        format!("<!-- {name}: made from the marks in tests/suite/compat -->\n"),
        format!("<!-- end of {name} -->\n"),
    );
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("COMPATIBILITY.md has no {begin}"));
    let (_, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("COMPATIBILITY.md has no {end}"));
    format!("{before}{begin}{table}{end}{after}")
}
