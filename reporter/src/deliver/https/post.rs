//! One POST and its outcome.

use std::error::Error;
use std::io;
use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use hyper::http::Extensions;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use percent_encoding::percent_decode_str;
use tlsrptd_config::visible;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::answer::{self, Verdict};
use super::answer_record::AnswerRecord;
use super::client::Body;
use super::clients::BadHost;
use super::connector::ProxyUnreachable;
use super::owner_slots::OwnerLimitError;
use super::resolver::NotGlobal;
use super::upload::Upload;
use super::{Https, Outcome, Progress};
use crate::deliver::local_shortage::exhaustion_behind;
use crate::model::NamedBy;

/// Bytes of a response body that are read.
const MAX_ANSWER: usize = 4096;
/// Time limit for the response body, once the status is known.
const MAX_ANSWER_TIME: Duration = Duration::from_millis(500);
/// The pool takes a connection back a moment after its response was read. Without this pause the next post to that host
/// would open another connection, beyond the limit of the host.
const TO_BE_FREE: Duration = Duration::from_millis(2);

impl Https {
    pub(super) async fn post(
        &self,
        url: &Url,
        named_by: NamedBy,
        gzip: &Bytes,
        progress: &Progress,
    ) -> Verdict {
        if named_by == NamedBy::Record && !self.allow_private {
            match self.clients.check_host(url).await {
                Ok(()) => {}
                Err(BadHost::NotGlobal(error)) => {
                    return Verdict::Done(Outcome::Unsendable {
                        reason: error.to_string(),
                    });
                }
                Err(BadHost::Unknown(reason)) => {
                    return Verdict::Done(Outcome::unreachable(reason));
                }
            }
        }
        let client = match self.clients.of(named_by) {
            Ok(client) => client,
            Err(error) => {
                let reason = error.to_string();
                return Verdict::Done(Outcome::HttpsUnavailableHere { reason });
            }
        };
        let upload = Upload::new(progress, self.times);
        let mut request = match self.request(url, gzip, &upload) {
            Ok(request) => request,
            Err(error) => {
                return Verdict::Done(Outcome::Unsendable {
                    reason: error.to_string(),
                });
            }
        };
        let captured = capture_connection(&mut request);
        // A status that was read decides, even if the rest fails: the receiver may have accepted the report.
        let or_status = |outcome: Outcome, why: &str| {
            let status = record(&captured).and_then(|record| record.status());
            Verdict::Done(status.map_or(outcome, |status| {
                answer::outcome_of_status(url, status, why)
            }))
        };
        tokio::select! {
            biased;
            answer = client.request(request) => match answer {
                Ok(response) => self.answered(url, response, &captured).await,
                Err(error) => or_status(failed(&error), &chain(&error)),
            },
            status = half_answered(captured.clone(), self.times.step) => {
                Verdict::Done(answer::outcome_of_status(url, status, "it does not come"))
            }
            late = upload.late() => or_status(late, "it does not come"),
        }
    }

    fn request(
        &self,
        url: &Url,
        gzip: &Bytes,
        upload: &Upload,
    ) -> Result<Request<Body>, hyper::http::Error> {
        let mut place = url.clone();
        place.set_fragment(None);
        // An https: URL can be without them, so this cannot fail.
        let _ = place.set_username("").and(place.set_password(None));
        let uri: Uri = place.as_str().parse()?;
        let mut request = Request::post(&uri)
            .header(ACCEPT, "*/*")
            .header(CONTENT_TYPE, "application/tlsrpt+gzip")
            .header(CONTENT_LENGTH, gzip.len())
            .header(USER_AGENT, &self.user_agent);
        if let Some(credentials) = credentials(url) {
            request = request.header(AUTHORIZATION, credentials);
        }
        if let Some(credentials) = self.clients.proxy_credentials(&uri) {
            request = request.header(PROXY_AUTHORIZATION, credentials);
        }
        if !self.kept.keeps(url, Instant::now()) {
            request = request.header(CONNECTION, "close");
        }
        request.body(upload.body(gzip))
    }

    async fn answered(
        &self,
        url: &Url,
        response: Response<Incoming>,
        captured: &CaptureConnection,
    ) -> Verdict {
        if let Some(record) = record(captured) {
            record.rest();
        }
        self.kept.answered(url, Instant::now());
        let (head, body) = response.into_parts();
        let said = beginning(body).await;
        sleep(TO_BE_FREE).await;
        answer::verdict_of(url, head.status, &head.headers, &said)
    }
}

/// The response record of the connection that the request uses, if it has one.
fn record(captured: &CaptureConnection) -> Option<AnswerRecord> {
    let mut extras = Extensions::new();
    captured
        .connection_metadata()
        .as_ref()?
        .get_extras(&mut extras);
    extras.remove()
}

/// Returns when a status has come and the rest of the header stays away for `time`.
async fn half_answered(mut captured: CaptureConnection, time: Duration) -> StatusCode {
    drop(captured.wait_for_connection_metadata().await);
    if let Some(record) = record(&captured) {
        record.decided().await;
        sleep(time).await;
        if let Some(status) = record.status() {
            return status;
        }
    }
    std::future::pending().await
}

/// The first line of an answer's body. The status has decided already: a body without end, or
/// one that does not come, is left where it is.
async fn beginning(mut body: Incoming) -> String {
    let mut text = Vec::new();
    let read = async {
        while text.len() < MAX_ANSWER
            && let Some(Ok(frame)) = body.frame().await
        {
            let part = frame.into_data().unwrap_or_default();
            let room = MAX_ANSWER - text.len();
            text.extend_from_slice(&part[..part.len().min(room)]);
        }
    };
    // Late or not: what has come is the answer's text.
    let _ = timeout(MAX_ANSWER_TIME, read).await;
    let text = String::from_utf8_lossy(&text);
    visible::excerpt(text.lines().next().unwrap_or_default())
}

/// There was no response. Failures to connect say nothing about the report; a host that closes an open connection may do so
/// because of it.
fn failed(error: &legacy::Error) -> Outcome {
    let reason = chain(error);
    let is_late = |cause: &(dyn Error + 'static)| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
    };
    let (mut is_timeout, mut is_proxy, mut is_owner_limit_reached) = (false, false, false);
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(not_global) = cause.downcast_ref::<NotGlobal>() {
            return Outcome::Unsendable {
                reason: not_global.to_string(),
            };
        }
        is_timeout |= is_late(cause);
        is_proxy |= cause.is::<ProxyUnreachable>();
        is_owner_limit_reached |= cause.is::<OwnerLimitError>();
        next = cause.source();
    }
    if let Some(reason) = exhaustion_behind(error) {
        Outcome::LocalShortage { reason }
    } else if is_proxy {
        Outcome::HttpsUnavailableHere { reason }
    } else if is_owner_limit_reached {
        Outcome::OwnerLimitReached { reason }
    } else if error.is_connect() || is_timeout {
        Outcome::unreachable(reason)
    } else {
        Outcome::retry(reason)
    }
}

/// An error with its sources, in one line.
fn chain(error: &legacy::Error) -> String {
    let mut reason = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !reason.ends_with(&text) {
            reason = format!("{reason}: {text}");
        }
        next = cause.source();
    }
    visible::excerpt(&reason)
}

/// A user and password in the URL (RFC 7617).
fn credentials(url: &Url) -> Option<HeaderValue> {
    let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = decoded(url.username());
    pair.push(b':');
    pair.extend(decoded(url.password().unwrap_or_default()));
    let mut value: HeaderValue = format!("Basic {}", BASE64_STANDARD.encode(pair))
        .parse()
        .ok()?;
    value.set_sensitive(true);
    Some(value)
}
