//! Programs that others wrote: sys4, and readers that judge what we send.
//!
//! They live in a Python environment that `make venv` makes from `tests/requirements.txt`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::places;
use super::program::Program;
use super::skip::or_skip;

/// The Python environment.
#[derive(Debug, Clone)]
pub struct Sys4 {
    bin: PathBuf,
}

/// What dkimpy takes a mail for.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// An ordinary mail: a key for reports alone (`s=tlsrpt`) does not count.
    Mail,
    /// A report: any key counts.
    Report,
    /// A report, whose key has to be for reports (RFC 8460 section 3 lets receivers ask for that).
    StrictReport,
}

impl Sys4 {
    /// The environment at `TLSRPTD_VENV`, or `target/venv`. `None`, and the test skipped by name, where it could not
    /// be made because no package registry was in reach.
    pub fn or_skip() -> Option<Sys4> {
        or_skip(
            Sys4::find(),
            "there is no Python environment with sys4's programs (make venv)",
        )
    }

    /// As [`Sys4::or_skip`], for callers that are no test.
    pub fn find() -> Option<Sys4> {
        let venv = std::env::var_os("TLSRPTD_VENV")
            .map_or_else(|| places::target().join("venv"), PathBuf::from);
        let bin = std::path::absolute(venv).ok()?.join("bin");
        // The last file of a whole installation: `make venv` writes it.
        bin.join("../complete").is_file().then_some(Sys4 { bin })
    }

    /// One of sys4's programs: `tlsrpt-collectd`, `tlsrpt-fetcher`, `tlsrpt-reportd`, `tlsrptctl`.
    pub fn program(&self, name: &str, folder: &Path) -> Program {
        Program::at(self.bin.join(name), folder)
    }

    /// What reports have to say about these datagrams, computed by `expect.py` from their bytes alone:
    /// `{DOMAIN: [POLICY...]}`, in the form and order of [`Sys4::parsed`].
    pub fn expected<D: AsRef<[u8]>>(&self, datagrams: impl IntoIterator<Item = D>) -> Value {
        let folder = files(datagrams);
        self.python("expect.py", folder.path(), None)
    }

    /// What parsedmarc finds in report mails or posted reports: `{DOMAIN: [POLICY...]}`. Fails for what it cannot read,
    /// and for two reports about one domain. The domain of a report is that of its report-id, which is not used for
    /// anything else.
    pub fn parsed<M: AsRef<[u8]>>(&self, mails: impl IntoIterator<Item = M>) -> Value {
        let mut domains = Map::new();
        for report in self.read("parsedmarc", mails) {
            let id = text(&report["report_id"]);
            let domain = id.splitn(3, '_').nth(2).unwrap_or_default();
            let before = domains.insert(domain.to_owned(), report["policies"].clone());
            assert!(before.is_none(), "two reports about {domain}");
        }
        domains.into()
    }

    /// What a reader finds (`parsedmarc` or `email-report-checker`), a report a mail, in parsedmarc's form; policies and
    /// failures are sorted.
    pub fn read<M: AsRef<[u8]>>(
        &self,
        reader: &str,
        mails: impl IntoIterator<Item = M>,
    ) -> Vec<Value> {
        let found = self.python(
            "parse_reports.py",
            files(mails).path(),
            Some(&json!(reader)),
        );
        items(&found).cloned().collect()
    }

    /// What dkimpy, as the strictest receiver of reports, says of the DKIM signatures of mails: for each mail, a verdict a
    /// signature by its index from 0, `ok rsa-sha256`, `ok ed25519-sha256`, or the reason why not. `dns` are TXT records
    /// as (name, text): [`Dns::all_txt`](super::dns::Dns::all_txt).
    pub fn dkim<M: AsRef<[u8]>>(
        &self,
        mails: impl IntoIterator<Item = M>,
        dns: &[(String, String)],
    ) -> Vec<Vec<String>> {
        self.dkim_as(Mode::StrictReport, mails, dns)
    }

    /// As [`Sys4::dkim`], in one of dkimpy's modes.
    pub fn dkim_as<M: AsRef<[u8]>>(
        &self,
        mode: Mode,
        mails: impl IntoIterator<Item = M>,
        dns: &[(String, String)],
    ) -> Vec<Vec<String>> {
        let records: Map<_, _> = dns
            .iter()
            .map(|(name, text)| (name.clone(), json!(text)))
            .collect();
        let asked = json!({"records": records, "tlsrpt": match mode {
            Mode::Mail => json!(false),
            Mode::Report => json!(true),
            Mode::StrictReport => json!("strict"),
        }});
        let verdicts = self.python("verify_dkim.py", files(mails).path(), Some(&asked));
        items(&verdicts)
            .map(|mail| items(mail).map(text).collect())
            .collect()
    }

    /// What offends the JSON Schema of RFC 8460 section 4.4 in reports; empty for good ones.
    pub fn schema_errors<'a>(&self, reports: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
        let folder = files(reports.into_iter().map(Value::to_string));
        items(&self.python("check_schema.py", folder.path(), None))
            .map(text)
            .collect()
    }

    /// Runs a script of `tests/python` on a folder, JSON in on stdin, JSON out.
    fn python(&self, script: &str, folder: &Path, input: Option<&Value>) -> Value {
        let mut child = Command::new(self.bin.join("python"))
            .arg(places::of_tests("python").join(script))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the environment has a Python");
        if let (Some(stdin), Some(input)) = (&mut child.stdin, input) {
            stdin
                .write_all(input.to_string().as_bytes())
                .expect("the script reads its input");
        }
        let output = child
            .wait_with_output()
            .expect("the script that we started is still ours");
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{script}: {}\n{stderr}",
            output.status
        );
        serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("{script}: {error} in {stdout}"))
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A folder with one file an item.
fn files<D: AsRef<[u8]>>(items: impl IntoIterator<Item = D>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    for (number, item) in items.into_iter().enumerate() {
        fs::write(folder.path().join(format!("{number:06}")), item)
            .expect("the temporary folder can be written");
    }
    folder
}
