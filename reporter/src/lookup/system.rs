//! The system's name servers, which may change while we run: a host that moves to another network has others.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use hickory_resolver::{TokioResolver, system_conf::parse_resolv_conf};

use super::{ResolverError, build};

/// Asks whom `resolv.conf` names now.
pub(super) struct System {
    path: PathBuf,
    timeout: Duration,
    last: Mutex<Last>,
}

struct Last {
    resolver: TokioResolver,
    /// When the file that it was made from was written.
    written: Option<SystemTime>,
}

impl System {
    pub(super) fn new(path: PathBuf, timeout: Duration) -> Result<System, ResolverError> {
        // Before the file is read: a change in between is seen the next time.
        let written = written(&path);
        let resolver = read(&path, timeout)?;
        Ok(System {
            last: Mutex::new(Last { resolver, written }),
            path,
            timeout,
        })
    }

    pub(super) fn current(&self) -> TokioResolver {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let written = written(&self.path);
        if written.is_some() && written != last.written {
            last.written = written;
            match read(&self.path, self.timeout) {
                Ok(resolver) => {
                    tracing::info!("{} has changed: read again", self.path.display());
                    last.resolver = resolver;
                }
                Err(error) => tracing::warn!(%error, "the old name servers stay in use"),
            }
        }
        last.resolver.clone()
    }
}

fn written(path: &PathBuf) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

fn read(path: &PathBuf, timeout: Duration) -> Result<TokioResolver, ResolverError> {
    let text = fs::read(path).map_err(|error| ResolverError::System(error.into()))?;
    let (config, options) = parse_resolv_conf(text).map_err(ResolverError::System)?;
    build(config, options, timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        // The options tell one resolver from another.
        let write = |dots: usize, second: u64| {
            let text = format!("nameserver 127.0.0.1\noptions ndots:{dots}\n");
            fs::write(&path, text).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(at)
                .unwrap();
        };
        write(3, 1);
        let system = System::new(path.clone(), Duration::from_secs(1)).unwrap();
        assert_eq!(system.current().options().ndots, 3);
        write(5, 2);
        assert_eq!(system.current().options().ndots, 5, "written again");
        fs::remove_file(&path).unwrap();
        assert_eq!(system.current().options().ndots, 5, "the old ones stay");
    }
}
