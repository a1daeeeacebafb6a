//! Modules as bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use deltic::{
    CodeSettings, CompileErrorKind, Config, CpuFeatures, MacKey, Module, Strategy, TaskPriority, Tier, WasmEngine,
    is_precompiled_bytes,
};

use super::{GUEST, Process, check_guest, key};
use crate::support::engine_with;

fn ahead_of_time() -> WasmEngine {
    engine_with(Config::default().with_strategy(Strategy::AheadOfTime))
}

fn guest() -> Module {
    Module::new(&ahead_of_time(), GUEST).expect("a module")
}

#[test]
fn bytes_are_a_module_again() {
    let bytes = guest().serialize().expect("bytes");
    assert!(is_precompiled_bytes(&bytes));
    assert_eq!(bytes, guest().serialize().expect("bytes"), "they do not depend on the process");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("guest");
    std::fs::write(&path, &bytes).expect("written");
    let leaked: &'static [u8] = Box::leak([&[0][..], &bytes].concat().into_boxed_slice());
    for config in [Config::default(), Config::default().with_strategy(Strategy::AheadOfTime)] {
        let engine = engine_with(config);
        // SAFETY: the bytes were made above, by this build.
        let modules = unsafe {
            [
                Module::deserialize(&engine, bytes.clone()),
                Module::deserialize_file(&engine, &path),
                // Of a program itself, at any address.
                Module::deserialize(&engine, &leaked[1..]),
            ]
        };
        for module in modules {
            let mut process = Process::of(module.expect("a module"));
            check_guest(&mut process);
            assert_eq!(process.counts(), (0, 6));
            assert_eq!(process.module.decoded().bodies.len(), 7);
            let names = process.module.decoded().names(process.module.wire_bytes());
            assert_eq!(names.module.as_deref(), Some("guest"));
            // And bytes again, of what was loaded and what was not.
            assert_eq!(process.module.serialize().expect("bytes").len(), bytes.len());
        }
    }
}

#[test]
fn who_has_the_key_has_made_it() {
    let bytes = guest().serialize_with_key(&key()).expect("bytes");
    let engine = engine_with(Config::default());
    let mut process = Process::of(Module::deserialize_with_key(&engine, bytes.clone(), &key()).expect("a module"));
    check_guest(&mut process);
    let refused = |key: &MacKey, bytes: &[u8]| {
        let error = Module::deserialize_with_key(&engine, bytes.to_vec(), key).expect_err("refused");
        assert_eq!(error.kind, CompileErrorKind::Precompiled);
        error.to_string()
    };
    assert!(refused(&MacKey::new([8; 32]), &bytes).contains("authentication code"));
    assert!(refused(&key(), &guest().serialize().expect("bytes")).contains("made without a key"));
    assert!(refused(&MacKey::nobodys(), &guest().serialize().expect("bytes")).contains("no secret"));
    assert!(refused(&key(), GUEST.as_bytes()).contains("not a file of this kind"));
    assert!(refused(&key(), b"").contains("too few"));
}

#[test]
fn what_has_no_code_is_compiled() {
    let engine = engine_with(Config::default());
    let mut half = Process::of(Module::new(&engine, GUEST).expect("a module"));
    half.call("divide", 7).expect("a number");
    for bytes in
        [half.module.serialize().expect("bytes"), Module::new(&engine, GUEST).expect("a module").serialize().expect("bytes")]
    {
        // SAFETY: the bytes were made above.
        let mut process = Process::of(unsafe { Module::deserialize(&engine, bytes) }.expect("a module"));
        check_guest(&mut process);
        let (compiled, loaded) = process.counts();
        assert_eq!(compiled + loaded, 6);
        // In the tiers that the code was made for.
        let better = process.module.warm_up(["sum"], Tier::Optimized, TaskPriority::UserBlocking).expect("a function");
        assert_eq!(better.wait(), Ok(()));
        check_guest(&mut process);
    }
}

/// An engine refuses what it could not run, or would run otherwise; speed is not a reason.
#[test]
fn engines_that_differ_say_so() {
    let make = |config: Config| Module::new(&engine_with(config), GUEST).expect("a module").serialize().expect("bytes");
    // SAFETY: the bytes are made here.
    let load = |config: Config, bytes: Vec<u8>| unsafe { Module::deserialize(&engine_with(config), bytes) };
    let fuel = CodeSettings { fuel: true, ..CodeSettings::default() };
    let aot = || Config::default().with_strategy(Strategy::AheadOfTime);
    let error = load(aot(), make(aot().with_code_settings(fuel.clone()))).expect_err("it counts fuel");
    assert_eq!(error.to_string(), "precompiled: made for an engine with other settings");
    assert!(load(aot().with_code_settings(fuel), make(aot())).is_err());
    let old = CpuFeatures::V2.intersection(CpuFeatures::host());
    if old != CpuFeatures::host() {
        let error = load(aot().with_cpu_features(old), make(aot())).expect_err("it may use more");
        assert!(error.to_string().contains("made for a processor with "), "{error}");
    }
    let mut process = Process::of(load(aot(), make(aot().with_cpu_features(old))).expect("a subset"));
    check_guest(&mut process);
    // Made for guard pages, run without, and the other way round: the other variant is compiled.
    for (made, run) in [(true, false), (false, true)] {
        let bytes = make(aot().with_memory_guards(made));
        let mut process = Process::of(load(aot().with_memory_guards(run), bytes).expect("a module"));
        check_guest(&mut process);
        assert_eq!(process.counts(), (7, 0));
    }
    for config in [Config::default(), Config::default().with_tier(Tier::Baseline), Config::default().with_call_profiles(false)] {
        let bytes = make(config.clone().with_strategy(Strategy::Eager));
        for other in [Config::default(), aot(), Config::default().with_tier(Tier::Optimized)] {
            let mut process = Process::of(load(other.with_tier_up_calls(3), bytes.clone()).expect("a module"));
            for _ in 0..10 {
                check_guest(&mut process);
            }
        }
    }
}

#[test]
fn modules_of_every_shape() {
    let engine = ahead_of_time();
    for text in [
        "(module)",
        "(module (memory 1) (data (i32.const 0) \"x\"))",
        "(module (import \"a\" \"b\" (func)))",
        "(module (func))",
        "(module (func (export \"f\")) (func) (func) (@custom \"x\" (after last) \"yz\"))",
    ] {
        let module = Module::new(&engine, text).expect("a module");
        // SAFETY: the bytes are made here.
        let again = unsafe { Module::deserialize(&engine, module.serialize().expect("bytes")) }.expect("a module");
        assert_eq!(again.wire_bytes()[..], module.wire_bytes()[..]);
        assert_eq!(format!("{:?}", again.decoded().exports), format!("{:?}", module.decoded().exports));
    }
}

/// Bytes that know who has freed them.
struct Owned {
    bytes: Vec<u8>,
    user: ThreadId,
    freed_by_user: Arc<AtomicUsize>,
    freed: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.freed_by_user.fetch_add(usize::from(thread::current().id() == self.user), Ordering::SeqCst);
        self.freed.fetch_add(1, Ordering::SeqCst);
    }
}

/// To free what is large takes milliseconds: who drops a module does not do it, whoever is quicker.
#[test]
fn who_drops_a_module_does_not_free_its_bytes() {
    const ROUNDS: usize = 200;
    const THREADS: usize = 3;
    let functions: String = (0..10_000).map(|n| format!("(func (export \"f{n}\") (result i32) (i32.const {n}))")).collect();
    let module = Module::new(&ahead_of_time(), format!("(module {functions})")).expect("a module");
    let (bytes, key) = (module.serialize_with_key(&key()).expect("bytes"), key());
    let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(2)).expect("an engine");
    let [freed_by_user, freed] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    // Several, so that tasks are awake when a module goes.
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let owned = Owned {
                        bytes: bytes.clone(),
                        user: thread::current().id(),
                        freed_by_user: Arc::clone(&freed_by_user),
                        freed: Arc::clone(&freed),
                    };
                    drop(Module::deserialize_with_key(&engine, owned, &key).expect("a module"));
                }
            });
        }
    });
    while engine.active_task_count() > 0 {
        thread::yield_now();
    }
    assert_eq!((freed.load(Ordering::SeqCst), freed_by_user.load(Ordering::SeqCst)), (ROUNDS * THREADS, 0));
}
