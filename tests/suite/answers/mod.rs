//! What an operator asks of one domain, or of tonight, answered by the real programs.

mod maptest;
mod show;
mod today;
mod why;

use serde_json::Value;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::program::Ended;

/// Asks `tlsrptctl` with reportd's configuration.
fn ask(lab: &Lab, words: &[&str]) -> Ended {
    let ctl = lab.full_ctl();
    words.iter().fold(ctl, |ctl, word| ctl.arg(word)).run()
}

/// The same as JSON.
fn ask_json(lab: &Lab, words: &[&str]) -> (Value, Option<i32>) {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    let ended = ask(lab, &words);
    let value = serde_json::from_str(&ended.stdout);
    let value = value.unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr));
    (value, ended.code())
}
