//! The system's name servers, which may change while the reporter runs: a laptop moves to another network.

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{resolv_conf::ResolvConf, stub::NameServers};

/// The servers that `resolv.conf` names now.
#[derive(Debug)]
pub(crate) struct SystemServers {
    path: PathBuf,
    /// `dns_timeout`.
    timeout: Option<Duration>,
    loaded: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    servers: Arc<NameServers>,
    /// Of the file that they were read from.
    version: Option<FileVersion>,
}

/// Device, inode, length and time of modification.
type FileVersion = (u64, u64, u64, i64, i64);

impl SystemServers {
    /// Without such a file, or without a server in it, this host is asked, as by libc.
    pub(super) fn new(path: PathBuf, timeout: Option<Duration>) -> SystemServers {
        // Read before the file: a change in between is noticed the next time.
        let version = version(&path);
        let text = fs::read(&path).unwrap_or_else(|error| {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!("cannot read {}: {error}", path.display());
            }
            Vec::new()
        });
        SystemServers {
            loaded: Mutex::new(Loaded {
                servers: read(&path, &text, timeout),
                version,
            }),
            path,
            timeout,
        }
    }

    pub(super) fn current(&self) -> Arc<NameServers> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let version = version(&self.path);
        // A missing file is about to be written again: the known servers stay in use.
        if version.is_some() && version != loaded.version {
            loaded.version = version;
            match fs::read(&self.path) {
                Ok(text) => {
                    tracing::info!("{} has changed: read again", self.path.display());
                    loaded.servers = read(&self.path, &text, self.timeout);
                }
                Err(error) => tracing::warn!(%error, "the old name servers stay in use"),
            }
        }
        Arc::clone(&loaded.servers)
    }
}

fn version(path: &PathBuf) -> Option<FileVersion> {
    let file = fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
    ))
}

fn read(path: &std::path::Path, text: &[u8], timeout: Option<Duration>) -> Arc<NameServers> {
    let conf = ResolvConf::parse(text, &env::var("RES_OPTIONS").unwrap_or_default());
    if conf.is_local {
        tracing::warn!(
            "no name server in {}: the one of this host (127.0.0.1, ::1) is asked",
            path.display()
        );
    }
    Arc::new(NameServers::new(conf, timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(system: &SystemServers) -> String {
        system.current().conf().servers[0].ip().to_string()
    }

    #[test]
    fn a_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let write = |text: &str| fs::write(&path, text).unwrap();
        let system = SystemServers::new(path.clone(), None);
        assert_eq!(server(&system), "127.0.0.1", "there is none yet");
        write("nameserver 10.0.0.1\n");
        assert_eq!(server(&system), "10.0.0.1", "there is one now");
        write("nameserver 10.0.0.1\nnameserver 10.0.0.2\noptions timeout:9\n");
        let servers = system.current();
        assert_eq!(servers.conf().servers.len(), 2, "written again");
        assert_eq!(servers.conf().timeout.as_secs(), 9);
        fs::remove_file(&path).unwrap();
        assert_eq!(server(&system), "10.0.0.1", "the old ones stay");
        // As NetworkManager does it: another file takes its place.
        let other = folder.path().join("other");
        fs::write(&other, "nameserver 10.0.0.3\n").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(server(&system), "10.0.0.3", "another file");
        write("");
        assert_eq!(server(&system), "127.0.0.1", "emptied, as by libc");
    }

    #[test]
    fn the_operators_wait_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        fs::write(&path, "nameserver 10.0.0.1\noptions timeout:9\n").unwrap();
        for (operator, want) in [(None, 9), (Some(Duration::from_secs(2)), 2)] {
            let system = SystemServers::new(path.clone(), operator);
            assert_eq!(system.current().conf().timeout.as_secs(), want);
        }
    }
}
