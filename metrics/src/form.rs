//! The two text forms, and which of them a reader wants.

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextForm {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4, which everything reads: promtool, and node_exporter's textfile collector, too.
    Prometheus,
}

impl TextForm {
    /// What the header `Accept` of a request asks for; Prometheus' where it names neither.
    pub fn of_accept(accept: &str) -> TextForm {
        let offers = accept.split(',').map(Offer::read);
        let (mut open, mut text) = (0.0, 0.0);
        for offer in offers {
            match offer.media_type.to_ascii_lowercase().as_str() {
                "application/openmetrics-text" => open = f32::max(open, offer.quality),
                "text/plain" | "text/*" | "*/*" => text = f32::max(text, offer.quality),
                _ => {}
            }
        }
        match open > 0.0 && open >= text {
            true => TextForm::OpenMetrics,
            false => TextForm::Prometheus,
        }
    }

    /// The header `Content-Type` of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            TextForm::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            TextForm::Prometheus => prometheus_client::encoding::prometheus_text::CONTENT_TYPE,
        }
    }
}

/// One media type of `Accept` (RFC 9110 section 12.5.1).
struct Offer<'a> {
    media_type: &'a str,
    quality: f32,
}

impl Offer<'_> {
    fn read(text: &str) -> Offer<'_> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = name.trim().eq_ignore_ascii_case("q").then_some(value)?;
            value.trim().parse::<f32>().ok()
        });
        Offer {
            media_type,
            quality: quality.filter(|q| q.is_finite()).unwrap_or(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_wants() {
        use TextForm::{OpenMetrics, Prometheus};
        for (accept, want, why) in [
            ("", Prometheus, "nothing is said"),
            ("*/*", Prometheus, "curl"),
            ("text/html,*/*;q=0.8", Prometheus, "a browser"),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                     text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
                "Prometheus 2.42",
            ),
            (
                "Application/OpenMetrics-Text ; q=1 , text/plain",
                OpenMetrics,
                "equal: the newer",
            ),
            (
                "application/openmetrics-text;q=0.3,text/plain;q=0.9",
                Prometheus,
                "the older is liked better",
            ),
            (
                "application/openmetrics-text;q=0",
                Prometheus,
                "not acceptable",
            ),
            (
                "application/openmetrics-text;q=nan,;;=,",
                OpenMetrics,
                "nonsense beside it",
            ),
        ] {
            assert_eq!(TextForm::of_accept(accept), want, "{why}");
        }
    }
}
