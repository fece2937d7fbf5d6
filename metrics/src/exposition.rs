//! Values, gathered by family and written.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet, prometheus_text, text,
    },
    metrics::gauge::ConstGauge,
    registry::Registry,
};
use serde_json::{Map, Value, json};

use crate::{
    family::{Family, FamilyKind},
    form::TextForm,
};

/// Values of metrics, at one time.
#[derive(Debug, Default)]
pub struct Exposition {
    groups: Vec<(&'static Family, Vec<Sample>)>,
}

/// One value.
#[derive(Debug)]
struct Sample {
    labels: Vec<Label>,
    value: u64,
}

/// A label and what it says.
pub type Label = (&'static str, String);

impl Exposition {
    /// Nothing yet.
    pub fn new() -> Exposition {
        Exposition::default()
    }

    /// Adds a value. Of two with the same labels the first one counts: a text with both would be refused as a whole.
    pub fn add(&mut self, family: &'static Family, labels: &[(&'static str, &str)], value: u64) {
        let labels: Vec<Label> = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let of_it = self
            .groups
            .iter_mut()
            .find(|(known, _)| known.name == family.name);
        match of_it {
            None => self.groups.push((family, vec![Sample { labels, value }])),
            Some((_, samples)) => {
                if samples.iter().all(|sample| sample.labels != labels) {
                    samples.push(Sample { labels, value });
                }
            }
        }
    }

    /// The text of all of them.
    pub fn text(self, form: TextForm) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut written = String::new();
        // Writing to a String cannot fail.
        let _ = match form {
            TextForm::OpenMetrics => text::encode(&mut written, &registry),
            TextForm::Prometheus => prometheus_text::encode(&mut written, &registry),
        };
        written
    }
}

impl Exposition {
    /// The same values as a list of objects with `name`, `type`, `labels` and `value`.
    pub fn json(&self) -> Value {
        let values = self.groups.iter().flat_map(|(family, samples)| {
            samples.iter().map(|sample| {
                let labels = sample.labels.iter();
                let labels = labels.map(|(name, value)| ((*name).to_owned(), json!(value)));
                json!({
                    "name": family.name,
                    "type": family.kind.as_str(),
                    "labels": labels.collect::<Map<String, Value>>(),
                    "value": sample.value,
                })
            })
        });
        json!({ "metrics": values.collect::<Vec<_>>() })
    }
}

impl Collector for Exposition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for (family, samples) in &self.groups {
            let (name, unit) = family.bare_name();
            let kind = family.kind.metric_type();
            let mut metric = encoder.encode_descriptor(name, family.help, unit.as_ref(), kind)?;
            for sample in samples {
                sample.encode(family.kind, metric.encode_family(&sample.labels)?)?;
            }
        }
        Ok(())
    }
}

impl Sample {
    fn encode(&self, kind: FamilyKind, mut metric: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match kind {
            FamilyKind::Counter => metric.encode_counter::<NoLabelSet, _, u64>(&self.value, None),
            FamilyKind::Gauge => ConstGauge::new(self.value).encode(metric),
            FamilyKind::Info => metric.encode_info(&Vec::<Label>::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{
        BUILD_INFO, COLLECTD_DAY_FILE_BYTES, COLLECTD_RECEIVED, REPORTD_SUPPRESSED,
    };

    fn exposition() -> Exposition {
        let mut out = Exposition::new();
        out.add(&BUILD_INFO, &[("program", "p"), ("version", "1")], 1);
        out.add(&COLLECTD_RECEIVED, &[("collector", "a\n\"\\")], u64::MAX);
        out.add(&REPORTD_SUPPRESSED, &[], 0);
        out.add(&COLLECTD_RECEIVED, &[("collector", "b")], 2);
        out.add(&COLLECTD_RECEIVED, &[("collector", "b")], 3);
        out.add(&COLLECTD_DAY_FILE_BYTES, &[], 4096);
        out
    }

    #[test]
    fn both_forms() {
        let text = exposition().text(TextForm::Prometheus);
        assert_eq!(
            text,
            "# HELP tlsrpt_build_info The programs that answered, with their versions.\n\
             # TYPE tlsrpt_build_info gauge\n\
             tlsrpt_build_info{program=\"p\",version=\"1\"} 1\n\
             # HELP tlsrpt_collectd_received_total Datagrams read from the sockets.\n\
             # TYPE tlsrpt_collectd_received_total counter\n\
             tlsrpt_collectd_received_total{collector=\"a\\n\\\"\\\\\"} 18446744073709551615\n\
             tlsrpt_collectd_received_total{collector=\"b\"} 2\n\
             # HELP tlsrpt_reportd_suppressed Entries of the suppression list.\n\
             # TYPE tlsrpt_reportd_suppressed gauge\n\
             tlsrpt_reportd_suppressed 0\n\
             # HELP tlsrpt_collectd_day_file_bytes Bytes of the running day's file that are in use.\n\
             # TYPE tlsrpt_collectd_day_file_bytes gauge\n\
             tlsrpt_collectd_day_file_bytes 4096\n"
        );
        let text = exposition().text(TextForm::OpenMetrics);
        for want in [
            "# TYPE tlsrpt_build info\n",
            "\ntlsrpt_build_info{program=\"p\",version=\"1\"} 1\n",
            "# TYPE tlsrpt_collectd_received counter\n",
            "\ntlsrpt_collectd_received_total{collector=\"b\"} 2\n",
            "# UNIT tlsrpt_collectd_day_file_bytes bytes\n",
        ] {
            assert!(text.contains(want), "{want} in {text}");
        }
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        let all = exposition().json();
        let (known, last) = (&all["metrics"][1], &all["metrics"][4]);
        assert_eq!(known["labels"]["collector"], "a\n\"\\");
        assert_eq!(known["value"], u64::MAX);
        assert_eq!(
            last,
            &json!({"name": "tlsrpt_collectd_day_file_bytes", "type": "gauge", "labels": {}, "value": 4096})
        );
    }
}
