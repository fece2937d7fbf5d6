//! Mistakes between Postfix and the collector.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use tlsrptd_tests::harness::{
    mta::{self, Mta},
    skip::or_skip,
    wait::until_true,
};

use super::site::{Site, ask, postfix_user};

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_postfix_does_leads_to_the_collector() {
    let site = Site::start();
    let doctor = site.doctor();
    let good = ask(&doctor);
    good.green("socket");
    assert!(good.has("ok", "postfix", "Postfix 3.10.13"), "{good:?}");
    let absolute = site.socket().display().to_string();
    let no_chroot = "smtp unix - - n - - smtp\n";
    let chroot = "smtp unix - - y - - smtp\n";
    #[rustfmt::skip]
    let mistakes = [
        ("run/other.sock", "3.10.13", "", chroot, "leads to", "postconf -e smtp_tlsrpt_socket_name=run/tlsrpt.sock", "wrong path in main.cf"),
        ("", "3.10.13", "", chroot, "is not set", "postconf -e smtp_tlsrpt_socket_name=run/tlsrpt.sock", "no path"),
        (&absolute, "3.10.13", "", chroot, "in the chroot", "postconf -e smtp_tlsrpt_socket_name=run/tlsrpt.sock", "an absolute path in the chroot"),
        ("run/tlsrpt.sock", "3.7.11", "", chroot, "has no TLSRPT", "3.10.5", "Debian 12's Postfix"),
        ("run/tlsrpt.sock", "3.10.2", "", chroot, "answer each other", "loop_guard", "a release with a fault"),
        ("run/tlsrpt.sock", "3.10.13", "smtp_tlsrpt_enable = no\n", chroot, "is not yes", "smtp_tlsrpt_enable=yes", "not switched on"),
        ("run/tlsrpt.sock", "3.10.13", "smtp_tls_security_level =\n", chroot, "without TLS", "smtp_tls_security_level=may", "no TLS at all"),
        ("run/tlsrpt.sock", "3.10.13", "smtp_tls_connection_reuse = yes\n", chroot, "tlsproxy", "postconf -M", "no tlsproxy"),
    ];
    for (socket, version, more, master, words, remedy, why) in mistakes {
        site.main(socket, version, more);
        site.master(master);
        let found = ask(&doctor);
        let level = if found.has("fail", "postfix", words) {
            "fail"
        } else {
            "warn"
        };
        println!("{why}");
        found.expect(level, "postfix", words, remedy);
        site.main("run/tlsrpt.sock", "3.10.13", "");
        site.usual_master();
        assert!(ask(&doctor).wrong("postfix").is_empty(), "{why}: mended");
    }
    for (socket, master, why) in [
        (absolute.as_str(), no_chroot, "absolute, and no chroot"),
        (
            "/run/tlsrpt.sock",
            chroot,
            "absolute, as it is seen in the chroot",
        ),
    ] {
        site.main(socket, "3.10.13", "");
        site.master(master);
        assert!(ask(&doctor).wrong("postfix").is_empty(), "{why}");
    }
}

#[test]
fn a_postfix_without_the_library() {
    let site = Site::start();
    fs::write(site.lab.file("lib/libpostfix-tls.so"), "ELF libssl.so.3").unwrap();
    let found = ask(&site.doctor());
    found.expect("fail", "postfix", "built without TLSRPT", "-DUSE_TLSRPT");
    fs::write(site.lab.file("lib/smtp"), "ELF libtlsrpt.so.0").unwrap();
    let found = ask(&site.doctor());
    assert!(found.has("ok", "postfix", "built with TLSRPT"), "{found:?}");
}

#[test]
fn every_instance_is_looked_at() {
    let site = Site::start();
    let out = site.lab.file("out");
    fs::create_dir(&out).unwrap();
    let main = fs::read_to_string(site.lab.file("main/parameters")).unwrap();
    fs::write(out.join("master"), "smtp unix - - n - - smtp\n").unwrap();
    fs::write(
        out.join("parameters"),
        main.replace("run/tlsrpt.sock", "elsewhere"),
    )
    .unwrap();
    site.main(
        "run/tlsrpt.sock",
        "3.10.13",
        &format!("multi_instance_directories = {}\n", out.display()),
    );
    let found = ask(&site.doctor());
    let remedy = format!(
        "postconf -c {0} -e smtp_tlsrpt_socket_name=run/tlsrpt.sock && postfix -c {0} reload",
        out.display()
    );
    found.expect("fail", "postfix", &out.display().to_string(), &remedy);
    fs::write(out.join("parameters"), main).unwrap();
    assert!(ask(&site.doctor()).wrong("postfix").is_empty());
}

#[test]
fn a_socket_that_postfixs_user_does_not_reach() {
    let Some(()) = or_skip(
        is_root().then_some(()),
        "only root looks with Postfix's user's eyes",
    ) else {
        return;
    };
    let site = Site::start();
    let socket = site.socket();
    let folder = socket.parent().unwrap().to_owned();
    let found = ask(&site.doctor());
    assert!(
        found.has("ok", "postfix", "nobody may send to"),
        "{found:?}"
    );
    for (path, wrong, right, words, remedy, why) in [
        (
            &socket,
            0o200,
            0o220,
            "may not be written",
            "SocketMode=0220",
            "owner of the socket",
        ),
        (
            &folder,
            0o700,
            0o711,
            "may not be passed",
            "chmod o+x",
            "mode of its folder",
        ),
    ] {
        mode(path, wrong);
        println!("{why}");
        ask(&site.doctor()).expect("fail", "postfix", words, remedy);
        mode(path, right);
        assert!(
            ask(&site.doctor()).wrong("postfix").is_empty(),
            "{why}: mended"
        );
    }

    // The owner: as a collector that root has started without socketgroup.
    chown(&socket, Some(0), Some(0)).unwrap();
    let found = ask(&site.doctor());
    found.expect("fail", "postfix", "may not be written", "chgrp");
    found.expect("fail", "socket", "socketgroup say", "chown root:");
    let group = nix::unistd::Group::from_name(&postfix_user().1)
        .unwrap()
        .unwrap();
    chown(&socket, Some(0), Some(group.gid.as_raw())).unwrap();
    let found = ask(&site.doctor());
    found.green("socket");
    assert!(found.wrong("postfix").is_empty(), "mended");
}

#[test]
fn a_socket_without_a_collector() {
    let mut site = Site::start();
    site.stop_collectd();
    let found = ask(&site.doctor());
    found.expect(
        "fail",
        "socket",
        "nobody listens",
        "systemctl start tlsrpt-collectd.socket",
    );
    fs::remove_file(site.socket()).unwrap();
    let found = ask(&site.doctor());
    found.expect(
        "fail",
        "socket",
        "there is no",
        "systemctl start tlsrpt-collectd.socket",
    );
    site.start_collectd();
    ask(&site.doctor()).green("socket");
    mode(&site.socket(), 0o644);
    let found = ask(&site.doctor());
    found.expect("warn", "socket", "socketmode says 0220", "chmod 0220");
}

#[test]
fn what_the_collector_says_itself() {
    let mut site = Site::start();
    let found = ask(&site.doctor());
    assert!(
        found.has("ok", "collector", "is at work since"),
        "{found:?}"
    );
    assert!(
        found.has("unknown", "collector", "no datagram came"),
        "{found:?}"
    );
    let datagram = mta::success("a.test", "v=TLSRPTv1; rua=mailto:x@a.test");
    Mta::new(&site.socket()).send(&datagram);
    until_true("the datagram, told", || {
        ask(&site.doctor()).has("ok", "collector", "the last datagram came at ")
    });
    site.stop_collectd();
    let found = ask(&site.doctor());
    found.expect(
        "fail",
        "collector",
        "is not running",
        "systemctl start tlsrpt-collectd.socket",
    );
    site.start_collectd();
    ask(&site.doctor()).green("collector");
    // A configuration that was changed, and no restart.
    let config = site.collector_with_another_socket();
    let found = ask(&site.doctor().arg("--collectd_config").arg(config.display()));
    found.expect(
        "fail",
        "collector",
        "it was started without",
        "systemctl restart tlsrpt-collectd.socket",
    );
}
