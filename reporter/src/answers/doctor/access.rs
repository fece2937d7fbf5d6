//! Who may do what with a file, by owner, group and mode of all that leads there; and what to type when they may not.
//!
//! Whether it works is asked of the kernel, as that user, where that is possible. This says what stands in the way.

use std::{
    ffi::CString,
    fmt, fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist, getgroups};

/// A user with all its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The name of its own group.
    pub group: String,
    uid: u32,
    groups: Vec<u32>,
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Read it.
    Read,
    /// Write it, or send to it.
    Write,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The folder, or the file itself.
    pub path: PathBuf,
    /// What is missing.
    pub bit: char,
    /// Owner, group and mode.
    pub owned: Owned,
    is_member: bool,
}

/// Whose a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its owner.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode, without its kind.
    pub mode: u32,
}

impl Account {
    /// A user of this host.
    pub fn named(name: &str) -> Option<Account> {
        let user = User::from_name(name).ok().flatten()?;
        let own = user.gid;
        let groups = CString::new(name).ok();
        let groups = groups.and_then(|name| getgrouplist(&name, own).ok());
        Some(Account::of(user, own, groups.unwrap_or_else(|| vec![own])))
    }

    /// We ourselves.
    pub fn ours() -> Account {
        let (uid, gid) = (geteuid(), getegid());
        let groups = getgroups().unwrap_or_default();
        match User::from_uid(uid).ok().flatten() {
            Some(user) => Account::of(user, gid, [vec![gid], groups].concat()),
            None => Account {
                name: uid.to_string(),
                group: group_name(gid.as_raw()),
                uid: uid.as_raw(),
                groups: groups.into_iter().chain([gid]).map(Gid::as_raw).collect(),
            },
        }
    }

    fn of(user: User, own: Gid, groups: Vec<Gid>) -> Account {
        Account {
            name: user.name,
            group: group_name(own.as_raw()),
            uid: user.uid.as_raw(),
            groups: groups.into_iter().map(Gid::as_raw).collect(),
        }
    }

    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// What stands in its way to a file, the first of it. What cannot be looked at stands in nobody's way.
    pub fn obstacle(&self, path: &Path, want: Want) -> Option<Obstacle> {
        if self.is_root() {
            return None;
        }
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut folders: Vec<&Path> = whole.ancestors().skip(1).collect();
        folders.reverse();
        let last = match want {
            Want::Read => 'r',
            Want::Write => 'w',
        };
        let steps = folders.into_iter().map(|folder| (folder, 'x'));
        let mut steps = steps.chain([(whole.as_path(), last)]);
        steps.find_map(|(step, bit)| {
            let found = fs::metadata(step).ok()?;
            (!self.may(&found, bit)).then(|| Obstacle {
                path: step.to_owned(),
                bit,
                owned: Owned::of(&found),
                is_member: self.groups.contains(&found.gid()),
            })
        })
    }

    fn may(&self, found: &fs::Metadata, bit: char) -> bool {
        let bit = match bit {
            'r' => 4,
            'w' => 2,
            _ => 1,
        };
        let shift = if found.uid() == self.uid {
            6
        } else if self.groups.contains(&found.gid()) {
            3
        } else {
            0
        };
        found.permissions().mode() >> shift & bit != 0
    }
}

impl Owned {
    /// That of a file that was looked at.
    pub fn of(found: &fs::Metadata) -> Owned {
        Owned {
            owner: user_name(found.uid()),
            group: group_name(found.gid()),
            mode: found.permissions().mode() & 0o7777,
        }
    }
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, mode {:04o}", self.owner, self.group, self.mode)
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.bit {
            'r' => "may not be read",
            'w' => "may not be written",
            _ => "may not be passed",
        };
        write!(f, "{} {what} ({})", self.path.display(), self.owned)
    }
}

impl Obstacle {
    /// What to type. A file is given to the user's group; a folder is opened for passing only.
    pub fn remedy(&self, account: &Account) -> String {
        let (path, group) = (quoted(&self.path), &account.group);
        match self.bit {
            'x' if self.is_member => format!("chmod g+x {path}"),
            'x' => format!("chmod o+x {path}"),
            bit if self.is_member => format!("chmod g+{bit} {path}"),
            bit => format!("chgrp {group} {path} && chmod g+{bit} {path}"),
        }
    }
}

/// A path as the shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or(uid.to_string(), |user| user.name)
}

fn group_name(gid: u32) -> String {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    group.map_or(gid.to_string(), |group| group.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("in ner");
        fs::create_dir(&inner).unwrap();
        let file = inner.join("key");
        fs::write(&file, "").unwrap();
        let own = fs::metadata(&file).unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(folder.path(), 0o755);
        let account = |uid, gid| Account {
            name: "them".to_owned(),
            group: "theirs".to_owned(),
            uid,
            groups: vec![gid],
        };
        let (stranger, member) = (account(4242, 4242), account(4242, own.gid()));
        for (whose, of_folder, of_file, remedy, why) in [
            (&stranger, 0o711, 0o644, "", "open"),
            (
                &stranger,
                0o700,
                0o644,
                "chmod o+x 'FOLDER/in ner'",
                "the folder",
            ),
            (
                &member,
                0o700,
                0o644,
                "chmod g+x 'FOLDER/in ner'",
                "of the group",
            ),
            (
                &stranger,
                0o711,
                0o600,
                "chgrp theirs 'FOLDER/in ner/key' && chmod g+r 'FOLDER/in ner/key'",
                "the file",
            ),
            (
                &member,
                0o711,
                0o600,
                "chmod g+r 'FOLDER/in ner/key'",
                "one of the group",
            ),
        ] {
            set(&file, of_file);
            set(&inner, of_folder);
            let found = whose.obstacle(&file, Want::Read);
            let found = found
                .map(|obstacle| obstacle.remedy(whose))
                .unwrap_or_default();
            let folder = fs::canonicalize(folder.path()).unwrap();
            let found = found.replace(&folder.display().to_string(), "FOLDER");
            assert_eq!(found, remedy, "{why}");
        }
        set(&inner, 0o700);
    }
}
