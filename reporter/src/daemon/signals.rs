//! Signals, and the time to tell the service manager that work goes on.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
};

/// What the main loop is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGTERM, SIGINT: stop in order.
    Stop,
    /// SIGHUP: open the log file again.
    Reopen,
    /// Tell the service manager that work goes on. Only the loop that does the work answers.
    Alive,
}

/// The task that passes signals on, and the way on which they come.
pub(crate) struct Signals {
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) task: JoinHandle<()>,
}

/// Begins to receive signals.
///
/// # Errors
/// When the system does not let us.
pub(crate) fn listen(watchdog: Option<Duration>) -> io::Result<Signals> {
    let kinds = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        // For collectors. It would end sys4's reporter, and does nothing here.
        SignalKind::user_defined2(),
    ];
    let [term, int, hup, usr2] = kinds.map(signal);
    let (mut term, mut int, mut hup, mut usr2) = (term?, int?, hup?, usr2?);
    let (sender, orders) = mpsc::channel(4);
    let task = tokio::spawn(async move {
        loop {
            let order = tokio::select! {
                // The kernel does not tell in which order signals came: of those that wait, stop is the last.
                biased;
                _ = hup.recv() => Order::Reopen,
                _ = usr2.recv() => continue,
                _ = term.recv() => Order::Stop,
                _ = int.recv() => Order::Stop,
                () = pause(watchdog) => Order::Alive,
            };
            if sender.send(order).await.is_err() {
                return;
            }
        }
    });
    Ok(Signals { orders, task })
}

async fn pause(watchdog: Option<Duration>) {
    match watchdog {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}
