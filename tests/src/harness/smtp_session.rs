//! One SMTP session of the loopback receiver (RFC 5321, as much of it as our clients speak).

use std::future::pending;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use super::smtp::{Abilities, Act, Mail, Shared, Stage};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) struct Session {
    stream: BufStream<Box<dyn Stream>>,
    shared: Arc<Shared>,
    abilities: Abilities,
    connection: usize,
    tls: bool,
    login: Option<(String, String)>,
    hello: String,
    from: String,
    parameters: String,
    to: Vec<String>,
    /// Where the mail of this session stands among all.
    mail_at: usize,
}

/// What the script made of a stage.
enum Turn {
    Good,
    Refused,
}

impl Session {
    pub(crate) async fn run(
        stream: TcpStream,
        connection: usize,
        shared: Arc<Shared>,
        abilities: Abilities,
    ) -> Result<()> {
        let tls = abilities.implicit.is_some();
        let stream: Box<dyn Stream> = match &abilities.implicit {
            Some(acceptor) => Box::new(acceptor.accept(stream).await?),
            None => Box::new(stream),
        };
        let mut session = Session {
            stream: BufStream::new(stream),
            shared,
            abilities,
            connection,
            tls,
            login: None,
            hello: String::new(),
            from: String::new(),
            parameters: String::new(),
            to: Vec::new(),
            mail_at: 0,
        };
        if let Turn::Refused = session.stage(Stage::Banner, "220 mx.test ESMTP").await? {
            return Ok(());
        }
        while let Some(line) = session.line().await? {
            let verb = line
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            let done = session.command(&verb, &line).await;
            if verb == "QUIT" || done.is_err() {
                return done.map(drop);
            }
            if done? {
                session = session.secured().await?;
            }
        }
        Ok(())
    }

    /// Answers one command; true when TLS begins now.
    async fn command(&mut self, verb: &str, line: &str) -> Result<bool> {
        match verb {
            "EHLO" | "HELO" => {
                self.hello = line.get(4..).unwrap_or_default().trim().to_owned();
                self.stage(Stage::Ehlo, &self.greeting()).await?;
            }
            "STARTTLS" if self.offers_starttls() => {
                return Ok(matches!(
                    self.stage(Stage::StartTls, "220 go ahead").await?,
                    Turn::Good
                ));
            }
            "AUTH" if self.offers_auth() => self.auth(line).await?,
            "MAIL" => self.mail(line).await?,
            "RCPT" => self.rcpt(line).await?,
            "DATA" if !self.to.is_empty() => self.data().await?,
            "RSET" => {
                self.to.clear();
                self.reply("250 ok").await?;
            }
            "NOOP" => self.reply("250 ok").await?,
            "QUIT" => self.reply("221 bye").await?,
            _ => self.reply("503 5.5.1 not here, not now").await?,
        }
        Ok(false)
    }

    fn greeting(&self) -> String {
        let mut lines = vec!["mx.test", "PIPELINING", "8BITMIME"];
        if self.offers_starttls() {
            lines.push("STARTTLS");
        }
        if self.offers_auth() {
            lines.push("AUTH PLAIN LOGIN");
        }
        let last = lines.len() - 1;
        let line =
            |(at, text): (usize, &&str)| format!("250{}{text}", if at == last { " " } else { "-" });
        lines
            .iter()
            .enumerate()
            .map(line)
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    fn offers_starttls(&self) -> bool {
        self.abilities.starttls.is_some() && !self.tls
    }

    fn offers_auth(&self) -> bool {
        self.abilities.auth && (self.tls || self.abilities.auth_in_plain)
    }

    async fn secured(self) -> Result<Session> {
        let Some(acceptor) = &self.abilities.starttls else {
            return Ok(self);
        };
        let stream: Box<dyn Stream> = Box::new(acceptor.accept(self.stream.into_inner()).await?);
        Ok(Session {
            stream: BufStream::new(stream),
            tls: true,
            ..self
        })
    }

    /// PLAIN with its initial response, or LOGIN.
    async fn auth(&mut self, line: &str) -> Result<()> {
        self.shared.logins.fetch_add(1, Ordering::Relaxed);
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut texts = Vec::new();
        if let Some(response) = words.get(2) {
            texts.push((*response).to_owned());
        }
        let wanted = if words
            .get(1)
            .is_some_and(|word| word.eq_ignore_ascii_case("LOGIN"))
        {
            2
        } else {
            1
        };
        while texts.len() < wanted {
            let prompt = if wanted == 1 {
                "334 "
            } else {
                ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"][texts.len()]
            };
            self.reply(prompt).await?;
            texts.push(self.line().await?.unwrap_or_default());
        }
        let decode = |text: &String| {
            String::from_utf8_lossy(&STANDARD.decode(text.trim()).unwrap_or_default()).into_owned()
        };
        let mut texts: Vec<String> = texts.iter().map(decode).collect();
        if wanted == 1 {
            texts = texts[0].split('\0').skip(1).map(str::to_owned).collect();
        }
        if let Turn::Good = self.stage(Stage::Auth, "235 2.7.0 welcome").await? {
            self.login = Some((
                texts.first().cloned().unwrap_or_default(),
                texts.get(1).cloned().unwrap_or_default(),
            ));
        }
        Ok(())
    }

    async fn mail(&mut self, line: &str) -> Result<()> {
        let (address, parameters) = path(line);
        if let Turn::Good = self.stage(Stage::Mail, "250 2.1.0 ok").await? {
            (self.from, self.parameters) = (address, parameters);
            self.to.clear();
        }
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> Result<()> {
        self.to.push(path(line).0);
        if let Turn::Refused = self.stage(Stage::Rcpt, "250 2.1.5 ok").await? {
            self.to.pop();
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<()> {
        if let Turn::Refused = self.stage(Stage::Data, "354 go on").await? {
            return Ok(());
        }
        let mut bytes = Vec::new();
        loop {
            let line = self.bytes().await?.ok_or_else(cut)?;
            if line == b".\r\n" {
                break;
            }
            // RFC 5321 section 4.5.2.
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.keep(bytes);
        self.stage(Stage::End, "250 2.0.0 kept").await.map(drop)
    }

    /// Keeps the mail as offered.
    fn keep(&mut self, bytes: Vec<u8>) {
        let mail = Mail {
            hello: self.hello.clone(),
            from: std::mem::take(&mut self.from),
            parameters: std::mem::take(&mut self.parameters),
            to: self.to.clone(),
            bytes,
            connection: self.connection,
            tls: self.tls,
            login: self.login.clone(),
            accepted: false,
        };
        self.mail_at = lock(&self.shared.mails, |mails| {
            mails.push(mail);
            mails.len() - 1
        });
    }

    /// Marks the mail as accepted: before the good reply is written, so that who has read the reply finds it.
    fn accept(&self, stage: Stage) {
        if stage == Stage::End {
            lock(&self.shared.mails, |mails| {
                mails[self.mail_at].accepted = true
            });
        }
    }

    /// Does what the script says at this stage, or gives the good reply.
    async fn stage(&mut self, stage: Stage, good: &str) -> Result<Turn> {
        let fits = |recipient: &Option<String>| {
            recipient
                .as_ref()
                .is_none_or(|wanted| self.to.contains(wanted))
        };
        let act = self
            .shared
            .script
            .next(|when| when.stage == stage && fits(&when.recipient));
        let mut act = act.unwrap_or_else(|| Act::reply(good));
        while let Act::Held(other) = act {
            // An error would be the end of the receiver.
            let _ = self.shared.released.subscribe().wait_for(|is| *is).await;
            act = *other;
        }
        match act {
            Act::Reply(text) => {
                let good = text.starts_with('2') || text.starts_with("354");
                if good {
                    self.accept(stage);
                }
                self.reply(&text).await?;
                Ok(if good { Turn::Good } else { Turn::Refused })
            }
            Act::Bytes(bytes) => {
                // At the end of a mail a 2xx means that it is kept.
                if bytes.starts_with(b"2") {
                    self.accept(stage);
                }
                self.stream.write_all(&bytes).await?;
                self.stream.flush().await?;
                let good =
                    bytes.starts_with(b"2") && stage != Stage::Data || bytes.starts_with(b"354");
                Ok(if good { Turn::Good } else { Turn::Refused })
            }
            Act::Flood => loop {
                self.stream.write_all(&[b'2'; 1 << 16]).await?;
            },
            // `Held` is over by now.
            Act::Hang | Act::Held(_) => pending().await,
            Act::Close => Err(cut()),
            Act::Garbage if stage == Stage::StartTls => {
                self.reply("220 go ahead\r\n500 what was that?").await?;
                Err(cut())
            }
            Act::Garbage => {
                self.reply("\u{1}\u{2}rubbish\u{0}").await?;
                Ok(Turn::Refused)
            }
            Act::AcceptAndHang => {
                self.accept(stage);
                pending().await
            }
            Act::AcceptLate(time) => {
                self.accept(stage);
                tokio::time::sleep(time).await;
                self.reply("250 2.0.0 looked at").await?;
                Ok(Turn::Good)
            }
            Act::AcceptAndClose => {
                self.accept(stage);
                Err(cut())
            }
        }
    }

    async fn reply(&mut self, text: &str) -> Result<()> {
        self.stream
            .write_all(format!("{text}\r\n").as_bytes())
            .await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> Result<Option<String>> {
        Ok(self
            .bytes()
            .await?
            .map(|line| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let length = self.stream.read_until(b'\n', &mut line).await?;
        Ok((length > 0).then_some(line))
    }
}

fn lock<T>(mails: &Mutex<Vec<Mail>>, change: impl FnOnce(&mut Vec<Mail>) -> T) -> T {
    change(&mut mails.lock().unwrap_or_else(PoisonError::into_inner))
}

fn cut() -> Error {
    Error::from(ErrorKind::ConnectionAborted)
}

/// The address between the angle brackets, and what follows.
fn path(line: &str) -> (String, String) {
    let (_, rest) = line.split_once('<').unwrap_or(("", line));
    let (address, parameters) = rest.split_once('>').unwrap_or((rest, ""));
    (address.to_owned(), parameters.to_owned())
}
