//! What the result types of RFC 8460 section 4.3 mean for a sender: for `failures --explain`, the digest and the page.
//!
//! The RFC tells them to the receiver, who gets the report. Here they are told to whoever sent the mail, and saw it fail.

/// What a result type means.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// RFC 8460's word, such as `certificate-expired`; or "other result types".
    pub result_type: &'static str,
    /// What happened, seen from the sender.
    pub meaning: &'static str,
    /// Who has to mend it, usually.
    pub fault: Fault,
    /// When it is somebody else's.
    pub unless: &'static str,
    /// What becomes of the mail, and what the sender can do about it.
    pub action: &'static str,
    /// What to write, and to whom; empty: to nobody.
    pub letter: &'static str,
}

/// Whose fault something usually is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever runs the MX hosts of the domain.
    Receiver,
    /// Whoever runs the domain's DNS or its MTA-STS policy host.
    DomainOwner,
    /// We.
    Sender,
    /// It cannot be told from the type.
    Unclear,
}

impl Fault {
    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Receiver => "receiver",
            Fault::DomainOwner => "domain_owner",
            Fault::Sender => "sender",
            Fault::Unclear => "unclear",
        }
    }

    /// The same for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Fault::Receiver => "theirs: whoever runs the MX host",
            Fault::DomainOwner => "theirs: whoever runs the domain's DNS or policy host",
            Fault::Sender => "ours",
            Fault::Unclear => "it depends",
        }
    }
}

/// What the word means; of a word that RFC 8460 does not have, that.
pub fn explain(result_type: &str) -> &'static Explanation {
    let known = EXPLANATIONS.iter();
    let mut known = known.filter(|explanation| explanation.result_type == result_type);
    known.next().unwrap_or(&UNKNOWN)
}

/// Of all other words.
pub const UNKNOWN: Explanation = Explanation {
    result_type: "other result types",
    meaning: "Our MTA reported a result that RFC 8460 does not know.",
    fault: Fault::Unclear,
    unless: "",
    action: "Look for the domain in the MTA's log of that day.",
    letter: "",
};

/// The eleven of the RFC, in its order.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        result_type: "starttls-not-supported",
        meaning: "The MX host did not offer STARTTLS when we connected.",
        fault: Fault::Receiver,
        unless: "If hosts of many unrelated domains do not offer it, something between us and the world strips it: a firewall \
                 or proxy that inspects SMTP (`EHLO` then shows `XXXXXXXA`).",
        action: "Without a DANE or MTA-STS policy the mail went in the clear. With one it waited, and bounces if this lasts.",
        letter: "To postmaster@ the domain, or to the provider that the MX host belongs to: your host MX offered no STARTTLS to \
                 us on DAY; please switch TLS on there, as on your other hosts.",
    },
    Explanation {
        result_type: "certificate-host-mismatch",
        meaning: "The MX host has a certificate, but not for the name by which DNS or the policy calls that host.",
        fault: Fault::Receiver,
        unless: "If we connect to a name of our own choice (a transport or relayhost entry), the name may be ours to correct.",
        action: "With an MTA-STS policy in enforce mode, or DANE with usage 2, the mail waited, and bounces if this lasts.",
        letter: "To postmaster@ the domain, or to the provider: the certificate of MX does not name MX; please add the MX name to \
                 its subjectAltName, or point the MX record (and the mx: lines of the MTA-STS policy) at a name that it has.",
    },
    Explanation {
        result_type: "certificate-not-trusted",
        meaning: "The certificate of the MX host leads to no authority that we trust, or to none that their TLSA records name.",
        fault: Fault::Receiver,
        unless: "If it concerns many unrelated domains since one day, our list of authorities is old or gone: look at \
                 smtp_tls_CAfile and the system's ca-certificates.",
        action: "Self-signed, or the intermediate certificate is not sent along. With a policy that is enforced the mail \
                 waited, and bounces if this lasts.",
        letter: "To postmaster@ the domain, or to the provider: the certificate of MX cannot be verified; please send the \
                 whole chain of a public authority, or correct the TLSA records that belong to it.",
    },
    Explanation {
        result_type: "certificate-expired",
        meaning: "The certificate of the MX host had expired when we connected.",
        fault: Fault::Receiver,
        unless: "If nearly every domain has it, our clock is wrong.",
        action: "It was renewed and not loaded, or the renewal fails. With a policy that is enforced the mail waited, and \
                 bounces if this lasts; it usually heals within days.",
        letter: "To postmaster@ the domain, or to the provider: the certificate of MX expired; please renew it and reload the \
                 mail server, and let the renewal reload it from now on.",
    },
    Explanation {
        result_type: "validation-failure",
        meaning: "TLS failed in another way: the handshake broke off, no cipher or version in common, a damaged certificate. The \
                  reason beside it is our MTA's.",
        fault: Fault::Unclear,
        unless: "Theirs if it concerns one host. Ours if it began with a change of our TLS library, ciphers or protocols.",
        action: "Try it: openssl s_client -starttls smtp -connect MX:25 -servername MX, and compare with the reason.",
        letter: "To postmaster@ the domain, or to the provider: TLS with MX failed on DAY with REASON; what does your log say?",
    },
    Explanation {
        result_type: "tlsa-invalid",
        meaning: "The domain's TLSA records cannot be used, or none of them fits the certificate that the MX host showed.",
        fault: Fault::DomainOwner,
        unless: "",
        action: "The classic case: a renewed certificate with a new key, and the TLSA record of the old one. DANE is always \
                 enforced: the mail waited, and bounces if this lasts.",
        letter: "To postmaster@ the domain, best from an address elsewhere: the TLSA records of _25._tcp.MX do not fit the \
                 certificate of MX; please publish the new record, and next time before the certificate changes.",
    },
    Explanation {
        result_type: "dnssec-invalid",
        meaning: "DNSSEC is broken for the domain or its MX host: our resolver got no answer that it could validate.",
        fault: Fault::DomainOwner,
        unless: "If it concerns many domains, our resolver is at fault: its trust anchor, its clock, or its way to the world.",
        action: "Signatures that expired, or a DS record of an old key. To us the domain does not resolve, so the mail waited. Look \
                 at dnsviz.net, or delv MX.",
        letter: "To the domain's hostmaster or registrar, from its SOA or whois (their mail may not work): DNSSEC of the zone \
                 is invalid since DAY; please sign it anew, or correct the DS record.",
    },
    Explanation {
        result_type: "dane-required",
        meaning: "We are configured to send to this domain by DANE only, and it has no TLSA records that DNSSEC secures.",
        fault: Fault::Sender,
        unless: "If they had some, and DNSSEC or the records are gone, tell them.",
        action: "See smtp_tls_policy_maps (dane-only) for the domain: keep it if you agreed on that with them; otherwise dane \
                 takes what there is.",
        letter: "To postmaster@ the domain, only if they promised DANE: the TLSA records of _25._tcp.MX are missing.",
    },
    Explanation {
        result_type: "sts-policy-fetch-error",
        meaning: "The domain has an MTA-STS record in DNS, but its policy could not be fetched from mta-sts.DOMAIN.",
        fault: Fault::DomainOwner,
        unless: "If it concerns many domains, our host may not reach the web: firewall, proxy, or the policy daemon that \
                 Postfix asks.",
        action: "Mail went on with the policy that we still had, or without one: unprotected, but delivered. Try it: curl \
                 https://mta-sts.DOMAIN/.well-known/mta-sts.txt",
        letter: "To postmaster@ the domain: your DNS announces MTA-STS, but \
                 https://mta-sts.DOMAIN/.well-known/mta-sts.txt does not answer (200, text/plain, no redirect).",
    },
    Explanation {
        result_type: "sts-policy-invalid",
        meaning: "The domain's MTA-STS policy is there, but cannot be read as one.",
        fault: Fault::DomainOwner,
        unless: "",
        action: "A line is missing (version, mode, mx, max_age) or wrong. Mail went on as without a policy, or with the one \
                 that we still had.",
        letter: "To postmaster@ the domain: your MTA-STS policy is not valid (RFC 8461 section 3.2); please check the file \
                 at https://mta-sts.DOMAIN/.well-known/mta-sts.txt.",
    },
    Explanation {
        result_type: "sts-webpki-invalid",
        meaning: "The domain's MTA-STS policy is there, but the certificate of the web server mta-sts.DOMAIN cannot be verified.",
        fault: Fault::DomainOwner,
        unless: "If it concerns many domains, our list of authorities is old or gone.",
        action: "Expired, self-signed, or for another name. Mail went on with the policy that we still had, or without one.",
        letter: "To postmaster@ the domain: the certificate of https://mta-sts.DOMAIN cannot be verified, so nobody can use \
                 your MTA-STS policy; please renew it.",
    },
];

#[cfg(test)]
mod tests {
    use tlsrptd_proto::failure::ResultType;

    use super::*;

    #[test]
    fn every_result_type_is_explained() {
        let codes = (201..=205).chain(301..=306);
        let types: Vec<&str> = codes
            .map(|code| ResultType::of(code).unwrap().as_str())
            .collect();
        let mut explained: Vec<&str> = EXPLANATIONS.iter().map(|it| it.result_type).collect();
        for word in &types {
            let explanation = explain(word);
            assert_eq!(explanation.result_type, *word);
            for text in [explanation.meaning, explanation.action, explanation.letter] {
                assert!(text.len() > 40 && !text.contains("  "), "{word}: {text}");
            }
        }
        assert_eq!(explained.len(), types.len());
        explained.dedup();
        assert_eq!(explained.len(), types.len(), "each once");
        assert_eq!(
            explain("made-up").fault,
            Fault::Unclear,
            "another program's word"
        );
    }
}
