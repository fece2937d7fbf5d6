//! The system's `resolv.conf`, as libc would read it. Each reporter sees a file of its own in its place, which takes a mount
//! namespace.

use std::{fs, net::UdpSocket, path::Path, process::Command, thread};

use hickory_proto::op::{Message, ResponseCode};
use tlsrptd_tests::harness::{lab::Lab, mta, program::Program, skip::or_skip};

use super::report;

/// The words before a command that sees this file at the place of `resolv.conf`.
fn words(file: &Path) -> Vec<String> {
    let script = format!(
        "mount --bind {} /etc/resolv.conf && exec \"$@\"",
        file.display()
    );
    ["unshare", "-m", "sh", "-c", &script, "sh"]
        .map(str::to_owned)
        .into()
}

fn may_mount(lab: &Lab) -> Option<()> {
    let file = lab.file("empty");
    fs::write(&file, "").unwrap();
    let words = words(&file);
    let tried = Command::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    let may = tried.is_ok_and(|output| output.status.success());
    or_skip(may.then_some(()), "no right to a mount namespace")
}

fn seeing(lab: &Lab, program: Program, resolv_conf: &[u8]) -> Program {
    let file = lab.file("resolv.conf");
    fs::write(&file, resolv_conf).unwrap();
    let words = words(&file);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    program.under(&words)
}

/// A name server at the usual port of an address of this host's: `None` where somebody else has it.
fn server_at(address: &str, text: Option<&'static str>) -> Option<()> {
    let socket = UdpSocket::bind((address, 53)).ok()?;
    thread::spawn(move || {
        let mut buffer = [0; 2000];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let reply = reply(&query, text);
            let _ = socket.send_to(&reply.to_vec().unwrap(), client);
        }
    });
    Some(())
}

fn reply(query: &Message, text: Option<&str>) -> Message {
    use hickory_proto::rr::{RData, Record, rdata::TXT};
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.recursion_available = true;
    let question = query.queries[0].clone();
    match text {
        Some(text) => {
            let data = RData::TXT(TXT::new(vec![text.to_owned()]));
            reply.add_answer(Record::from_rdata(question.name().clone(), 0, data));
        }
        None => reply.metadata.response_code = ResponseCode::Refused,
    }
    reply.add_query(question);
    reply
}

#[test]
fn what_libc_copes_with_stops_no_reporter() {
    let lab = Lab::new();
    let Some(()) = may_mount(&lab) else { return };
    let files = [
        format!("nameserver 127.0.0.1\nsearch {}.example\n", "a".repeat(64)),
        String::new(),
        "garbage \u{0}\nnameserver\nnameserver x\noptions\n".to_owned(),
        "nameserver fe80::1%nowhere\n".to_owned(),
    ];
    for file in files {
        let reportd = seeing(&lab, lab.reportd().unset("dns_servers"), file.as_bytes());
        let mut running = reportd.start();
        running.wait_for_log("is at work");
        running.stop().success();
    }
}

#[test]
fn the_servers_of_the_file_are_asked_in_their_order() {
    const SEEN: &str = "v=TLSRPTv1; rua=mailto:seen@x.test";
    const FIRST: &str = "v=TLSRPTv1; rua=mailto:first@x.test";
    let lab = Lab::new();
    let Some(()) = may_mount(&lab) else { return };
    let bound = server_at("127.53.0.1", None).and_then(|()| server_at("127.53.0.2", Some(FIRST)));
    let Some(()) = or_skip(bound, "port 53 of 127.53.0.x cannot be bound") else {
        return;
    };
    lab.collect([mta::success("a.test", SEEN)]);
    let file = b"; ours\noptions use-nothing rotate:x\nnameserver 127.53.0.1\nnameserver 127.53.0.2 # second\n";
    let reportd = seeing(&lab, lab.reportd().unset("dns_servers"), file);
    let fates = report(&lab, &reportd);
    assert_eq!(
        fates["a.test"].sent(),
        ["mailto:first@x.test"],
        "REFUSED is no answer"
    );
}
