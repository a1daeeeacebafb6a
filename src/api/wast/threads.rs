//! The directives `thread` and `wait` of the threads proposal.
//!
//! A thread is an OS thread with an isolate and names of its own. Of the one module that it shares with its starter it has the shared
//! memories: nothing else can be on two threads at once. What its directives come to is counted when the starter waits for it, at the
//! latest at the starter's end.

use std::collections::HashMap;
use std::thread::{Builder, Scope, ScopedJoinHandle};

use wast::WastThread;

use super::Report;
use super::script::{Context, Script, panic_message, run_directives};

/// What the main thread has on most systems.
const STACK_BYTES: usize = 8 << 20;

/// The threads that some directives have started.
pub(super) struct Threads<'scope, 'env> {
    context: &'env Context<'env>,
    scope: &'scope Scope<'scope, 'env>,
    running: Vec<Thread<'scope>>,
}

struct Thread<'scope> {
    name: String,
    line: usize,
    handle: ScopedJoinHandle<'scope, Report>,
}

impl<'scope, 'env> Threads<'scope, 'env> {
    pub(super) fn new(context: &'env Context<'env>, scope: &'scope Scope<'scope, 'env>) -> Self {
        Threads { context, scope, running: Vec::new() }
    }

    /// Starts a thread. Its isolate is made here, so that it cannot fail later.
    pub(super) fn start(&mut self, starter: &mut Script<'_>, thread: WastThread<'env>, line: usize) -> Result<(), String> {
        let shared = match thread.shared_module {
            Some(id) => HashMap::from([(id.name().to_owned(), starter.shared_exports(id)?)]),
            None => HashMap::new(),
        };
        let (context, scope, directives) = (self.context, self.scope, thread.directives);
        let script = Script::new(context, shared)?;
        let run = move || run_directives(context, script, directives, scope);
        let handle = Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run).map_err(|error| error.to_string())?;
        self.running.push(Thread { name: thread.name.name().to_owned(), line, handle });
        Ok(())
    }

    /// Waits for the thread of a name.
    pub(super) fn wait(&mut self, name: &str, report: &mut Report) -> Result<(), String> {
        let position = self.running.iter().position(|thread| thread.name == name);
        let position = position.ok_or_else(|| format!("no thread ${name}"))?;
        let thread = self.running.remove(position);
        self.join(thread, report);
        Ok(())
    }

    /// Waits for those that nobody waited for.
    pub(super) fn wait_all(mut self, report: &mut Report) {
        for thread in std::mem::take(&mut self.running) {
            self.join(thread, report);
        }
    }

    fn join(&self, thread: Thread<'scope>, report: &mut Report) {
        match thread.handle.join() {
            Ok(found) => report.merge(found),
            Err(panic) => {
                let message = format!("engine bug: {}", panic_message(&*panic));
                report.failed.push(self.context.failure(thread.line, message));
            }
        }
    }
}
