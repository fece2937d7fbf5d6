//! The daemon's side: a thread that accepts, and a thread for each client that may be there at once.

use std::{
    io,
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::Arc,
    thread::{self, Builder, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};
use tracing::debug;

use super::{
    AnswerWriter, Limits, Request, ServeError,
    clients::Clients,
    connection::{Connection, Line},
    place::{LOOK, ObservedPlace},
};

/// After a failed accept (for want of descriptors, mostly).
const PAUSE: Duration = Duration::from_millis(100);
/// A thread's stack; handlers do not recurse.
const STACK: usize = 512 * 1024;

/// Answers one request. An error is that of the [`AnswerWriter`], and ends the connection.
pub type Handler = dyn Fn(&Request, &mut dyn AnswerWriter) -> io::Result<()> + Send + Sync;

/// Answers at a path. Dropped, it ends all connections, and removes the path.
#[derive(Debug)]
pub struct Server {
    clients: Arc<Clients>,
    stop: Arc<EventFd>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Makes the socket, for its owner and its group, and answers from now on. Where it cannot be made yet, the log says why, and it
    /// is tried again for as long as the server is there.
    ///
    /// # Errors
    ///
    /// No socket can ever have this name, or a thread cannot be started. Where the daemon is of use without it, it goes on.
    pub fn start(path: &Path, handler: Arc<Handler>) -> Result<Server, ServeError> {
        Server::start_with(Limits::default(), path, handler)
    }

    /// The same, with other limits.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_with(
        limits: Limits,
        path: &Path,
        handler: Arc<Handler>,
    ) -> Result<Server, ServeError> {
        let place = ObservedPlace::new(path)?;
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK);
        let mut server = Server {
            clients: Arc::new(Clients::of_threads(limits.clients)),
            stop: Arc::new(stop.map_err(ServeError::failed(path, "make an event descriptor"))?),
            accepting: None,
        };
        for number in 0..limits.clients {
            let thread = ClientThread {
                number,
                limits,
                clients: Arc::clone(&server.clients),
                handler: Arc::clone(&handler),
            };
            start("observed", move || thread.run())
                .map_err(ServeError::failed(path, "start a thread for it"))?;
        }
        let (clients, stop) = (Arc::clone(&server.clients), Arc::clone(&server.stop));
        let accept = move || accept(place, &clients, &stop, limits.interval);
        let accepting =
            start("observe", accept).map_err(ServeError::failed(path, "start a thread for it"))?;
        server.accepting = Some(accepting);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.write(1);
        self.clients.end();
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new()
        .name(name.into())
        .stack_size(STACK)
        .spawn(run)
}

/// Accepts clients until the server ends. At the end the socket's name is removed.
fn accept(mut place: ObservedPlace, clients: &Clients, stop: &EventFd, interval: Duration) {
    loop {
        place.look_after();
        if !wait(&place, stop) {
            return;
        }
        let Some(listener) = place.listener() else {
            continue;
        };
        match accept_one(listener) {
            Ok(Some(client)) => {
                if let Some(refused) = clients.put(client) {
                    refuse(refused);
                    // Whoever connects without end waits in the kernel's queue.
                    thread::sleep(interval);
                }
            }
            Ok(None) => {}
            Err(error) => {
                debug!(%error, "cannot accept an observer");
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Waits for a client, or until the path is to be looked at. False: the server ends.
fn wait(place: &ObservedPlace, stop: &EventFd) -> bool {
    let mut polled = vec![PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
    let listener = place.listener();
    polled.extend(listener.map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)));
    let patience = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut polled, patience);
    polled[0].any() != Some(true)
}

/// `None` when the client is gone already.
fn accept_one(listener: &UnixListener) -> io::Result<Option<UnixStream>> {
    match listener.accept() {
        Ok((client, _)) => Ok(Some(client)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted => Ok(None),
            _ => Err(error),
        },
    }
}

/// A new connection takes a line without a wait.
fn refuse(client: UnixStream) {
    let limits = Limits {
        write: Duration::ZERO,
        ..Limits::default()
    };
    if let Ok(mut connection) = Connection::new(client, limits) {
        let _ = connection.error("too many clients");
        let _ = connection.flush();
    }
}

/// Serves one client after the other.
struct ClientThread {
    number: usize,
    limits: Limits,
    clients: Arc<Clients>,
    handler: Arc<Handler>,
}

impl ClientThread {
    fn run(self) {
        while let Some(client) = self.clients.take(self.number) {
            let began = Instant::now();
            let served = Connection::new(client, self.limits)
                .and_then(|mut connection| self.serve(&mut connection));
            if let Err(error) = served {
                debug!(%error, "an observer is gone");
            }
            self.pause(began);
            self.clients.done(self.number);
        }
    }

    fn serve(&self, connection: &mut Connection) -> io::Result<()> {
        loop {
            let line = match connection.line()? {
                Line::Request(line) => line,
                Line::TooLong => {
                    connection.error(&format!(
                        "a request is at most {} bytes long",
                        self.limits.line
                    ))?;
                    return connection.flush();
                }
                Line::End => return Ok(()),
            };
            let began = Instant::now();
            match Request::parse(&line) {
                Ok(request) => (self.handler)(&request, connection)?,
                Err(why) => connection.error(&why)?,
            }
            connection.flush()?;
            self.pause(began);
        }
    }

    fn pause(&self, began: Instant) {
        thread::sleep(self.limits.interval.saturating_sub(began.elapsed()));
    }
}
