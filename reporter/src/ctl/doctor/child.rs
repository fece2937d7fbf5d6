//! This program once more, as another user: the kernel's own answer to what that user may do.
//!
//! The child is started by root with words that no user types, gives up all rights for good, and only then looks at anything.

use std::{
    env,
    ffi::{CString, OsString},
    fs, io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use nix::unistd::{Uid, User, chroot, getgrouplist, setgid, setgroups, setuid};
use serde_json::Value;
use tlsrptd_config::{Start, ctl};
use tlsrptd_service::program::{self, Running};
use tokio::{io::AsyncReadExt as _, runtime::Runtime, time::timeout};

use crate::answers::doctor::{self, Account, Eyes, Finding, SendAs, Sight, Viewer};

/// The first word of a child. It is no command.
const CHILD: &str = "--doctor-child";
const REPORTER: &str = "reporter";
const SEND: &str = "send";
/// All checks together, each of which is bounded, take less.
const WAIT: Duration = Duration::from_secs(240);
const MAX_ANSWER: u64 = 4 << 20;
/// The `PATH` of a service (systemd.exec(5)).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What of our environment a service may have too.
const KEPT: [&str; 3] = ["RES_OPTIONS", "TZ", "LD_LIBRARY_PATH"];

/// Does a child's errand, if we are one; the exit code then.
pub fn as_another_user(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Option<ExitCode> {
    let mut words = arguments.into_iter();
    if words.next()? != CHILD {
        return None;
    }
    let kind = words.next()?;
    let user = words.next()?.into_string().ok()?;
    let answer = match kind.to_str()? {
        REPORTER => reporter(&user, words, environment),
        SEND => send(&user, words),
        _ => return None,
    };
    println!("{answer}");
    Some(ExitCode::SUCCESS)
}

/// The reporter's part, with this user's rights from before the configuration is read.
fn reporter(
    user: &str,
    mut words: impl Iterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Value {
    let config_file = words
        .next()
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let json = |findings: Vec<Finding>| findings.iter().map(Finding::json).collect();
    if let Err(error) = become_user(user, None) {
        return json(vec![unseen(user, &error)]);
    }
    if let Some(unread) = config_file.as_deref().and_then(unreadable) {
        return json(vec![unread]);
    }
    let settings = match ctl::load(words, environment) {
        Start::Run(settings) => settings.values,
        Start::Done { stderr, .. } => return json(vec![unseen(user, stderr.trim())]),
    };
    match super::runtime() {
        Ok(runtime) => json(doctor::reporter(
            &settings.reportd,
            config_file.as_deref(),
            Viewer::Service,
            &runtime,
        )),
        Err(error) => json(vec![unseen(user, &error.to_string())]),
    }
}

/// Root could read it; the service cannot.
fn unreadable(file: &Path) -> Option<Finding> {
    let error = fs::File::open(file).err()?;
    let account = Account::ours();
    let finding = format!(
        "{}: {} cannot read it: {error}",
        file.display(),
        account.name
    );
    let group = &account.group;
    let remedy = format!("chgrp {group} {0} && chmod 0640 {0}", file.display());
    Some(Finding::fail("configuration", finding, remedy))
}

/// Whether a datagram would be taken. Nothing is sent.
fn send(user: &str, mut words: impl Iterator<Item = OsString>) -> Value {
    let failed = |error: String| Value::from(format!("unknown {error}"));
    let (Some(folder), Some(is_chroot), Some(socket)) = (words.next(), words.next(), words.next())
    else {
        return failed("no words".to_owned());
    };
    let folder = PathBuf::from(folder);
    let root = (is_chroot == "chroot").then_some(folder.as_path());
    if let Err(error) = env::set_current_dir(&folder) {
        return failed(format!("{}: {error}", folder.display()));
    }
    if let Err(error) = become_user(user, root) {
        return failed(error);
    }
    let connected = UnixDatagram::unbound().and_then(|unbound| unbound.connect(&socket));
    Value::from(match connected {
        Ok(()) => "open".to_owned(),
        Err(error) => match error.kind() {
            io::ErrorKind::PermissionDenied => "denied".to_owned(),
            io::ErrorKind::ConnectionRefused => "refused".to_owned(),
            _ => format!("failed {error}"),
        },
    })
}

fn sight(said: &str) -> Sight {
    match said.split_once(' ') {
        None if said == "open" => Sight::Open,
        None if said == "denied" => Sight::Denied,
        None if said == "refused" => Sight::Refused,
        Some(("failed", why)) => Sight::Failed(why.to_owned()),
        Some(("unknown", why)) => Sight::Unknown(why.to_owned()),
        _ => Sight::Unknown("it did not say".to_owned()),
    }
}

/// Gives up root's rights for good: groups, group, user.
fn become_user(name: &str, root: Option<&Path>) -> Result<(), String> {
    let told = |error: nix::Error| error.to_string();
    let user = User::from_name(name).map_err(told)?;
    let user = user.ok_or("there is no such user on this host")?;
    let c_name = CString::new(name).map_err(|error| error.to_string())?;
    let groups = getgrouplist(&c_name, user.gid).map_err(told)?;
    if let Some(root) = root {
        chroot(root).map_err(told)?;
        env::set_current_dir("/").map_err(|error| error.to_string())?;
    }
    setgroups(&groups).map_err(told)?;
    setgid(user.gid).map_err(told)?;
    setuid(user.uid).map_err(told)?;
    match user.uid.is_root() || setuid(Uid::from_raw(0)).is_err() {
        true => Ok(()),
        false => Err("root's rights came back".to_owned()),
    }
}

/// What the reporter needs, as this user sees it.
///
/// # Errors
/// With the finding that it could not be seen.
pub(super) fn ask_as(
    user: &str,
    config_file: Option<&Path>,
    runtime: &Runtime,
) -> Result<Vec<Finding>, Vec<Finding>> {
    let file = config_file.map(Path::as_os_str).unwrap_or_default();
    let mut words = vec![REPORTER.into(), user.into(), file.to_owned()];
    words.extend(env::args_os().skip(1));
    let unseen = |why: &str| vec![unseen(user, why)];
    match ask(user, &words, runtime) {
        Ok(Value::Array(findings)) => {
            let findings: Option<Vec<Finding>> = findings.iter().map(Finding::of_json).collect();
            findings.ok_or_else(|| unseen("it did not say"))
        }
        Ok(_) => Err(unseen("it did not say")),
        Err(error) => Err(unseen(&error)),
    }
}

fn unseen(user: &str, why: &str) -> Finding {
    Finding::unknown(
        "user",
        format!("cannot look as {user}: {why}"),
        format!("runuser -u {user} -- tlsrptctl doctor"),
    )
}

/// How other users see sockets.
pub(super) struct Children<'a> {
    pub(super) runtime: &'a Runtime,
}

impl Eyes for Children<'_> {
    fn send_as(&self, who: &SendAs) -> Sight {
        if !Uid::effective().is_root() {
            return Sight::Unknown("only root can try it".to_owned());
        }
        let standing = match who.chroot {
            true => "chroot",
            false => "no-chroot",
        };
        let words = [
            SEND.into(),
            who.user.clone().into(),
            who.folder.clone().into_os_string(),
            standing.into(),
            who.socket.clone().into_os_string(),
        ];
        match ask(&who.user, &words, self.runtime) {
            Ok(Value::String(said)) => sight(&said),
            Ok(_) => sight(""),
            Err(error) => Sight::Unknown(error),
        }
    }
}

/// Starts a child and reads its answer, in bounded time.
fn ask(user: &str, words: &[OsString], runtime: &Runtime) -> Result<Value, String> {
    let command = command(user, words);
    let answer = async {
        let told = |error: io::Error| error.to_string();
        let mut running = Running::start(command, Stdio::null(), Stdio::piped()).map_err(told)?;
        let mut output = Vec::new();
        if let Some(stdout) = running.stdout() {
            let read = stdout.take(MAX_ANSWER).read_to_end(&mut output).await;
            read.map_err(told)?;
        }
        let status = running.wait().await.map_err(told)?;
        match status.success() {
            true => serde_json::from_slice(&output).map_err(|error| error.to_string()),
            false => Err(format!("{status}: {}", running.last_words().await)),
        }
    };
    match runtime.block_on(async { timeout(WAIT, answer).await }) {
        Ok(answer) => answer,
        Err(_) => Err(format!("no end within {} s", WAIT.as_secs())),
    }
}

/// With the environment of a service of that user, and our own settings.
fn command(user: &str, words: &[OsString]) -> Command {
    // The file that runs now, whatever stands under its name meanwhile.
    let mut command = program::command("/proc/self/exe");
    command.arg(CHILD).args(words).env_clear();
    command
        .env("PATH", PATH)
        .env("USER", user)
        .env("LOGNAME", user);
    if let Ok(Some(user)) = User::from_name(user) {
        command.env("HOME", user.dir);
    }
    let is_kept = |name: &str| name.starts_with("TLSRPT_") || KEPT.contains(&name);
    let kept = env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept));
    command.envs(kept);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_says() {
        for (said, want) in [
            ("open", Sight::Open),
            ("denied", Sight::Denied),
            ("refused", Sight::Refused),
            (
                "failed no such file",
                Sight::Failed("no such file".to_owned()),
            ),
            ("unknown x y", Sight::Unknown("x y".to_owned())),
            ("", Sight::Unknown("it did not say".to_owned())),
        ] {
            assert_eq!(sight(said), want);
        }
    }

    #[test]
    fn nobody_else_is_a_child() {
        for words in [
            &[][..],
            &["doctor"],
            &["--doctor-child"],
            &["--doctor-child", "x", "root"],
        ] {
            let words = words.iter().map(OsString::from);
            assert!(as_another_user(words, []).is_none());
        }
    }
}
