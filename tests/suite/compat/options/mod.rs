//! Every option has its effect: each is turned away from its default, and the real program shows something else. Those that
//! have none stand in a list of their own. A new option without a row fails the test.

mod collecting;
mod composing;
mod controlling;
mod delivering;
mod effect;
mod gathering;
mod mailing;
mod posting;
mod site;

use std::collections::BTreeSet;

use tlsrptd_tests::harness::program::Program;

use effect::{Effect, check};

/// Accepted, and nothing follows: for existing files, and warned of when set (a case of `compat::process` holds it); or
/// as `tlsrptctl` keeps no log.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("tlsrpt-reportd", "max_collectd_timeout"),
    ("tlsrptctl", "log_level"),
    // Of a fleet: `fleet::postgresql` has a day beyond it.
    ("tlsrptctl", "fetch_deadline"),
    // For `tlsrptctl bounce`.
    ("tlsrpt-reportd", "unclaimed_bounces"),
];

fn effects() -> Vec<Effect> {
    let groups = [
        collecting::effects(),
        gathering::effects(),
        composing::effects(),
        delivering::effects(),
        mailing::effects(),
        posting::effects(),
        controlling::effects(),
    ];
    groups.into_iter().flatten().collect()
}

#[test]
fn each_option_makes_a_difference() {
    check(&effects());
}

#[test]
fn each_option_has_a_row() {
    let folder = tempfile::tempdir().unwrap();
    for program in [
        "tlsrpt-collectd",
        "tlsrpt-fetcher",
        "tlsrpt-reportd",
        "tlsrptctl",
    ] {
        let help = Program::ours(program, folder.path())
            .no_config()
            .arg("--help")
            .run()
            .success()
            .stdout;
        let known: BTreeSet<&str> = help.lines().filter_map(name).collect();
        assert!(known.len() > 2, "{help}");
        let effects = effects();
        let rows = effects
            .iter()
            .filter(|effect| effect.program == program)
            .map(|effect| effect.option);
        let idle = WITHOUT_EFFECT
            .iter()
            .filter(|(of, _)| *of == program)
            .map(|(_, option)| *option);
        let rows: BTreeSet<&str> = rows.chain(idle).collect();
        let missing: Vec<_> = known.difference(&rows).collect();
        assert!(
            missing.is_empty(),
            "{program}: {missing:?} need a row here: a value that is not the default, and what is seen of it"
        );
        let gone: Vec<_> = rows.difference(&known).collect();
        assert!(
            gone.is_empty(),
            "{program}: rows of options that there are not: {gone:?}"
        );
    }
}

/// The option of a line of `--help`: `  --NAME VALUE`. Those that say where the options are read have no row in their table.
fn name(line: &str) -> Option<&str> {
    let (name, _value) = line.strip_prefix("  --")?.split_once(' ')?;
    (!["config_file"].contains(&name)).then_some(name)
}
