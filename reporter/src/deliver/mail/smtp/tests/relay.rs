//! A relay on loopback that answers as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::deliver::fixtures_tls;

/// A relay that answers by command; `close` closes, `hang` says nothing.
pub(super) struct Relay {
    pub(super) port: u16,
    pub(super) connections: Arc<AtomicUsize>,
    /// Everything it was told, line by line.
    pub(super) heard: Arc<Mutex<Vec<String>>>,
}

pub(super) const SHORT: Duration = Duration::from_millis(400);

pub(super) const GREETING: &str = "greeting";
pub(super) const END_OF_MAIL: &str = ".";

/// At the end of an answer: no line end, and the connection is closed.
pub(super) const CUT: &str = "(cut)";
/// Digits without end.
pub(super) const FLOOD: &str = "flood";
/// Says 220 and means it.
pub(super) const HANDSHAKE: &str = "220 handshake";
/// Noted when TLS begins.
pub(super) const IN_TLS: &str = "(in TLS)";

impl Relay {
    pub(super) async fn start(answers: &[(&'static str, &'static str)]) -> Relay {
        Relay::start_with(answers, false).await
    }

    pub(super) async fn start_with(
        answers: &[(&'static str, &'static str)],
        implicit_tls: bool,
    ) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Relay {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let session = Session {
            answers: Arc::new(answers.iter().copied().collect()),
            heard: Arc::clone(&relay.heard),
            acceptor: fixtures_tls::acceptor().0,
        };
        let connections = Arc::clone(&relay.connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let session = session.clone();
                tokio::spawn(async move {
                    if implicit_tls {
                        session.serve_in_tls(stream, GREETING).await;
                    } else if let Some(stream) = session.serve(stream, GREETING).await {
                        session.serve_in_tls(stream, "").await;
                    }
                });
            }
        });
        relay
    }

    pub(super) fn client(&self) -> Smtp {
        Smtp {
            copies: LogThrottle::default(),
            host: "127.0.0.1".to_owned(),
            port: self.port,
            implicit_tls: false,
            tls: Tls::new("127.0.0.1", false),
            login: None,
            waits: ReplyTimeouts {
                usual: SHORT,
                data: SHORT,
                end: SHORT,
            },
            hello: HeloName::set("sender.example").unwrap(),
            no_bdat: AtomicBool::new(false),
            kept: IdleConnections::new(KEPT_IDLE),
            slots: Semaphore::new(MAX_CONNECTIONS),
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) async fn heard(&self, line: &str) -> usize {
        self.heard
            .lock()
            .await
            .iter()
            .filter(|heard| *heard == line)
            .count()
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Session {
    answers: Arc<BTreeMap<&'static str, &'static str>>,
    heard: Arc<Mutex<Vec<String>>>,
    acceptor: TlsAcceptor,
}

impl Session {
    async fn serve_in_tls(&self, stream: TcpStream, first: &str) {
        if let Ok(stream) = self.acceptor.accept(stream).await {
            self.heard.lock().await.push(IN_TLS.to_owned());
            self.serve(stream, first).await;
        }
    }

    /// Begins by answering `first`, a command or the greeting. The stream comes back where
    /// TLS begins.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, first: &str) -> Option<S> {
        let mut stream = BufReader::new(stream);
        let (mut command, mut in_mail) = (first.to_owned(), false);
        loop {
            if !command.is_empty() && (!in_mail || command == END_OF_MAIL) {
                let answer = self.answer(&command);
                match answer {
                    "close" => return None,
                    "hang" => std::future::pending().await,
                    _ => {}
                }
                in_mail = command == "DATA" && answer.starts_with("354");
                if answer == FLOOD {
                    while stream.write_all(&[b'2'; 4096]).await.is_ok() {}
                    return None;
                }
                // A reply may be written as bytes, cut short, and be the last.
                let (text, is_last) = match answer.strip_suffix(CUT) {
                    Some(text) => (text.to_owned(), true),
                    None => (format!("{answer}\r\n"), false),
                };
                let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
                stream.write_all(&bytes).await.unwrap();
                stream.flush().await.unwrap();
                if is_last {
                    return None;
                }
                if answer == HANDSHAKE {
                    return Some(stream.into_inner());
                }
            }
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return None;
            }
            let line = line.trim_end_matches("\r\n").to_owned();
            command = line.split([' ', ':']).next().unwrap_or_default().to_owned();
            let chunk = line.strip_prefix("BDAT ").filter(|_| !in_mail);
            let chunk = chunk.and_then(|rest| rest.strip_suffix(" LAST"));
            let length = chunk.map(|length| length.parse::<usize>().unwrap());
            self.heard.lock().await.push(line);
            if let Some(length) = length.filter(|_| !self.answers.contains_key("BDAT")) {
                let mut mail = vec![0; length];
                if stream.read_exact(&mut mail).await.is_err() {
                    return None;
                }
                let mail = String::from_utf8(mail).unwrap();
                let mut heard = self.heard.lock().await;
                heard.extend(mail.lines().map(str::to_owned));
                command = END_OF_MAIL.to_owned();
            }
        }
    }

    fn answer(&self, command: &str) -> &'static str {
        let usual = match command {
            GREETING => "220 relay.example",
            "DATA" => "354 go on",
            _ => "250 ok",
        };
        self.answers.get(command).copied().unwrap_or(usual)
    }
}
