//! The database of a fleet: its server, and who works on it.

use jiff::SignedDuration;

use super::{
    database::{AREA, START},
    finding::Finding,
    looking::{Looking, Viewer},
};
use crate::store::{self, FleetServer};

const MIB: u64 = 1 << 20;
/// Locks that a day's tables take when they are made or dropped, several times over: a fleet needs no more than PostgreSQL's
/// own default, 64 for each of 100 connections.
const LOCKS: u64 = 6_400;
/// Connections that have to be left: a member has three and a shipper one, and whoever restarts makes new ones first.
const CONNECTIONS_LEFT: u64 = 10;
/// Members judge leases by the clock of the database and their boot-time clock; days end by their own.
const CLOCK: SignedDuration = SignedDuration::from_secs(5);
/// A transaction that is open for so long keeps dead rows: queues become slow.
const OLD_SNAPSHOT: SignedDuration = SignedDuration::from_hours(1);
/// A replica that is so far behind loses that much when it takes over.
const BEHIND: u64 = 64 * MIB;

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    if let Some(error) = store::find_fault(looking.settings) {
        let is_unread = error.to_string().contains("dbname_password_file");
        return vec![match looking.viewer {
            Viewer::Bystander if is_unread => {
                looking.lack_of_rights(AREA, error.to_string(), String::new)
            }
            _ => Finding::fail(AREA, error.to_string(), by_hand(looking)),
        }];
    }
    match store::fleet_server(looking.settings) {
        Ok(server) => judged(
            looking.settings.dbname.to_str().unwrap_or_default(),
            &server,
        ),
        Err(error) => vec![Finding::fail(AREA, error.to_string(), by_hand(looking))],
    }
}

/// The same connection, by hand.
fn by_hand(looking: &Looking<'_>) -> String {
    format!(
        "see docs/fleet.md, and: psql '{}'",
        looking.settings.dbname.display()
    )
}

fn judged(address: &str, server: &FleetServer) -> Vec<Finding> {
    vec![
        there(address, server),
        at_work(server),
        names(server),
        durability(server),
        replicas(server),
        locks(server),
        connections(server),
        clock(server),
        snapshot(server),
    ]
}

fn there(address: &str, server: &FleetServer) -> Finding {
    let version = &server.version;
    match server.tables {
        Some(tables) => Finding::ok(
            AREA,
            format!(
                "{address}: PostgreSQL {version}, tables of version {tables}, {} MiB",
                server.size / MIB
            ),
        ),
        None => Finding::warn(
            AREA,
            format!(
                "{address}: PostgreSQL {version}, without our tables: tlsrpt-reportd makes them when it starts first"
            ),
            START,
        ),
    }
}

fn at_work(server: &FleetServer) -> Finding {
    match server.members.as_slice() {
        [] => Finding::warn(
            AREA,
            "no member of the fleet is at work: nothing is sent",
            START,
        ),
        [one] => Finding::ok(
            AREA,
            format!(
                "one member of the fleet is at work, {one}: nobody takes over when its host is lost"
            ),
        ),
        members => Finding::ok(
            AREA,
            format!(
                "{} members of the fleet are at work: {}",
                members.len(),
                members.join(", ")
            ),
        ),
    }
}

fn names(server: &FleetServer) -> Finding {
    match server.doubled.as_slice() {
        [] => Finding::ok(AREA, "no two collectors ship under one name"),
        names => Finding::warn(
            AREA,
            format!(
                "two hosts ship as {}: no day waits for the older one",
                names.join(", ")
            ),
            "set ship_as on one of them, and restart its tlsrpt-shipper",
        ),
    }
}

fn durability(server: &FleetServer) -> Finding {
    let commit = &server.synchronous_commit;
    let kept = match server.standby_names.is_empty() {
        true => "on this server".to_owned(),
        false => format!("and by replicas: {}", server.standby_names),
    };
    if !server.is_crash_safe {
        return Finding::fail(
            AREA,
            "fsync or full_page_writes is off: a crash of the server's host destroys the database",
            "on the server: ALTER SYSTEM RESET fsync; ALTER SYSTEM RESET full_page_writes; SELECT pg_reload_conf()",
        );
    }
    match commit.as_str() {
        "off" => Finding::warn(
            AREA,
            "synchronous_commit is off: a crash of the server forgets what was just sent, and it is sent again",
            "on the server: ALTER ROLE ... SET synchronous_commit = on",
        ),
        _ => Finding::ok(
            AREA,
            format!("a commit is kept {kept} (synchronous_commit = {commit})"),
        ),
    }
}

fn replicas(server: &FleetServer) -> Finding {
    let Some(replicas) = &server.replicas else {
        return Finding::unknown(
            AREA,
            "which replicas the server has: its statistics are not ours to see",
            "GRANT pg_monitor TO the user of dbname, or ask its administrator",
        );
    };
    let names: Vec<String> = replicas
        .iter()
        .map(|one| {
            format!(
                "{} ({}, {} MiB behind)",
                one.name,
                one.kind,
                one.behind / MIB
            )
        })
        .collect();
    let behind = replicas.iter().any(|one| one.behind > BEHIND);
    match (replicas.is_empty(), behind) {
        (true, _) => Finding::ok(
            AREA,
            "no replica: the fleet waits while this server is away",
        ),
        (false, true) => Finding::warn(
            AREA,
            format!("replicas: {}", names.join(", ")),
            "see to the replica's log: what it lacks is repeated or counted again after a failover",
        ),
        (false, false) => Finding::ok(AREA, format!("replicas: {}", names.join(", "))),
    }
}

fn locks(server: &FleetServer) -> Finding {
    let found = format!("room for {} locks", server.lock_table);
    match server.lock_table < LOCKS {
        true => Finding::warn(
            AREA,
            format!("{found}: a day's tables are some hundred, and so are their locks"),
            "on the server: max_locks_per_transaction = 64 or more, with max_connections = 100; restart it",
        ),
        false => Finding::ok(AREA, found),
    }
}

fn connections(server: &FleetServer) -> Finding {
    let left = server.most_connections.saturating_sub(server.connections);
    let found = format!(
        "{} of {} connections are taken",
        server.connections, server.most_connections
    );
    match left < CONNECTIONS_LEFT {
        true => Finding::warn(
            AREA,
            format!("{found}: a member needs three, a shipper one"),
            "on the server: raise max_connections, and restart it",
        ),
        false => Finding::ok(AREA, found),
    }
}

fn clock(server: &FleetServer) -> Finding {
    let ahead = server.clock_ahead;
    let by = format!("{:.1} s", ahead.abs().as_secs_f64());
    let found = match ahead.is_negative() {
        true => format!("the server's clock is {by} behind ours"),
        false => format!("the server's clock is {by} ahead of ours"),
    };
    match ahead.abs() > CLOCK {
        true => Finding::warn(
            AREA,
            format!("{found}: days begin and end at different moments"),
            "synchronise both hosts: timedatectl, chronyc tracking",
        ),
        false => Finding::ok(AREA, found),
    }
}

fn snapshot(server: &FleetServer) -> Finding {
    match server.oldest_snapshot {
        Some(age) if age > OLD_SNAPSHOT => Finding::warn(
            AREA,
            format!(
                "a transaction has been open for {} min: rows that are done with cannot be cleaned away",
                age.as_mins()
            ),
            "SELECT pid, application_name, xact_start, query FROM pg_stat_activity ORDER BY xact_start LIMIT 5",
        ),
        _ => Finding::ok(AREA, "no transaction is open for long"),
    }
}

/// The number of this host's reporter, as the list of members names it.
pub(super) fn process(looking: &Looking<'_>) -> Option<u32> {
    let host = nix::unistd::gethostname().ok()?;
    let server = store::fleet_server(looking.settings).ok()?;
    let mut ours = server.members.iter().filter_map(|name| {
        let (of, process) = name.rsplit_once(':')?;
        (of == host.to_string_lossy()).then(|| process.parse().ok())?
    });
    ours.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FleetReplica;

    fn well() -> FleetServer {
        FleetServer {
            version: "15.6".to_owned(),
            tables: Some(1),
            lock_table: 6_400,
            most_connections: 97,
            connections: 12,
            synchronous_commit: "on".to_owned(),
            standby_names: String::new(),
            is_crash_safe: true,
            clock_ahead: SignedDuration::from_millis(-20),
            size: 50 * MIB,
            replicas: Some(Vec::new()),
            oldest_snapshot: None,
            members: vec!["a:1".to_owned(), "b:2".to_owned()],
            doubled: Vec::new(),
        }
    }

    #[test]
    fn what_is_wrong_with_a_server() {
        let replica = |behind| FleetReplica {
            name: "r".to_owned(),
            kind: "async".to_owned(),
            behind,
        };
        let cases: [(&str, FleetServer, &str); 12] = [
            ("", well(), "all is well"),
            (
                "without our tables",
                FleetServer {
                    tables: None,
                    ..well()
                },
                "before the first start",
            ),
            (
                "no member",
                FleetServer {
                    members: Vec::new(),
                    ..well()
                },
                "nobody works",
            ),
            (
                "two hosts ship as mx1",
                FleetServer {
                    doubled: vec!["mx1".to_owned()],
                    ..well()
                },
                "an image with its configuration",
            ),
            (
                "is off: a crash of the server's host",
                FleetServer {
                    is_crash_safe: false,
                    ..well()
                },
                "a careless server",
            ),
            (
                "synchronous_commit is off",
                FleetServer {
                    synchronous_commit: "off".to_owned(),
                    ..well()
                },
                "or a hasty one",
            ),
            (
                "are not ours to see",
                FleetServer {
                    replicas: None,
                    ..well()
                },
                "an ordinary user",
            ),
            (
                "99 MiB behind",
                FleetServer {
                    replicas: Some(vec![replica(99 * MIB)]),
                    ..well()
                },
                "a replica that lags",
            ),
            (
                "room for 640 locks",
                FleetServer {
                    lock_table: 640,
                    ..well()
                },
                "few locks",
            ),
            (
                "90 of 97",
                FleetServer {
                    connections: 90,
                    ..well()
                },
                "few connections",
            ),
            (
                "behind ours: days",
                FleetServer {
                    clock_ahead: SignedDuration::from_secs(-9),
                    ..well()
                },
                "a wrong clock",
            ),
            (
                "open for 90 min",
                FleetServer {
                    oldest_snapshot: Some(SignedDuration::from_mins(90)),
                    ..well()
                },
                "a forgotten psql",
            ),
        ];
        for (part, server, why) in cases {
            let findings = judged("postgresql://u@h/d", &server);
            let strange: Vec<&Finding> = findings
                .iter()
                .filter(|one| one.level.word() != "ok")
                .collect();
            match part.is_empty() {
                true => assert!(strange.is_empty(), "{why}: {strange:?}"),
                false => {
                    assert_eq!(strange.len(), 1, "{why}: {strange:?}");
                    assert!(strange[0].finding.contains(part), "{why}: {strange:?}");
                    assert!(!strange[0].remedy.is_empty(), "{why}");
                }
            }
        }
    }
}
