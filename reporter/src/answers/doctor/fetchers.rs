//! Every fetcher answers its test call, with the rights of the service.

use std::path::Path;

use super::{
    finding::Finding,
    looking::{Looking, Viewer},
};

const AREA: &str = "fetcher";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let fetchers = &looking.settings.fetchers;
    let commands: Vec<&str> = fetchers.iter().map(|fetcher| fetcher.text.trim()).collect();
    let answers = looking.environment.probe(&commands);
    let told = commands.iter().zip(answers).map(|(command, answer)| {
        let said = match answer {
            Ok(()) => return Finding::ok(AREA, format!("`{command}` answers")),
            Err(reason) => format!("`{command}`: {reason}"),
        };
        // Files that are the service's; and of somebody else, keys for ssh.
        let is_by_key = looking.viewer == Viewer::Bystander && is_ssh(command);
        match is_by_key || said.contains("ermission denied") {
            true => looking.lack_of_rights(AREA, said, || by_hand(looking, command)),
            false => Finding::fail(AREA, said, by_hand(looking, command)),
        }
    });
    told.collect()
}

/// Whether it leads to another host by keys.
fn is_ssh(command: &str) -> bool {
    let mut words = command.split_whitespace();
    words.any(|word| {
        Path::new(word)
            .file_name()
            .is_some_and(|name| name == "ssh")
    })
}

/// The same question, by hand.
fn by_hand(looking: &Looking<'_>, command: &str) -> String {
    let as_who = match looking.viewer {
        Viewer::Service => format!("runuser -u {} -- ", looking.account.name),
        Viewer::Bystander => String::new(),
    };
    format!("see what it says, and mend that: {as_who}{command} 1999-01-01")
}
