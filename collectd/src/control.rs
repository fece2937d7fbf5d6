//! How the other threads speak to the reader, which sleeps in poll.

use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixDatagram,
    },
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Requests, and a descriptor that becomes readable when there is one.
#[derive(Debug)]
pub(crate) struct Control {
    event: EventFd,
    /// Something is requested: the reader looks here first, which costs no system call.
    is_pending: AtomicBool,
    requests: Mutex<Requests>,
}

/// What the reader is requested to do.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// Drain the sockets and end.
    pub(crate) stop: bool,
    /// The operator's SIGUSR2: close today now.
    pub(crate) rotate: bool,
    /// Start an epoch: the writer needs one.
    pub(crate) start_epoch: bool,
    /// Sockets that were made again, each with the place of the one that it replaces.
    pub(crate) sockets: Vec<(usize, UnixDatagram)>,
}

impl Control {
    /// Without any request.
    ///
    /// # Errors
    ///
    /// The process has no descriptor left.
    pub(crate) fn new() -> io::Result<Control> {
        Ok(Control {
            event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            is_pending: AtomicBool::new(false),
            requests: Mutex::default(),
        })
    }

    pub(crate) fn stop(&self) {
        self.request(|requests| requests.stop = true);
    }

    pub(crate) fn rotate(&self) {
        self.request(|requests| requests.rotate = true);
    }

    pub(crate) fn start_epoch(&self) {
        self.request(|requests| requests.start_epoch = true);
    }

    /// A socket was made again: it is to be read in that place from now on.
    pub(crate) fn replace_socket(&self, place: usize, socket: UnixDatagram) {
        self.request(|requests| requests.sockets.push((place, socket)));
    }

    /// The descriptor to poll.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Takes all requests away.
    pub(crate) fn take(&self) -> Requests {
        if !self.is_pending.load(Ordering::Relaxed) {
            return Requests::default();
        }
        // In this order: a request that comes in between is taken now, and looked for once more in vain.
        self.is_pending.swap(false, Ordering::AcqRel);
        let _ = self.event.read();
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn request(&self, change: impl FnOnce(&mut Requests)) {
        change(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner));
        self.is_pending.store(true, Ordering::Release);
        // It fails only when the counter is full, and then the reader is about to wake anyhow.
        let _ = self.event.write(1);
    }
}
