//! The receivers on loopback: SMTP, HTTPS, DNS. They answer as soon as they can and do no more than that, in this
//! process, so that neither their CPU nor their speed is what is measured.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::day::{Rua, number};
use super::taken::Taken;
use crate::error::BenchError;

/// A receiver of mail. Gives its port.
pub(crate) fn smtp(taken: Taken) -> Result<u16, BenchError> {
    slow_smtp(taken, Duration::ZERO)
}

/// The same, with that time for each mail.
pub(crate) fn slow_smtp(taken: Taken, time: Duration) -> Result<u16, BenchError> {
    serve(move |stream| {
        let _ = stream.set_nodelay(true);
        take_mails(&stream, &taken, time)
    })
}

/// It offers what Postfix offers, and as Postfix does it writes its replies when it has read all that came.
fn take_mails(mut stream: &TcpStream, taken: &Taken, time: Duration) -> io::Result<()> {
    let mut lines = BufReader::with_capacity(1 << 16, stream);
    let (mut line, mut mail, mut recipient) = (Vec::new(), Vec::new(), Vec::new());
    let mut replies = b"220 bench.example ESMTP\r\n".to_vec();
    loop {
        if lines.buffer().is_empty() {
            stream.write_all(&replies)?;
            replies.clear();
        }
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let verb: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
        let reply: &[u8] = match &verb[..] {
            b"EHLO" => {
                b"250-bench.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250 SIZE\r\n"
            }
            b"DATA" => {
                replies.extend(b"354 go on\r\n");
                stream.write_all(&replies)?;
                replies.clear();
                while line != b".\r\n" {
                    line.clear();
                    if lines.read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                }
                taken.mail(&recipient);
                thread::sleep(time);
                b"250 2.0.0 taken\r\n"
            }
            b"BDAT" => {
                mail.resize(length_of_chunk(&line)?, 0);
                lines.read_exact(&mut mail)?;
                taken.mail(&recipient);
                thread::sleep(time);
                b"250 2.0.0 taken\r\n"
            }
            b"RCPT" => {
                recipient.clone_from(&line);
                b"250 2.1.5 ok\r\n"
            }
            b"QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => b"250 2.0.0 ok\r\n",
        };
        replies.extend(reply);
    }
}

/// `BDAT LENGTH LAST`: one chunk is a mail.
fn length_of_chunk(line: &[u8]) -> io::Result<usize> {
    let line = str::from_utf8(line).map_err(io::Error::other)?;
    let length = line.split(' ').nth(1).unwrap_or_default();
    length.parse().map_err(io::Error::other)
}

/// A receiver of posts, on every loopback address. Gives its port.
pub(crate) fn https(taken: Taken) -> Result<u16, BenchError> {
    slow_https(taken, Duration::ZERO)
}

/// The same, with that time for each answer.
pub(crate) fn slow_https(taken: Taken, time: Duration) -> Result<u16, BenchError> {
    let config = tls().map_err(BenchError::other("the certificate"))?;
    serve(move |stream| {
        let _ = stream.set_nodelay(true);
        let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        take_posts(StreamOwned::new(connection, stream), &taken, time)
    })
}

fn tls() -> Result<Arc<ServerConfig>, Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config))
}

/// HTTP/1.1: both clients fall back to it when nothing else is offered.
fn take_posts(
    stream: StreamOwned<ServerConnection, TcpStream>,
    taken: &Taken,
    time: Duration,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let field = line.trim_end().to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            if field.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
        taken.post(&body);
        thread::sleep(time);
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

/// A thread a connection: there are few.
fn serve(
    talk: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> Result<u16, BenchError> {
    let fault = BenchError::other("listening on loopback");
    let bound = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = bound.map_err(fault)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            // A client that goes away is no fault; what is missing shows in the count.
            thread::spawn(move || drop(talk(stream)));
        }
    });
    Ok(port)
}

/// A name server that knows the record of every domain. Gives its port.
pub(crate) fn dns(rua: Rua) -> Result<u16, BenchError> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| Ok((socket.local_addr()?.port(), socket)));
    let (port, socket) = bound.map_err(BenchError::other("listening on loopback"))?;
    thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            if let Some(answer) = answer(&query[..length], rua) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    Ok(port)
}

/// RFC 1035 section 4: the question is given back, and one TXT record with it.
fn answer(query: &[u8], rua: Rua) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let question = query.get(12..at + 4)?;
    let record = match &labels[..] {
        [smtp, tls, domain, _] if smtp == "_smtp" && tls == "_tls" => rua.record(number(domain)?),
        _ => return None,
    };
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    answer.extend(question);
    let length = u8::try_from(record.len()).ok()?;
    answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
    answer.extend(record.as_bytes());
    Some(answer)
}

/// Hands the mail on standard input to a receiver: sys4 runs a program a mail, as it runs sendmail.
pub(crate) fn hand_over(port: u16) -> Result<(), BenchError> {
    let fault = || BenchError::other("handing over");
    let mut mail = Vec::new();
    io::stdin().read_to_end(&mut mail).map_err(fault())?;
    mail.extend(b"\r\n.\r\n");
    let talk = || -> io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        let mut answers = BufReader::new(stream.try_clone()?);
        let mut said = String::new();
        answers.read_line(&mut said)?;
        let commands: [&[u8]; 4] = [
            b"HELO sender.example\r\n",
            b"MAIL FROM:<a@sender.example>\r\n",
            b"RCPT TO:<a@receiver.example>\r\n",
            b"DATA\r\n",
        ];
        for text in commands.into_iter().chain([&mail[..]]) {
            stream.write_all(text)?;
            said.clear();
            answers.read_line(&mut said)?;
            if !said.starts_with(['2', '3']) {
                return Err(io::Error::other(said));
            }
        }
        stream.write_all(b"QUIT\r\n")
    };
    talk().map_err(fault())
}
