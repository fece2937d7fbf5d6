//! Every fetcher answers its test call, with the rights of the service; and in a fleet it asks the same collector wherever it runs.

use std::path::Path;

use super::{
    finding::Finding,
    looking::{Looking, Viewer},
};
use crate::store::{self, FleetState, OperatorAccess};

const AREA: &str = "fetcher";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let mut findings = answering(looking);
    findings.extend(of_each_member(looking));
    findings
}

/// What the configuration alone tells is said with it; here it is whether that does harm now.
fn of_each_member(looking: &Looking<'_>) -> Option<Finding> {
    let settings = looking.settings;
    let command = settings.local_fetchers().next()?;
    settings.database_address()?;
    // That it cannot be read is said with the database.
    let store = store::open_for_operator(settings, OperatorAccess::Read).ok()?;
    let harm = harm(&store.fleet().ok()??, &host_name())?;
    let line = "fetchers without it, or with `ssh HOST ` before it, on each member";
    Some(Finding::fail(
        AREA,
        format!("`{}`: {harm}", command.text.trim()),
        looking.set(line),
    ))
}

/// What a fetcher of a member's own host does to this fleet.
fn harm(fleet: &FleetState, host: &str) -> Option<String> {
    let live = fleet.members.iter().filter(|member| member.is_live);
    let mut hosts: Vec<&str> = live.map(|member| short(&member.name)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut shipping = fleet.collectors.iter().filter(|one| one.retired.is_none());
    let is_here = |name: &str| short(name) == short(host) || hosts.contains(&short(name));
    if let Some(one) = shipping.find(|one| is_here(&one.name)) {
        return Some(format!(
            "the collector of {} ships too: what this fetcher brings of it is counted twice",
            one.name
        ));
    }
    (hosts.len() > 1).then(|| {
        format!(
            "of the members' hosts ({}) it asks one, whichever owns its shard: what the others count is missing",
            hosts.join(", ")
        )
    })
}

/// The first label of the name of a host, or of a member, which has its process behind it.
fn short(name: &str) -> &str {
    name.split(['.', ':']).next().unwrap_or(name)
}

/// This host; empty: it has no name.
fn host_name() -> String {
    let name = nix::unistd::gethostname();
    name.map_or_else(
        |_| String::new(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn answering(looking: &Looking<'_>) -> Vec<Finding> {
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tlsrptd_proto::day::Day;

    use super::*;
    use crate::store::{FleetCollector, FleetMember};

    /// Members, and whether they are live; collectors, and whether they are retired.
    type Names<'n> = &'n [(&'n str, bool)];

    fn fleet(members: Names<'_>, collectors: Names<'_>) -> FleetState {
        let (at, day) = (Timestamp::UNIX_EPOCH, Day::of(Timestamp::UNIX_EPOCH));
        let members = members.iter().enumerate();
        let members = members.map(|(id, (name, is_live))| FleetMember {
            id: id as i64,
            name: (*name).to_owned(),
            since: at,
            until: at,
            is_live: *is_live,
            shards: 0,
        });
        let collectors = collectors.iter().map(|(name, is_retired)| FleetCollector {
            name: (*name).to_owned(),
            first_day: day,
            retired: is_retired.then_some(day),
            seen: at,
            day: None,
            is_done: false,
            open_days: 0,
            late_sessions: 0,
            is_doubled: false,
        });
        FleetState {
            at,
            members: members.collect(),
            shards: 64,
            shards_without_owner: Vec::new(),
            collectors: collectors.collect(),
            days: Vec::new(),
        }
    }

    #[test]
    fn what_a_fetcher_of_the_own_host_does_to_a_fleet() {
        let one = &[("mx1:7", true)][..];
        #[rustfmt::skip]
        let cases: [(Names<'_>, Names<'_>, &str, &str); 6] = [
            (one, &[], "", "one member, which asks its own collector"),
            (one, &[("mx2", false)], "", "others ship"),
            (one, &[("mx1.example.com", false)], "counted twice", "it ships itself, by its long name"),
            (one, &[("mx1", true)], "", "it has shipped once"),
            (&[("mx1:7", true), ("mx2:7", true), ("mx1:8", true)], &[], "(mx1, mx2)", "one of two is asked"),
            (&[("mx1:7", true), ("mx2:7", false)], &[], "", "the other one is gone"),
        ];
        for (members, collectors, part, why) in cases {
            let told = harm(&fleet(members, collectors), "mx1.example.com").unwrap_or_default();
            assert_eq!(told.is_empty(), part.is_empty(), "{why}: {told}");
            assert!(told.contains(part), "{why}: {told}");
        }
    }
}
