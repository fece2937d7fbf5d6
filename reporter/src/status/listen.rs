//! Where connections come in.

use std::{io, net, os::fd::AsFd};

use nix::sys::socket::{setsockopt, sockopt};
use tlsrptd_config::{Listen, statusd::Statusd};
use tlsrptd_service::{
    observe::ListeningSocket,
    passed_sockets::{self, PassedListener},
};
use tokio::net::{TcpListener, UnixListener};

use super::limits;
use crate::error::StatusdError;

/// A socket that connections come from.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) all: Vec<Listener>,
    pub(super) source: ListenersSource,
    /// Of a Unix socket that we have made, its name: it goes when this does.
    pub(super) named: Option<ListeningSocket>,
    /// For the log.
    pub(super) names: Vec<Listen>,
}

/// Who has made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListenersSource {
    /// The service manager, which listens when we are gone.
    Passed,
    /// We.
    Ours,
}

impl Listeners {
    /// Those that the service manager has passed, or else the one of the settings. To be called where tasks run.
    ///
    /// # Errors
    /// When none can be had, or one is reached from other hosts and that is not allowed.
    pub(super) fn make(
        settings: &Statusd,
        passed: Vec<PassedListener>,
    ) -> Result<Listeners, StatusdError> {
        let made = match passed.is_empty() {
            true => Listeners::ours(&settings.listen)?,
            false => Listeners::passed(passed).map_err(StatusdError::Listener)?,
        };
        if made.is_listen_idle(settings) {
            tracing::warn!(
                listen = %settings.listen,
                "listen does not matter: the service manager passed another socket (tlsrpt-statusd.socket)"
            );
        }
        for name in made.names.iter().filter(|name| name.is_remote()) {
            if !settings.allow_remote {
                return Err(StatusdError::Remote(name.clone()));
            }
            tracing::warn!(
                address = %name,
                "allow_remote: whoever reaches this address reads with whom mail is exchanged, without a password"
            );
        }
        Ok(made)
    }

    /// Whether somebody has set `listen`, and hears elsewhere.
    fn is_listen_idle(&self, settings: &Statusd) -> bool {
        self.source == ListenersSource::Passed
            && settings.listen != Listen::default()
            && !self.names.contains(&settings.listen)
    }

    fn passed(passed: Vec<PassedListener>) -> io::Result<Listeners> {
        let mut made = Listeners {
            all: Vec::new(),
            source: ListenersSource::Passed,
            named: None,
            names: Vec::new(),
        };
        for listener in passed {
            match listener {
                PassedListener::Tcp(listener) => {
                    made.names.push(Listen::Tcp(listener.local_addr()?));
                    made.all.push(tcp(listener)?);
                }
                PassedListener::Unix(listener) => {
                    let address = listener.local_addr()?;
                    let path = address.as_pathname().map(Into::into);
                    made.names.push(Listen::Unix(path.unwrap_or_default()));
                    made.all.push(unix(listener)?);
                }
            }
        }
        Ok(made)
    }

    fn ours(listen: &Listen) -> Result<Listeners, StatusdError> {
        let failed = |source| StatusdError::Bind {
            listen: listen.clone(),
            source,
        };
        let (listener, name, named) = match listen {
            Listen::Tcp(address) => {
                let listener = net::TcpListener::bind(address).map_err(failed)?;
                // Of port 0, the one that the kernel chose.
                let name = listener.local_addr().map_err(failed)?;
                (tcp(listener).map_err(failed)?, Listen::Tcp(name), None)
            }
            Listen::Unix(path) => {
                let socket = ListeningSocket::make(path)?;
                let listener = socket.listener.try_clone().map_err(failed)?;
                let listener = unix(listener).map_err(failed)?;
                (listener, listen.clone(), Some(socket))
            }
        };
        Ok(Listeners {
            all: vec![listener],
            source: ListenersSource::Ours,
            named,
            names: vec![name],
        })
    }
}

fn tcp(listener: net::TcpListener) -> io::Result<Listener> {
    bound(&listener)?;
    // What was answered and closed is the kernel's: it gives up those who do not take the rest.
    let limit = u32::try_from(limits::WRITE.as_millis()).unwrap_or(u32::MAX);
    setsockopt(&listener, sockopt::TcpUserTimeout, &limit)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener).map(Listener::Tcp)
}

/// Connections have the bounds of the socket that they come from; those by TCP at least.
fn bound(listener: &impl AsFd) -> io::Result<()> {
    setsockopt(listener, sockopt::SndBuf, &limits::SENT)?;
    setsockopt(listener, sockopt::RcvBuf, &limits::RECEIVED)?;
    Ok(())
}

fn unix(listener: std::os::unix::net::UnixListener) -> io::Result<Listener> {
    bound(&listener)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener).map(Listener::Unix)
}

/// Takes what the service manager has passed; see [`passed_sockets::take_listeners`].
///
/// # Errors
/// When that is no socket that connections come from.
pub(super) fn passed() -> Result<Vec<PassedListener>, StatusdError> {
    Ok(passed_sockets::take_listeners()?)
}
