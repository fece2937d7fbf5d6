//! Policies: the key that is counted under, and the view of it that is reported.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::anomaly::Anomaly;
use crate::clean::Cleaner;
use crate::domain::Domain;
use crate::pyjson::{self, Object};

/// The JSON text of a policy in its one normal form.
///
/// Two policies that mean the same have the same text: the order of keys is fixed, TLSA records are sorted and in upper
/// case, names in A-labels and lower case, `policy-domain` is there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyKey {
    text: Arc<str>,
    kind: PolicyType,
}

/// A text is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyTextError {
    /// Not JSON.
    #[error("a key is not JSON (allowed: the text of an object): {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but something else than an object.
    #[error("a key is not a JSON object")]
    Object,
}

/// What kind of policy applied (RFC 8460 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyType {
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
    /// Neither.
    NoPolicyFound,
}

/// A policy as the report has it (RFC 8460 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Policy {
    /// `policy-type`.
    pub kind: PolicyType,
    /// `policy-domain`.
    pub domain: String,
    /// `policy-string`: TLSA records in presentation format, or the lines of the MTA-STS policy.
    pub strings: Vec<String>,
    /// `mx-host`: the patterns of an MTA-STS policy.
    pub mx_hosts: Vec<String>,
}

impl PolicyType {
    /// By the code that the MTA sends.
    pub fn of(code: i64) -> Option<PolicyType> {
        match code {
            1 => Some(PolicyType::Tlsa),
            2 => Some(PolicyType::Sts),
            9 => Some(PolicyType::NoPolicyFound),
            _ => None,
        }
    }

    /// The code that the MTA sends.
    pub fn code(self) -> i64 {
        match self {
            PolicyType::Tlsa => 1,
            PolicyType::Sts => 2,
            PolicyType::NoPolicyFound => 9,
        }
    }

    /// The word in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyType::Tlsa => "tlsa",
            PolicyType::Sts => "sts",
            PolicyType::NoPolicyFound => "no-policy-found",
        }
    }
}

impl Policy {
    /// Reads a key's text, of whatever origin. `domain` is the one reported on.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object.
    pub fn read(text: &str, domain: &Domain) -> Result<Policy, KeyTextError> {
        let cleaner = &mut Cleaner::unlimited();
        Ok(Self::of(object(text)?, domain, cleaner).0)
    }

    /// Stands for what cannot be read as a policy: none was found.
    pub fn unknown(domain: &Domain) -> Policy {
        Policy::folded(PolicyType::NoPolicyFound, domain)
    }

    /// Stands for many policies of this type when a domain has too many: what is lost is detail.
    pub fn folded(kind: PolicyType, domain: &Domain) -> Policy {
        Policy {
            kind,
            domain: domain.to_string(),
            strings: Vec::new(),
            mx_hosts: Vec::new(),
        }
    }

    /// The policy as an MTA or another collector has it, and the members that we do not know.
    fn of(object: Object, domain: &Domain, cleaner: &mut Cleaner) -> (Policy, Object) {
        let mut kind = None;
        let mut policy_domain = None;
        let mut strings = Vec::new();
        let mut mx_hosts = Vec::new();
        let mut unknown = Object::new();
        for (key, value) in object {
            match key.as_str() {
                "policy-type" => kind = value.as_i64().and_then(PolicyType::of),
                "policy-domain" => policy_domain = named(&value, cleaner),
                "policy-string" => strings = cleaner.list(&value),
                "mx-host" => mx_hosts = cleaner.list(&value),
                // Results, not part of what a policy is.
                "t" | "f" | "failure-details" => {}
                _ => {
                    unknown.insert(key, value);
                }
            }
        }
        if kind.is_none() {
            cleaner.record_anomaly(Anomaly::PolicyType);
        }
        let policy = Policy {
            kind: kind.unwrap_or(PolicyType::NoPolicyFound),
            domain: policy_domain.unwrap_or_else(|| domain.clone()).to_string(),
            strings,
            mx_hosts,
        };
        (policy.normal(cleaner), unknown)
    }

    /// In its normal form, and cut to size.
    fn normal(mut self, cleaner: &mut Cleaner) -> Policy {
        make_normal(&mut self);
        cleaner.cut_list(&mut self.strings);
        cleaner.cut_list(&mut self.mx_hosts);
        self
    }
}

impl PolicyKey {
    /// Makes a key normal that was read from a file or a fetcher, of whatever origin. `domain` is the one reported on.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object.
    pub fn normalise(text: &str, domain: &Domain) -> Result<PolicyKey, KeyTextError> {
        Ok(Self::of(object(text)?, domain, &mut Cleaner::unlimited()))
    }

    /// The key of [`Policy::folded`].
    pub fn folded(&self, domain: &Domain) -> PolicyKey {
        Self::write(&Policy::folded(self.kind, domain), &Object::new())
    }

    /// The key of [`Policy::unknown`].
    pub fn unknown(domain: &Domain) -> PolicyKey {
        Self::write(&Policy::unknown(domain), &Object::new())
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key of a policy as an MTA or another collector has it.
    pub(crate) fn of(object: Object, domain: &Domain, cleaner: &mut Cleaner) -> PolicyKey {
        let (policy, unknown) = Policy::of(object, domain, cleaner);
        Self::write(&policy, &cleaner.unknown(unknown))
    }

    /// The key of a policy of which each member is known and has the type that it should have. Its lists and its name are clean.
    pub(crate) fn of_known(policy: Policy, cleaner: &mut Cleaner) -> PolicyKey {
        Self::write(&policy.normal(cleaner), &Object::new())
    }

    fn write(policy: &Policy, unknown: &Object) -> PolicyKey {
        let mut out = format!(
            "{{\"policy-type\": {}, \"policy-domain\": ",
            policy.kind.code()
        );
        pyjson::write_string(&mut out, &policy.domain);
        for (key, list) in [
            ("policy-string", &policy.strings),
            ("mx-host", &policy.mx_hosts),
        ] {
            if !list.is_empty() {
                pyjson::write_texts(&mut out, key, list);
            }
        }
        for (key, value) in unknown {
            pyjson::write_member(&mut out, key, value);
        }
        out.push('}');
        PolicyKey {
            text: out.into(),
            kind: policy.kind,
        }
    }
}

/// The object that a key's text is.
pub(crate) fn object(text: &str) -> Result<Object, KeyTextError> {
    match pyjson::read(text)? {
        (Value::Object(object), _) => Ok(object),
        _ => Err(KeyTextError::Object),
    }
}

/// The policy's domain, when it is one. Postfix 3.10.0 to 3.10.4 leave it out where there is no policy.
fn named(value: &Value, cleaner: &mut Cleaner) -> Option<Domain> {
    let text = cleaner.value(value)?;
    named_by_text(&text, cleaner)
}

/// The same of a text that is clean.
pub(crate) fn named_by_text(text: &str, cleaner: &mut Cleaner) -> Option<Domain> {
    let domain = Domain::parse(text).ok();
    if domain.is_none() {
        cleaner.record_anomaly(Anomaly::PolicyDomain);
    }
    domain
}

fn make_normal(policy: &mut Policy) {
    match policy.kind {
        PolicyType::Tlsa => {
            // A TLSA RRset is a set (RFC 2181 section 5): neither the order of the answer nor the case of hex digits counts.
            for text in &mut policy.strings {
                *text = text
                    .split_ascii_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
                    .to_ascii_uppercase();
            }
            policy.strings.sort_unstable();
            policy.strings.dedup();
            policy.mx_hosts.clear();
        }
        PolicyType::Sts => {
            for host in &mut policy.mx_hosts {
                *host = host
                    .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
                    .to_ascii_lowercase();
            }
            policy.mx_hosts.retain(|host| !host.is_empty());
        }
        PolicyType::NoPolicyFound => {
            policy.strings.clear();
            policy.mx_hosts.clear();
        }
    }
}

impl From<&Policy> for PolicyKey {
    fn from(policy: &Policy) -> PolicyKey {
        PolicyKey::write(policy, &Object::new())
    }
}

impl AsRef<str> for PolicyKey {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
