//! Datagrams: what libtlsrpt sends, protocol version 1.
//!
//! Anything that has a domain and at least one policy is counted; what is odd about it is noted. Anything else is an
//! error with a reason. Nothing that a stranger can write makes either of them panic.

mod usual;

use std::borrow::Cow;

use serde_json::Value;

use crate::clean::Cleaner;
use crate::domain::{Domain, DomainError};
use crate::failure::FailureKey;
use crate::policy::PolicyKey;
use crate::pyjson::{self, Object};
use crate::session_result::SessionResult;

pub use crate::anomaly::Anomaly;
pub use crate::clean::TextLimits;

/// The protocol version that libtlsrpt writes since 0.5.
const VERSION: &str = "1";

/// The most policies that a datagram may have. Postfix sends one; a datagram full of empty ones would need a thousand
/// times its size in memory.
const MAX_POLICIES: usize = 1000;

/// The most failure details that are kept of a policy, for the same reason. Postfix sends one.
const MAX_FAILURES: usize = 1000;

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The TLSRPT domain, `d`.
    pub domain: Domain,
    /// Its TXT record as the MTA saw it, `pr`; empty when unknown.
    pub tlsrpt_record: String,
    /// The policies tried, at least one.
    pub policies: Vec<PolicyResult>,
    /// What was odd, each kind once.
    pub anomalies: Vec<Anomaly>,
}

/// One policy of a datagram and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyResult {
    /// The policy.
    pub policy: PolicyKey,
    /// Whether the final result was failure.
    pub failed: bool,
    /// The failures on the way.
    pub failures: Vec<FailureKey>,
}

/// Why bytes are no datagram.
#[derive(Debug, thiserror::Error)]
pub enum DatagramError {
    /// No bytes.
    #[error("a datagram is empty")]
    Empty,
    /// Not JSON, or nested too deeply to be worth reading.
    #[error("a datagram is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but something else than an object.
    #[error("a datagram is not a JSON object")]
    Object,
    /// `d` is missing or no string.
    #[error("a datagram has no domain (allowed: a string `d`)")]
    NoDomain,
    /// `d` is no domain.
    #[error("a datagram's domain is unusable: {0}")]
    Domain(#[from] DomainError),
    /// `policies` is missing, no array, or empty.
    #[error("a datagram has no policies (allowed: an array `policies` of at least one object)")]
    NoPolicies,
    /// More policies than any MTA tries.
    #[error("a datagram has too many policies (allowed: {MAX_POLICIES})")]
    TooManyPolicies,
    /// A policy is no object.
    #[error("a policy of a datagram is not an object")]
    Policy,
}

impl DatagramError {
    /// All the words that `reason` has.
    pub const REASONS: [&str; 8] = [
        "empty",
        "not-json",
        "not-an-object",
        "no-domain",
        "bad-domain",
        "no-policies",
        "too-many-policies",
        "bad-policy",
    ];

    /// One word, for counters and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            DatagramError::Empty => "empty",
            DatagramError::Json(_) => "not-json",
            DatagramError::Object => "not-an-object",
            DatagramError::NoDomain => "no-domain",
            DatagramError::Domain(_) => "bad-domain",
            DatagramError::NoPolicies => "no-policies",
            DatagramError::TooManyPolicies => "too-many-policies",
            DatagramError::Policy => "bad-policy",
        }
    }
}

impl Datagram {
    /// Reads a datagram's bytes.
    ///
    /// # Errors
    ///
    /// When there is no object with a domain and policies in it. Anything else that is odd is an anomaly.
    pub fn parse(bytes: &[u8], limits: &TextLimits) -> Result<Datagram, DatagramError> {
        if bytes.is_empty() {
            return Err(DatagramError::Empty);
        }
        match usual::read(bytes, limits) {
            Some(datagram) => Ok(datagram),
            None => Self::parse_any(bytes, limits),
        }
    }

    /// Reads whatever can be read.
    fn parse_any(bytes: &[u8], limits: &TextLimits) -> Result<Datagram, DatagramError> {
        let mut cleaner = Cleaner::new(limits);
        let mut object = read(bytes, &mut cleaner)?;
        let Some(Value::String(domain)) = object.get("d") else {
            return Err(DatagramError::NoDomain);
        };
        let domain = Domain::parse(domain)?;
        let tlsrpt_record = tlsrpt_record(object.get("pr"), &mut cleaner);
        if object.get("dpv").is_some_and(|version| version != VERSION) {
            cleaner.record_anomaly(Anomaly::ProtocolVersion);
        }
        let Some(Value::Array(policies)) = object.swap_remove("policies") else {
            return Err(DatagramError::NoPolicies);
        };
        if policies.is_empty() {
            return Err(DatagramError::NoPolicies);
        }
        if policies.len() > MAX_POLICIES {
            return Err(DatagramError::TooManyPolicies);
        }
        let policies = policies
            .into_iter()
            .map(|policy| tried(policy, &domain, &mut cleaner))
            .collect::<Result<_, _>>()?;
        Ok(Datagram {
            domain,
            tlsrpt_record,
            policies,
            anomalies: cleaner.anomalies(),
        })
    }

    /// What it says, policy by policy.
    pub fn into_session_results(self) -> Vec<SessionResult> {
        let record = |tried: PolicyResult| SessionResult {
            domain: self.domain.clone(),
            tlsrpt_record: self.tlsrpt_record.clone(),
            policy: tried.policy,
            failed: tried.failed,
            failures: tried.failures,
        };
        self.policies.into_iter().map(record).collect()
    }
}

fn read(bytes: &[u8], cleaner: &mut Cleaner) -> Result<Object, DatagramError> {
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, Cow::Owned(_)) {
        cleaner.record_anomaly(Anomaly::InvalidUtf8);
    }
    let (value, mended) = pyjson::read(&text)?;
    if mended {
        cleaner.record_anomaly(Anomaly::Mended);
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(DatagramError::Object),
    }
}

fn tlsrpt_record(value: Option<&Value>, cleaner: &mut Cleaner) -> String {
    match value {
        Some(Value::String(text)) => cleaner.tlsrpt_record(text),
        // DNS tells when the report is made.
        _ => {
            cleaner.record_anomaly(Anomaly::NoTxt);
            String::new()
        }
    }
}

fn tried(
    policy: Value,
    domain: &Domain,
    cleaner: &mut Cleaner,
) -> Result<PolicyResult, DatagramError> {
    let Value::Object(mut policy) = policy else {
        return Err(DatagramError::Policy);
    };
    let failures = failures(policy.swap_remove("failure-details"), cleaner);
    if let Some(number) = policy.get("t")
        && number.as_u64() != Some(failures.len() as u64)
    {
        cleaner.record_anomaly(Anomaly::FailureCount);
    }
    let failed = failed(policy.get("f"), !failures.is_empty(), cleaner);
    Ok(PolicyResult {
        policy: PolicyKey::of(policy, domain, cleaner),
        failed,
        failures,
    })
}

fn failures(details: Option<Value>, cleaner: &mut Cleaner) -> Vec<FailureKey> {
    let mut items = match details {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    };
    if items.len() > MAX_FAILURES {
        items.truncate(MAX_FAILURES);
        cleaner.record_anomaly(Anomaly::Clipped);
    }
    let mut failures = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Object(object) => failures.push(FailureKey::of(object, cleaner)),
            _ => cleaner.record_anomaly(Anomaly::WrongType),
        }
    }
    failures
}

/// The final result: 0 is success, 1 failure. Any other number is a failure too, and where no number is, failures on the
/// way speak for one.
fn failed(value: Option<&Value>, has_failures: bool, cleaner: &mut Cleaner) -> bool {
    match value.and_then(Value::as_i64) {
        Some(0) => return false,
        Some(1) => return true,
        _ => cleaner.record_anomaly(Anomaly::FinalResult),
    }
    match value {
        Some(Value::Number(_)) => true,
        Some(Value::Bool(failed)) => *failed,
        _ => has_failures,
    }
}

#[cfg(test)]
mod tests;
