//! Between the many who ask and the one worker: an answer is kept for `refresh_interval`, who asks the same meanwhile waits
//! for the same answer, and few different questions wait. What monitoring asks goes first; a question whose askers have all gone
//! is dropped.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{limits, response::HttpReply, route::StatusQuestion};

/// Answers, kept and awaited.
#[derive(Debug, Default)]
pub(super) struct Desk {
    replies: Mutex<Replies>,
    asked: Condvar,
}

#[derive(Debug, Default)]
struct Replies {
    kept: HashMap<StatusQuestion, KeptReply>,
    /// The questions that are asked now.
    awaited: HashMap<StatusQuestion, watch::Sender<Option<Arc<HttpReply>>>>,
    /// Of those, what waits for the worker: questions of which there are a handful, and all others.
    few: VecDeque<StatusQuestion>,
    many: VecDeque<StatusQuestion>,
    /// When the worker took the question that it answers now.
    taken: Option<Instant>,
}

/// An answer, and until when it is right.
#[derive(Clone, Debug)]
pub(super) struct KeptReply {
    pub(super) reply: Arc<HttpReply>,
    pub(super) ends: Instant,
}

/// What there is when a question comes.
enum ReplyState {
    Kept(Arc<HttpReply>),
    Awaited(watch::Receiver<Option<Arc<HttpReply>>>),
    TooMany,
}

impl Desk {
    /// The answer, or that there is none now.
    pub(super) async fn ask(&self, question: StatusQuestion) -> Arc<HttpReply> {
        let mut awaited = match self.find(question) {
            ReplyState::Kept(reply) => return reply,
            ReplyState::TooMany => {
                return Arc::new(HttpReply::later("many other questions are asked now"));
            }
            ReplyState::Awaited(awaited) => awaited,
        };
        let answered = awaited.wait_for(Option::is_some);
        match tokio::time::timeout(limits::ANSWER, answered).await {
            Ok(Ok(reply)) => reply.clone().unwrap_or_else(none_in_time),
            _ => none_in_time(),
        }
    }

    fn find(&self, question: StatusQuestion) -> ReplyState {
        let mut replies = self.lock();
        if let Some(kept) = replies.kept.get(&question)
            && kept.ends > Instant::now()
        {
            return ReplyState::Kept(Arc::clone(&kept.reply));
        }
        if let Some(sender) = replies.awaited.get(&question) {
            return ReplyState::Awaited(sender.subscribe());
        }
        if !replies.queue(&question) {
            return ReplyState::TooMany;
        }
        let (sender, receiver) = watch::channel(None);
        replies.awaited.insert(question, sender);
        self.asked.notify_one();
        ReplyState::Awaited(receiver)
    }

    /// The worker's next question. Waits for one that somebody waits for.
    pub(super) fn next_question(&self) -> StatusQuestion {
        let mut replies = self.lock();
        loop {
            if let Some(question) = replies.take() {
                return question;
            }
            let woken = self.asked.wait(replies);
            replies = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the worker has come back from its last question, or took it no longer ago.
    pub(super) fn works_within(&self, limit: Duration) -> bool {
        self.lock()
            .taken
            .is_none_or(|taken| taken.elapsed() < limit)
    }

    /// Takes the worker's answer.
    pub(super) fn keep(&self, question: StatusQuestion, kept: KeptReply) {
        let mut replies = self.lock();
        replies.taken = None;
        if let Some(awaited) = replies.awaited.remove(&question) {
            awaited.send_replace(Some(Arc::clone(&kept.reply)));
        }
        replies.kept.retain(|_, kept| kept.ends > Instant::now());
        replies.kept.insert(question, kept);
        replies.make_room();
    }

    fn lock(&self) -> MutexGuard<'_, Replies> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replies {
    /// Lets a question wait for the worker; `false`: too many others do.
    fn queue(&mut self, question: &StatusQuestion) -> bool {
        if question.is_of_few() {
            self.few.push_back(question.clone());
            return true;
        }
        if self.many.len() >= limits::QUESTIONS {
            let awaited = &mut self.awaited;
            self.many.retain(|question| is_awaited(awaited, question));
        }
        let has_room = self.many.len() < limits::QUESTIONS;
        if has_room {
            self.many.push_back(question.clone());
        }
        has_room
    }

    /// The next question that somebody waits for, for the worker.
    fn take(&mut self) -> Option<StatusQuestion> {
        self.taken = None;
        while let Some(question) = self.few.pop_front().or_else(|| self.many.pop_front()) {
            if is_awaited(&mut self.awaited, &question) {
                self.taken = Some(Instant::now());
                return Some(question);
            }
        }
        None
    }

    /// The first to end go first.
    fn make_room(&mut self) {
        loop {
            let bytes: usize = self.kept.values().map(|kept| kept.reply.size()).sum();
            if bytes <= limits::KEPT_BYTES && self.kept.len() <= limits::KEPT {
                return;
            }
            let first = self.kept.iter().min_by_key(|(_, kept)| kept.ends);
            let Some(first) = first.map(|(question, _)| question.clone()) else {
                return;
            };
            self.kept.remove(&first);
        }
    }
}

/// Whether somebody waits for its answer still; else it is not asked any more.
fn is_awaited(
    awaited: &mut HashMap<StatusQuestion, watch::Sender<Option<Arc<HttpReply>>>>,
    question: &StatusQuestion,
) -> bool {
    let is_awaited = awaited
        .get(question)
        .is_some_and(|sender| sender.receiver_count() > 0);
    if !is_awaited {
        awaited.remove(question);
    }
    is_awaited
}

fn none_in_time() -> Arc<HttpReply> {
    Arc::new(HttpReply::later("store and daemons take long to answer"))
}

#[cfg(test)]
mod tests;
