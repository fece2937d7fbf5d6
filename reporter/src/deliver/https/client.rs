//! One HTTP client, of the settings.
//!
//! It is hyper and not reqwest, because reqwest gives no access to a response whose header is incomplete.

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use http_body_util::StreamBody;
use hyper::Uri;
use hyper::body::{Bytes, Frame};
use hyper_util::client::legacy;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tlsrptd_config::reportd::Reportd;
use url::Url;

use super::connector::Connector;
use super::kept_hosts;
use super::owner_slots::OwnerSlots;
use super::resolver::FilteringResolver;
use crate::deliver::{PrepareError, tls};

/// The body of a request.
pub(super) type Body =
    StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::convert::Infallible>>>;

/// The HTTP client, with kept connections.
pub(super) type Client = legacy::Client<Connector, Body>;

pub(super) fn client(
    settings: &Reportd,
    resolver: FilteringResolver,
    slots: Option<OwnerSlots>,
    proxies: Arc<Matcher>,
) -> Result<Client, PrepareError> {
    let authorities = match &settings.https_ca_file {
        Some(path) => certificates(path)?,
        None => Vec::new(),
    };
    let tls = tls::config(settings.https_verify, authorities).map_err(PrepareError::HttpsClient)?;
    let connector = Connector::new(resolver, slots, tls, proxies, settings.http_timeout);
    Ok(legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(kept_hosts::IDLE)
        .pool_max_idle_per_host(settings.max_concurrent_per_host)
        // Browsers and curl accept such responses.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(10_000)
        .build(connector))
}

/// The proxy of `https_proxy`, or those of the environment, and the exceptions of NO_PROXY.
pub(super) fn proxies(settings: &Reportd) -> Result<Matcher, PrepareError> {
    let Some(proxy) = &settings.https_proxy else {
        return Ok(Matcher::from_env());
    };
    let with_scheme = if proxy.contains("://") {
        proxy.clone()
    } else {
        format!("http://{proxy}")
    };
    let bad = |reason: &str| PrepareError::HttpsProxy(reason.to_owned());
    let url = Url::parse(&with_scheme).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("another scheme"));
    }
    let all = || Matcher::builder().all(url.to_string());
    // The matcher ignores a proxy that it does not understand.
    let anywhere = Uri::from_static("https://receiver.example/");
    if all().build().intercept(&anywhere).is_none() {
        return Err(bad("no proxy"));
    }
    let around = ["NO_PROXY", "no_proxy"];
    let around = around.iter().find_map(|name| std::env::var(name).ok());
    Ok(all().no(around.unwrap_or_default()).build())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PrepareError> {
    let problem = |reason: String| PrepareError::CaFile {
        path: path.to_owned(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem("holds no certificate (allowed: PEM)".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        let added = store.add(certificate.clone());
        added.map_err(|error| problem(error.to_string()))?;
    }
    Ok(certificates)
}
