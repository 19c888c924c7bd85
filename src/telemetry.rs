//! Sets up the log: where it goes, in which form, and how much of it.

use crate::config::{LogFormat, LogLevel, LogSettings};
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, time};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to stderr. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    // The journal sets this for the streams that it reads, and adds its own time.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal();
    let level = match settings.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let filter = Targets::new().with_target("fitferry", level).with_default(level.min(LevelFilter::WARN));
    // Only a second call in one process fails, and the first subscriber is as good.
    let _ = Registry::default().with(layer(settings.format, journal).with_filter(filter)).try_init();
}

fn layer<S>(format: LogFormat, journal: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match format {
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Logfmt => tracing_logfmt::builder()
            .with_target(false)
            .with_span_name(false)
            .with_span_path(false)
            .with_timestamp(!journal)
            .layer()
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Auto | LogFormat::Human => {
            let layer = fmt::layer().with_target(false).with_writer(std::io::stderr);
            let layer = layer.with_ansi(std::io::stderr().is_terminal());
            if journal && format == LogFormat::Auto {
                layer.without_time().boxed()
            } else {
                layer.with_timer(time::SystemTime).boxed()
            }
        }
    }
}
