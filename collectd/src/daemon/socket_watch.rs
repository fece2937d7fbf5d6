//! Watches whether datagrams still reach the sockets. What is wrong between Postfix and a socket shows in Postfix's log
//! alone, and hardly anybody looks there.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_service::log::LogThrottle;
use tracing::{error, warn};

use crate::{
    control::Control,
    socket::{Access, Socket, SocketError, SocketMaker, SocketName},
};

/// One line in that time about a path that does not lead to our socket.
const INTERVAL: Duration = Duration::from_secs(600);
/// A line is logged after so long without a datagram.
const LONG_SILENCE: Duration = Duration::from_secs(24 * 3600);

/// See the module.
pub(super) struct SocketWatch {
    names: Vec<SocketName>,
    access: Access,
    log_throttle: LogThrottle,
    silence: SilenceWatch,
}

impl SocketWatch {
    /// Watches these names, in the order of the sockets. With `is_used`, datagrams came before this start.
    pub(super) fn new(
        names: Vec<SocketName>,
        access: Access,
        is_used: bool,
        now: Instant,
    ) -> SocketWatch {
        SocketWatch {
            names,
            access,
            log_throttle: LogThrottle::new(INTERVAL),
            silence: SilenceWatch::new(is_used, now),
        }
    }

    /// To be called now and then. A socket of ours whose path leads elsewhere is made again.
    pub(super) fn look(&mut self, control: &Control, received: u64, now: Timestamp) {
        for place in 0..self.names.len() {
            let Some(path) = self.names[place].lost().map(Path::to_owned) else {
                continue;
            };
            match self.names[place].maker() {
                SocketMaker::Collector => self.make_again(place, &path, control, now),
                SocketMaker::ServiceManager => self.log_lost(
                    now,
                    &path,
                    "the service manager's socket is no longer at its path: restart both units (systemctl restart tlsrpt-collectd.socket tlsrpt-collectd.service)",
                ),
            }
        }
        if self.silence.is_long(received, Instant::now()) {
            let paths: Vec<_> = self.names.iter().filter_map(SocketName::path).collect();
            let socket = paths.first().map(|path| path.display().to_string());
            warn!(
                socket,
                "no datagram for a day, though some came before: see that Postfix has smtp_tlsrpt_enable = yes and this socket as smtp_tlsrpt_socket_name, and see its log"
            );
        }
    }

    fn make_again(&mut self, place: usize, path: &Path, control: &Control, now: Timestamp) {
        match Socket::make_again(path, &self.access) {
            Ok(socket) => {
                let (socket, name) = socket.split();
                self.names[place] = name;
                control.replace_socket(place, socket);
                warn!(socket = %path.display(), "somebody removed the socket from its path; it is made again");
            }
            Err(error) => self.log_lost(now, path, &error.to_string()),
        }
    }

    fn log_lost(&mut self, now: Timestamp, path: &Path, problem: &str) {
        if let Some(suppressed) = self.log_throttle.pass(now) {
            error!(socket = %path.display(), problem, suppressed, "the socket's path does not lead to this collector any more: nothing comes");
        }
    }

    /// Removes the names, so that nobody sends any more.
    ///
    /// # Errors
    ///
    /// The first name that cannot be removed.
    pub(super) fn unlink(&mut self) -> Result<(), SocketError> {
        let unlinked: Vec<_> = self.names.iter_mut().map(SocketName::unlink).collect();
        unlinked.into_iter().collect()
    }
}

/// Watches for how long no datagram has come.
struct SilenceWatch {
    /// Datagrams came before: without any, nothing is missed.
    is_used: bool,
    received: u64,
    since: Instant,
}

impl SilenceWatch {
    fn new(is_used: bool, now: Instant) -> SilenceWatch {
        SilenceWatch {
            is_used,
            received: 0,
            since: now,
        }
    }

    /// True once a day in which nothing came.
    fn is_long(&mut self, received: u64, now: Instant) -> bool {
        if received != self.received {
            self.is_used = true;
            (self.received, self.since) = (received, now);
            return false;
        }
        let long = self.is_used && now.saturating_duration_since(self.since) >= LONG_SILENCE;
        if long {
            self.since = now;
        }
        long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_day_without_a_datagram() {
        let start = Instant::now();
        for (is_used, steps) in [
            (
                false,
                [
                    (25, 0, false, "nothing ever came"),
                    (26, 1, false, "the first"),
                    (49, 1, false, "not yet a day"),
                    (50, 1, true, "a day"),
                    (60, 1, false, "logged already"),
                    (74, 1, true, "another day"),
                ],
            ),
            (
                true,
                [
                    (23, 0, false, "not yet a day"),
                    (24, 0, true, "some came before this start"),
                    (25, 5, false, "they come again"),
                    (48, 6, false, "and again"),
                    (71, 6, false, "not yet a day"),
                    (72, 6, true, "a day"),
                ],
            ),
        ] {
            let mut silence = SilenceWatch::new(is_used, start);
            for (hours, received, want, why) in steps {
                let now = start + Duration::from_secs(hours * 3600);
                assert_eq!(silence.is_long(received, now), want, "{why}");
            }
        }
    }
}
