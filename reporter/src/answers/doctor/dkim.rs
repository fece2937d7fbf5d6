//! Each key can be read by the service, and stands in DNS as receivers want it (RFC 6376 section 3.6.1, RFC 8460 section 3).

use std::{fs, os::unix::fs::PermissionsExt as _};

use hickory_proto::rr::RecordType;
use tlsrptd_config::{DkimKey, credential};

use super::{
    access::{Want, quoted},
    finding::Finding,
    looking::{Looking, texts},
    tags::Tags,
};
use crate::{deliver, dns::DnsAnswer};

const AREA: &str = "dkim";

/// What a record says of the mails that its key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ServiceTypes {
    email: bool,
    tlsrpt: bool,
}

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let settings = looking.settings;
    if settings.dkim_keys.is_empty() {
        return vec![Finding::unknown(
            AREA,
            "dkim_keys is not set: whether the MTA signs cannot be seen from here, and receivers ignore what is not signed",
            "tlsrptctl send-test mailto:YOU, and look for DKIM-Signature; or tlsrptctl dkim-record --new mail-tlsrpt",
        )];
    }
    let mut findings = Vec::new();
    let mut published = Vec::new();
    let publics = deliver::dkim_public_keys(settings);
    for (key, public) in settings.dkim_keys.iter().zip(publics) {
        let public = match public {
            Ok(public) => public,
            Err(_) if credential::unit(&key.path).is_some() => {
                findings.push(away(key));
                continue;
            }
            Err(error) => {
                findings.push(unreadable(looking, key, error.to_string()));
                continue;
            }
        };
        findings.extend(open(key));
        let (found, services) = record(looking, key, (public.0, &public.1));
        findings.push(found);
        published.extend(services);
    }
    if published.len() == settings.dkim_keys.len() {
        findings.extend(all_services(looking, &published));
    }
    findings
}

/// systemd hands it to the service, while that runs, and to nobody else.
fn away(key: &DkimKey) -> Finding {
    Finding::unknown(
        AREA,
        format!(
            "{} is the service's alone, while it runs",
            key.path.display()
        ),
        format!(
            "name the file itself: tlsrptctl --dkim_keys {}:FILE doctor",
            key.selector
        ),
    )
}

fn unreadable(looking: &Looking<'_>, key: &DkimKey, error: String) -> Finding {
    let obstacle = looking.account.obstacle(&key.path, Want::Read);
    match obstacle.is_some() || error.contains("ermission denied") {
        true => looking.lack_of_rights(AREA, error, || readable(looking, key)),
        false => Finding::fail(AREA, error, readable(looking, key)),
    }
}

fn readable(looking: &Looking<'_>, key: &DkimKey) -> String {
    let account = &looking.account;
    let path = quoted(&key.path);
    match account.obstacle(&key.path, Want::Read) {
        // The usual way: root's, and the service's group may read it.
        Some(obstacle) if obstacle.bit == 'r' => {
            format!("chown root:{} {path} && chmod 0640 {path}", account.group)
        }
        Some(obstacle) => obstacle.remedy(account),
        None if !key.path.exists() => {
            format!("tlsrptctl dkim-record --new {} --out {path}", key.selector)
        }
        None => format!("openssl pkey -in {path} -noout -text"),
    }
}

fn open(key: &DkimKey) -> Option<Finding> {
    let mode = fs::metadata(&key.path).ok()?.permissions().mode();
    (mode & 0o007 != 0).then(|| {
        let path = key.path.display();
        let finding = format!("{path} is open to every user (mode {:04o})", mode & 0o7777);
        Finding::warn(AREA, finding, format!("chmod 0640 {}", quoted(&key.path)))
    })
}

/// What DNS says of a key, and for what it says that it is.
fn record(
    looking: &Looking<'_>,
    key: &DkimKey,
    public: (&str, &str),
) -> (Finding, Option<ServiceTypes>) {
    let name = format!(
        "{}._domainkey.{}",
        key.selector, looking.settings.dkim_domain
    );
    let publish = format!(
        "publish what this prints: tlsrptctl dkim-record | grep '^{}\\.'",
        key.selector
    );
    let answer = match looking.names.ask(&format!("{name}."), RecordType::TXT) {
        Ok(answer) => answer,
        Err(reason) => {
            let finding = format!("{name}: DNS does not answer: {reason}");
            return (
                Finding::unknown(AREA, finding, format!("dig TXT {name}")),
                None,
            );
        }
    };
    let texts = texts(&answer);
    let fault = match (&answer, texts.as_slice()) {
        (DnsAnswer::NoName | DnsAnswer::NoRecords, _) | (_, []) => {
            "no TXT record in DNS".to_owned()
        }
        (_, [text]) => match judged(text, public) {
            Ok(services) => return (said(&name, services), Some(services)),
            Err(fault) => fault,
        },
        (_, several) => format!("{} TXT records where one belongs", several.len()),
    };
    (
        Finding::fail(AREA, format!("{name}: {fault}"), publish),
        None,
    )
}

fn said(name: &str, services: ServiceTypes) -> Finding {
    let what = match services {
        ServiceTypes {
            email: true,
            tlsrpt: false,
        } => "for all mail",
        ServiceTypes { email: false, .. } => "for reports (s=tlsrpt)",
        ServiceTypes {
            email: true,
            tlsrpt: true,
        } => "for all mail and for reports",
    };
    Finding::ok(AREA, format!("{name} is the key's, {what}"))
}

/// Whether a record is that of this key.
fn judged(text: &str, (kind, public): (&str, &str)) -> Result<ServiceTypes, String> {
    let tags = Tags::parse(text).ok_or("it is no DKIM record")?;
    if tags.get("v").is_some_and(|version| version != "DKIM1") {
        return Err("it is no DKIM record (v=)".to_owned());
    }
    let said = tags.get("p").ok_or("it has no p=")?;
    let said: String = said.split_whitespace().collect();
    if said.is_empty() {
        return Err("the key is revoked (p= is empty)".to_owned());
    }
    let of_kind = tags.get("k").unwrap_or("rsa");
    if of_kind != kind {
        return Err(format!(
            "it is of a key of another kind (k={of_kind}, ours is {kind})"
        ));
    }
    if said.trim_end_matches('=') != public.trim_end_matches('=') {
        return Err("it is of another key (p=)".to_owned());
    }
    if tags
        .words("h")
        .is_some_and(|hashes| !hashes.contains(&"sha256"))
    {
        return Err("it forbids sha256 (h=), which signs".to_owned());
    }
    if tags.words("t").is_some_and(|flags| flags.contains(&"y")) {
        return Err(
            "it says that the key is only tried (t=y): receivers take the mail as unsigned"
                .to_owned(),
        );
    }
    let Some(services) = tags.words("s") else {
        return Ok(ServiceTypes {
            email: true,
            tlsrpt: false,
        });
    };
    let services = ServiceTypes {
        email: services.contains(&"email") || services.contains(&"*"),
        tlsrpt: services.contains(&"tlsrpt"),
    };
    match services {
        ServiceTypes {
            email: false,
            tlsrpt: false,
        } => Err("it is for other services (s=)".to_owned()),
        services => Ok(services),
    }
}

/// One record for those who know mail, and one for those who ask for `s=tlsrpt`.
fn all_services(looking: &Looking<'_>, published: &[ServiceTypes]) -> Vec<Finding> {
    let first = looking.settings.dkim_keys.first();
    let path = first
        .map(|key| key.path.display().to_string())
        .unwrap_or_default();
    let selector = first.map_or("mail-tlsrpt", |key| key.selector.as_str());
    let both = |one: &str, other: &str| {
        let line = looking.set(&format!("dkim_keys = {one}:{path}, {other}:{path}"));
        format!("{line}; then publish what this prints: tlsrptctl dkim-record")
    };
    let mut findings = Vec::new();
    if !published.iter().any(|key| key.email && !key.tlsrpt) {
        findings.push(Finding::warn(
            AREA,
            "no record without s=: most verifiers refuse s=tlsrpt for a mail, and DMARC rests on SPF alone",
            both("mail-tlsrpt", selector),
        ));
    }
    if !published.iter().any(|key| key.tlsrpt && !key.email) {
        findings.push(Finding::warn(
            AREA,
            "no record with s=tlsrpt alone: a receiver may ignore the reports (RFC 8460 section 3)",
            both(selector, "tlsrpt"),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_record_it_is() {
        for (text, want, why) in [
            ("v=DKIM1; k=rsa; p=QUJD", "mail", "as we print it"),
            ("p=QUJD", "mail", "all else may be left out"),
            ("v=DKIM1; k=rsa; p=QU JD", "mail", "white space within"),
            ("v=DKIM1; k=rsa; s=tlsrpt; p=QUJD", "tlsrpt", "for reports"),
            ("v=DKIM1; s=*; p=QUJD", "mail", "for all"),
            ("v=DKIM1; s=email:tlsrpt; p=QUJD", "both", "named both"),
            (
                "v=DKIM1; s=other; p=QUJD",
                "other services",
                "for none of these",
            ),
            ("v=DKIM1; k=rsa; p=REVG", "another key", "another"),
            ("v=DKIM1; k=ed25519; p=QUJD", "another kind", "k="),
            ("v=DKIM1; p=", "revoked", "taken back"),
            ("v=DKIM1", "no p=", "no key"),
            ("v=DKIM2; p=QUJD", "no DKIM record", "another version"),
            ("v=spf1 -all", "no DKIM record", "another kind of record"),
            ("v=DKIM1; h=sha1; p=QUJD", "sha256", "only an old hash"),
            ("v=DKIM1; t=y; p=QUJD", "t=y", "a trial"),
            ("\u{fffd}\u{202e}", "no DKIM record", "rubbish"),
        ] {
            let found = match judged(text, ("rsa", "QUJD")) {
                Ok(ServiceTypes {
                    email: true,
                    tlsrpt: false,
                }) => "mail".to_owned(),
                Ok(ServiceTypes {
                    email: true,
                    tlsrpt: true,
                }) => "both".to_owned(),
                Ok(_) => "tlsrpt".to_owned(),
                Err(fault) => fault,
            };
            assert!(found.contains(want), "{text}: {why}: {found}");
        }
    }
}
