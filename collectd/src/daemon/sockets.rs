//! The sockets of a configuration: those that the service manager passed, and those that we make.

use tlsrptd_config::collectd::Collectd;
use tlsrptd_service::passed_sockets::PassedSocket;
use tracing::info;

use crate::socket::{Access, Socket, SocketError};

/// Who may send to the sockets that we make.
pub(super) fn access(settings: &Collectd) -> Access {
    Access {
        user: settings.socketuser.clone(),
        group: settings.socketgroup.clone(),
        mode: settings.socketmode,
    }
}

/// Makes the configured sockets that were not passed, and takes those that were.
pub(super) fn listen(
    passed: Vec<PassedSocket>,
    settings: &Collectd,
) -> Result<Vec<Socket>, SocketError> {
    let access = access(settings);
    let mut sockets = Vec::new();
    for path in &settings.socketname {
        if !passed.iter().any(|passed| passed.is(path)) {
            sockets.push(Socket::make(path, &access)?);
            info!(socket = %path.display(), "listening");
        }
    }
    for passed in passed {
        let path = passed.path.clone().unwrap_or_default();
        info!(socket = %path.display(), "listening on a socket of the service manager");
        sockets.push(Socket::passed(passed)?);
    }
    Ok(sockets)
}
