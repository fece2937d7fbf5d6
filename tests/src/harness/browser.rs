//! Debian's Chromium, driven by `tests/browser/browse.mjs`, which opens pages as people do and judges them: axe-core for those who
//! cannot see or point, html-validate for the markup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::places;
use super::skip::or_skip;

/// What drives it.
#[derive(Debug, Clone)]
pub struct Browser {
    chromium: PathBuf,
    folder: PathBuf,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Browsed {
    /// Pages that were opened, with their size in bytes.
    pub pages: Vec<(String, u64)>,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Browser {
    /// The browser, with what npm brings for it in the target folder. `None`, and the test skipped by name, where that cannot be
    /// had.
    pub fn or_skip() -> Option<Browser> {
        or_skip(
            Browser::find(),
            "chromium, node or npm is missing, or npm reaches no registry",
        )
    }

    /// As [`Browser::or_skip`], for callers that are no test.
    pub fn find() -> Option<Browser> {
        let chromium = ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .find_map(|name| in_path(name))?;
        in_path("node")?;
        let folder = places::target().join("browser");
        install(&folder)?;
        Some(Browser { chromium, folder })
    }

    /// Opens this address and all that its pages link to; pictures of them go into `pictures`.
    ///
    /// # Panics
    /// When the browser cannot be driven.
    pub fn browse(&self, url: &str, pictures: Option<&Path>) -> Browsed {
        let mut command = self.node();
        command.arg(url).args(pictures);
        let output = command.output().expect("node starts");
        let found: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
        let page = |page: &Value| {
            let path = page["path"].as_str().unwrap_or_default().to_owned();
            (path, page["bytes"].as_u64().unwrap_or_default())
        };
        let problems = list("problems");
        Browsed {
            pages: list("pages").iter().map(page).collect(),
            problems: problems
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        }
    }

    /// A picture of the upper part of a page.
    ///
    /// # Panics
    /// When the browser cannot be driven.
    pub fn picture(&self, url: &str, file: &Path) {
        let mut command = self.node();
        let status = command.arg("--picture").arg(url).arg(file).status();
        assert!(status.expect("node starts").success());
    }

    fn node(&self) -> Command {
        let mut command = Command::new("node");
        command
            .arg("browse.mjs")
            .current_dir(&self.folder)
            .env("CHROMIUM", &self.chromium)
            .stdin(Stdio::null());
        command
    }
}

/// What the lock file names, once; the script itself as it is now.
fn install(folder: &Path) -> Option<()> {
    let source = places::of_tests("browser");
    fs::create_dir_all(folder).ok()?;
    let lock = fs::File::create(folder.join("lock")).ok()?;
    // Tests run at once, in several processes.
    lock.lock().ok()?;
    let is_same = |name: &str| {
        let read = |folder: &Path| fs::read(folder.join(name)).ok();
        read(&source) == read(folder)
    };
    let complete = folder.join("complete");
    if !complete.is_file() || !is_same("package-lock.json") {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(source.join(name), folder.join(name)).ok()?;
        }
        let mut npm = Command::new("npm");
        npm.args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--silent",
        ])
        .current_dir(folder)
        .stdin(Stdio::null());
        npm.status().ok()?.success().then_some(())?;
        fs::write(&complete, "").ok()?;
    }
    if !is_same("browse.mjs") {
        // Another process may be reading it.
        let whole = folder.join("browse.mjs.new");
        fs::copy(source.join("browse.mjs"), &whole).ok()?;
        fs::rename(whole, folder.join("browse.mjs")).ok()?;
    }
    Some(())
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}
