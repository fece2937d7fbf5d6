//! Failures: the key that is counted under, and the view of it that is reported.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::anomaly::Anomaly;
use crate::clean::{Cleaner, clean};
use crate::domain::Domain;
use crate::policy::KeyError;
use crate::pyjson::{self, Object};

/// The JSON text of one failure in its one normal form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureKey(Arc<str>);

/// A failure as the report has it (RFC 8460 section 4.4). What is unknown is `None`, never an empty text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Failure {
    /// `result-type`.
    pub result: ResultType,
    /// `sending-mta-ip`.
    pub sending_mta_ip: Option<String>,
    /// `receiving-mx-hostname`.
    pub receiving_mx_hostname: Option<String>,
    /// `receiving-mx-helo`.
    pub receiving_mx_helo: Option<String>,
    /// `receiving-ip`.
    pub receiving_ip: Option<String>,
    /// `additional-information`.
    pub additional_information: Option<String>,
    /// `failure-reason-code`.
    pub failure_reason_code: Option<String>,
}

macro_rules! result_types {
    ($($variant:ident $code:literal $word:literal)*) => {
        /// The result types of RFC 8460 section 4.3, by the MTA's codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResultType {
            $(#[doc = concat!("`", $word, "`, code ", $code, ".")] $variant,)*
        }

        impl ResultType {
            /// All of them.
            pub const ALL: [ResultType; 11] = [$(ResultType::$variant),*];

            /// By the code that the MTA sends.
            pub fn of(code: i64) -> Option<ResultType> {
                match code {
                    $($code => Some(ResultType::$variant),)*
                    _ => None,
                }
            }

            /// The code that the MTA sends.
            pub fn code(self) -> i64 {
                match self {
                    $(ResultType::$variant => $code,)*
                }
            }

            /// The word in the report, one of the IANA registry's.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ResultType::$variant => $word,)*
                }
            }
        }
    };
}

result_types! {
    StarttlsNotSupported 201 "starttls-not-supported"
    CertificateHostMismatch 202 "certificate-host-mismatch"
    CertificateNotTrusted 203 "certificate-not-trusted"
    CertificateExpired 204 "certificate-expired"
    ValidationFailure 205 "validation-failure"
    StsPolicyFetchError 301 "sts-policy-fetch-error"
    StsPolicyInvalid 302 "sts-policy-invalid"
    StsWebpkiInvalid 303 "sts-webpki-invalid"
    TlsaInvalid 304 "tlsa-invalid"
    DnssecInvalid 305 "dnssec-invalid"
    DaneRequired 306 "dane-required"
}

impl FailureKey {
    /// Makes a key normal that was read from a file or a fetcher, of whatever origin.
    pub fn normalise(text: &str) -> Result<FailureKey, KeyError> {
        let (Value::Object(object), _) = pyjson::read(text)? else {
            return Err(KeyError::Object);
        };
        Ok(Self::of(object, &mut Cleaner::unlimited()))
    }

    /// The one entry that stands for many failures of this code when a policy has too many. Codes that we do not know
    /// become one, as they do in the report.
    pub fn folded(&self) -> FailureKey {
        FailureKey(format!("{{\"c\": {}}}", self.failure().result.code()).into())
    }

    /// The entry for what cannot be read as a failure.
    pub fn unknown() -> FailureKey {
        Self::of(Object::new(), &mut Cleaner::unlimited())
    }

    /// What the report says of it.
    pub fn failure(&self) -> Failure {
        let object = match pyjson::parse(&self.0) {
            Ok(Value::Object(object)) => object,
            // Cannot be: every key was written by us, from an object.
            _ => Object::new(),
        };
        let text = |key| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let code = object
            .get("c")
            .and_then(Value::as_i64)
            .unwrap_or(ResultType::ValidationFailure.code());
        let reason = text("f");
        let (result, failure_reason_code) = match (ResultType::of(code), reason) {
            (Some(result), reason) => (result, reason),
            (None, None) => (ResultType::ValidationFailure, Some(code.to_string())),
            (None, Some(reason)) => (
                ResultType::ValidationFailure,
                Some(format!("{code}: {reason}")),
            ),
        };
        Failure {
            result,
            sending_mta_ip: text("s"),
            receiving_mx_hostname: text("n"),
            receiving_mx_helo: text("h"),
            receiving_ip: text("r"),
            additional_information: text("a"),
            failure_reason_code,
        }
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of a failure as an MTA or another collector has it.
    pub(crate) fn of(mut object: Object, cleaner: &mut Cleaner) -> FailureKey {
        let code = object.shift_remove("c").as_ref().and_then(Value::as_i64);
        if code.and_then(ResultType::of).is_none() {
            cleaner.note(Anomaly::FailureCode);
        }
        let mut out = format!(
            "{{\"c\": {}",
            code.unwrap_or(ResultType::ValidationFailure.code())
        );
        // sys4's order; the recorded ones have it too.
        for key in ["s", "n", "h", "r", "a", "f"] {
            let value = object.shift_remove(key);
            if let Some(text) = value.and_then(|value| part(key, value, cleaner)) {
                pyjson::write_member(&mut out, key, &text.into());
            }
        }
        for (key, value) in &cleaner.unknown(object) {
            pyjson::write_member(&mut out, key, value);
        }
        out.push('}');
        FailureKey(out.into())
    }
}

fn part(key: &str, value: Value, cleaner: &mut Cleaner) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        other => cleaner.value(&other)?,
    };
    match key {
        "s" | "r" => ip(&text, cleaner),
        "n" => host(&text, cleaner),
        "h" => cleaner.text(&helo(&text)),
        _ => cleaner.text(&text),
    }
}

/// An address in the form of RFC 5952. What is none is left out: the field may hold nothing else (RFC 8460 section 4.4).
fn ip(text: &str, cleaner: &mut Cleaner) -> Option<String> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    // A zone says something only on the host that wrote it.
    let bare = bare.split('%').next().unwrap_or(bare);
    let address: Option<IpAddr> = bare.parse().ok();
    if address.is_none() && !bare.is_empty() {
        cleaner.note(Anomaly::WrongType);
    }
    address.map(|address| address.to_string())
}

fn host(text: &str, cleaner: &mut Cleaner) -> Option<String> {
    let text = cleaner.text(text)?;
    Some(Domain::parse(&text).map_or(text, |domain| domain.to_string()))
}

/// The host name of an EHLO answer. Postfix passes on all lines, with their codes; RFC 8460 means the name alone.
fn helo(answer: &str) -> String {
    let line = answer
        .trim_start()
        .split(['\r', '\n'])
        .next()
        .unwrap_or_default();
    let line = clean(line);
    let name = line
        .split_whitespace()
        .map(without_code)
        .find(|word| !word.is_empty());
    name.unwrap_or_default().to_owned()
}

/// A word without the reply code in front (RFC 5321 section 4.2).
fn without_code(mut word: &str) -> &str {
    while let Some((code, rest)) = word.split_at_checked(3)
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && (rest.is_empty() || rest.starts_with('-'))
    {
        word = rest.strip_prefix('-').unwrap_or_default();
    }
    word
}

impl fmt::Display for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
