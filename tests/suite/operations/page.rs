//! docs/operations.md: its commands are those that there are, and its examples are of a real run.
//!
//! `UPDATE_OPERATIONS=1 cargo test --test suite operations::page` runs them and writes the examples anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::site::Morning;

/// What begins an example: a command as root types it.
const PROMPT: &str = "    # ";
/// What ends its output.
const ENDS: &str = "<!-- end -->";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md")
}

/// The commands of the examples, in their order.
fn commands(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix(PROMPT))
        .filter(|line| line.starts_with("tlsrptctl "))
        .collect()
}

#[test]
fn the_commands_of_the_page_answer() {
    let text = fs::read_to_string(page()).unwrap();
    let sections = text.lines().filter(|line| line.starts_with("## ")).count();
    assert!(sections >= 12, "a section a question: {sections}");
    let morning = Morning::new();
    let mut written = String::new();
    let mut lines = text.lines();
    let mut number = 0;
    let day = day_of(&text);
    while let Some(line) = lines.next() {
        written.push_str(&line.replace(&day, &morning.lab.day()));
        written.push('\n');
        let Some(command) = line.strip_prefix(PROMPT) else {
            continue;
        };
        let old: Vec<&str> = lines.by_ref().take_while(|line| *line != ENDS).collect();
        assert!(!old.is_empty(), "an example of {command}");
        number += 1;
        let words: Vec<String> = command
            .strip_prefix("tlsrptctl ")
            .unwrap_or_else(|| panic!("{command} is another program"))
            .replace(&day, &morning.lab.day())
            .split(' ')
            .map(str::to_owned)
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = morning.ask(&words);
        assert!(
            !ended.stdout.is_empty() && ended.code() != Some(2),
            "{command}: {:?} {}",
            ended.code(),
            ended.stderr
        );
        for line in tidied(&morning, &ended.stdout).lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            written.push_str(&format!("{indent}{line}\n"));
        }
        written.push_str(&format!("{ENDS}\n"));
    }
    assert_eq!(number, commands(&text).len());
    if std::env::var_os("UPDATE_OPERATIONS").is_some() {
        fs::write(page(), written).unwrap();
    }
}

/// The day of the examples: that of the command that names one.
fn day_of(page: &str) -> String {
    let resend = commands(page)
        .into_iter()
        .find(|command| command.starts_with("tlsrptctl resend"));
    let words = resend.map(|command| command.split(' ').collect::<Vec<_>>());
    words.unwrap_or_default()[3].to_owned()
}

/// With the paths that a package has.
fn tidied(morning: &Morning, output: &str) -> String {
    let folder = morning.lab.folder().display().to_string();
    let mut text = String::new();
    let ctl = morning.ctl(&[]).config_path().display().to_string();
    for line in output.lines() {
        let line = line.replace(&ctl, "/etc/tlsrpt/reportd.cfg");
        let line = line.replace(
            &format!("{folder}/reportd.sqlite"),
            "/var/lib/tlsrpt/reportd.sqlite",
        );
        let line = match line.find("/tlsrpt-fetcher --config_file ") {
            Some(at) => {
                let begin = line[..at].rfind([' ', '`']).map_or(0, |space| space + 1);
                let end = line[at..]
                    .find(".cfg")
                    .map_or(line.len(), |end| at + end + 4);
                format!("{}tlsrpt-fetcher{}", &line[..begin], &line[end..])
            }
            // The column of what has become shorter.
            None => match line.strip_prefix("COLLECTOR ") {
                Some(rest) => format!("{:<14}  {}", "COLLECTOR", rest.trim_start()),
                None => line,
            },
        };
        let line = line.replace(&format!("{folder}/dkim-"), "/etc/tlsrpt/dkim-");
        text.push_str(&line.replace(&folder, "/var/lib/tlsrpt"));
        text.push('\n');
    }
    text
}
