//! What each daemon needs to be set.

use crate::common::{load, write};
use tlsrptd_config::option::Program::{Collectd, Fetcher, Reportd};

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
fn a_fleet_needs_no_fetchers() {
    for (file, code, why) in [
        ("dbname = /d", 2, "who would answer?"),
        (
            "dbname = postgresql://u@h/d",
            0,
            "shippers bring the counts",
        ),
        ("dbname = postgresql://u@h/d\nfetchers = f", 0, "or both"),
        (
            "dbname = postgresql://u@h/d\nfetchers = f,,g",
            2,
            "what is set has to be right",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[tlsrpt_reportd]\n{file}\norganization_name = O\ncontact_info = c@example.com\n"
        );
        let path = write(folder.path(), &text);
        let shown = load(Reportd, &["--config_file", &path, "--check_config"], &[]);
        assert_eq!(shown.code, code, "{why}: {}", shown.stderr);
    }
}

/// As a container of the image becomes a member: its own variables are set over those of the image.
#[test]
fn an_empty_variable_takes_the_fetchers_of_the_image_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[tlsrpt_reportd]\norganization_name = O\ncontact_info = c@example.com\n";
    let path = write(folder.path(), text);
    for (fetchers, warnings, why) in [
        ("tlsrpt-fetcher --storage sqlite:///s", 1, "the image's own"),
        ("", 0, "taken out"),
    ] {
        let env = [
            ("TLSRPT_REPORTD_DBNAME", "postgresql://u@h/d"),
            ("TLSRPT_REPORTD_FETCHERS", fetchers),
        ];
        let shown = load(Reportd, &["--config_file", &path], &env);
        assert_eq!(shown.code, 0, "{why}: {}", shown.stderr);
        assert_eq!(
            shown.warnings.len(),
            warnings,
            "{why}: {:?}",
            shown.warnings
        );
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_shown() {
    for address in [
        "postgresql://u:secret@h/d",
        "postgres://u@h/d?password=secret",
    ] {
        let settings =
            format!("dbname = {address}\norganization_name = O\ncontact_info = c@d.example");
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &format!("[tlsrpt_reportd]\n{settings}\n"));
        let shown = load(Reportd, &["--config_file", &path, "--check_config"], &[]);
        let told = shown.stdout + &shown.stderr;
        assert!(told.contains("dbname: a password stands in it"), "{told}");
        assert!(shown.code == 2 && !told.contains("secret"), "{told}");
    }
}
