//! A loopback HTTPS receiver that keeps what is posted, and answers as the test's script says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::runtime::{Task, runtime};
use super::script::Script;
use super::tls::Ca;
use super::wait::until;

/// The receiver. It answers 200 where the script says nothing else.
#[derive(Debug)]
pub struct Https {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: Vec<Task>,
}

/// What the receiver answers to a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status, with more header lines (`Retry-After: 2`, `Location: ...`).
    Status(u16, Vec<String>),
    /// Never answers.
    Hang,
    /// Answers with this status, after that time.
    Late(Duration, u16),
    /// Resets the connection (RST) when the post is read.
    Reset,
    /// These bytes, and the end of the connection: no HTTP, or half of it.
    Raw(&'static str),
    /// A status and the promise of a body that never comes.
    Stalled(u16),
    /// 200 and a body without end.
    Endless,
    /// A status line without end.
    EndlessHeader,
}

impl Answer {
    /// A status without further headers.
    pub fn status(code: u16) -> Answer {
        Answer::Status(code, Vec::new())
    }

    /// A status with one header line.
    pub fn with(code: u16, header: &str) -> Answer {
        Answer::Status(code, vec![header.to_owned()])
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Post {
    /// `POST`, one hopes.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Header lines, names in lower case. One that came twice has its values joined by a comma.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// Which connection it came by, from 0.
    pub connection: usize,
}

#[derive(Debug)]
struct Shared {
    /// Rules by path.
    script: Script<String, Answer>,
    posts: Mutex<Vec<Post>>,
    connections: AtomicUsize,
}

impl Https {
    /// The host name of [`Https::url`]; the certificate holds it, and 127.0.0.1 and ::1.
    pub const HOST: &str = "https.reports.test";

    /// A receiver whose certificate `ca` has signed, on 127.0.0.1 and, where there is IPv6, ::1.
    pub fn start(ca: &Ca) -> Https {
        let acceptor = ca.acceptor(&[
            Https::HOST,
            "other.reports.test",
            "localhost",
            "127.0.0.1",
            "::1",
        ]);
        let shared = Arc::new(Shared {
            script: Script::new(),
            posts: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let mut tasks = vec![Task::spawn(serve(
            listener,
            shared.clone(),
            acceptor.clone(),
        ))];
        if let Ok(v6) = runtime().block_on(TcpListener::bind(("::1", address.port()))) {
            tasks.push(Task::spawn(serve(v6, shared.clone(), acceptor)));
        }
        Https {
            address,
            shared,
            _tasks: tasks,
        }
    }

    /// The port on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of a path that begins with a slash, by host name.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}:{}{path}", Https::HOST, self.port())
    }

    /// From now on, answers posts to `path` so.
    pub fn script(&self, path: &str, answer: Answer) {
        self.shared.script.add(path.to_owned(), answer, None);
    }

    /// Answers the next `times` posts to `path` so.
    pub fn script_times(&self, path: &str, answer: Answer, times: usize) {
        self.shared.script.add(path.to_owned(), answer, Some(times));
    }

    /// Forgets the script: 200 for all from now on.
    pub fn heal(&self) {
        self.shared.script.clear();
    }

    /// Everything that came, whatever was answered.
    pub fn posts(&self) -> Vec<Post> {
        self.shared
            .posts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What came to one path.
    pub fn posts_to(&self, path: &str) -> Vec<Post> {
        self.posts()
            .into_iter()
            .filter(|post| post.path == path)
            .collect()
    }

    /// Waits until at least `count` posts came, and returns all.
    pub fn wait_for_posts(&self, count: usize) -> Vec<Post> {
        until(&format!("{count} posts"), || {
            Some(self.posts()).filter(|posts| posts.len() >= count)
        })
    }

    /// How many TCP connections were made, also those whose handshake failed.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, acceptor: TlsAcceptor) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
        let (shared, acceptor) = (shared.clone(), acceptor.clone());
        connections.spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                // An error is the end of the connection: the client's affair.
                let _ = talk(BufStream::new(stream), connection, &shared).await;
            }
        });
    }
}

type Tls = BufStream<tokio_rustls::server::TlsStream<TcpStream>>;

async fn talk(mut stream: Tls, connection: usize, shared: &Shared) -> std::io::Result<()> {
    while let Some(post) = read(&mut stream, connection).await? {
        let path = post.path.clone();
        shared
            .posts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(post);
        match shared
            .script
            .next(|wanted| *wanted == path)
            .unwrap_or(Answer::status(200))
        {
            Answer::Status(code, headers) => reply(&mut stream, code, &headers).await?,
            Answer::Hang => std::future::pending().await,
            Answer::Late(time, code) => {
                tokio::time::sleep(time).await;
                reply(&mut stream, code, &[]).await?;
            }
            Answer::Reset => return stream.get_ref().get_ref().0.set_zero_linger(),
            Answer::Raw(bytes) => {
                stream.write_all(bytes.as_bytes()).await?;
                return stream.shutdown().await;
            }
            Answer::Stalled(code) => {
                let head = format!("HTTP/1.1 {code} Scripted\r\nContent-Length: 100\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                stream.flush().await?;
                std::future::pending::<()>().await;
            }
            Answer::Endless => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                forever(&mut stream, b"10\r\n0123456789abcdef\r\n").await?;
            }
            Answer::EndlessHeader => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX-Endless: ").await?;
                forever(&mut stream, &[b'x'; 1024]).await?;
            }
        }
    }
    Ok(())
}

async fn reply(stream: &mut Tls, code: u16, headers: &[String]) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {code} Scripted\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    // RFC 9110 section 15.3.5: a 204 has no body and no Content-Length.
    head.push_str(if code == 204 {
        "\r\n"
    } else {
        "Content-Length: 0\r\n\r\n"
    });
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await
}

async fn forever(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
        stream.flush().await?;
    }
}

/// One HTTP/1.1 request with a Content-Length or chunks; `None` at the end of the connection.
async fn read(
    stream: &mut (impl AsyncBufReadExt + Unpin),
    connection: usize,
) -> std::io::Result<Option<Post>> {
    let first = line(stream).await?;
    let mut words = first.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = BTreeMap::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim().to_owned();
        headers
            .entry(name.to_ascii_lowercase())
            .and_modify(|old: &mut String| *old = format!("{old},{value}"))
            .or_insert(value);
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    if headers
        .get("transfer-encoding")
        .is_some_and(|coding| coding.contains("chunked"))
    {
        body = chunks(stream).await?;
    }
    Ok(Some(Post {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body,
        connection,
    }))
}

async fn chunks(stream: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&line(stream).await?, 16).unwrap_or(0);
        let mut chunk = vec![0; size];
        stream.read_exact(&mut chunk).await?;
        line(stream).await?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk);
    }
}

async fn line(stream: &mut (impl AsyncBufReadExt + AsyncRead + Unpin)) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}
