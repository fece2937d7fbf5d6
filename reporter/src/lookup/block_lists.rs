//! Whether a destination's name stands on a DNS block list of the operator's (RFC 5782 section 2.4: a list of names).
//!
//! A list that does not answer lists nobody, and holds nobody up: it is asked once, for a short time, and after some failures
//! in a row not at all for a while.

mod answer;

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hickory_proto::rr::{Name, RecordType};
use tlsrptd_config::{BlockList, reportd::Reportd};
use tlsrptd_proto::domain::Domain;
use tlsrptd_service::log::LogThrottle;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::retry_budget::RetryBudget;
use crate::{
    dns::{DnsAnswer, Question, StubResolver},
    throttle::{Permit, Throttle},
};

use answer::text_of;
pub(crate) use answer::{ListAnswer, read_list};

/// The longest wait for a list, whatever name servers there are.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Names that are asked about at once.
const AT_ONCE: usize = 64;
/// So many failures in a row, and the list is not asked
const FAILURES: u32 = 5;
/// for so long.
const PAUSE: Duration = Duration::from_secs(60);
/// Answers are remembered for longer than it takes to decide on a day, and not until the next,
const REMEMBERED_FOR: Duration = Duration::from_secs(6 * 3600);
/// and so many of each list's: strangers' records name whom they like.
const REMEMBERED: usize = 1 << 15;
/// A name that no list has (RFC 5782 section 5): one that has ended may list whatever it is asked about.
pub(crate) const INVALID: &str = "invalid";
/// A list that did not have it is trusted for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(3600);
/// A line on each list that gives no answer.
const LOG_INTERVAL: Duration = Duration::from_secs(3600);

/// The operator's lists.
#[derive(Debug)]
pub struct BlockLists {
    stub: StubResolver,
    lists: Vec<AskedList>,
    at_once: Semaphore,
    budget: RetryBudget,
}

#[derive(Debug)]
struct AskedList {
    list: BlockList,
    names: Mutex<KnownNames>,
    throttle: Mutex<Throttle>,
    failures: LogThrottle,
    /// When it was last seen that it does not list everybody.
    trusted: Mutex<Option<Instant>>,
}

/// Why each name is listed, or that it is not, as one list says.
#[derive(Debug, Default)]
struct KnownNames {
    since: Option<Instant>,
    of: HashMap<String, Option<String>>,
}

/// The list gave no answer that counts.
#[derive(Debug, PartialEq, Eq)]
struct Unsure;

impl BlockLists {
    /// `None`: there are no lists. To be called where futures run.
    pub fn new(settings: &Reportd) -> Option<BlockLists> {
        let asked = |list: &BlockList| AskedList {
            list: list.clone(),
            names: Mutex::default(),
            throttle: Mutex::new(Throttle::new(FAILURES)),
            failures: LogThrottle::new(LOG_INTERVAL),
            trusted: Mutex::default(),
        };
        let lists = &settings.destination_dnsbl;
        (!lists.is_empty()).then(|| BlockLists {
            stub: StubResolver::new(&settings.dns_servers, settings.dns_timeout),
            lists: lists.iter().map(asked).collect(),
            at_once: Semaphore::new(AT_ONCE),
            budget: RetryBudget::default(),
        })
    }

    /// Why the name is listed, if it is. `reported` is the domain whose record names it: the look-up is its owner's.
    pub async fn reason(&self, reported: &Domain, name: &str) -> Option<String> {
        if let Some(known) = self.known(name) {
            return known;
        }
        // It is never closed.
        let _permit = self.at_once.acquire().await.ok()?;
        for asked in &self.lists {
            // Somebody else may have asked meanwhile.
            let reason = match asked.known(name) {
                Some(known) => known,
                None => match self.ask(asked, reported, name).await {
                    Ok(said) => {
                        lock(&asked.names).remember(name, said.clone());
                        said
                    }
                    Err(Unsure) => None,
                },
            };
            if reason.is_some() {
                return reason;
            }
        }
        None
    }

    /// What follows from what is remembered. `None`: a list has to be asked first.
    fn known(&self, name: &str) -> Option<Option<String>> {
        for asked in &self.lists {
            let reason = asked.known(name)?;
            if reason.is_some() {
                return Some(reason);
            }
        }
        Some(None)
    }

    async fn ask(
        &self,
        asked: &AskedList,
        reported: &Domain,
        name: &str,
    ) -> Result<Option<String>, Unsure> {
        let zone = &asked.list.zone;
        // A name that is too long for DNS is on no list.
        let Ok(full) = Name::from_ascii(format!("{name}.{zone}.")) else {
            return Ok(None);
        };
        if !asked.may_be_asked(Instant::now()) {
            return Err(Unsure);
        }
        // An owner with many look-ups under way has to be content with less.
        let max_wait = self.budget.max_wait(reported).min(MAX_WAIT);
        let _share = self.budget.acquire(reported);
        match self.code(asked, &full, max_wait).await? {
            None => {
                asked.works();
                Ok(None)
            }
            Some(code) => {
                self.trust(asked, max_wait).await?;
                asked.works();
                let text = self.query(&full, RecordType::TXT, max_wait).await;
                let text = text.ok().as_ref().and_then(text_of);
                let text = text.map(|text| format!(": {text}")).unwrap_or_default();
                Ok(Some(format!("{name} is on {zone} ({code}){text}")))
            }
        }
    }

    /// The code by which the name is listed.
    async fn code(
        &self,
        asked: &AskedList,
        name: &Name,
        max_wait: Duration,
    ) -> Result<Option<Ipv4Addr>, Unsure> {
        let answer = self.query(name, RecordType::A, max_wait).await;
        let reason = match answer.map(|answer| read_list(&asked.list, &answer)) {
            Ok(ListAnswer::NotListed) => return Ok(None),
            Ok(ListAnswer::Listed(code)) => return Ok(Some(code)),
            Ok(ListAnswer::Denied(code)) => {
                format!("it answers {code}: it does not serve this resolver")
            }
            Ok(ListAnswer::Foreign(code)) => {
                format!("it answers {code}, which is no code of a list (127.0.0.0/8)")
            }
            // That says more of the owner's look-ups than of the list.
            Err(_) if max_wait < MAX_WAIT => return Err(Unsure),
            Err(reason) => reason,
        };
        Err(asked.failed(&reason))
    }

    /// One that lists whatever it is asked about is no list.
    async fn trust(&self, asked: &AskedList, max_wait: Duration) -> Result<(), Unsure> {
        let now = Instant::now();
        if lock(&asked.trusted).is_some_and(|since| now - since < TRUSTED_FOR) {
            return Ok(());
        }
        let name = Name::from_ascii(format!("{INVALID}.{}.", asked.list.zone));
        let name = name.map_err(|_| Unsure)?;
        match self.code(asked, &name, max_wait).await? {
            None => *lock(&asked.trusted) = Some(now),
            Some(code) => {
                let reason = format!(
                    "it lists {INVALID} too ({code}), which no list has (RFC 5782): it lists everybody"
                );
                return Err(asked.failed(&reason));
            }
        }
        Ok(())
    }

    async fn query(
        &self,
        name: &Name,
        kind: RecordType,
        max_wait: Duration,
    ) -> Result<DnsAnswer, String> {
        let question = Question {
            name: name.clone(),
            kind,
        };
        let servers = self.stub.current();
        match timeout(max_wait, servers.query_once(&question, 0, max_wait)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", max_wait.as_secs())),
        }
    }
}

impl AskedList {
    fn known(&self, name: &str) -> Option<Option<String>> {
        lock(&self.names).get(name, Instant::now())
    }

    /// While it fails, one question goes out in each pause.
    fn may_be_asked(&self, now: Instant) -> bool {
        let mut throttle = lock(&self.throttle);
        match throttle.permit(now) {
            Permit::Go => true,
            Permit::Wait => false,
            Permit::Probe => {
                let _ = throttle.pause(now + PAUSE, now);
                true
            }
        }
    }

    fn works(&self) {
        let paused = lock(&self.throttle).works(Instant::now());
        if let Some(after) = paused {
            let (zone, seconds) = (&self.list.zone, after.as_secs());
            tracing::info!(zone, seconds, "a list of destination_dnsbl answers again");
        }
    }

    fn failed(&self, reason: &str) -> Unsure {
        let now = Instant::now();
        {
            let mut throttle = lock(&self.throttle);
            if throttle.failed(1, now) {
                let _ = throttle.pause(now + PAUSE, now);
            }
        }
        if let Some(others) = self.failures.pass_now() {
            let zone = &self.list.zone;
            tracing::warn!(
                zone,
                reason,
                others,
                "a list of destination_dnsbl gives no answer: it lists nobody until it does"
            );
        }
        Unsure
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can panic in the middle of a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KnownNames {
    fn get(&mut self, name: &str, now: Instant) -> Option<Option<String>> {
        if self.since.is_none_or(|since| now - since >= REMEMBERED_FOR) {
            *self = KnownNames {
                since: Some(now),
                of: HashMap::new(),
            };
        }
        self.of.get(name).cloned()
    }

    fn remember(&mut self, name: &str, reason: Option<String>) {
        if self.of.len() >= REMEMBERED {
            self.of.clear();
        }
        self.of.insert(name.to_owned(), reason);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use tlsrptd_config::{Start, reportd::load};

    use super::*;

    pub(super) fn lists(text: &str) -> BlockLists {
        let args = [
            "--dbname=/nonexistent/db",
            "--fetchers=one",
            "--organization_name=Org",
            "--contact_info=tls@sender.example",
            "--dns_servers=127.0.0.1:9",
            text,
        ];
        match load(args.map(OsString::from).to_vec(), []) {
            Start::Run(settings) => BlockLists::new(&settings.values).unwrap(),
            Start::Done { stderr, .. } => panic!("{stderr}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_fails_is_left_alone() {
        let lists = lists("--destination_dnsbl=a.example");
        let list = &lists.lists[0];
        for _ in 0..FAILURES {
            assert!(list.may_be_asked(Instant::now()));
            list.failed("dead");
        }
        let questions = |seconds: u64| {
            let mut asked = 0;
            let begin = Instant::now();
            for second in 0..seconds {
                asked += u32::from(list.may_be_asked(begin + Duration::from_secs(second)));
            }
            asked
        };
        assert_eq!(questions(600), 9, "one a minute");
        list.works();
        assert_eq!(questions(600), 600);
    }

    #[tokio::test(start_paused = true)]
    async fn names_are_remembered_for_the_day_and_in_bounds() {
        let mut names = KnownNames::default();
        let begin = Instant::now();
        assert_eq!(names.get("a.example", begin), None);
        names.remember("a.example", Some("it is".to_owned()));
        let last = begin + REMEMBERED_FOR - Duration::from_secs(1);
        assert_eq!(names.get("a.example", last), Some(Some("it is".to_owned())));
        assert_eq!(names.get("a.example", begin + REMEMBERED_FOR), None);
        for number in 0..=REMEMBERED {
            names.remember(&format!("d{number}.example"), None);
            assert!(names.of.len() <= REMEMBERED);
        }
        assert_eq!(names.get("d32768.example", last), Some(None));
    }
}
