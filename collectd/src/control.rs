//! How the other threads speak to the reader, which sleeps in poll.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Wishes, and a descriptor that becomes readable when there is one.
#[derive(Debug)]
pub(crate) struct Control {
    event: EventFd,
    /// There is a wish: the reader looks here first, which costs no system call.
    wished: AtomicBool,
    stop: AtomicBool,
    roll: AtomicBool,
    forget: AtomicBool,
}

/// What is wished for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Drain the sockets and end.
    pub(crate) stop: bool,
    /// Roll the day over now.
    pub(crate) roll: bool,
    /// Begin the slots anew: the writer wants a boundary.
    pub(crate) forget: bool,
}

impl Control {
    pub(crate) fn new() -> io::Result<Control> {
        Ok(Control {
            event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            wished: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            roll: AtomicBool::new(false),
            forget: AtomicBool::new(false),
        })
    }

    pub(crate) fn stop(&self) {
        self.wish(&self.stop);
    }

    pub(crate) fn roll(&self) {
        self.wish(&self.roll);
    }

    pub(crate) fn forget(&self) {
        self.wish(&self.forget);
    }

    /// The descriptor to poll.
    pub(crate) fn event(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Takes the wishes; they are not there any more afterwards.
    pub(crate) fn take(&self) -> Wishes {
        if !self.wished.load(Ordering::Relaxed) {
            return Wishes::default();
        }
        // In this order: a wish in between is seen now, and once more for nothing.
        self.wished.swap(false, Ordering::AcqRel);
        let _ = self.event.read();
        Wishes {
            stop: self.stop.swap(false, Ordering::Acquire),
            roll: self.roll.swap(false, Ordering::Acquire),
            forget: self.forget.swap(false, Ordering::Acquire),
        }
    }

    fn wish(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.wished.store(true, Ordering::Release);
        // It fails only when the counter is full, and then the reader is about to wake anyhow.
        let _ = self.event.write(1);
    }
}
