//! Whether Postfix was built with libtlsrpt. It knows the parameters without it too, and tells nothing then.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use super::{AREA, Instance};
use crate::answers::doctor::finding::Finding;

/// As programs and libraries name it that need it.
const LIBRARY: &[u8] = b"libtlsrpt";
/// No program of Postfix is larger.
const MAX_SIZE: u64 = 64 << 20;

pub(super) fn check(instance: &Instance) -> Option<Finding> {
    let folder = |name, file| {
        let folder = instance.parameters.get(name)?;
        // `shlib_directory = no`: all is in the programs.
        folder
            .starts_with('/')
            .then(|| Path::new(folder).join(file))
    };
    let files = [
        folder("daemon_directory", "smtp"),
        folder("shlib_directory", "libpostfix-tls.so"),
    ];
    let name = instance.name();
    let mut looked = Vec::new();
    for file in files.iter().flatten() {
        match names_library(file) {
            Ok(true) => return Some(Finding::ok(AREA, format!("{name}built with TLSRPT"))),
            Ok(false) => looked.push(file.display().to_string()),
            Err(_) => {}
        }
    }
    let how = "ldd \"$(postconf -hx daemon_directory)/smtp\" | grep tlsrpt";
    Some(match looked.as_slice() {
        [] => Finding::unknown(
            AREA,
            format!("{name}whether it is built with TLSRPT: its programs cannot be read"),
            how,
        ),
        files => Finding::fail(
            AREA,
            format!(
                "{name}built without TLSRPT: {} needs no libtlsrpt",
                files.join(" nor ")
            ),
            "install a Postfix that is built with -DUSE_TLSRPT, as Debian 13's: docs/postfix.md",
        ),
    })
}

fn names_library(path: &Path) -> io::Result<bool> {
    let mut content = Vec::new();
    File::open(path)?.take(MAX_SIZE).read_to_end(&mut content)?;
    Ok(content
        .windows(LIBRARY.len())
        .any(|window| window == LIBRARY))
}
