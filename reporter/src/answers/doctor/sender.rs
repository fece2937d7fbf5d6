//! From, `d=` and contact: aligned for DMARC (RFC 7489), allowed by SPF (RFC 7208), and somebody at home at the contact.

use hickory_proto::rr::{RData, RecordType};
use tlsrptd_config::MailTransport;
use tlsrptd_proto::{domain::Domain, tlsrpt_record::Mailbox};

use super::{
    finding::Finding,
    looking::{Looking, texts},
    tags::Tags,
};
use crate::{deliver, dns::DnsAnswer};

const DMARC: &str = "dmarc";
const SPF: &str = "spf";
const CONTACT: &str = "contact";
const BOUNCES: &str = "bounces";

/// A domain's DMARC record.
struct Dmarc {
    name: String,
    tags: Tags,
}

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let settings = looking.settings;
    let contact = Mailbox::parse(&settings.contact_info).ok();
    let from = deliver::sender_address(settings).ok();
    let mut findings = Vec::new();
    let comes_back = match deliver::bounce_address(settings) {
        Ok(address) => address,
        Err(error) => {
            let remedy = looking.set("bounce_address = tlsrpt-bounces@example.com");
            findings.push(Finding::fail(BOUNCES, error.to_string(), remedy));
            None
        }
    };
    match &from {
        Some(from) => {
            findings.extend(dmarc(looking, from.domain()));
            // SPF is about the envelope.
            let envelope = comes_back.as_ref().unwrap_or(from);
            findings.push(spf(looking, envelope.domain()));
        }
        None => findings.push(Finding::unknown(
            DMARC,
            "sender_address and contact_info give no address to look at",
            looking.set("contact_info = tls-reports@example.com"),
        )),
    }
    if let Some(contact) = contact {
        findings.push(mail_host(looking, contact.domain(), &settings.contact_info));
        // What cannot be delivered comes back there.
        let other = comes_back.or(from);
        let other = other.filter(|other| other.domain() != contact.domain());
        findings.extend(other.map(|other| mail_host(looking, other.domain(), other.as_str())));
    }
    findings
}

fn dmarc(looking: &Looking<'_>, from: &Domain) -> Vec<Finding> {
    let record = match policy(looking, from) {
        Ok(record) => record,
        Err(unclear) => return vec![unclear],
    };
    let mut findings = Vec::new();
    match &record {
        Some(found) => {
            let policy = found.tags.get("p").unwrap_or("none");
            findings.push(Finding::ok(DMARC, format!("{}: p={policy}", found.name)));
        }
        None => findings.push(Finding::warn(
            DMARC,
            format!("{from} has no DMARC record: some receivers take mail without one as spam"),
            format!("in DNS: _dmarc.{from}. IN TXT \"v=DMARC1; p=none\""),
        )),
    }
    let is_strict = |tag| record.as_ref().and_then(|found| found.tags.get(tag)) == Some("s");
    findings.extend(aligned(looking, from, is_strict("adkim")));
    findings
}

/// Whether `d=` counts for From.
fn aligned(looking: &Looking<'_>, from: &Domain, is_strict: bool) -> Vec<Finding> {
    let settings = looking.settings;
    let Ok(signer) = Domain::parse(&settings.dkim_domain) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let contact = Mailbox::parse(&settings.contact_info).ok();
    let is_by_mta = settings.dkim_keys.is_empty();
    let remedy = || {
        looking.set(&format!(
            "sender_address = {}@{signer}",
            local(&settings.contact_info)
        ))
    };
    findings.push(match likeness(from.as_str(), signer.as_str()) {
        _ if is_by_mta => Finding::unknown(
            DMARC,
            format!("which d= the MTA signs mail from {from} with"),
            "tlsrptctl send-test mailto:YOU, and look at DKIM-Signature: d=",
        ),
        Likeness::Same => Finding::ok(DMARC, format!("From and d= are both {from}")),
        Likeness::Below if !is_strict => Finding::ok(
            DMARC,
            format!("From {from} and d= {signer} are aligned (relaxed)"),
        ),
        Likeness::Siblings if !is_strict => Finding::unknown(
            DMARC,
            format!("whether From {from} and d= {signer} are of one organisational domain"),
            remedy(),
        ),
        _ => Finding::fail(
            DMARC,
            format!("From is {from}, signed is d={signer}: DMARC does not count the signature"),
            remedy(),
        ),
    });
    let contact = contact.filter(|_| !is_by_mta);
    if let Some(contact) = contact
        .filter(|contact| likeness(contact.domain().as_str(), signer.as_str()) == Likeness::Other)
    {
        findings.push(Finding::warn(
            DMARC,
            format!("contact_info is of {}, signed is d={signer}: receivers may hold the report for a forgery", contact.domain()),
            looking.set(&format!("dkim_domain = {}", contact.domain())),
        ));
    }
    findings
}

fn local(address: &str) -> &str {
    address
        .rsplit_once('@')
        .map_or("tls-reports", |(local, _)| local)
}

/// How two domains stand to each other. Without the list of public suffixes only neighbours are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    /// One is below the other.
    Below,
    /// Both end in the same two labels.
    Siblings,
    Other,
}

fn likeness(one: &str, other: &str) -> Likeness {
    let is_below = |one: &str, other: &str| {
        let rest = one.strip_suffix(other);
        other.contains('.') && rest.is_some_and(|rest| rest.ends_with('.'))
    };
    let last_two = |name: &str| {
        let mut labels = name.rsplit('.');
        (
            labels.next().map(str::to_owned),
            labels.next().map(str::to_owned),
        )
    };
    if one == other {
        Likeness::Same
    } else if is_below(one, other) || is_below(other, one) {
        Likeness::Below
    } else if last_two(one) == last_two(other) {
        Likeness::Siblings
    } else {
        Likeness::Other
    }
}

/// The DMARC record of a domain, or of the nearest above it that has one.
fn policy(looking: &Looking<'_>, from: &Domain) -> Result<Option<Dmarc>, Finding> {
    let mut domain = from.as_str();
    loop {
        let name = format!("_dmarc.{domain}");
        let answer = looking.names.ask(&format!("{name}."), RecordType::TXT);
        let answer = answer.map_err(|reason| unanswered(DMARC, &name, &reason))?;
        let texts = texts(&answer);
        let found: Vec<&String> = texts
            .iter()
            .filter(|text| text.trim_start().starts_with("v=DMARC1"))
            .collect();
        match found.as_slice() {
            [] => {}
            [text] => {
                let Some(tags) = Tags::parse(text) else {
                    let finding =
                        format!("{name}: the record breaks the grammar, and counts as none");
                    return Err(Finding::fail(
                        DMARC,
                        finding,
                        format!("in DNS: {name}. IN TXT \"v=DMARC1; p=none\""),
                    ));
                };
                return Ok(Some(Dmarc { name, tags }));
            }
            several => {
                let finding = format!("{name}: {} DMARC records count as none", several.len());
                return Err(Finding::fail(
                    DMARC,
                    finding,
                    format!("leave one of them: dig TXT {name}"),
                ));
            }
        }
        match domain.split_once('.') {
            Some((_, above)) if above.contains('.') => domain = above,
            _ => return Ok(None),
        }
    }
}

fn unanswered(area: &str, name: &str, reason: &str) -> Finding {
    Finding::unknown(
        area,
        format!("{name}: DNS does not answer: {reason}"),
        format!("dig TXT {name}"),
    )
}

/// Whether the domain says who may send for it.
fn spf(looking: &Looking<'_>, from: &Domain) -> Finding {
    let answer = match looking.names.ask(&format!("{from}."), RecordType::TXT) {
        Ok(answer) => answer,
        Err(reason) => return unanswered(SPF, from.as_str(), &reason),
    };
    let texts = texts(&answer);
    let is_spf = |text: &&String| {
        let first = text.split(' ').next().unwrap_or_default();
        first.eq_ignore_ascii_case("v=spf1")
    };
    let found: Vec<&String> = texts.iter().filter(is_spf).collect();
    let publish = format!("in DNS: {from}. IN TXT \"v=spf1 mx -all\", with the hosts that send");
    match found.as_slice() {
        [] => Finding::warn(SPF, format!("{from} has no SPF record"), publish),
        [record] => permitted(looking, from, record),
        several => Finding::fail(
            SPF,
            format!(
                "{from} has {} SPF records, which is an error to every receiver",
                several.len()
            ),
            format!("leave one of them: dig TXT {from}"),
        ),
    }
}

fn permitted(looking: &Looking<'_>, from: &Domain, record: &str) -> Finding {
    let terms: Vec<String> = record
        .split_whitespace()
        .skip(1)
        .map(str::to_ascii_lowercase)
        .collect();
    if terms.iter().all(|term| term == "-all") && !terms.is_empty() {
        return Finding::fail(
            SPF,
            format!("{from}: v=spf1 -all: no host may send for it"),
            format!("in DNS: {from}. IN TXT \"v=spf1 mx -all\", with the hosts that send"),
        );
    }
    let relay = match &looking.settings.mail_transport {
        MailTransport::Smtp { host, .. } | MailTransport::Smtps { host, .. } => host.as_str(),
        MailTransport::Sendmail => "the local MTA",
    };
    let names_relay = terms.iter().any(|term| {
        let term = term.trim_start_matches(['+', '?', '~']);
        let value = term.split_once(':').map(|(_, value)| value);
        value.is_some_and(|value| value.split('/').next() == Some(relay))
    });
    match names_relay {
        true => Finding::ok(SPF, format!("{from} names {relay}")),
        false => Finding::unknown(
            SPF,
            format!(
                "{from} has an SPF record; whether it permits the address that {relay} sends from cannot be seen from here"
            ),
            "tlsrptctl send-test mailto:YOU, and look at Authentication-Results",
        ),
    }
}

/// Whether mail to a domain has a host (RFC 5321 section 5.1, RFC 7505).
fn mail_host(looking: &Looking<'_>, domain: &Domain, address: &str) -> Finding {
    let remedy = looking.set("contact_info = an address that takes mail");
    let ask = |kind| looking.names.ask(&format!("{domain}."), kind);
    let unclear = |reason: &str| {
        Finding::unknown(
            CONTACT,
            format!("{address}: DNS does not answer: {reason}"),
            format!("dig MX {domain}"),
        )
    };
    match ask(RecordType::MX) {
        Err(reason) => return unclear(&reason),
        Ok(DnsAnswer::Records(records)) => {
            let hosts: Vec<String> = records.iter().filter_map(exchange).collect();
            return match hosts.as_slice() {
                [host] if host == "." => Finding::fail(
                    CONTACT,
                    format!("{address}: {domain} says that it takes no mail (null MX)"),
                    remedy,
                ),
                [] => Finding::fail(
                    CONTACT,
                    format!("{address}: {domain} has no mail host"),
                    remedy,
                ),
                [first, ..] => Finding::ok(
                    CONTACT,
                    format!("{address} has a mail host, {}", first.trim_end_matches('.')),
                ),
            };
        }
        Ok(DnsAnswer::NoName) => {
            return Finding::fail(
                CONTACT,
                format!("{address}: there is no domain {domain}"),
                remedy,
            );
        }
        Ok(DnsAnswer::NoRecords) => {}
    }
    for kind in [RecordType::A, RecordType::AAAA] {
        match ask(kind) {
            Err(reason) => return unclear(&reason),
            Ok(DnsAnswer::Records(_)) => {
                return Finding::ok(
                    CONTACT,
                    format!("{address} has a mail host, {domain} itself"),
                );
            }
            Ok(_) => {}
        }
    }
    Finding::fail(
        CONTACT,
        format!("{address}: {domain} has no mail host"),
        remedy,
    )
}

fn exchange(record: &RData) -> Option<String> {
    match record {
        RData::MX(mx) => Some(mx.exchange.to_ascii()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_domains_stand_to_each_other() {
        use Likeness::{Below, Other, Same, Siblings};
        for (one, other, want, why) in [
            ("a.example", "a.example", Same, "one"),
            ("mail.a.example", "a.example", Below, "one below"),
            ("a.example", "mail.a.example", Below, "one above"),
            ("m.a.example", "n.a.example", Siblings, "neighbours"),
            (
                "a.co.uk",
                "b.co.uk",
                Siblings,
                "not to be told without a list",
            ),
            ("a.example", "b.example", Other, "strangers"),
            ("xa.example", "a.example", Other, "no dot between"),
            (
                "a.example",
                "example",
                Other,
                "a top-level domain is nobody's",
            ),
        ] {
            assert_eq!(likeness(one, other), want, "{one}, {other}: {why}");
        }
    }
}
