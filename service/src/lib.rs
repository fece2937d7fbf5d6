//! What a daemon needs of its system, whatever its work is.
//!
//! - [`log`]: one line an event, to standard error and a file;
//! - [`service_manager`]: messages to it, and [`passed_sockets`]: the sockets that it keeps;
//! - [`pid_file`], and [`files`] for all files that are made where others may write too;
//! - [`program`]: the programs that an operator names;
//! - [`observe`]: the socket that answers whoever asks for the daemon's present state;
//! - [`descriptors`]: the limit of open files;
//! - [`clock`]: the wall clock, checked against the clock that runs since the machine was booted.
//!
//! This crate knows the settings' types (`tlsrptd-config`) and nothing of reports.
#![forbid(unsafe_code)]

pub mod clock;
pub mod descriptors;
pub mod files;
pub mod log;
pub mod observe;
pub mod passed_sockets;
pub mod pid_file;
pub mod program;
pub mod service_manager;
