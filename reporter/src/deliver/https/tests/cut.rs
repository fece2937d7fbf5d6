//! Answers whose status comes and whose rest is cut, late or odd.

use tokio_rustls::server::TlsStream;

use super::*;

/// What becomes of the connection behind an answer.
enum End {
    Close,
    /// Without the end of TLS, and at once.
    Reset,
    Stay,
}
use End::{Close, Reset, Stay};

/// An answer of a path of its own.
pub(super) struct Cut {
    path: &'static str,
    answer: &'static str,
    end: End,
    expected: &'static str,
}

impl Cut {
    pub(super) async fn answer(&self, mut stream: BufReader<TlsStream<TcpStream>>) {
        stream.write_all(self.answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        match self.end {
            Close => stream.shutdown().await.unwrap_or_default(),
            Reset => stream.get_ref().get_ref().0.set_zero_linger().unwrap(),
            Stay => std::future::pending().await,
        }
    }
}

pub(super) fn of(path: &str) -> Option<&'static Cut> {
    CUT.iter().find(|cut| cut.path == path)
}

const fn row(path: &'static str, answer: &'static str, end: End, expected: &'static str) -> Cut {
    Cut {
        path,
        answer,
        end,
        expected,
    }
}

#[rustfmt::skip]
const CUT: &[Cut] = &[
    row("/cut", "HTTP/1.1 200 OK\r\nContent-", Close, "sent"),
    row("/cut-behind-the-status", "HTTP/1.1 200 OK\r\n", Close, "sent"),
    row("/cut-in-the-words", "HTTP/1.1 200 O", Close, "sent"),
    row("/cut-within-the-digits", "HTTP/1.1 20", Close, "retry"),
    row("/status-reset", "HTTP/1.1 200 OK\r\n", Reset, "sent"),
    row("/reset-before", "", Reset, "retry"),
    row("/stay", "HTTP/1.1 200 OK\r\nContent-", Stay, "sent"),
    row("/stay-before", "HTTP/1.", Stay, "retry"),
    row("/cut-404", "HTTP/1.1 404 No\r\nContent-", Close, "refused"),
    row("/cut-503", "HTTP/1.1 503 Later\r\nRetry-", Close, "retry"),
    row("/cut-308", "HTTP/1.1 308 Moved\r\nLocation: /o", Close, "retry"),
    row("/lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", Close, "sent"),
    row("/length", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", Close, "sent"),
    row("/negative", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Close, "sent"),
    row("/both", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", Close, "sent"),
    row("/coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: rubbish\r\n\r\n", Close, "sent"),
    row("/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Close, "sent"),
    row("/nul", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", Close, "sent"),
    row("/nul-in-the-name", "HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 0\r\n\r\n", Close, "sent"),
    row("/nul-in-the-words", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", Close, "sent"),
    row("/return", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", Close, "sent"),
    row("/no-words", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Close, "sent"),
    row("/old", "HTTP/1.0 200 OK\r\n\r\nhello", Close, "sent"),
    row("/http-2", "HTTP/2 200\r\n\r\n", Close, "sent"),
    row("/http-3.0", "HTTP/3.0 404 No\r\n\r\n", Close, "refused"),
    row("/spaces", "HTTP/1.1  200 OK\r\n\r\n", Close, "sent"),
    row("/interim", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\nContent-", Close, "sent"),
    row("/interim-404", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n", Reset, "refused"),
    row("/interim-whole", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Close, "sent"),
    row("/interim-only", "HTTP/1.1 100 Continue\r\n\r\n", Close, "retry"),
    row("/interim-cut", "HTTP/1.1 103 Hints\r\nLink: HTTP/1.1 200", Close, "retry"),
    row("/no-http", "SSH-2.0-what\r\nHTTP/1.1 200 OK\r\n\r\n", Close, "retry"),
    row("/early", "HTTP/1.1 413 Much\r\n", Close, "refused"),
];

#[tokio::test]
async fn a_status_once_read_decides() {
    let server = Server::start().await;
    let mut https = server.https(&[]);
    https.times.answer = Duration::from_secs(3);
    // More than the buffers between the two take, for who does not read it.
    let small = Bytes::from_static(b"gzip");
    let large = Bytes::from(vec![b'x'; 16 << 20]);
    for cut in CUT {
        // On a connection that has carried another answer, where it is kept.
        let before = server.to("ok");
        let outcome = https
            .send(
                &before,
                NamedBy::Operator,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        assert_eq!(outcome_name(&outcome), "sent");
        let body = if cut.path == "/early" { &large } else { &small };
        let to = server.to(&cut.path[1..]);
        let outcome = https
            .send(&to, NamedBy::Operator, body, &Progress::default())
            .await;
        assert_eq!(
            outcome_name(&outcome),
            cut.expected,
            "{}: {outcome:?}",
            cut.path
        );
    }
    let heard = server.heard.lock().await;
    for cut in CUT {
        let request = format!("POST {} ", cut.path);
        let posts = heard.iter().filter(|post| post.starts_with(&request));
        assert_eq!(posts.count(), 1, "{}", cut.path);
    }
}

#[tokio::test]
async fn headers_without_end() {
    let lines = |count: usize| format!("X-A: {}\r\n", "b".repeat(90)).repeat(count);
    for (lines, why) in [(lines(200), "many"), (lines(20_000), "more than are read")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"gzip") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
            // Who has read enough hangs up.
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let https = Https::prepare(&fixtures::settings(&[])).unwrap();
        let named_by = NamedBy::Operator;
        let outcome = https
            .send(
                &uri.parse().unwrap(),
                named_by,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        assert_eq!(outcome_name(&outcome), "sent", "{why}: {outcome:?}");
        server.await.unwrap();
    }
}
