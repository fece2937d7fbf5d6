//! A loopback name server with a zone that the test writes, also while it runs.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::runtime::{Task, runtime};

/// The server. Names that the zone does not know are NXDOMAIN.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _tasks: [Task; 2],
}

/// How a name fails to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// No answer at all.
    Silent,
    /// Truncated over UDP, whatever its size, so that the client asks again over TCP.
    Truncated,
}

#[derive(Debug, Default)]
struct Zone {
    records: HashMap<String, Vec<RData>>,
    troubles: HashMap<String, Trouble>,
    asked: HashMap<String, usize>,
    is_silent: bool,
}

impl Dns {
    /// Starts a server with an empty zone on a port that the kernel chooses.
    pub fn start() -> Dns {
        let zone = Arc::new(Mutex::new(Zone::default()));
        let (udp, tcp) = runtime().block_on(sockets());
        let address = tcp.local_addr().expect("a bound socket has an address");
        let tasks = [
            Task::spawn(serve_udp(udp, zone.clone())),
            Task::spawn(serve_tcp(tcp, zone.clone())),
        ];
        Dns {
            address,
            zone,
            _tasks: tasks,
        }
    }

    /// What goes into `dns_servers`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the `_smtp._tls` record of `domain`, in place of any other.
    pub fn tlsrpt(&self, domain: &str, record: &str) {
        self.txt(&format!("_smtp._tls.{domain}"), &[record]);
    }

    /// Sets the TXT records of a name, in place of its other records; long ones are split into strings of 255 bytes.
    pub fn txt(&self, name: &str, records: &[&str]) {
        let split: Vec<Vec<&[u8]>> = records
            .iter()
            .map(|record| record.as_bytes().chunks(255).collect())
            .collect();
        self.txt_strings(name, &split);
    }

    /// Sets the TXT records of a name, each as its list of strings (at most 255 bytes each).
    pub fn txt_strings<S: AsRef<[u8]>>(&self, name: &str, records: &[Vec<S>]) {
        let txt = |strings: &Vec<S>| {
            RData::TXT(TXT::from_bytes(strings.iter().map(AsRef::as_ref).collect()))
        };
        self.set(name, records.iter().map(txt).collect());
    }

    /// Makes a name a CNAME.
    pub fn cname(&self, name: &str, target: &str) {
        self.set(name, vec![RData::CNAME(CNAME(fqdn(target)))]);
    }

    /// Sets the addresses of a host, in place of its other records.
    pub fn host(&self, name: &str, addresses: &[IpAddr]) {
        let rdata = |address: &IpAddr| match address {
            IpAddr::V4(v4) => RData::A(A(*v4)),
            IpAddr::V6(v6) => RData::AAAA(AAAA(*v6)),
        };
        self.set(name, addresses.iter().map(rdata).collect());
    }

    /// Sets any records of a name. None of them: the name exists, without data.
    pub fn set(&self, name: &str, records: Vec<RData>) {
        self.zone().records.insert(key(name), records);
    }

    /// Forgets a name: NXDOMAIN from now on. Its trouble goes too.
    pub fn remove(&self, name: &str) {
        let mut zone = self.zone();
        zone.records.remove(&key(name));
        zone.troubles.remove(&key(name));
    }

    /// Lets a name fail from now on, until [`Dns::mend`].
    pub fn trouble(&self, name: &str, trouble: Trouble) {
        self.zone().troubles.insert(key(name), trouble);
    }

    /// Ends a name's trouble.
    pub fn mend(&self, name: &str) {
        self.zone().troubles.remove(&key(name));
    }

    /// Answers nobody, or answers again.
    pub fn go_silent(&self, is_silent: bool) {
        self.zone().is_silent = is_silent;
    }

    /// How many questions were asked.
    pub fn asked_in_all(&self) -> usize {
        self.zone().asked.values().sum()
    }

    /// How often a name was asked for, whatever type and transport.
    pub fn asked(&self, name: &str) -> usize {
        self.zone().asked.get(&key(name)).copied().unwrap_or(0)
    }

    /// All TXT records, their strings joined: for a verifier outside that takes its DNS from a file.
    pub fn all_txt(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (name, records) in &self.zone().records {
            for record in records {
                if let RData::TXT(txt) = record {
                    all.push((
                        name.clone(),
                        String::from_utf8_lossy(&txt.txt_data.concat()).into_owned(),
                    ));
                }
            }
        }
        all.sort();
        all
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        lock(&self.zone)
    }
}

/// Both transports on one port: TCP's port is the kernel's choice, and UDP's the same unless it is taken.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = tcp.local_addr().expect("a bound socket has an address");
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = vec![0; 65_535];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(answer) = answer(&zone, &buffer[..length], false) {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Arc<Mutex<Zone>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(serve_connection(stream, zone.clone()));
    }
}

/// RFC 1035 section 4.2.2: each message has its length before it.
async fn serve_connection(mut stream: TcpStream, zone: Arc<Mutex<Zone>>) -> std::io::Result<()> {
    loop {
        let mut query = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut query).await?;
        if let Some(answer) = answer(&zone, &query, true) {
            stream
                .write_u16(answer.len().try_into().unwrap_or(u16::MAX))
                .await?;
            stream.write_all(&answer).await?;
        }
    }
}

fn answer(zone: &Mutex<Zone>, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let name = key(&question.name().to_ascii());
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.metadata.authoritative = true;
    reply.add_query(question.clone());
    let mut zone = lock(zone);
    *zone.asked.entry(name.clone()).or_default() += 1;
    if zone.is_silent {
        return None;
    }
    match zone.troubles.get(&name) {
        Some(Trouble::Silent) => return None,
        Some(Trouble::ServFail) => reply.metadata.response_code = ResponseCode::ServFail,
        Some(Trouble::Refused) => reply.metadata.response_code = ResponseCode::Refused,
        Some(Trouble::Truncated) if !tcp => reply.metadata.truncation = true,
        Some(Trouble::Truncated) | None => fill(&mut reply, &zone, name, question.query_type()),
    }
    let bytes = reply.to_vec().ok()?;
    if tcp || bytes.len() <= query.max_payload().into() {
        Some(bytes)
    } else {
        reply.truncate().to_vec().ok()
    }
}

/// Answers from the zone, along its CNAMEs.
fn fill(reply: &mut Message, zone: &Zone, mut name: String, wanted: RecordType) {
    for _ in 0..8 {
        let Some(records) = zone.records.get(&name) else {
            reply.metadata.response_code = ResponseCode::NXDomain;
            break;
        };
        let mut next = None;
        for rdata in records {
            if let RData::CNAME(target) = rdata {
                next = Some(key(&target.0.to_ascii()));
            } else if rdata.record_type() != wanted {
                continue;
            }
            // A time to live of 0: what the test changes is seen at once.
            reply.add_answer(Record::from_rdata(fqdn(&name), 0, rdata.clone()));
        }
        match next {
            Some(target) if wanted != RecordType::CNAME => name = target,
            _ => break,
        }
    }
    if reply.answers.is_empty() {
        let soa = SOA::new(fqdn("ns.test"), fqdn("hostmaster.test"), 1, 60, 60, 60, 0);
        reply.add_authority(Record::from_rdata(Name::root(), 0, RData::SOA(soa)));
    }
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Names without case and without the dot at their end.
fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn fqdn(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("a test writes valid names");
    name.set_fqdn(true);
    name
}
