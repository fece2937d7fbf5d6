//! Replies (RFC 5321 section 4.2), read as bytes and in bounded memory. Only the three digits have to be valid.

use std::fmt;

use tlsrptd_config::visible;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::refusal::{EnhancedCode, names_sender};

/// One line: RFC 5321 section 4.5.3.1.5 allows 512 octets, a challenge of SASL 12,288 (RFC 4954 section 4).
const MAX_LINE: usize = 16 << 10;
/// All lines of one reply.
const MAX_REPLY: usize = 64 << 10;
/// Longest excerpt of a reply in messages.
const MAX_SHOWN: usize = 300;

/// A reply of the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200 to 599, of the last line: where lines differ, it decides (section 4.2.1 says that they do not differ).
    pub(super) code: u16,
    /// The texts behind the codes, safe to print.
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// A refusal. Codes that are neither good nor bad do not belong to the command.
    pub(super) fn is_bad(&self) -> bool {
        (400..600).contains(&self.code)
    }

    /// A permanent refusal.
    pub(super) fn is_final(&self) -> bool {
        self.code >= 500
    }

    /// The enhanced status code (RFC 2034) of the last line that has one.
    pub(super) fn enhanced(&self) -> Option<EnhancedCode> {
        self.lines
            .iter()
            .rev()
            .find_map(|line| EnhancedCode::parse(line.split_whitespace().next()?))
    }

    /// Whether its text speaks of the sender, whatever the codes say.
    pub(super) fn names_sender(&self) -> bool {
        names_sender(&self.to_string())
    }

    /// A reply of one line, for tests.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Reply {
        Reply {
            code: text[..3].parse().unwrap(),
            lines: vec![text[3..].trim().to_owned()],
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines.iter().map(String::as_str);
        let text: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let text: String = text.join(" ").chars().take(MAX_SHOWN).collect();
        match text.is_empty() {
            true => write!(f, "{}", self.code),
            false => write!(f, "{} {text}", self.code),
        }
    }
}

/// Why a reply cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplyError {
    #[error("the relay closed the connection")]
    Closed,
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    #[error("the reply is too long")]
    TooLong,
    #[error("this is not an SMTP reply: {0}")]
    NoReply(String),
    #[error("the relay spoke before it was asked: {0}")]
    TooEarly(String),
}

/// Reads replies from a stream.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    /// Received and not parsed.
    buffer: Vec<u8>,
    /// The complete lines of an incomplete reply.
    begun: Option<Reply>,
}

impl ReplyReader {
    /// Reads the next reply. If it fails, [`ReplyReader::cut_short`] gives the part that was read.
    pub(super) async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Reply, ReplyError> {
        self.begun = None;
        let mut room = MAX_REPLY;
        loop {
            let line = self.line(stream, room.min(MAX_LINE)).await?;
            room -= line.len().min(room);
            let goes_on = self.take(&line);
            let goes_on = goes_on.ok_or_else(|| ReplyError::NoReply(shown(&line)))?;
            if let Some(reply) = self.begun.take_if(|_| !goes_on) {
                return Ok(reply);
            }
        }
    }

    /// Adds a line. Gives whether others follow; `None` if it is not a reply line.
    fn take(&mut self, line: &[u8]) -> Option<bool> {
        let (code, goes_on) = code(line)?;
        let text = line.get(3..).unwrap_or_default();
        let text = text.strip_prefix(b"-").unwrap_or(text);
        let reply = self.begun.get_or_insert_with(|| Reply {
            code,
            lines: Vec::new(),
        });
        reply.code = code;
        reply.lines.push(shown(text).trim().to_owned());
        Some(goes_on)
    }

    /// The part of a reply that was read before it broke off, if its code was.
    pub(super) fn cut_short(&mut self) -> Option<Reply> {
        let rest = std::mem::take(&mut self.buffer);
        self.take(&rest);
        self.begun.take()
    }

    /// Drops the input.
    pub(super) fn forget(&mut self) {
        self.begun = None;
        self.buffer.clear();
    }

    /// Input that came before a command.
    pub(super) async fn unread(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<String>, ReplyError> {
        if self.buffer.is_empty() {
            let mut bytes = [0; 512];
            // Reads only what has arrived.
            match futures_util::FutureExt::now_or_never(stream.read(&mut bytes)) {
                None => {}
                Some(Ok(0)) => return Err(ReplyError::Closed),
                Some(length) => self.buffer.extend_from_slice(&bytes[..length?]),
            }
        }
        let some = !self.buffer.is_empty();
        Ok(some.then(|| shown(&self.buffer)))
    }

    /// A line without its end, CRLF or LF.
    async fn line(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        room: usize,
    ) -> Result<Vec<u8>, ReplyError> {
        let mut seen = 0;
        loop {
            let end = self.buffer[seen..].iter().position(|byte| *byte == b'\n');
            let length = end.map_or(self.buffer.len(), |end| seen + end);
            if length > room {
                return Err(ReplyError::TooLong);
            }
            if end.is_some() {
                let mut line: Vec<u8> = self.buffer.drain(..=length).collect();
                while matches!(line.last(), Some(b'\n' | b'\r')) {
                    line.pop();
                }
                return Ok(line);
            }
            seen = length;
            self.buffer.reserve(2048);
            let mut bytes = [0; 2048];
            match stream.read(&mut bytes).await? {
                0 => return Err(ReplyError::Closed),
                length => self.buffer.extend_from_slice(&bytes[..length]),
            }
        }
    }
}

/// The code of a line, and whether other lines follow.
fn code(line: &[u8]) -> Option<(u16, bool)> {
    let (digits, rest) = line.split_at_checked(3)?;
    let is_code =
        digits.iter().all(u8::is_ascii_digit) && !rest.first().is_some_and(u8::is_ascii_digit);
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    // The first digit has a meaning only from 2 to 5 (section 4.2.1).
    (is_code && (200..600).contains(&code)).then_some((code, rest.first() == Some(&b'-')))
}

/// Bytes as text that is safe to print: invalid UTF-8 and invisible characters are escaped.
fn shown(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(MAX_LINE)];
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid().replace('\t', " ");
        out.push_str(&visible::text(&text));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<Reply, ReplyError> {
        ReplyReader::default().read(&mut &*bytes).await
    }

    #[tokio::test]
    async fn three_digits_decide() {
        #[rustfmt::skip]
        let rows: &[(&[u8], &str, &str)] = &[
            (b"250 ok\r\n", "250 ok", "usual"),
            (b"250\r\n", "250", "bare"),
            (b"250 \r\n", "250", "bare, with a space"),
            (b"250\n", "250", "LF alone"),
            (b"250 ok\n", "250 ok", "LF alone"),
            (b"250ok\r\n", "250 ok", "whatever the fourth octet is"),
            (b"250\tok\r\n", "250 ok", "a tab"),
            (b"250-a\r\n250 b\r\n", "250 a b", "two lines"),
            (b"250-\r\n250-b\r\n250\r\n", "250 b", "two lines that say nothing"),
            (b"250-a\r\n550 b\r\n", "550 a b", "lines that differ: the last"),
            (b"550 5.1.1 Empf\xe4nger unbekannt\r\n", "550 5.1.1 Empf\\xe4nger unbekannt", "Latin-1"),
            ("550 5.1.1 Empfänger\r\n".as_bytes(), "550 5.1.1 Empfänger", "UTF-8"),
            (b"550 \x1b[31m\0\r\n", "550 \\u{1b}[31m\\u{0}", "what a terminal would obey"),
            ("550 \u{202e}x\u{85}\r\n".as_bytes(), "550 \\u{202e}x\\u{85}", "and what turns text around"),
            (b"150 go on\r\n", "", "the first digit has no meaning"),
            (b"650 x\r\n", "", "neither here"),
            (b"2500 x\r\n", "", "four digits"),
            (b"25 x\r\n", "", "two"),
            (b" 250 x\r\n", "", "a space in front"),
            (b"\r\n", "", "nothing"),
            (b"HTTP/1.1 400 Bad Request\r\n", "", "another protocol"),
            (b"250-a\r\nb\r\n250 c\r\n", "", "rubbish in between"),
            (b"250 ok", "", "no end of the line"),
            (b"", "", "closed"),
        ];
        for (bytes, expected, why) in rows {
            let found = read(bytes).await;
            let found = found.map_or_else(|_| String::new(), |reply| reply.to_string());
            assert_eq!(
                found,
                *expected,
                "{}: {why}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let mut endless = tokio::io::repeat(b'2');
        let mut reader = ReplyReader::default();
        let broken = reader.read(&mut endless).await.unwrap_err();
        assert!(matches!(broken, ReplyError::TooLong), "{broken}");
        assert!(reader.buffer.capacity() < 4 * MAX_LINE);
        let lines = b"250-and so on\r\n".repeat(MAX_REPLY / 10);
        let broken = read(&lines).await.unwrap_err();
        assert!(matches!(broken, ReplyError::TooLong), "{broken}");
        let long = [
            b"250 ".to_vec(),
            vec![b'x'; MAX_LINE - 10],
            b"\r\n".to_vec(),
        ]
        .concat();
        let shown = read(&long).await.unwrap().to_string();
        assert!(shown.len() < 400, "and so is what is shown of it");
    }

    #[tokio::test]
    async fn what_is_known_of_a_reply_that_was_cut_short() {
        for (bytes, expected, why) in [
            (&b"250 2.0.0 queued"[..], Some(250), "its code"),
            (b"250", Some(250), "three digits are enough"),
            (b"25", None, "two are not"),
            (b"250-queued\r\n", Some(250), "the line before"),
            (b"250-queued\r\n25", Some(250), "the line before"),
            (b"250-queued\r\n550 no", Some(550), "the last line decides"),
            (b"2500", None, "no code"),
            (b"", None, "nothing"),
        ] {
            let mut reader = ReplyReader::default();
            assert!(reader.read(&mut &*bytes).await.is_err(), "{why}");
            let known = reader.cut_short().map(|reply| reply.code);
            assert_eq!(known, expected, "{why}");
        }
    }

    #[test]
    fn enhanced_codes() {
        #[rustfmt::skip]
        let rows = [
            (&["5.1.1 no"][..], Some((5, 1, 1)), "usual"),
            (&["5.1.10 no"], Some((5, 1, 10)), "two digits"),
            (&["5.1.1"], Some((5, 1, 1)), "alone"),
            (&["5.1.1 a", "5.1.2 b"], Some((5, 1, 2)), "as with codes, the last"),
            (&["5.1.1 a", "see http://x.example/"], Some((5, 1, 1)), "of those that have one"),
            (&["no such user 5.1.1"], None, "not in front"),
            (&["5.1 no"], None, "two numbers"),
            (&["5.1.1.1 no"], None, "an address"),
            (&["192.0.2 x"], None, "no class"),
            (&[""], None, "nothing"),
        ];
        for (lines, expected, why) in rows {
            let lines = lines.iter().map(ToString::to_string).collect();
            let found = Reply { code: 550, lines }.enhanced();
            let found = found.map(|code| (code.class, code.subject, code.detail));
            assert_eq!(found, expected, "{why}");
        }
    }
}
