//! The harness itself: its servers answer as scripted. A fault here would be looked for in the programs.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tlsrptd_tests::harness::clock::FakeClock;
use tlsrptd_tests::harness::dns::{Dns, Trouble};
use tlsrptd_tests::harness::mail::ReportMail;
use tlsrptd_tests::harness::mta::{self, Mta};
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::smtp::{Act, Smtp, Stage};
use tlsrptd_tests::harness::sys4::Sys4;

#[test]
fn the_name_server_answers_as_its_zone_says() {
    let dns = Dns::start();
    dns.tlsrpt("a.test", "v=TLSRPTv1; rua=mailto:a@b.test");
    dns.txt("several.test", &["one", "two"]);
    dns.txt("long.test", &[&"x".repeat(600)]);
    dns.cname("alias.test", "several.test");
    dns.set("empty.test", Vec::new());
    dns.host("host.test", &[Ipv4Addr::new(192, 0, 2, 1).into()]);
    dns.txt("broken.test", &["x"]);
    dns.trouble("broken.test", Trouble::ServFail);
    let table = [
        (
            "_smtp._tls.A.test",
            ResponseCode::NoError,
            1,
            "the name is compared without case",
        ),
        ("several.test", ResponseCode::NoError, 2, "two records"),
        (
            "long.test",
            ResponseCode::NoError,
            0,
            "three strings, too long for UDP without EDNS",
        ),
        (
            "alias.test",
            ResponseCode::NoError,
            3,
            "the alias and what it leads to",
        ),
        (
            "empty.test",
            ResponseCode::NoError,
            0,
            "a name without data",
        ),
        (
            "host.test",
            ResponseCode::NoError,
            0,
            "no data of this type",
        ),
        ("unknown.test", ResponseCode::NXDomain, 0, "not in the zone"),
        (
            "broken.test",
            ResponseCode::ServFail,
            0,
            "a name in trouble",
        ),
    ];
    for (name, code, answers, reason) in table {
        let reply = ask(&dns, name).expect(reason);
        assert_eq!(
            (reply.metadata.response_code, reply.answers.len()),
            (code, answers),
            "{name}: {reason}"
        );
        assert_eq!(dns.asked(name), 1, "{name}");
    }
    dns.mend("broken.test");
    assert_eq!(
        ask(&dns, "broken.test").expect("an answer").answers.len(),
        1
    );
    dns.trouble("broken.test", Trouble::Truncated);
    assert!(
        ask(&dns, "broken.test")
            .expect("an answer")
            .metadata
            .truncation
    );
    dns.trouble("broken.test", Trouble::Silent);
    assert!(ask(&dns, "broken.test").is_none());
}

fn ask(dns: &Dns, name: &str) -> Option<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut query = Message::query();
    query.add_query(Query::query(
        Name::from_ascii(name).unwrap(),
        RecordType::TXT,
    ));
    socket
        .send_to(&query.to_vec().unwrap(), dns.address())
        .unwrap();
    let mut reply = [0; 65_535];
    let length = socket.recv(&mut reply).ok()?;
    Some(Message::from_vec(&reply[..length]).unwrap())
}

#[test]
fn the_relay_fails_where_its_script_says() {
    let smtp = Smtp::start();
    let good = ["220", "250", "250", "250", "354", "250", "221"];
    assert_eq!(deliver(&smtp), good);
    assert_eq!(smtp.mails()[0].bytes, b"Subject: x\r\n\r\n.dot\r\n");
    let table = [
        (Stage::Banner, "554 no", &["554"][..]),
        (Stage::Mail, "451 later", &["220", "250", "451"]),
        (
            Stage::End,
            "552 too big",
            &["220", "250", "250", "250", "354", "552"],
        ),
    ];
    for (stage, reply, codes) in table {
        smtp.script_times(stage, Act::reply(reply), 1);
        assert_eq!(&deliver(&smtp)[..codes.len()], codes, "{stage:?}");
        assert_eq!(deliver(&smtp), good, "the script held once: {stage:?}");
    }
    smtp.script_for(
        "nobody@reports.test",
        Stage::Rcpt,
        Act::reply("550 unknown"),
    );
    assert_eq!(deliver(&smtp), good, "the script is for another recipient");
    smtp.script(Stage::End, Act::AcceptAndClose);
    let before = smtp.mails().len();
    assert_eq!(deliver(&smtp), good[..5], "kept without a word");
    assert_eq!(smtp.mails().len(), before + 1);
    smtp.heal();
    assert_eq!(deliver(&smtp), good);
}

/// Delivers a mail without looking at the replies, and returns their codes.
fn deliver(smtp: &Smtp) -> Vec<String> {
    let mut stream = TcpStream::connect(smtp.address()).unwrap();
    let commands = "EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
    let _ = stream.write_all(commands.as_bytes());
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .map(|line| line[..3].to_owned())
        .collect()
}

#[test]
fn a_sender_knows_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mta = Mta::new(&path);
    let accepted = (0..10_000)
        .take_while(|_| mta.try_send(b"x").is_ok())
        .count();
    assert!(accepted < 10_000, "a queue that nobody reads gets full");
    socket.set_nonblocking(true).unwrap();
    let read = std::iter::from_fn(|| socket.recv(&mut [0; 8]).ok()).count();
    assert_eq!(read, accepted);
    mta.send(&mta::huge(
        "a.test",
        "v=TLSRPTv1; rua=mailto:a@b.test",
        200_000,
    ));
    assert!(socket.recv(&mut vec![0; 300_000]).unwrap() > 190_000);
}

#[test]
fn made_datagrams_are_what_they_say() {
    assert_eq!(mta::recorded().len(), 48);
    assert!(String::from_utf8(mta::invalid_utf8("a.test", "x")).is_err());
    let several: serde_json::Value =
        serde_json::from_slice(&mta::several_policies("a.test", "x")).unwrap();
    assert_eq!(several["policies"].as_array().unwrap().len(), 3);
}

#[test]
fn the_clock_jumps_for_running_programs() {
    let folder = tempfile::tempdir().unwrap();
    let Some(clock) = FakeClock::or_skip(folder.path(), "2026-03-01T23:59:50Z") else {
        return;
    };
    let script =
        "date -u +%F; while [ \"$(date -u +%F)\" = 2026-03-01 ]; do sleep 0.05; done; date -u +%F";
    let program = Program::at("/bin/sh".into(), folder.path())
        .no_config()
        .arg("-c")
        .arg(script)
        .clock(&clock);
    let mut running = program.start();
    tlsrptd_tests::harness::wait::until_true("the first date", || {
        running.stdout().contains("2026-03-01")
    });
    assert!(running.is_running());
    clock.jump("2026-03-02T00:00:01Z");
    assert_eq!(running.wait().success().stdout, "2026-03-01\n2026-03-02\n");
}

#[test]
fn a_mail_is_taken_apart() {
    let mail = "Subject: a\r\n\tb\r\nContent-Type: multipart/report; boundary=\"x y\"\r\n\r\n--x y\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--x y\r\nContent-Type: application/tlsrpt+gzip\r\n\r\naGk=\r\n--x y--\r\n";
    let mail = ReportMail::parse(mail.as_bytes());
    assert_eq!(mail.header("subject").as_deref(), Some("a b"));
    assert_eq!(mail.header_names(), ["Subject", "Content-Type"]);
    assert_eq!(
        (mail.text().as_str(), mail.gzip().as_slice()),
        ("hello\r\n", b"hi".as_slice())
    );
}

#[test]
fn the_schema_knows_good_from_bad() {
    let Some(sys4) = Sys4::or_skip() else {
        return;
    };
    let good = serde_json::json!({
        "organization-name": "Sender Example", "contact-info": "tlsrpt@sender.example", "report-id": "2026-11-21_idx1_a.test",
        "date-range": {"start-datetime": "2026-11-21T00:00:00Z", "end-datetime": "2026-11-21T23:59:59Z"},
        "policies": [{
            "policy": {"policy-type": "no-policy-found", "policy-domain": "a.test"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0},
        }],
    });
    assert_eq!(sys4.schema_errors([&good]), [""; 0]);
    let table = [
        ("/organization-name", serde_json::json!(null), "a null"),
        (
            "/contact-info",
            serde_json::json!("A <a@b.test>"),
            "a display name",
        ),
        (
            "/policies/0/policy/policy-type",
            serde_json::json!("dane"),
            "an unknown policy type",
        ),
        (
            "/policies/0/policy/policy-domain",
            serde_json::json!("A.test."),
            "no A-label",
        ),
        (
            "/policies/0/summary/total-failure-session-count",
            serde_json::json!("0"),
            "a counter as text",
        ),
        (
            "/policies",
            serde_json::json!({}),
            "policies that are no array",
        ),
    ];
    for (pointer, value, reason) in table {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert_eq!(sys4.schema_errors([&bad]).len(), 1, "{reason}");
    }
}
