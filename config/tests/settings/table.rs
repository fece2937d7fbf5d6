//! Table, arguments, environment, file, `--help` and fields agree, and every option reaches its field.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{DAEMONS, Shown, least, load, write};
use tlsrptd_config::option::{Default, Kind, Program, Row, rows};

/// A value that is not the default.
fn other(row: &Row) -> String {
    match (row.kind, row.default) {
        (Kind::Seconds(_), _) => "987654".to_owned(),
        (Kind::Count(-1, _), _) => "3".to_owned(),
        (Kind::Count(least, _), _) => least.max(1234).to_string(),
        (Kind::Switch, Default::Is("yes")) => "no".to_owned(),
        (Kind::Switch, _) => "yes".to_owned(),
        (Kind::Days, _) => "failures".to_owned(),
        (Kind::Frequency, _) => "weekly".to_owned(),
        (Kind::Delimiter, _) => "-".to_owned(),
        (Kind::Level, _) => "debug".to_owned(),
        (Kind::Listen, _) => "[2001:db8::1]:80".to_owned(),
        (Kind::Path, _) if row.name == "reportd_config" => concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../packaging/examples/reportd.cfg"
        )
        .to_owned(),
        (Kind::Transport, _) => "smtp://relay".to_owned(),
        (_, default) => default.example().to_owned(),
    }
}

/// What has to stand beside an option so that it is allowed.
fn beside(row: &Row) -> &'static [&'static str] {
    match row.name {
        "mail_user" => &["--mail_password_file", "/p"],
        "mail_password_file" => &["--mail_user", "u"],
        "digest" => &["--digest_address", "a@b.example"],
        "listen" => &["--allow_remote", "yes"],
        name if name.starts_with("min_wait") => &[
            "--max_wait_delivery",
            "987654",
            "--max_wait_domainlist",
            "987654",
            "--max_wait_domaindetails",
            "987654",
        ],
        _ => &[],
    }
}

fn operands(program: Program) -> &'static [&'static str] {
    if program == Program::Fetcher {
        &["2026-01-01"]
    } else {
        &[]
    }
}

/// Field by field, from Debug's form.
fn fields(shown: &Shown) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in shown.values.lines() {
        if let Some((field, value)) = line
            .strip_prefix("    ")
            .and_then(|line| line.split_once(": "))
            && !field.starts_with(' ')
        {
            name = field.to_owned();
            fields.insert(name.clone(), value.to_owned());
        } else if let Some(value) = fields.get_mut(&name) {
            *value += line;
        }
    }
    fields
}

#[test]
fn fields_are_the_options() {
    let folder = tempfile::tempdir().unwrap();
    for program in DAEMONS {
        let path = write(folder.path(), &least(program));
        let shown = load(
            program,
            &[&["--config_file", path.as_str()], operands(program)].concat(),
            &[],
        );
        let mut fields: BTreeSet<String> = fields(&shown).into_keys().collect();
        match program {
            Program::Fetcher => assert!(fields.remove("question"), "its operands"),
            Program::Statusd => assert!(fields.remove("reportd"), "another program's"),
            _ => {}
        }
        let options = rows(program)
            .iter()
            .filter(|row| row.effective)
            .map(|row| row.name.to_owned())
            .collect();
        assert_eq!(fields, options, "{}", program.name());
    }
}

#[test]
fn every_way_reaches_the_field_and_names_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    for program in DAEMONS {
        for row in rows(program) {
            let value = other(row);
            let line = format!("{} = {value}", row.name);
            let option = format!("--{}", row.name.replace('_', "-"));
            let variable = format!("{}{}", program.env_prefix(), row.name.to_uppercase());
            let plain: String = least(program)
                .lines()
                .filter(|line| !line.starts_with(row.name))
                .fold(String::new(), |text, line| text + line + "\n");
            let base = |text: &str| ["--config_file".to_owned(), write(folder.path(), text)];
            let run = |text: &str, more: &[&str], env: &[(&str, &str)]| {
                let base = base(text);
                let args = [
                    &[&*base[0], &*base[1]],
                    operands(program),
                    beside(row),
                    more,
                ]
                .concat();
                load(program, &args, env)
            };
            let before = run(&least(program), &[], &[]);
            let file = run(&format!("{plain}{}\n", line), &[], &[]);
            let section = match program.section() == program.own_section() {
                // It is the only one, and stands there.
                true => String::new(),
                false => format!("[{}]\n", program.own_section()),
            };
            let own = run(&format!("{plain}{section}{line}\n"), &[], &[]);
            let environment = run(&plain, &[], &[(&variable, &value)]);
            let argument = run(&plain, &[&option, &value], &[]);
            for (shown, origin) in [
                (&file, "x.cfg:".to_owned()),
                (&own, "x.cfg:".to_owned()),
                (&environment, format!("(environment {variable})")),
                (&argument, "(argument)".to_owned()),
            ] {
                let start = format!("{line} (");
                let found = shown.lines.iter().find(|line| line.starts_with(&start));
                assert!(
                    found.is_some_and(|line| line.contains(&origin)),
                    "{line}: {shown:?}"
                );
                let changed = fields(&before).get(row.name) != fields(shown).get(row.name);
                assert_eq!(changed, row.effective, "{line}: {shown:?}");
                let warned = shown
                    .warnings
                    .iter()
                    .any(|warning| warning.contains("without effect"));
                assert!(
                    row.effective || warned,
                    "{line}: what has no effect is warned of"
                );
            }
        }
    }
}

#[test]
fn help_lists_every_option() {
    for program in [
        Program::Collectd,
        Program::Fetcher,
        Program::Reportd,
        Program::Ctl,
        Program::Statusd,
        Program::Shipper,
    ] {
        let shown = load(program, &["--help"], &[]);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
        // Of the reporter's options tlsrptctl lists those that a command needs.
        let used = |row: &&Row| {
            program != Program::Ctl || row.name == "dbname" || row.name.ends_with("_map")
        };
        for row in rows(program).iter().filter(used) {
            let head = format!("\n  --{} {}\n", row.name, row.kind.metavar());
            assert!(shown.stdout.contains(&head), "{head}");
        }
        let long = shown
            .stdout
            .lines()
            .find(|line| line.chars().count() > 79 && line.trim().contains(' '));
        assert_eq!(long, None, "{}: lines fit a terminal", program.name());
    }
}
