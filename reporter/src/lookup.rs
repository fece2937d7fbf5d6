//! Where a domain wants its reports: the TXT record at `_smtp._tls` (RFC 8460 section 3).

mod block_lists;
mod retry_budget;
mod throttle;

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hickory_proto::rr::{Name, RData, RecordType};
use tlsrptd_proto::{
    domain::Domain,
    tlsrpt_record::{Selection, TlsrptRecord, TlsrptRecordError, select},
};
use tlsrptd_service::log::LogThrottle;
use tokio::time::Instant;

use crate::{
    dns::{DnsAnswer, NoAnswer, Question, StubResolver},
    throttle::Permit,
};
pub use block_lists::BlockLists;
pub(crate) use block_lists::{INVALID, ListAnswer, read_list};
use retry_budget::RetryBudget;
use throttle::{QueryEnd, ResolverChange, ResolverThrottle};

/// Look-ups at once.
pub const LOOKUPS_AT_ONCE: usize = 256;
/// The wait before a query that failed is repeated.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// What DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// One valid record.
    Record(TlsrptRecord),
    /// The domain has no valid record (any more); why we think so.
    OptedOut(String),
    /// DNS did not answer; why.
    Unknown(String),
}

/// Looks TLSRPT records up, while the resolver is available.
#[derive(Debug)]
pub struct Resolver {
    stub: StubResolver,
    throttle: Mutex<ResolverThrottle>,
    retries: RetryBudget,
    /// DNS may fail for each of a million domains.
    failures: LogThrottle,
}

impl Resolver {
    /// Asks these servers, or the system's if the list is empty. `timeout` overrides the one of `resolv.conf`.
    pub fn new(servers: &[SocketAddr], timeout: Option<Duration>) -> Resolver {
        Resolver {
            stub: StubResolver::new(servers, timeout),
            throttle: Mutex::new(ResolverThrottle::new()),
            retries: RetryBudget::default(),
            failures: LogThrottle::default(),
        }
    }

    /// Looks the record up by its absolute name: a search list must not answer for another domain.
    pub async fn record(&self, domain: &Domain) -> LookupResult {
        self.record_with_texts(domain).await.0
    }

    /// The same, with the texts of all TXT records at that name.
    pub async fn record_with_texts(&self, domain: &Domain) -> (LookupResult, Vec<String>) {
        let Ok(name) = Name::from_ascii(format!("_smtp._tls.{domain}.")) else {
            let reason = "the record's name would be too long for DNS".to_owned();
            return (LookupResult::OptedOut(reason), Vec::new());
        };
        // In a statement of its own: a guard held while we wait would block all look-ups.
        let permit = self.throttle().permit(Instant::now());
        match permit {
            Permit::Go => {}
            Permit::Probe => self.ask_for_root().await,
            Permit::Wait => {
                let reason = "resolver unavailable".to_owned();
                return (LookupResult::Unknown(reason), Vec::new());
            }
        }
        let answer = self.ask(domain, name).await;
        let end = match &answer {
            Ok(_) => QueryEnd::Answered,
            Err(no_answer) if no_answer.is_reply() => QueryEnd::Error,
            Err(_) => QueryEnd::TimedOut,
        };
        let change = self.throttle().query_ended(end, Instant::now());
        match change {
            Some(ResolverChange::Suspected) => self.ask_for_root().await,
            change => log(change),
        }
        answer.unwrap_or_else(|error| {
            let reason = error.to_string();
            if !self.throttle().is_unavailable()
                && let Some(others) = self.failures.pass_now()
            {
                tracing::warn!(%domain, reason, others, "DNS failed: the record that the MTA saw is used");
            }
            (LookupResult::Unknown(reason), Vec::new())
        })
    }

    /// Whether it answers, as far as is known.
    pub fn status(&self) -> ResolverStatus {
        let throttle = self.throttle();
        match throttle.is_unavailable() {
            true => ResolverStatus::Unavailable {
                skipped: throttle.skipped(),
            },
            false => ResolverStatus::Available,
        }
    }

    async fn ask_for_root(&self) {
        let is_answered = self.stub.current().answer_for_root().await;
        let (mut throttle, now) = (self.throttle(), Instant::now());
        log(match is_answered {
            true => throttle.works(now),
            false => throttle.root_failed(now),
        });
    }

    fn throttle(&self) -> MutexGuard<'_, ResolverThrottle> {
        // No holder can panic in the middle of a change.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until there is an answer, as often as the servers' configuration and the budget allow.
    async fn ask(
        &self,
        domain: &Domain,
        name: Name,
    ) -> Result<(LookupResult, Vec<String>), NoAnswer> {
        let question = Question {
            name,
            kind: RecordType::TXT,
        };
        let servers = self.stub.current();
        let max_wait = self.retries.max_wait(domain);
        let mut retry = None;
        let mut attempt = 0;
        loop {
            let error = match servers.query_once(&question, attempt, max_wait).await {
                Ok(answer) => return Ok(from_answer(answer)),
                Err(error) => error,
            };
            attempt += 1;
            if retry.is_none() {
                retry = self.retries.acquire(domain);
            }
            let is_unavailable = self.throttle().is_unavailable();
            if attempt >= servers.attempts() || is_unavailable || retry.is_none() {
                return Err(error);
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

/// Whether the resolver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolverStatus {
    /// It does, or nothing says that it does not.
    Available,
    /// It does not: the records that the MTA saw are used.
    Unavailable {
        /// Queries that were not made meanwhile.
        skipped: u64,
    },
}

fn log(change: Option<ResolverChange>) {
    match change {
        Some(ResolverChange::Unavailable) => tracing::warn!(
            "resolver unavailable: until it answers again, the records that the MTA saw are used"
        ),
        Some(ResolverChange::Available { after, skipped }) => {
            let seconds = after.as_secs();
            tracing::warn!(seconds, skipped, "resolver available again");
        }
        Some(ResolverChange::Suspected) | None => {}
    }
}

fn from_answer(answer: DnsAnswer) -> (LookupResult, Vec<String>) {
    let opted_out = |reason: &str| (LookupResult::OptedOut(reason.to_owned()), Vec::new());
    match answer {
        DnsAnswer::Records(records) => {
            let texts: Vec<String> = records.iter().filter_map(joined).collect();
            (from_texts(&texts), texts)
        }
        DnsAnswer::NoName => opted_out("no such name in DNS"),
        DnsAnswer::NoRecords => opted_out("no TXT record in DNS"),
    }
}

/// What follows from the texts of a name's TXT records.
pub fn from_texts(texts: &[String]) -> LookupResult {
    match select(texts) {
        Selection::One(record, _) => LookupResult::Record(record),
        Selection::None => LookupResult::OptedOut("no TLSRPT record in DNS".to_owned()),
        Selection::Several(number) => {
            LookupResult::OptedOut(format!("{number} TLSRPT records in DNS"))
        }
        Selection::Invalid(error) => LookupResult::OptedOut(invalid(&error)),
    }
}

/// Parses the record that the MTA saw; `Err`: why it is not used.
///
/// # Errors
///
/// The reason why it is no record.
pub fn parse_seen(text: &str) -> Result<TlsrptRecord, String> {
    match select(&[text.to_owned()]) {
        Selection::One(record, _) => Ok(record),
        Selection::Invalid(error) => Err(invalid(&error)),
        Selection::None | Selection::Several(_) => Err("it is no TLSRPT record".to_owned()),
    }
}

fn invalid(error: &TlsrptRecordError) -> String {
    format!("no valid TLSRPT record: {error}")
}

/// The strings of one record are joined without spaces (RFC 8460 section 3). Bytes that are not UTF-8 are
/// replaced: records of another kind are ignored anyway, and in a URI they make that URI invalid, no other. In an extension
/// they make the record invalid, as in the grammar (`%x21-3A / %x3C / %x3E-7E`).
fn joined(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_texts_amount_to() {
        let good = "v=TLSRPTv1; rua=mailto:a@b.example";
        for (texts, takes_part, why) in [
            (vec![good], true, "one record"),
            (vec!["v=spf1 -all", good], true, "others do not count"),
            (
                vec![good, good],
                false,
                "two records are none (RFC 8460 section 3)",
            ),
            (vec![], false, "none"),
            (vec!["v=TLSRPTv1; ???"], false, "breaks the grammar"),
            (
                vec!["v=TLSRPTv1; rua=mailto:a@b.example; x=\u{fffd}"],
                false,
                "an extension that is not ASCII",
            ),
            (
                vec!["v=TLSRPTv1; rua=mailto:a@b.example,mailto:\u{fffd}@b.example"],
                true,
                "a URI that is not spoils no other",
            ),
            (
                vec!["\u{fffd}\u{fffd}", good],
                true,
                "bytes of another kind",
            ),
        ] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            assert_eq!(
                matches!(from_texts(&texts), LookupResult::Record(_)),
                takes_part,
                "{why}"
            );
        }
    }

    #[test]
    fn a_record_that_the_mta_saw_is_not_said_to_be_in_dns() {
        assert!(parse_seen("v=TLSRPTv1; rua=mailto:a@b.example").is_ok());
        for text in ["", "v=spf1 -all", "v=TLSRPTv1; ???"] {
            let reason = parse_seen(text).unwrap_err();
            assert!(!reason.contains("DNS"), "{text}: {reason}");
        }
    }

    #[test]
    fn strings_are_joined_and_bytes_replaced() {
        use hickory_proto::rr::rdata::TXT;
        let txt = TXT::from_bytes(vec![b"v=TLSRPTv1; rua=mai", b"lto:a@b.example; x=\xff"]);
        assert_eq!(
            joined(&RData::TXT(txt)).unwrap(),
            "v=TLSRPTv1; rua=mailto:a@b.example; x=\u{fffd}"
        );
    }
}
