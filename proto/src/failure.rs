//! Failures: the key that is counted under, and the view of it that is reported.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::anomaly::Anomaly;
use crate::clean::{Cleaner, clean};
use crate::domain::Domain;
use crate::policy::{KeyTextError, object};
use crate::pyjson::{self, Object};

/// The JSON text of one failure in its one normal form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureKey {
    text: Arc<str>,
    result: ResultType,
}

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

/// The members of a failure, in sys4's order; the recorded ones have it too.
const MEMBERS: [&str; 6] = ["s", "n", "h", "r", "a", "f"];

/// What is there of a failure as an MTA or another collector has it, made normal.
struct Members {
    /// Where the MTA's code is missing, that of validation-failure.
    code: i64,
    /// In the order of [`MEMBERS`].
    texts: [Option<String>; 6],
    unknown: Object,
}

impl Members {
    fn of(mut object: Object, cleaner: &mut Cleaner) -> Members {
        let code = object.shift_remove("c").as_ref().and_then(Value::as_i64);
        if code.and_then(ResultType::of).is_none() {
            cleaner.record_anomaly(Anomaly::FailureCode);
        }
        let texts = MEMBERS.map(|key| {
            let value = object.shift_remove(key);
            value.and_then(|value| part(key, value, cleaner))
        });
        Members {
            code: code.unwrap_or(ResultType::ValidationFailure.code()),
            texts,
            unknown: object,
        }
    }

    /// A code, and texts in the order of [`MEMBERS`], and nothing else.
    fn of_known(code: i64, texts: [Option<Cow<'_, str>>; 6], cleaner: &mut Cleaner) -> Members {
        if ResultType::of(code).is_none() {
            cleaner.record_anomaly(Anomaly::FailureCode);
        }
        let mut keys = MEMBERS.into_iter();
        Members {
            code,
            texts: texts.map(|text| {
                let (key, text) = (keys.next()?, text?);
                text_part(key, &text, cleaner)
            }),
            unknown: Object::new(),
        }
    }

    /// A code that we do not know is validation-failure.
    fn result(&self) -> ResultType {
        ResultType::of(self.code).unwrap_or(ResultType::ValidationFailure)
    }
}

impl Failure {
    /// Reads a key's text, of whatever origin.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object.
    pub fn read(text: &str) -> Result<Failure, KeyTextError> {
        let members = Members::of(object(text)?, &mut Cleaner::unlimited());
        let (code, result) = (members.code, members.result());
        let [
            sending_mta_ip,
            receiving_mx_hostname,
            receiving_mx_helo,
            receiving_ip,
            additional_information,
            reason,
        ] = members.texts;
        // The code says what the result type does not.
        let failure_reason_code = match (ResultType::of(code), reason) {
            (Some(_), reason) => reason,
            (None, None) => Some(code.to_string()),
            (None, Some(reason)) => Some(format!("{code}: {reason}")),
        };
        Ok(Failure {
            sending_mta_ip,
            receiving_mx_hostname,
            receiving_mx_helo,
            receiving_ip,
            additional_information,
            failure_reason_code,
            ..Failure::folded(result)
        })
    }

    /// Stands for many failures of this type when a policy has too many.
    pub fn folded(result: ResultType) -> Failure {
        Failure {
            result,
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_mx_helo: None,
            receiving_ip: None,
            additional_information: None,
            failure_reason_code: None,
        }
    }

    /// Stands for what cannot be read as a failure.
    pub fn unknown() -> Failure {
        Failure::folded(ResultType::ValidationFailure)
    }
}

impl FailureKey {
    /// Makes a key normal that was read from a file or a fetcher, of whatever origin.
    ///
    /// # Errors
    ///
    /// When the text is not a JSON object.
    pub fn normalise(text: &str) -> Result<FailureKey, KeyTextError> {
        Ok(Self::of(object(text)?, &mut Cleaner::unlimited()))
    }

    /// The key of [`Failure::folded`]. Codes that we do not know become one, as they do in the report.
    pub fn folded(&self) -> FailureKey {
        Self::of_result(self.result)
    }

    /// The key of [`Failure::unknown`].
    pub fn unknown() -> FailureKey {
        Self::of_result(ResultType::ValidationFailure)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn of_result(result: ResultType) -> FailureKey {
        FailureKey {
            text: format!("{{\"c\": {}}}", result.code()).into(),
            result,
        }
    }

    /// The key of a failure as an MTA or another collector has it.
    pub(crate) fn of(object: Object, cleaner: &mut Cleaner) -> FailureKey {
        Self::write(Members::of(object, cleaner), cleaner)
    }

    /// The same of a failure of which each member is known and has the type that it should have: its code, and its texts in the
    /// order of [`MEMBERS`].
    pub(crate) fn of_known(
        code: i64,
        texts: [Option<Cow<'_, str>>; 6],
        cleaner: &mut Cleaner,
    ) -> FailureKey {
        Self::write(Members::of_known(code, texts, cleaner), cleaner)
    }

    fn write(members: Members, cleaner: &mut Cleaner) -> FailureKey {
        let mut out = format!("{{\"c\": {}", members.code);
        for (key, text) in MEMBERS.into_iter().zip(&members.texts) {
            if let Some(text) = text {
                pyjson::write_text(&mut out, key, text);
            }
        }
        let result = members.result();
        for (key, value) in &cleaner.unknown(members.unknown) {
            pyjson::write_member(&mut out, key, value);
        }
        out.push('}');
        FailureKey {
            text: out.into(),
            result,
        }
    }
}

fn part(key: &str, value: Value, cleaner: &mut Cleaner) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        other => cleaner.value(&other)?,
    };
    text_part(key, &text, cleaner)
}

fn text_part(key: &str, text: &str, cleaner: &mut Cleaner) -> Option<String> {
    match key {
        "s" | "r" => ip(text, cleaner),
        "n" => host(text, cleaner),
        "h" => cleaner.text(&helo(text)),
        _ => cleaner.text(text),
    }
}

/// An address in the form of RFC 5952. Anything but an IP address yields `None`: the field may hold nothing else (RFC 8460
/// section 4.4).
fn ip(text: &str, cleaner: &mut Cleaner) -> Option<String> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    // A zone says something only on the host that wrote it.
    let bare = bare.split('%').next().unwrap_or(bare);
    let address: Option<IpAddr> = bare.parse().ok();
    if address.is_none() && !bare.is_empty() {
        cleaner.record_anomaly(Anomaly::WrongType);
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

impl From<&Failure> for FailureKey {
    /// Reading it gives the same failure.
    fn from(failure: &Failure) -> FailureKey {
        let texts = [
            &failure.sending_mta_ip,
            &failure.receiving_mx_hostname,
            &failure.receiving_mx_helo,
            &failure.receiving_ip,
            &failure.additional_information,
            &failure.failure_reason_code,
        ];
        let mut text = format!("{{\"c\": {}", failure.result.code());
        for (key, value) in MEMBERS.into_iter().zip(texts) {
            if let Some(value) = value {
                pyjson::write_member(&mut text, key, &value.as_str().into());
            }
        }
        text.push('}');
        FailureKey {
            text: text.into(),
            result: failure.result,
        }
    }
}

impl AsRef<str> for FailureKey {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for FailureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
