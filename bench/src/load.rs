//! The load generator: processes that send as Postfix does, and count what `send()` accepted.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, send};

use crate::error::BenchError;
use crate::mix::{DatagramKind, Mix};

/// One load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    /// The collector's socket.
    pub(crate) socket: PathBuf,
    /// Datagrams, of all senders.
    pub(crate) count: u64,
    /// Datagrams a second, of all senders; as fast as they can without.
    pub(crate) rate: Option<u32>,
    /// Sending processes.
    pub(crate) senders: u32,
    /// Wait where the kernel's queue is full; libtlsrpt never does, and loses the datagram.
    pub(crate) waits: bool,
    /// A new socket a datagram, as libtlsrpt.
    pub(crate) fresh: bool,
    /// Their contents.
    pub(crate) mix: DatagramKind,
    /// Different domains.
    pub(crate) domains: u64,
    /// The number of the first datagram.
    pub(crate) first: u64,
}

/// What became of the datagrams.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sent {
    /// All that were tried.
    pub(crate) tried: u64,
    /// Those that `send()` accepted.
    pub(crate) accepted: u64,
    /// Those lost because the queue was full.
    pub(crate) full: u64,
    /// Those lost because no collector was there.
    pub(crate) refused: u64,
    /// From the first to the last.
    pub(crate) seconds: f64,
}

impl Load {
    /// Sends: in this process if it is to be one sender, else in as many others.
    pub(crate) fn run(&self) -> Result<Sent, BenchError> {
        if self.senders == 1 {
            return self.send();
        }
        let senders = u64::from(self.senders);
        let shares = (0..senders).map(|sender| Load {
            count: self.count / senders + u64::from(sender < self.count % senders),
            rate: self.rate.map(|rate| (rate / self.senders).max(1)),
            senders: 1,
            first: self.first + sender * self.count.div_ceil(senders),
            ..self.clone()
        });
        let children = shares
            .map(|share| share.spawn())
            .collect::<Result<Vec<_>, _>>()?;
        let mut all = Sent::default();
        for child in children {
            all.add(child.finish()?);
        }
        Ok(all)
    }

    /// Sends in another process, as a sender is one in life.
    pub(crate) fn spawn(&self) -> Result<Sending, BenchError> {
        let program = std::env::current_exe().map_err(BenchError::io(
            "cannot find",
            &PathBuf::from("this program"),
        ))?;
        let mut command = Command::new(&program);
        command.arg("load").arg("--socket").arg(&self.socket);
        let mut option = |name: &str, value: String| {
            command.arg(name).arg(value);
        };
        option("--count", self.count.to_string());
        option("--senders", self.senders.to_string());
        option("--domains", self.domains.to_string());
        option("--first", self.first.to_string());
        option("--mix", self.mix.word().to_owned());
        if let Some(rate) = self.rate {
            option("--rate", rate.to_string());
        }
        if self.waits {
            command.arg("--wait");
        }
        if self.fresh {
            command.arg("--new-socket");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("cannot start", &program))?;
        Ok(Sending(child))
    }

    fn send(&self) -> Result<Sent, BenchError> {
        let mut mix = Mix::new(self.mix, self.domains, self.first);
        let line = Line::new(self)?;
        let mut pace = Pace::new(self.rate);
        let mut sent = Sent::default();
        let begin = Instant::now();
        for number in 0..self.count {
            pace.wait(number);
            sent.tried += 1;
            match line.send(mix.next()) {
                Ok(()) => sent.accepted += 1,
                Err(Errno::EAGAIN | Errno::ENOBUFS) => sent.full += 1,
                Err(Errno::ECONNREFUSED | Errno::ENOENT | Errno::ENOTCONN) => sent.refused += 1,
                Err(errno) => {
                    return Err(BenchError::io("cannot send to", &self.socket)(errno.into()));
                }
            }
        }
        sent.seconds = begin.elapsed().as_secs_f64();
        Ok(sent)
    }
}

/// A load under way in another process.
#[derive(Debug)]
pub(crate) struct Sending(std::process::Child);

impl Sending {
    /// Waits for its end.
    pub(crate) fn finish(self) -> Result<Sent, BenchError> {
        let failed = |error: io::Error| BenchError::NoCounts(error.to_string());
        let output = self.0.wait_with_output().map_err(failed)?;
        String::from_utf8_lossy(&output.stdout).parse()
    }
}

/// One socket for all datagrams, or a new one each.
struct Line<'a> {
    load: &'a Load,
    kept: Option<UnixDatagram>,
    flags: MsgFlags,
}

impl Line<'_> {
    fn new(load: &Load) -> Result<Line<'_>, BenchError> {
        let kept = match load.fresh {
            true => None,
            false => Some(connect(load).map_err(|errno| {
                BenchError::io("cannot connect to", &load.socket)(errno.into())
            })?),
        };
        let flags = match load.waits {
            true => MsgFlags::empty(),
            false => MsgFlags::MSG_DONTWAIT,
        };
        Ok(Line { load, kept, flags })
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        match &self.kept {
            Some(socket) => send(socket.as_raw_fd(), bytes, self.flags),
            None => send(connect(self.load)?.as_raw_fd(), bytes, self.flags),
        }
        .map(drop)
    }
}

fn connect(load: &Load) -> Result<UnixDatagram, Errno> {
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    let socket = UnixDatagram::unbound().map_err(errno)?;
    socket.connect(&load.socket).map_err(errno)?;
    Ok(socket)
}

/// Sends on time; who is late catches up at once, as mail that was held up does.
struct Pace {
    begin: Instant,
    between: Option<Duration>,
}

impl Pace {
    fn new(rate: Option<u32>) -> Pace {
        // Else the kernel lets a sleeper lie 50 microseconds longer, and every sender comes in bursts. Without it the
        // pace is a little rougher, no more.
        let _ = prctl::set_timerslack(1);
        Pace {
            begin: Instant::now(),
            between: rate.map(|rate| Duration::from_secs(1) / rate.max(1)),
        }
    }

    fn wait(&mut self, number: u64) {
        let Some(between) = self.between else { return };
        let due = Duration::from_nanos(between.as_nanos() as u64 * number);
        if let Some(early) = due.checked_sub(self.begin.elapsed()) {
            thread::sleep(early);
        }
    }
}

impl Sent {
    fn add(&mut self, other: Sent) {
        self.tried += other.tried;
        self.accepted += other.accepted;
        self.full += other.full;
        self.refused += other.refused;
        self.seconds = self.seconds.max(other.seconds);
    }

    /// The share that was lost, of 1.
    pub(crate) fn loss(&self) -> f64 {
        1.0 - self.accepted as f64 / self.tried.max(1) as f64
    }

    /// Accepted datagrams a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.seconds.max(1e-9)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load {
            count,
            senders,
            mix,
            domains,
            ..
        } = self;
        let rate = self.rate.map_or("all".to_owned(), |rate| rate.to_string());
        let waits = if self.waits { "waiting" } else { "not waiting" };
        let socket = if self.fresh {
            "a socket each"
        } else {
            "one socket"
        };
        write!(
            f,
            "{count} {mix:?}, {domains} domains, {senders} sender(s) {waits}, {rate} a second, {socket}"
        )
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent {
            tried,
            accepted,
            full,
            refused,
            seconds,
        } = self;
        write!(
            f,
            "tried={tried} accepted={accepted} full={full} refused={refused} seconds={seconds:.6}"
        )
    }
}

impl FromStr for Sent {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Sent, BenchError> {
        let value = |name: &str| {
            text.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name| value(name).and_then(|number| number.parse().ok());
        let read = || {
            Some(Sent {
                tried: number("tried")?,
                accepted: number("accepted")?,
                full: number("full")?,
                refused: number("refused")?,
                seconds: value("seconds")?.parse().ok()?,
            })
        };
        read().ok_or_else(|| BenchError::NoCounts(text.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_as_they_are_written() {
        let sent = Sent {
            tried: 10,
            accepted: 7,
            full: 2,
            refused: 1,
            seconds: 0.25,
        };
        assert_eq!(sent.to_string().parse::<Sent>().unwrap(), sent);
        assert!("accepted=7".parse::<Sent>().is_err(), "not all of them");
        assert!(sent.loss() > 0.29 && sent.loss() < 0.31);
    }
}
