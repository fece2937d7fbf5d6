//! Mails are written and signed before there is a connection for them: how many may be on their way at a time has nothing
//! to do with how many cores there are.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tlsrptd_proto::tlsrpt_record::Mailbox;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use super::{Deliverer, Delivery, Outcome, message};

/// A delivery's mail, once it is written.
#[derive(Clone, Default)]
pub struct PreparedMails(Arc<OnceCell<Result<Mail, Outcome>>>);

/// Ready to be sent.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) to: Mailbox,
    pub(super) bytes: Vec<u8>,
}

/// Hundreds may be in hand: a report that is larger is written when its turn has come.
const MAX_REPORT: usize = 128 << 10;

/// Those who write mails ahead, a core each.
#[derive(Debug)]
pub(super) struct Writers {
    cores: Arc<Semaphore>,
    /// What has ended stays in it until the next comes.
    tasks: Mutex<JoinSet<()>>,
}

impl Writers {
    pub(super) fn new() -> Writers {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Writers {
            cores: Arc::new(Semaphore::new(cores)),
            tasks: Mutex::default(),
        }
    }
}

impl Deliverer {
    /// Begins with what can be done for a delivery that has to wait for its turn.
    pub fn prepare_mail(self: &Arc<Self>, delivery: &Delivery) {
        let uri = &delivery.destination.uri;
        let is_mail = uri
            .get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        if !is_mail || delivery.report.json.len() > MAX_REPORT {
            return;
        }
        let (this, delivery) = (Arc::clone(self), delivery.clone());
        let mut tasks = self.writers.tasks.lock();
        let tasks = tasks.as_mut().unwrap_or_else(PoisonError::get_mut);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // It is never closed.
            let _core = this.writers.cores.acquire().await;
            // Nobody waits for it when this is all that is left of the delivery.
            if Arc::strong_count(&delivery.prepared_mail.0) > 1 {
                this.written(&delivery).await;
            }
        });
    }

    /// The mail; written now, when nobody has.
    pub(super) async fn written<'a>(&self, delivery: &'a Delivery) -> &'a Result<Mail, Outcome> {
        let prepared_mail = &delivery.prepared_mail.0;
        prepared_mail
            .get_or_init(async || self.write(delivery))
            .await
    }

    fn write(&self, delivery: &Delivery) -> Result<Mail, Outcome> {
        let unsendable = |reason: String| Outcome::Unsendable { reason };
        let report = &delivery.report;
        let (_, to) = delivery.destination.uri.split_once(':').unwrap_or_default();
        let to = Mailbox::parse(to).map_err(|error| unsendable(error.to_string()))?;
        let message = message::compose(
            report,
            &to,
            &self.sender,
            delivery.date,
            self.compression_level,
        )
        .map_err(|error| unsendable(error.to_string()))?;
        let signatures = self
            .signers
            .sign(&message, delivery.date)
            .map_err(|error| Outcome::retry(format!("DKIM: {error}")))?;
        let bytes = message.bytes(&signatures);
        Ok(Mail { to, bytes })
    }
}

impl std::fmt::Debug for PreparedMails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedMails({})", self.0.initialized())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Destination, Origin, Progress, fixtures};
    use super::*;

    fn delivery(number: usize) -> Delivery {
        let destination = Destination {
            uri: format!("mailto:a{number}@x.example"),
            origin: Origin::Record,
        };
        Delivery {
            report: Arc::new(fixtures::report()),
            destination,
            attempt: 1,
            date: fixtures::report().created,
            prepared_mail: PreparedMails::default(),
        }
    }

    #[tokio::test]
    async fn mails_are_written_while_the_relay_says_nothing() {
        let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let transport = format!("smtp://{}", relay.local_addr().unwrap());
        let settings = fixtures::settings(&[("mail_transport", &transport)]);
        let deliverer = Arc::new(Deliverer::prepare(&settings).unwrap());
        let waiting: Vec<Delivery> = (0..20).map(delivery).collect();
        let first = {
            let (deliverer, delivery) = (Arc::clone(&deliverer), waiting[0].clone());
            tokio::spawn(async move { deliverer.attempt(&delivery, &Progress::default()).await })
        };
        let _held = relay.accept().await.unwrap();
        for delivery in &waiting[1..] {
            deliverer.prepare_mail(delivery);
        }
        let all = async {
            while waiting
                .iter()
                .any(|delivery| delivery.prepared_mail.0.get().is_none())
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all)
            .await
            .unwrap();
        assert!(!first.is_finished(), "the one connection is taken");
        for (number, delivery) in waiting.iter().enumerate() {
            let again = deliverer.write(delivery).unwrap();
            let Ok(mail) = deliverer.written(delivery).await else {
                panic!("{number} could not be written");
            };
            assert_eq!(mail.bytes, again.bytes, "the same, whenever it is written");
            assert_eq!(mail.to.as_str(), format!("a{number}@x.example"));
        }
        first.abort();
    }

    #[tokio::test]
    async fn what_is_not_waited_for_is_not_written() {
        let deliverer = Deliverer::prepare(&fixtures::settings(&[("sendmail_script", "true")]));
        let deliverer = Arc::new(deliverer.unwrap());
        let mut large = fixtures::report();
        large.json.push_str(&" ".repeat(MAX_REPORT));
        let post = Destination {
            uri: "https://h.example/".to_owned(),
            origin: Origin::Record,
        };
        let report = Arc::new(large);
        for (other, why) in [
            (
                Delivery {
                    report,
                    ..delivery(0)
                },
                "memory is bounded",
            ),
            (
                Delivery {
                    destination: post,
                    ..delivery(1)
                },
                "nothing to sign",
            ),
        ] {
            deliverer.prepare_mail(&other);
            assert!(deliverer.writers.tasks.lock().unwrap().is_empty(), "{why}");
        }
    }
}
