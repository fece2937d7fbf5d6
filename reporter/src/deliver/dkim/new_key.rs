//! Makes a key and its file: whole or not at all, over nothing that is there, and never for everybody to read.

use std::{
    fmt,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::Path,
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::unistd::{Group, Uid};
use tlsrptd_config::{ctl::KeyType, paths, service_view};

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NewKeyError {
    #[error(
        "{0} is there already, and is left as it is (allowed: another selector, or --out FILE)"
    )]
    Exists(String),
    #[error("{path}: cannot be made: {problem}")]
    File { path: String, problem: String },
    #[error("the key cannot be made: {0}")]
    Library(&'static str),
}

/// Who may read the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyOwner {
    /// Root, and the service's group.
    Group { key: &'static str, group: String },
    /// Who made it: there is no such group, or only root may give files away.
    OursAlone { key: &'static str },
}

impl KeyOwner {
    pub(crate) fn mode(&self) -> u32 {
        match self {
            KeyOwner::Group { .. } => 0o640,
            KeyOwner::OursAlone { .. } => 0o600,
        }
    }
}

impl fmt::Display for KeyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyOwner::Group { key, group } => write!(f, "{key}, root:{group}, mode 0640"),
            KeyOwner::OursAlone { key } => write!(f, "{key}, mode 0600"),
        }
    }
}

/// Makes it. Root gives it to the group of the service, where there is one.
pub(crate) fn make(path: &Path, key_type: KeyType, group: &str) -> Result<KeyOwner, NewKeyError> {
    let exists = || NewKeyError::Exists(path.display().to_string());
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let (key, pem) = match key_type {
        KeyType::Rsa => ("RSA of 2048 bits", pem(&rsa_key()?)),
        KeyType::Ed25519 => ("Ed25519", pem(&ed25519_key()?)),
    };
    let group = Group::from_name(group).ok().flatten();
    let group = group.filter(|_| Uid::effective().is_root());
    let written = write(path, &pem, group.as_ref());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        _ => NewKeyError::File {
            path: path.display().to_string(),
            problem: service_view::explained_writing(path, &error),
        },
    })?;
    Ok(match group {
        Some(group) => KeyOwner::Group {
            key,
            group: group.name,
        },
        None => KeyOwner::OursAlone { key },
    })
}

fn rsa_key() -> Result<Vec<u8>, NewKeyError> {
    let failed = |_| NewKeyError::Library("the library makes no RSA key");
    let key = rsa::KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
    Ok(der.as_ref().to_vec())
}

/// Without its public half in it: OpenSSL before 3.0 reads no other.
fn ed25519_key() -> Result<Vec<u8>, NewKeyError> {
    let failed = |_| NewKeyError::Library("the library makes no Ed25519 key");
    let der = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).map_err(failed)?;
    Ok(der.as_ref().to_vec())
}

/// RFC 7468 section 10.
fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text += line;
        text.push('\n');
        rest = after;
    }
    text + "-----END PRIVATE KEY-----\n"
}

/// Under another name first: nobody sees half a key, and a link under its own name takes nobody's place.
fn write(path: &Path, pem: &str, group: Option<&Group>) -> io::Result<()> {
    let beside = paths::beside(path, &format!(".{:016x}.new", rand::random::<u64>()));
    let made = content(&beside, pem, group).and_then(|()| fs::hard_link(&beside, path));
    let removed = fs::remove_file(&beside);
    made?;
    removed?;
    File::open(paths::directory(path))?.sync_all()
}

fn content(path: &Path, pem: &str, group: Option<&Group>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    if let Some(group) = group {
        fchown(&file, None, Some(group.gid.as_raw()))?;
        file.set_permissions(Permissions::from_mode(0o640))?;
    }
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::deliver::dkim::key;

    #[test]
    fn a_key_that_signs() {
        let folder = tempfile::tempdir().unwrap();
        for (key_type, kind, octets) in [
            (KeyType::Rsa, "rsa", 294),
            (KeyType::Ed25519, "ed25519", 32),
        ] {
            let path = folder.path().join(kind);
            let owner = make(&path, key_type, "no-such-group-").unwrap();
            assert!(matches!(owner, KeyOwner::OursAlone { .. }), "{owner:?}");
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.mode() & 0o7777, found.nlink()), (0o600, 1));
            let (of_kind, public) = key::public(&path).unwrap();
            assert_eq!((of_kind, public.len()), (kind, octets));
        }
        let number = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(number, 2, "nothing is left beside them");
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "old").unwrap();
        let told = make(&path, KeyType::Ed25519, "x").unwrap_err().to_string();
        assert!(told.contains("is there already"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
        assert!(
            make(&link, KeyType::Ed25519, "x").is_err(),
            "a link is something"
        );
        assert!(!folder.path().join("target").exists());
        let nowhere = folder.path().join("no/such/folder");
        let told = make(&nowhere, KeyType::Ed25519, "x")
            .unwrap_err()
            .to_string();
        assert!(told.contains("cannot be made"), "{told}");
        if Uid::effective().is_root() {
            let given = folder.path().join("given");
            let owner = make(&given, KeyType::Ed25519, "root").unwrap();
            assert_eq!(fs::metadata(&given).unwrap().mode() & 0o7777, 0o640);
            assert_eq!(owner.mode(), 0o640);
        }
    }
}
