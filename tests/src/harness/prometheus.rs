//! A Prometheus as Debian packages it: it scrapes what a test names, twice a second, by the project's alert rules, and
//! answers queries. And a page of metrics that a test writes.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::skip::or_skip;
use super::verifiers::find;
use super::wait::{until_true, within};

const MISSING: &str = "there is no Prometheus (Debian: apt-get install prometheus)";
/// It opens its database first.
const START: Duration = Duration::from_secs(120);

/// `promtool`, or the test is skipped by name.
pub fn promtool_or_skip() -> Option<PathBuf> {
    or_skip(find("promtool"), MISSING)
}

/// `prometheus-node-exporter`, or the test is skipped by name.
pub fn node_exporter_or_skip() -> Option<PathBuf> {
    let missing = "there is no node_exporter (Debian: apt-get install prometheus-node-exporter)";
    or_skip(find("prometheus-node-exporter"), missing)
}

/// A port of the loopback address that is free now.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// The body of an answer.
///
/// # Errors
/// When there is no answer, or another status than 200.
pub fn get(address: SocketAddr, target: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let head = format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no header")?;
    let line = head.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(format!("{line}: {body}")),
    }
}

/// Metrics that a test writes, served.
#[derive(Debug)]
pub struct MetricsPage {
    /// Where.
    pub address: SocketAddr,
    text: Arc<Mutex<String>>,
}

impl MetricsPage {
    /// Serves this text from now on, until the test's process ends.
    ///
    /// # Panics
    /// When no port is free.
    pub fn serve(text: &str) -> MetricsPage {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let page = MetricsPage {
            address: listener.local_addr().expect("it has an address"),
            text: Arc::new(Mutex::new(text.to_owned())),
        };
        let text = Arc::clone(&page.text);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let body = text.lock().expect("nobody panics").clone();
                let mut request = [0; 4096];
                // One piece is enough of it.
                let _ = stream.read(&mut request);
                let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n";
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        page
    }

    /// Serves another text.
    ///
    /// # Panics
    /// When its thread did.
    pub fn set(&self, text: &str) {
        text.clone_into(&mut self.text.lock().expect("nobody panics"));
    }
}

/// A running Prometheus, ended when dropped.
#[derive(Debug)]
pub struct Prometheus {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one with these rules and targets (their `instance` and address), or skips the test by name.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub fn or_skip(rules: &str, targets: &[(&str, SocketAddr)]) -> Option<Prometheus> {
        let path = or_skip(find("prometheus"), MISSING)?;
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("rules.yml"), rules).expect("the temporary folder can be written");
        fs::write(at("prometheus.yml"), configuration(targets))
            .expect("the temporary folder can be written");
        let log = fs::File::create(at("log")).expect("the temporary folder can be written");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new(path)
            .current_dir(folder.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus starts");
        let mut prometheus = Prometheus {
            child,
            folder,
            address,
        };
        let ready = within(START, || {
            let ended = prometheus.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "it ended: {}", prometheus.log());
            get(address, "/-/ready").ok()
        });
        assert!(ready.is_some(), "it does not answer: {}", prometheus.log());
        Some(prometheus)
    }

    /// The result of a query: its series.
    ///
    /// # Panics
    /// When it is refused.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let target = format!("/api/v1/query?query={}", encoded(expression));
        let answer = get(self.address, &target).unwrap_or_else(|why| panic!("{expression}: {why}"));
        let answer: Value = serde_json::from_str(&answer).expect("it answers JSON");
        let result = answer["data"]["result"].as_array();
        result.cloned().unwrap_or_else(|| panic!("{answer}"))
    }

    /// The alerts that fire: their names, each followed by its instance.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn firing(&self) -> Vec<String> {
        let firing = self.query("ALERTS{alertstate=\"firing\"}");
        let mut names: Vec<String> = firing
            .iter()
            .map(|alert| {
                let labels = &alert["metric"];
                let text = |name: &str| labels[name].as_str().unwrap_or("-").to_owned();
                format!("{} {}", text("alertname"), text("instance"))
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Waits until that alert fires.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub fn wait_for(&self, alert: &str) {
        until_true(alert, || self.firing().iter().any(|it| it == alert));
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Its data goes with the folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(targets: &[(&str, SocketAddr)]) -> String {
    let mut text =
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 250ms}\n\
                    rule_files: [rules.yml]\nscrape_configs:\n"
            .to_owned();
    for (name, address) in targets {
        text += &format!(
            "- {{job_name: {name}, static_configs: [{{targets: ['{address}'], labels: {{instance: {name}}}}}]}}\n"
        );
    }
    text
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// node_exporter with nothing but a folder of text files, ended when dropped.
#[derive(Debug)]
pub struct NodeExporter {
    child: Child,
    address: SocketAddr,
}

impl NodeExporter {
    /// Starts it, or skips the test by name.
    ///
    /// # Panics
    /// When it is there and does not start.
    pub fn or_skip(folder: &Path) -> Option<NodeExporter> {
        let path = node_exporter_or_skip()?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new(path)
            .arg("--collector.disable-defaults")
            .arg("--collector.textfile")
            .arg(format!(
                "--collector.textfile.directory={}",
                folder.display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("node_exporter starts");
        let exporter = NodeExporter { child, address };
        until_true("node_exporter", || get(address, "/metrics").is_ok());
        Some(exporter)
    }

    /// What it tells.
    ///
    /// # Panics
    /// When it does not.
    pub fn metrics(&self) -> String {
        get(self.address, "/metrics").expect("it answers")
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
