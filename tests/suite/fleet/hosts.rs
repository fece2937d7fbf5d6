//! Hosts of a fleet: a collector and its files each, in one folder.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tlsrptd_tests::harness::lab::Lab;
use tlsrptd_tests::harness::mta::{self, Mta};
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::sys4::Sys4;
use tlsrptd_tests::harness::wait::until_true;

use super::Whose;

/// One host.
pub(super) struct Host<'a> {
    lab: &'a Lab,
    sys4: &'a Sys4,
    name: String,
}

impl<'a> Host<'a> {
    pub(super) fn new(lab: &'a Lab, sys4: &'a Sys4, name: &str) -> Host<'a> {
        Host {
            lab,
            sys4,
            name: name.to_owned(),
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.lab.file(&format!("{}.sqlite", self.name))
    }

    pub(super) fn closed(&self) -> PathBuf {
        self.lab.file(&format!("{}.sqlite.yesterday", self.name))
    }

    fn storage(&self) -> String {
        format!("sqlite://{}", self.database().display())
    }

    pub(super) fn collectd(&self, whose: Whose) -> Program {
        let collectd = match whose {
            Whose::Ours => self.lab.collectd(),
            Whose::Theirs => self.lab.their_collectd(self.sys4),
        };
        collectd.set("storage", self.storage()).set(
            "socketname",
            self.lab.file(&format!("{}.sock", self.name)).display(),
        )
    }

    /// Starts it, and waits until it has made its files.
    pub(super) fn start(&self, collectd: &Program) -> Running {
        let running = self.lab.start_ready(collectd);
        until_true("the host's files", || {
            self.database().exists() && self.closed().exists()
        });
        running
    }

    /// Counts these, ends the day by hand, and stops: what a host leaves for its fetcher.
    pub(super) fn closed_day<D: AsRef<[u8]>>(&self, collectd: &Program, datagrams: &[D]) {
        let running = self.start(collectd);
        let socket = collectd
            .setting("socketname")
            .map(Path::new)
            .unwrap()
            .to_owned();
        Mta::new(&socket).send_all(datagrams);
        let count = datagrams
            .iter()
            .map(|datagram| mta::sessions_of(datagram.as_ref()))
            .sum();
        self.lab.wait_for_sessions(&self.database(), count);
        running.signal(Signal::SIGUSR2);
        self.lab.wait_for_sessions(&self.closed(), count);
        running.stop();
    }

    /// What stands in `fetchers` for it.
    pub(super) fn fetcher(&self, whose: Whose) -> String {
        let fetcher = match whose {
            Whose::Ours => self.lab.fetcher(),
            Whose::Theirs => self.lab.their_fetcher(self.sys4),
        };
        fetcher.set("storage", self.storage()).command_line()
    }
}
