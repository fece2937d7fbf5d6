//! The floor: a loop that reads the socket and throws the datagrams away.
#![allow(unsafe_code)]

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, Signal};

use crate::error::BenchError;

/// Datagrams a call, and room for each: more than the kernel's largest queue by default, and its largest datagram.
const BATCH: usize = 64;
const ROOM: usize = 256 * 1024;

static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Binds the socket and reads it until SIGTERM, then prints how many came.
pub(crate) fn run(path: &Path) -> Result<(), BenchError> {
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTERM);
    let failed = |what| move |errno: Errno| BenchError::io(what, path)(errno.into());
    stop.thread_block()
        .map_err(failed("cannot hold signals for"))?;
    let socket = UnixDatagram::bind(path).map_err(BenchError::io("cannot bind", path))?;
    let reader = thread::spawn(move || read(&socket));
    stop.wait().map_err(failed("cannot wait beside"))?;
    // What the queue holds is read within microseconds; the reader itself sleeps in the kernel for ever.
    thread::sleep(Duration::from_millis(20));
    if reader.is_finished() {
        return Err(BenchError::io("cannot read", path)(std::io::Error::other(
            "recvmmsg failed",
        )));
    }
    println!("received={}", RECEIVED.load(Ordering::Relaxed));
    Ok(())
}

fn read(socket: &UnixDatagram) {
    let mut rooms = vec![0_u8; BATCH * ROOM];
    let mut slices: Vec<libc::iovec> = rooms
        .chunks_exact_mut(ROOM)
        .map(|room| libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        })
        .collect();
    // SAFETY: a header of zeros is a valid one: no name, no slices, no control data.
    let mut headers: Vec<libc::mmsghdr> = vec![unsafe { std::mem::zeroed() }; BATCH];
    for (header, slice) in headers.iter_mut().zip(&mut slices) {
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
    }
    loop {
        // SAFETY: each header points to a slice in `slices`, and that to its own room in `rooms`; all outlive the call.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        match u64::try_from(received) {
            Ok(received) => RECEIVED.fetch_add(received, Ordering::Relaxed),
            Err(_) if Errno::last() == Errno::EINTR => continue,
            Err(_) => return,
        };
    }
}
