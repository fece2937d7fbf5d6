//! Who may do what we may not.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use nix::unistd::{AccessFlags, Gid, Group, Uid, User, eaccess};

/// What keeps us from reading a file, or from writing it, and who may; `None` when nothing does.
pub fn denied(path: &Path, write: bool) -> Option<String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut steps: Vec<&Path> = path.ancestors().collect();
    steps.reverse();
    for step in steps {
        let want = match (step == path, write) {
            (false, _) => AccessFlags::X_OK,
            (true, false) => AccessFlags::R_OK,
            (true, true) => AccessFlags::R_OK | AccessFlags::W_OK,
        };
        match eaccess(step, want) {
            Ok(()) => {}
            Err(nix::Error::EACCES) => return Some(owned(step, want)),
            Err(_) => return None,
        }
    }
    None
}

/// An error about a file as it is; when that is a lack of rights, who has them.
pub fn explained(path: &Path, error: &io::Error) -> String {
    let who = match error.kind() {
        io::ErrorKind::PermissionDenied => denied(path, false),
        _ => None,
    };
    match who {
        Some(who) => format!("{error}: {who}"),
        None => error.to_string(),
    }
}

/// The same of a file that is to be written or made.
pub fn explained_writing(path: &Path, error: &io::Error) -> String {
    let folder = || denied(path.parent()?, true);
    let who = match error.kind() {
        io::ErrorKind::PermissionDenied => denied(path, true).or_else(folder),
        _ => None,
    };
    match who {
        Some(who) => format!("{error}: {who}"),
        None => error.to_string(),
    }
}

fn owned(path: &Path, want: AccessFlags) -> String {
    let Ok(file) = fs::metadata(path) else {
        return format!(
            "{} is closed to us (allowed: run it as root)",
            path.display()
        );
    };
    let owner = user_name(file.uid());
    let group = group_name(file.gid());
    let mode = file.permissions().mode() & 0o7777;
    // The three bits of the group: who may read may not write yet.
    let missing = want.bits().cast_unsigned() & !(mode >> 3);
    let members = match missing {
        0 => format!(", or as a member of the group {group}"),
        _ => String::new(),
    };
    let others = if owner == "root" {
        String::new()
    } else {
        format!(" or {owner}")
    };
    format!(
        "{} belongs to {owner}:{group}, mode {mode:04o} (allowed: run it as root{others}{members})",
        path.display()
    )
}

pub(super) fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or(uid.to_string(), |user| user.name)
}

pub(super) fn group_name(gid: u32) -> String {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    group.map_or(gid.to_string(), |group| group.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_named_when_it_may() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (read, both) = (AccessFlags::R_OK, AccessFlags::R_OK | AccessFlags::W_OK);
        for (mode, want, named, why) in [
            (0o640, read, true, "it may read"),
            (0o640, both, false, "it may read, not write"),
            (0o660, both, true, "it may do both"),
            (0o604, read, false, "others may"),
            (0o740, AccessFlags::X_OK, false, "it may not pass"),
            (0o710, AccessFlags::X_OK, true, "it may pass"),
            (0o750, read, true, "it may read, and pass"),
        ] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let told = owned(file.path(), want);
            assert_eq!(
                told.contains("a member of the group"),
                named,
                "{why}: {told}"
            );
        }
    }
}
