//! A scripted HTTPS server on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::deliver::fixtures::{self, outcome_name};
use crate::deliver::fixtures_tls;

mod addresses;
mod cut;

/// Answers by path.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    /// Head and body of each request.
    heard: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
}

impl Server {
    /// With a certificate for localhost and 127.0.0.1, by an authority that nobody knows.
    async fn start() -> Server {
        let (acceptor, authority) = fixtures_tls::acceptor();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            heard: Arc::default(),
            folder,
        };
        let (connections, heard) = (Arc::clone(&server.connections), Arc::clone(&server.heard));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&heard)));
            }
        });
        server
    }

    fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    fn https(&self, options: &[(&str, &str)]) -> Https {
        let ca = self.ca();
        let mut all = vec![("http_timeout", "1"), ("https_ca_file", ca.as_str())];
        all.extend(options);
        Https::prepare(&fixtures::settings(&all)).unwrap()
    }

    fn to(&self, path: &str) -> Url {
        format!("https://localhost:{}/{path}", self.port)
            .parse()
            .unwrap()
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, heard: Arc<Mutex<Vec<String>>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let before = head.len();
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
            let line = head[before..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let path = head.split(' ').nth(1).unwrap().to_owned();
        if path == "/early" {
            length = 0;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        heard
            .lock()
            .await
            .push(format!("{head}{}", String::from_utf8_lossy(&body)));
        if let Some(cut) = cut::of(&path) {
            return cut.answer(stream).await;
        }
        let answer = match path.as_str() {
            "/ok" => "HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nthank",
            "/later" => "HTTP/1.1 429 Slow\r\nretry-after: 90\r\ncontent-length: 0\r\n\r\n",
            "/gone" => "HTTP/1.1 404 No\r\ncontent-length: 4\r\n\r\nnone",
            "/moved" => "HTTP/1.1 308 Moved\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n",
            "/loop" => "HTTP/1.1 307 Moved\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n",
            "/away" => {
                "HTTP/1.1 307 Moved\r\nlocation: https://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"
            }
            "/reset" => return,
            "/endless" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
                return;
            }
            "/hang" => std::future::pending().await,
            "/long" => {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            }
            "/space" => "HTTP/1.1 200 OK\r\nX-A : b\r\ncontent-length: 0\r\n\r\n",
            "/fold" => "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\ncontent-length: 0\r\n\r\n",
            "/junk" => "HTTP/1.1 200 OK\r\nthis is no header\r\ncontent-length: 0\r\n\r\n",
            _ => "HTTP/1.1 500 What\r\ncontent-length: 0\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
}

#[tokio::test]
async fn answers_decide() {
    let server = Server::start().await;
    let mut https = server.https(&[]);
    https.times.answer = Duration::from_secs(2);
    for (path, expected, why) in [
        ("ok", "sent", "201"),
        ("long", "sent", "an answer may take longer than the upload"),
        ("space", "sent", "a space before a colon"),
        ("fold", "sent", "a header on two lines"),
        ("junk", "sent", "a header that is none"),
        ("later", "retry", "429"),
        ("gone", "refused", "404"),
        ("other", "retry", "500"),
        ("moved", "sent", "308 to the same host"),
        ("loop", "refused", "a loop of redirects"),
        ("away", "refused", "a redirect to another host"),
        ("reset", "retry", "closed without an answer"),
        ("hang", "retry", "time-out: somebody is there"),
        ("endless", "sent", "the status is enough"),
    ] {
        let outcome = https
            .send(
                &server.to(path),
                NamedBy::Operator,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        assert_eq!(
            outcome_name(&outcome),
            expected,
            "{path}: {why}: {outcome:?}"
        );
    }
    let outcome = https
        .send(
            &server.to("later"),
            NamedBy::Operator,
            &Bytes::from_static(b"gzip"),
            &Progress::default(),
        )
        .await;
    assert!(matches!(outcome, Outcome::Retry { after: Some(wait), .. } if wait.as_secs() == 90));
    let outcome = https
        .send(
            &server.to("gone"),
            NamedBy::Operator,
            &Bytes::from_static(b"gzip"),
            &Progress::default(),
        )
        .await;
    assert!(matches!(outcome, Outcome::Refused { reason } if reason == "404 Not Found: none"));
}

#[tokio::test]
async fn what_is_posted_and_on_how_many_connections() {
    let server = Server::start().await;
    let https = server.https(&[]);
    for _ in 0..3 {
        https
            .send(
                &server.to("moved"),
                NamedBy::Operator,
                &Bytes::from_static(b"the bytes"),
                &Progress::default(),
            )
            .await;
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    let heard = server.heard.lock().await;
    assert_eq!(heard.len(), 6);
    let agent = concat!(
        "tlsrptd/",
        env!("CARGO_PKG_VERSION"),
        " (+mailto:smtp-tls@mail.sender.example)"
    );
    for request in heard.iter() {
        assert!(request.starts_with("POST /"), "{request}");
        assert!(
            request.contains("content-type: application/tlsrpt+gzip\r\n"),
            "{request}"
        );
        assert!(
            request.contains(&format!("user-agent: {agent}\r\n")),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\nthe bytes"), "{request}");
    }
}

#[tokio::test]
async fn a_record_leads_to_global_addresses_only() {
    let server = Server::start().await;
    let port = server.port;
    let https = server.https(&[]);
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "127.1",
    ] {
        let uri = format!("https://{host}:{port}/ok");
        let outcome = https
            .send(
                &uri.parse().unwrap(),
                NamedBy::Record,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        assert!(
            matches!(&outcome, Outcome::Unsendable { reason } if reason.contains("not a global address")),
            "{host}: {outcome:?}"
        );
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    let allowed = server.https(&[("allow_private_destinations", "yes")]);
    assert_eq!(
        outcome_name(
            &allowed
                .send(
                    &server.to("ok"),
                    NamedBy::Record,
                    &Bytes::from_static(b"gzip"),
                    &Progress::default()
                )
                .await
        ),
        "sent"
    );
}

/// The proxy's own address is for the hop to it: who names the proxy's host in a record does not reach it, whether the
/// request would go through the proxy or, by `no_proxy`, around it.
#[tokio::test]
async fn a_proxy_is_no_receiver() {
    let server = Server::start().await;
    let proxy = format!("http://LocalHost:{}", server.port);
    let https = server.https(&[("https_proxy", proxy.as_str())]);
    for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1"] {
        let uri = format!("https://{host}:{}/ok", server.port);
        let url = Url::parse(&uri).unwrap();
        let named_by = NamedBy::Record;
        let outcome = https
            .send(
                &url,
                named_by,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        // The trailing dot is another name for the proxy: asked to lead there, it does not.
        if url.host_str() != Some("localhost.") {
            assert!(
                matches!(&outcome, Outcome::Unsendable { reason } if reason.contains("not a global address")),
                "{host}: {outcome:?}"
            );
        }
        assert_ne!(outcome_name(&outcome), "sent", "{host}: {outcome:?}");
    }
    assert!(server.heard.lock().await.is_empty());
}

/// In plain, the proxy is asked for the whole URL, and told who asks.
#[tokio::test]
async fn credentials_and_a_proxy_in_plain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://proxy:a%40b@{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"gzip") {
            stream.read_buf(&mut request).await.unwrap();
        }
        let answer = b"HTTP/1.1 204 Thanks\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    let https = Https::prepare(&fixtures::settings(&[("https_proxy", &proxy)])).unwrap();
    let uri = "http://me:it%3As@receiver.example:8080/x?y#z".to_owned();
    let named_by = NamedBy::Operator;
    let outcome = https
        .send(
            &uri.parse().unwrap(),
            named_by,
            &Bytes::from_static(b"gzip"),
            &Progress::default(),
        )
        .await;
    assert_eq!(outcome_name(&outcome), "sent", "{outcome:?}");
    let request = server.await.unwrap();
    for line in [
        "POST http://receiver.example:8080/x?y HTTP/1.1\r\n",
        "\r\nhost: receiver.example:8080\r\n",
        "\r\nauthorization: Basic bWU6aXQ6cw==\r\n",
        "\r\nproxy-authorization: Basic cHJveHk6YUBi\r\n",
    ] {
        assert!(request.contains(line), "{line:?} in {request:?}");
    }
    for proxy in [
        "http://",
        "http://[",
        "http://h:port",
        "socks5://h:1",
        "ftp://h",
    ] {
        // The configuration may have refused it before.
        let Some(settings) = fixtures::try_settings(&[("https_proxy", proxy)]) else {
            continue;
        };
        let error = Https::prepare(&settings).unwrap_err().to_string();
        assert!(error.starts_with("https_proxy: "), "{proxy}: {error}");
    }
}

#[tokio::test]
async fn certificates_and_closed_ports() {
    let server = Server::start().await;
    let ca = server.ca();
    #[rustfmt::skip]
    let rows = [
        (vec![], "unreachable", "nobody knows the authority"),
        (vec![("https_ca_file", ca.as_str())], "sent", "the operator does"),
        (vec![("https_verify", "no")], "sent", "nobody asks"),
    ];
    for (mut options, expected, why) in rows {
        options.push(("http_timeout", "2"));
        let https = Https::prepare(&fixtures::settings(&options)).unwrap();
        let outcome = https
            .send(
                &server.to("ok"),
                NamedBy::Operator,
                &Bytes::from_static(b"gzip"),
                &Progress::default(),
            )
            .await;
        assert_eq!(outcome_name(&outcome), expected, "{why}: {outcome:?}");
        if let Outcome::Unreachable { reason } = outcome {
            assert!(reason.contains("certificate"), "{reason}");
        }
    }
    let nobody = "https://127.0.0.1:1/".parse().unwrap();
    let outcome = server
        .https(&[])
        .send(
            &nobody,
            NamedBy::Operator,
            &Bytes::from_static(b"gzip"),
            &Progress::default(),
        )
        .await;
    assert_eq!(outcome_name(&outcome), "unreachable", "{outcome:?}");
    let options = [("https_ca_file", "/nonexistent")];
    let error = Https::prepare(&fixtures::settings(&options))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("https_ca_file /nonexistent: "), "{error}");
}
