//! How long it takes to give up a module while it is being compiled: for who does, and until no thread works on it any more.
//!
//! The one who gives up is as likely as any other thread to be taken off its processor meanwhile, by the workers above all, and the machine's
//! other work. How long it stood ready and did not run is told by the system, and reported beside what it took.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use deltic::{Config, Module, Strategy, StreamingCompiler, WasmEngine};

/// How a module is given up.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// Its stream, in the middle.
    Stream,
    /// What became of the stream after its last byte.
    Pending,
    /// The future that compiles it.
    Future,
}

/// All of them.
pub const WAYS: [Way; 3] = [Way::Stream, Way::Pending, Way::Future];

/// What giving up took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Until it returned.
    pub took: Duration,
    /// So much of that the thread stood ready, and did not run.
    pub queued: Duration,
    /// From then until no thread worked on the module, nor freed it.
    pub idle: Duration,
}

/// An engine of a strategy, which compiles equal modules each for itself.
pub fn engine(strategy: Strategy, tasks: usize) -> WasmEngine {
    let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks).with_module_sharing(false);
    WasmEngine::new(&config).expect("an engine")
}

/// Begins to compile a module, and gives it up after a while, and for a stream so far into its bytes. `None` if it was ready before.
pub fn one(engine: &WasmEngine, bytes: &[u8], way: Way, upto: usize, after: Duration) -> Option<Cost> {
    match way {
        Way::Stream => {
            let stream = pushed(engine, &bytes[..upto]);
            std::thread::sleep(after);
            Some(measure(engine, || stream.abort()))
        }
        Way::Pending => {
            let pending = pushed(engine, bytes).finish_in_background().expect("a valid module");
            std::thread::sleep(after);
            let is_ready = pending.is_finished();
            let cost = measure(engine, || drop(pending));
            (!is_ready).then_some(cost)
        }
        Way::Future => {
            let mut future = Module::compile_async(engine, bytes.to_vec());
            let begun = Instant::now();
            while begun.elapsed() < after {
                let _ = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
                std::thread::sleep(Duration::from_millis(1));
            }
            let progress = future.progress();
            let cost = measure(engine, || drop(future));
            (progress.total == 0 || progress.done < progress.total).then_some(cost)
        }
    }
}

fn pushed(engine: &WasmEngine, bytes: &[u8]) -> StreamingCompiler {
    let mut stream = StreamingCompiler::new(engine);
    for chunk in bytes.chunks(64 << 10) {
        stream.push(chunk).expect("a valid module");
    }
    stream
}

fn measure(engine: &WasmEngine, give_up: impl FnOnce()) -> Cost {
    let before = run_queue_wait();
    let begun = Instant::now();
    give_up();
    let took = begun.elapsed();
    let queued = run_queue_wait().saturating_sub(before);
    Cost { took, queued, idle: until_idle(engine) }
}

/// How long this thread has stood ready and did not run, as far as the system tells.
fn run_queue_wait() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').nth(1).and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Until no task works on anything that was given up: how long.
pub fn until_idle(engine: &WasmEngine) -> Duration {
    let begun = Instant::now();
    while engine.active_task_count() > 0 {
        std::thread::sleep(Duration::from_micros(50));
    }
    begun.elapsed()
}

/// So many modules, given up at moments that are spread over the bytes, for streams, and over a span of time behind.
pub fn many(engine: &WasmEngine, bytes: &[u8], way: Way, rounds: u32, span: Duration) -> Vec<Cost> {
    // Two ratios that spread moments evenly whatever their number.
    let share = |round: u32, ratio: f64| (f64::from(round) * ratio).fract();
    let upto = |round| (bytes.len() as f64 * share(round + 1, 0.754_877_666_246_692)) as usize;
    let after = |round| span.mul_f64(share(round, 0.569_840_290_998_053));
    (0..rounds).filter_map(|round| one(engine, bytes, way, upto(round), after(round))).collect()
}

/// Times of one kind, sorted.
pub fn sorted(costs: &[Cost], of: impl Fn(&Cost) -> Duration) -> Vec<Duration> {
    let mut times: Vec<Duration> = costs.iter().map(of).collect();
    times.sort_unstable();
    times
}

/// A time that a share of sorted times does not exceed; none of no times.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let position = ((sorted.len() as f64 * share).ceil() as usize).max(1);
    sorted.get(position.min(sorted.len()).wrapping_sub(1)).copied().unwrap_or_default()
}

/// A few modules in every way, that take long enough. Nothing of them is left behind.
pub fn smoke() {
    let bytes = super::modules::mixed(1 << 20);
    for strategy in [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime] {
        let engine = engine(strategy, 2);
        for way in WAYS {
            let costs = many(&engine, &bytes, way, 5, Duration::from_millis(3));
            assert!(!costs.is_empty() || strategy != Strategy::AheadOfTime, "{way:?}: ready before it was given up");
            let took = sorted(&costs, |cost| cost.took);
            assert!(quantile(&took, 0.5) <= quantile(&took, 0.99));
            assert_eq!(engine.live_module_count(), 0);
        }
        engine.shutdown();
        assert_eq!(engine.active_task_count(), 0);
    }
}
