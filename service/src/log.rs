//! The log: one line an event, to standard error and to `logfilename` too.
//!
//! Meanings of the levels: error, the operator must act; warn, we coped; info, one line for a day closed, a report
//! stored, a delivery's outcome; debug, the rest.

mod failure;
mod line;
mod sink;
mod stream;
mod throttle;

use std::{path::Path, sync::Arc};

use thiserror::Error;
use tlsrptd_config::LogLevel;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

pub use failure::FailureThrottle;
use sink::Sink;
pub use throttle::LogThrottle;

/// Why the log cannot be opened.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file cannot be opened.
    #[error(
        "cannot open the log file {path} for appending: {}",
        tlsrptd_config::eyes::explained_writing(Path::new(path), source)
    )]
    Open {
        /// The log file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is one log a process.
    #[error("the log is open already")]
    Twice,
}

/// The open log.
#[derive(Debug, Clone)]
pub struct LogHandle {
    sink: Arc<Sink>,
}

impl LogHandle {
    /// Opens `logfilename` again, after a log rotation (SIGHUP). When that fails, the old file stays in use.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.sink.reopen()
    }
}

/// Opens the log of this process.
pub fn init(
    program: &'static str,
    level: LogLevel,
    logfilename: Option<&Path>,
) -> Result<LogHandle, LogError> {
    let sink = Arc::new(Sink::open(program, logfilename)?);
    let lines = Lines {
        level: least(level),
        sink: Arc::clone(&sink),
    };
    tracing::subscriber::set_global_default(Registry::default().with(lines))
        .map_err(|_| LogError::Twice)?;
    Ok(LogHandle { sink })
}

/// The least important level that is written.
fn least(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    }
}

/// Writes events as lines.
struct Lines {
    level: tracing::Level,
    sink: Arc<Sink>,
}

impl Lines {
    /// Libraries speak of their own affairs, some once a connection: only their errors, and at debug their warnings.
    fn limit(&self, target: &str) -> tracing::Level {
        if target.starts_with("tlsrpt") {
            self.level
        } else if self.level == tracing::Level::DEBUG {
            tracing::Level::WARN
        } else {
            tracing::Level::ERROR
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && *metadata.level() <= self.limit(metadata.target())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.sink
            .write(*event.metadata().level(), &line::text(event));
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::from_level(self.level))
    }
}
