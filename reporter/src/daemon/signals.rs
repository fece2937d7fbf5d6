//! Orders: signals, and the service manager's question whether we are alive.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGTERM, SIGINT: end orderly.
    Stop,
    /// SIGHUP: open the log file again.
    Reopen,
    /// Say that work goes on: answered by the loop that does the work, or not at all.
    Alive,
}

/// Passes signals on as long as it lives.
pub(super) struct Signals {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) task: JoinHandle<()>,
}

/// Begins to listen.
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
            // Of those that came together, the end is the last: the kernel does not tell in which order they came.
            biased;
            _ = hup.recv() => Order::Reopen,
            // A signal for collectors; it ends sys4's reporter, and does nothing here.
            _ = usr2.recv() => continue,
            _ = term.recv() => Order::Stop,
            _ = int.recv() => Order::Stop,
            () = rest(watchdog) => Order::Alive,
        };
        if sender.send(order).await.is_err() {
            return;
        }
    }
}

async fn rest(watchdog: Option<Duration>) {
    match watchdog {
        Some(often) => tokio::time::sleep(often).await,
        None => std::future::pending().await,
    }
}
