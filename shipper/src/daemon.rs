//! The process: its signals, what the service manager hears, and the thread that works.

use std::{
    io,
    os::fd::AsFd as _,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
    },
};
use tlsrptd_config::shipper::Shipper as Settings;
use tlsrptd_fleet::Address;
use tlsrptd_service::{log::LogHandle, pid_file::PidFile, service_manager::ServiceManager};
use tracing::{error, info};

use crate::{error::Error, shipper::Shipper, stop::Stop, worker::Worker};

/// The status is told, and the worker looked at, that often.
const LOOK: Duration = Duration::from_secs(10);
/// What is shipped at the end has this time.
const LAST_THINGS: Duration = Duration::from_secs(45);
/// And then the worker this much, for a statement that is under way.
const LAST_STATEMENT: Duration = Duration::from_secs(15);

/// Ships until a signal says to stop.
pub(crate) fn serve(settings: Settings, log: &LogHandle) -> Result<(), Error> {
    let address = Address::parse(&settings.ship_to)?;
    let name = match settings.ship_as.clone() {
        Some(name) => name,
        None => host_name().map_err(Error::HostName)?,
    };
    let signals = take_over_signals().map_err(|source| Error::System {
        what: "take over signals",
        source,
    })?;
    let pid_file = settings.pidfilename.clone().map(PidFile::write);
    let _pid_file = pid_file.transpose()?;
    let (stop, (wake, woken)) = (Arc::new(Stop::new()), mpsc::channel());
    let worker = Worker {
        shipper: Shipper::new(&settings, address, name),
        interval: settings.ship_interval,
        stop: Arc::clone(&stop),
        wake: woken,
    };
    let worker = thread::Builder::new()
        .name("worker".into())
        .spawn(|| worker.run());
    let worker = worker.map_err(|source| Error::System {
        what: "start a thread",
        source,
    })?;
    let manager = ServiceManager::from_env();
    manager.ready();
    watch(&signals, log, &worker, &stop, &manager);
    if worker.is_finished() {
        return Err(Error::Worker);
    }
    manager.stopping();
    stop.request(LAST_THINGS);
    // It may have ended just now.
    let _ = wake.send(());
    let until = Instant::now() + LAST_THINGS + LAST_STATEMENT;
    while !worker.is_finished() && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    match worker.is_finished() {
        true => info!("stopped"),
        false => info!("stopped in the middle of something: the next start does it again"),
    }
    Ok(())
}

/// Until the worker ends, or a signal says to stop.
fn watch(
    signals: &SignalFd,
    log: &LogHandle,
    worker: &JoinHandle<()>,
    stop: &Stop,
    manager: &ServiceManager,
) {
    let patience = manager
        .watchdog_interval()
        .map_or(LOOK, |time| time.min(LOOK));
    let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
    while !worker.is_finished() {
        let mut polled = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        // Whatever ends it, all is looked at.
        let _ = poll(&mut polled, patience);
        while let Ok(Some(signal)) = signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGHUP) => {
                    if let Err(error) = log.reopen() {
                        error!(%error, "cannot open the log file again");
                    }
                }
                Ok(signal) => {
                    info!(signal = signal.as_str(), "stopping");
                    return;
                }
                Err(_) => {}
            }
        }
        manager.status(&stop.status());
        if stop.is_alive() {
            manager.alive();
        }
    }
}

/// From here on, in all threads, these signals come by the descriptor only. Programs that are started get them as usual.
fn take_over_signals() -> io::Result<SignalFd> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    signals.thread_block()?;
    Ok(SignalFd::with_flags(
        &signals,
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    )?)
}

fn host_name() -> io::Result<String> {
    let name = nix::unistd::gethostname()?;
    Ok(name.to_string_lossy().into_owned())
}
