//! What the collector answers at its observation socket (`tlsrptd_service::observe`, tlsrpt-observe(5)).
//!
//! [`status`] reads figures that the threads publish. [`today`] reads today's file by looks of some milliseconds ([`RunningDay`]).
//! [`pace`] bounds what all of it takes of a core, and more so while many datagrams come.

mod pace;
mod status;
#[cfg(test)]
mod tests;
mod today;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tlsrptd_service::observe::{AnswerWriter, Handler, Request};

use crate::store::RunningDay;
use pace::Pace;

pub(crate) use status::ObservedCollector;

/// Answers about today at once: each may take some megabytes.
const MOST_TODAY: usize = 2;
/// What can be asked.
const REQUESTS: [&str; 2] = ["status", "today"];

/// See the module.
pub(crate) struct Observed {
    collector: Arc<ObservedCollector>,
    running_day: Option<Arc<dyn RunningDay>>,
    pace: Pace,
    today: AtomicUsize,
}

impl Observed {
    pub(crate) fn new(
        collector: Arc<ObservedCollector>,
        running_day: Option<Arc<dyn RunningDay>>,
    ) -> Arc<Observed> {
        Arc::new(Observed {
            pace: Pace::new(Arc::clone(&collector.stats)),
            collector,
            running_day,
            today: AtomicUsize::new(0),
        })
    }

    /// For the server.
    pub(crate) fn handler(self: Arc<Observed>) -> Arc<Handler> {
        Arc::new(move |request, out| self.answer(request, out))
    }

    fn answer(&self, request: &Request, out: &mut dyn AnswerWriter) -> io::Result<()> {
        match request.name() {
            "status" => {
                let status = self.pace.look(|| self.collector.status());
                out.json(&status)
            }
            "today" => match Place::take(&self.today) {
                Some(_place) => self.answer_today(request, out),
                None => out.error("too many ask for today at once: ask again"),
            },
            _ => out.error(&request.unknown(&REQUESTS)),
        }
    }
}

/// One of the places for an answer about today.
struct Place<'p>(&'p AtomicUsize);

impl Place<'_> {
    fn take(taken: &AtomicUsize) -> Option<Place<'_>> {
        let place = Place(taken);
        // The place that is one too many is given back when it is dropped.
        (taken.fetch_add(1, SeqCst) < MOST_TODAY).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
