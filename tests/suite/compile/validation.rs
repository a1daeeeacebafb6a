//! Bodies that are validated and not compiled: by several threads, with the answer of one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use deltic::compile::{Config, Module, WasmEngine};
use deltic::tasks::clock::Clock;
use deltic::tasks::executor::{Executor, Ticket};

use super::fake::*;

/// A clock that stands, and by which the threads of tasks are seen at work: a task looks at its beginning, and again behind each chunk.
#[derive(Debug, Default)]
struct Watch {
    looks: Mutex<HashMap<ThreadId, usize>>,
    /// Where threads of the [pool](Pool) wait behind their first chunk.
    door: Arc<Door>,
}

impl Clock for Watch {
    fn now(&self) -> Duration {
        let this = thread::current();
        let looks = {
            let mut looks = self.looks.lock().unwrap();
            let looks = looks.entry(this.id()).or_default();
            *looks += 1;
            *looks
        };
        if looks == 2 && this.name() == Some("pool") {
            self.door.pass();
        }
        Duration::ZERO
    }

    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }
}

impl Watch {
    /// How many chunks other threads than this one have validated, one entry a thread. Threads that only looked have none.
    fn chunks_of_others(&self) -> Vec<usize> {
        let looks = self.looks.lock().unwrap();
        let others = looks.iter().filter(|&(&thread, _)| thread != thread::current().id());
        others.map(|(_, &looks)| looks - 1).filter(|&chunks| chunks > 0).collect()
    }
}

/// A thread for each ticket. It lets whoever validates go on when the thread has validated a chunk, so that each has one.
#[derive(Debug, Default)]
struct Pool {
    watch: Arc<Watch>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Executor for Pool {
    fn spawn(&self, ticket: Ticket) {
        let mut threads = self.threads.lock().unwrap();
        threads.push(thread::Builder::new().name("pool".into()).spawn(move || ticket.run()).unwrap());
        self.watch.door.wait_for(threads.len());
    }
}

const FUNCS: usize = 500;

/// A module that is large enough for several threads, without being told to use them, and what an engine without threads says of it.
fn module_and_answer(invalid: &[usize]) -> (Vec<u8>, Result<(), deltic::CompileError>) {
    let bytes = module_with_invalid(&[300; FUNCS], invalid);
    let alone = WasmEngine::new(&Config::default().with_num_compilation_tasks(0)).unwrap();
    let answer = Module::validate(&alone, &bytes);
    assert_eq!(answer.is_err(), !invalid.is_empty());
    (bytes, answer)
}

/// Two tasks are in the middle of the module while the caller ends it; whoever meets an invalid function, the lowest is told.
#[test]
fn the_caller_and_two_tasks_validate_at_once() {
    // The first chunk is the first task's, the second one the other's; the caller has the rest.
    for invalid in [&[][..], &[FUNCS - 1], &[FUNCS - 1, 50], &[0, 50, FUNCS - 1], &[FUNCS / 2, FUNCS - 1]] {
        let (bytes, answer) = module_and_answer(invalid);
        let watch = Arc::new(Watch::default());
        let pool = Arc::new(Pool { watch: Arc::clone(&watch), threads: Mutex::default() });
        let config = Config::default().with_num_compilation_tasks(3).with_clock(watch.clone()).with_executor(pool.clone());
        let engine = WasmEngine::new(&config).unwrap();
        assert_eq!(Module::validate(&engine, &bytes), answer, "{invalid:?}");
        assert_eq!(watch.chunks_of_others(), [1, 1], "the others have not gone on");
        watch.door.open();
        pool.threads.lock().unwrap().drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// The same with the engine's own threads, which take part when they are quick enough; and of modules whose functions are compiled as they are called.
#[test]
fn threads_of_the_engine_validate_too() {
    for invalid in [&[][..], &[FUNCS - 1, 123, 300]] {
        let (bytes, answer) = module_and_answer(invalid);
        let watch = Arc::new(Watch::default());
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(3).with_clock(watch.clone())).unwrap();
        until("a chunk of another thread", || {
            assert_eq!(Module::new(&engine, &bytes).map(drop), answer);
            !watch.chunks_of_others().is_empty()
        });
        assert!((1..=3).contains(&engine.thread_count()));
    }
}
