//! `--check_config` refuses what a start would refuse, with the rights of the user that will run the service.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::skip::or_skip;

/// A change of a good site, what is said of it, and why it is wrong.
type Row = (fn(Program, &Path) -> Program, &'static str, &'static str);

/// What is wrong, one line each.
fn faults(program: &Program) -> (Option<i32>, String) {
    let ended = program.clone().arg("--check_config").run();
    (ended.code(), ended.stderr)
}

fn check(good: &Program, folder: &Path, rows: &[Row]) {
    let (code, said) = faults(good);
    assert_eq!(code, Some(0), "the site itself: {said}");
    for (change, want, why) in rows {
        let (code, said) = faults(&change(good.clone(), folder));
        assert_eq!(code, Some(2), "{why}: {said}");
        let want = want.replace("FOLDER", &folder.display().to_string());
        assert!(said.contains(&want), "{why}: {said}");
    }
}

#[test]
fn what_is_not_there() {
    let lab = Lab::new();
    let folder = lab.folder();
    fs::create_dir(folder.join("a-directory")).unwrap();
    fs::write(folder.join("data"), "").unwrap();
    fs::write(
        folder.join("text.sqlite"),
        "no database at all, but long enough".repeat(9),
    )
    .unwrap();
    let other = rusqlite::Connection::open(folder.join("other.sqlite")).unwrap();
    other.execute_batch("CREATE TABLE mails(id)").unwrap();
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|p, f| p.set("dbname", f.join("none/x.sqlite").display()), "dbname: the directory FOLDER/none does not exist", "no such directory"),
        (|p, f| p.set("dbname", f.join("text.sqlite").display()), "text.sqlite", "another file"),
        (|p, f| p.set("fetchers", f.join("none").display()), "fetchers: there is no program FOLDER/none", "no such fetcher"),
        (|p, f| p.set("fetchers", f.join("data").display()), "fetchers: FOLDER/data cannot be run", "no program"),
        (|p, _| p.set("fetchers", "no-such-fetcher --x"), "fetchers: there is no program no-such-fetcher in PATH", "nor in PATH"),
        (|p, f| p.set("logfilename", f.join("none/log").display()), "logfilename: the directory FOLDER/none does not exist", "no place for the log"),
        (|p, f| p.set("pidfilename", f.join("none/pid").display()), "pidfilename: the directory FOLDER/none does not exist", "nor for the pid"),
    ];
    check(&lab.reportd(), folder, rows);
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|p, f| p.set("storage", format!("sqlite://{}", f.join("other.sqlite").display())), "it is a database of another program", "somebody else's database"),
        (|p, f| p.set("storage", format!("sqlite://{}", f.join("text.sqlite").display())), "text.sqlite", "no database"),
        (|p, f| p.set("storage", format!("sqlite://{}", f.join("none/x.sqlite").display())), "storage: the directory FOLDER/none does not exist", "no such directory"),
        (|p, f| p.set("socketname", f.join("none/socket").display()), "socketname: the directory FOLDER/none does not exist", "no such directory"),
        (|p, f| p.set("socketname", f.join("data").display()), "socketname: FOLDER/data exists and is not a socket", "something else is there"),
        (|p, _| p.set("socketuser", "no-such-user"), "socketuser: no user named \"no-such-user\"", "no such user"),
        (|p, _| p.set("socketgroup", "no-such-group"), "socketgroup: no group named \"no-such-group\"", "no such group"),
        (|p, f| p.set("daily_rollover_script", f.join("none").display()), "daily_rollover_script: there is no program FOLDER/none", "no such script"),
        (|p, f| p.set("stats_file", f.join("none/stats").display()), "stats_file: the directory FOLDER/none does not exist", "no place for it"),
        (|p, f| p.set("dump_path_for_invalid_datagram", f.join("none/dump").display()), "dump_path_for_invalid_datagram: the directory FOLDER/none does not exist", "no place for it"),
    ];
    check(&lab.collectd(), folder, rows);
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|p, f| p.set("storage", format!("sqlite://{}", f.join("none/x.sqlite").display())), "storage: the directory FOLDER/none does not exist", "no such directory"),
    ];
    check(&lab.fetcher(), folder, rows);
}

/// sys4's spelling of an absolute path, as SQLAlchemy has it: its second slash is no host's name.
#[test]
fn a_storage_whose_path_begins_with_two_slashes() {
    let lab = Lab::new();
    let spelled = |name: &str| format!("sqlite:///{}", lab.file(name).display());
    let collectd = lab.collectd().set("storage", spelled("collectd.sqlite"));
    let running = lab.start_ready(&collectd);
    lab.mta().send(&mta::success(
        "a.test",
        "v=TLSRPTv1; rua=mailto:a@reports.test",
    ));
    lab.wait_for_sessions(&lab.collectd_db(), 1);
    assert_eq!(faults(&collectd).0, Some(0), "while it works");
    running.stop().success();
    assert_eq!(faults(&collectd).0, Some(0), "and later");
    let other = rusqlite::Connection::open(lab.file("other.sqlite")).unwrap();
    other.execute_batch("CREATE TABLE mails(id)").unwrap();
    let (code, said) = faults(&collectd.set("storage", spelled("other.sqlite")));
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("it is a database of another program"),
        "{said}"
    );
}

/// The same of both daemons; while one is at work its own socket is no fault.
#[test]
fn an_observation_socket_that_cannot_be_made() {
    let lab = Lab::new();
    let folder = lab.folder();
    fs::write(folder.join("data"), "").unwrap();
    fs::create_dir(folder.join("a-directory")).unwrap();
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|p, f| p.set("observation_socket", f.join("none/observe").display()), "observation_socket: the directory FOLDER/none does not exist", "no such directory"),
        (|p, f| p.set("observation_socket", f.join("data").display()), "observation_socket: FOLDER/data exists and is not a socket (allowed: another name, or to remove it)", "another file"),
        (|p, f| p.set("observation_socket", f.join("a-directory").display()), "observation_socket: FOLDER/a-directory is a directory", "a folder"),
        (|p, f| p.set("observation_socket", f.join("x".repeat(120)).display()), "is longer than a Unix socket's name can be: ", "too long"),
    ];
    let observed =
        |program: Program, name: &str| program.set("observation_socket", lab.file(name).display());
    let (collectd, reportd) = (
        observed(lab.collectd(), "collectd.observe"),
        observed(lab.reportd(), "reportd.observe"),
    );
    check(&collectd, folder, rows);
    check(&reportd, folder, rows);
    let both: &[Row] = &[(
        |p, _| {
            let socket = p.setting("socketname").unwrap().to_owned();
            p.set("observation_socket", socket)
        },
        "is that of socketname, too",
        "the MTA's socket",
    )];
    check(&collectd, folder, both);
    let mut running = [lab.start_ready(&collectd), reportd.start()];
    for daemon in &mut running {
        daemon.wait_for_log("the observation socket is ready");
    }
    for program in [&collectd, &reportd] {
        let (code, said) = faults(program);
        assert_eq!(code, Some(0), "{said}");
    }
}

/// The owner of the database's directory will run the service: nobody, here.
#[test]
fn what_the_services_user_may_not() {
    let lab = Lab::new();
    let folder = lab.folder();
    let is_root = nix::unistd::Uid::effective().is_root();
    let Some(()) = or_skip(
        is_root.then_some(()),
        "only root can check another user's rights",
    ) else {
        return;
    };
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let own = folder.join("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(65534), None).unwrap();
    for (name, mode) in [
        ("key", 0o600),
        ("open", 0o644),
        ("map", 0o600),
        ("password", 0o640),
    ] {
        let path = folder.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let option = lab.keys[0].option();
    let key = fs::read(option.split_once(':').unwrap().1).unwrap();
    fs::write(folder.join("key"), &key).unwrap();
    fs::write(folder.join("open"), &key).unwrap();
    let keyed = |name: &str| format!("tlsrpt:{}", folder.join(name).display());
    let good = lab
        .reportd()
        .set("dbname", own.join("reportd.sqlite").display())
        .set("dkim_keys", keyed("open"))
        .set("fetchers", "/bin/sh");
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (|p, f| p.set("dkim_keys", format!("tlsrpt:{}", f.join("key").display())), "dkim_keys: FOLDER/key cannot be read: the service's user nobody has no right to (root:root, mode 0600; allowed: chgrp", "root's key"),
        (|p, f| p.set("mail_destination_map", f.join("map").display()), "mail_destination_map: FOLDER/map cannot be read", "root's map"),
        (|p, f| p.set("mail_password_file", f.join("password").display()).set("mail_user", "u"), "mail_password_file: FOLDER/password cannot be read", "root's password"),
        (|p, f| p.set("logfilename", f.join("open").display()), "logfilename: FOLDER/open cannot be written", "root's log"),
        (|p, f| p.set("logfilename", f.join("log").display()), "logfilename: FOLDER cannot be written", "in root's directory"),
    ];
    check(&good, folder, rows);
}

/// Both parse: sys4's programs would read them so, too.
#[test]
fn what_is_probably_not_meant() {
    let lab = Lab::new();
    let text = format!(
        "[tlsrpt_reportd]\ndbname = {}\nfetchers = /bin/sh\norganization_name = X # my org\ncontact_info = a@b.example\n[tlsrptd-reportd]\nloop_guard = yes\n",
        lab.reportd_db().display()
    );
    let program = Program::ours("tlsrpt-reportd", lab.folder()).config_text(&text);
    let ended = program.clone().arg("--check_config").run().success();
    let path = program.config_path();
    for want in [
        ":6: the section [tlsrptd-reportd] is not read; did you mean [tlsrptd_reportd]?",
        ":4: organization_name: `# my org` is part of the value;",
    ] {
        let line = format!("warning: {}{want}", path.display());
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    }
    assert!(
        ended
            .stdout
            .contains("organization_name = X # my org (file ")
    );
}

/// Who may not read is told who may, and never that there is nothing.
#[test]
fn who_may_not_is_told_who_may() {
    let lab = Lab::new();
    let folder = lab.folder();
    let is_root = nix::unistd::Uid::effective().is_root();
    let Some(()) = or_skip(is_root.then_some(()), "only root gives files away") else {
        return;
    };
    let mut running = lab.reportd().start();
    running.wait_for_log("is at work");
    running.stop().success();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let closed = folder.join("closed");
    fs::create_dir(&closed).unwrap();
    for name in ["database", "map", "config"] {
        fs::write(closed.join(name), "").unwrap();
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(lab.reportd_db(), fs::Permissions::from_mode(0o640)).unwrap();
    // The programs lie where others may not go.
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    let as_nobody = |program: Program| {
        let moved = |path: &Path| {
            let copy = programs.join(path.file_name().unwrap());
            // By a program of its own: a child that another test starts meanwhile would hold the file open for writing.
            let copied = Command::new("cp").arg(path).arg(&copy).status().unwrap();
            assert!(copied.success());
            copy
        };
        program.moved(moved).under(&[
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ])
    };
    let closed_is = format!(
        "{} belongs to root:root, mode 0700 (allowed: run it as root)",
        closed.display()
    );
    let file_is = format!(
        "{} belongs to root:root, mode 0640 (allowed: run it as root, or as a member of the group root)",
        lab.reportd_db().display()
    );
    // The group may read it, and no more.
    let file_is_not_theirs = file_is.replace(", or as a member of the group root", "");
    let in_closed = |name: &str| closed.join(name).display().to_string();
    let record = "v=TLSRPTv1; rua=mailto:a@b.test";
    for (program, want, why) in [
        (lab.ctl().arg("status"), &file_is, "the file"),
        (
            lab.ctl().arg("status").set("dbname", in_closed("database")),
            &closed_is,
            "its directory",
        ),
        (
            lab.ctl()
                .arg("suppress")
                .arg("list")
                .set("dbname", in_closed("none")),
            &closed_is,
            "whether it exists or not",
        ),
        (
            lab.ctl().arg("suppress").arg("add").arg("a@b.test"),
            &file_is_not_theirs,
            "to write it",
        ),
        (
            lab.ctl()
                .arg("maptest")
                .arg("a.test")
                .arg(record)
                .set("mail_destination_map", in_closed("map")),
            &closed_is,
            "a map",
        ),
        (
            lab.ctl()
                .no_config()
                .arg("status")
                .arg("--config_file")
                .arg(in_closed("config")),
            &closed_is,
            "the configuration",
        ),
        (
            lab.fetcher()
                .set("storage", format!("sqlite://{}", in_closed("c.sqlite")))
                .arg("2026-11-20"),
            &closed_is,
            "a collector's days",
        ),
    ] {
        let ended = as_nobody(program).run();
        assert_ne!(ended.code(), Some(0), "{why}");
        assert!(
            ended.stderr.contains(want.as_str()),
            "{why}: {}\n{want}",
            ended.stderr
        );
    }
}
