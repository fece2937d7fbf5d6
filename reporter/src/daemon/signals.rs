//! Signals, and the time to tell the service manager that work goes on.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
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
pub(super) struct Signals {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) task: JoinHandle<()>,
}

/// Begins to receive signals.
///
/// # Errors
/// When the system does not let us.
pub(super) fn listen(watchdog: Option<Duration>) -> io::Result<Signals> {
    let [term, int, hup, usr2] = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::user_defined2(),
    ]
    .map(signal);
    let (sender, orders) = mpsc::channel(4);
    let task = tokio::spawn(pass_on(term?, int?, hup?, usr2?, watchdog, sender));
    Ok(Signals { orders, task })
}

async fn pass_on(
    mut term: Signal,
    mut int: Signal,
    mut hup: Signal,
    mut usr2: Signal,
    watchdog: Option<Duration>,
    sender: mpsc::Sender<Order>,
) {
    loop {
        let order = tokio::select! {
            // The kernel does not tell in which order signals came: of those that wait, stop is the last.
            biased;
            _ = hup.recv() => Order::Reopen,
            // It is for collectors. It would end sys4's reporter, and does nothing here.
            _ = usr2.recv() => continue,
            _ = term.recv() => Order::Stop,
            _ = int.recv() => Order::Stop,
            () = pause(watchdog) => Order::Alive,
        };
        if sender.send(order).await.is_err() {
            return;
        }
    }
}

async fn pause(watchdog: Option<Duration>) {
    match watchdog {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}
