//! The settings of `tlsrpt-shipper`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Start, Storage, args::Words, fetcher, load, log_level::LogLevel, option::Program,
    reader::Reader,
};

/// The settings of `tlsrpt-shipper`; each field is the option of its name.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // `option` has a meaning for each
pub struct Shipper {
    pub ship_to: String,
    pub ship_to_password_file: Option<PathBuf>,
    pub ship_as: Option<String>,
    pub ship_interval: Duration,
    pub storage: Storage,
    pub observation_socket: PathBuf,
    /// Not set: [`Shipper::USUAL_FETCHER`].
    pub fetcher: Option<Vec<String>>,
    pub pidfilename: Option<PathBuf>,
    pub logfilename: Option<PathBuf>,
    pub log_level: LogLevel,
}

impl Shipper {
    /// The program that reads the collector's days.
    pub const USUAL_FETCHER: &str = "tlsrpt-fetcher";
}

/// Reads arguments (without the program's name), environment and file.
pub fn load(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Start<Shipper> {
    load::load(args, env)
}

/// The same; on `--check-config`, `look` says what is wrong with the files that the settings name; it is told which file
/// they are from.
pub fn load_with(
    args: impl IntoIterator<Item = OsString>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    look: impl FnOnce(&Shipper, Option<&Path>) -> Vec<String>,
) -> Start<Shipper> {
    load::load_with(args, env, look)
}

impl load::Load for Shipper {
    const PROGRAM: Program = Program::Shipper;

    fn read(reader: &mut Reader<'_>, words: &Words, _: bool) -> Self {
        load::no_operands(reader, words);
        Shipper {
            ship_to: reader.take("ship_to"),
            ship_to_password_file: reader.take("ship_to_password_file"),
            ship_as: reader.take("ship_as"),
            ship_interval: reader.take("ship_interval"),
            storage: fetcher::storage(reader),
            observation_socket: reader.take("observation_socket"),
            fetcher: reader.take("fetcher"),
            pidfilename: reader.take("pidfilename"),
            logfilename: reader.take("logfilename"),
            log_level: reader.take("log_level"),
        }
    }
}
