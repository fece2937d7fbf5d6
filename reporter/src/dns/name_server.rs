//! One question to one name server, over UDP or TCP, in bounded time.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hickory_proto::op::ResponseCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{Instant, sleep, timeout},
};

use super::message::{DnsAnswer, Question, ReplyKind};

/// More than any server sends without fragments; what is longer came truncated, and is asked for over TCP.
const UDP_BUFFER: usize = 4096;
/// Connections of one server that are kept for its next questions.
const MAX_IDLE: usize = 16;
/// The wait for a free descriptor before the next try.
const NO_DESCRIPTOR_WAIT: Duration = Duration::from_millis(100);

/// A name server, and what was learned about it.
#[derive(Debug)]
pub(super) struct NameServer {
    address: SocketAddr,
    edns: Mutex<EdnsSupport>,
    idle: Mutex<Vec<TcpStream>>,
}

/// How to ask a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueryOptions {
    /// The longest wait for its reply.
    pub(super) timeout: Duration,
    /// TCP from the start.
    pub(super) use_tcp: bool,
    /// Without EDNS: something on the way may drop it.
    pub(super) no_edns: bool,
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("answered {}", rcode_name(*.0))]
    Rcode(ResponseCode),
    #[error("does not offer recursion")]
    Referral,
    #[error("sent a reply that cannot be read")]
    Garbled,
    #[error("did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("cannot be asked: {0}")]
    Io(#[from] io::Error),
}

impl QueryError {
    /// Whether the server replied at all.
    pub(super) fn is_reply(&self) -> bool {
        !matches!(self, QueryError::TimedOut(_) | QueryError::Io(_))
    }
}

impl NameServer {
    pub(super) fn new(address: SocketAddr) -> NameServer {
        NameServer {
            address,
            edns: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it, without EDNS where that does not work.
    pub(super) async fn ask(
        &self,
        question: &Question,
        options: QueryOptions,
    ) -> Result<DnsAnswer, QueryError> {
        let with_edns = !options.no_edns && !self.edns().is_off(Instant::now());
        let asked = self.transports(question, options, with_edns).await;
        if with_edns {
            self.edns().asked(&asked, Instant::now());
        }
        let kind = match asked? {
            ReplyKind::NoEdns => self.transports(question, options, false).await?,
            kind => kind,
        };
        match kind {
            ReplyKind::Answer(answer) => {
                if options.no_edns {
                    self.edns().answered_without(Instant::now());
                }
                Ok(answer)
            }
            ReplyKind::Failed(code) => Err(QueryError::Rcode(code)),
            ReplyKind::Referral => Err(QueryError::Referral),
            ReplyKind::NoEdns | ReplyKind::Truncated | ReplyKind::Garbled => {
                Err(QueryError::Garbled)
            }
        }
    }

    async fn transports(
        &self,
        question: &Question,
        options: QueryOptions,
        with_edns: bool,
    ) -> Result<ReplyKind, QueryError> {
        if !options.use_tcp {
            let kind = within(options.timeout, self.udp(question, with_edns)).await?;
            if kind != ReplyKind::Truncated {
                return Ok(kind);
            }
        }
        within(options.timeout, self.tcp(question, with_edns)).await
    }

    /// Each question has a socket, and so a port, of its own: a forger has to guess it (RFC 5452).
    async fn udp(&self, question: &Question, with_edns: bool) -> Result<ReplyKind, QueryError> {
        let any = match self.address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = with_descriptor(|| UdpSocket::bind(any)).await?;
        // Then only datagrams of this server come in, and "connection refused" comes at once.
        socket.connect(self.address).await?;
        let id = rand::random();
        let bytes = question.bytes(id, with_edns).ok_or(QueryError::Garbled)?;
        socket.send(&bytes).await?;
        let mut buffer = vec![0; UDP_BUFFER];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if let Some(reply) = question.reply(id, &buffer[..length]) {
                return Ok(match length {
                    UDP_BUFFER => ReplyKind::Truncated,
                    _ => question.classify(reply, with_edns),
                });
            }
        }
    }

    /// Over a connection that is left from an earlier question, if it still works.
    async fn tcp(&self, question: &Question, with_edns: bool) -> Result<ReplyKind, QueryError> {
        let kept = self.idle().pop();
        if let Some(connection) = kept
            && let Ok(kind) = self.over(connection, question, with_edns).await
        {
            return Ok(kind);
        }
        let connection = with_descriptor(|| TcpStream::connect(self.address)).await?;
        self.over(connection, question, with_edns).await
    }

    /// RFC 1035 section 4.2.2: each message has its length before it.
    async fn over(
        &self,
        mut connection: TcpStream,
        question: &Question,
        with_edns: bool,
    ) -> Result<ReplyKind, QueryError> {
        let id = rand::random();
        let bytes = question.bytes(id, with_edns).ok_or(QueryError::Garbled)?;
        let length = u16::try_from(bytes.len()).map_err(|_| QueryError::Garbled)?;
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        connection.write_all(&framed).await?;
        let mut reply = vec![0; connection.read_u16().await?.into()];
        connection.read_exact(&mut reply).await?;
        let reply = question.reply(id, &reply).ok_or(QueryError::Garbled)?;
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(question.classify(reply, with_edns))
    }

    fn edns(&self) -> MutexGuard<'_, EdnsSupport> {
        self.edns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a server knows EDNS, or something on the way drops it. A question may time out for its name's sake alone.
#[derive(Debug, Default)]
struct EdnsSupport {
    /// It has replied to a question with EDNS last.
    replied: Option<Instant>,
    /// The last question with EDNS got no reply.
    timed_out: bool,
    /// It is asked without since then.
    off: Option<Instant>,
}

/// What was learned is good for so long.
const LEARNED: Duration = Duration::from_secs(3600);

impl EdnsSupport {
    fn is_off(&self, now: Instant) -> bool {
        self.off.is_some_and(|since| now - since < LEARNED)
    }

    fn asked(&mut self, reply: &Result<ReplyKind, QueryError>, now: Instant) {
        match reply {
            Ok(ReplyKind::NoEdns) => self.off = Some(now),
            Ok(_) => (self.replied, self.timed_out) = (Some(now), false),
            Err(QueryError::TimedOut(_)) => self.timed_out = true,
            Err(_) => {}
        }
    }

    /// It has answered without EDNS.
    fn answered_without(&mut self, now: Instant) {
        let worked = self.replied.is_some_and(|replied| now - replied < LEARNED);
        if self.timed_out && !worked {
            self.off = Some(now);
        }
    }
}

async fn within<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, QueryError> {
    timeout(time, asked)
        .await
        .unwrap_or(Err(QueryError::TimedOut(time)))
}

/// Too many open files say nothing about the server: waits for a free descriptor.
async fn with_descriptor<T, F: Future<Output = io::Result<T>>>(
    open: impl Fn() -> F,
) -> io::Result<T> {
    loop {
        match open().await {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(nix::libc::EMFILE | nix::libc::ENFILE | nix::libc::ENOBUFS)
                ) =>
            {
                sleep(NO_DESCRIPTOR_WAIT).await;
            }
            opened => return opened,
        }
    }
}

/// The names of RFC 2136 section 2.2, which administrators know.
fn rcode_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        code => format!("error {} ({code})", u16::from(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter an event: `r` a reply to EDNS, `t` none in time, `f` FORMERR, `w` an answer without EDNS, `h` an hour.
    #[test]
    fn when_a_server_is_asked_without_edns() {
        for (events, is_off, why) in [
            ("", false, "nothing is known"),
            ("f", true, "it says so"),
            ("fh", false, "it may be mended"),
            ("tw", true, "something on the way drops it"),
            ("twh", false, "it may be mended"),
            ("w", false, "a single attempt is made without"),
            ("t", false, "it may be away"),
            ("rtw", false, "one name is slow"),
            ("rtwtwtw", false, "a stranger has many such"),
            ("rhtw", true, "nobody knows any more"),
        ] {
            let (mut edns, mut now) = (EdnsSupport::default(), Instant::now());
            for event in events.chars() {
                let late = || Err(QueryError::TimedOut(Duration::ZERO));
                match event {
                    'r' => edns.asked(&Ok(ReplyKind::Answer(DnsAnswer::NoName)), now),
                    't' => edns.asked(&late(), now),
                    'f' => edns.asked(&Ok(ReplyKind::NoEdns), now),
                    'w' => edns.answered_without(now),
                    _ => now += LEARNED,
                }
            }
            assert_eq!(edns.is_off(now), is_off, "{events}: {why}");
        }
    }
}
