//! Who listens to what the engine tells: events of `tracing` with their fields, and what becomes of functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use deltic::{Entry, Tier, TierEvent, TierEventKind, TierObserver, trace};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// An event of the engine.
#[derive(Debug, Clone, Default)]
pub struct Traced {
    /// Its message.
    pub message: String,
    /// Its fields, as text.
    pub fields: BTreeMap<&'static str, String>,
}

impl Traced {
    /// A field, which the event must have.
    #[track_caller]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }
}

impl Visit for Traced {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.insert(field.name(), text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// Keeps events in order.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Traced>>>);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if trace::ALL.contains(&event.metadata().target()) {
            let mut traced = Traced::default();
            event.record(&mut traced);
            self.0.lock().expect("no panic").push(traced);
        }
    }
}

/// Events of this thread.
#[derive(Debug)]
pub struct Trace(Vec<Traced>);

impl Trace {
    /// Runs something, and gives what came of it beside the events meanwhile.
    pub fn of<T>(run: impl FnOnce() -> T) -> (T, Trace) {
        let recorder = Recorder::default();
        let subscriber = Registry::default().with(recorder.clone());
        // With one subscriber alone, events that another thread comes to first are off for all (`tracing_core::callsite`).
        let _other = tracing::Dispatch::new(Registry::default());
        let made = tracing::subscriber::with_default(subscriber, run);
        let events = std::mem::take(&mut *recorder.0.lock().expect("no panic"));
        (made, Trace(events))
    }

    /// The events with a message.
    pub fn named(&self, message: &str) -> Vec<&Traced> {
        self.0.iter().filter(|event| event.message == message).collect()
    }

    /// How many have a message.
    pub fn count(&self, message: &str) -> usize {
        self.named(message).len()
    }
}

/// What became of a function, without the time that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Asked,
    Compiled(Tier, usize),
    Refused(String),
    Entered,
}

/// Keeps what an engine tells of its functions, in order: index, entry and what happened.
#[derive(Debug, Default)]
pub struct Steps {
    steps: Mutex<Vec<(u32, Entry, Step)>>,
    /// How many units took no time.
    free: Mutex<usize>,
}

impl Steps {
    /// All so far.
    pub fn all(&self) -> Vec<(u32, Entry, Step)> {
        self.steps.lock().expect("no panic").clone()
    }

    /// Those of one function, its loops apart.
    pub fn of(&self, func: u32) -> Vec<Step> {
        self.all().into_iter().filter(|step| (step.0, step.1) == (func, Entry::Call)).map(|step| step.2).collect()
    }

    /// Those of a function's loops.
    pub fn of_loops(&self, func: u32) -> Vec<Step> {
        self.all().into_iter().filter(|step| step.0 == func && step.1 != Entry::Call).map(|step| step.2).collect()
    }

    /// Why functions and loops were refused.
    pub fn refusals(&self) -> Vec<String> {
        let reason = |step| if let Step::Refused(reason) = step { Some(reason) } else { None };
        self.all().into_iter().filter_map(|(_, _, step)| reason(step)).collect()
    }

    /// How many units took no processor time.
    pub fn free(&self) -> usize {
        *self.free.lock().expect("no panic")
    }
}

impl TierObserver for Steps {
    fn tier_event(&self, event: &TierEvent<'_>) {
        let step = match event.kind {
            TierEventKind::Asked => Step::Asked,
            TierEventKind::Compiled { tier, code_bytes, cpu } => {
                *self.free.lock().expect("no panic") += usize::from(cpu.is_zero());
                Step::Compiled(tier, code_bytes)
            }
            TierEventKind::Refused { reason } => Step::Refused(reason.to_owned()),
            TierEventKind::Entered => Step::Entered,
        };
        self.steps.lock().expect("no panic").push((event.func.as_u32(), event.entry, step));
    }
}
