//! Between the many who ask and the one worker: an answer is kept for `refresh_interval`, who asks the same meanwhile waits
//! for the same answer, and few different questions wait.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    time::Instant,
};

use tokio::sync::watch;

use super::{limits, response::HttpReply, route::StatusQuestion};

/// Answers, kept and awaited.
#[derive(Debug)]
pub(super) struct Desk {
    questions: SyncSender<StatusQuestion>,
    replies: Mutex<Replies>,
}

#[derive(Debug, Default)]
struct Replies {
    kept: HashMap<StatusQuestion, KeptReply>,
    /// The questions that are asked now.
    awaited: HashMap<StatusQuestion, watch::Sender<Option<Arc<HttpReply>>>>,
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
    /// With the questions for the worker.
    pub(super) fn new() -> (Desk, Receiver<StatusQuestion>) {
        let (questions, asked) = mpsc::sync_channel(limits::QUESTIONS);
        let desk = Desk {
            questions,
            replies: Mutex::default(),
        };
        (desk, asked)
    }

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
        match self.questions.try_send(question.clone()) {
            Ok(()) => {
                let (sender, receiver) = watch::channel(None);
                replies.awaited.insert(question, sender);
                ReplyState::Awaited(receiver)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => ReplyState::TooMany,
        }
    }

    /// Takes the worker's answer.
    pub(super) fn keep(&self, question: StatusQuestion, kept: KeptReply) {
        let mut replies = self.lock();
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

fn none_in_time() -> Arc<HttpReply> {
    Arc::new(HttpReply::later("store and daemons take long to answer"))
}

#[cfg(test)]
mod tests;
