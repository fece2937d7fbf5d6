//! Hosts with several addresses.

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, OpCode};
use hickory_proto::rr::{RData, Record, RecordType, rdata::A};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::timeout;

use super::*;

/// A name server that gives these addresses for every name, in this order.
async fn name_server(addresses: &'static [Ipv4Addr]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 2000];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let question = query.queries[0].clone();
            let mut reply = Message::response(query.metadata.id, OpCode::Query);
            reply.metadata.recursion_available = true;
            if question.query_type() == RecordType::A {
                for address in addresses {
                    let data = RData::A(A(*address));
                    reply.add_answer(Record::from_rdata(question.name().clone(), 0, data));
                }
            }
            reply.add_query(question);
            let _ = socket.send_to(&reply.to_vec().unwrap(), client).await;
        }
    });
    address
}

/// Listens and takes nobody: who connects hears nothing.
async fn black_hole(address: Ipv4Addr, port: u16) -> Vec<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, port).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    std::mem::forget(listener);
    let mut waiting = Vec::new();
    let soon = Duration::from_millis(200);
    while let Ok(stream) = timeout(soon, TcpStream::connect((address, port))).await {
        waiting.push(stream.unwrap());
    }
    waiting
}

#[tokio::test]
async fn an_address_that_never_answers_leaves_time_for_the_next() {
    const DEAD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
    let server = Server::start().await;
    let _full = black_hole(DEAD, server.port).await;
    let servers = name_server(&[DEAD, Ipv4Addr::LOCALHOST]).await;
    let https = server.https(&[("dns_servers", &servers)]);
    let outcome = https
        .send(
            &server.to("ok"),
            NamedBy::Operator,
            &Bytes::from_static(b"gzip"),
            &Progress::default(),
        )
        .await;
    assert_eq!(outcome_name(&outcome), "sent", "{outcome:?}");
}

/// A wildcard leads a hundred names to somebody's server.
#[tokio::test]
async fn names_of_one_owner_share_the_connections_to_an_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let held = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            held.lock().await.push(stream);
        }
    });
    let servers = name_server(&[Ipv4Addr::LOCALHOST]).await;
    let options = [
        ("http_timeout", "3"),
        ("allow_private_destinations", "yes"),
        ("dns_servers", &servers),
    ];
    let https = Arc::new(Https::prepare(&fixtures::settings(&options)).unwrap());
    let post = |host: String| {
        let https = Arc::clone(&https);
        let url: Url = format!("https://{host}:{port}/").parse().unwrap();
        tokio::spawn(async move {
            let progress = Progress::default();
            https
                .send(
                    &url,
                    NamedBy::Record,
                    &Bytes::from_static(b"gzip"),
                    &progress,
                )
                .await
        })
    };
    let posts: Vec<_> = (0..100)
        .map(|n| post(format!("n{n}.evil.example")))
        .collect();
    let neighbour = post("neighbour.example".to_owned());
    let mut outcomes = Vec::new();
    for post in posts {
        outcomes.push(outcome_name(&post.await.unwrap()));
    }
    let crowded = outcomes.iter().filter(|word| **word == "crowded").count();
    assert_eq!(crowded, 96, "{outcomes:?}");
    assert_eq!(outcome_name(&neighbour.await.unwrap()), "unreachable");
    assert_eq!(accepted.lock().await.len(), 5);
    let again = post("n99.evil.example".to_owned()).await.unwrap();
    assert_eq!(outcome_name(&again), "unreachable", "there is room again");
}

/// Whoever stands behind it is not to blame.
#[tokio::test]
async fn a_proxy_that_is_not_there_is_the_operators() {
    let server = Server::start().await;
    let silent = black_hole(Ipv4Addr::new(127, 0, 0, 3), server.port).await;
    let silent_proxy = format!("http://127.0.0.3:{}", server.port);
    let unknown = name_server(&[]).await;
    for (options, expected, why) in [
        (
            vec![("https_proxy", "http://127.0.0.1:1")],
            "not ready",
            "closed",
        ),
        (
            vec![("https_proxy", silent_proxy.as_str())],
            "not ready",
            "silent",
        ),
        (
            vec![
                ("https_proxy", "http://proxy.example:1"),
                ("dns_servers", &unknown),
            ],
            "not ready",
            "no address",
        ),
        (vec![("https_proxy", "")], "sent", "none"),
    ] {
        let https = server.https(&options);
        let progress = Progress::default();
        let outcome = https
            .send(
                &server.to("ok"),
                NamedBy::Operator,
                &Bytes::from_static(b"gzip"),
                &progress,
            )
            .await;
        assert_eq!(outcome_name(&outcome), expected, "{why}: {outcome:?}");
    }
    drop(silent);
}
