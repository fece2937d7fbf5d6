//! Every mistake ends the program with exit code 2 and a line that names the place, the problem and the remedy; all
//! mistakes of a start are told at once.

use std::fs;
use std::path::Path;

use tlsrptd_tests::harness::program::{Ended, Program};

use super::{PROGRAMS, least, with_operands};

/// A line of the file that is wrong: its program, the line, what the message says of it, and why it is wrong.
type Row = (&'static str, &'static str, &'static str, &'static str);

const C: &str = "tlsrpt-collectd";
const F: &str = "tlsrpt-fetcher";
const R: &str = "tlsrpt-reportd";

#[test]
fn a_wrong_line_is_named_with_its_remedy() {
    #[rustfmt::skip]
    let table: &[Row] = &[
        (C, "socket_name = /x", "socket_name: unknown key; did you mean socketname?", "the nearest key"),
        (C, "zzz = 1", "zzz: unknown key; --help lists the options", "like no key"),
        (C, "pidfilename", "a key without a value (allowed: KEY = VALUE", "configparser refuses it too"),
        (C, "= x", "a value without a key (allowed: KEY = VALUE", "nor a value alone"),
        (C, "sockettimeout = 5 seconds", "sockettimeout: `5 seconds` is not a whole number (allowed: whole seconds, 1 or more)", "no units"),
        (C, "sockettimeout = 0", "sockettimeout: 0 is too small (allowed: ", "it would never sleep"),
        (C, "max_uncommited_datagrams = many", "max_uncommited_datagrams: `many` is not a whole number (allowed: ", "a word"),
        (C, "keep_days = 0", "keep_days: 0 is too small (allowed: ", "a reporter could not read yesterday"),
        (C, "log_level = loud", "log_level: `loud` is not a log level (allowed: debug, info, warn", "no such level"),
        (C, "log_level = 60", "log_level: `60` is not a log level (allowed: ", "nor one of Python's numbers"),
        (C, "socketmode = 0999", "socketmode: `0999` is not an octal mode (allowed: octal", "9 is no octal digit"),
        (C, "socketmode = 7777", "socketmode: `7777` is not an octal mode (allowed: octal", "more than permissions"),
        (C, "logfilename = %", "logfilename: a lone % (allowed: %% for the sign itself", "the dialect interpolates"),
        (C, "logfilename = %(folder)s/log", "logfilename: %(folder)s refers to a key that is not in the section (allowed: ", "an unknown reference"),
        (C, "logfilename = %(logfilename)s", "logfilename: references lead more than 10 deep", "a circle"),
        (F, "log_level = loud", "log_level: `loud` is not a log level (allowed: ", "the fetcher too"),
        (F, "socketname = /x", "socketname: unknown key; --help lists the options", "the collector's key is not the fetcher's"),
        (R, "spread_out_delivery = 0", "spread_out_delivery: 0 is too small (allowed: whole seconds, 1 or more)", "1 means now"),
        (R, "min_wait_delivery = -1", "min_wait_delivery: -1 is too small (allowed: ", "before the failure"),
        (R, "min_wait_domainlist = -1", "min_wait_domainlist: -1 is too small (allowed: ", "of each kind"),
        (R, "min_wait_domaindetails = -1", "min_wait_domaindetails: -1 is too small (allowed: ", "of each kind"),
        (R, "max_wait_delivery = 299", "max_wait_delivery: max_wait_delivery (299) is less than min_wait_delivery (300) (allowed: ", "less than the other's default"),
        (R, "min_wait_domainlist = 301", "min_wait_domainlist: max_wait_domainlist (300) is less than min_wait_domainlist (301) (allowed: ", "told at the one that is set"),
        (R, "max_wait_domaindetails = 29", "max_wait_domaindetails: max_wait_domaindetails (29) is less than ", "of each kind"),
        (R, "max_retries_delivery = -1", "max_retries_delivery: -1 is too small (allowed: ", "fewer than none"),
        (R, "compression_level = 10", "compression_level: 10 is too big (allowed: a whole number from -1 to 9)", "zlib has ten levels"),
        (R, "loop_guard = maybe", "loop_guard: `maybe` is neither yes nor no (allowed: yes, no)", "a switch"),
        (R, "mail_transport = smpt://localhost", "mail_transport: `smpt://localhost` is not a mail transport (allowed: sendmail, smtp://", "a slip"),
        (R, "mail_password_file = /x", "mail_password_file: set without mail_user (allowed: both or none)", "half of a login"),
        (R, "dkim_keys = /etc/key.pem", "dkim_keys: `/etc/key.pem` has no `:` (allowed: SELECTOR:PATH", "no selector"),
        (R, "dns_servers = localhost", "dns_servers: `localhost` is not an IP address (allowed: IP addresses", "a name server found by name"),
        (R, "bcc_address = a@b.test, c@d.test", "bcc_address: `a@b.test, c@d.test` holds", "one address"),
        (R, "https_proxy = localhost:3128", "https_proxy: not the URL of a proxy (allowed: http://", "no scheme"),
        (R, "sender_address = TLS Reports", "sender_address: `TLS Reports` ", "a display name alone"),
        (R, "storage = x", "storage: unknown key", "the collector's key is not the reporter's"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, line, said, reason) in table {
        let section = section(name);
        let text = format!("# first line\n[{section}]\n{}{line}\n", least(name));
        let number = text.lines().count();
        let (ended, path) = run(name, folder.path(), &text);
        assert_eq!(ended.code(), Some(2), "{line}: {reason}\n{}", ended.stderr);
        let wanted = format!("{path}:{number}: {said}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with(&wanted),
            "{line}: {reason}\nwanted {wanted}\ngot {lines:#?}"
        );
    }
}

#[test]
fn a_wrong_value_of_a_required_option_is_named() {
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, &str, &str)] = &[
        (C, "storage", "", "required, but empty (allowed: sqlite:///ABSOLUTE/PATH", "an empty value is none"),
        (C, "storage", "sqlite://relative.sqlite", "`sqlite://relative.sqlite` names no file by an absolute path (allowed: ", "a URL's first part is a host"),
        (C, "storage", "mysql://x/y", "`mysql://x/y` has an unknown scheme (allowed: sqlite:///", "exit code 8 in sys4"),
        (C, "storage", "/var/lib/x.sqlite", "`/var/lib/x.sqlite` is not a URL (allowed: sqlite:///", "a path"),
        (C, "storage", "dummy:,,dummy:?log", "an entry is empty (allowed: ", "a comma too many"),
        (C, "storage", "dummy:,dummy:", "`dummy:` stands twice (allowed: ", "it would count twice"),
        (C, "socketname", "", "required, but empty (allowed: ", "no socket"),
        (C, "socketname", "/a,", "an entry is empty (allowed: ", "a comma too many"),
        (F, "storage", "dummy:", "`dummy:` keeps nothing that could be fetched (allowed: sqlite:///", "nothing to read"),
        (R, "fetchers", "", "required, but empty (allowed: commands", "nothing to report"),
        (R, "fetchers", "a,,b", "an entry is empty (allowed: commands", "a comma too many"),
        (R, "fetchers", "a, a", "`a` stands twice: its sessions would be counted twice (allowed: ", "counted twice"),
        (R, "organization_name", "", "required, but empty (allowed: ", "sys4 fails at midnight"),
        (R, "contact_info", "", "required, but empty (allowed: LOCAL@DOMAIN", "sys4 fails at midnight"),
        (R, "contact_info", "Reports <a@b.test>", "`Reports <a@b.test>` holds white space or a display name (allowed: LOCAL@DOMAIN alone", "it is the submitter's domain"),
        (R, "contact_info", "mailto:a@b.test", "`mailto:a@b.test` begins with mailto: (allowed: LOCAL@DOMAIN alone", "an address, no URI"),
        (R, "contact_info", "postmaster", "`postmaster` has no @ (allowed: ", "no domain"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, option, value, said, reason) in table {
        let mut lines = vec![format!("[{}]", section(name))];
        for line in least(name).lines() {
            if line.starts_with(&format!("{option} =")) {
                lines.push(format!("{option} = {value}"));
            } else {
                lines.push(line.to_owned());
            }
        }
        let number = 1 + lines
            .iter()
            .position(|line| line.starts_with(&format!("{option} =")))
            .unwrap();
        let (ended, path) = run(name, folder.path(), &(lines.join("\n") + "\n"));
        let wanted = format!("{path}:{number}: {option}: {said}");
        assert_eq!(ended.code(), Some(2), "{option} = {value}: {reason}");
        assert!(
            ended.stderr.starts_with(&wanted),
            "{reason}\nwanted {wanted}\ngot {}",
            ended.stderr
        );
    }
}

#[test]
fn a_missing_option_says_where_it_may_stand() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        (C, &["storage", "socketname"][..]),
        (F, &["storage"]),
        (
            R,
            &["dbname", "fetchers", "organization_name", "contact_info"],
        ),
        ("tlsrptctl", &["dbname"]),
    ] {
        let (ended, _) = run(name, folder.path(), &format!("[{}]\n", section(name)));
        assert_eq!(ended.code(), Some(2), "{name}");
        assert_eq!(
            ended.stderr.lines().count(),
            options.len(),
            "{}",
            ended.stderr
        );
        for option in options {
            let variable = format!("{}_{}", section(name).to_uppercase(), option.to_uppercase());
            let wanted = format!(
                "{option}: required, but set neither in the file nor as {variable} nor as --{option}"
            );
            assert!(ended.stderr.contains(&wanted), "{wanted}\n{}", ended.stderr);
        }
    }
}

#[test]
fn the_form_of_the_file_is_checked_for_every_program() {
    let folder = tempfile::tempdir().unwrap();
    for (name, section) in PROGRAMS {
        let own = section.replacen("tlsrpt_", "tlsrptd_", 1);
        let least = least(name);
        let good = format!("[{section}]\n{least}");
        let last = good.lines().count();
        let at = |line: usize, said: &str| format!("{line}: {said}");
        #[rustfmt::skip]
        let table = [
            (format!("[other]\n{least}"), format!(" there is no section [{section}] (allowed: [{section}], and beside it [{own}])"), "another program's file"),
            (format!("log_level = info\n{good}"), at(1, "there is no section before this line (allowed: a [SECTION] line first)"), "a key before all sections"),
            (format!("{good}log_level = info\nLOG_LEVEL : debug\n"), at(last + 2, &format!("log_level: the key stands already in line {} of its section (allowed: ", last + 1)), "keys have no case"),
            (format!("{good}[{section}]\n"), at(last + 1, &format!("the section [{section}] stands already in line 1 (allowed: each section once)")), "a section twice"),
            (format!("{good}[DEFAULT]\nsome_key = 1\n"), at(last + 2, "some_key: unknown key"), "[DEFAULT] is part of every section"),
            (format!("{good}log_level = info\n[{own}]\nlog_level = debug\n"), at(last + 3, &format!("log_level: stands in line {} in [{section}] too (allowed: ", last + 1)), "one option, two values"),
            (format!("{good}[{own}]\nlog_levle = debug\n"), at(last + 2, "log_levle: unknown key; did you mean log_level?"), "our section is checked as sys4"),
        ];
        for (text, said, reason) in table {
            let (ended, path) = run(name, folder.path(), &text);
            assert_eq!(ended.code(), Some(2), "{name}: {reason}");
            let wanted = format!("{path}:{said}");
            assert!(
                ended.stderr.lines().any(|line| line.starts_with(&wanted)),
                "{name}: {reason}\nwanted {wanted}\ngot {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_every_program() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.cfg");
    let latin1 = folder.path().join("latin1.cfg");
    fs::write(
        &latin1,
        b"[tlsrpt_reportd]\norganization_name = M\xfcller\n",
    )
    .unwrap();
    for (name, _) in PROGRAMS {
        for (file, wanted, reason) in [
            (
                &missing,
                format!(
                    "{}: cannot read the configuration file: ",
                    missing.display()
                ),
                "named, but not there",
            ),
            (
                &latin1,
                format!("{}:2: not UTF-8 (allowed: UTF-8)", latin1.display()),
                "another encoding",
            ),
            (
                &folder.path().to_path_buf(),
                format!("{}: cannot read", folder.path().display()),
                "a directory",
            ),
        ] {
            let program = with_operands(name, folder.path()).no_config();
            let ended = program.arg("--config_file").arg(file.display()).run();
            assert_eq!(ended.code(), Some(2), "{name}: {reason}");
            assert!(
                ended.stderr.lines().any(|line| line.starts_with(&wanted)),
                "{name}: {reason}\n{}",
                ended.stderr
            );
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[tlsrpt_reportd]\nfetchers = a,,b\nsocket = 1\nlog_level = loud\nspread_out_delivery = 0\nlog_level = info\n\
        max_wait_delivery = 1\ndebug_send_mail_dest = a@b.test\nmail_destination_map = /m\ndebug_send_http_dest = https://x\n\
        http_upload_map = /h\ndebug_send_file_dest = /d\ntlsrpt_record_map = /r\ncontact_info = a@b.test\ncompression_level\n";
    let program = Program::ours(R, folder.path()).config_text(text);
    let path = program.config_path();
    let ended = program
        .env("TLSRPT_REPORTD_HTTP_TIMEOUT", "soon")
        .arg("--keep_day")
        .arg("3")
        .arg("--dbname=")
        .run();
    assert_eq!(ended.code(), Some(2));
    assert_eq!(ended.stdout, "");
    let at = |line: usize, said: &str| format!("{}:{line}: {said}", path.display());
    let wanted = [
        "--dbname: required, but empty".to_owned(),
        "--keep_day: unknown option; did you mean --keep_days?".to_owned(),
        "TLSRPT_REPORTD_HTTP_TIMEOUT: `soon` is not a whole number".to_owned(),
        at(2, "fetchers: an entry is empty"),
        at(3, "socket: unknown key"),
        at(5, "spread_out_delivery: 0 is too small"),
        at(6, "log_level: the key stands already in line 4"),
        at(
            7,
            "max_wait_delivery: max_wait_delivery (1) is less than min_wait_delivery (300)",
        ),
        at(
            8,
            "debug_send_mail_dest: set beside mail_destination_map (allowed: one of the two)",
        ),
        at(
            10,
            "debug_send_http_dest: set beside http_upload_map (allowed: one of the two)",
        ),
        at(
            12,
            "debug_send_file_dest: set beside tlsrpt_record_map (allowed: one of the two)",
        ),
        at(15, "a key without a value"),
        "organization_name: required".to_owned(),
    ];
    for line in &wanted {
        assert!(
            ended.stderr.lines().any(|said| said.starts_with(line)),
            "{line}\n{}",
            ended.stderr
        );
    }
    // The first of the doubled key may be complained of as well, or not.
    let others = ended
        .stderr
        .lines()
        .filter(|said| !said.contains("log_level:"));
    assert_eq!(
        others.count(),
        wanted.len() - 1,
        "nothing else is wrong:\n{}",
        ended.stderr
    );
}

#[test]
fn arguments_and_variables_are_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &str, &str)] = &[
        (C, &["--storge", "dummy:"], "--storge: unknown option; did you mean --storage?", "a slip"),
        (C, &["--log_level"], "--log_level: needs a value", "nothing follows"),
        (C, &["--log_level", "loud"], "--log_level: `loud` is not a log level (allowed: ", "a wrong value"),
        (C, &["extra"], "extra: unexpected argument (allowed: --OPTION VALUE)", "collectd takes no operands"),
        (C, &["-v"], "-v: unknown option; --help lists the options", "no short options"),
        (F, &[], "DAY: required, but not given (allowed: YYYY-MM-DD, today, status)", "which day?"),
        (F, &["yesterday"], "DAY: `yesterday` is not a date (allowed: YYYY-MM-DD, today, status)", "no words"),
        (F, &["2026-02-30"], "DAY: `2026-02-30` is not a date (allowed: YYYY-MM-DD, today, status)", "not in the calendar"),
        (F, &["2026-2-3"], "DAY: `2026-2-3` is not a date (allowed: YYYY-MM-DD, today, status)", "days are compared as text"),
        (F, &["2026-02-03", "a.test", "b.test"], "b.test: unexpected argument (allowed: DAY [DOMAIN])", "one domain"),
        (R, &["extra"], "extra: unexpected argument (allowed: --OPTION VALUE)", "nor does reportd"),
        ("tlsrptctl", &["stats"], "stats: unknown command; did you mean status? (allowed: status, metrics, history, ", "no such command"),
        ("tlsrptctl", &["maptest"], "maptest: wrong number of arguments (allowed: maptest DOMAIN [RECORD])", "the domain is missing"),
        ("tlsrptctl", &["status", "x"], "status: wrong number of arguments (allowed: ", "one word too many"),
    ];
    for (name, args, said, reason) in table {
        let text = format!("[{}]\n{}", section(name), least(name));
        let program = Program::ours(name, folder.path()).config_text(&text);
        let ended = args.iter().fold(program, Program::arg).run();
        assert_eq!(ended.code(), Some(2), "{name} {args:?}: {reason}");
        assert!(
            ended.stderr.lines().any(|line| line.starts_with(said)),
            "{reason}\nwanted {said}\ngot {}",
            ended.stderr
        );
    }
    for (name, section) in PROGRAMS {
        let variable = format!("{}_LOG_LEVEL", section.to_uppercase());
        let text = format!("[{section}]\n{}", least(name));
        let ended = with_operands(name, folder.path())
            .config_text(&text)
            .env(&variable, "loud")
            .run();
        assert_eq!(ended.code(), Some(2), "{name}");
        let wanted = format!("{variable}: `loud` is not a log level");
        assert!(ended.stderr.starts_with(&wanted), "{}", ended.stderr);
    }
}

fn section(name: &str) -> &'static str {
    PROGRAMS
        .iter()
        .find(|(program, _)| *program == name)
        .unwrap()
        .1
}

/// Runs a program on a configuration, and says what the file was called.
fn run(name: &str, folder: &Path, text: &str) -> (Ended, String) {
    let program = with_operands(name, folder).config_text(text);
    (program.run(), program.config_path().display().to_string())
}
