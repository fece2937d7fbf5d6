//! docs/several-hosts.md over a real ssh and sshd: the lines of the page, and all that a reporter's host asks of another.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta;
use tlsrptd_tests::harness::program::Program;
use tlsrptd_tests::harness::running::Running;
use tlsrptd_tests::harness::skip::or_skip;

const TXT: &str = "v=TLSRPTv1; rua=mailto:tls@reports.test";
const SSHD: &str = "/usr/sbin/sshd";

/// The indented lines of the page, from the one that begins so to the next empty one.
fn lines<'p>(page: &'p str, begin: &str) -> Vec<&'p str> {
    let lines = page
        .lines()
        .skip_while(|line| !line.trim_start().starts_with(begin));
    let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    assert!(!lines.is_empty(), "{begin} is not on the page");
    lines
}

/// mx2 behind ssh. Its sshd is started by ssh itself, in place of a connection: no port is needed.
struct Mx2 {
    lab: Lab,
    collectd: Running,
    page: String,
}

impl Mx2 {
    fn or_skip() -> Option<Mx2> {
        let is_here = |program: &str| Path::new(program).exists();
        let is_here = is_here(SSHD) && is_here("/usr/bin/ssh");
        or_skip(
            is_here.then_some(()),
            "there is no sshd (apt-get install openssh-server)",
        )?;
        if nix::unistd::geteuid().is_root() {
            // Its service makes it.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/several-hosts.md");
        let lab = Lab::new();
        let collectd = lab.collectd();
        let collectd = collectd.set("observation_socket", lab.file("observe").display());
        let mx2 = Mx2 {
            collectd: lab.start_ready(&collectd),
            page: fs::read_to_string(page).unwrap(),
            lab,
        };
        mx2.make_key("id_ed25519");
        mx2.make_key("host");
        mx2.let_in(&mx2.command_of("restrict,command=", "\" ssh-ed25519"));
        mx2.sshd();
        mx2.client();
        Some(mx2)
    }

    fn file(&self, name: &str) -> String {
        self.lab.file(name).display().to_string()
    }

    fn make_key(&self, name: &str) {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f", &self.file(name)])
            .status();
        assert!(made.unwrap().success());
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.file(name), private).unwrap();
    }

    /// What stands between these words on the page, with the fetcher of here.
    fn command_of(&self, begin: &str, end: &str) -> String {
        let command = self.page.split(begin).nth(1).unwrap();
        let command = command.split(end).next().unwrap().trim_start_matches('"');
        let socket = self.file("observe");
        let fetcher = self.lab.fetcher().set("observation_socket", socket);
        command.replace("/usr/bin/tlsrpt-fetcher", &fetcher.command_line())
    }

    fn let_in(&self, command: &str) {
        let key = fs::read_to_string(self.file("id_ed25519.pub")).unwrap();
        let line = format!("restrict,command=\"{command}\" {key}");
        fs::write(self.file("authorized_keys"), line).unwrap();
    }

    fn sshd(&self) {
        let user = user();
        let of_page = lines(&self.page, "Match User tlsrpt").join("\n");
        let of_page = of_page
            .replace("/etc/ssh/authorized_keys/%u", &self.file("authorized_keys"))
            .replace("User tlsrpt", &format!("User {user}"));
        let text = format!(
            "HostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n{of_page}\n",
            self.file("host")
        );
        fs::write(self.file("sshd_config"), text).unwrap();
    }

    fn client(&self) {
        let of_page = lines(&self.page, "Host mx2 mx3").join("\n");
        let of_page = of_page
            .replace("/etc/tlsrpt/ssh", &self.lab.folder().display().to_string())
            .replace("User tlsrpt", &format!("User {}", user()));
        let text = format!(
            "{of_page}\nProxyCommand {SSHD} -i -f {} -E {}\n",
            self.file("sshd_config"),
            self.file("sshd.log")
        );
        fs::write(self.file("ssh_config"), text).unwrap();
        let host = fs::read_to_string(self.file("host.pub")).unwrap();
        fs::write(self.file("known_hosts"), format!("mx2.example.com {host}")).unwrap();
    }

    /// As `fetchers` has it on the page.
    fn fetcher(&self) -> String {
        let line = lines(&self.page, "ssh -F /etc/tlsrpt/ssh/config mx2")[0];
        let line = line.trim().trim_end_matches(',');
        line.replace("/etc/tlsrpt/ssh/config", &self.file("ssh_config"))
    }

    /// What it says to these words, and how it ends.
    fn ask(&self, words: &[&str]) -> (Option<i32>, String) {
        let command = self.fetcher();
        let mut asked: Vec<&str> = command.split(' ').collect();
        asked.extend(words);
        let ended = Command::new(asked[0]).args(&asked[1..]).output().unwrap();
        let log = fs::read_to_string(self.file("sshd.log")).unwrap_or_default();
        println!("{words:?}: {}{log}", String::from_utf8_lossy(&ended.stderr));
        (
            ended.status.code(),
            String::from_utf8(ended.stdout).unwrap(),
        )
    }

    fn ctl(&self, words: &[&str]) -> String {
        let ctl: Program = self.lab.full_ctl().set("fetchers", self.fetcher());
        words
            .iter()
            .fold(ctl, |ctl, word| ctl.arg(word))
            .run()
            .stdout
    }
}

fn user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    user.unwrap().unwrap().name
}

#[test]
fn a_fetcher_through_ssh_as_the_page_says() {
    let Some(mx2) = Mx2::or_skip() else {
        return;
    };
    let lab = &mx2.lab;
    lab.dns.tlsrpt("a.test", TXT);
    lab.mta().send(&mta::failure("a.test", TXT, 203));
    lab.wait_for_sessions(&lab.collectd_db(), 1);

    let (code, status) = mx2.ask(&["status"]);
    let pid = format!("\"pid\":{}", mx2.collectd.pid());
    assert!(code == Some(0) && status.contains(&pid), "{status}");
    let (code, today) = mx2.ask(&["today", "."]);
    assert!(code == Some(0) && today.ends_with("\n. 1\n"), "{today}");
    for (words, part) in [
        (&["deliveries", "today"][..], "mailto:tls@reports.test"),
        (
            &["show", "a.test", "today"],
            "Sessions:        1, 1 of them failed",
        ),
        (&["doctor"], &format!("`{}` answers", mx2.fetcher())),
    ] {
        let told = mx2.ctl(words);
        assert!(told.contains(part), "{words:?}: {told}");
    }

    lab.close_day(&mx2.collectd, 1);
    let day = lab.day();
    let here = lab.fetcher().arg(&day).arg("a.test").run().success();
    assert_eq!(mx2.ask(&[&day, "a.test"]), (Some(0), here.stdout));
    let reportd = lab.reportd().set("fetchers", mx2.fetcher()).start();
    assert_eq!(lab.smtp.wait_for_mails(1)[0].to, ["tls@reports.test"]);
    reportd.stop().success();

    // The key that is to ask for closed days alone.
    mx2.let_in(&mx2.command_of("closed days alone has `", "`."));
    assert_eq!(mx2.ask(&["today", "."]), (Some(1), String::new()));
    assert_eq!(mx2.ask(&["status"]), (Some(1), String::new()));
    let (code, list) = mx2.ask(&[&day]);
    assert!(code == Some(0) && list.ends_with("\na.test\n.\n"), "{list}");
    assert_eq!(mx2.ask(&["--help"]).0, Some(2), "no option");
}
