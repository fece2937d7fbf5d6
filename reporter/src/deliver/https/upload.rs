//! A report on its way out: how much of it has gone, and when that takes too long.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use tokio::time::{Instant, sleep_until};

use super::client::Body;
use crate::deliver::{Outcome, Progress};

/// Handed to the connection at a time.
const PART: usize = 16 << 10;
/// One request's.
pub(super) struct Upload {
    state: Arc<Mutex<UploadState>>,
    progress: Progress,
    times: PostTimeouts,
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub(super) struct PostTimeouts {
    /// To connect, and from one part to the next: `http_timeout`.
    pub(super) step: Duration,
    /// For the answer.
    pub(super) answer: Duration,
}

impl PostTimeouts {
    /// When all is sent, whoever hangs up sends it twice: the answer is waited for as long as SMTP's (RFC 5321 section
    /// 4.5.3.2.6).
    pub(super) fn new(step: Duration) -> PostTimeouts {
        PostTimeouts {
            step,
            answer: step.max(Duration::from_secs(600)),
        }
    }
}

#[derive(Clone, Copy)]
enum UploadState {
    /// Since then.
    Connecting(Instant),
    /// The connection has taken something then.
    Sending(Instant),
    Waiting(Instant),
}

impl Upload {
    pub(super) fn new(progress: &Progress, times: PostTimeouts) -> Upload {
        progress.connects();
        Upload {
            state: Arc::new(Mutex::new(UploadState::Connecting(Instant::now()))),
            progress: progress.clone(),
            times,
        }
    }

    /// The bytes, in parts: each is asked for when there is room for it. After the last nothing more is asked for.
    pub(super) fn body(&self, bytes: &Bytes) -> Body {
        let (bytes, most) = (bytes.clone(), bytes.len());
        let parts = (0..most).step_by(PART);
        let (mut left, time) = (parts.len(), self.times.step);
        let parts = parts.map(move |at| bytes.slice(at..most.min(at + PART)));
        let (state, progress) = (Arc::clone(&self.state), self.progress.clone());
        let parts = stream::iter(parts).map(move |part| {
            left -= 1;
            let now = Instant::now();
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            *state = match left {
                0 => UploadState::Waiting(now),
                _ => UploadState::Sending(now),
            };
            match left {
                0 => progress.sent(time),
                _ => progress.sends(),
            }
            Ok(Frame::data(part))
        });
        StreamBody::new(parts.boxed())
    }

    /// Ends when the time is over that the present state may take.
    pub(super) async fn late(&self) -> Outcome {
        loop {
            let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let (since, time) = match state {
                UploadState::Connecting(since) | UploadState::Sending(since) => {
                    (since, self.times.step)
                }
                UploadState::Waiting(since) => (since, self.times.answer),
            };
            if since.elapsed() < time {
                sleep_until(since + time).await;
                continue;
            }
            let seconds = time.as_secs_f64();
            return match state {
                UploadState::Connecting(_) => {
                    Outcome::unreachable(format!("no connection within {seconds} s"))
                }
                UploadState::Sending(_) => {
                    Outcome::retry(format!("nothing more was taken within {seconds} s"))
                }
                UploadState::Waiting(_) => Outcome::retry(format!("no answer within {seconds} s")),
            };
        }
    }
}
