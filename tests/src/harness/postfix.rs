//! A real Postfix of its own configuration, queue and port, as relay or as receiver.
//!
//! Debian's, unpacked and not installed: other tests want a machine without one. `.ci/run` puts it under `target/postfix`;
//! by hand: `apt-get download postfix && dpkg -x postfix_*.deb target/postfix`.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Group, Pid, User, geteuid};

use super::places;
use super::skip::{or_skip, skip};
use super::wait::until_true;

/// Its users have to differ: of the queue, of what it runs, of the group that may submit. Debian has these everywhere.
const OWNER: &str = "daemon";
/// Who runs what pipe(8) starts.
pub const PIPE_USER: &str = "nobody";
const SUBMITTERS: &str = "mail";

/// Debian's master.cf, as far as it is needed, and nothing in a chroot.
const SERVICES: &str = "\
cleanup   unix  n  -  n  -    0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -    -  trivial-rewrite
bounce    unix  -  -  n  -    0  bounce
defer     unix  -  -  n  -    0  bounce
trace     unix  -  -  n  -    0  bounce
smtp      unix  -  -  n  -    -  smtp
relay     unix  -  -  n  -    -  smtp
error     unix  -  -  n  -    -  error
retry     unix  -  -  n  -    -  error
discard   unix  -  -  n  -    -  discard
postlog   unix-dgram n - n  -    1  postlogd
";

/// A Postfix at work; it ends with this.
#[derive(Debug)]
pub struct Postfix {
    folder: PathBuf,
    address: SocketAddr,
    master: Child,
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct PostfixPrograms(PathBuf);

impl PostfixPrograms {
    /// Debian's, or the test is skipped by name.
    pub fn or_skip() -> Option<PostfixPrograms> {
        let root = places::target().join("postfix");
        let master = root.join("usr/lib/postfix/sbin/master");
        let missing = "Postfix is not unpacked (apt-get download postfix && dpkg -x postfix_*.deb target/postfix)";
        or_skip(master.exists().then_some(()), missing)?;
        if !geteuid().is_root() {
            skip("Postfix begins as root");
            return None;
        }
        Some(PostfixPrograms(root.join("usr/lib/postfix")))
    }

    /// Starts one in a folder of its own, with these lines more in main.cf and in master.cf.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self, folder: &Path, main: &str, services: &str) -> Postfix {
        let owner = User::from_name(OWNER)
            .ok()
            .flatten()
            .expect("Debian has it");
        let group = Group::from_name(SUBMITTERS)
            .ok()
            .flatten()
            .expect("Debian has it");
        for name in ["config", "data", "queue"] {
            fs::create_dir_all(folder.join(name)).expect("the test's folder can be written");
        }
        let (uid, gid) = (owner.uid.as_raw(), group.gid.as_raw());
        chown(folder.join("data"), Some(uid), None).expect("root may");
        for (name, mode, group) in [
            ("active", 0o700, None),
            ("bounce", 0o700, None),
            ("corrupt", 0o700, None),
            ("defer", 0o700, None),
            ("deferred", 0o700, None),
            ("flush", 0o700, None),
            ("hold", 0o700, None),
            ("incoming", 0o700, None),
            ("private", 0o700, None),
            ("saved", 0o700, None),
            ("trace", 0o700, None),
            ("maildrop", 0o730, Some(gid)),
            ("public", 0o710, Some(gid)),
        ] {
            let path = folder.join("queue").join(name);
            fs::create_dir_all(&path).expect("the test's folder can be written");
            chown(&path, Some(uid), group).expect("root may");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("root may");
        }
        fs::create_dir_all(folder.join("queue/pid")).expect("the test's folder can be written");
        let address = free_port();
        let master = format!("{address} inet n - n - - smtpd\n{SERVICES}{services}");
        fs::write(folder.join("config/master.cf"), master)
            .expect("the test's folder can be written");
        let main = format!("{}{main}", self.main(folder));
        fs::write(folder.join("config/main.cf"), main).expect("the test's folder can be written");
        let master = Command::new(self.0.join("sbin/master"))
            .args(["-d", "-c"])
            .arg(folder.join("config"))
            .env_clear()
            .env("LD_LIBRARY_PATH", &self.0)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            // It ends its process group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Postfix starts");
        let postfix = Postfix {
            folder: folder.to_owned(),
            address,
            master,
        };
        until_true("Postfix's greeting", || {
            let stream = TcpStream::connect(address).ok();
            let mut line = String::new();
            let read = stream.and_then(|stream| BufReader::new(stream).read_line(&mut line).ok());
            read.is_some() && line.starts_with("220")
        });
        postfix
    }

    fn main(&self, folder: &Path) -> String {
        let (programs, folder) = (self.0.display(), folder.display());
        format!(
            "compatibility_level = 3.6\n\
             daemon_directory = {programs}/sbin\n\
             shlib_directory = {programs}\n\
             command_directory = {programs}/sbin\n\
             meta_directory = {folder}/config\n\
             queue_directory = {folder}/queue\n\
             data_directory = {folder}/data\n\
             maillog_file = {folder}/log\n\
             maillog_file_prefixes = {folder}\n\
             mail_owner = {OWNER}\n\
             setgid_group = {SUBMITTERS}\n\
             default_privs = {PIPE_USER}\n\
             import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME LD_LIBRARY_PATH={programs}\n\
             inet_interfaces = 127.0.0.1\n\
             inet_protocols = ipv4\n\
             mynetworks = 127.0.0.0/8\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\n\
             smtpd_client_connection_count_limit = 0\n\
             smtp_dns_support_level = disabled\n\
             smtp_tls_security_level = none\n\
             smtputf8_enable = no\n\
             alias_maps =\n\
             alias_database =\n\
             local_recipient_maps =\n\
             biff = no\n"
        )
    }
}

impl Postfix {
    /// Where it takes mails.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Waits until a line of the log has all these words.
    pub fn wait_for_log(&self, words: &[&str]) {
        let has = |line: &str| words.iter().all(|word| line.contains(word));
        until_true(&format!("{words:?} in Postfix's log"), || {
            self.log().lines().any(has)
        });
    }

    /// Gives it a mail from nobody, as MTAs give bounces.
    ///
    /// # Panics
    /// When it does not take it.
    pub fn give(&self, recipient: &str, mail: &str) {
        let mut stream = TcpStream::connect(self.address).expect("Postfix listens");
        let mut replies = BufReader::new(stream.try_clone().expect("a descriptor more"));
        let mut expect = |code: &str| {
            let mut line = String::new();
            while line.is_empty() || line.as_bytes().get(3) == Some(&b'-') {
                line.clear();
                replies.read_line(&mut line).expect("a reply");
            }
            assert!(line.starts_with(code), "{line}");
        };
        expect("220");
        let data = format!("{}\r\n.\r\n", mail.replace('\n', "\r\n"));
        for (command, code) in [
            ("HELO mx.stranger.example\r\n", "250"),
            ("MAIL FROM:<>\r\n", "250"),
            (&format!("RCPT TO:<{recipient}>\r\n"), "250"),
            ("DATA\r\n", "354"),
            (&data, "250"),
            ("QUIT\r\n", "221"),
        ] {
            stream
                .write_all(command.as_bytes())
                .expect("Postfix listens");
            expect(code);
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The master ends its daemons.
        if let Ok(pid) = i32::try_from(self.master.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.master.wait();
    }
}

/// One that the kernel has chosen.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("loopback has ports")
}
