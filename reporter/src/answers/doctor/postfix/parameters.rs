//! What `postconf` says of parameters: `name = value`, a line each; those that it does not know are missing.

use std::collections::BTreeMap;

/// The parameters that are asked for.
pub(super) const NAMES: &[&str] = &[
    "mail_version",
    "queue_directory",
    "daemon_directory",
    "shlib_directory",
    "mail_owner",
    "compatibility_level",
    "multi_instance_directories",
    "smtp_tlsrpt_enable",
    "smtp_tlsrpt_socket_name",
    "smtp_tlsrpt_skip_reused_handshakes",
    "smtp_tls_security_level",
    "smtp_tls_connection_reuse",
];

/// The parameters of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// What is no parameter that was asked for is passed over.
    pub(super) fn parse(said: &str) -> Parameters {
        let parameter = |line: &str| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim();
            let asked = NAMES.contains(&name);
            asked.then(|| (name.to_owned(), value.trim().to_owned()))
        };
        Parameters(said.lines().filter_map(parameter).collect())
    }

    /// `None`: this Postfix does not know it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn is_yes(&self, name: &str) -> bool {
        is_yes(self.get(name).unwrap_or_default())
    }

    /// The words of a list.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let value = self.get(name).unwrap_or_default();
        let words = value.split([',', ' ', '\t']);
        words.filter(|word| !word.is_empty()).collect()
    }
}

/// As Postfix has it: `yes` alone, in any case.
pub(super) fn is_yes(value: &str) -> bool {
    value.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postconf_says() {
        // Debian 13's.
        let said = "mail_version = 3.10.13\nsmtp_tlsrpt_enable = no\nsmtp_tlsrpt_socket_name =\n\
                    multi_instance_directories = /etc/postfix-out, /etc/postfix-in\nother = x\nrubbish\n";
        let parameters = Parameters::parse(said);
        assert_eq!(parameters.get("mail_version"), Some("3.10.13"));
        assert_eq!(parameters.get("smtp_tlsrpt_socket_name"), Some(""));
        assert_eq!(parameters.get("queue_directory"), None);
        assert_eq!(parameters.get("other"), None);
        let folders = ["/etc/postfix-out", "/etc/postfix-in"];
        assert_eq!(parameters.list("multi_instance_directories"), folders);
        assert!(!parameters.is_yes("smtp_tlsrpt_enable"));
        assert_eq!(Parameters::parse("\u{fffd}\0"), Parameters::default());
    }
}
