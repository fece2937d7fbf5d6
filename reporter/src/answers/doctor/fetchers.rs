//! Every fetcher answers its test call, with the rights of the service.

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
        // Files, or keys for ssh, that are the service's.
        match looking.viewer == Viewer::Bystander || said.contains("ermission denied") {
            true => looking.lack_of_rights(AREA, said, || by_hand(looking, command)),
            false => Finding::fail(AREA, said, by_hand(looking, command)),
        }
    });
    told.collect()
}

/// The same question, by hand.
fn by_hand(looking: &Looking<'_>, command: &str) -> String {
    let as_who = match looking.viewer {
        Viewer::Service => format!("runuser -u {} -- ", looking.account.name),
        Viewer::Bystander => String::new(),
    };
    format!("see what it says, and mend that: {as_who}{command} 1999-01-01")
}
