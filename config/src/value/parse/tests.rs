use std::net::SocketAddr;

use super::*;
use crate::value::{DkimKey, FetcherCommand, Storage};

fn parse<T: Setting + std::fmt::Debug>(text: &str, kind: Kind) -> String {
    match T::parse(text, kind) {
        Ok(value) => format!("{value:?}"),
        Err(wrong) => format!("error: {wrong}"),
    }
}

#[test]
fn numbers_and_words() {
    let seconds = |text: &str| parse::<Duration>(text, Kind::Seconds(1));
    let level = |text: &str| parse::<LogLevel>(text, Kind::Level);
    let mode = |text: &str| parse::<u32>(text, Kind::Mode);
    let switch = |text: &str| parse::<bool>(text, Kind::Switch);
    let days = |text: &str| parse::<ReportDays>(text, Kind::Days);
    let zlib = |text: &str| parse::<i32>(text, Kind::Count(-1, 9));
    for (got, want, why) in [
        (seconds("5"), "5s", "plain"),
        (seconds(" +5 "), "5s", "as Python's int reads it"),
        (seconds("0"), "error: 0 is too small", "the table's least"),
        (seconds("-1"), "error: -1 is too small", "negative"),
        (
            seconds("1.5"),
            "error: `1.5` is not a whole number",
            "no fractions",
        ),
        (
            seconds(""),
            "error: `` is not a whole number",
            "empty is no number, as in sys4",
        ),
        (
            seconds("9999999999"),
            "error: 9999999999 is more than a hundred years",
            "sums must stay in the calendar",
        ),
        (zlib("-1"), "-1", "zlib's default"),
        (zlib("10"), "error: 10 is too big", "zlib has no such level"),
        (level("WARNING"), "Warn", "Python's name, in capitals"),
        (level("critical"), "Error", "nothing is above error"),
        (
            level("15"),
            "Info",
            "between two of Python's numbers: what is at least 15",
        ),
        (level("50"), "Error", "Python's critical"),
        (
            level("loud"),
            "error: `loud` is not a log level",
            "not a level",
        ),
        (mode("0220"), "144", "octal"),
        (mode("0o220"), "144", "as Python writes it"),
        (
            mode("0888"),
            "error: `0888` is not an octal mode",
            "not octal",
        ),
        (
            mode("1777"),
            "error: `1777` is not an octal mode",
            "permissions only",
        ),
        (days("Failures"), "Failures", "words have no case"),
        (days("bad"), "error: `bad` is neither", "no third"),
        (switch("1"), "true", "debug_db is a number in sys4"),
        (switch("No"), "false", "words have no case"),
        (
            switch("maybe"),
            "error: `maybe` is neither yes nor no",
            "neither",
        ),
    ] {
        assert_eq!(got, want, "{why}");
    }
}

#[test]
fn addresses() {
    for (kind, text, wrong, why) in [
        (Kind::Address, "tlsrpt@example.com", "", "an addr-spec"),
        (
            Kind::Address,
            "TLS <tlsrpt@example.com>",
            "white space or a display name",
            "it breaks the submitter",
        ),
        (
            Kind::Address,
            "mailto:tlsrpt@example.com",
            "begins with mailto:",
            "an URI",
        ),
        (Kind::Address, "tlsrpt", "has no @", "no address"),
        (Kind::Address, "a@b@c", "more than one @", "no address"),
        (
            Kind::Address,
            "a@b.example,c@d.example",
            "more than one address",
            "several",
        ),
        (
            Kind::Address,
            "@example.com",
            "nothing on one side",
            "half of one",
        ),
        (
            Kind::Mailbox,
            "TLS Reports <tlsrpt@example.com>",
            "",
            "a display name is for sender_address",
        ),
        (
            Kind::Mailbox,
            "tlsrpt@example.com",
            "",
            "an addr-spec is a mailbox",
        ),
        (
            Kind::Mailbox,
            "TLS Reports <tlsrpt>",
            "has no @",
            "no address inside",
        ),
        (
            Kind::Text,
            "two\nlines",
            "control character",
            "it would end up in a header",
        ),
        (
            Kind::Shell,
            "two\nlines",
            "",
            "a shell command may span lines",
        ),
        (Kind::Domain, "example.com", "", "a domain"),
        (Kind::Domain, "exa mple", "not a domain name", "white space"),
        (Kind::Proxy, "http://u:p@proxy:3128", "", "as curl takes it"),
        (
            Kind::Proxy,
            "proxy:3128",
            "not the URL of a proxy",
            "no scheme",
        ),
    ] {
        match String::parse(text, kind) {
            Ok(_) => assert_eq!(wrong, "", "{why}"),
            Err(got) => assert!(!wrong.is_empty() && got.contains(wrong), "{why}: {got}"),
        }
    }
}

#[test]
fn lists() {
    let storages = |text: &str| parse::<Vec<Storage>>(text, Kind::Storages);
    let sockets = |text: &str| parse::<Vec<PathBuf>>(text, Kind::Sockets);
    let fetchers = |text: &str| parse::<Vec<FetcherCommand>>(text, Kind::Fetchers);
    let servers = |text: &str| parse::<Vec<SocketAddr>>(text, Kind::DnsServers);
    let keys = |text: &str| parse::<Vec<DkimKey>>(text, Kind::DkimKeys);
    let path = |length: usize| format!("/{}", "s".repeat(length - 1));
    for (got, want, why) in [
        (
            storages("sqlite:///a"),
            r#"[Sqlite { path: "/a", url: "sqlite:///a" }]"#,
            "the real one",
        ),
        (
            storages("sqlite:/a"),
            r#"[Sqlite { path: "/a", url: "sqlite:/a" }]"#,
            "sys4 takes it too",
        ),
        (
            storages("dummy:"),
            r#"[Dummy { log: false, url: "dummy:" }]"#,
            "drops",
        ),
        (
            storages("dummy:?log, sqlite://h/a?b"),
            r#"[Dummy { log: true, url: "dummy:?log" }, Sqlite { path: "/a", url: "sqlite://h/a?b" }]"#,
            "several",
        ),
        (
            storages("sqlite:a"),
            "error: `sqlite:a` names no file by an absolute path",
            "relative",
        ),
        (
            storages("sqlite:///"),
            "error: `sqlite:///` names no file by an absolute path",
            "a directory",
        ),
        (
            storages("mysql://x"),
            "error: `mysql://x` has an unknown scheme",
            "unknown",
        ),
        (storages("/a"), "error: `/a` is not a URL", "a bare path"),
        (
            storages("dummy:,"),
            "error: an entry is empty",
            "empty entry",
        ),
        (
            storages("dummy:,dummy:"),
            "error: `dummy:` stands twice",
            "it would count twice",
        ),
        (
            storages("sqlite:///a/b,dummy:, sqlite:/a//b"),
            "error: `/a//b` stands twice: its sessions would be counted twice",
            "one file by two names",
        ),
        (
            sockets("/a, /b"),
            r#"["/a", "/b"]"#,
            "several instances of Postfix",
        ),
        (
            sockets(&path(107)).replace('s', ""),
            r#"["/"]"#,
            "the longest name",
        ),
        (
            sockets(&path(108)).replace("s".repeat(107).as_str(), ""),
            "error: `/` is longer than a Unix socket's name can be: 108 bytes",
            "one byte more",
        ),
        (
            fetchers("f -x, g"),
            r#"[FetcherCommand { text: "f -x", words: ["f", "-x"] }, FetcherCommand { text: " g", words: ["g"] }]"#,
            "the database has the text with its white space, as sys4 writes it",
        ),
        (fetchers("f,,g"), "error: an entry is empty", "empty entry"),
        (
            fetchers("f, f"),
            "error: `f` stands twice: its sessions would be counted twice",
            "the same collector",
        ),
        (
            servers("127.0.0.1, [::1]:54, ::1"),
            "[127.0.0.1:53, [::1]:54, [::1]:53]",
            "with port and without",
        ),
        (
            servers("localhost"),
            "error: `localhost` is not an IP address",
            "a name needs a name server",
        ),
        (
            servers("127.0.0.1:0"),
            "error: `127.0.0.1:0` is not an IP address",
            "no port of anybody's",
        ),
        (
            keys("a:/k"),
            r#"[DkimKey { selector: "a", path: "/k" }]"#,
            "one key",
        ),
        (
            keys("a:/k, b:/k"),
            r#"[DkimKey { selector: "a", path: "/k" }, DkimKey { selector: "b", path: "/k" }]"#,
            "one key under two selectors",
        ),
        (
            keys("a:/k, A:/other"),
            "error: the selector `A` stands twice",
            "one name in DNS holds one key",
        ),
        (keys("/k"), "error: `/k` has no `:`", "no selector"),
        (
            keys("a b:/k"),
            "error: `a b` is not a selector",
            "white space",
        ),
    ] {
        assert_eq!(got, want, "{why}");
    }
}

#[test]
fn transports() {
    for (text, want, why) in [
        ("sendmail", "Sendmail", "the program"),
        (
            "smtp://127.0.0.1:25",
            r#"Smtp { host: "127.0.0.1", port: 25 }"#,
            "a relay",
        ),
        (
            "smtp://mail.example.com",
            r#"Smtp { host: "mail.example.com", port: 25 }"#,
            "its usual port",
        ),
        (
            "smtps://[::1]:4465",
            r#"Smtps { host: "::1", port: 4465 }"#,
            "an IPv6 address",
        ),
        (
            "smtps://mail/",
            r#"Smtps { host: "mail", port: 465 }"#,
            "its usual port",
        ),
        (
            "smtp://",
            "error: `smtp://` is not a mail transport",
            "no host",
        ),
        (
            "smtp://h:0",
            "error: `smtp://h:0` is not a mail transport",
            "no port",
        ),
        (
            "smtp://user@h",
            "error: `smtp://user@h` is not a mail transport",
            "mail_user is for that",
        ),
        ("h:25", "error: `h:25` is not a mail transport", "no scheme"),
    ] {
        assert_eq!(parse::<MailTransport>(text, Kind::Transport), want, "{why}");
    }
}
