//! `stats_file`: the collector's metrics, in the text format that node_exporter's textfile collector reads. Logs that it cannot
//! be written, and that it is written again.

use std::{io, path::Path};

use jiff::Timestamp;
use serde_json::Value;
use tlsrptd_metrics::{collector, exposition::Exposition, family, form::TextForm};
use tlsrptd_service::{files, log::FailureThrottle};
use tracing::warn;

#[derive(Default)]
pub(super) struct StatsFile(FailureThrottle);

impl StatsFile {
    /// Writes what the collector says of itself.
    pub(super) fn write(&mut self, path: &Path, status: &Value, now: Timestamp) {
        let text = text(status, now);
        self.log(files::replace(path, text.as_bytes()), path, now);
    }

    fn log(&mut self, written: io::Result<()>, path: &Path, now: Timestamp) {
        match written {
            Ok(()) => {
                if let Some(lasted) = self.0.recovered(now) {
                    let seconds = lasted.as_secs();
                    warn!(seconds, path = %path.display(), "the stats file is written again");
                }
            }
            Err(error) => {
                if let Some(suppressed) = self.0.failed(now) {
                    warn!(%error, suppressed, path = %path.display(), "cannot write the stats file");
                }
            }
        }
    }
}

fn text(status: &Value, now: Timestamp) -> String {
    let mut out = Exposition::new();
    let now = u64::try_from(now.as_second()).unwrap_or(0);
    // Beside the file of `tlsrptctl metrics`, which has the same figure: node_exporter takes no two of the same labels.
    let ours = [("program", "tlsrpt-collectd")];
    out.add(&family::METRICS_TIMESTAMP, &ours, now);
    collector::add(&mut out, None, status);
    out.text(TextForm::Prometheus)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_is_replaced_and_everybody_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("collectd.prom");
        let mut file = StatsFile::default();
        for received in [1, 2] {
            let now = Timestamp::from_second(1_795_132_800 + received).unwrap();
            file.write(&path, &json!({ "received": received }), now);
            let text = fs::read_to_string(&path).unwrap();
            for want in [
                format!(
                    "\ntlsrpt_metrics_timestamp_seconds{{program=\"tlsrpt-collectd\"}} {}\n",
                    now.as_second()
                ),
                format!("\ntlsrpt_collectd_received_total {received}\n"),
                "\ntlsrpt_collectd_up 1\n".to_owned(),
            ] {
                assert!(text.contains(&want), "{want} in {text}");
            }
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
