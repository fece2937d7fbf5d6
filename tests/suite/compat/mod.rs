//! One behaviour suite, two subjects: what a drop-in has to match, asked of our programs and of sys4's.
//!
//! A [`Topic`](topic::Topic) is a list of cases. A case looks at a [`Scene`](scene::Scene), which has the programs of one
//! [`Subject`](subject::Subject), and says in a short text what it saw. Its [`Mark`](mark::Mark) tells what that text has to
//! be: the same of both, or another one of sys4, and then why. A mark that no longer holds fails as a wrong text does.
//! `COMPATIBILITY.md` is made from the marks ([`page`]): `UPDATE_COMPATIBILITY=1 cargo test -p tlsrptd-tests --test suite compat::page`.
//! `SUBJECT=ours` and `SUBJECT=sys4` limit a run to one of them.

mod collector;
mod command_line;
mod ctl;
mod datagrams;
mod decision;
mod delivery;
mod exits;
mod fetching;
mod file;
mod maps;
mod mark;
mod options;
mod page;
mod process;
mod records;
mod report;
mod reporter;
mod rollover;
mod scene;
mod signals;
mod subject;
mod topic;

use topic::Topic;

/// All topics, in the order of the page.
fn topics() -> Vec<Topic> {
    vec![
        command_line::topic(),
        file::topic(),
        exits::topic(),
        signals::topic(),
        collector::topic(),
        datagrams::topic(),
        rollover::topic(),
        fetching::topic(),
        process::topic(),
        decision::topic(),
        records::topic(),
        maps::topic(),
        delivery::topic(),
        report::topic(),
        ctl::topic(),
    ]
}

#[test]
fn command_line() {
    command_line::topic().check();
}

#[test]
fn file() {
    file::topic().check();
}

#[test]
fn collector() {
    collector::topic().check();
}

#[test]
fn datagrams() {
    datagrams::topic().check();
}

#[test]
fn rollover() {
    rollover::topic().check();
}

#[test]
fn fetching() {
    fetching::topic().check();
}

#[test]
fn maps() {
    maps::topic().check();
}

#[test]
fn records() {
    records::topic().check();
}

#[test]
fn process() {
    process::topic().check();
}

#[test]
fn delivery() {
    delivery::topic().check();
}

#[test]
fn report() {
    report::topic().check();
}

#[test]
fn ctl() {
    ctl::topic().check();
}

#[test]
fn decision() {
    decision::topic().check();
}

#[test]
fn signals() {
    signals::topic().check();
}

#[test]
fn exits() {
    exits::topic().check();
}
