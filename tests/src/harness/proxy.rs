//! A loopback proxy for HTTPS (CONNECT, RFC 9110 section 9.3.6): every tunnel leads to one receiver, whatever was asked for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::runtime::{Task, runtime};

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _task: Task,
}

/// A CONNECT as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `HOST:PORT`.
    pub target: String,
    /// Header lines, names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Proxy {
    /// A proxy whose tunnels all lead to `port` on 127.0.0.1.
    pub fn start(port: u16) -> Proxy {
        Proxy::answering("200 Connected", Some(port))
    }

    /// A proxy that answers every CONNECT with this status, e.g. `407 Proxy Authentication Required`.
    pub fn refusing(status: &'static str) -> Proxy {
        Proxy::answering(status, None)
    }

    fn answering(status: &'static str, port: Option<u16>) -> Proxy {
        let listener = runtime()
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let asked = Arc::new(Mutex::default());
        let task = Task::spawn(serve(listener, status, port, Arc::clone(&asked)));
        Proxy {
            address,
            asked,
            _task: task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn serve(
    listener: TcpListener,
    status: &'static str,
    port: Option<u16>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    // Tunnels end with the proxy.
    let mut tunnels = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tunnels.spawn(tunnel(stream, status, port, Arc::clone(&asked)));
    }
}

async fn tunnel(
    stream: TcpStream,
    status: &str,
    port: Option<u16>,
    asked: Arc<Mutex<Vec<Asked>>>,
) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    let first = line(&mut stream).await?;
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line(&mut stream).await?.split_once(':') {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let target = first
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or(&first)
        .to_owned();
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Asked { target, headers });
    let answer = format!("HTTP/1.1 {status}\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    if let Some(port) = port {
        let mut receiver = TcpStream::connect(("127.0.0.1", port)).await?;
        copy_bidirectional(&mut stream, &mut receiver).await?;
    }
    Ok(())
}

async fn line(stream: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}
