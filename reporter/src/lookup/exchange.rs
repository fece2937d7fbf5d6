//! One question to one server, over UDP or TCP, in bounded time.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use hickory_proto::op::ResponseCode;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::{sleep, timeout},
};

use super::message::{Answer, Meaning, Question};

/// More than any server sends without fragments; what is longer came truncated, and is asked for over TCP.
const UDP_BUFFER: usize = 4096;
/// Connections of one server that are kept for its next questions.
const MAX_IDLE: usize = 16;
/// Without a free descriptor it is tried again so much later.
const NO_DESCRIPTOR_WAIT: Duration = Duration::from_millis(100);

/// A name server, and what is known of it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    /// It does not know EDNS, or something on the way drops it.
    is_plain: AtomicBool,
    /// The last question with EDNS got no reply.
    edns_silent: AtomicBool,
    idle: Mutex<Vec<TcpStream>>,
}

/// How a server is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// The wait for it.
    pub(super) timeout: Duration,
    /// TCP from the start.
    pub(super) use_vc: bool,
    /// Without EDNS: something on the way may drop it.
    pub(super) plain: bool,
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    #[error("answered {}", code_name(*.0))]
    Code(ResponseCode),
    #[error("does not look names up for others")]
    Referral,
    #[error("sent a reply that cannot be read")]
    Garbled,
    #[error("did not answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("cannot be asked: {0}")]
    Io(#[from] io::Error),
}

impl ServerError {
    /// Whether the server said something.
    pub(super) fn is_reply(&self) -> bool {
        !matches!(self, ServerError::Silent(_) | ServerError::Io(_))
    }
}

impl Server {
    pub(super) fn new(address: SocketAddr) -> Server {
        Server {
            address,
            is_plain: AtomicBool::new(false),
            edns_silent: AtomicBool::new(false),
            idle: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it.
    pub(super) async fn ask(
        &self,
        question: &Question,
        manner: Manner,
    ) -> Result<Answer, ServerError> {
        let with_edns = !manner.plain && !self.is_plain.load(Relaxed);
        let asked = self.transports(question, manner, with_edns).await;
        if with_edns {
            let silent = matches!(asked, Err(ServerError::Silent(_)));
            self.edns_silent.store(silent, Relaxed);
        }
        let meaning = match asked? {
            Meaning::NoEdns => {
                self.is_plain.store(true, Relaxed);
                self.transports(question, manner, false).await?
            }
            meaning => meaning,
        };
        match meaning {
            Meaning::Answer(answer) => {
                if manner.plain && self.edns_silent.load(Relaxed) {
                    self.is_plain.store(true, Relaxed);
                }
                Ok(answer)
            }
            Meaning::Failed(code) => Err(ServerError::Code(code)),
            Meaning::Referral => Err(ServerError::Referral),
            Meaning::NoEdns | Meaning::Truncated | Meaning::Garbled => Err(ServerError::Garbled),
        }
    }

    async fn transports(
        &self,
        question: &Question,
        manner: Manner,
        with_edns: bool,
    ) -> Result<Meaning, ServerError> {
        if !manner.use_vc {
            let meaning = within(manner.timeout, self.udp(question, with_edns)).await?;
            if meaning != Meaning::Truncated {
                return Ok(meaning);
            }
        }
        within(manner.timeout, self.tcp(question, with_edns)).await
    }

    /// A socket, and with it a port, for each question: who would forge an answer has to guess it (RFC 5452).
    async fn udp(&self, question: &Question, with_edns: bool) -> Result<Meaning, ServerError> {
        let any = match self.address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = with_descriptor(|| UdpSocket::bind(any)).await?;
        // Only its datagrams come in, and "connection refused" at once.
        socket.connect(self.address).await?;
        let id = rand::random();
        let bytes = question.bytes(id, with_edns).ok_or(ServerError::Garbled)?;
        socket.send(&bytes).await?;
        let mut buffer = vec![0; UDP_BUFFER];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if let Some(reply) = question.reply(id, &buffer[..length]) {
                return Ok(match length {
                    UDP_BUFFER => Meaning::Truncated,
                    _ => question.meaning(reply, with_edns),
                });
            }
        }
    }

    /// Over a connection that is left from the last question, if it still works.
    async fn tcp(&self, question: &Question, with_edns: bool) -> Result<Meaning, ServerError> {
        let kept = self.idle().pop();
        if let Some(connection) = kept
            && let Ok(meaning) = self.over(connection, question, with_edns).await
        {
            return Ok(meaning);
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
    ) -> Result<Meaning, ServerError> {
        let id = rand::random();
        let bytes = question.bytes(id, with_edns).ok_or(ServerError::Garbled)?;
        let length = u16::try_from(bytes.len()).map_err(|_| ServerError::Garbled)?;
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        connection.write_all(&framed).await?;
        let mut reply = vec![0; connection.read_u16().await?.into()];
        connection.read_exact(&mut reply).await?;
        let reply = question.reply(id, &reply).ok_or(ServerError::Garbled)?;
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(question.meaning(reply, with_edns))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn within<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, ServerError>>,
) -> Result<T, ServerError> {
    timeout(time, asked)
        .await
        .unwrap_or(Err(ServerError::Silent(time)))
}

/// That we have too many files open says nothing of a server: it is waited for.
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

/// As in RFC 2136 section 2.2, and in every administrator's memory.
fn code_name(code: ResponseCode) -> String {
    match code {
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        code => format!("error {} ({code})", u16::from(code)),
    }
}
