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
            b"gzip",
            &Progress::default(),
        )
        .await;
    assert_eq!(word(&outcome), "sent", "{outcome:?}");
}
