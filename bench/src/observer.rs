//! Observers as nobody wants them: as many as are let in, each asking without a pause, half of them for all of today, which
//! they take in small parts.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::error::BenchError;

/// As many as a collector serves at once.
const OBSERVERS: usize = 8;
/// What is taken at once of today's counts, and the pause behind it.
const PART: usize = 4096;
const PAUSE: Duration = Duration::from_millis(20);
/// After a refusal.
const AGAIN: Duration = Duration::from_millis(5);

/// Asks until it is killed.
pub(crate) fn run(socket: &Path) -> Result<(), BenchError> {
    thread::scope(|scope| {
        for number in 0..OBSERVERS {
            scope.spawn(move || {
                loop {
                    let _ = match number % 2 {
                        0 => ask_for_today(socket),
                        _ => ask_for_status(socket),
                    };
                    thread::sleep(AGAIN);
                }
            });
        }
    });
    Ok(())
}

fn ask_for_today(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"{\"request\":\"today\",\"domain\":\".\"}\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut part = [0; PART];
    while stream.read(&mut part)? > 0 {
        thread::sleep(PAUSE);
    }
    Ok(())
}

fn ask_for_status(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    let mut answer = [0; 1 << 16];
    loop {
        stream.write_all(b"{\"request\":\"status\"}\n")?;
        if stream.read(&mut answer)? == 0 {
            return Ok(());
        }
    }
}
