//! Sets up the log: where it goes, in which form, and how much of it.

mod journal;
mod socket;

use crate::config::{LogFormat, LogLevel, LogSettings};
use journal::Journal;
pub use socket::finish;
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, time};
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;

type Form = Box<dyn Layer<Registry> + Send + Sync>;

/// By which the log that was started can be changed.
struct Handles {
    form: Handle<Form, Registry>,
    filter: Handle<Targets, Layered<reload::Layer<Form, Registry>, Registry>>,
}

static HANDLES: OnceLock<Handles> = OnceLock::new();

/// Starts logging, or goes on with other settings.
pub fn start(settings: &LogSettings) {
    let (form, filter) = (form(settings.format), filter(settings.level));
    if let Some(handles) = HANDLES.get() {
        // They fail only once the log is gone.
        let _ = handles.form.reload(form).and_then(|()| handles.filter.reload(filter));
        return;
    }
    let ((form, of_form), (filter, of_filter)) = (reload::Layer::new(form), reload::Layer::new(filter));
    let _ = HANDLES.set(Handles { form: of_form, filter: of_filter });
    // Only where another log was started in this process, which is as good.
    let _ = Registry::default().with(form).with(filter).try_init();
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    Targets::new().with_target("fitferry", level).with_default(level.min(LevelFilter::WARN))
}

fn form<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let in_journal = journal::takes_stderr();
    let is_for_journal = format == LogFormat::Journal || format == LogFormat::Auto && in_journal;
    if is_for_journal && let Ok(journal) = Journal::connect() {
        return journal.boxed();
    }
    match format {
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr).boxed()
        }
        LogFormat::Logfmt => tracing_logfmt::builder()
            .with_target(false)
            .with_span_name(false)
            .with_span_path(false)
            .with_timestamp(!in_journal)
            .layer()
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Auto | LogFormat::Human | LogFormat::Journal => {
            let layer = fmt::layer().with_target(false).with_writer(std::io::stderr);
            let layer = layer.with_ansi(std::io::stderr().is_terminal());
            // The journal has times of its own.
            if in_journal { layer.without_time().boxed() } else { layer.with_timer(time::SystemTime).boxed() }
        }
    }
}
