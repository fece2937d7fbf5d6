//! A report by HTTPS POST (RFC 8460 section 5.4).
//!
//! Two clients: one for what records name, which connects to global addresses only, and one
//! for what the operator names. Both keep connections for the next report.

mod address;
mod answer;
mod clients;
mod kept;
mod resolver;
mod script;
mod upload;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use reqwest::{Certificate, Client, NoProxy, Proxy, Response, Url, redirect};
use tlsrptd_config::{descriptors, reportd::Reportd};
use tokio::time::{Instant, sleep, timeout};

use super::{Destination, Origin, Outcome, PrepareError, Progress, lack::lack_behind, one_line};
use answer::Verdict;
use clients::{BadHost, Clients};
use kept::Kept;
use resolver::{NotGlobal, Resolver};
use upload::{Times, Upload};

pub(super) use script::HttpScript;

/// Posts reports.
#[derive(Debug)]
pub(super) struct Https {
    clients: Clients,
    allow_private: bool,
    user_agent: String,
    times: Times,
    kept: Kept,
}

/// Redirects within one host: more is a loop.
const MAX_REDIRECTS: usize = 5;
/// No more is read of an answer.
const MAX_ANSWER: usize = 4096;
/// No longer is an answer's text waited for when its status is there.
const MAX_ANSWER_TIME: Duration = Duration::from_millis(500);
/// A connection is back among those that wait a moment after its answer has been read. The next post to that host, which may
/// begin at once, would not find it, and open another than the host's bound allows.
const TO_BE_FREE: Duration = Duration::from_millis(2);

impl Https {
    pub(super) fn prepare(settings: &Reportd) -> Result<Https, PrepareError> {
        Ok(Https {
            clients: Clients::prepare(settings)?,
            allow_private: settings.allow_private_destinations,
            user_agent: user_agent(&settings.contact_info),
            times: Times::new(settings.http_timeout),
            kept: Kept::new(descriptors::raise(), settings.max_concurrent_per_host),
        })
    }

    pub(super) async fn send(
        &self,
        destination: &Destination,
        gzip: &[u8],
        progress: &Progress,
    ) -> Outcome {
        let mut url = match Url::parse(&destination.uri) {
            Ok(url) => url,
            Err(error) => {
                return Outcome::Unsendable {
                    reason: error.to_string(),
                };
            }
        };
        let mut post = self.post(&url, destination.origin, gzip, progress).await;
        for _ in 0..MAX_REDIRECTS {
            url = match post {
                Verdict::Done(outcome) => return outcome,
                Verdict::Follow(next) => next,
            };
            post = match self.post(&url, destination.origin, gzip, progress).await {
                // Of the place that the record names it says nothing: that one has answered.
                Verdict::Done(Outcome::Unreachable { reason }) => {
                    Verdict::Done(Outcome::retry(format!("redirected to {url}: {reason}")))
                }
                verdict => verdict,
            };
        }
        match post {
            Verdict::Done(outcome) => outcome,
            Verdict::Follow(_) => Outcome::Refused {
                reason: format!("more than {MAX_REDIRECTS} redirects"),
            },
        }
    }

    async fn post(&self, url: &Url, origin: Origin, gzip: &[u8], progress: &Progress) -> Verdict {
        if origin == Origin::Record && !self.allow_private {
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
        let client = match self.clients.of(origin) {
            Ok(client) => client,
            Err(error) => return Verdict::Done(Outcome::unreachable(error.to_string())),
        };
        let upload = Upload::new(progress, self.times);
        let mut request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/tlsrpt+gzip")
            .header(CONTENT_LENGTH, gzip.len())
            .header(USER_AGENT, &self.user_agent)
            .body(upload.body(gzip));
        if !self.kept.keeps(url, Instant::now()) {
            request = request.header(CONNECTION, "close");
        }
        tokio::select! {
            biased;
            answer = request.send() => match answer {
                Ok(response) => {
                    self.kept.answered(url, Instant::now());
                    let (status, headers) = (response.status(), response.headers().clone());
                    let said = beginning(response).await;
                    sleep(TO_BE_FREE).await;
                    answer::judge(url, status, &headers, &said)
                }
                Err(error) => Verdict::Done(failed(error)),
            },
            late = upload.late() => Verdict::Done(late),
        }
    }
}

/// The first line of an answer's body. The status has decided already: a body without end, or
/// one that does not come, is left where it is.
async fn beginning(mut response: Response) -> String {
    let mut body = Vec::new();
    let read = async {
        while body.len() < MAX_ANSWER
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let room = MAX_ANSWER - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
    };
    // Late or not: what has come is the answer's text.
    let _ = timeout(MAX_ANSWER_TIME, read).await;
    let text = String::from_utf8_lossy(&body);
    one_line(text.lines().next().unwrap_or_default())
}

/// No answer. What is wrong with the URI is final; the network, names and certificates may
/// be mended. A host that closes a connection which stood may do so because of what it was sent.
fn failed(error: reqwest::Error) -> Outcome {
    let mut reason = String::new();
    let error = error.without_url();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        if let Some(not_global) = cause.downcast_ref::<NotGlobal>() {
            return Outcome::Unsendable {
                reason: not_global.to_string(),
            };
        }
        let text = cause.to_string();
        if !reason.ends_with(&text) {
            reason.push_str(if reason.is_empty() { "" } else { ": " });
            reason.push_str(&text);
        }
        next = cause.source();
    }
    let reason = one_line(&reason);
    if let Some(reason) = lack_behind(&error) {
        Outcome::Exhausted { reason }
    } else if error.is_builder() {
        Outcome::Unsendable { reason }
    } else if error.is_connect() || error.is_timeout() {
        Outcome::unreachable(reason)
    } else {
        Outcome::retry(reason)
    }
}

/// The client's resolver never sees an address that stands in the URL itself.
fn check_literal(url: &Url) -> Result<(), NotGlobal> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
    literal.map_or(Ok(()), |ip| resolver::only_global(host, vec![ip]).map(drop))
}

/// Who calls, and whom to ask about it.
fn user_agent(contact: &str) -> String {
    // Nothing that would end the comment (RFC 9110 section 5.6.5): a local part may hold it.
    let allowed = |c: &char| matches!(c, '!'..='~') && !matches!(c, '(' | ')' | '\\');
    let contact: String = contact.chars().filter(allowed).collect();
    format!("tlsrptd/{} (+mailto:{contact})", env!("CARGO_PKG_VERSION"))
}

fn client(settings: &Reportd, resolver: Resolver) -> Result<Client, PrepareError> {
    let mut builder = Client::builder()
        .dns_resolver(Arc::new(resolver))
        // Each one is looked at here.
        .redirect(redirect::Policy::none())
        // One post at a time on a connection: bounds are counted in connections.
        .http1_only()
        .pool_idle_timeout(kept::IDLE)
        .pool_max_idle_per_host(settings.max_concurrent_per_host)
        // Browsers and curl take such answers: what a receiver has taken is not to be sent again for the sake of a space.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(10_000)
        .connect_timeout(settings.http_timeout)
        .tls_danger_accept_invalid_certs(!settings.https_verify);
    if let Some(path) = &settings.https_ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    if let Some(proxy) = &settings.https_proxy {
        let proxy = Proxy::all(proxy).map_err(PrepareError::HttpsProxy)?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
    }
    builder.build().map_err(PrepareError::HttpsClient)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, PrepareError> {
    let problem = |reason: String| PrepareError::CaFile {
        path: path.to_owned(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem("holds no certificate (allowed: PEM)".to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests;
