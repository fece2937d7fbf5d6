//! Everything outside the reporter that it needs, in one place, so that a test can take its place.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use tlsrptd_proto::{day::Day, domain::Domain};
use tlsrptd_service::clock::ClockReading;

use crate::{
    deliver::{Deliverer, Outcome, PreparedMail, Progress},
    gather::{self, Answer, AnswerSender, GatherError, Terms},
    lookup::{BlockLists, LookupResult, Resolver, ResolverStatus},
    model::{Delivery, DigestMail, FetchJob},
};

/// Clock, collectors, DNS, receivers.
pub trait Environment: Send + Sync + 'static {
    /// The clocks. Nobody else reads them.
    fn reading(&self) -> ClockReading;
    /// Asks a collector for a whole day.
    fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> impl Future<Output = Result<Answer, GatherError>> + Send;
    /// Asks a collector for one domain.
    fn details(
        &self,
        job: &FetchJob,
        domain: &str,
    ) -> impl Future<Output = Result<String, GatherError>> + Send;
    /// The limit in bytes for the details of all domains of a collector's list.
    fn max_answer_size(&self) -> u64 {
        u64::MAX
    }
    /// Asks a collector which closed days grew, and how often.
    fn grown(
        &self,
        _command: &str,
    ) -> impl Future<Output = Result<Vec<(Day, u64)>, GatherError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
    /// Asks DNS for a domain's record; `None` with `resolve_records = no`.
    fn lookup(&self, domain: &Domain) -> impl Future<Output = Option<LookupResult>> + Send;
    /// Whether DNS answers; `None` with `resolve_records = no`.
    fn resolver_status(&self) -> Option<ResolverStatus> {
        None
    }
    /// The operator's DNS block lists; `None`: there are none.
    fn block_lists(&self) -> Option<&BlockLists> {
        None
    }
    /// A delivery waits in its queue: its mail may be written and signed ahead.
    fn prepare_mail(&self, _delivery: &Delivery, _mail: &PreparedMail) {}
    /// The number of attempts whose report the other side has, and has not answered: to end these would send it twice.
    fn unanswered(&self) -> usize {
        0
    }
    /// Makes one attempt to send a digest to the operator.
    fn send_digest(&self, _digest: &DigestMail) -> impl Future<Output = Outcome> + Send {
        std::future::ready(Outcome::Sent {
            detail: String::new(),
        })
    }
    /// Makes one attempt to deliver.
    fn deliver(&self, delivery: &Delivery) -> impl Future<Output = Outcome> + Send;
    /// The same, and tells its progress.
    fn deliver_telling(
        &self,
        delivery: &Delivery,
        _mail: &PreparedMail,
        _progress: &Progress,
    ) -> impl Future<Output = Outcome> + Send {
        self.deliver(delivery)
    }
}

/// Where records come from: all that a decision needs of the outside.
pub trait Records: Sync {
    /// What DNS says of a domain's record; `None` when it is not asked.
    fn record(&self, domain: &Domain) -> impl Future<Output = Option<LookupResult>> + Send;
    /// What destinations are looked up in; `None`: nothing.
    fn block_lists(&self) -> Option<&BlockLists> {
        None
    }
}

impl<E: Environment> Records for E {
    fn record(&self, domain: &Domain) -> impl Future<Output = Option<LookupResult>> + Send {
        self.lookup(domain)
    }

    fn block_lists(&self) -> Option<&BlockLists> {
        Environment::block_lists(self)
    }
}

/// The system's.
#[derive(Debug)]
pub struct SystemEnvironment {
    /// `None` with `resolve_records = no`.
    pub resolver: Option<Resolver>,
    /// `destination_dnsbl`; `None` without any.
    pub block_lists: Option<BlockLists>,
    /// Mail, HTTPS, directories.
    pub deliverer: Arc<Deliverer>,
    /// `max_collectd_timediff`.
    pub max_collectd_timediff: Duration,
    /// `max_answer_size`, in bytes.
    pub max_answer_size: u64,
}

impl Environment for SystemEnvironment {
    fn reading(&self) -> ClockReading {
        ClockReading::take()
    }

    async fn ask(
        &self,
        job: &FetchJob,
        now: Timestamp,
        sink: &AnswerSender,
    ) -> Result<Answer, GatherError> {
        let terms = Terms {
            now,
            max_difference: self.max_collectd_timediff,
            max_size: self.max_answer_size,
        };
        gather::ask(job, terms, sink).await
    }

    async fn details(&self, job: &FetchJob, domain: &str) -> Result<String, GatherError> {
        gather::details(job, domain).await
    }

    fn max_answer_size(&self) -> u64 {
        self.max_answer_size
    }

    async fn grown(&self, command: &str) -> Result<Vec<(Day, u64)>, GatherError> {
        gather::grown(command).await
    }

    async fn lookup(&self, domain: &Domain) -> Option<LookupResult> {
        match &self.resolver {
            Some(resolver) => Some(resolver.record(domain).await),
            None => None,
        }
    }

    fn resolver_status(&self) -> Option<ResolverStatus> {
        self.resolver.as_ref().map(Resolver::status)
    }

    fn block_lists(&self) -> Option<&BlockLists> {
        self.block_lists.as_ref()
    }

    fn prepare_mail(&self, delivery: &Delivery, mail: &PreparedMail) {
        self.deliverer.prepare_mail(delivery, mail);
    }

    fn unanswered(&self) -> usize {
        self.deliverer.unanswered()
    }

    async fn send_digest(&self, digest: &DigestMail) -> Outcome {
        self.deliverer.send_digest(digest).await
    }

    async fn deliver(&self, delivery: &Delivery) -> Outcome {
        let (mail, progress) = (PreparedMail::default(), Progress::default());
        self.deliver_telling(delivery, &mail, &progress).await
    }

    async fn deliver_telling(
        &self,
        delivery: &Delivery,
        mail: &PreparedMail,
        progress: &Progress,
    ) -> Outcome {
        self.deliverer.attempt(delivery, mail, progress).await
    }
}
