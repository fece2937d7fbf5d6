//! Fixed input: what a real Postfix sent, with the domain's name replaced.

use tempfile::TempDir;

use crate::error::CheckError;

/// The name of the folder that [`folder`] gives, the same everywhere: that of a socket has to be short, and of longer names more
/// instructions are counted.
pub(crate) const HERE: &str = "/proc/self/cwd";

const SUCCESS: &str = include_str!("../../../tests/data/datagrams/sts-ok.json");
const DANE: &str = include_str!("../../../tests/data/datagrams/dane-ok.json");
const FAILURE: &str = include_str!("../../../tests/data/datagrams/sts-expired.json");

/// The name of a domain.
pub(crate) fn domain(number: u64) -> String {
    format!("d{number:09}.example")
}

/// A datagram on a domain: one in eight tells a failure, half of the others DANE.
pub(crate) fn datagram(number: u64) -> String {
    let (recorded, name) = match number % 8 {
        0 => (FAILURE, "sts-expired.test"),
        1 | 3 | 5 | 7 => (SUCCESS, "sts-ok.test"),
        _ => (DANE, "dane-ok.test"),
    };
    recorded.replace(name, &domain(number))
}

/// A domain's datagrams of a day: each kind.
pub(crate) fn day_of(number: u64) -> [String; 3] {
    [
        (SUCCESS, "sts-ok.test"),
        (DANE, "dane-ok.test"),
        (FAILURE, "sts-expired.test"),
    ]
    .map(|(recorded, name)| recorded.replace(name, &domain(number)))
}

/// The number of rounds on the command line.
pub(crate) fn rounds(text: &str) -> Result<u64, CheckError> {
    text.parse().map_err(|_| CheckError::Usage)
}

/// A folder to work in.
pub(crate) fn folder() -> Result<TempDir, CheckError> {
    let folder = tempfile::tempdir().map_err(CheckError::io(
        "cannot make a folder in",
        &std::env::temp_dir(),
    ))?;
    std::env::set_current_dir(folder.path())
        .map_err(CheckError::io("cannot work in", folder.path()))?;
    Ok(folder)
}
