//! What is answered, and the fields that each answer has.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use tlsrptd_metrics::form::TextForm;

/// The page shows its own style sheet and pictures, and nothing runs in it; nobody may frame it or let it send a form.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer, whatever the method.
#[derive(Clone, Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: StatusCode,
    pub(crate) media: Media,
    pub(crate) body: Bytes,
    caching: Caching,
    further: Vec<(HeaderName, HeaderValue)>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// A page.
    Html,
    /// A style sheet.
    Css,
    /// A drawing.
    Svg,
    /// One line or a few, for people.
    Text,
    /// For programs.
    Json,
    /// Metrics, in one of their forms.
    Metrics(TextForm),
}

/// How long a browser may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caching {
    /// It says with whom mail is exchanged, and changes.
    Never,
    /// It changes with the program.
    AnHour,
}

impl Media {
    fn as_str(self) -> &'static str {
        match self {
            Media::Html => "text/html; charset=utf-8",
            Media::Css => "text/css; charset=utf-8",
            Media::Svg => "image/svg+xml",
            Media::Text => "text/plain; charset=utf-8",
            Media::Json => "application/json",
            Media::Metrics(form) => form.content_type(),
        }
    }
}

impl HttpReply {
    /// An answer that is right.
    pub(crate) fn ok(media: Media, body: impl Into<Bytes>) -> HttpReply {
        HttpReply::with_status(StatusCode::OK, media, body)
    }

    /// Any other.
    pub(crate) fn with_status(
        status: StatusCode,
        media: Media,
        body: impl Into<Bytes>,
    ) -> HttpReply {
        HttpReply {
            status,
            media,
            body: body.into(),
            caching: Caching::Never,
            further: Vec::new(),
        }
    }

    /// Something that is part of the program.
    pub(super) fn fixed(media: Media, body: &'static str) -> HttpReply {
        HttpReply {
            caching: Caching::AnHour,
            ..HttpReply::ok(media, Bytes::from_static(body.as_bytes()))
        }
    }

    /// Why there is no answer: one sentence, for people. What strangers wrote in it is text, and a browser takes it as that.
    pub(crate) fn problem(status: StatusCode, why: &str) -> HttpReply {
        let reason = status.canonical_reason().unwrap_or_default();
        let text = format!("{} {reason}: {why}\n", status.as_u16());
        HttpReply::with_status(status, Media::Text, text)
    }

    /// That this may be answered later.
    pub(crate) fn later(why: &str) -> HttpReply {
        HttpReply::problem(StatusCode::SERVICE_UNAVAILABLE, why)
            .and(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// With one more field.
    pub(super) fn and(mut self, name: HeaderName, value: HeaderValue) -> HttpReply {
        self.further.push((name, value));
        self
    }

    /// Bytes that it takes while it is kept.
    pub(super) fn size(&self) -> usize {
        self.body.len() + size_of::<HttpReply>()
    }

    /// As it goes out.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let fields = response.headers_mut();
        let cached = match self.caching {
            Caching::Never => "no-store",
            Caching::AnHour => "max-age=3600",
        };
        for (name, value) in [
            (header::CONTENT_TYPE, self.media.as_str()),
            (header::CACHE_CONTROL, cached),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        add_fixed(fields);
        fields.extend(
            self.further
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        response
    }
}

/// What keeps a browser from taking an answer for something else, or handing it on.
fn add_fixed(fields: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
}
