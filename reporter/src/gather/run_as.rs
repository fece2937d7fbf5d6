//! As whom fetchers run.

use std::{
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Uid, User};
use tlsrptd_config::{option::Program, reportd::Reportd, service_view::ServiceView};

/// The user that a fetcher is started as. The daemon is that user; root, who asks by hand, has neither its keys for ssh nor
/// any need to run programs with all rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunAs {
    /// Whoever we are.
    #[default]
    Ourselves,
    /// Another one, as only root can.
    User {
        /// Its number.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its name.
        name: String,
        /// Its folder.
        home: PathBuf,
    },
}

impl RunAs {
    /// The service's user: the owner of the reporter's database, or that of the unit where the database is no file.
    pub fn of(settings: &Reportd) -> RunAs {
        match settings.database_file() {
            Some(file) => RunAs::owner_of(file),
            None => {
                let service = ServiceView::of(Program::Reportd, None);
                RunAs::named(service.user())
            }
        }
    }

    /// The owner of the reporter's database, or of the folder where it will be.
    fn owner_of(database: &Path) -> RunAs {
        if !Uid::effective().is_root() {
            return RunAs::Ourselves;
        }
        let places = [Some(database), database.parent()];
        let owner = places
            .into_iter()
            .flatten()
            .find_map(|place| place.metadata().ok());
        let owner = owner
            .map(|found| Uid::from_raw(found.uid()))
            .filter(|uid| !uid.is_root());
        RunAs::user(owner.and_then(|uid| User::from_uid(uid).ok().flatten()))
    }

    fn named(name: Option<&str>) -> RunAs {
        RunAs::user(name.and_then(|name| User::from_name(name).ok().flatten()))
    }

    fn user(user: Option<User>) -> RunAs {
        match user {
            Some(user) => RunAs::User {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                name: user.name,
                home: user.dir,
            },
            None => RunAs::Ourselves,
        }
    }

    /// Lets a program run so. Groups beside that of the user are given up.
    pub(super) fn apply(&self, command: &mut Command) {
        if let RunAs::User {
            uid,
            gid,
            name,
            home,
        } = self
        {
            command.uid(*uid).gid(*gid);
            command
                .env("HOME", home)
                .env("USER", name)
                .env("LOGNAME", name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_lets_the_owner_of_the_database_ask() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("db");
        assert_eq!(
            RunAs::owner_of(&database),
            RunAs::Ourselves,
            "there is none, and the folder is ours"
        );
        std::fs::write(&database, "").unwrap();
        assert_eq!(RunAs::owner_of(&database), RunAs::Ourselves, "it is ours");
        let nobody = User::from_name("nobody").unwrap();
        let (true, Some(nobody)) = (Uid::effective().is_root(), nobody) else {
            return;
        };
        std::os::unix::fs::chown(&database, Some(nobody.uid.as_raw()), None).unwrap();
        let run_as = RunAs::owner_of(&database);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo $(id -u) $(id -G) $USER"]);
        run_as.apply(&mut command);
        let said = command.output().unwrap();
        let want = format!("{} {} nobody\n", nobody.uid, nobody.gid);
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            want,
            "with no group of ours"
        );
    }
}
