//! What an entry of the suppression list covers.

use std::fmt;

use tlsrptd_config::visible;
use tlsrptd_proto::{
    domain::{Domain, DomainError},
    tlsrpt_record::{Mailbox, MailboxError},
};
use url::Url;

use super::{Destination, canonical};

/// An address as `mailto:LOCAL@DOMAIN`, an `https:` URL, a domain, or `.` and a domain for its subdomains; in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuppressionTarget(String);

/// Why a text is not a target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A wrong address.
    #[error("{}", visible::with_allowed(.0, "LOCAL@DOMAIN"))]
    Address(#[from] MailboxError),
    /// A wrong URL.
    #[error("not a URL with a host (allowed: https://HOST/PATH)")]
    Url,
    /// A wrong domain.
    #[error("no address, no https: URL, and as NAME or .NAME: {0}")]
    Name(#[from] DomainError),
}

impl SuppressionTarget {
    /// Parses the operator's text or a stored target.
    ///
    /// # Errors
    /// If it is neither an address, a URL nor a domain.
    pub fn parse(text: &str) -> Result<SuppressionTarget, TargetError> {
        let text = text.trim();
        match scheme(text) {
            (Some("https"), _) => {
                let url = canonical::https(text).map(SuppressionTarget);
                return url.ok_or(TargetError::Url);
            }
            (Some("mailto"), address) => return Ok(mailto(address)?),
            _ if text.contains('@') => return Ok(mailto(text)?),
            _ => {}
        }
        let (dot, name) = match text.strip_prefix('.') {
            Some(name) => (".", name),
            None => ("", text),
        };
        Ok(SuppressionTarget(format!("{dot}{}", Domain::parse(name)?)))
    }

    /// The target that covers this destination alone.
    pub fn of(destination: &Destination) -> Option<SuppressionTarget> {
        destination.canonical().map(SuppressionTarget)
    }

    /// All targets that cover a destination, the narrowest first.
    pub(super) fn covering(
        destination: &Destination,
    ) -> impl Iterator<Item = SuppressionTarget> + use<> {
        let own = SuppressionTarget::of(destination);
        let name = own
            .as_ref()
            .map(SuppressionTarget::name)
            .unwrap_or_default();
        let mut rest = name.as_str();
        let mut targets: Vec<SuppressionTarget> = own
            .into_iter()
            .chain([SuppressionTarget(name.clone())])
            .collect();
        while let Some((_, parent)) = rest.split_once('.') {
            targets.push(SuppressionTarget(format!(".{parent}")));
            rest = parent;
        }
        targets.into_iter()
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The mail domain or the host; of `.NAME` with its dot.
    pub fn name(&self) -> String {
        match scheme(&self.0) {
            (Some("https"), _) => Url::parse(&self.0)
                .ok()
                .and_then(|url| Some(url.host_str()?.trim_end_matches('.').to_owned()))
                .unwrap_or_default(),
            _ => match self.0.rsplit_once('@') {
                Some((_, domain)) => domain.to_owned(),
                None => self.0.clone(),
            },
        }
    }
}

impl fmt::Display for SuppressionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scheme, if it is one of RFC 8460 section 3, and the rest.
fn scheme(text: &str) -> (Option<&'static str>, &str) {
    let Some((scheme, rest)) = text.split_once(':') else {
        return (None, text);
    };
    let known = ["mailto", "https"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme));
    (known, rest)
}

fn mailto(address: &str) -> Result<SuppressionTarget, MailboxError> {
    let address = Mailbox::parse(address)?;
    Ok(SuppressionTarget(canonical::mailto(&address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, want, why) in [
            (
                "tls@Example.COM",
                Ok("mailto:tls@example.com"),
                "an address",
            ),
            (
                "MailTo:tls@example.com",
                Ok("mailto:tls@example.com"),
                "as the log shows it",
            ),
            ("Example.com.", Ok("example.com"), "a name"),
            (".example.com", Ok(".example.com"), "its subdomains"),
            (
                "bücher.example",
                Ok("xn--bcher-kva.example"),
                "as DNS has it",
            ),
            (
                "HTTPS://Example.com:443/a/./b#c",
                Ok("https://example.com/a/b"),
                "a URL",
            ),
            (
                "\"V\\ictim\"@x.example",
                Ok("mailto:victim@x.example"),
                "a mailbox however it is quoted and cased",
            ),
            (
                "https://x.example/%6fne?",
                Ok("https://x.example/one"),
                "a URL however it is encoded",
            ),
            (
                "https://u:p@x.example/{a}?#b",
                Ok("https://u:p@x.example/%7Ba%7D"),
                "what only an operator writes",
            ),
            ("https://", Err("not a URL with a host"), "no host"),
            ("@example.com", Err("no local part"), "nobody"),
            ("", Err("no address, no https: URL"), "nothing"),
            (
                "directory:/x",
                Err("no address, no https: URL"),
                "the operator's own",
            ),
            ("*", Err("no address, no https: URL"), "no pattern"),
        ] {
            match (SuppressionTarget::parse(text), want) {
                (Ok(target), Ok(want)) => assert_eq!(target.as_str(), want, "{text}: {why}"),
                (Err(error), Err(want)) => {
                    assert!(error.to_string().contains(want), "{text}: {why}: {error}");
                }
                (got, _) => panic!("{text}: {why}: {got:?}"),
            }
        }
    }

    #[test]
    fn the_form_is_stable() {
        for text in [
            "tls@example.com",
            "\"a b\\\"c\"@example.com",
            ".example.com",
            "https://example.com/a",
            "https://[2001:DB8::0]:444/a/%2e%2e/%7e?%2f",
            "https://u:p@example.com/{a}?",
        ] {
            let target = SuppressionTarget::parse(text).unwrap();
            assert_eq!(
                SuppressionTarget::parse(target.as_str()).unwrap(),
                target,
                "{text}"
            );
        }
    }
}
