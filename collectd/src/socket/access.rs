//! Who may send to a socket: its owner, group and mode.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use nix::unistd::{Gid, Group, Uid, User, chown};

use super::SocketError;

/// Who may send.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `socketuser`.
    pub user: Option<String>,
    /// `socketgroup`.
    pub group: Option<String>,
    /// `socketmode`; when not set, the umask decides as it does for any file.
    pub mode: Option<u32>,
}

/// The numbers of user and group; `None` stays as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    user: Option<Uid>,
    group: Option<Gid>,
}

impl Access {
    /// Looks up the user and the group that the socket at `path` is to have.
    pub(super) fn owner(&self, path: &Path) -> Result<Owner, SocketError> {
        let missing = |what, name: &str| SocketError::NoSuchOwner {
            path: path.into(),
            what,
            name: name.into(),
        };
        let user = |name: &String| match name.parse() {
            Ok(number) => Ok(Uid::from_raw(number)),
            Err(_) => User::from_name(name)
                .map_err(SocketError::failed(path, "look its user up"))?
                .map(|user| user.uid)
                .ok_or_else(|| missing("user", name)),
        };
        let group = |name: &String| match name.parse() {
            Ok(number) => Ok(Gid::from_raw(number)),
            Err(_) => Group::from_name(name)
                .map_err(SocketError::failed(path, "look its group up"))?
                .map(|group| group.gid)
                .ok_or_else(|| missing("group", name)),
        };
        Ok(Owner {
            user: self.user.as_ref().map(user).transpose()?,
            group: self.group.as_ref().map(group).transpose()?,
        })
    }
}

impl Owner {
    /// Gives the file its owner, then its mode.
    pub(super) fn apply(self, path: &Path, mode: Option<u32>) -> io::Result<()> {
        if self.user.is_some() || self.group.is_some() {
            chown(path, self.user, self.group)?;
        }
        match mode {
            Some(mode) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
            None => Ok(()),
        }
    }
}
