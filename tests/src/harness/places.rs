//! Where the harness finds programs, data and the target folder.

use std::path::{Path, PathBuf};

/// One of our programs, beside the test executable.
///
/// # Panics
/// When it has not been built.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = profile().join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build` first",
        path.display()
    );
    path
}

/// The target folder: what outlives a test is there.
pub(crate) fn target() -> PathBuf {
    profile().parent().map(Path::to_owned).unwrap_or_default()
}

/// A folder of this crate: `data`, `python`.
pub(crate) fn of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// `target/debug` or `target/release`: tests run in its `deps`, the demo in itself.
fn profile() -> PathBuf {
    let exe = std::env::current_exe().expect("the system names the running program");
    let folder = exe.parent().expect("a program stands in a folder");
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    folder.to_owned()
}
