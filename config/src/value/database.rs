//! `dbname`: a path, or the address of a PostgreSQL server.

use std::path::Path;

/// Whether the text of `dbname` is meant as an address.
pub(crate) fn is_address(dbname: &Path) -> bool {
    let schemes = ["postgresql://", "postgres://"];
    let text = dbname.to_str();
    text.is_some_and(|text| schemes.iter().any(|scheme| text.starts_with(scheme)))
}

/// Whether a password stands in an address: whoever reads the settings would read it.
pub(crate) fn holds_password(address: &str) -> bool {
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    let place = place.split_once("://").map_or(place, |(_, rest)| rest);
    let authority = place.split('/').next().unwrap_or(place);
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let mut options = query.split('&').filter_map(|pair| pair.split('=').next());
    // No option's name needs an escape: whoever writes one hides what it is.
    let is_password = |name: &str| name == "password" || name.contains('%');
    user.is_some_and(|user| user.contains(':')) || options.any(is_password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_addresses() {
        for (text, want, why) in [
            ("/var/lib/tlsrpt/reportd.sqlite", false, "a file"),
            ("postgresql://u@h/d", true, "an address"),
            ("postgres://u@h/d", true, "by its other name"),
            ("postgresql:/d", false, "a strange file"),
            ("reportd.sqlite", false, "a relative path"),
        ] {
            assert_eq!(is_address(Path::new(text)), want, "{why}");
        }
    }

    #[test]
    fn passwords_in_addresses() {
        for (text, want, why) in [
            ("postgresql://u@h/d", false, "none"),
            ("postgresql://u@h:5432/d", false, "a port"),
            (
                "postgresql://u@[::1]:5432/d",
                false,
                "an address with colons",
            ),
            ("postgresql://u:p@h/d", true, "after the user"),
            ("postgresql://u:p@x@h/d", true, "with an @ in it"),
            ("postgresql://u@h/d?a=b&password=p", true, "as an option"),
            ("postgresql://u@h/d?pass%77ord=p", true, "in disguise"),
            (
                "postgresql://u@h/d?sslrootcert=/a:b@c",
                false,
                "a file's name",
            ),
        ] {
            assert_eq!(holds_password(text), want, "{why}");
        }
    }
}
