//! The upload of a report: how far it is, and its time limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use tokio::time::{Instant, sleep_until};

use super::client::Body;
use crate::deliver::{Outcome, Progress};

/// Bytes that are handed to the connection at a time.
const PART: usize = 16 << 10;
/// The upload of one request.
pub(super) struct Upload {
    state: Arc<Mutex<UploadState>>,
    progress: Progress,
    times: PostTimeouts,
}

/// Time limits of a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct PostTimeouts {
    /// To connect, and to send each part: `http_timeout`.
    pub(super) step: Duration,
    /// For the response.
    pub(super) answer: Duration,
}

impl PostTimeouts {
    /// A client that hangs up after sending everything sends the report twice, so the limit for the response is SMTP's
    /// (RFC 5321 section 4.5.3.2.6).
    pub(super) fn new(step: Duration) -> PostTimeouts {
        PostTimeouts {
            step,
            answer: step.max(Duration::from_secs(600)),
        }
    }
}

#[derive(Clone, Copy)]
enum UploadState {
    /// Since this time.
    Connecting(Instant),
    /// When the connection last accepted a part.
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

    /// The body in parts; hyper asks for each when the connection has room.
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

    /// Returns when the time limit of the present state is over.
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
