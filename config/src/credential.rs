//! Files that systemd hands to a service by `LoadCredential=` (systemd.exec(5)). They are there while the service runs, and
//! readable for it whatever their mode says.

use std::path::Path;

const FOLDER: &str = "/run/credentials";

/// The unit whose credential a path is.
pub fn unit(path: &Path) -> Option<&str> {
    let mut parts = path.strip_prefix(FOLDER).ok()?.components();
    let unit = parts.next()?.as_os_str().to_str()?;
    parts.next().map(|_| unit)
}

/// The same, while that unit does not run: nobody can look at the file now.
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
