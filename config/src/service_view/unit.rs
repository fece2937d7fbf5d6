//! What a systemd unit sets: the user, and the directories that its sandbox lets the service write to (systemd.exec(5)).

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::account::Account;

/// Directories of units, by precedence (systemd.unit(5)).
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A service.
#[derive(Debug, Default)]
pub(super) struct Unit {
    name: String,
    user: Option<String>,
    is_user_dynamic: bool,
    groups: Vec<String>,
    protect_system: Protect,
    protect_home: bool,
    private_tmp: bool,
    /// `ListenDatagram=` of the socket unit of its name.
    sockets: Vec<PathBuf>,
    writable: Vec<PathBuf>,
    made: Vec<PathBuf>,
}

/// `ProtectSystem=`
#[derive(Debug, Default, PartialEq, Eq)]
enum Protect {
    #[default]
    No,
    Yes,
    Full,
    Strict,
}

impl Unit {
    pub(super) fn find(program: &str) -> Option<Unit> {
        Unit::find_in(&FOLDERS.map(PathBuf::from), program)
    }

    fn find_in(folders: &[PathBuf], program: &str) -> Option<Unit> {
        let name = format!("{program}.service");
        let mut unit = Unit {
            name: name.clone(),
            ..Unit::default()
        };
        for text in texts(folders, &name)? {
            unit.add(&text);
        }
        for text in texts(folders, &format!("{program}.socket")).unwrap_or_default() {
            unit.add(&text);
        }
        Some(unit)
    }

    /// Takes what a file says; a later one counts.
    fn add(&mut self, text: &str) {
        let mut section = "";
        let text = text.replace("\\\n", " ");
        for line in text.lines().map(str::trim) {
            match (line.split_once('='), section) {
                _ if line.starts_with('[') => section = line,
                (Some((key, value)), "[Service]") => self.set(key.trim(), value.trim()),
                (Some((key, value)), "[Socket]") => self.listen(key.trim(), value.trim()),
                _ => {}
            }
        }
    }

    fn listen(&mut self, key: &str, value: &str) {
        match (key, value) {
            ("ListenDatagram", "") => self.sockets.clear(),
            // The only specifier that a socket of ours has a use for.
            ("ListenDatagram", path) => self.sockets.push(path.replace("%t", "/run").into()),
            _ => {}
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let words = || value.split_whitespace();
        let is_on = !matches!(value, "no" | "false" | "off" | "0" | "");
        match key {
            "User" => self.user = Some(value.to_owned()).filter(|user| !user.is_empty()),
            "DynamicUser" => self.is_user_dynamic = is_on,
            "Group" | "SupplementaryGroups" => self.groups.extend(words().map(str::to_owned)),
            "ProtectSystem" => {
                self.protect_system = match value {
                    "strict" => Protect::Strict,
                    "full" => Protect::Full,
                    _ if is_on => Protect::Yes,
                    _ => Protect::No,
                }
            }
            // `read-only` and `tmpfs` hide or protect less; they are not looked at.
            "ProtectHome" => self.protect_home = is_on && value != "read-only" && value != "tmpfs",
            "PrivateTmp" => self.private_tmp = is_on,
            "ReadWritePaths" if value.is_empty() => self.writable.clear(),
            "ReadWritePaths" => {
                let paths = words().map(|word| word.trim_start_matches(['-', '+']));
                self.writable.extend(paths.map(PathBuf::from));
            }
            "StateDirectory" => self.directories("/var/lib", value),
            "CacheDirectory" => self.directories("/var/cache", value),
            "LogsDirectory" => self.directories("/var/log", value),
            "RuntimeDirectory" => self.directories("/run", value),
            _ => {}
        }
    }

    fn directories(&mut self, below: &str, value: &str) {
        let names = value.split_whitespace();
        // `name:link` names a link beside it.
        let names = names.map(|name| name.split(':').next().unwrap_or(name));
        let paths = names.map(|name| Path::new(below).join(name));
        self.made.extend(paths);
    }

    /// Whether the socket unit of its name makes this socket.
    pub(super) fn is_given(&self, socket: &Path) -> bool {
        let socket = resolved(socket);
        self.sockets.iter().any(|given| resolved(given) == socket)
    }

    /// Who runs it.
    pub(super) fn account(&self) -> Option<Account> {
        match &self.user {
            Some(user) => Some(Account::named(user)?.in_groups(&self.groups)),
            None if self.is_user_dynamic => {
                let name = self.name.trim_end_matches(".service");
                Some(Account::made_up(name, &self.groups))
            }
            None => None,
        }
    }

    /// Whether its sandbox lets it write there.
    pub(super) fn may_write(&self, path: &Path) -> bool {
        let path = resolved(path);
        let below = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        if self.own().any(|place| path.starts_with(resolved(place))) {
            return true;
        }
        match self.protect_system {
            _ if self.hides(&path) => false,
            Protect::No => true,
            Protect::Yes => !below(&["/usr", "/boot", "/efi"]),
            Protect::Full => !below(&["/usr", "/boot", "/efi", "/etc"]),
            Protect::Strict => {
                below(&["/dev", "/proc", "/sys"])
                    || (self.private_tmp && below(&["/tmp", "/var/tmp"]))
            }
        }
    }

    fn own(&self) -> impl Iterator<Item = &PathBuf> {
        self.made.iter().chain(&self.writable)
    }

    /// Whether it makes this directory when it starts.
    pub(super) fn makes(&self, folder: &Path) -> bool {
        let folder = resolved(folder);
        self.made.iter().any(|made| resolved(made) == folder)
    }

    /// Whether nothing of it can be seen from within.
    pub(super) fn hides(&self, path: &Path) -> bool {
        let homes = ["/home", "/root", "/run/user"];
        self.protect_home && homes.iter().any(|home| path.starts_with(home))
    }

    /// Where it may write.
    pub(super) fn places(&self) -> String {
        let places: Vec<String> = self
            .own()
            .map(|place| place.display().to_string())
            .collect();
        match places.is_empty() {
            true => "no place so far".to_owned(),
            false => format!("below {}", places.join(", ")),
        }
    }
}

/// A unit's file and its drop-ins, in the order in which they count; `None` without a file.
fn texts(folders: &[PathBuf], name: &str) -> Option<Vec<String>> {
    let text = folders
        .iter()
        .find_map(|folder| fs::read_to_string(folder.join(name)).ok())?;
    let mut drop_ins: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder.join(format!("{name}.d"))).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "conf"))
        .collect();
    drop_ins.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    let added = drop_ins
        .iter()
        .map(|path| fs::read_to_string(path).unwrap_or_default());
    Some([text].into_iter().chain(added).collect())
}

/// The path without links, as far as it is there: /var/run is /run.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path
        .ancestors()
        .find_map(|ancestor| Some((ancestor, fs::canonicalize(ancestor).ok()?)));
    match existing {
        Some((ancestor, real)) => match path.strip_prefix(ancestor) {
            // Joined with nothing, a path would get a slash at its end.
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => path,
        },
        None => path,
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("run")).unwrap();
        std::os::unix::fs::symlink(root.join("run"), root.join("var-run")).unwrap();
        let unit = Unit {
            protect_system: Protect::Strict,
            made: vec![root.join("run/tlsrpt")],
            sockets: vec![root.join("run/tlsrpt/socket")],
            ..Unit::default()
        };
        let linked = root.join("var-run/tlsrpt");
        assert!(unit.may_write(&linked.join("x.pid")), "not there yet");
        assert!(unit.makes(&linked));
        assert!(unit.is_given(&linked.join("socket")));
        assert!(
            !unit.is_given(&linked.join("other")),
            "not in the socket unit"
        );
        assert!(!unit.may_write(&root.join("var-run/x")));
    }

    /// As that of tlsrpt-statusd.
    #[test]
    fn a_user_that_exists_only_while_it_runs() {
        use std::os::unix::fs::{PermissionsExt as _, chown};

        use super::super::Want;

        if !nix::unistd::Uid::effective().is_root() {
            return;
        }
        const GROUP: u32 = 28_470;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let text = format!("[Service]\nDynamicUser=yes\nSupplementaryGroups={GROUP}\n");
        fs::write(folder.path().join("x.service"), text).unwrap();
        let unit = Unit::find_in(&[folder.path().to_owned()], "x").unwrap();
        let account = unit.account().unwrap();
        let database = folder.path().join("reportd.sqlite");
        fs::write(&database, "").unwrap();
        for (mode, group, may, why) in [
            (0o640, GROUP, true, "by its group"),
            (0o600, GROUP, false, "its owner's alone"),
            (0o640, 0, false, "another group's"),
        ] {
            fs::set_permissions(&database, fs::Permissions::from_mode(mode)).unwrap();
            chown(&database, Some(0), Some(group)).unwrap();
            let refused = account.refused(&database, Want::Read);
            assert_eq!(refused.is_none(), may, "{why}: {refused:?}");
            if let Some(refused) = refused {
                let want = "the service's user x has no right to (root:";
                assert!(refused.to_string().contains(want), "{refused}");
            }
        }
    }

    #[test]
    fn a_socket_unit_and_its_drop_ins() {
        let folder = tempfile::tempdir().unwrap();
        let drop_ins = folder.path().join("x.socket.d");
        fs::create_dir_all(&drop_ins).unwrap();
        fs::write(
            folder.path().join("x.service"),
            "[Service]\nListenDatagram=/a\n",
        )
        .unwrap();
        let text = "[Socket]\nListenDatagram=%t/tlsrpt/b\nListenDatagram=/c\n";
        fs::write(folder.path().join("x.socket"), text).unwrap();
        let found = || {
            Unit::find_in(&[folder.path().to_owned()], "x")
                .unwrap()
                .sockets
        };
        assert_eq!(found(), ["/run/tlsrpt/b", "/c"].map(PathBuf::from));
        fs::write(
            drop_ins.join("a.conf"),
            "[Socket]\nListenDatagram=\nListenDatagram=/d\n",
        )
        .unwrap();
        assert_eq!(found(), ["/d"].map(PathBuf::from));
    }

    #[test]
    fn a_unit_and_its_drop_ins() {
        let folder = tempfile::tempdir().unwrap();
        let [etc, lib] = ["etc", "lib"].map(|name| folder.path().join(name));
        let drop_ins = etc.join("x.service.d");
        fs::create_dir_all(&drop_ins).unwrap();
        fs::create_dir_all(&lib).unwrap();
        let text = "[Unit]\nUser=nobody\n[Service]\nUser=tlsrpt\nProtectSystem=strict\nProtectHome=yes\nStateDirectory=tlsrpt other:link\nReadWritePaths=/srv/a \\\n  -/srv/b\n";
        fs::write(lib.join("x.service"), text).unwrap();
        fs::write(
            drop_ins.join("a.conf"),
            "[Service]\nReadWritePaths=/srv/c\n",
        )
        .unwrap();
        let unit = Unit::find_in(&[etc.clone(), lib.clone()], "x").unwrap();
        assert_eq!(unit.user.as_deref(), Some("tlsrpt"));
        for (path, may, why) in [
            ("/var/lib/tlsrpt/x", true, "StateDirectory"),
            ("/var/lib/other/x", true, "its second word"),
            ("/var/lib/tlsrpt-x", false, "another directory"),
            ("/srv/a/x", true, "ReadWritePaths"),
            ("/srv/b/x", true, "on the next line, and it may be missing"),
            ("/srv/c/x", true, "of a drop-in"),
            ("/var/log/x", false, "strict"),
            ("/tmp/x", false, "strict"),
            ("/dev/null", true, "devices"),
            ("/root/x", false, "ProtectHome"),
        ] {
            assert_eq!(unit.may_write(Path::new(path)), may, "{path}: {why}");
        }
        fs::write(
            drop_ins.join("b.conf"),
            "[Service]\nUser=me\nReadWritePaths=\nProtectSystem=full\nPrivateTmp=yes\n",
        )
        .unwrap();
        let unit = Unit::find_in(&[etc, lib], "x").unwrap();
        assert_eq!(unit.user.as_deref(), Some("me"), "a later word counts");
        assert!(!unit.writable.iter().any(|path| path.starts_with("/srv")));
        for (path, may, why) in [
            ("/srv/a/x", true, "full protects less"),
            ("/etc/x", false, "but this"),
            ("/usr/x", false, "and this"),
        ] {
            assert_eq!(unit.may_write(Path::new(path)), may, "{path}: {why}");
        }
    }
}
