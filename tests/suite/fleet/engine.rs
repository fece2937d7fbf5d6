//! What `tlsrpt-reportd` has in its process: of PostgreSQL nothing, unless its settings name one.

use std::collections::BTreeSet;
use std::fs;

use nix::unistd::Pid;
use tlsrptd_tests::harness::fleet::Fleet;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;

use crate::in_turn::patient;

/// The threads of a member: one drives its connections, one renews its lease.
const OF_MEMBERS: [&str; 2] = ["postgresql", "heartbeat"];
/// Libraries of the system, whatever it reports to: the C library in its parts, what looks up names and users, what unwinds
/// the stack; and what the tests put between.
const OF_SYSTEM: &[&str] = &[
    "ld-",
    "libc.",
    "libc-",
    "libm.",
    "libm-",
    "libpthread",
    "libdl",
    "librt",
    "libgcc_s",
    "libnss_",
    "libresolv",
    "libfaketime",
];

#[test]
fn nothing_of_postgresql_without_a_fleet() {
    let lab = Lab::new();
    lab.dns
        .tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:a@reports.test");
    lab.collect([mta::failure(
        "a.test",
        "v=TLSRPTv1; rua=mailto:a@reports.test",
        203,
    )]);
    let reportd = patient(lab.reportd()).start();
    assert_eq!(lab.deliveries().len(), 1, "it has done all that it does");
    let threads = threads(reportd.pid());
    assert!(!threads.is_empty());
    for name in OF_MEMBERS {
        assert!(!threads.contains(name), "{threads:?}");
    }
    only_the_systems(reportd.pid());
    reportd.stop().success();
}

/// So that the names above are those of what is looked for.
#[test]
fn a_member_has_its_threads_and_the_same_libraries() {
    let Some(fleet) = Fleet::or_skip() else {
        return;
    };
    let lab = Lab::new();
    let member = fleet.join(&fleet.reportd(&lab, 1));
    let threads = threads(member.running.pid());
    for name in OF_MEMBERS {
        assert!(threads.contains(name), "{threads:?}");
    }
    only_the_systems(member.running.pid());
    member.running.stop().success();
}

fn threads(process: Pid) -> BTreeSet<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // One may end meanwhile.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// Libraries that are mapped, by their file names.
fn only_the_systems(process: Pid) {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let names = maps.lines().filter_map(|line| line.split('/').next_back());
    let libraries: BTreeSet<&str> = names.filter(|name| name.contains(".so")).collect();
    assert!(
        libraries.iter().any(|name| name.starts_with("libc")),
        "{maps}"
    );
    for name in libraries {
        let is_known = OF_SYSTEM.iter().any(|known| name.starts_with(known));
        assert!(is_known, "{name} is mapped: {maps}");
    }
}
