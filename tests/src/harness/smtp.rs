//! A loopback SMTP receiver that keeps the mails, and fails where the test's script says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::runtime::{Task, runtime};
use super::script::Script;
use super::smtp_session::Session;
use super::tls::Ca;
use super::wait::until;

/// The receiver.
#[derive(Debug)]
pub struct Smtp {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: Task,
}

/// Where a session can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The greeting, before any command.
    Banner,
    /// EHLO (and HELO).
    Ehlo,
    /// The STARTTLS command. [`Act::Garbage`] breaks the handshake after a good reply.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// The DATA command.
    Data,
    /// The dot after the mail.
    End,
}

/// What the receiver does in place of its good reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A reply, e.g. `451 4.3.0 try again`. A 2xx reply is the good end of the stage.
    Reply(String),
    /// These bytes in place of a reply, whatever they are. The session goes on as if they had been a refusal.
    Bytes(Vec<u8>),
    /// Bytes without end and without a line's end, until the client hangs up.
    Flood,
    /// Never answers.
    Hang,
    /// Does the other only after [`Smtp::release`].
    Held(Box<Act>),
    /// Closes the connection.
    Close,
    /// At [`Stage::StartTls`]: says 220 and then answers the TLS handshake with text. Elsewhere: sends binary rubbish.
    Garbage,
    /// At [`Stage::End`]: keeps the mail as accepted, but never says so.
    AcceptAndHang,
    /// At [`Stage::End`]: keeps the mail, and says so after that time, as a slow content filter does.
    AcceptLate(Duration),
    /// At [`Stage::End`]: keeps the mail as accepted, and closes the connection without saying so.
    AcceptAndClose,
}

impl Act {
    /// A reply.
    pub fn reply(text: &str) -> Act {
        Act::Reply(text.to_owned())
    }

    /// Bytes in place of a reply.
    pub fn bytes(bytes: &[u8]) -> Act {
        Act::Bytes(bytes.to_vec())
    }

    /// This, after [`Smtp::release`].
    #[must_use]
    pub fn held(self) -> Act {
        Act::Held(Box::new(self))
    }
}

/// A mail as it was handed over.
#[derive(Debug, Clone)]
pub struct Mail {
    /// What the client called itself, by EHLO or HELO.
    pub hello: String,
    /// The envelope's sender, without angle brackets.
    pub from: String,
    /// The whole argument of MAIL FROM after the address, e.g. ` BODY=8BITMIME`.
    pub parameters: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The message, with CRLF, dot-stuffing undone.
    pub bytes: Vec<u8>,
    /// Which connection it came by, from 0.
    pub connection: usize,
    /// Whether it came over TLS.
    pub tls: bool,
    /// User and password of AUTH, if given.
    pub login: Option<(String, String)>,
    /// Whether the receiver took it (in its own eyes).
    pub accepted: bool,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) script: Script<When, Act>,
    pub(crate) mails: Mutex<Vec<Mail>>,
    /// AUTH commands.
    pub(crate) logins: AtomicUsize,
    connections: AtomicUsize,
    /// What is [`Act::Held`] goes on.
    pub(crate) released: watch::Sender<bool>,
}

/// A stage, and perhaps only for one recipient.
#[derive(Debug)]
pub(crate) struct When {
    pub(crate) stage: Stage,
    pub(crate) recipient: Option<String>,
}

/// What the receiver can do.
#[derive(Clone)]
pub(crate) struct Abilities {
    pub(crate) starttls: Option<TlsAcceptor>,
    pub(crate) implicit: Option<TlsAcceptor>,
    pub(crate) auth: bool,
    /// AUTH also where there is no TLS.
    pub(crate) auth_in_plain: bool,
}

impl Smtp {
    /// A receiver in plain text only.
    pub fn start() -> Smtp {
        Smtp::with(Abilities {
            starttls: None,
            implicit: None,
            auth: false,
            auth_in_plain: false,
        })
    }

    /// A receiver in plain text that offers AUTH all the same.
    pub fn start_with_auth() -> Smtp {
        Smtp::with(Abilities {
            starttls: None,
            implicit: None,
            auth: true,
            auth_in_plain: true,
        })
    }

    /// As [`Smtp::start_with_starttls`], with AUTH offered before STARTTLS too: a careless client's trap.
    pub fn start_with_starttls_and_auth(ca: &Ca) -> Smtp {
        let acceptor = ca.acceptor(&["127.0.0.1", "localhost"]);
        Smtp::with(Abilities {
            starttls: Some(acceptor),
            implicit: None,
            auth: true,
            auth_in_plain: true,
        })
    }

    /// A receiver that offers STARTTLS (certificate for 127.0.0.1 and localhost) and AUTH within it.
    pub fn start_with_starttls(ca: &Ca) -> Smtp {
        let acceptor = ca.acceptor(&["127.0.0.1", "localhost"]);
        Smtp::with(Abilities {
            starttls: Some(acceptor),
            implicit: None,
            auth: true,
            auth_in_plain: false,
        })
    }

    /// A receiver that speaks TLS from the first byte (`smtps://`), with AUTH.
    pub fn start_with_tls(ca: &Ca) -> Smtp {
        let acceptor = ca.acceptor(&["127.0.0.1", "localhost"]);
        Smtp::with(Abilities {
            starttls: None,
            implicit: Some(acceptor),
            auth: true,
            auth_in_plain: false,
        })
    }

    fn with(abilities: Abilities) -> Smtp {
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            script: Script::new(),
            mails: Mutex::default(),
            logins: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            released: watch::Sender::new(false),
        });
        let task = Task::spawn(serve(listener, shared.clone(), abilities));
        Smtp {
            address,
            shared,
            _task: task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What goes into `mail_transport`: `smtp://127.0.0.1:PORT`.
    pub fn transport(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From now on, does `act` at `stage`.
    pub fn script(&self, stage: Stage, act: Act) {
        self.shared.script.add(
            When {
                stage,
                recipient: None,
            },
            act,
            None,
        );
    }

    /// Does `act` at `stage`, the next `times` times.
    pub fn script_times(&self, stage: Stage, act: Act, times: usize) {
        self.shared.script.add(
            When {
                stage,
                recipient: None,
            },
            act,
            Some(times),
        );
    }

    /// Does `act` at `stage` (RCPT or later) for mails to this recipient only.
    pub fn script_for(&self, recipient: &str, stage: Stage, act: Act) {
        self.shared.script.add(
            When {
                stage,
                recipient: Some(recipient.to_owned()),
            },
            act,
            None,
        );
    }

    /// Forgets the script: all goes well from now on.
    pub fn heal(&self) {
        self.shared.script.clear();
    }

    /// Lets go on what is [`Act::Held`], now and later.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The mails accepted so far, in their order.
    pub fn mails(&self) -> Vec<Mail> {
        self.offered()
            .into_iter()
            .filter(|mail| mail.accepted)
            .collect()
    }

    /// All mails whose bytes came over, also those that were then refused.
    pub fn offered(&self) -> Vec<Mail> {
        self.shared
            .mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The accepted mails to one recipient.
    pub fn mails_to(&self, recipient: &str) -> Vec<Mail> {
        self.mails()
            .into_iter()
            .filter(|mail| mail.to.iter().any(|to| to == recipient))
            .collect()
    }

    /// Waits until at least `count` mails are accepted, and returns all.
    pub fn wait_for_mails(&self, count: usize) -> Vec<Mail> {
        until(&format!("{count} mails"), || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
    }

    /// Waits until at least `count` mails came over, accepted or not, and returns all.
    pub fn wait_for_offered(&self, count: usize) -> Vec<Mail> {
        until(&format!("{count} mails offered"), || {
            Some(self.offered()).filter(|mails| mails.len() >= count)
        })
    }

    /// How often a client sent AUTH.
    pub fn logins(&self) -> usize {
        self.shared.logins.load(Ordering::Relaxed)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, abilities: Abilities) {
    // Sessions end with the receiver.
    let mut sessions = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
        let (shared, abilities) = (shared.clone(), abilities.clone());
        sessions.spawn(async move {
            // An error is the end of the connection: the client's affair.
            let _ = Session::run(stream, connection, shared, abilities).await;
        });
    }
}
