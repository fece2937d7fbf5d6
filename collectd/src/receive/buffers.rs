//! What the kernel writes datagrams into, many by one system call.

use std::{
    io::IoSliceMut,
    os::{fd::AsRawFd, unix::net::UnixDatagram},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg},
};

/// Datagrams read by one system call.
const BATCH: usize = 32;

/// Whether to wait for a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadMode {
    /// For the first one of a batch, as long as the socket's read timeout.
    Wait,
    /// Not at all.
    NoWait,
}

/// See the module.
pub(crate) struct ReceiveBuffers {
    headers: MultiHeaders<()>,
    bytes: Vec<u8>,
    max_datagram_size: usize,
    /// Of each datagram its length, and whether it was cut.
    received: [(usize, bool); BATCH],
}

impl ReceiveBuffers {
    pub(crate) fn new(max_datagram_size: usize) -> ReceiveBuffers {
        let max_datagram_size = max_datagram_size.max(1);
        ReceiveBuffers {
            headers: MultiHeaders::preallocate(BATCH, None),
            // Zeroed memory costs nothing before it is touched: only as much is resident as datagrams are long.
            bytes: vec![0; max_datagram_size * BATCH],
            max_datagram_size,
            received: [(0, false); BATCH],
        }
    }

    /// Receives what waits in the socket, at most a batch, and says how many datagrams that are.
    pub(super) fn receive(
        &mut self,
        socket: &UnixDatagram,
        mode: ReadMode,
    ) -> Result<usize, Errno> {
        let flags = match mode {
            ReadMode::Wait => MsgFlags::MSG_WAITFORONE,
            ReadMode::NoWait => MsgFlags::MSG_DONTWAIT,
        };
        let mut chunks = self.bytes.chunks_exact_mut(self.max_datagram_size);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(chunks.next().unwrap_or_default())]);
        let results = match recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            flags,
            None,
        ) {
            Err(Errno::EAGAIN) => return Ok(0),
            results => results?,
        };
        let mut count = 0;
        for (result, received) in results.zip(&mut self.received) {
            *received = (result.bytes, result.flags.contains(MsgFlags::MSG_TRUNC));
            count += 1;
        }
        Ok(count)
    }

    /// A datagram of the last batch, and whether it was longer than these bytes.
    pub(super) fn datagram(&self, n: usize) -> (&[u8], bool) {
        let (len, is_cut) = self.received[n];
        let start = n * self.max_datagram_size;
        let bytes = &self.bytes[start..start + len.min(self.max_datagram_size)];
        (bytes, is_cut)
    }
}
