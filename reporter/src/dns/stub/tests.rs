//! Servers on loopback that answer in every way, or not at all.

use std::sync::{Arc, Mutex};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{RData, Record, rdata::TXT},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    time::sleep,
};

use super::*;

/// What a server does.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Answers,
    AnswersLate,
    Code(ResponseCode),
    Silent,
    /// FORMERR to whatever bears EDNS.
    NoEdns(ResponseCode),
    /// What bears EDNS does not come through.
    DropsEdns,
    Truncates,
    /// Only over TCP.
    TcpOnly,
    /// It knows its own zones, and asks nobody for others.
    KnowsNothing,
    /// First a reply to another question, then the right one.
    Confused,
}

/// A server, and what it was asked: transport, and whether with EDNS.
struct Fake {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(&'static str, bool)>>>,
}

impl Fake {
    /// `text` is what its record holds.
    async fn start(way: Way, text: &'static str) -> Fake {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, also) = (Arc::clone(&asked), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut buffer = [0; 2000];
            loop {
                let (length, client) = udp.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                log.lock().unwrap().push(("udp", query.edns.is_some()));
                if way == Way::AnswersLate {
                    sleep(Duration::from_millis(100)).await;
                }
                for reply in replies(way, &query, text, false) {
                    udp.send_to(&reply, client).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let log = Arc::clone(&also);
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; length.into()];
                        stream.read_exact(&mut query).await.unwrap();
                        let query = Message::from_vec(&query).unwrap();
                        log.lock().unwrap().push(("tcp", query.edns.is_some()));
                        for reply in replies(way, &query, text, true) {
                            stream.write_u16(reply.len() as u16).await.unwrap();
                            stream.write_all(&reply).await.unwrap();
                        }
                    }
                });
            }
        });
        Fake { address, asked }
    }

    fn asked(&self) -> Vec<(&'static str, bool)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn replies(way: Way, query: &Message, text: &str, tcp: bool) -> Vec<Vec<u8>> {
    let has_edns = query.edns.is_some();
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.add_query(query.queries[0].clone());
    let data = RData::TXT(TXT::new(vec![text.to_owned()]));
    reply.add_answer(Record::from_rdata(query.queries[0].name().clone(), 0, data));
    match way {
        Way::Silent => return Vec::new(),
        Way::DropsEdns if has_edns => return Vec::new(),
        Way::TcpOnly if !tcp => return Vec::new(),
        Way::Truncates if !tcp => {
            reply.metadata.truncation = true;
            reply.answers.clear();
        }
        Way::NoEdns(code) if has_edns => {
            reply.metadata.response_code = code;
            reply.answers.clear();
            reply.queries.clear();
        }
        Way::Code(code) => {
            reply.metadata.response_code = code;
            reply.answers.clear();
        }
        Way::KnowsNothing => {
            reply.metadata.recursion_available = false;
            reply.answers.clear();
        }
        Way::Confused => {
            let mut other = reply.clone();
            other.metadata.id = query.metadata.id.wrapping_add(1);
            return vec![other.to_vec().unwrap(), reply.to_vec().unwrap()];
        }
        _ => {}
    }
    vec![reply.to_vec().unwrap()]
}

fn servers(fakes: &[&Fake], change: impl FnOnce(&mut ResolvConf)) -> NameServers {
    let mut conf = ResolvConf {
        servers: fakes.iter().map(|fake| fake.address).collect(),
        timeout: Duration::from_millis(500),
        ..ResolvConf::default()
    };
    change(&mut conf);
    NameServers::new(conf, None)
}

/// The text of the one record; `NXDOMAIN`, or `none`.
async fn ask(servers: &NameServers) -> String {
    let name = Name::from_ascii("_smtp._tls.a.example.").unwrap();
    match servers.ask(&name, RecordType::TXT).await {
        Ok(DnsAnswer::Records(records)) => records[0].to_string().trim_matches('"').to_owned(),
        Ok(DnsAnswer::NoName) => "NXDOMAIN".to_owned(),
        Ok(DnsAnswer::NoRecords) => "none".to_owned(),
        Err(_) => "no answer".to_owned(),
    }
}

#[tokio::test]
async fn the_first_that_answers_decides() {
    use ResponseCode::{FormErr, NXDomain, NotImp, Refused, ServFail};
    let good = Way::Answers;
    for (first, second, want, why) in [
        (good, Way::Code(NXDomain), "first", "the first"),
        (
            Way::AnswersLate,
            Way::Code(Refused),
            "first",
            "however long it takes",
        ),
        (
            Way::AnswersLate,
            Way::Code(NXDomain),
            "first",
            "even a denial waits for its turn",
        ),
        (Way::Code(NXDomain), good, "NXDOMAIN", "a denial decides"),
        (
            Way::Code(ServFail),
            good,
            "second",
            "an error code is no answer",
        ),
        (Way::Code(Refused), good, "second", "nor this"),
        (Way::Code(NotImp), good, "second", "nor this"),
        (Way::Code(FormErr), good, "second", "nor this"),
        (Way::KnowsNothing, good, "second", "it says nothing at all"),
        (Way::Silent, good, "second", "silence is none"),
        (
            Way::Silent,
            Way::Code(ServFail),
            "no answer",
            "neither has one",
        ),
        (
            Way::Confused,
            Way::Code(NXDomain),
            "first",
            "somebody else's reply is passed over",
        ),
    ] {
        let first = Fake::start(first, "first").await;
        let second = Fake::start(second, "second").await;
        let servers = servers(&[&first, &second], |_| {});
        assert_eq!(ask(&servers).await, want, "{why}");
        let is_second_asked = !second.asked().is_empty();
        let is_first = want == "first" || want == "NXDOMAIN";
        assert_eq!(is_second_asked, !is_first, "one at a time: {why}");
    }
}

#[tokio::test]
async fn what_servers_cannot_do() {
    use ResponseCode::{FormErr, NotImp};
    let (udp, plain, tcp) = (("udp", true), ("udp", false), ("tcp", true));
    for (way, first_time, second_time, why) in [
        (Way::Answers, vec![udp], vec![udp], "nothing amiss"),
        (
            Way::NoEdns(FormErr),
            vec![udp, plain],
            vec![plain],
            "asked again without, and remembered",
        ),
        (
            Way::NoEdns(NotImp),
            vec![udp, plain],
            vec![plain],
            "the same",
        ),
        (Way::DropsEdns, vec![udp, plain], vec![plain], "a firewall"),
        (
            Way::Truncates,
            vec![udp, tcp],
            vec![udp, tcp],
            "the whole of it over TCP",
        ),
    ] {
        let fake = Fake::start(way, "text").await;
        let servers = servers(&[&fake], |_| {});
        for (time, want) in [first_time, second_time].into_iter().enumerate() {
            assert_eq!(ask(&servers).await, "text", "{why}");
            assert_eq!(fake.asked(), want, "{why}, time {time}");
        }
    }
}

#[tokio::test]
async fn options_of_the_file() {
    let tcp_only = Fake::start(Way::TcpOnly, "tcp").await;
    let use_vc = servers(&[&tcp_only], |conf| conf.use_vc = true);
    for _ in 0..2 {
        assert_eq!(ask(&use_vc).await, "tcp");
        assert_eq!(tcp_only.asked(), [("tcp", true)], "TCP from the start");
    }
    let first = Fake::start(Way::Answers, "first").await;
    let second = Fake::start(Way::Answers, "second").await;
    let rotating = servers(&[&first, &second], |conf| conf.rotate = true);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ask(&rotating).await);
    }
    assert_eq!(answers, ["first", "second", "first"], "each in its turn");
    let plain = Fake::start(Way::DropsEdns, "plain").await;
    let once = servers(&[&plain], |conf| conf.attempts = 1);
    assert_eq!(ask(&once).await, "plain", "one attempt has to be enough");
    let silent = Fake::start(Way::Silent, "").await;
    let patient = servers(&[&silent], |conf| conf.attempts = 3);
    assert_eq!(ask(&patient).await, "no answer");
    assert_eq!(silent.asked().len(), 3, "attempts");
}

#[tokio::test]
async fn what_an_outage_is_asked_of() {
    use ResponseCode::{NXDomain, Refused, ServFail};
    for (way, is_known, why) in [
        (Way::Answers, true, "an answer"),
        (Way::Code(NXDomain), true, "a strange one"),
        (Way::Code(Refused), true, "a refusal is a reply"),
        (Way::Code(ServFail), false, "a resolver without its network"),
        (Way::Silent, false, "nobody"),
    ] {
        let fake = Fake::start(way, "x").await;
        let servers = servers(&[&fake], |_| {});
        assert_eq!(servers.answer_for_root().await, is_known, "{why}");
    }
}

#[tokio::test]
async fn who_did_what() {
    let refusing = Fake::start(Way::Code(ResponseCode::Refused), "").await;
    let silent = Fake::start(Way::Silent, "").await;
    let servers = servers(&[&refusing, &silent], |_| {});
    let name = Name::from_ascii("a.example.").unwrap();
    let error = servers.ask(&name, RecordType::TXT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} answered REFUSED, {} did not answer within 0.5 s",
            refusing.address, silent.address
        )
    );
    assert!(error.is_reply(), "one of them said something");
}
