//! Functions that are compiled when they are first called.

use std::sync::{Arc, Barrier};

use deltic::abi::artifact::{Artifact, CodeVariant, Reloc, RelocTarget};
use deltic::codegen::baseline::Baseline;
use deltic::codegen::compiler::UnitError;
use deltic::{
    CallError, CompileError, CompileErrorKind, Config, Isolate, Linker, Module, Strategy, Tier, TrapCode, Val, WasmEngine,
};

use crate::support::{Compile, around, engine_with, instance_with};

fn lazy() -> Config {
    Config::default().with_strategy(Strategy::Lazy)
}

fn engines() -> [WasmEngine; 2] {
    [Tier::Baseline, Tier::Optimized].map(|tier| engine_with(lazy().with_tier(tier)))
}

/// How many functions have been compiled.
fn compiled(module: &Module) -> usize {
    module.compile_stats().workers.iter().map(|worker| worker.unit_count).sum()
}

#[test]
fn nothing_is_compiled_before_it_is_called() {
    for engine in engines() {
        let text = "(module
            (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export \"twice\") (param i32) (result i32) (call $next (call $next (local.get 0))))
            (func (export \"never\") (unreachable)))";
        let module = Module::new(&engine, text).expect("a module");
        assert_eq!((compiled(&module), module.compile_stats().native_bytes), (0, 0));
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        assert_eq!(compiled(&module), 0);
        let twice = instance.get_typed_func::<i32, i32>(&mut isolate, "twice").expect("a function");
        for round in 0..3 {
            assert_eq!(twice.call(&mut isolate, round).expect("a call"), round + 2);
            assert_eq!(compiled(&module), 2);
        }
        let stats = module.compile_stats();
        assert!(stats.native_bytes > 0 && stats.finished_by_tier.iter().sum::<usize>() == 2);
    }
}

/// Validation is never late: the same error, at the same place, as from engines that compile everything.
#[test]
fn what_is_invalid_is_refused_at_once() {
    for body in
        ["(func (result i32) (i64.const 1))", "(func (drop))", "(func (param v128) (drop (i32.add (local.get 0) (i32.const 1))))"]
    {
        let text = format!("(module (func) (func) {body} (func (result i32) (f32.const 0)))");
        let bytes = wat::parse_str(&text).expect("text");
        for strategy in [Strategy::Eager, Strategy::AheadOfTime] {
            let eager = Module::new(&engine_with(Config::default().with_strategy(strategy)), &bytes).expect_err("invalid");
            assert_eq!(eager.kind, CompileErrorKind::Invalid);
            for tasks in [0, 2] {
                let engine = WasmEngine::new(&lazy().with_num_compilation_tasks(tasks)).expect("an engine");
                assert_eq!(Module::new(&engine, &bytes).expect_err("invalid"), eager);
            }
        }
    }
}

/// Arguments of every kind reach a function that is compiled between the call and its first instruction, by each way of calling.
#[test]
fn arguments_arrive() {
    let text = r#"(module
        (type $many (func (param i32 i64 f32 f64 i32 i64 v128 externref i32 i64 f32 f64 f32 f64 f32 f64 f32 f64 v128 i32) (result f64)))
        (type $box (struct (field i32)))
        (table funcref (elem $by-table))
        (tag $t (param f64))
        (func $sum (type $many)
            (f64.add (f64.convert_i32_s (i32.add (i32.add (local.get 0) (local.get 4)) (i32.add (local.get 8) (local.get 19))))
            (f64.add (f64.convert_i64_s (i64.add (i64.add (local.get 1) (local.get 5)) (local.get 9)))
            (f64.add (f64.promote_f32 (f32.add (f32.add (local.get 2) (local.get 10)) (f32.add (f32.add (local.get 12) (local.get 14)) (local.get 16))))
            (f64.add (f64.add (f64.add (local.get 3) (local.get 11)) (f64.add (f64.add (local.get 13) (local.get 15)) (local.get 17)))
            (f64.add (f64x2.extract_lane 1 (f64x2.add (local.get 6) (local.get 18)))
                     (f64.convert_i32_s (ref.is_null (local.get 7)))))))))
        (func $by-call (type $many) FORWARD (call $sum))
        (func $by-table (type $many) FORWARD (call $by-call))
        (func $by-tail (type $many) FORWARD (return_call_indirect (type $many) (i32.const 0)))
        (func $thrower (type $many) (throw $t (call $sum FORWARD)))
        (func $takes (param (ref $box) i32) (result i32) (i32.add (struct.get $box 0 (local.get 0)) (local.get 1)))
        (func (export "call") (result f64) (call $by-tail VALUES))
        (func (export "caught") (result f64)
            (block $caught (result f64) (try_table (result f64) (catch $t $caught) (call $thrower VALUES))))
        (func (export "reference") (result i32) (call $takes (struct.new $box (i32.const 40)) (i32.const 2)))
        (elem declare func $by-table))"#;
    let forward: String = (0..20).map(|n| format!("(local.get {n})")).collect();
    let values = "(i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (i32.const 5) (i64.const 6) (v128.const f64x2 7 8) (ref.null extern)
        (i32.const 9) (i64.const 10) (f32.const 11) (f64.const 12) (f32.const 13) (f64.const 14) (f32.const 15) (f64.const 16) (f32.const 17)
        (f64.const 18) (v128.const f64x2 19 20) (i32.const 21)";
    let text = text.replace("FORWARD", &forward).replace("VALUES", values);
    let wanted = f64::from((1..=6).chain([8, 1]).chain(9..=18).chain([20, 21]).sum::<i32>());
    for engine in engines() {
        for name in ["call", "caught"] {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let func = instance.get_typed_func::<(), f64>(&mut isolate, name).expect("a function");
            assert_eq!(
                (func.call(&mut isolate, ()).expect("a call"), func.call(&mut isolate, ()).expect("another")),
                (wanted, wanted)
            );
        }
        let (mut isolate, instance) = instance_with(&engine, &text);
        let func = instance.get_typed_func::<(), i32>(&mut isolate, "reference").expect("a function");
        assert_eq!(func.call(&mut isolate, ()).expect("a call"), 42);
    }
}

/// Isolates on several threads call the same functions first: each function is compiled once.
#[test]
fn first_calls_at_once_compile_once() {
    const FUNCS: usize = 60;
    const THREADS: usize = 4;
    let bodies: String = (0..FUNCS)
        .map(|n| format!("(func (export \"f{n}\") (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const {n})) (i32.const {n})))"))
        .collect();
    let engine = WasmEngine::new(&lazy()).expect("an engine");
    let module = Module::new(&engine, format!("(module {bodies})")).expect("a module");
    let start = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (engine, module, start) = (engine.clone(), module.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                let mut isolate = Isolate::new(&engine).expect("an isolate");
                let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
                start.wait();
                for n in 0..FUNCS as i32 {
                    let func = instance.get_typed_func::<i32, i32>(&mut isolate, &format!("f{n}")).expect("a function");
                    assert_eq!(func.call(&mut isolate, 7).expect("a call"), 7 * n + n);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(compiled(&module), FUNCS);
}

/// A function is compiled however little stack its caller has left: the overflow is the guest's, and found by the guest's limit.
#[test]
fn compiling_takes_nothing_of_the_guests_stack() {
    // Each level calls a function of its own, so that one is compiled at every depth, the last too.
    const LEVELS: usize = 400;
    let locals = "(local i64 i64 i64 i64 i64 i64 i64 i64)".repeat(16);
    let bodies: String = (0..LEVELS)
        .map(|n| {
            let next = n + 1;
            format!("(func $f{n} (param i32) (result i32) {locals} (i32.add (call $f{next} (local.get 0)) (i32.const 1)))")
        })
        .collect();
    let text = format!(
        "(module {bodies} (func $f{LEVELS} (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 0)) (else (call $f0 (i32.const 0)))))
            (export \"f\" (func $f0)))"
    );
    for tier in [Tier::Baseline, Tier::Optimized] {
        let engine = engine_with(lazy().with_tier(tier).with_max_wasm_stack_bytes(500 << 10));
        let (mut isolate, instance) = instance_with(&engine, &text);
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
        let error = func.call(&mut isolate, 0).expect_err("no end");
        let CallError::Trap(trap) = error else { panic!("{error}") };
        assert_eq!(trap.code(), TrapCode::StackOverflow);
        assert!(trap.frames().len() > 50);
        assert_eq!(
            func.call(&mut isolate, 0).expect_err("no end").to_string().lines().next(),
            Some("trap: call stack exhausted")
        );
    }
}

/// Functions of two modules, with memories of their own, one of which has no guard pages.
#[test]
fn each_variant_is_compiled_as_it_is_called() {
    let text = "(module (memory (export \"m\") 1) (func (export \"f\") (param i32) (result i32) (i32.load (local.get 0))))";
    for engine in engines() {
        let module = Module::new(&engine, text).expect("a module");
        module.ensure_variant(CodeVariant::Checked).expect("the other variant");
        assert_eq!(compiled(&module), 0);
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
        assert_eq!(func.call(&mut isolate, 8).expect("a call"), 0);
        let error = func.call(&mut isolate, -1).expect_err("out of bounds");
        assert!(matches!(error, CallError::Trap(trap) if trap.code() == TrapCode::MemoryOutOfBounds && trap.frames().len() == 1));
        assert_eq!(compiled(&module), 1);
    }
}

/// A function that no tier takes, one at which the compiler panics, one whose code cannot be published, and one whose code is too much for the
/// module's code space, end the call that wants them, with the error that the module would have if it was compiled ahead of time; each time, and
/// nothing else is harmed. Guests cannot catch it.
#[test]
fn what_cannot_be_compiled_is_an_error_of_the_call() {
    let text = r#"(module
        (func (export "good") (result i32) (i32.const 5))
        (func $bad)
        (func (export "bad") (block $caught (try_table (catch_all $caught) (call $bad))))
        (func (export "other") (result i32) (i32.const 6)))"#;
    let unable: Spoil = |_| Err(UnitError::TierUnable("too many values".into()));
    let defect: Spoil = |_| panic!("a defect");
    let malformed: Spoil = |compile| {
        let mut artifact = compile()?;
        let code_offset = u32::try_from(artifact.code.len()).expect("a short function");
        artifact.relocs = [Reloc { code_offset, target: RelocTarget::Slot(artifact.func) }].into();
        Ok(artifact)
    };
    let full: Spoil = |compile| {
        let mut artifact = compile()?;
        artifact.code = vec![0xcc; 64 << 20].into();
        Ok(artifact)
    };
    for (spoil, kind, message) in [
        (unable, CompileErrorKind::Unsupported, "function 1 (bad): too many values"),
        (defect, CompileErrorKind::EngineBug, "function 1 (bad): the compiler panicked: a defect"),
        (malformed, CompileErrorKind::EngineBug, "function 1 (bad): the code cannot be published: "),
        (full, CompileErrorKind::CodeSpace, "the module's machine code does not fit "),
    ] {
        let engine = |strategy| {
            let compiler =
                around(Baseline::new(), move |func, compile| if func.as_u32() == 1 { spoil(compile) } else { compile() });
            let config = Config::default().with_strategy(strategy).with_num_compilation_tasks(0);
            WasmEngine::with_compilers(&config, vec![compiler]).expect("an engine")
        };
        let early = Module::new(&engine(Strategy::AheadOfTime), text).expect_err("no code");
        assert!(early.kind == kind && early.message.starts_with(message), "{early}");
        let (mut isolate, instance) = instance_with(&engine(Strategy::Lazy), text);
        let mut call = |name| {
            let func = instance.get_func(&mut isolate, name).expect("a function");
            func.call(&mut isolate, &[])
        };
        for name in ["good", "bad", "bad", "good", "other"] {
            match (name, call(name)) {
                ("bad", result) => {
                    let Err(CallError::Trap(trap)) = result else { panic!("{result:?}") };
                    assert_eq!(trap.downcast_ref::<CompileError>(), Some(&early));
                    assert_eq!(trap.frames().len(), 1, "{trap}");
                }
                (_, result) => assert!(matches!(result.expect("a call")[..], [Val::I32(5 | 6)])),
            }
        }
    }
}

/// Compiles a function, and does not succeed.
type Spoil = fn(Compile<'_>) -> Result<Artifact, UnitError>;
