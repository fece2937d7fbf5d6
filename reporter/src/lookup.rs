//! Where a domain wants its reports: the TXT record at `_smtp._tls` (RFC 8460 section 3).

mod exchange;
mod message;
mod outage;
mod resolv_conf;
mod retries;
mod stub;
mod system;

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
use tokio::time::Instant;

use message::Question;
use outage::{Change, End, Outage, Turn};
use retries::Retries;
use tlsrptd_service::log::LogThrottle;

pub(crate) use message::Answer;
pub(crate) use stub::{NoAnswer, Stub};

/// Questions at once, over all domains.
pub const LOOKUPS_AT_ONCE: usize = 256;
/// After a temporary failure the same question is asked again after this wait.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// What DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// One valid record.
    Record(TlsrptRecord),
    /// The domain does not take part (any more), and why we think so.
    OptedOut(String),
    /// DNS did not answer; why.
    Unknown(String),
}

/// Asks DNS, as long as it answers.
#[derive(Debug)]
pub struct Resolver {
    stub: Stub,
    outage: Mutex<Outage>,
    retries: Retries,
    /// DNS may fail for each of a million domains.
    failures: LogThrottle,
}

impl Resolver {
    /// With these servers, or the system's when there are none. Without a `timeout` the system's counts.
    pub fn new(servers: &[SocketAddr], timeout: Option<Duration>) -> Resolver {
        Resolver {
            stub: Stub::new(servers, timeout),
            outage: Mutex::default(),
            retries: Retries::default(),
            failures: LogThrottle::default(),
        }
    }

    /// Looks the record up by its absolute name: a search list must not answer for another domain.
    pub async fn record(&self, domain: &Domain) -> LookupResult {
        let Ok(name) = Name::from_ascii(format!("_smtp._tls.{domain}.")) else {
            return LookupResult::OptedOut(
                "the record's name would be too long for DNS".to_owned(),
            );
        };
        // A guard held over a wait would block everybody.
        let turn = self.outage().turn(Instant::now());
        match turn {
            Turn::Ask => {}
            Turn::AskForTheRoot => self.ask_for_the_root().await,
            Turn::PassOver => return LookupResult::Unknown("it is out".to_owned()),
        }
        let looked = self.ask(domain, name).await;
        let end = match &looked {
            Ok(_) => End::Answer,
            Err(no_answer) if no_answer.is_reply() => End::BadResponse,
            Err(_) => End::Silence,
        };
        let change = self.outage().ended(end, Instant::now());
        match change {
            Some(Change::Suspected) => self.ask_for_the_root().await,
            change => self.tell(change),
        }
        looked.unwrap_or_else(|error| {
            let reason = error.to_string();
            if !self.outage().is_out()
                && let Some(others) = self.failures.pass_now()
            {
                tracing::warn!(%domain, reason, others, "DNS failed: the record that the MTA saw is used");
            }
            LookupResult::Unknown(reason)
        })
    }

    async fn ask_for_the_root(&self) {
        let is_known = self.stub.current().know_the_root().await;
        let change = self.outage().root_asked(is_known, Instant::now());
        self.tell(change);
    }

    fn tell(&self, change: Option<Change>) {
        match change {
            Some(Change::Out) => tracing::warn!(
                "DNS is out: until it answers again, the records that the MTA saw are used"
            ),
            Some(Change::Back { after, passed_over }) => {
                let seconds = after.as_secs();
                tracing::warn!(seconds, passed_over, "DNS is back");
            }
            Some(Change::Suspected) | None => {}
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        // Nobody leaves it half changed.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until there is an answer; `Err` when there is none.
    async fn ask(&self, domain: &Domain, name: Name) -> Result<LookupResult, NoAnswer> {
        let question = Question {
            name,
            kind: RecordType::TXT,
        };
        let servers = self.stub.current();
        let patience = self.retries.patience(domain);
        let mut place = None;
        let mut attempt = 0;
        loop {
            let error = match servers.ask_once(&question, attempt, patience).await {
                Ok(answer) => return Ok(looked(answer)),
                Err(error) => error,
            };
            attempt += 1;
            if place.is_none() {
                place = self.retries.enter(domain);
            }
            if attempt >= servers.attempts() || self.outage().is_out() || place.is_none() {
                return Err(error);
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

fn looked(answer: Answer) -> LookupResult {
    match answer {
        Answer::Records(records) => {
            let texts: Vec<String> = records.iter().filter_map(joined).collect();
            judge(&texts)
        }
        Answer::NoName => LookupResult::OptedOut("no such name in DNS".to_owned()),
        Answer::NoRecords => LookupResult::OptedOut("no TXT record in DNS".to_owned()),
    }
}

/// What the texts of a name's TXT records amount to.
pub fn judge(texts: &[String]) -> LookupResult {
    match select(texts) {
        Selection::One(record, _) => LookupResult::Record(record),
        Selection::None => LookupResult::OptedOut("no TLSRPT record in DNS".to_owned()),
        Selection::Several(number) => {
            LookupResult::OptedOut(format!("{number} TLSRPT records in DNS"))
        }
        Selection::Invalid(error) => LookupResult::OptedOut(invalid(&error)),
    }
}

/// The one record that the MTA saw, or what is wrong with it.
pub fn seen(text: &str) -> Result<TlsrptRecord, String> {
    match select(&[text.to_owned()]) {
        Selection::One(record, _) => Ok(record),
        Selection::Invalid(error) => Err(invalid(&error)),
        Selection::None | Selection::Several(_) => Err("it is no TLSRPT record".to_owned()),
    }
}

fn invalid(error: &TlsrptRecordError) -> String {
    format!("no valid TLSRPT record: {error}")
}

/// The strings of one record are joined without spaces (RFC 8460 section 3). Bytes that are no UTF-8 are replaced, not
/// refused: in a record of another kind they are no concern of ours, in a URI they spoil that URI alone. In an extension
/// they make the record invalid, as the grammar has it (`%x21-3A / %x3C / %x3E-7E`): [`judge`] says so.
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
                matches!(judge(&texts), LookupResult::Record(_)),
                takes_part,
                "{why}"
            );
        }
    }

    #[test]
    fn what_the_mta_saw_is_not_said_to_stand_in_dns() {
        assert!(seen("v=TLSRPTv1; rua=mailto:a@b.example").is_ok());
        for text in ["", "v=spf1 -all", "v=TLSRPTv1; ???"] {
            let reason = seen(text).unwrap_err();
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
