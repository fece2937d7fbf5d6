//! Whether datagrams can still find us: what is wrong between Postfix and the socket shows in Postfix's log alone, and there
//! hardly anybody looks.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_service::log::LogThrottle;
use tracing::{error, warn};

use crate::{
    control::Control,
    error::Error,
    socket::{Access, Maker, Name, Socket},
};

/// One line about a path that does not lead to us in that time.
const INTERVAL: Duration = Duration::from_secs(600);
/// So long without a datagram is worth a line.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// See the module.
pub(super) struct Watch {
    names: Vec<Name>,
    access: Access,
    complaint: LogThrottle,
    silence: Silence,
}

impl Watch {
    /// Of the sockets' names, in their order. With `used`, datagrams came before this start.
    pub(super) fn new(names: Vec<Name>, access: Access, used: bool, now: Instant) -> Watch {
        Watch {
            names,
            access,
            complaint: LogThrottle::new(INTERVAL),
            silence: Silence::new(used, now),
        }
    }

    /// Looks now and then. A socket of ours whose path leads elsewhere is made again.
    pub(super) fn look(&mut self, control: &Control, received: u64, now: Timestamp) {
        for place in 0..self.names.len() {
            let Some(path) = self.names[place].lost().map(Path::to_owned) else {
                continue;
            };
            match self.names[place].maker() {
                Maker::Ours => self.make_again(place, &path, control, now),
                Maker::ServiceManager => self.complain(
                    now,
                    &path,
                    "the service manager's socket is no longer at its path: restart both units (systemctl restart tlsrpt-collectd.socket tlsrpt-collectd.service)",
                ),
            }
        }
        if self.silence.is_long(received, Instant::now()) {
            let paths: Vec<_> = self.names.iter().filter_map(Name::path).collect();
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
            Err(error) => self.complain(now, path, &error.to_string()),
        }
    }

    fn complain(&mut self, now: Timestamp, path: &Path, problem: &str) {
        if let Some(suppressed) = self.complaint.pass(now) {
            error!(socket = %path.display(), problem, suppressed, "the socket's path does not lead to this collector any more: nothing comes");
        }
    }

    /// Takes the names away, so that nobody sends any more.
    pub(super) fn unlink(&mut self) -> Result<(), Error> {
        let unlinked: Vec<_> = self.names.iter_mut().map(Name::unlink).collect();
        unlinked
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(Error::Unlink)
    }
}

/// How long nothing has come.
struct Silence {
    /// Something came before, or there is nothing to miss.
    used: bool,
    received: u64,
    since: Instant,
}

impl Silence {
    fn new(used: bool, now: Instant) -> Silence {
        Silence {
            used,
            received: 0,
            since: now,
        }
    }

    /// True once each day in which nothing came.
    fn is_long(&mut self, received: u64, now: Instant) -> bool {
        if received != self.received {
            self.used = true;
            (self.received, self.since) = (received, now);
            return false;
        }
        let long = self.used && now.saturating_duration_since(self.since) >= LONG;
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
        for (used, steps) in [
            (
                false,
                [
                    (25, 0, false, "nothing ever came"),
                    (26, 1, false, "the first"),
                    (49, 1, false, "not yet a day"),
                    (50, 1, true, "a day"),
                    (60, 1, false, "told"),
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
            let mut silence = Silence::new(used, start);
            for (hours, received, want, why) in steps {
                let now = start + Duration::from_secs(hours * 3600);
                assert_eq!(silence.is_long(received, now), want, "{why}");
            }
        }
    }
}
