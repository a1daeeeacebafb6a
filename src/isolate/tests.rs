//! Code that is replaced while isolates run it: kept while a stack shows it, freed when none does. Systems that give no executable
//! memory, or not the best.

use crate::abi::artifact::{Artifact, CodeVariant};
use crate::base::sync::{Arc, Mutex};
use crate::base::{DefinedFuncIndex, FuncIndex};
use crate::code::CodeSpace;
use crate::codegen::compiler::{Compiler, Scratch, UnitContext, UnitError};
use crate::codegen::env::CompileEnv;
use crate::codegen::optimizing::Optimizing;
use crate::compile::config::Strategy;
use crate::compile::{Config, Module, WasmEngine};
use crate::isolate::{Caller, Isolate, Linker, TypedFunc};
use crate::platform::tests::refused::{EXECUTABLE_FILE, MEMFD, PROTECT_EXECUTABLE, refused};
use crate::runtime::link::Extern;
use crate::runtime::value::Instance;
use crate::wasm::error::CompileError;

/// Keeps a copy of every artifact.
#[derive(Debug)]
struct Recorder {
    inner: Optimizing,
    made: Mutex<Vec<Artifact>>,
}

impl Compiler for Recorder {
    fn tier(&self) -> crate::abi::artifact::Tier {
        self.inner.tier()
    }

    fn new_scratch(&self) -> Scratch {
        self.inner.new_scratch()
    }

    fn compile(
        &self,
        env: &CompileEnv,
        func: DefinedFuncIndex,
        variant: CodeVariant,
        unit: &mut UnitContext<'_>,
    ) -> Result<Artifact, UnitError> {
        let artifact = self.inner.compile(env, func, variant, unit)?;
        self.made.lock().push(artifact.clone());
        Ok(artifact)
    }
}

/// `f` calls the host, then adds its own number; `deep` does so below some frames; `trap` traps behind it.
fn text(number: u32) -> String {
    format!(
        r#"(module
            (import "host" "call" (func $host (param i32) (result i32)))
            (func $f (export "f") (param i32) (result i32)
                local.get 0 call $host i32.const {number} i32.add)
            (func $deep (export "deep") (param i32) (result i32)
                local.get 0 i32.eqz if (result i32) i32.const 0 call $f else local.get 0 i32.const 1 i32.sub call $deep end)
            (func (export "trap") (param i32) (result i32)
                local.get 0 call $host drop i32.const {number} drop unreachable))"#
    )
}

/// A module whose code can be replaced by code that adds 2 where it adds 1.
struct Setup {
    engine: WasmEngine,
    module: Module,
    newer: Vec<Artifact>,
}

const VARIANT: CodeVariant = CodeVariant::Guarded;

impl Setup {
    fn new() -> Arc<Setup> {
        let recorder = Arc::new(Recorder { inner: Optimizing::new().unwrap(), made: Mutex::default() });
        let config = Config::default().with_strategy(Strategy::AheadOfTime).with_num_compilation_tasks(0);
        let engine = WasmEngine::with_compilers(&config, vec![Arc::clone(&recorder) as Arc<dyn Compiler>]).unwrap();
        let module = Module::new(&engine, text(1)).unwrap();
        recorder.made.lock().clear();
        Module::new(&engine, text(2)).unwrap();
        let newer = std::mem::take(&mut *recorder.made.lock());
        assert_eq!(newer.len(), 3);
        Arc::new(Setup { engine, module, newer })
    }

    fn space(&self) -> &CodeSpace {
        self.module.code_space(VARIANT).unwrap()
    }

    /// Replaces all functions.
    fn replace(&self) {
        self.space().publish(self.newer.clone()).unwrap();
    }

    fn instantiate(&self, isolate: &mut Isolate, host: impl Fn(Caller<'_>, i32) -> i32 + Send + Sync + 'static) -> Instance {
        let mut linker = Linker::new(&self.engine);
        linker.func_wrap("host", "call", host).unwrap();
        linker.instantiate(isolate, &self.module).unwrap()
    }
}

fn func(instance: &Instance, isolate: &mut Isolate, name: &str) -> TypedFunc<i32, i32> {
    instance.get_typed_func(isolate, name).unwrap()
}

#[test]
fn code_is_kept_while_a_frame_waits_for_the_host_and_freed_after() {
    let setup = Setup::new();
    let mut isolate = Isolate::new(&setup.engine).unwrap();
    let in_host = Arc::clone(&setup);
    let instance = setup.instantiate(&mut isolate, move |mut caller, round| {
        let retired = in_host.space().retired_bytes();
        if round == 0 {
            assert_eq!(retired, 0);
            in_host.replace();
            assert!(in_host.space().retired_bytes() > 0);
            // A call from here runs the new code, and leads to the host again: where the store reports.
            let f = caller.get_export("f").unwrap();
            let Extern::Func(f) = f else { panic!("{f:?}") };
            let inner = f.typed::<i32, i32>(&caller).unwrap();
            assert_eq!(inner.call(&mut caller, 1).unwrap(), 12);
            let left = in_host.space().retired_bytes();
            assert!(left > 0 && left < retired_at_first(&in_host), "two functions are on the stack, the third was freed");
            return 100;
        }
        10
    });
    let before = setup.space().code_bytes();
    // `deep`, three times, and `f` are on the stack when their code is replaced.
    assert_eq!(func(&instance, &mut isolate, "deep").call(&mut isolate, 2).unwrap(), 101, "the old code to its end");
    assert_eq!(setup.space().retired_bytes(), 0);
    assert_eq!(setup.space().code_bytes(), before, "the new code is as long as the old one was");
    assert_eq!(func(&instance, &mut isolate, "f").call(&mut isolate, 1).unwrap(), 12);
}

/// Bytes that all three functions occupied.
fn retired_at_first(setup: &Setup) -> usize {
    let funcs = (0..3).map(DefinedFuncIndex::from_u32);
    funcs.map(|func| setup.space().metadata(func, |metadata| metadata.range.len()).unwrap()).sum()
}

/// A trap is given its frames' names before their code goes.
#[test]
fn a_trap_in_replaced_code_has_its_frames() {
    let setup = Setup::new();
    let mut isolate = Isolate::new(&setup.engine).unwrap();
    let in_host = Arc::clone(&setup);
    let instance = setup.instantiate(&mut isolate, move |_, _| {
        in_host.replace();
        0
    });
    let error = func(&instance, &mut isolate, "trap").call(&mut isolate, 0).unwrap_err();
    let crate::runtime::error::CallError::Trap(trap) = error else { panic!("{error}") };
    let frames: Vec<FuncIndex> = trap.frames().iter().map(|frame| frame.func_index).collect();
    assert_eq!(frames, [FuncIndex::from_u32(3)]);
    assert_eq!(setup.space().retired_bytes(), 0);
}

/// Code lives until the last isolate has reported: by a call, by saying so, or by its end.
#[test]
fn every_isolate_is_asked() {
    let setup = Setup::new();
    let make = || {
        let mut isolate = Isolate::new(&setup.engine).unwrap();
        let instance = setup.instantiate(&mut isolate, |_, x| x);
        // A second instance of the same module needs no second reporter.
        setup.instantiate(&mut isolate, |_, x| x);
        (isolate, instance)
    };
    let ((mut first, instance), (mut second, _), (third, _)) = (make(), make(), make());
    setup.replace();
    let old = setup.space().retired_bytes();
    assert!(old > 0);
    assert_eq!(func(&instance, &mut first, "f").call(&mut first, 5).unwrap(), 7);
    assert_eq!(setup.space().retired_bytes(), old);
    assert_eq!(second.release_old_code(), 0);
    assert_eq!(setup.space().retired_bytes(), old);
    drop(third);
    assert_eq!(setup.space().retired_bytes(), 0);
    assert_eq!((first.release_old_code(), second.release_old_code()), (0, 0));
}

/// A system without memfd runs a module as others do, and one that lets nobody make code answers with an error that says what it
/// refused; the engine can still validate.
#[test]
fn a_system_that_refuses_executable_memory_is_named() {
    let run = || {
        let engine = WasmEngine::new(&Config::default().with_num_compilation_tasks(0)).unwrap();
        let module =
            Module::new(&engine, r#"(module (func (export "f") (param i32) (result i32) local.get 0 i32.const 1 i32.add))"#)?;
        let mut isolate = Isolate::new(&engine).unwrap();
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).unwrap();
        Ok(func(&instance, &mut isolate, "f").call(&mut isolate, 41).unwrap())
    };
    let answer: Result<i32, CompileError> = refused(&[MEMFD], run);
    assert_eq!(answer.unwrap(), 42);
    assert_eq!(refused(&[MEMFD, EXECUTABLE_FILE], run).unwrap(), 42);
    let error = refused(&[MEMFD, EXECUTABLE_FILE, PROTECT_EXECUTABLE], run).unwrap_err().to_string();
    let parts = ["no executable memory", "Memfd: ", "TempFile: ", "Protect: "];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}
