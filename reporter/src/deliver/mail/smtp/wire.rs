//! Commands out, answers in: one at a time, each answer waited for no longer than allowed.
//!
//! Nothing is said while there is something unread: an answer that came before its question would be taken for the answer to
//! another one, and what stands behind the answer to STARTTLS comes from whoever is on the way.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::fault::{SmtpFault, Stage};
use super::reply::{Reply, ReplyError, ReplyReader};
use super::tls::Tls;

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReplyTimeouts {
    /// To connect, and for the answer to most commands: `sendmail_timeout`.
    pub(super) usual: Duration,
    /// For the answer to DATA.
    pub(super) data: Duration,
    /// For the answer to the end of the mail.
    pub(super) end: Duration,
}

impl ReplyTimeouts {
    /// At least what RFC 5321 section 4.5.3.2 asks for once there is a mail: a relay may look long
    /// at one before it takes it, and whoever hangs up meanwhile sends it twice.
    pub(super) fn new(usual: Duration) -> ReplyTimeouts {
        ReplyTimeouts {
            usual,
            data: usual.max(Duration::from_secs(120)),
            end: usual.max(Duration::from_secs(600)),
        }
    }

    fn at(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Data => self.data,
            Stage::Content => self.end,
            _ => self.usual,
        }
    }
}

/// What a stage needs to go on.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// 2xx.
    Done,
    /// 354: the mail may come.
    Mail,
    /// 2xx or 334: another line may be asked for.
    DoneOrMore,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Io for S {}

/// A stream of commands and answers.
pub(super) struct CommandStream {
    stream: Box<dyn Io>,
    reader: ReplyReader,
    /// It can carry no other command.
    pub(super) over: bool,
    pub(super) waits: ReplyTimeouts,
}

impl CommandStream {
    pub(super) fn new(stream: TcpStream, waits: ReplyTimeouts) -> CommandStream {
        CommandStream {
            stream: Box::new(stream),
            reader: ReplyReader::default(),
            over: false,
            waits,
        }
    }

    /// The same inside TLS.
    pub(super) async fn secured(mut self, tls: &Tls) -> Result<CommandStream, String> {
        match self.reader.unread(&mut self.stream).await {
            Ok(None) => {}
            Ok(Some(text)) => return Err(ReplyError::TooEarly(text).to_string()),
            Err(error) => return Err(error.to_string()),
        }
        let time = self.waits.usual;
        let stream = timeout(time, tls.connect(self.stream)).await;
        let stream = stream.map_err(|_| too_slow(time))??;
        Ok(CommandStream {
            stream: Box::new(stream),
            reader: ReplyReader::default(),
            ..self
        })
    }

    pub(super) async fn done(&mut self, stage: Stage, command: &str) -> Result<(), SmtpFault> {
        let reply = self.ask(stage, command.as_bytes()).await?;
        self.check(stage, reply, Expected::Done).map(drop)
    }

    /// Three digits decide, and they have to be those that belong there.
    pub(super) fn check(
        &mut self,
        stage: Stage,
        reply: Reply,
        needs: Expected,
    ) -> Result<Reply, SmtpFault> {
        let is_good = match needs {
            Expected::Done => reply.is_good(),
            Expected::Mail => reply.code == 354,
            Expected::DoneOrMore => reply.is_good() || reply.code == 334,
        };
        if is_good {
            return Ok(reply);
        }
        let fault = SmtpFault::said(stage, reply);
        self.over |= fault.ends_connection();
        Err(fault)
    }

    /// Says something, or nothing, and waits for the answer.
    pub(super) async fn ask(&mut self, stage: Stage, said: &[u8]) -> Result<Reply, SmtpFault> {
        let time = self.waits.at(stage);
        let why = match timeout(time, self.exchange(said)).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(ExchangeError::Unsent(error))) => {
                self.over = true;
                // A mail that did not go out as a whole was not taken.
                let stage = if stage == Stage::Content {
                    Stage::Data
                } else {
                    stage
                };
                return Err(SmtpFault::broken(stage, error));
            }
            Ok(Err(ExchangeError::Unanswered(error))) => error.to_string(),
            Err(_) => too_slow(time),
        };
        self.over = true;
        // What was read of an answer before it was cut short decides: a mail that was taken is taken.
        match self.reader.cut_short() {
            Some(reply) if reply.is_bad() || stage == Stage::Content => Ok(reply),
            _ => Err(SmtpFault::broken(stage, why)),
        }
    }

    async fn exchange(&mut self, said: &[u8]) -> Result<Reply, ExchangeError> {
        if !said.is_empty() {
            match self.reader.unread(&mut self.stream).await {
                Ok(None) => {}
                // The relay may say at any time that it goes away (section 3.8).
                Ok(Some(text)) if text.starts_with("421") => {}
                Ok(Some(text)) => return Err(ExchangeError::Unsent(ReplyError::TooEarly(text))),
                Err(error) => return Err(ExchangeError::Unsent(error)),
            }
            if let Err(error) = self.write(said).await {
                // Who hangs up in the middle of a mail may have said why.
                let last_words = timeout(LAST_WORDS, self.reader.read(&mut self.stream)).await;
                self.reader.forget();
                return match last_words {
                    Ok(Ok(reply)) if reply.is_bad() => Ok(reply),
                    _ => Err(ExchangeError::Unsent(ReplyError::Io(error))),
                };
            }
        }
        let reply = self.reader.read(&mut self.stream).await;
        reply.map_err(ExchangeError::Unanswered)
    }

    async fn write(&mut self, said: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(said).await?;
        self.stream.flush().await
    }
}

/// Why there was no answer.
enum ExchangeError {
    /// What was to be said was not said as a whole.
    Unsent(ReplyError),
    /// It was said.
    Unanswered(ReplyError),
}

/// For what a relay may have said before it hung up.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The first address of the host that answers.
pub(super) async fn dial(host: &str, port: u16, time: Duration) -> Result<TcpStream, String> {
    let found = timeout(time, lookup_host((host, port))).await;
    let found =
        found.map_err(|_| format!("no address for {host} within {} s", time.as_secs_f64()))?;
    let addresses: Vec<_> = found.map_err(|error| format!("{host}: {error}"))?.collect();
    // One that never answers leaves time for the others.
    let each = time / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut why = format!("{host} has no address");
    for address in addresses {
        match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Commands are small, and each waits for its answer.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: {}", too_slow(each)),
        }
    }
    Err(why)
}

fn too_slow(time: Duration) -> String {
    format!("no answer within {} s", time.as_secs_f64())
}
