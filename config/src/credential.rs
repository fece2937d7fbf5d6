//! Files that systemd passes to a service by `LoadCredential=` (systemd.exec(5)). They exist while the service runs, which may
//! read them whatever their mode is.

use std::path::Path;

const FOLDER: &str = "/run/credentials";

/// The unit that a credential's path belongs to; `None` for any other path.
pub fn unit(path: &Path) -> Option<&str> {
    let mut parts = path.strip_prefix(FOLDER).ok()?.components();
    let unit = parts.next()?.as_os_str().to_str()?;
    parts.next().map(|_| unit)
}

/// The same if that unit does not run, so that the file cannot be looked at now.
pub fn away(path: &Path) -> Option<&str> {
    unit(path).filter(|unit| !Path::new(FOLDER).join(unit).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, want, why) in [
            ("/run/credentials/a.service/dkim", Some("a.service"), "one"),
            ("/run/credentials/a.service", None, "the folder"),
            ("/etc/tlsrpt/dkim.pem", None, "another file"),
            ("/run/credentialsx/a/b", None, "another folder"),
        ] {
            assert_eq!(unit(Path::new(path)), want, "{why}");
            assert_eq!(
                away(Path::new(path)),
                want,
                "{why}: nothing of that name runs"
            );
        }
    }
}
