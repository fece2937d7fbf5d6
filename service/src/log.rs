//! The log: one line an event, to standard error and to `logfilename` too.
//!
//! Meanings of the levels: error, the operator must act; warn, the program coped; info, one line for a day closed, a
//! report stored, a delivery's outcome; debug, the rest.

mod failure;
mod line;
mod newest;
mod stream;
mod throttle;
mod writer;

use std::{path::Path, sync::Arc};

use thiserror::Error;
use tlsrptd_config::LogLevel;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
};

pub use failure::FailureThrottle;
use newest::Newest;
pub use newest::NewestWarning;
pub use throttle::LogThrottle;
use writer::LogWriter;

/// Why the log cannot be opened.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file cannot be opened.
    #[error(
        "cannot open the log file {path} for appending: {}",
        tlsrptd_config::service_view::explained_writing(Path::new(path), source)
    )]
    Open {
        /// The log file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A process has one log.
    #[error("the log is already open")]
    Twice,
}

/// The open log.
#[derive(Debug, Clone)]
pub struct LogHandle {
    writer: Arc<LogWriter>,
    newest: Arc<Newest>,
}

impl LogHandle {
    /// The newest lines at warn and error, the oldest of them first.
    pub fn newest_warnings(&self) -> Vec<NewestWarning> {
        self.newest.all()
    }

    /// Opens `logfilename` again, after a log rotation (SIGHUP).
    ///
    /// # Errors
    /// When it cannot be opened. Then the old file stays in use.
    pub fn reopen(&self) -> Result<(), LogError> {
        self.writer.reopen()
    }
}

/// Opens the log of this process.
///
/// # Errors
/// When the file cannot be opened, or this process has a log already.
pub fn init(
    program: &'static str,
    level: LogLevel,
    logfilename: Option<&Path>,
) -> Result<LogHandle, LogError> {
    let writer = Arc::new(LogWriter::open(program, logfilename)?);
    let newest = Arc::new(Newest::default());
    let layer = LogLayer {
        level: least(level),
        writer: Arc::clone(&writer),
        newest: Arc::clone(&newest),
    };
    tracing::subscriber::set_global_default(Registry::default().with(layer))
        .map_err(|_| LogError::Twice)?;
    Ok(LogHandle { writer, newest })
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

/// The subscriber's layer that writes each event as a line.
struct LogLayer {
    level: tracing::Level,
    writer: Arc<LogWriter>,
    newest: Arc<Newest>,
}

impl LogLayer {
    /// Libraries log for their own developers, some once a connection: their errors, and with debug their warnings too.
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

impl<S: Subscriber> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && *metadata.level() <= self.limit(metadata.target())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, text) = (*event.metadata().level(), line::text(event));
        self.newest.add(level, &text);
        self.writer.write(level, &text);
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::from_level(self.level))
    }
}
