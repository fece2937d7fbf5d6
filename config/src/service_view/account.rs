//! What a user may do with a file, by owner, group and mode of all that leads there.

use std::{
    ffi::CString,
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::{
    Refusal, Want,
    denied::{group_name, user_name},
};

/// One of the numbers that systemd takes for such users; nobody has it for long.
const DYNAMIC: u32 = 61_184;

/// A user and all its groups.
#[derive(Clone, Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Account {
    pub(super) fn named(name: &str) -> Option<Account> {
        let by_number = || User::from_uid(Uid::from_raw(name.parse().ok()?)).ok()?;
        User::from_name(name).ok()?.or_else(by_number).map(of_user)
    }

    /// A user that the service manager makes up while the service runs (`DynamicUser=`): what it may, it may by its groups.
    pub(super) fn made_up(name: &str, groups: &[String]) -> Account {
        let mut account = Account {
            name: name.to_owned(),
            uid: DYNAMIC,
            gid: DYNAMIC,
            groups: Vec::new(),
        }
        .in_groups(groups);
        account.gid = account.groups.first().copied().unwrap_or(DYNAMIC);
        account
    }

    /// Whose a file is, or the directory that it will be in.
    pub(super) fn owner(path: &Path) -> Option<Account> {
        let file = fs::metadata(path).or_else(|_| fs::metadata(path.parent().unwrap_or(path)));
        let uid = Uid::from_raw(file.ok()?.uid());
        User::from_uid(uid).ok()?.map(of_user)
    }

    /// In these groups too, by name or number.
    pub(super) fn in_groups(mut self, names: &[String]) -> Account {
        for name in names {
            let group = Group::from_name(name).ok().flatten();
            let gid = group.map(|group| group.gid.as_raw());
            self.groups.extend(gid.or_else(|| name.parse().ok()));
        }
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// What stands in the way, the first of it.
    pub(super) fn refused(&self, path: &Path, want: Want) -> Option<Refusal> {
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut folders: Vec<&Path> = whole.ancestors().skip(1).collect();
        folders.reverse();
        let steps = folders.into_iter().map(|folder| (folder, Want::Pass));
        for (step, want) in steps.chain([(whole.as_path(), want)]) {
            let Ok(file) = fs::metadata(step) else {
                continue;
            };
            if !self.may(&file, want) && !self.may_really(step, want) {
                return Some(Refusal {
                    path: step.to_owned(),
                    want,
                    why: self.why(&file, want),
                });
            }
        }
        None
    }

    fn may(&self, file: &fs::Metadata, want: Want) -> bool {
        let bit = match want {
            Want::Read => 4,
            Want::Write => 2,
            Want::Pass => 1,
        };
        let shift = if file.uid() == self.uid {
            6
        } else if self.groups.contains(&file.gid()) {
            3
        } else {
            0
        };
        file.permissions().mode() >> shift & bit != 0
    }

    /// An access list may say more than the mode: the kernel is asked, as this user. That takes root.
    fn may_really(&self, path: &Path, want: Want) -> bool {
        let flag = match want {
            Want::Read => "-r",
            Want::Write => "-w",
            Want::Pass => "-x",
        };
        let mut test = Command::new("test");
        test.arg(flag).arg(path).uid(self.uid).gid(self.gid);
        let status = test.stdin(Stdio::null()).stderr(Stdio::null()).status();
        Uid::effective().is_root() && status.is_ok_and(|status| status.success())
    }

    fn why(&self, file: &fs::Metadata, want: Want) -> String {
        let (owner, group) = (user_name(file.uid()), group_name(file.gid()));
        let own = group_name(self.gid);
        let mode = match (want, file.is_dir()) {
            (Want::Read, _) => "g+r",
            (Want::Write, true) => "g+wx",
            (Want::Write, false) => "g+w",
            (Want::Pass, _) => "g+x",
        };
        format!(
            "the service's user {} has no right to ({owner}:{group}, mode {:04o}; allowed: chgrp {own} and chmod {mode})",
            self.name,
            file.permissions().mode() & 0o7777
        )
    }
}

fn of_user(user: User) -> Account {
    let name = CString::new(user.name.clone()).unwrap_or_default();
    let groups = getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    Account {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
    }
}
