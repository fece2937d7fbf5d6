//! Records the response status from the bytes of the connection. It decides the outcome even if the rest of the header is
//! cut, late, or refused by the HTTP library.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use hyper::StatusCode;
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::owner_slots::OwnerSlot;

/// The response on one connection. HTTP/1.1 without pipelining: there is one at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerRecord {
    head: Arc<watch::Sender<Option<Head>>>,
    /// Until the first answer: a connection that is kept takes none.
    place: Arc<Mutex<Option<OwnerSlot>>>,
}

impl AnswerRecord {
    pub(super) fn at(place: Option<OwnerSlot>) -> AnswerRecord {
        AnswerRecord {
            head: Arc::default(),
            place: Arc::new(Mutex::new(place)),
        }
    }

    /// The status, if it has come.
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.head.borrow().as_ref().and_then(Head::status)
    }

    /// Waits for the status.
    pub(super) async fn decided(&self) {
        let has_come = |head: &Option<Head>| head.as_ref().and_then(Head::status).is_some();
        // Never closed: `self` holds the sender.
        let _ = self.head.subscribe().wait_for(has_come).await;
    }

    /// The HTTP library has the header. Further bytes are ignored until the next request.
    pub(super) fn rest(&self) {
        self.head.send_replace(None);
        drop(self.place.lock().map(|mut place| place.take()));
    }

    fn wrote(&self) {
        self.head.send_if_modified(|head| {
            head.get_or_insert_default();
            false
        });
    }

    fn read(&self, bytes: &[u8]) {
        self.head.send_if_modified(|head| match head {
            Some(head) if !head.is_over => {
                head.feed(bytes);
                true
            }
            _ => false,
        });
    }
}

/// Bytes of a line that are kept.
const MAX_LINE: usize = 64;

/// The beginning of a response.
#[derive(Debug, Default)]
struct Head {
    line: Vec<u8>,
    /// Inside the header of an interim response (RFC 9110 section 15.2), which decides nothing.
    is_interim: bool,
    status: Option<StatusCode>,
    /// The status line is complete.
    is_over: bool,
}

impl Head {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                _ if self.is_over => return,
                b'\n' => self.end_line(),
                _ if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let is_empty = matches!(line.as_slice(), b"" | b"\r");
        if self.is_interim {
            self.is_interim = !is_empty;
            return;
        }
        match status_of(&line) {
            Some(status) if status.is_informational() => self.is_interim = true,
            // Ignored before a status line (RFC 9112 section 2.2).
            None if is_empty => {}
            found => (self.status, self.is_over) = (found, true),
        }
    }

    /// The digits are enough; the line need not be complete.
    fn status(&self) -> Option<StatusCode> {
        if self.is_over || self.is_interim {
            return self.status;
        }
        status_of(&self.line).filter(|status| !status.is_informational())
    }
}

/// The status of a line such as `HTTP/1.1 200 OK`.
fn status_of(line: &[u8]) -> Option<StatusCode> {
    let (name, rest) = line.split_at_checked(5)?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let (digits, after) = rest[space..].trim_ascii_start().split_at_checked(3)?;
    let is_one =
        name.eq_ignore_ascii_case(b"HTTP/") && !after.first().is_some_and(u8::is_ascii_digit);
    is_one
        .then(|| StatusCode::from_bytes(digits).ok())
        .flatten()
}

/// The stream of a connection: TCP or TLS.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A connection that records the response status.
pub(super) struct RecordingConnection {
    pub(super) wire: Box<dyn ByteStream>,
    pub(super) record: AnswerRecord,
    /// To a proxy that gets the whole request.
    pub(super) is_proxied: bool,
}

impl RecordingConnection {
    /// After a failed write, reads the status that the host may have sent before it hung up; hyper would not.
    fn unless_written<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut is_more = matches!(result, Poll::Ready(Err(_)));
        while is_more && self.record.status().is_none() {
            let mut room = [0; 1024];
            let mut buffer = ReadBuf::new(&mut room);
            let read = Pin::new(&mut self.wire).poll_read(context, &mut buffer);
            self.record.read(buffer.filled());
            is_more = matches!(read, Poll::Ready(Ok(()))) && !buffer.filled().is_empty();
        }
        result
    }
}

impl Connection for RecordingConnection {
    fn connected(&self) -> Connected {
        Connected::new()
            .proxy(self.is_proxied)
            .extra(self.record.clone())
    }
}

impl AsyncRead for RecordingConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.wire).poll_read(context, buffer);
        if let Some(read) = buffer.filled().get(before..)
            && !read.is_empty()
        {
            self.record.read(read);
        }
        result
    }
}

impl AsyncWrite for RecordingConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.record.wrote();
        let result = Pin::new(&mut self.wire).poll_write(context, bytes);
        self.unless_written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.record.wrote();
        let result = Pin::new(&mut self.wire).poll_write_vectored(context, slices);
        self.unless_written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.wire).poll_flush(context);
        self.unless_written(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_status_that_is_no_interim_one() {
        #[rustfmt::skip]
        let rows = [
            ("HTTP/1.1 200 OK\r\nContent-", Some(200), "cut"),
            ("HTTP/1.1 200 O", Some(200), "cut in the words for people"),
            ("HTTP/1.1 200", Some(200), "cut behind the digits"),
            ("HTTP/1.1 20", None, "cut within the digits"),
            ("HTTP/1.1 2000\r\n", None, "four digits"),
            ("HTTP/1.1 200\n", Some(200), "no words, no carriage return"),
            ("HTTP/1.0  404 No\r\n", Some(404), "an old server, two spaces"),
            ("HTTP/2 204\r\n", Some(204), "a version that the library does not take"),
            ("\r\n\r\nHTTP/1.1 200 OK\r\n", Some(200), "empty lines before it"),
            ("HTTP/1.1 100 Continue\r\n", None, "interim"),
            ("HTTP/1.1 100 Continue\r\nX: HTTP/1.1 200\r\nHTTP/1.1 200 ", None, "within its header"),
            ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 503 Later\r\n", Some(503), "behind two"),
            ("HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n", None, "nothing behind it"),
            ("SSH-2.0-what\r\nHTTP/1.1 200 OK\r\n", None, "no HTTP"),
            ("HTTP/1.1 099 What\r\n", None, "no status"),
            ("", None, "nothing"),
        ];
        for (answer, expected, why) in rows {
            for part in [1, 7, 1000] {
                let record = AnswerRecord::default();
                record.read(b"HTTP/1.1 408 Idle\r\n");
                assert_eq!(record.status(), None, "nothing was asked");
                record.wrote();
                for bytes in answer.as_bytes().chunks(part) {
                    record.read(bytes);
                    record.wrote();
                }
                let found = record.status().map(|status| status.as_u16());
                assert_eq!(found, expected, "{why}: by {part}");
                record.rest();
                record.read(b"HTTP/1.1 200 OK\r\n");
                assert_eq!(record.status(), None, "{why}: a body");
            }
        }
    }
}
