use std::os::unix::net::UnixDatagram;

use super::*;
use crate::answers::doctor::{
    collector::CollectorSettings,
    host::{HostPrograms, NotSaid},
    postfix::{self, instance},
};

struct Postconf(String, &'static str);

impl HostPrograms for Postconf {
    fn ask(&self, _: &str, arguments: &[&str]) -> Result<String, NotSaid> {
        Ok(match arguments.contains(&"-M") {
            true => self.1.to_owned(),
            false => self.0.clone(),
        })
    }
}

struct Fixed(Sight);

impl Eyes for Fixed {
    fn send_as(&self, _: &SendAs) -> Sight {
        self.0.clone()
    }
}

fn collectd(socket: &Path) -> Collectd {
    let arguments = [
        "--storage",
        "dummy:",
        "--socketname",
        &socket.display().to_string(),
    ];
    match tlsrptd_config::collectd::load(arguments.iter().map(Into::into), []) {
        tlsrptd_config::Start::Run(settings) => settings.values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_it_leads() {
    const CHROOT: &str = "smtp unix - - y - - smtp\nrelay unix - - y - - smtp";
    const PLAIN: &str = "smtp unix - - n - - smtp";
    const DEFAULT: &str = "smtp unix - - - - - smtp";
    const QUIET: &str = "smtp unix - - n - - smtp -o smtp_tlsrpt_enable=no";
    let queue = tempfile::tempdir().unwrap();
    let socket = queue.path().join("run");
    let _end = UnixDatagram::bind(&socket).unwrap();
    let absolute = socket.display().to_string();
    let settings = CollectorSettings::Found("/x.cfg".into(), Box::new(collectd(&socket)));
    let CollectorSettings::Found(_, collector) = &settings else {
        panic!()
    };
    #[rustfmt::skip]
    let rows = [
        ("run", "yes", PLAIN, Sight::Open, "ok may send", "relative"),
        ("run", "yes", CHROOT, Sight::Open, "ok smtp/unix, relay/unix (in the chroot)", "relative, in the chroot"),
        ("/run", "yes", CHROOT, Sight::Open, "ok may send", "absolute, as seen in the chroot"),
        (absolute.as_str(), "yes", PLAIN, Sight::Open, "ok may send", "absolute"),
        (absolute.as_str(), "yes", CHROOT, Sight::Open, "fail leads to", "not seen from the chroot"),
        ("other", "yes", PLAIN, Sight::Open, "fail leads to", "another name"),
        ("", "yes", PLAIN, Sight::Open, "fail not set", "none"),
        ("run", "no", PLAIN, Sight::Open, "fail tells nothing", "off"),
        ("run", "yes", QUIET, Sight::Open, "fail tells nothing", "off for its only client"),
        ("run", "yes", DEFAULT, Sight::Open, "ok (no chroot)", "the default since 3.0"),
        ("run", "yes", PLAIN, Sight::Refused, "fail nobody listens", "no collector"),
        ("run", "yes", PLAIN, Sight::Denied, "fail may not send", "rights"),
        ("run", "yes", PLAIN, Sight::Unknown("x".to_owned()), "unknown whether", "not root"),
    ];
    for (name, enable, services, sight, want, why) in rows {
        let said = format!(
            "mail_version = 3.10.13\nqueue_directory = {}\nmail_owner = root\ncompatibility_level = 3.9\nsmtp_tlsrpt_enable = {enable}\nsmtp_tlsrpt_socket_name = {name}\n",
            queue.path().display()
        );
        let (host, eyes) = (Postconf(said, services), Fixed(sight));
        let looking = CollectorLooking {
            settings: &settings,
            host: &host,
            eyes: &eyes,
        };
        let instance = instance(&looking, None).unwrap();
        let found = check(&looking, Path::new("/x.cfg"), collector, &instance);
        let (level, words) = want.split_once(' ').unwrap();
        assert_eq!(found.len(), 1, "{why}: {found:?}");
        assert_eq!(found[0].level.word(), level, "{why}: {found:?}");
        assert!(found[0].finding.contains(words), "{why}: {found:?}");
        let needs_remedy = level != "ok";
        assert_eq!(
            !found[0].remedy.is_empty(),
            needs_remedy,
            "{why}: {found:?}"
        );
    }
    for said in [
        "",
        "rubbish = 1",
        "\u{fffd}\u{202e}=x\nmail_version = 3.10.13",
    ] {
        let (host, eyes) = (Postconf(said.to_owned(), PLAIN), Fixed(Sight::Open));
        let looking = CollectorLooking {
            settings: &settings,
            host: &host,
            eyes: &eyes,
        };
        let found = postfix::check(&looking, Path::new("/x.cfg"), collector);
        assert!(
            found[0].finding.contains("nothing that can be used"),
            "{found:?}"
        );
    }
}
