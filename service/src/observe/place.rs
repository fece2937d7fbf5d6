//! Where a daemon is asked: the socket at its path, made again while it cannot be had, or is gone.

use std::{
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tracing::{info, warn};

use super::{ServeError, socket::ListeningSocket};

/// That often the path is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(5);
/// While the socket cannot be made, twice as long each time, up to this: whoever answers there is no friend of visits.
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(super) struct ObservedPlace {
    path: PathBuf,
    /// Kept while its path is gone, too: who connected before is answered.
    socket: Option<ListeningSocket>,
    /// The log says already that it cannot be made.
    is_told: bool,
    next_look: Instant,
    /// After the next failure.
    pause: Duration,
}

impl ObservedPlace {
    /// Makes the socket, or says in the log why it cannot be made now: whoever holds it may end, and its folder may come.
    ///
    /// # Errors
    ///
    /// It never can.
    pub(super) fn new(path: &Path) -> Result<ObservedPlace, ServeError> {
        ListeningSocket::check_path(path)?;
        let mut place = ObservedPlace {
            path: path.into(),
            socket: None,
            is_told: false,
            next_look: Instant::now(),
            pause: LOOK,
        };
        place.look_after();
        Ok(place)
    }

    /// Who connects comes in there.
    pub(super) fn listener(&self) -> Option<&UnixListener> {
        self.socket.as_ref().map(|socket| &socket.listener)
    }

    /// Sees now and then that the path leads to the socket, and makes it again where it does not, and where nobody else has it.
    pub(super) fn look_after(&mut self) {
        if Instant::now() < self.next_look {
            return;
        }
        let socket = self.socket.as_ref();
        match socket.is_some_and(ListeningSocket::is_at_its_path) {
            true if self.is_told => self.ready(),
            true => {}
            false => self.make(),
        }
        if !self.is_told {
            self.pause = LOOK;
        }
        self.next_look = Instant::now() + self.pause;
        if self.is_told {
            self.pause = (self.pause * 2).min(MOST_PAUSE);
        }
    }

    fn make(&mut self) {
        match (ListeningSocket::make(&self.path), &self.socket) {
            (Ok(made), had) => {
                let is_removed = had.is_some() && !self.is_told;
                self.socket = Some(made);
                match is_removed {
                    true => {
                        warn!(socket = %self.path.display(), "somebody removed the observation socket from its path; it is made again");
                    }
                    false => self.ready(),
                }
            }
            (Err(_), _) if self.is_told => {}
            (Err(error), had) => {
                match had {
                    None => {
                        warn!(%error, "cannot make the observation socket; it is tried again, at least once a minute")
                    }
                    Some(_) => {
                        warn!(%error, "the observation socket is gone from its path and cannot be made again; it is tried at least once a minute")
                    }
                }
                self.is_told = true;
            }
        }
    }

    fn ready(&mut self) {
        info!(socket = %self.path.display(), "the observation socket is ready");
        self.is_told = false;
    }
}
