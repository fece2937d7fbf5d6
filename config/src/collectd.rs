//! The settings of `tlsrpt-collectd`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Start, Storage, args::Words, load, log_level::LogLevel, option::Program, reader::Reader,
};

/// The settings of `tlsrpt-collectd`; each field is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Collectd {
    pub storage: Vec<Storage>,
    pub socketname: Vec<PathBuf>,
    pub socketuser: Option<String>,
    pub socketgroup: Option<String>,
    pub socketmode: Option<u32>,
    pub sockettimeout: Duration,
    pub max_uncommited_datagrams: u64,
    pub retry_commit_datagram_count: u64,
    pub pidfilename: Option<PathBuf>,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
    pub daily_rollover_script: Option<Vec<String>>,
    pub dump_path_for_invalid_datagram: Option<PathBuf>,
    pub keep_days: u32,
    pub clock_confirmation: Duration,
    pub max_queued_datagrams: usize,
    pub max_datagram_size: usize,
    pub max_text_length: usize,
    pub max_policies_per_domain: usize,
    pub max_failures_per_policy: usize,
    pub max_domains_in_memory: usize,
    pub max_day_file_size: u64,
    pub stats_file: Option<PathBuf>,
    pub observation_socket: Option<PathBuf>,
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Collectd> {
    load::load(args, env)
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name; it is told which file
/// they are from.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Collectd, Option<&Path>) -> Vec<String>,
) -> Start<Collectd> {
    load::load_with(args, env, look)
}

impl load::Load for Collectd {
    const PROGRAM: Program = Program::Collectd;

    fn read(reader: &mut Reader<'_>, words: &Words, _: bool) -> Self {
        load::no_operands(reader, words);
        Collectd {
            storage: reader.take("storage"),
            socketname: reader.take("socketname"),
            socketuser: reader.take("socketuser"),
            socketgroup: reader.take("socketgroup"),
            socketmode: reader.take("socketmode"),
            sockettimeout: reader.take("sockettimeout"),
            max_uncommited_datagrams: reader.take("max_uncommited_datagrams"),
            retry_commit_datagram_count: reader.take("retry_commit_datagram_count"),
            pidfilename: reader.take("pidfilename"),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
            daily_rollover_script: reader.take("daily_rollover_script"),
            dump_path_for_invalid_datagram: reader.take("dump_path_for_invalid_datagram"),
            keep_days: reader.take("keep_days"),
            clock_confirmation: reader.take("clock_confirmation"),
            max_queued_datagrams: reader.take("max_queued_datagrams"),
            max_datagram_size: reader.take("max_datagram_size"),
            max_text_length: reader.take("max_text_length"),
            max_policies_per_domain: reader.take("max_policies_per_domain"),
            max_failures_per_policy: reader.take("max_failures_per_policy"),
            max_domains_in_memory: reader.take("max_domains_in_memory"),
            max_day_file_size: reader.take("max_day_file_size"),
            stats_file: reader.take("stats_file"),
            observation_socket: reader.take("observation_socket"),
        }
    }
}
