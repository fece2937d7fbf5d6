//! From the first pass of the main loop to an orderly end.

use std::time::Duration;

use tlsrptd_service::{log::LogHandle, service_manager::ServiceManager};

use super::{Order, Prepared, probing::probe_all};
use crate::{error::Error, store};

/// Deliveries under way get so long to end when we are told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Works until a signal says stop, then leaves the database as sys4 wants it.
///
/// # Errors
///
/// When the database fails for good.
pub fn serve(prepared: Prepared) -> Result<(), Error> {
    let Prepared {
        runtime,
        daemon,
        settings,
        mut signals,
        log,
        service_manager,
        fetchers,
        pidfile,
        observed,
    } = prepared;
    let (daemon, worked) = runtime.block_on(async {
        tracing::info!("tlsrpt-reportd is at work");
        service_manager.ready();
        let probes = tokio::spawn(probe_all(fetchers, daemon.collectors.clone()));
        let open = || store::open(&settings, None);
        let orders = &mut signals.orders;
        let (mut daemon, worked) = daemon
            .run_in_fleet(&open, orders, |order| obey(&log, &service_manager, order))
            .await;
        probes.abort();
        drop(observed);
        service_manager.stopping();
        // What ended well is recorded even when something else went wrong.
        let stopped = match &mut daemon {
            Some(daemon) => {
                daemon
                    .stop(GRACE, orders, |order| obey(&log, &service_manager, order))
                    .await
            }
            None => Ok(()),
        };
        signals.task.abort();
        (daemon, worked.and(stopped))
    });
    let closed = daemon.map_or(Ok(()), |daemon| daemon.into_store().close());
    drop(pidfile);
    runtime.shutdown_timeout(Duration::from_secs(1));
    worked.and(closed)?;
    tracing::info!("tlsrpt-reportd has ended");
    Ok(())
}

fn obey(log: &LogHandle, service_manager: &ServiceManager, order: Order) {
    match order {
        Order::Reopen => {
            if let Err(error) = log.reopen() {
                tracing::error!(%error, "the old log file stays in use");
            }
        }
        Order::Alive => service_manager.alive(),
        // It ends the loop or the wait, and does not come here.
        Order::Stop => {}
    }
}
