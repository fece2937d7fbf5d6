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
    /// Places of which it sees nothing (`TemporaryFileSystem=`), but what is shown to it there (`BindReadOnlyPaths=` and the like).
    emptied: Vec<PathBuf>,
    shown: Vec<PathBuf>,
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
            "ReadWritePaths" => add_paths(&mut self.writable, value, 0),
            "TemporaryFileSystem" => add_paths(&mut self.emptied, value, 0),
            // It is seen where the second part says, if there is one.
            "BindPaths" | "BindReadOnlyPaths" => add_paths(&mut self.shown, value, 1),
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
            _ if self.hides(&path).is_some() => false,
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

    /// Whether nothing of it can be seen from within; then, what in a drop-in shows it.
    pub(super) fn hides(&self, path: &Path) -> Option<String> {
        let homes = ["/home", "/root", "/run/user"];
        if self.protect_home && homes.iter().any(|home| path.starts_with(home)) {
            return Some("ProtectHome=no".to_owned());
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let is_below = |places: &[PathBuf]| places.iter().any(|place| path.starts_with(place));
        let is_hidden = is_below(&self.emptied) && !is_below(&self.shown);
        is_hidden.then(|| format!("BindReadOnlyPaths={}", path.display()))
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

/// Adds the paths of a list, of which an empty one forgets those before. Of `source:destination:options` it takes that part, or
/// the first.
fn add_paths(to: &mut Vec<PathBuf>, list: &str, part: usize) {
    if list.is_empty() {
        to.clear();
    }
    let paths = list.split_whitespace().map(|word| {
        let word = word.trim_start_matches(['-', '+']);
        let first = word.split(':').next().unwrap_or(word);
        let wanted = word.split(':').nth(part).unwrap_or(first);
        PathBuf::from(wanted)
    });
    to.extend(paths);
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
mod tests;
