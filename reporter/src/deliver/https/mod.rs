//! A report by HTTPS POST (RFC 8460 section 5.4).
//!
//! There are two clients: one for URLs of records, which connects to global addresses only, and one for URLs of the
//! operator. Both keep connections for the next report.

mod address;
mod answer;
mod answer_record;
mod client;
mod clients;
mod connector;
mod kept_hosts;
mod owner_slots;
mod post;
mod resolver;
mod script;
mod upload;

use hyper::body::Bytes;
use tlsrptd_config::reportd::Reportd;
use tlsrptd_service::descriptors;
use url::Url;

use super::{Outcome, PrepareError, Progress};
use crate::model::NamedBy;
use answer::Verdict;
use clients::Clients;
use kept_hosts::KeptHosts;
use resolver::NotGlobal;
use upload::PostTimeouts;

pub(super) use script::HttpScript;

/// Posts reports.
#[derive(Debug)]
pub(super) struct Https {
    clients: Clients,
    allow_private: bool,
    user_agent: String,
    times: PostTimeouts,
    kept: KeptHosts,
}

/// Redirects within one host: more is a loop.
const MAX_REDIRECTS: usize = 5;

impl Https {
    pub(super) fn prepare(settings: &Reportd) -> Result<Https, PrepareError> {
        Ok(Https {
            clients: Clients::prepare(settings)?,
            allow_private: settings.allow_private_destinations,
            user_agent: user_agent(&settings.contact_info),
            times: PostTimeouts::new(settings.http_timeout),
            kept: KeptHosts::new(descriptors::raise(), settings.max_concurrent_per_host),
        })
    }

    /// Why nothing can be posted now: certificates, or the proxy.
    pub(super) fn fault(&self) -> Option<PrepareError> {
        self.clients.fault()
    }

    pub(super) async fn send(
        &self,
        url: &Url,
        named_by: NamedBy,
        gzip: &Bytes,
        progress: &Progress,
    ) -> Outcome {
        let mut post = self.post(url, named_by, gzip, progress).await;
        for _ in 0..MAX_REDIRECTS {
            let url = match post {
                Verdict::Done(outcome) => return outcome,
                Verdict::Follow(next) => next,
            };
            post = match self.post(&url, named_by, gzip, progress).await {
                // The first host has answered, so its queue is not throttled.
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
}

/// Checks an IP address in the URL itself, which the resolver never sees.
fn check_literal(url: &Url) -> Result<(), NotGlobal> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
    literal.map_or(Ok(()), |ip| resolver::only_global(host, vec![ip]).map(drop))
}

/// The User-Agent, with the contact address.
fn user_agent(contact: &str) -> String {
    // A local part may hold characters that would end the comment (RFC 9110 section 5.6.5).
    let allowed = |c: &char| matches!(c, '!'..='~') && !matches!(c, '(' | ')' | '\\');
    let contact: String = contact.chars().filter(allowed).collect();
    format!("tlsrptd/{} (+mailto:{contact})", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
