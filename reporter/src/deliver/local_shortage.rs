//! Resources of this host that are used up: this is never the receiver's failure.

use std::error::Error;
use std::fs::File;
use std::io;

use nix::errno::Errno;

use super::Outcome;

/// Whether an error says that this host has run out of descriptors, processes, ports or memory.
pub(super) fn is_exhaustion(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOBUFS
                | Errno::ENOMEM
                | Errno::EADDRNOTAVAIL
                | Errno::EAGAIN
        )
    )
}

/// The first such error among the causes of another.
pub(super) fn exhaustion_behind(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            if is_exhaustion(error) {
                return Some(error.to_string());
            }
            // It does not count what it wraps among its sources.
            if let Some(reason) = error.get_ref().and_then(|inner| exhaustion_behind(inner)) {
                return Some(reason);
            }
        }
        next = cause.source();
    }
    None
}

/// Libraries do not always pass the error number on. Then one more descriptor is opened to find out.
pub(super) fn unless_exhausted(outcome: Outcome) -> Outcome {
    if !matches!(outcome, Outcome::Unreachable { .. }) {
        return outcome;
    }
    match File::open("/dev/null") {
        Err(error) if is_exhaustion(&error) => Outcome::LocalShortage {
            reason: error.to_string(),
        },
        _ => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("connecting")]
    struct Connecting(#[source] io::Error);

    #[test]
    fn what_is_ours_and_what_is_theirs() {
        let os = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        for (error, ours, why) in [
            (os(Errno::EMFILE), true, "descriptors of this process"),
            (os(Errno::ENFILE), true, "of the system"),
            (os(Errno::ENOBUFS), true, "buffers"),
            (os(Errno::EADDRNOTAVAIL), true, "ports"),
            (os(Errno::ECONNREFUSED), false, "nobody listens"),
            (os(Errno::ENETUNREACH), false, "no way there"),
            (os(Errno::ETIMEDOUT), false, "nobody answers"),
            (io::Error::other("TLS"), false, "no system call"),
            (
                io::Error::other(Connecting(os(Errno::EMFILE))),
                true,
                "wrapped",
            ),
        ] {
            let behind = exhaustion_behind(&Connecting(error));
            assert_eq!(behind.is_some(), ours, "{why}: {behind:?}");
        }
    }
}
