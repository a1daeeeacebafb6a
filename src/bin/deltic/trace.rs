//! `--trace` and `--verbose`: the engine's `tracing` spans as a file that Perfetto and chrome://tracing open, and as lines.
//!
//! The file is the JSON of the "Trace Event Format": a complete event (`X`) for every time that a span was entered, an instant
//! (`i`) for every event, and the names of the threads (`M`).

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::args::EngineArgs;
use crate::exit::Exit;

/// Runs a command with the traces that its options ask for. Without these options nothing is set up.
pub fn traced(args: &EngineArgs, command: impl FnOnce() -> Result<(), Exit>) -> Result<(), Exit> {
    if args.trace.is_none() && !args.verbose {
        return command();
    }
    let recording = args.trace.as_ref().map(|_| Recording::new());
    let file = recording.clone().map(FileLayer);
    let lines = args.verbose.then(|| LineLayer { start: Instant::now() });
    let subscriber = Registry::default().with(file).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(Exit::failure)?;
    let done = command();
    if let (Some(path), Some(recording)) = (&args.trace, recording) {
        recording.write(path)?;
    }
    done
}

/// What was recorded so far.
#[derive(Debug, Clone)]
struct Recording(Arc<Recorded>);

#[derive(Debug)]
struct Recorded {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Value>,
    threads: HashMap<ThreadId, usize>,
}

impl Recording {
    fn new() -> Recording {
        Recording(Arc::new(Recorded { start: Instant::now(), state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn micros(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.0.start).as_nanos() as f64 / 1e3
    }

    fn push(&self, metadata: &Metadata<'_>, phase: &str, at: Instant, duration: Option<Duration>, fields: &Fields) {
        let mut state = self.state();
        let thread = state.thread();
        let mut event = json!({
            "name": fields.title.as_deref().unwrap_or(metadata.name()),
            "cat": metadata.target(),
            "ph": phase,
            "ts": self.micros(at),
            "pid": 1,
            "tid": thread,
            "args": fields.values,
        });
        if let Some(duration) = duration {
            event["dur"] = json!(duration.as_nanos() as f64 / 1e3);
        } else {
            event["s"] = json!("t");
        }
        state.events.push(event);
    }

    fn write(&self, path: &Path) -> Result<(), Exit> {
        let events = std::mem::take(&mut self.state().events);
        let json = json!({ "displayTimeUnit": "ms", "traceEvents": events });
        std::fs::write(path, json.to_string())
            .map_err(|error| Exit::failure(format_args!("cannot write {}: {error}", path.display())))
    }
}

impl State {
    /// The number of the calling thread; its name is recorded at first sight.
    fn thread(&mut self) -> usize {
        let thread = std::thread::current();
        let next = self.threads.len() + 1;
        let number = *self.threads.entry(thread.id()).or_insert(next);
        if number == next {
            let name = thread.name().unwrap_or("unnamed");
            self.events.push(json!({ "name": "thread_name", "ph": "M", "pid": 1, "tid": number, "args": { "name": name } }));
        }
        number
    }
}

/// The fields of a span or an event. An event's message is its title.
#[derive(Debug, Default)]
struct Fields {
    title: Option<String>,
    values: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.values.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.title = Some(text) } else { self.put(field, text.into()) }
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

/// When a span was entered last.
struct Entered(Instant);

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("deltic")
}

/// Writes everything to the recording.
struct FileLayer(Recording);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for FileLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id).filter(|span| is_ours(span.metadata())) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().replace(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|span| is_ours(span.metadata())) {
            span.extensions_mut().replace(Entered(Instant::now()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        if let (Some(entered), Some(fields)) = (extensions.get::<Entered>(), extensions.get::<Fields>()) {
            self.0.push(span.metadata(), "X", entered.0, Some(entered.0.elapsed()), fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if is_ours(event.metadata()) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.push(event.metadata(), "i", Instant::now(), None, &fields);
        }
    }
}

/// Writes events to standard error.
struct LineLayer {
    start: Instant,
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !is_ours(metadata) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = format!("[{:9.3} ms] {}", self.start.elapsed().as_secs_f64() * 1e3, metadata.target());
        if let Some(title) = fields.title {
            line.push_str(": ");
            line.push_str(&title);
        }
        for (name, value) in fields.values {
            // Writing to a string does not fail.
            let _ = write!(line, " {name}={value}");
        }
        eprintln!("{line}");
    }
}
