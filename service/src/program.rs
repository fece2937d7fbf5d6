//! Programs that an operator names: scripts, mail programs, fetchers.
//!
//! Each runs in a process group of its own, so that it can be ended with all that it has started, or left to itself when
//! a terminal or a service manager signals ours.

use std::{ffi::OsStr, os::unix::process::CommandExt as _, process::Command};

#[cfg(feature = "tokio")]
mod running;

#[cfg(feature = "tokio")]
pub use running::Running;

/// What the service manager says in the environment is for this process alone.
const FOR_US_ALONE: [&str; 6] = [
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
];

/// A program to be started, without arguments so far.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.process_group(0);
    for name in FOR_US_ALONE {
        command.env_remove(name);
    }
    command
}

/// A command line for the shell.
pub fn shell(line: &str) -> Command {
    let mut command = command("/bin/sh");
    command.arg("-c").arg(line);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_not_told_what_is_for_us_and_leads_its_group() {
        let mut command = shell(
            "echo \"$NOTIFY_SOCKET,$LISTEN_FDS,$OTHER\"; cut -d' ' -f5 /proc/$$/stat; echo $$",
        );
        let removed: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(removed.len(), FOR_US_ALONE.len());
        let output = command.env("OTHER", "kept").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert_eq!(lines[0], ",,kept");
        assert_eq!(lines[1], lines[2], "the leader of its group");
    }
}
