//! The two clients. They are made at start, or later if that fails: a reporter that only mails needs no certificates, and
//! those installed while it runs are found.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use std::time::Duration;

use hyper::{Uri, header::HeaderValue, http::uri::Scheme};
use hyper_util::client::proxy::matcher::Matcher;
use tlsrptd_config::reportd::Reportd;
use url::Url;

use super::{
    check_literal,
    client::{Client, client, proxies},
    owner_slots::OwnerSlots,
    resolver::{FilteringResolver, HostLookup, NotGlobal, only_global},
};
use crate::deliver::PrepareError;
use crate::model::NamedBy;

/// Longest wait for one of the connections that the hosts of one owner share. It leaves time to connect before the
/// scheduler ends an attempt that is not connected.
const OWNER_SLOT_WAIT: Duration = Duration::from_secs(1);

/// The clients and what they are made of.
#[derive(Debug)]
pub(super) struct Clients {
    settings: Reportd,
    names: HostLookup,
    /// Hosts of proxies. The operator names them, so their addresses may be private.
    proxies: Arc<[String]>,
    matcher: Arc<Matcher>,
    made: OnceLock<ClientPair>,
    /// They could not be made at start, which was logged.
    is_missed: AtomicBool,
}

#[derive(Debug)]
struct ClientPair {
    /// For URLs of the operator.
    free: Client,
    /// For URLs of records.
    filtered: Client,
}

impl Clients {
    pub(super) fn prepare(settings: &Reportd) -> Result<Clients, PrepareError> {
        let clients = Clients {
            settings: settings.clone(),
            names: HostLookup::new(&settings.dns_servers, settings.dns_timeout),
            proxies: proxy_hosts(settings),
            matcher: Arc::new(proxies(settings)?),
            made: OnceLock::new(),
            is_missed: AtomicBool::new(false),
        };
        match clients.made() {
            Ok(_) => {}
            // HTTPS may never be needed.
            Err(error @ PrepareError::HttpsClient(_)) => {
                clients.is_missed.store(true, Relaxed);
                tracing::warn!("{error}; until then https: destinations wait");
            }
            Err(error) => return Err(error),
        }
        Ok(clients)
    }

    /// Why they cannot be made now.
    pub(super) fn fault(&self) -> Option<PrepareError> {
        self.made().err()
    }

    /// The client for what `origin` names.
    pub(super) fn of(&self, named_by: NamedBy) -> Result<&Client, PrepareError> {
        let made = self.made()?;
        Ok(match named_by {
            NamedBy::Operator => &made.free,
            NamedBy::Record => &made.filtered,
        })
    }

    /// Credentials for a proxy that gets the whole request. Other proxies get them with CONNECT.
    pub(super) fn proxy_credentials(&self, uri: &Uri) -> Option<HeaderValue> {
        let is_plain = uri.scheme() == Some(&Scheme::HTTP);
        let proxy = self.matcher.intercept(uri).filter(|_| is_plain)?;
        proxy.basic_auth().cloned()
    }

    fn made(&self) -> Result<&ClientPair, PrepareError> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let filtered = !self.settings.allow_private_destinations;
        let wait = OWNER_SLOT_WAIT.min(self.settings.http_timeout / 4);
        let slots = OwnerSlots::new(self.settings.max_concurrent_per_host, wait);
        let with = |filter, slots| {
            let names = self.names.clone();
            let proxies = Arc::clone(&self.matcher);
            client(
                &self.settings,
                FilteringResolver { names, filter },
                slots,
                proxies,
            )
        };
        let pair = ClientPair {
            free: with(None, None)?,
            filtered: with(filtered.then(|| Arc::clone(&self.proxies)), Some(slots))?,
        };
        let mut is_first = false;
        let made = self.made.get_or_init(|| {
            is_first = true;
            pair
        });
        if is_first && self.is_missed.load(Relaxed) {
            tracing::warn!("HTTPS is set up: https: destinations go on");
        }
        Ok(made)
    }

    /// Whether a record may name this host. The client checks the addresses of all hosts but the proxies; a record that
    /// names a proxy's host as receiver is checked here.
    pub(super) async fn check_host(&self, url: &Url) -> Result<(), BadHost> {
        check_literal(url)?;
        let host = url.host_str().unwrap_or_default();
        let is_host = |proxy: &String| proxy.eq_ignore_ascii_case(host);
        if self.proxies.iter().any(is_host) {
            let found = self.names.addresses(host).await;
            let found = found.map_err(|error| BadHost::Unknown(error.to_string()))?;
            only_global(host, found)?;
        }
        Ok(())
    }
}

/// Why a record may not name a host.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadHost {
    #[error(transparent)]
    NotGlobal(#[from] NotGlobal),
    /// Its addresses could not be looked up.
    #[error("{0}")]
    Unknown(String),
}

fn proxy_hosts(settings: &Reportd) -> Arc<[String]> {
    let from_environment = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let named = settings.https_proxy.clone().map(|proxy| vec![proxy]);
    let proxies =
        named.unwrap_or_else(|| from_environment.iter().flat_map(std::env::var).collect());
    let host = |proxy: &String| {
        let url = if proxy.contains("://") {
            proxy.clone()
        } else {
            format!("http://{proxy}")
        };
        Url::parse(&url).ok()?.host_str().map(str::to_owned)
    };
    proxies.iter().filter_map(host).collect()
}
