//! The exit codes, those of sys4's programs.

/// The work is done, or the program was stopped.
pub const OK: u8 = 0;
/// A command of `tlsrptctl` could not do what was asked; or the collector did not answer a fetcher.
pub const FAILED: u8 = 1;
/// Arguments, environment or file are wrong; or a fetcher's storage cannot be read.
pub const CONFIG: u8 = 2;
/// The database cannot be set up or is read-only.
pub const DATABASE: u8 = 3;
/// The database has another purpose or version.
pub const DATABASE_PURPOSE: u8 = 4;
/// The socket could not be closed at shutdown.
pub const SOCKET_CLOSE: u8 = 5;
/// A storage failed at shutdown.
pub const STORAGE_CLOSE: u8 = 6;
/// The socket cannot be made or bound.
pub const SOCKET_BIND: u8 = 7;
/// Of `tlsrptctl bounce`, which speaks to the MTA by sysexits.h: the mail is refused, as for an unknown user.
pub const NO_USER: u8 = 67;
/// The same: the mail is to be kept and brought again.
pub const TRY_AGAIN: u8 = 75;
/// Any other failure.
pub const OTHER: u8 = 8;
