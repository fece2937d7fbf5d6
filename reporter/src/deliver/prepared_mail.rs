//! Mails are written and signed before their turn to be sent: the connection limit does not limit CPU use.
//!
//! A signature takes as long as a hundred other steps of a task, so it is made on threads for blocking work: those that carry
//! the dialogues go on, and need not be many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tlsrptd_proto::tlsrpt_record::Mailbox;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::{
    Deliverer, Outcome,
    mail_writer::{self, MailFault},
};
use crate::model::Delivery;

/// The signed mail of a delivery in hand, written once.
#[derive(Clone, Default)]
pub struct PreparedMail(Arc<OnceCell<Result<Vec<u8>, Outcome>>>);

/// Hundreds of mails may be in hand. The mail of a larger report is written when its turn comes.
const MAX_REPORT: usize = 128 << 10;

/// Mails that wait to be written, and the threads that write them, one a core.
#[derive(Debug)]
pub(super) struct Writers {
    cores: usize,
    work: Mutex<WritersWork>,
}

#[derive(Debug, Default)]
struct WritersWork {
    waiting: VecDeque<(Delivery, Mailbox, PreparedMail)>,
    /// Threads that write until nothing waits.
    busy: usize,
}

impl Writers {
    pub(super) fn new() -> Writers {
        Writers {
            cores: thread::available_parallelism().map_or(1, usize::from),
            work: Mutex::default(),
        }
    }

    fn work(&self) -> MutexGuard<'_, WritersWork> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deliverer {
    /// Starts writing the mail of a delivery that waits for its turn.
    pub fn prepare_mail(self: &Arc<Self>, delivery: &Delivery, mail: &PreparedMail) {
        let Some(to) = delivery.destination.mailbox().cloned() else {
            return;
        };
        if delivery.report.json.len() > MAX_REPORT {
            return;
        }
        let mut work = self.writers.work();
        work.waiting.push_back((delivery.clone(), to, mail.clone()));
        if work.busy < self.writers.cores {
            work.busy += 1;
            let (this, runtime) = (Arc::clone(self), Handle::current());
            drop(runtime.clone().spawn_blocking(move || {
                while let Some((delivery, to, mail)) = this.next_to_write() {
                    runtime.block_on(this.written(&delivery, &to, &mail));
                }
            }));
        }
    }

    /// The next mail to be written whose delivery is still in hand; without one the thread is done.
    fn next_to_write(&self) -> Option<(Delivery, Mailbox, PreparedMail)> {
        let mut work = self.writers.work();
        while let Some(next) = work.waiting.pop_front() {
            if Arc::strong_count(&next.2.0) > 1 {
                return Some(next);
            }
        }
        work.busy -= 1;
        None
    }

    /// The mail; it is written now if that has not been done.
    pub(super) async fn written<'a>(
        &self,
        delivery: &Delivery,
        to: &Mailbox,
        mail: &'a PreparedMail,
    ) -> &'a Result<Vec<u8>, Outcome> {
        mail.0.get_or_init(async || self.write(delivery, to)).await
    }

    fn write(&self, delivery: &Delivery, to: &Mailbox) -> Result<Vec<u8>, Outcome> {
        let (signers, level) = (Some(&self.signers), self.compression_level);
        mail_writer::mail(
            &delivery.report,
            to,
            delivery.date,
            delivery.request,
            &self.sender,
            signers,
            level,
        )
        .map_err(|fault| match fault {
            MailFault::Report(reason) => Outcome::Unsendable { reason },
            MailFault::Dkim(reason) => Outcome::retry(reason),
        })
    }
}

impl std::fmt::Debug for PreparedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedMail({})", self.0.initialized())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Progress, fixtures};
    use super::*;

    fn delivery(number: usize) -> (Delivery, PreparedMail) {
        let delivery = fixtures::delivery(&format!("mailto:a{number}@x.example"));
        (delivery, PreparedMail::default())
    }

    #[tokio::test]
    async fn mails_are_written_while_the_relay_says_nothing() {
        let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let transport = format!("smtp://{}", relay.local_addr().unwrap());
        let settings = fixtures::settings(&[("mail_transport", &transport)]);
        let deliverer = Arc::new(Deliverer::prepare(&settings).unwrap());
        let waiting: Vec<_> = (0..20).map(delivery).collect();
        let first = {
            let (deliverer, (delivery, mail)) = (Arc::clone(&deliverer), waiting[0].clone());
            let progress = Progress::default();
            tokio::spawn(async move { deliverer.attempt(&delivery, &mail, &progress).await })
        };
        let _held = relay.accept().await.unwrap();
        for (delivery, mail) in &waiting[1..] {
            deliverer.prepare_mail(delivery, mail);
        }
        let all = async {
            while waiting.iter().any(|(_, mail)| mail.0.get().is_none()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all)
            .await
            .unwrap();
        assert!(!first.is_finished(), "the one connection is taken");
        for (number, (delivery, mail)) in waiting.iter().enumerate() {
            let to = delivery.destination.mailbox().unwrap();
            let again = deliverer.write(delivery, to).unwrap();
            let Ok(bytes) = deliverer.written(delivery, to, mail).await else {
                panic!("{number} could not be written");
            };
            assert_eq!(*bytes, again, "the same, whenever it is written");
            let line = format!("\r\nTo: a{number}@x.example\r\n");
            assert!(String::from_utf8_lossy(bytes).contains(&line));
        }
        first.abort();
    }

    #[tokio::test]
    async fn what_is_not_waited_for_is_not_written() {
        let deliverer = Deliverer::prepare(&fixtures::settings(&[("sendmail_script", "true")]));
        let deliverer = Arc::new(deliverer.unwrap());
        let mut large = fixtures::report();
        large.json.push_str(&" ".repeat(MAX_REPORT));
        let mut too_large = delivery(0).0;
        too_large.report = Arc::new(large);
        let post = fixtures::delivery("https://h.example/");
        for (other, why) in [(too_large, "memory is bounded"), (post, "nothing to sign")] {
            deliverer.prepare_mail(&other, &PreparedMail::default());
            assert_eq!(deliverer.writers.work().busy, 0, "{why}");
        }
    }
}
