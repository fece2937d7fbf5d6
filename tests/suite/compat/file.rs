//! The configuration file, seen by the fetcher.

use super::mark::{Mark, different, kept};
use super::scene::{DAY, listed};
use super::topic::Topic;

/// What a mistake in the file ends with.
const EXIT_2: &str = "exit 2";

pub(super) fn topic() -> Topic {
    let topic = good().into_iter().fold(
        Topic::new("Configuration file"),
        |topic, (name, text, mark)| topic.case(name, "good.test", mark, look(text)),
    );
    bad().into_iter().fold(topic, |topic, (name, text, mark)| {
        topic.case(name, EXIT_2, mark, look(text))
    })
}

/// Lets the fetcher read a file with this text, in which GOOD stands for a storage.
fn look(text: &'static str) -> impl Fn(&super::scene::Scene) -> String {
    |scene| {
        let text = text.replace("GOOD", &scene.storage("good"));
        listed(
            &scene
                .program("tlsrpt-fetcher")
                .config_text(&scene.fill(&text))
                .arg(DAY)
                .run(),
        )
    }
}

#[rustfmt::skip]
fn good() -> Vec<(&'static str, &'static str, Mark)> {
    vec![
        ("plain", "[tlsrpt_fetcher]\nstorage = GOOD\n", kept("the dialect of Python's configparser")),
        ("a colon", "[tlsrpt_fetcher]\nstorage:GOOD", kept("")),
        ("keys have no case", "[tlsrpt_fetcher]\nStorAge = GOOD\n", kept("")),
        ("comments", "; x\n[tlsrpt_fetcher]\n# storage = x\n  ; y\nstorage = GOOD\n", kept("")),
        ("a value goes on", "[tlsrpt_fetcher]\nstorage =\n    GOOD\n", kept("")),
        ("one file for all", "[tlsrpt_collectd]\nx = 1\n[tlsrpt_fetcher]\nstorage = GOOD\n[tlsrpt_reportd]\ny = 2\n", kept("one file may hold the sections of all programs")),
        ("a section of another", "[other]\nzzz = %\n[tlsrpt_fetcher]\nstorage = GOOD\n", kept("")),
        ("a section of ours", "[tlsrpt_fetcher]\nstorage = GOOD\n[tlsrptd_fetcher]\nlog_level = debug\n", kept("theirs pass over our sections `[tlsrptd_*]`, so one file serves both")),
        ("[DEFAULT]", "[DEFAULT]\nstorage = GOOD\n[tlsrpt_fetcher]\n", kept("keys of `[DEFAULT]`")),
        ("a section beats [DEFAULT]", "[DEFAULT]\nstorage = x\n[tlsrpt_fetcher]\nstorage = GOOD\n", kept("")),
        ("%%", "[tlsrpt_fetcher]\nlogfilename = {folder}/100%%\nstorage = GOOD\n", kept("`%` interpolation")),
        ("an empty value", "[tlsrpt_fetcher]\nlogfilename =\nstorage = GOOD\n", empty()),
        ("%(key)s", "[tlsrpt_fetcher]\nlog_level = error\nlogfilename = {folder}/%(log_level)s\nstorage = GOOD\n", kept("")),
    ]
}

fn empty() -> Mark {
    different(
        "exit 1",
        "an empty value in a file ends the start",
        "an empty value is as if not set",
    )
}

#[rustfmt::skip]
fn bad() -> Vec<(&'static str, &'static str, Mark)> {
    let code = || different("exit 1", "", "");
    vec![
        ("an unknown key", "[tlsrpt_fetcher]\nstorage = GOOD\nzzz = 1\n", code()),
        ("an unknown key for all", "[DEFAULT]\nzzz = 1\n[tlsrpt_fetcher]\nstorage = GOOD\n", code()),
        ("another program's key", "[tlsrpt_fetcher]\nstorage = GOOD\nsocketname = /x\n", code()),
        ("a key without a value", "[tlsrpt_fetcher]\nstorage = GOOD\nlogfilename\n", code()),
        ("a key twice", "[tlsrpt_fetcher]\nstorage = GOOD\nstorage = GOOD\n", code()),
        ("a section twice", "[tlsrpt_fetcher]\nstorage = GOOD\n[tlsrpt_fetcher]\nlog_level = info\n", code()),
        ("no such section", "[tlsrpt_collectd]\nstorage = GOOD\n", code()),
        ("a lone %", "[tlsrpt_fetcher]\nstorage = GOOD\nlogfilename = 100%\n", code()),
        ("a key before all sections", "storage = GOOD\n[tlsrpt_fetcher]\n", code()),
        ("no log level", "[tlsrpt_fetcher]\nstorage = GOOD\nlog_level = loud\n", code()),
        ("one key in both sections", "[tlsrpt_fetcher]\nstorage = GOOD\n[tlsrptd_fetcher]\nstorage = GOOD\n", different("good.test", "", "")),
    ]
}
