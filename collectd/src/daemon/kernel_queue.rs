//! How many datagrams the kernel queues for a socket.
//!
//! Postfix does not wait: what that queue cannot hold is lost there without a word. The number is measured, with a
//! socket of our own, because a sandbox may hide `/proc/sys` (systemd's `ProcSubset=pid`).

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use tracing::warn;

/// Fewer datagrams than this in the kernel's queue are lost at the first burst.
const SHORT: usize = 128;

/// Warns of a queue that is too short.
pub(super) fn warn_if_short() {
    // Where it cannot be measured there is nothing to say.
    let Ok(length) = measure(SHORT) else { return };
    if length < SHORT {
        warn!(
            length,
            "the kernel queues few datagrams a socket, what comes in a burst is lost: set net.unix.max_dgram_qlen=512 and restart"
        );
    }
}

/// Sends to a socket that nobody reads until no more is taken, at most so many. The kernel takes one datagram more than
/// `net.unix.max_dgram_qlen`, which is the number that an operator knows.
fn measure(most: usize) -> io::Result<usize> {
    // A name that is no file, and of this moment only.
    let name = format!(
        "tlsrptd-{}-{:016x}",
        std::process::id(),
        rand::random::<u64>()
    );
    let address = SocketAddr::from_abstract_name(name)?;
    let _receiver = UnixDatagram::bind_addr(&address)?;
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    for sent in 0..=most {
        match sender.send_to_addr(b"?", &address) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(sent.saturating_sub(1));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_kernel_says() {
        let known = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").unwrap();
        let known: usize = known.trim().parse().unwrap();
        for most in [1, 5, SHORT] {
            assert_eq!(measure(most).unwrap(), most.min(known), "up to {most}");
        }
    }
}
