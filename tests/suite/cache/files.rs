//! What is found again, and what is not.

use std::sync::Arc;
use std::time::Duration;

use deltic::abi::artifact::CodeVariant;
use deltic::base::DefinedFuncIndex;
use deltic::{CodeSettings, Config, CpuFeatures, Module, Strategy, TaskPriority, Tier, WasmEngine};

use super::{GUEST, MemoryStore, Process, cache, check_guest};

fn config(store: &Arc<MemoryStore>) -> Config {
    Config::default().with_code_cache(cache(store))
}

#[test]
fn a_second_process_compiles_nothing_again() {
    for config in [
        Config::default(),
        Config::default().with_tier(Tier::Optimized),
        Config::default().with_strategy(Strategy::Eager),
        Config::default().with_strategy(Strategy::AheadOfTime),
        Config::default().with_memory_guards(false),
    ] {
        let store = Arc::new(MemoryStore::default());
        let cache = cache(&store);
        let config = config.with_code_cache(cache.clone());
        let mut first = Process::new(config.clone(), GUEST);
        check_guest(&mut first);
        let (compiled, _) = first.counts();
        assert!(compiled >= 6 && first.module.keep_code());
        assert!(!first.module.keep_code(), "nothing is new");

        let mut second = Process::new(config.clone(), GUEST);
        assert_eq!(second.counts(), (0, 0), "nothing is loaded before it is called");
        check_guest(&mut second);
        assert_eq!(second.counts(), (0, 6));
        assert!(!second.module.keep_code());
        // What is not there is compiled.
        let trap = second.call("never", 1).expect_err("it traps");
        assert!(trap.contains("unreachable"), "{trap}");
        let stats = cache.stats();
        assert_eq!((stats.misses >= 1, stats.hits, stats.rejected, stats.kept), (true, 1, 0, 1));
    }
}

/// The same backtraces, with names and offsets, from code that was loaded.
#[test]
fn traps_are_the_same() {
    let store = Arc::new(MemoryStore::default());
    let mut first = Process::new(config(&store), GUEST);
    let expected = first.call("divide", 0).expect_err("a trap");
    assert!(first.module.keep_code());
    let mut second = Process::new(config(&store), GUEST);
    assert_eq!(second.call("divide", 0).expect_err("a trap"), expected);
    assert_eq!(second.counts(), (0, 1));
}

/// What was optimized begins so, and what was about to be goes on from there.
#[test]
fn a_second_process_begins_tiered() {
    let store = Arc::new(MemoryStore::default());
    let config = config(&store).with_tier_up_calls(30);
    let tier = |module: &Module, func| module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func));
    let (sum, divide) = (2, 5);
    let mut first = Process::new(config.clone(), GUEST);
    for _ in 0..40 {
        first.call("sum", 10).expect("a sum");
    }
    for _ in 0..25 {
        first.call("divide", 7).expect("a number");
    }
    assert_eq!((tier(&first.module, sum), tier(&first.module, divide)), (Some(Tier::Optimized), Some(Tier::Baseline)));
    assert!(first.module.keep_code());

    let mut second = Process::new(config, GUEST);
    second.call("sum", 10).expect("a sum");
    assert_eq!(tier(&second.module, sum), Some(Tier::Optimized));
    assert_eq!((second.counts(), second.module.compile_stats().tier_ups), ((0, 1), 0), "what it calls is in its place");
    for _ in 0..10 {
        second.call("divide", 7).expect("a number");
    }
    assert_eq!(tier(&second.module, divide), Some(Tier::Optimized), "35 calls in both");
    check_guest(&mut second);
}

/// What calls were made and where indirect ones went is known to the next process, whose optimized code is guarded by it.
#[test]
fn profiles_travel() {
    let text = r#"(module
        (type $unary (func (param i32) (result i32)))
        (table 2 funcref) (elem (i32.const 0) $plus $minus)
        (func $plus (type $unary) (i32.add (local.get 0) (i32.const 1)))
        (func $minus (type $unary) (i32.sub (local.get 0) (i32.const 1)))
        (func (export "f") (type $unary) (call_indirect (type $unary) (local.get 0) (i32.const 0)))
        (func $room (param i64) (drop (i64.const 0x7fffffffffffff)) (drop (i64.const 0x7fffffffffffff)) (drop (i64.const 0x7fffffffffffff))
            (drop (i64.const 0x7fffffffffffff)) (drop (i64.const 0x7fffffffffffff)) (drop (i64.const 0x7fffffffffffff))))"#;
    let store = Arc::new(MemoryStore::default());
    let config = config(&store).with_tier_up_calls(100);
    let mut first = Process::new(config.clone(), text);
    for n in 0..90 {
        assert_eq!(first.call("f", n), Ok(n + 1));
    }
    assert_eq!(first.module.compile_stats().inlined_sites, 0);
    assert!(first.module.keep_code());
    let mut second = Process::new(config, text);
    for n in 0..20 {
        assert_eq!(second.call("f", n), Ok(n + 1));
    }
    let stats = second.module.compile_stats();
    assert!(stats.tier_ups >= 1 && stats.inlined_sites >= 1, "its target is inlined after a few calls: {stats:?}");
}

/// Whatever changes code, or what it may assume, has files of its own.
#[test]
fn other_settings_have_other_files() {
    let store = Arc::new(MemoryStore::default());
    let base = config(&store);
    let settings = |change: fn(&mut CodeSettings)| {
        let mut settings = CodeSettings::default();
        change(&mut settings);
        base.clone().with_code_settings(settings)
    };
    let configs = [
        base.clone(),
        settings(|settings| settings.fuel = true),
        settings(|settings| settings.canonicalize_nans = true),
        settings(|settings| settings.interruptible = false),
        settings(|settings| settings.branch_hints = false),
        base.clone().with_tier(Tier::Baseline),
        base.clone().with_tier(Tier::Optimized),
        base.clone().with_strategy(Strategy::AheadOfTime),
        base.clone().with_cpu_features(CpuFeatures::V2.intersection(CpuFeatures::host())),
        base.clone().with_memory_guards(false),
        base.clone().with_call_profiles(false),
    ];
    for (count, config) in configs.iter().enumerate() {
        let mut process = Process::new(config.clone(), GUEST);
        process.isolate.set_fuel(1_000_000);
        check_guest(&mut process);
        assert_eq!(process.counts().1, 0, "configuration {count} is the first of its kind");
        assert!(process.module.keep_code());
        assert_eq!(store.count(), count + 1);
    }
    for config in configs {
        let mut process = Process::new(config, GUEST);
        process.isolate.set_fuel(1_000_000);
        check_guest(&mut process);
        assert_eq!(process.counts(), (0, 6));
    }
    // Another module, if only by a byte.
    let mut other = Process::new(base, &GUEST.replace("$guest", "$other"));
    check_guest(&mut other);
    assert_eq!(other.counts().1, 0);
}

/// Two processes that call different things leave what both have compiled; the better code of each function stays.
#[test]
fn files_grow() {
    let store = Arc::new(MemoryStore::default());
    let config = config(&store);
    let mut first = Process::new(config.clone(), GUEST);
    let mut second = Process::new(config.clone(), GUEST);
    first.call("divide", 7).expect("a number");
    second.call("load", 8).expect("a number");
    let optimized = second.module.warm_up(["load"], Tier::Optimized, TaskPriority::UserBlocking).expect("a function");
    optimized.wait().expect("it compiles");
    assert!(first.module.keep_code() && second.module.keep_code());
    let mut last = Process::new(config.clone(), GUEST);
    assert_eq!((last.call("divide", 7), last.call("load", 8)), (Ok(14), Ok(0x0403_0201)));
    assert_eq!(last.counts(), (0, 2));
    // A little that is new is not worth a file.
    check_guest(&mut last);
    assert_eq!(last.counts(), (4, 2));
    assert!(!last.module.keep_code());
    assert_eq!(last.module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(4)), Some(Tier::Optimized));
}

/// Many threads call what one file has, each for the first time; and many modules keep at once.
#[test]
fn many_at_once() {
    let store = Arc::new(MemoryStore::default());
    let config = config(&store).with_num_compilation_tasks(2);
    let mut first = Process::new(config.clone(), GUEST);
    check_guest(&mut first);
    assert!(first.module.keep_code());
    for _ in 0..20 {
        let engine = WasmEngine::new(&config).expect("an engine");
        let module = Module::new(&engine, GUEST).expect("a module");
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    let mut process = Process::of(module.clone());
                    check_guest(&mut process);
                    process.module.keep_code();
                });
            }
        });
        let stats = module.compile_stats();
        assert_eq!((stats.loaded, stats.finished_by_tier), (6, [0, 0]));
    }
}

/// Modules that are compiled in the background are ready at once when their code is there.
#[test]
fn in_the_background_as_well() {
    let store = Arc::new(MemoryStore::default());
    let config = config(&store).with_num_compilation_tasks(2).with_strategy(Strategy::AheadOfTime);
    for round in 0..2 {
        let engine = WasmEngine::new(&config).expect("an engine");
        let module = Module::compile_in_background(&engine, GUEST).expect("a module").wait().expect("it compiles");
        let mut process = Process::of(module);
        check_guest(&mut process);
        // All that was compiled before anything was called.
        let (compiled, loaded) = process.counts();
        assert!(if round == 0 { (compiled, loaded) == (7, 0) } else { compiled == 0 && loaded >= 6 }, "{compiled} {loaded}");
        assert_eq!(process.module.keep_code(), round == 0);
    }
}

/// Who says nothing has his code kept some time after the last function was compiled, and then again when there is more.
#[test]
fn code_is_kept_after_a_while() {
    let store = Arc::new(MemoryStore::default());
    let cache = cache(&store).with_quiet_time(Duration::from_millis(10));
    let config = Config::default().with_num_compilation_tasks(1).with_code_cache(cache.clone());
    let engine = WasmEngine::new(&config).expect("an engine");
    let mut process = Process::of(Module::new(&engine, GUEST).expect("a module"));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(store.count(), 0, "there is nothing yet");
    check_guest(&mut process);
    until(|| cache.stats().kept == 1);
    let warm = process.module.warm_up(process.module.funcs(), Tier::Optimized, TaskPriority::Background).expect("functions");
    warm.wait().expect("they compile");
    until(|| cache.stats().kept >= 2);
    let mut other = Process::new(config.clone(), GUEST);
    check_guest(&mut other);
    assert_eq!(other.module.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(4)), Some(Tier::Optimized));
    // Modules and engines go at any time.
    for round in 0..20 {
        let engine = WasmEngine::new(&config).expect("an engine");
        let mut process = Process::of(Module::new(&engine, GUEST.replace("100", &round.to_string())).expect("a module"));
        process.call("load", 8).expect("a number");
        std::thread::sleep(Duration::from_millis(round));
        drop(process);
        if round % 2 == 0 {
            engine.shutdown();
        }
    }
}

#[track_caller]
fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing has come of it");
}

/// A stream that was compiled as it came is kept, once, and found by who has all bytes at once.
#[test]
fn streams_are_kept() {
    let store = Arc::new(MemoryStore::default());
    let config = config(&store).with_strategy(Strategy::Eager).with_num_compilation_tasks(1);
    for round in 0..2 {
        let engine = WasmEngine::new(&config).expect("an engine");
        let mut stream = deltic::StreamingCompiler::new(&engine);
        wat::parse_str(GUEST).expect("text").chunks(20).for_each(|chunk| stream.push(chunk).expect("a module so far"));
        let mut process = Process::of(stream.finish().expect("a module"));
        check_guest(&mut process);
        assert_eq!(process.counts(), (7, 0), "all of it");
        assert_eq!(process.module.keep_code(), round == 0);
    }
    let mut process = Process::new(config, GUEST);
    check_guest(&mut process);
    assert_eq!(process.counts(), (0, 6));
}

/// What earlier processes have called is there before anybody calls it.
#[test]
fn functions_are_loaded_ahead() {
    let store = Arc::new(MemoryStore::default());
    let mut first = Process::new(config(&store), GUEST);
    check_guest(&mut first);
    assert!(first.module.keep_code());
    let engine = WasmEngine::new(&config(&store).with_num_compilation_tasks(1)).expect("an engine");
    let module = Module::new(&engine, GUEST).expect("a module");
    until(|| module.compile_stats().loaded == 6);
    let mut process = Process::of(module);
    check_guest(&mut process);
    assert_eq!(process.counts(), (0, 6));
}

/// A stream of a lazy engine has its bodies validated as they come, and finds its code at the end.
#[test]
fn streams_find_their_code() {
    let store = Arc::new(MemoryStore::default());
    for round in 0..2 {
        let engine = WasmEngine::new(&config(&store).with_num_compilation_tasks(1)).expect("an engine");
        let mut stream = deltic::StreamingCompiler::new(&engine);
        for chunk in wat::parse_str(GUEST).expect("text").chunks(20) {
            stream.push(chunk).expect("a module so far");
        }
        let mut process = Process::of(stream.finish().expect("a module"));
        check_guest(&mut process);
        assert_eq!(process.counts().0, [6, 0][round]);
        assert_eq!(process.module.keep_code(), round == 0);
    }
}
