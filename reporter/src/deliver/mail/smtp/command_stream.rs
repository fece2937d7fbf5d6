//! Sends commands and reads replies, one at a time, with a time limit for each reply.
//!
//! No command is sent while there is unread input: a reply that came too early would be taken for the reply to the next
//! command, and input behind the reply to STARTTLS was injected by somebody on the way.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::fault::{SmtpFault, Stage};
use super::reply::{Reply, ReplyError, ReplyReader};
use super::tls::Tls;

/// Time limits for replies.
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
    /// From DATA on at least the limits of RFC 5321 section 4.5.3.2: a relay may check a mail for long before it accepts it,
    /// and a client that hangs up meanwhile sends it twice.
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

/// The replies with which a stage goes on.
#[derive(Clone, Copy)]
pub(super) enum ExpectedReply {
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
    /// No further command can be sent.
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

    /// Upgrades to TLS.
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
        self.check(stage, reply, ExpectedReply::Done).map(drop)
    }

    /// Checks the reply code against those that the stage expects.
    pub(super) fn check(
        &mut self,
        stage: Stage,
        reply: Reply,
        needs: ExpectedReply,
    ) -> Result<Reply, SmtpFault> {
        let is_good = match needs {
            ExpectedReply::Done => reply.is_good(),
            ExpectedReply::Mail => reply.code == 354,
            ExpectedReply::DoneOrMore => reply.is_good() || reply.code == 334,
        };
        if is_good {
            return Ok(reply);
        }
        let fault = SmtpFault::said(stage, reply);
        self.over |= fault.ends_connection();
        Err(fault)
    }

    /// Sends a command, or nothing, and waits for the reply.
    pub(super) async fn ask(&mut self, stage: Stage, said: &[u8]) -> Result<Reply, SmtpFault> {
        let time = self.waits.at(stage);
        let why = match timeout(time, self.exchange(said)).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(ExchangeError::Unsent(error))) => {
                self.over = true;
                // A mail that was not sent completely was not accepted.
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
        // The part of a reply that was read decides: an accepted mail must not be sent again.
        match self.reader.cut_short() {
            Some(reply) if reply.is_bad() || stage == Stage::Content => Ok(reply),
            _ => Err(SmtpFault::broken(stage, why)),
        }
    }

    async fn exchange(&mut self, said: &[u8]) -> Result<Reply, ExchangeError> {
        if !said.is_empty() {
            match self.reader.unread(&mut self.stream).await {
                Ok(None) => {}
                // The relay may send 421 at any time (section 3.8).
                Ok(Some(text)) if text.starts_with("421") => {}
                Ok(Some(text)) => return Err(ExchangeError::Unsent(ReplyError::TooEarly(text))),
                Err(error) => return Err(ExchangeError::Unsent(error)),
            }
            if let Err(error) = self.write(said).await {
                // A relay that hangs up in the middle of a mail may have sent the reason.
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

/// Why there is no reply.
enum ExchangeError {
    /// The command was not sent completely.
    Unsent(ReplyError),
    /// The command was sent.
    Unanswered(ReplyError),
}

/// Time limit for reading a reply that the relay sent before it hung up.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The first address of the host that answers.
pub(super) async fn dial(host: &str, port: u16, time: Duration) -> Result<TcpStream, String> {
    let found = timeout(time, lookup_host((host, port))).await;
    let found =
        found.map_err(|_| format!("no address for {host} within {} s", time.as_secs_f64()))?;
    let addresses: Vec<_> = found.map_err(|error| format!("{host}: {error}"))?.collect();
    // An address that never answers must leave time for the others.
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
