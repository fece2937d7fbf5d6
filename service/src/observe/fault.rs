//! What is wrong with a path for an observation socket, before a daemon is started.

use std::{os::unix::fs::FileTypeExt as _, path::Path};

use tlsrptd_config::service_view::ServiceView;

use super::socket::ListeningSocket;

const OPTION: &str = "observation_socket";

/// For `--check_config`: what keeps the service from making the socket there. A daemon that answers there does not.
pub fn fault(service: &ServiceView, path: &Path) -> Option<String> {
    let place = path.display();
    if ListeningSocket::check_path(path).is_err() {
        return Some(format!(
            "{OPTION}: {place} is longer than a Unix socket's name can be: {} bytes (allowed: 107)",
            path.as_os_str().len()
        ));
    }
    let refused = service.write_into(OPTION, path);
    refused.or_else(|| {
        let found = path.symlink_metadata().ok()?;
        (!found.file_type().is_socket()).then(|| {
            format!(
                "{OPTION}: {place} exists and is not a socket (allowed: another name, or to remove it)"
            )
        })
    })
}
