//! Files that hold what nobody else may know.

use std::{io, os::unix::fs::PermissionsExt as _, path::Path};

/// The password in a file: its first line, as editors add a line end.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn password(path: &Path, what: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    warn_if_open(path, what)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Warns if every user can access a file that holds a secret.
///
/// # Errors
/// When it cannot be looked at.
pub(crate) fn warn_if_open(path: &Path, what: &str) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o007 != 0 {
        tracing::warn!(
            path = %path.display(), mode = format!("{:03o}", mode & 0o777),
            "{what} is open to every user: 0640 or less keeps it secret"
        );
    }
    Ok(())
}
