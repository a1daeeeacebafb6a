//! The engine and its tasks: S1-40 to S1-43, executors, threads, and the hammer.

use std::collections::VecDeque;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use deltic::abi::artifact::CodeVariant;
use deltic::compile::{Config, EngineError, Module, WasmEngine};
use deltic::tasks::executor::{Executor, Ticket};
use deltic::tasks::manager::{TaskManager, TaskPriority};
use deltic::{Isolate, Linker, Strategy};

use super::fake::*;

/// Tests that count the threads of the process run one at a time; others of this file start threads too.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// S1-40: the engine owns the task manager; threads start when there is work for them, and no engine that compiles nothing has any.
#[test]
fn s1_40_threads_start_with_the_first_need() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_millis(1))));
    let engine = engine(4, &compiler);
    assert_eq!(engine.thread_count(), 0);
    let module = Module::new(&engine, module_of(&[20; 40])).unwrap();
    assert!((1..=3).contains(&engine.thread_count()), "the caller is one of the four");
    drop(engine);
    assert!(!module.engine().is_shut_down());
}

/// Small modules wake nobody.
#[test]
fn small_modules_are_compiled_by_the_caller() {
    let compiler = Arc::new(FakeCompiler::new());
    let config = Config::default().with_strategy(Strategy::AheadOfTime).with_num_compilation_tasks(8);
    let engine = engine_with(&config, &compiler);
    Module::new(&engine, module_of(&[20; 10])).unwrap();
    assert_eq!(engine.thread_count(), 0);
}

/// S1-41, acceptance test 10: teardown cancels what is queued, waits for what runs, and refuses what comes late; nothing runs after it.
#[test]
fn s1_41_s1_42_teardown_with_queued_running_and_late_tasks() {
    let door = Door::new();
    let compiler = Arc::new(FakeCompiler::new().every(Act::Door(Arc::clone(&door))));
    let engine = engine(2, &compiler);
    let running = Module::compile_in_background(&engine, module_of(&[20; 8])).unwrap();
    door.wait_for(2);
    let queued = Module::compile_in_background(&engine, module_of(&[20; 8])).unwrap();
    assert_eq!(engine.active_task_count(), 4);
    let returned = Arc::new(AtomicBool::new(false));
    let teardown = {
        let (engine, returned) = (engine.clone(), Arc::clone(&returned));
        thread::spawn(move || {
            engine.shutdown();
            returned.store(true, Ordering::SeqCst);
        })
    };
    until("the closed gate", || engine.is_shut_down());
    until("the cancelled tasks", || engine.active_task_count() == 2);
    let late = Module::compile_in_background(&engine, module_of(&[20; 8])).unwrap();
    assert_eq!(engine.active_task_count(), 2, "late work is refused on the spot");
    assert!(!returned.load(Ordering::SeqCst), "running units are waited for");
    door.open();
    teardown.join().unwrap();
    assert_eq!(engine.active_task_count(), 0);
    let begun = compiler.begun_funcs().len();
    assert_eq!(begun, 2, "no other unit was begun");
    // Modules are usable all the same: who wants code compiles.
    for pending in [running, queued, late] {
        assert!(!pending.is_finished());
        pending.wait().unwrap().ensure_variant(CodeVariant::Checked).unwrap();
    }
    assert_eq!(compiler.begun_funcs().len(), 3 * 16, "the two that ran had been published");
    let caller = thread::current().id();
    assert!(compiler.begun.lock().unwrap()[2..].iter().all(|&(_, thread)| thread == caller));
    engine.shutdown();
}

/// S1-42: an engine that was shut down takes no isolate; those it has go on, with new instances and variants too.
#[test]
fn s1_42_no_isolate_after_shutdown() {
    let engine = WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).unwrap();
    let module = Module::new(&engine, r#"(module (func (export "f") (result i32) i32.const 7))"#).unwrap();
    let mut isolate = Isolate::new(&engine).unwrap();
    engine.shutdown();
    assert_eq!(Isolate::new(&engine).unwrap_err().to_string(), "the engine was shut down");
    let late = Module::new(&engine, r#"(module (func (export "f") (result i32) i32.const 8))"#).unwrap();
    for (module, answer) in [(&module, 7), (&late, 8)] {
        let instance = Linker::new(&engine).instantiate(&mut isolate, module).unwrap();
        assert_eq!(instance.get_typed_func::<(), i32>(&mut isolate, "f").unwrap().call(&mut isolate, ()).unwrap(), answer);
    }
}

/// S1-41: a unit that polls is given up at teardown, given back, and compiled by whoever waits for it.
#[test]
fn s1_41_units_that_are_given_up_are_not_lost() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::SleepPolling(Duration::from_millis(30))));
    let engine = engine(3, &compiler);
    let module = thread::scope(|threads| {
        let compiling = threads.spawn(|| Module::new(&engine, module_of(&[20; 12])));
        until("the first units", || compiler.running.load(Ordering::SeqCst) == 3);
        engine.shutdown();
        compiling.join().unwrap()
    });
    assert_eq!(module.unwrap().compile_stats().finished_by_tier, [0, 12]);
    assert!(compiler.stopped.load(Ordering::SeqCst) > 0, "the test must see one given up");
}

/// S1-43: the order of teardown: background work ends before what it uses goes. Units look at the compilers to the end; the compilers outlive
/// them.
#[test]
fn s1_43_background_work_ends_before_the_engine() {
    let compiler = Arc::new(FakeCompiler::new().every(Act::SleepPolling(Duration::from_secs(2))));
    let engine = engine(2, &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 8])).unwrap();
    drop(engine);
    until("the first units", || compiler.running.load(Ordering::SeqCst) > 0);
    let begun = Instant::now();
    // The last handle: it shuts the engine down, here.
    drop(pending);
    assert_eq!(compiler.running.load(Ordering::SeqCst), 0);
    assert_eq!(Arc::strong_count(&compiler), 1, "the engine is gone");
    assert!(begun.elapsed() < Duration::from_secs(1), "C3: units that poll end soon: {:?}", begun.elapsed());
}

/// C1: a worker never frees a module or an engine, by type: tasks own plain data. What a module leaves behind goes to another thread, and
/// when there is none, it goes here.
#[test]
fn c1_what_is_left_of_a_module_is_freed_by_teardown_at_the_latest() {
    let compiler = Arc::new(FakeCompiler::new());
    for tasks in [0, 2] {
        let engine = engine(tasks, &compiler);
        let shared: Arc<[u8]> = module_of(&[100_000; 8]).into();
        let bytes = Arc::downgrade(&shared);
        let module = Module::from_shared(&engine, shared).unwrap();
        drop(module);
        engine.shutdown();
        assert!(bytes.upgrade().is_none(), "freed with {tasks} tasks");
    }
}

#[test]
fn an_engine_needs_a_compiler() {
    assert_eq!(
        WasmEngine::with_compilers(&Config::default().with_strategy(Strategy::AheadOfTime), vec![]).unwrap_err(),
        EngineError::NoCompiler
    );
}

#[cfg(feature = "optimizing")]
#[test]
fn the_compilers_of_this_build() {
    let engine = WasmEngine::new(&Config::default().with_strategy(Strategy::AheadOfTime)).unwrap();
    let module = Module::new(&engine, "(module (func (export \"f\") (result i32) (i32.const 42)))").unwrap();
    assert!(module.compile_stats().native_bytes > 0);
    assert!(Module::new(&engine, "(module (func (result i32)))").is_err());
}

/// A pool of a host.
#[derive(Debug, Default)]
struct Pool {
    tickets: Mutex<VecDeque<Ticket>>,
    arrived: Condvar,
    closed: AtomicBool,
    spawned: AtomicUsize,
}

impl Executor for Pool {
    fn spawn(&self, ticket: Ticket) {
        self.spawned.fetch_add(1, Ordering::SeqCst);
        self.tickets.lock().unwrap().push_back(ticket);
        self.arrived.notify_one();
    }
}

impl Pool {
    fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let pool = Arc::clone(self);
        let run = move || {
            loop {
                let mut tickets = pool.tickets.lock().unwrap();
                while tickets.is_empty() && !pool.closed.load(Ordering::SeqCst) {
                    tickets = pool.arrived.wait(tickets).unwrap();
                }
                let Some(ticket) = tickets.pop_front() else { return };
                drop(tickets);
                ticket.run();
            }
        };
        thread::Builder::new().name("host-pool".into()).spawn(run).unwrap()
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.arrived.notify_all();
    }
}

/// The host's threads run everything; the engine starts none, and its teardown asks nothing of the host.
#[test]
fn the_host_may_supply_the_executor() {
    let pool = Arc::new(Pool::default());
    let thread = pool.start();
    let clock = Arc::new(FakeClock::default());
    let compiler = Arc::new(FakeCompiler::new().every(Act::Advance(Arc::clone(&clock), Duration::from_millis(30))));
    let engine = engine_with(&config(2).with_executor(pool.clone()).with_clock(clock), &compiler);
    let pending = Module::compile_in_background(&engine, module_of(&[20; 30])).unwrap();
    until("the end", || pending.is_finished());
    pending.wait().unwrap();
    assert_eq!((engine.thread_count(), compiler.threads().len()), (0, 1));
    assert!(pool.spawned.load(Ordering::SeqCst) > 2, "slices are new tickets");
    pool.close();
    thread.join().unwrap();
    // Nobody runs tickets any more: who waits compiles, and teardown has nothing to wait for.
    let pending = Module::compile_in_background(&engine, module_of(&[20; 30])).unwrap();
    let other = Module::compile_in_background(&engine, module_of(&[20; 30])).unwrap();
    pending.wait().unwrap();
    engine.shutdown();
    drop(other);
    let left = std::mem::take(&mut *pool.tickets.lock().unwrap());
    assert!(!left.is_empty());
    left.into_iter().for_each(Ticket::run);
    assert_eq!(compiler.finished(), 60);
}

/// Tasks by themselves: order by priority, panics, teardown.
#[test]
fn tasks_run_by_priority_and_survive_panics() {
    let manager = TaskManager::new(1, "task");
    let door = Arc::new((Mutex::new(false), Condvar::new()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let gate = Arc::clone(&door);
    let started = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&started);
    let wait = move || {
        begins.store(true, Ordering::SeqCst);
        let mut open = gate.0.lock().unwrap();
        while !*open {
            open = gate.1.wait(open).unwrap();
        }
    };
    manager.post_fn(TaskPriority::UserBlocking, wait).unwrap();
    until("the first task", || started.load(Ordering::SeqCst));
    manager.post_fn(TaskPriority::UserBlocking, || panic!("pretended panic in a task")).unwrap();
    let priorities = [TaskPriority::Background, TaskPriority::UserBlocking, TaskPriority::Cleanup];
    for priority in priorities {
        let seen = Arc::clone(&seen);
        manager.post_fn(priority, move || seen.lock().unwrap().push(priority)).unwrap();
    }
    *door.0.lock().unwrap() = true;
    door.1.notify_all();
    until("the tasks", || manager.active_count() == 0);
    assert_eq!(*seen.lock().unwrap(), [TaskPriority::Cleanup, TaskPriority::UserBlocking, TaskPriority::Background]);
    manager.finish();
    assert!(manager.post_fn(TaskPriority::Cleanup, || {}).is_err());
    assert!(TaskManager::new(0, "task").post_fn(TaskPriority::Cleanup, || {}).is_err(), "no thread, no task");
}

/// Does something at the end of a scope.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What is to be dropped elsewhere goes when its owner has dropped all else, and is dropped at once where there is no other thread.
#[test]
fn what_is_dropped_elsewhere_goes_last() {
    let dropped_by = Arc::new(Mutex::new(None));
    let value = || {
        let dropped_by = Arc::clone(&dropped_by);
        AtEnd(move || *dropped_by.lock().unwrap() = Some(std::thread::current().id()))
    };
    let manager = TaskManager::new(1, "task");
    let remains = manager.poster().to_drop(value());
    until("the thread", || manager.active_count() == 0);
    assert_eq!(*dropped_by.lock().unwrap(), None, "its owner is there");
    drop(remains);
    until("the value", || dropped_by.lock().unwrap().is_some());
    assert_ne!(dropped_by.lock().unwrap().take(), Some(std::thread::current().id()));
    let remains = manager.poster().to_drop(value());
    manager.finish();
    assert_eq!(*dropped_by.lock().unwrap(), None);
    drop(remains);
    assert_eq!(dropped_by.lock().unwrap().take(), Some(std::thread::current().id()));
}

/// What nobody waits for leaves a processor to who posts it; what somebody waits for does not wait for that.
#[test]
fn background_tasks_leave_a_processor() {
    let manager = TaskManager::new(2, "task");
    let door = Arc::new((Mutex::new(false), Condvar::new()));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let open = || {
        *door.0.lock().unwrap() = true;
        door.1.notify_all();
    };
    // Also when something below fails: the manager waits for its tasks.
    let _opens = AtEnd(&open);
    let post = |priority| {
        let (door, running, most) = (Arc::clone(&door), Arc::clone(&running), Arc::clone(&most));
        let work = move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let mut open = door.0.lock().unwrap();
            while !*open {
                open = door.1.wait(open).unwrap();
            }
            running.fetch_sub(1, Ordering::SeqCst);
        };
        manager.post_fn(priority, work).unwrap();
    };
    (0..3).for_each(|_| post(TaskPriority::Background));
    until("the first task", || running.load(Ordering::SeqCst) == 1);
    assert_eq!(manager.thread_count(), 1, "a second thread would have nothing to do");
    post(TaskPriority::UserBlocking);
    until("the task that somebody waits for", || running.load(Ordering::SeqCst) == 2);
    open();
    until("the tasks", || manager.active_count() == 0);
    assert_eq!(most.load(Ordering::SeqCst), 2);
    *door.0.lock().unwrap() = false;
    most.store(0, Ordering::SeqCst);
    (0..4).for_each(|_| post(TaskPriority::Background));
    until("one of them", || running.load(Ordering::SeqCst) == 1);
    thread::sleep(Duration::from_millis(5));
    open();
    until("the tasks", || manager.active_count() == 0);
    assert_eq!(most.load(Ordering::SeqCst), 1, "with two threads, one at a time");
}

fn task_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("hammer-task")).count()
}

/// The hammer: engines are made, compile, and are dropped, module first or engine first, at random times, some torn down by another thread.
/// At the end no thread is left.
#[test]
fn s1_41_hammer_engines_modules_and_random_drops() {
    let _alone = alone();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let good = module_of(&[30; 60]);
    let bad = module_with_invalid(&[30; 60], &[41]);
    for round in 0..1_000 {
        let unit = Act::SleepPolling(Duration::from_micros(next(60)));
        let compiler = Arc::new(FakeCompiler::new().every(unit));
        let config = config(next(4) as usize).with_task_slice(Duration::from_micros(next(2_000))).with_thread_name("hammer-task");
        let engine = engine_with(&config, &compiler);
        let mut pending: Vec<_> = (0..1 + next(3))
            .map(|_| Module::compile_in_background(&engine, if next(5) == 0 { &bad } else { &good }).unwrap())
            .collect();
        thread::sleep(Duration::from_micros(next(400)));
        match next(5) {
            0 => drop(pending.pop()),
            1 => {
                let waited = pending.pop().map(|pending| pending.wait().is_ok());
                assert!(waited.is_some());
            }
            2 => {
                let other = engine.clone();
                let teardown = thread::spawn(move || other.shutdown());
                let waited = pending.pop().map(|pending| pending.wait());
                assert!(waited.is_some());
                teardown.join().unwrap();
            }
            3 => engine.shutdown(),
            _ => {}
        }
        if round % 2 == 0 {
            drop(engine);
            drop(pending);
        } else {
            drop(pending);
            assert_eq!(engine.live_module_count(), 0);
            drop(engine);
        }
        assert_eq!(Arc::strong_count(&compiler), 1, "nothing keeps the engine, round {round}");
    }
    assert_eq!(task_threads(), 0, "a thread was left");
}
