//! What each command of `tlsrptctl` needs to be set, and what its words come to.

use crate::common::{load, with, write};
use tlsrptd_config::option::Program::Ctl;

#[test]
fn ctl_looks_at_what_its_command_needs() {
    let broken = "spread_out_delivery = 0\n";
    for (args, file, code, why) in [
        (
            &["status"][..],
            "[tlsrpt_reportd]\ndbname = /d\n",
            0,
            "fetchers are not needed",
        ),
        (
            &["status"],
            "[tlsrpt_reportd]\ndbname = /d\nfetchers = ,\n",
            2,
            "but asked, so that they have to be right",
        ),
        (
            &["history"],
            "[tlsrpt_reportd]\ndbname = /d\nfetchers = ,\n",
            0,
            "the database alone",
        ),
        (
            &["doctor"],
            "[tlsrpt_reportd]\nfetchers = ,\nunknown = 1\n",
            0,
            "what is wrong is what it is asked",
        ),
        (
            &["doctor", "--log_level", "loud"],
            "[tlsrpt_reportd]\n",
            2,
            "but not what is wrong with the question",
        ),
        (
            &["show", "a.example"],
            "[tlsrpt_reportd]\ndbname = /d\n",
            2,
            "a preview takes all of it",
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

/// What the words after `tlsrptctl` come to: the command in Debug's form, or the complaint.
#[test]
fn ctl_reads_its_questions() {
    for (args, want, why) in [
        (&["status"][..], "Status(Screen)", "the screen"),
        (&["status", "--check"], "Status(Check)", "a switch"),
        (
            &["--check", "status"],
            "Status(Check)",
            "before its command",
        ),
        (&["metrics"], "Metrics{output:None}", "to standard output"),
        (
            &["metrics", "--output=/n/x.prom"],
            "Metrics{output:Some(\"/n/x.prom\")}",
            "to a file",
        ),
        (&["history"], "History{days:30}", "a month"),
        (&["history", "--days=7"], "History{days:7}", "a week"),
        (
            &["history", "--days", "0"],
            "--days: 0 is out of range (allowed: 1 to 36500)",
            "none",
        ),
        (
            &["history", "--days", "x"],
            "--days: `x` is not a whole number (allowed: 1 to 36500)",
            "no number",
        ),
        (
            &["failures", "--new", "--explain"],
            "Failures(Failures{days:1,domain:None,scope:New,meanings:Told,limit:50})",
            "switches",
        ),
        (
            &["deliveries"],
            "Deliveries(Deliveries{day:LastClosed,domain:None,status:None,limit:50})",
            "the last closed day",
        ),
        (
            &["deliveries", "today", "--status", "Sent", "--limit", "3"],
            "DeliveriesToday(Deliveries{day:Today,domain:None,status:Some(\"sent\",),limit:3})",
            "a word for a day",
        ),
        (
            &["deliveries", "--status", "gone"],
            "--status: `gone` is none of them (allowed: waiting, sent, refused, timedout, expired, suppressed, unknownrua, none)",
            "no status",
        ),
        (
            &["deliveries", "tomorrow"],
            "DAY: `tomorrow` is not a date (allowed: YYYY-MM-DD, today, yesterday)",
            "no day",
        ),
        (
            &["deliveries", "2026-02-30"],
            "DAY: `2026-02-30` is not a date (allowed: YYYY-MM-DD, today, yesterday)",
            "not in the calendar",
        ),
        (
            &["dkim-record"],
            "DkimRecord(Configured)",
            "those that are there",
        ),
        (
            &["dkim-record", "--new", "s1"],
            "DkimRecord(New{selector:\"s1\",key_type:Rsa,out:None})",
            "of another command it is a switch",
        ),
        (
            &["dkim-record", "--new", "../s1"],
            "--new: `../s1` is not a selector (allowed: letters, digits and hyphens, as mail-tlsrpt)",
            "no path",
        ),
        (
            &["doctor", "--user", "u", "--collectd-config", "/c"],
            "Doctor(Doctor{user:Some(\"u\",),collectd_config:Some(\"/c\",)})",
            "whose eyes, and where the collector is",
        ),
        (
            &["dkim-record", "--type", "rsa"],
            "--type: set without --new",
            "nothing is made",
        ),
        (
            &["send-test", "mailto:a@b.example", "--no-wait"],
            "SendTest(SendTest{destination:\"mailto:a@b.example\",wait:No})",
            "- and _ are alike",
        ),
        (
            &["send-test", "mailto:a@b.example", "--wait", "5"],
            "SendTest(SendTest{destination:\"mailto:a@b.example\",wait:ForAnswer(5)})",
            "for a while",
        ),
        (
            &["send-test", "mailto:a@b.example"],
            "SendTest(SendTest{destination:\"mailto:a@b.example\",wait:ForAnswer(60)})",
            "for a minute",
        ),
        (
            &["resend", "a.example"],
            "resend: wrong number of arguments (allowed: resend DOMAIN DAY [--to URI] [--wait SECONDS | --no_wait])",
            "which day?",
        ),
        (
            &["status", "--mail"],
            "--mail: belongs to show",
            "another command's",
        ),
        (
            &["show", "a.example", "--domain", "b"],
            "--domain: belongs to failures, deliveries, suppress remove",
            "of several",
        ),
        (
            &["stats"],
            "stats: unknown command; did you mean status? (allowed: status, metrics, history, ",
            "a slip",
        ),
        (
            &["suppress"],
            "suppress: needs add, remove or list",
            "what?",
        ),
        (
            &["requests"],
            "requests: needs list or withdraw",
            "what of them?",
        ),
        (
            &["requests", "withdraw"],
            "withdraw: wrong number of arguments (allowed: requests withdraw NUMBER...)",
            "which?",
        ),
        (
            &["requests", "withdraw", "3", "all"],
            "NUMBER: `all` is not the number of a request (allowed: those of tlsrptctl requests list)",
            "one by one",
        ),
        (
            &["requests", "withdraw", "3", "12"],
            "Requests(Withdraw([3,12,]))",
            "two",
        ),
        (
            &["suppress", "clear"],
            "clear: unknown command (allowed: add, remove, list)",
            "no such word",
        ),
    ] {
        let shown = with(Ctl, "", args, &[]);
        let got = if shown.code == 0 {
            let compact: String = shown.values.split_whitespace().collect();
            let compact = compact.replace(",}", "}").replace(",)", ")");
            let (_, command) = compact.split_once("command:").unwrap();
            command.split_once(",form:").unwrap().0.to_owned()
        } else {
            shown.stderr
        };
        let want = want.replace(",)", ")");
        assert!(got.starts_with(&want), "{why}: {want}\n{got}");
        assert!(
            !want.ends_with(')') || got.trim_end() == want,
            "{why}: {got}"
        );
    }
}

/// A diagnosis gets what is wrong; each with the option that holds nothing for it.
#[test]
fn a_diagnosis_begins_with_what_is_wrong() {
    let shown = with(
        Ctl,
        "keep_days = x\nlog_level = loud\n[tlsrptd_reportd]\nmail_user = a\nhelo_nam = b\n",
        &["doctor", "--json"],
        &[("TLSRPT_REPORTD_DEBUG_DB", "maybe")],
    );
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for part in [
        "form: Json",
        "\"keep_days\"",
        "\"log_level\"",
        "\"mail_user\"",
        "helo_nam",
        "\"debug_db\"",
    ] {
        assert!(shown.values.contains(part), "{part}: {}", shown.values);
    }
    let missing = load(Ctl, &["doctor", "--config_file", "/nowhere/x.cfg"], &[]);
    assert_eq!(missing.code, 0, "{}", missing.stderr);
    assert!(
        missing.values.contains("/nowhere/x.cfg"),
        "{}",
        missing.values
    );
    let status = load(Ctl, &["status", "--config_file", "/nowhere/x.cfg"], &[]);
    assert_eq!(status.code, 2, "every other command needs it");
}
