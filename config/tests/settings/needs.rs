//! What each program, and each command of `tlsrptctl`, needs to be set.

use crate::common::{load, write};
use tlsrptd_config::option::Program::{Collectd, Ctl, Fetcher, Reportd};

#[test]
fn what_is_required_is_missed_by_name() {
    for (program, names) in [
        (Collectd, &["socketname", "storage"][..]),
        (Fetcher, &["storage"]),
        (
            Reportd,
            &["contact_info", "dbname", "fetchers", "organization_name"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &format!("[{}]", program.section()));
        let day: &[&str] = if program == Fetcher {
            &["2026-01-01"]
        } else {
            &[]
        };
        let shown = load(
            program,
            &[&["--config_file", path.as_str()], day].concat(),
            &[],
        );
        let missed: Vec<_> = shown
            .stderr
            .lines()
            .map(|line| line.split(": required").next().unwrap())
            .collect();
        assert_eq!((shown.code, missed.as_slice()), (2, names));
    }
}

#[test]
fn ctl_looks_at_what_its_command_needs() {
    let broken = "spread_out_delivery = 0\n";
    for (args, file, code, why) in [
        (
            &["status"][..],
            "[tlsrpt_reportd]\ndbname = /d\nfetchers = ,\n",
            0,
            "fetchers are not needed",
        ),
        (&["status"], "[tlsrpt_reportd]\n", 2, "the database is"),
        (
            &[
                "suppress",
                "add",
                "a.example",
                "--until=2026-01-01",
                "--reason",
                "they asked",
            ],
            "[tlsrpt_reportd]\ndbname = /d\n",
            0,
            "the database alone",
        ),
        (
            &["suppress", "list"],
            "[tlsrpt_reportd]\n",
            2,
            "but that is needed",
        ),
        (
            &["status"],
            "[tlsrpt_reportd]\ndbname = /d\nreason = x\n",
            2,
            "a command's option is no key",
        ),
        (
            &["maptest", "example.com", "v=TLSRPTv1; rua=mailto:a@b"],
            "[tlsrpt_reportd]\n",
            0,
            "maps alone",
        ),
        (
            &["maptest", "example.com", "x"],
            "[tlsrpt_reportd]\nmax_destinations = 0\n",
            2,
            "needed, and wrong",
        ),
        (
            &["status"],
            "[tlsrpt_reportd]\ndbname = /d\nunknown = 1\n",
            2,
            "an unknown key is a mistake for all",
        ),
        (
            &["--check-config"],
            "[tlsrpt_reportd]\ndbname = /d\n",
            2,
            "without a command there is all to check",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &format!("{file}{broken}"));
        let shown = load(
            Ctl,
            &[args, &["--config_file", path.as_str()]].concat(),
            &[],
        );
        assert_eq!(shown.code, code, "{why}: {}", shown.stderr);
    }
}
