//! Modules that are compiled as their bytes come: the same code, the same errors, whatever the chunks.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deltic::abi::artifact::Reloc;
use deltic::base::DefinedFuncIndex;
use deltic::codegen::compiler::UnitError;
use deltic::compile::CompileEvent;
use deltic::compile::events::EventSink;
use deltic::{CompileError, CompileErrorKind, Config, Isolate, Linker, Module, Strategy, StreamingCompiler, Tier, WasmEngine};

use crate::support::{Compile, Random, around};

const STRATEGIES: [Strategy; 3] = [Strategy::Lazy, Strategy::Eager, Strategy::AheadOfTime];

fn engine(strategy: Strategy, tasks: usize) -> WasmEngine {
    let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks).with_task_body_bytes(0);
    WasmEngine::new(&config).expect("an engine")
}

/// All sections, functions of many sizes, some of them large, names and hints.
fn large(func_count: usize) -> Vec<u8> {
    let mut text = String::from(
        "(module $large (import \"a\" \"b\" (func $imported (param i32))) (memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 3))
         (type $unary (func (param i32) (result i32))) (tag $t (param i32)) (elem (i32.const 0) $f0 $f1) (start $begin)
         (func $begin (global.set $g (i32.const 5)))",
    );
    for n in 0..func_count {
        write!(text, "(func $f{n} (export \"f{n}\") (type $unary)").unwrap();
        for step in 0..1 + (n * 7919) % 60 + if n % 40 == 39 { 900 } else { 0 } {
            write!(
                text,
                "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const {})) (i32.load (i32.const {step}))))",
                n + step
            )
            .unwrap();
        }
        text.push_str("(@metadata.code.branch_hint \"\\01\") (if (i32.eqz (local.get 0)) (then (global.set $g (i32.const 1)))) (local.get 0))");
    }
    for n in 0..50 {
        write!(text, "(data (i32.const {}) \"some data of segment {n}\")", n * 40).unwrap();
    }
    text.push_str("(@custom \"behind\" (after last) \"all\"))");
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

fn stream(engine: &WasmEngine, chunks: &[&[u8]]) -> Result<Module, CompileError> {
    let mut stream = StreamingCompiler::new(engine);
    for chunk in chunks {
        let pushed = stream.push(chunk);
        if let Err(error) = pushed {
            assert_eq!(stream.push(b"more").as_ref(), Err(&error), "the same error for what comes after it");
            assert_eq!(stream.finish().map(|_| ()).as_ref(), Err(&error));
            return Err(error);
        }
    }
    stream.finish()
}

fn in_chunks(engine: &WasmEngine, bytes: &[u8], size: usize) -> Result<Module, CompileError> {
    stream(engine, &bytes.chunks(size.max(1)).collect::<Vec<_>>())
}

/// Chunks that begin at random places.
fn random_chunks<'b>(bytes: &'b [u8], count: usize, random: &mut Random) -> Vec<&'b [u8]> {
    let mut cuts: Vec<usize> = (0..count).map(|_| random.below(bytes.len() + 1)).chain([0, bytes.len()]).collect();
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}

/// Code with places left open, and those places, by function.
type Made = BTreeMap<DefinedFuncIndex, (Tier, Box<[u8]>, Vec<Reloc>)>;

/// An engine, and what its compilers make.
#[cfg(all(feature = "baseline", feature = "optimizing"))]
fn recording(strategy: Strategy, tasks: usize) -> (WasmEngine, Arc<Mutex<Made>>) {
    use deltic::codegen::{baseline::Baseline, optimizing::Optimizing};
    let made: Arc<Mutex<Made>> = Arc::default();
    let record = || {
        let made = Arc::clone(&made);
        move |func, compile: Compile<'_>| {
            let artifact = compile()?;
            let previous = made.lock().unwrap().insert(func, (artifact.tier, artifact.code.clone(), artifact.relocs.to_vec()));
            assert!(previous.is_none(), "{func:?} is compiled once");
            Ok(artifact)
        }
    };
    let compilers = vec![around(Baseline::new(), record()), around(Optimizing::new().unwrap(), record())];
    let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(tasks).with_task_body_bytes(0);
    (WasmEngine::with_compilers(&config, compilers).expect("an engine"), made)
}

/// C2: what is compiled does not depend on how the bytes came, nor on who compiled.
#[cfg(all(feature = "baseline", feature = "optimizing"))]
#[test]
fn c2_the_same_machine_code_in_any_chunks() {
    let bytes = large(90);
    for strategy in [Strategy::Eager, Strategy::AheadOfTime] {
        let (engine, made) = recording(strategy, 0);
        Module::new(&engine, &bytes).unwrap();
        let whole = std::mem::take(&mut *made.lock().unwrap());
        assert_eq!(whole.len(), 91);
        let mut random = Random::new(7);
        for tasks in [0, 1, 3] {
            let (engine, made) = recording(strategy, tasks);
            let check = |chunks: &[&[u8]]| {
                let module = stream(&engine, chunks).unwrap();
                assert!(**module.wire_bytes() == *bytes);
                assert!(std::mem::take(&mut *made.lock().unwrap()) == whole, "{strategy:?} {tasks} {}", chunks.len());
            };
            for size in [1, 2, 3, 7, 64, 4_096, bytes.len()] {
                check(&bytes.chunks(size).collect::<Vec<_>>());
            }
            for _ in 0..5 {
                check(&random_chunks(&bytes, 20, &mut random));
            }
            let pending = {
                let mut stream = StreamingCompiler::new(&engine);
                bytes.chunks(1_000).for_each(|chunk| stream.push(chunk).unwrap());
                stream.finish_in_background().unwrap()
            };
            pending.wait().unwrap();
            assert!(std::mem::take(&mut *made.lock().unwrap()) == whole, "in the background, {tasks} tasks");
        }
    }
}

/// A small module, cut at each position, runs as it does whole.
#[test]
fn a_module_may_be_cut_anywhere() {
    let bytes = wat::parse_str(
        "(module (memory 1) (data (i32.const 8) \"\\07\") (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.load (i32.const 8))))
           (func (export \"run\") (param i32) (result i32) (call $add (call $add (local.get 0)))))",
    )
    .unwrap();
    for (strategy, tasks) in STRATEGIES.into_iter().flat_map(|strategy| [(strategy, 0), (strategy, 2)]) {
        let engine = engine(strategy, tasks);
        for cut in 0..=bytes.len() {
            let module = stream(&engine, &[&bytes[..cut], &bytes[cut..]]).unwrap();
            let mut isolate = Isolate::new(&engine).unwrap();
            let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
            let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").unwrap();
            assert_eq!(run.call(&mut isolate, 5).unwrap(), 19, "{strategy:?}, cut at {cut}");
        }
        assert_eq!(engine.live_module_count(), 0);
    }
}

/// What a stream has lost at its end is told as of a whole module.
#[test]
fn truncated_modules_have_the_same_errors() {
    let small = wat::parse_str(
        "(module (type (func (param i32) (result i32))) (import \"a\" \"b\" (func)) (memory 1) (global i32 (i32.const 7))
           (func $one (export \"one\") (type 0) (i32.mul (local.get 0) (i32.const 77))) (func $two (type 0) (local.get 0))
           (data (i32.const 0) \"some bytes\") (@custom \"end\" (after last) \"of the module\"))",
    )
    .unwrap();
    let large = large(60);
    let mut random = Random::new(11);
    for (strategy, tasks) in [(Strategy::Lazy, 2), (Strategy::Eager, 2), (Strategy::AheadOfTime, 0), (Strategy::Lazy, 0)] {
        let engine = engine(strategy, tasks);
        let mut errors = 0;
        for len in 0..small.len() {
            let whole = Module::new(&engine, &small[..len]).map(|_| ());
            errors += usize::from(whole.is_err());
            for size in [1, 5, small.len()] {
                assert_eq!(in_chunks(&engine, &small[..len], size).map(|_| ()), whole, "{strategy:?}, {len} bytes by {size}");
            }
        }
        assert!(errors > small.len() - 10, "only {errors} errors: some ends are those of sections");
        for _ in 0..40 {
            let len = random.below(large.len());
            let whole = Module::new(&engine, &large[..len]).map(|_| ());
            let chunks = random_chunks(&large[..len], 12, &mut random);
            assert_eq!(stream(&engine, &chunks).map(|_| ()), whole, "{strategy:?}, {len} bytes");
        }
        assert_eq!(engine.live_module_count(), 0);
    }
}

/// So is any other damage: the first error outside of bodies, or the lowest invalid function.
#[test]
fn s1_34_damaged_modules_have_the_same_errors() {
    let bytes = large(8);
    let mut random = Random::new(5);
    for (strategy, tasks) in [(Strategy::Lazy, 2), (Strategy::Eager, 2), (Strategy::AheadOfTime, 0)] {
        let engine = engine(strategy, tasks);
        let mut in_bodies = 0;
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
            }
            let whole = Module::new(&engine, &damaged).map(|_| ());
            let chunks = random_chunks(&damaged, 10, &mut random);
            assert_eq!(stream(&engine, &chunks).map(|_| ()), whole, "{strategy:?}");
            in_bodies += usize::from(whole.is_err_and(|error| error.offset.is_some_and(|offset| offset > 600)));
        }
        assert!(in_bodies > 20, "only {in_bodies} errors in bodies");
        assert_eq!(engine.live_module_count(), 0);
    }
}

/// An error that no bytes to come can change is told at once, and a body's at the end.
#[test]
fn errors_are_told_when_they_are_certain() {
    let engine = engine(Strategy::Eager, 2);
    let mut no_module = StreamingCompiler::new(&engine);
    no_module.push(b"\0a").unwrap();
    let error = no_module.push(b"x").unwrap_err();
    assert_eq!(Module::new(&engine, b"\0axx").unwrap_err(), error);

    let bytes = wat::parse_str("(module (func (result i32) i64.const 1) (func))").unwrap();
    let mut invalid = StreamingCompiler::new(&engine);
    invalid.push(&bytes).unwrap();
    let error = invalid.finish().unwrap_err();
    assert_eq!((error.kind, Module::new(&engine, &bytes).unwrap_err()), (CompileErrorKind::Invalid, error));

    let mut bad_section = bytes;
    bad_section.extend([0x0e, 0x00]);
    let mut stream = StreamingCompiler::new(&engine);
    let error = stream.push(&bad_section).unwrap_err();
    assert_eq!(Module::new(&engine, &bad_section).unwrap_err(), error, "before the error of the body");
}

/// Errors of compilers name the function, although its name comes behind it.
#[cfg(feature = "baseline")]
#[test]
fn errors_of_functions_have_their_names() {
    let bytes = wat::parse_str("(module $m (func $first) (func $second (nop)))").unwrap();
    for tasks in [0, 2] {
        let refuse = |func: DefinedFuncIndex, compile: Compile<'_>| {
            if func == DefinedFuncIndex::from_u32(1) { Err(UnitError::TierUnable("of no reason".into())) } else { compile() }
        };
        let compilers = vec![around(deltic::codegen::baseline::Baseline::new(), refuse)];
        let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(tasks).with_task_body_bytes(0);
        let engine = WasmEngine::with_compilers(&config, compilers).unwrap();
        let whole = Module::new(&engine, &bytes).unwrap_err();
        assert_eq!(whole.message, "function 1 (second): of no reason");
        for size in [1, bytes.len()] {
            assert_eq!(in_chunks(&engine, &bytes, size).unwrap_err(), whole);
        }
    }
}

/// Both formats are taken wherever bytes are.
#[test]
fn text_is_collected() {
    let engine = engine(Strategy::Eager, 2);
    let text = b"  \n ;; a comment\n (module (func (export \"f\")) (data \"\\00asm\"))";
    for size in [1, 4, text.len()] {
        assert_eq!(in_chunks(&engine, text, size).unwrap().decoded().exports.len(), 1);
    }
    for bytes in [&b"(module"[..], b"", b"   ", b"  x", b"; no comment"] {
        let whole = Module::new(&engine, bytes).unwrap_err();
        assert_eq!(in_chunks(&engine, bytes, 1).unwrap_err(), whole, "{bytes:?}");
    }
    let pending = {
        let mut stream = StreamingCompiler::new(&engine);
        stream.push(text).unwrap();
        stream.finish_in_background().unwrap()
    };
    assert_eq!(pending.wait().unwrap().decoded().exports.len(), 1);
}

#[derive(Debug, Default)]
struct Bell(AtomicUsize);

impl EventSink for Bell {
    fn wake(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A module on its way says when it is there: a bell for who polls, callbacks for who dispatches.
#[test]
fn the_end_of_a_stream_in_the_background_is_told() {
    let bytes = large(50);
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let (bell, seen) = (Arc::new(Bell::default()), Arc::new(Mutex::new(Vec::new())));
        let mut stream = StreamingCompiler::with_sink(&engine, Some(bell.clone()));
        bytes.chunks(777).for_each(|chunk| stream.push(chunk).unwrap());
        let pending = stream.finish_in_background().unwrap();
        let add = Arc::clone(&seen);
        pending.add_callback(move |event| add.lock().unwrap().push(event));
        let begun = Instant::now();
        while !pending.is_finished() || bell.0.load(Ordering::SeqCst) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{strategy:?}: it does not end by itself");
            std::thread::yield_now();
        }
        pending.dispatch_events();
        pending.wait().unwrap();
        assert_eq!(seen.lock().unwrap().last(), Some(&CompileEvent::FinishedCompilation), "{strategy:?}");

        let invalid = wat::parse_str("(module (func) (func (result i32)))").unwrap();
        let mut stream = StreamingCompiler::new(&engine);
        stream.push(&invalid).unwrap();
        let pending = stream.finish_in_background().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let add = Arc::clone(&seen);
        pending.add_callback(move |event| add.lock().unwrap().push(event));
        assert_eq!(pending.wait().unwrap_err(), Module::new(&engine, &invalid).unwrap_err());
        assert_eq!(*seen.lock().unwrap(), [CompileEvent::Failed], "{strategy:?}");
    }
}

/// S1-31, S1-33: who gives up what is pending hears nothing any more.
#[test]
fn s1_31_no_callback_after_a_stream_was_given_up() {
    let bytes = large(60);
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let seen = Arc::new(AtomicUsize::new(0));
        for round in 0..20 {
            let mut stream = StreamingCompiler::new(&engine);
            stream.push(&bytes[..bytes.len() - round * 300]).unwrap();
            let add = Arc::clone(&seen);
            if round % 2 == 0 {
                stream.abort();
            } else if let Ok(pending) = stream.finish_in_background() {
                pending.add_callback(move |_| {
                    add.fetch_add(1, Ordering::SeqCst);
                });
                drop(pending);
            }
        }
        assert_eq!((Arc::strong_count(&seen), engine.live_module_count()), (1, 0), "callbacks are dropped by the owner");
        engine.shutdown();
        assert_eq!((seen.load(Ordering::SeqCst), engine.active_task_count()), (0, 0));
    }
}

/// S1-32: streams that are given up at random times, on several threads, beside others that are finished, leave nothing behind.
#[test]
fn s1_32_hammer_streams_and_aborts() {
    let bytes = Arc::new(large(120));
    for strategy in STRATEGIES {
        let engine = engine(strategy, 3);
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let (engine, bytes) = (engine.clone(), Arc::clone(&bytes));
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 1);
                    let mut finished = 0;
                    for _ in 0..12 {
                        let mut stream = StreamingCompiler::new(&engine);
                        let upto = random.below(bytes.len() + bytes.len() / 3).min(bytes.len());
                        for chunk in random_chunks(&bytes[..upto], 15, &mut random) {
                            stream.push(chunk).unwrap();
                            if random.below(4) == 0 {
                                std::thread::sleep(Duration::from_micros(random.next() % 300));
                            }
                        }
                        match random.below(3) {
                            0 => stream.abort(),
                            1 => drop(stream.finish_in_background()),
                            _ => {
                                let module = stream.finish();
                                assert_eq!(module.is_ok(), upto == bytes.len());
                                finished += usize::from(module.is_ok());
                            }
                        }
                    }
                    finished
                })
            })
            .collect();
        let finished: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(engine.live_module_count(), 0, "{strategy:?}, {finished} finished");
        engine.shutdown();
        assert_eq!(engine.active_task_count(), 0);
    }
}

/// Streams of one engine do not get into each other's way, whether it has threads, or has none any more.
#[test]
fn two_streams_at_once() {
    let bytes = large(40);
    for strategy in STRATEGIES {
        let engine = engine(strategy, 2);
        let mut streams = [StreamingCompiler::new(&engine), StreamingCompiler::new(&engine)];
        for chunk in bytes.chunks(100) {
            streams.iter_mut().for_each(|stream| stream.push(chunk).unwrap());
        }
        let modules = streams.map(|stream| stream.finish().unwrap());
        assert!(modules.iter().all(|module| module.decoded().exports.len() == 40));
        let mut late = StreamingCompiler::new(&engine);
        late.push(&bytes[..bytes.len() / 2]).unwrap();
        engine.shutdown();
        late.push(&bytes[bytes.len() / 2..]).unwrap();
        assert_eq!(late.finish().unwrap().decoded().exports.len(), 40, "{strategy:?}: the caller compiles");
    }
}

/// One byte at a time takes time in proportion, and so does a section that comes slowly.
#[test]
fn bytes_one_by_one_take_linear_time() {
    let engine = engine(Strategy::Lazy, 0);
    // One section of a million bytes: were it looked at with each byte, this would take hours.
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    bytes.extend([0, 0xc0, 0x84, 0x3d, 1, b'c']);
    bytes.resize(bytes.len() + 1_000_000 - 2, 7);
    let begun = Instant::now();
    let module = in_chunks(&engine, &bytes, 1).unwrap();
    assert_eq!(module.wire_bytes().len(), bytes.len());
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// Figures of a stream: the time of compiling begins when the last byte has come.
#[test]
fn time_spent_waiting_for_bytes_is_not_compile_time() {
    let bytes = large(30);
    let config = Config::default().with_strategy(Strategy::Eager).with_num_compilation_tasks(2);
    let config = config.with_compile_timeout(Duration::from_millis(400));
    let engine = WasmEngine::new(&config).unwrap();
    let mut stream = StreamingCompiler::new(&engine);
    for half in bytes.chunks(bytes.len() / 2 + 1) {
        stream.push(half).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let stats = stream.finish().expect("in time").compile_stats();
    assert!(stats.compile_wall < Duration::from_millis(400), "{:?}", stats.compile_wall);
    assert_eq!(stats.functions, 31);
}
