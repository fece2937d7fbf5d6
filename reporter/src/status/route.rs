//! What a request asks for. Pure: no store, no clock.

use hyper::{
    Method, StatusCode, Uri, Version,
    header::{self, HeaderMap, HeaderValue},
    http::request::Parts,
};
use percent_encoding::percent_decode_str;
use tlsrptd_metrics::form::TextForm;
use url::form_urlencoded;

use super::{
    api::ApiQuestion, health::HealthForm, host::HostNames, limits, page::Page, response::HttpReply,
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/style.css`.
    Style,
    /// `/icon.svg`, which browsers show in a tab.
    Icon,
    /// What store and daemons are asked for.
    Asked(StatusQuestion),
}

/// What store and daemons are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum StatusQuestion {
    /// A page.
    Page(Page),
    /// `/metrics`, in the form that is liked best.
    Metrics(TextForm),
    /// `/health`.
    Health(HealthForm),
    /// `/api/v1/...`.
    Api(ApiQuestion),
}

impl StatusQuestion {
    /// Whether there are no more than a handful of its kind, so that no number of others keeps it from its answer.
    pub(super) fn is_of_few(&self) -> bool {
        match self {
            StatusQuestion::Page(Page::Overview(_))
            | StatusQuestion::Metrics(_)
            | StatusQuestion::Health(_) => true,
            StatusQuestion::Page(Page::Destination(_)) | StatusQuestion::Api(_) => false,
        }
    }
}

/// The path and the query of a request, decoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Between the slashes; of `/` none.
    pub(crate) segments: Vec<String>,
    /// In their order.
    pub(crate) query: Vec<(String, String)>,
}

impl Target {
    /// The segments, to be matched.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    fn read(uri: &Uri) -> Result<Target, &'static str> {
        let path = uri.path();
        // The asterisk of OPTIONS, the authority of CONNECT.
        let path = path
            .strip_prefix('/')
            .ok_or("the path does not begin with /")?;
        let segments = match path {
            "" => Vec::new(),
            path => path.split('/').map(decoded).collect::<Result<_, _>>()?,
        };
        let query = uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes());
        Ok(Target {
            segments,
            query: query.into_owned().collect(),
        })
    }
}

fn decoded(segment: &str) -> Result<String, &'static str> {
    let decoded = percent_decode_str(segment).decode_utf8();
    let decoded = decoded.map_err(|_| "the path is not UTF-8")?;
    match decoded.chars().any(|c| c.is_control()) {
        true => Err("the path holds a control character"),
        false => Ok(decoded.into_owned()),
    }
}

/// What the request asks for, or why that is refused.
pub(super) fn route(request: &Parts, hosts: &HostNames) -> Result<Route, HttpReply> {
    check_host(request, hosts)?;
    if request.method != Method::GET && request.method != Method::HEAD {
        let why = "GET and HEAD are answered";
        let refused = HttpReply::problem(StatusCode::METHOD_NOT_ALLOWED, why);
        return Err(refused.and(header::ALLOW, HeaderValue::from_static("GET, HEAD")));
    }
    check_body(&request.headers)?;
    check_site(&request.headers)?;
    if request.uri.to_string().len() > limits::TARGET {
        let why = format!("{} bytes are read", limits::TARGET);
        return Err(HttpReply::problem(StatusCode::URI_TOO_LONG, &why));
    }
    let wrong = |why: &str| HttpReply::problem(StatusCode::BAD_REQUEST, why);
    let target = Target::read(&request.uri).map_err(wrong)?;
    find(&target, &request.headers)
}

fn find(target: &Target, fields: &HeaderMap) -> Result<Route, HttpReply> {
    let asked = match target.path().as_slice() {
        ["style.css"] => return Ok(Route::Style),
        ["icon.svg"] => return Ok(Route::Icon),
        ["metrics"] => StatusQuestion::Metrics(TextForm::of_accept(&accepted(fields))),
        ["health"] => StatusQuestion::Health(HealthForm::of(target)),
        ["api", "v1", command] => StatusQuestion::Api(ApiQuestion::of(command, target)?),
        _ => match Page::of(target)? {
            Some(page) => StatusQuestion::Page(page),
            None => {
                return Err(HttpReply::problem(
                    StatusCode::NOT_FOUND,
                    "there is no such page",
                ));
            }
        },
    };
    Ok(Route::Asked(asked))
}

/// All of its fields are one list.
fn accepted(fields: &HeaderMap) -> String {
    let named = fields.get_all(header::ACCEPT).iter();
    let named: Vec<&str> = named.filter_map(|field| field.to_str().ok()).collect();
    named.join(",")
}

/// Both the field and, of a request for a proxy, the target.
fn check_host(request: &Parts, hosts: &HostNames) -> Result<(), HttpReply> {
    let mut named = request.headers.get_all(header::HOST).iter();
    let field = named.next();
    let wrong = |why: &str| Err(HttpReply::problem(StatusCode::BAD_REQUEST, why));
    if named.next().is_some() {
        return wrong("there is more than one Host field");
    }
    let field = match field.map(HeaderValue::to_str) {
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return wrong("the Host field is not ASCII"),
        // No browser sends HTTP/1.0; what watches servers may.
        None if request.version == Version::HTTP_10 => None,
        None => return wrong("there is no Host field"),
    };
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let strange = [field, authority]
        .into_iter()
        .flatten()
        .find(|host| !hosts.is_ours(host));
    match strange {
        None => Ok(()),
        Some(_) => Err(HttpReply::problem(
            StatusCode::MISDIRECTED_REQUEST,
            "this is not the host that was asked for; names by which it may be asked stand in host_names of tlsrpt-statusd",
        )),
    }
}

/// A browser says that another web site's page asks. It would not be shown the answer, and asks all the same; who follows a link
/// from there is welcome.
fn check_site(fields: &HeaderMap) -> Result<(), HttpReply> {
    let says = |name: &str, what: &str| fields.get(name).is_some_and(|value| value == what);
    match says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate") {
        true => Err(HttpReply::problem(
            StatusCode::FORBIDDEN,
            "another web site's page asks",
        )),
        false => Ok(()),
    }
}

/// None is read; where the next request begins is not known then.
fn check_body(fields: &HeaderMap) -> Result<(), HttpReply> {
    let length = fields.get(header::CONTENT_LENGTH);
    let is_empty = length.is_none_or(|length| length.as_bytes() == b"0");
    if is_empty && !fields.contains_key(header::TRANSFER_ENCODING) {
        return Ok(());
    }
    let refused = HttpReply::problem(StatusCode::PAYLOAD_TOO_LARGE, "a request has no body here");
    Err(refused.and(header::CONNECTION, HeaderValue::from_static("close")))
}

#[cfg(test)]
mod tests;
