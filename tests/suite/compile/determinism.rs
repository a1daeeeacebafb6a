//! The same bytes for any number of workers and any order.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cranelift_entity::EntityRef;
use deltic::Strategy;
use deltic::abi::artifact::{CodeVariant, Reloc, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::codegen::env::{CodeSettings, CompileEnv};
use deltic::compile::{Config, Module, WasmEngine};
use deltic::wasm::decode;

use super::fake::*;
use crate::support::{Compile, around};

/// What stands at a function's slot.
fn published(module: &Module, variant: CodeVariant, func: DefinedFuncIndex, len: usize) -> Vec<u8> {
    // SAFETY: the slot lives as long as the module, and holds the address of the function's published code, which has `len` bytes.
    unsafe {
        let slot = &*module.slot(variant, func);
        std::slice::from_raw_parts(slot.load(Ordering::Acquire) as *const u8, len).to_vec()
    }
}

/// C2, S1-37, acceptance test 11: bytes do not depend on how many compile, nor on the order in which they publish.
#[test]
fn s1_37_c2_the_same_bytes_at_any_worker_count() {
    let sizes: Vec<_> = (0..300).map(|n| 10 + (n * 7919) % 400 + if n % 50 == 49 { 6_000 } else { 0 }).collect();
    let bytes = module_of(&sizes);
    let decoded = decode::decode(bytes.clone().into()).unwrap();
    let env = CompileEnv {
        layout: deltic::abi::vmctx::VmLayout::new(&decoded.module),
        wire_bytes: decoded.wire_bytes,
        module: decoded.module,
        validation: decoded.validation,
        settings: CodeSettings::default(),
    };
    for tasks in [0, 1, 2, 8] {
        // Different times at different functions change who publishes what, and when.
        let mut compiler = FakeCompiler::new();
        for n in (0..300).step_by(13) {
            compiler = compiler.at(n, Act::Sleep(Duration::from_micros(u64::from(n) * 3)));
        }
        let compiler = Arc::new(compiler);
        let module = Module::new(&engine(tasks, &compiler), &bytes).unwrap();
        module.ensure_variant(CodeVariant::Checked).unwrap();
        for variant in CodeVariant::ALL {
            for func in module.decoded().bodies.keys() {
                let expected = artifact(&env, func, Tier::Optimized, variant).code;
                let found = published(&module, variant, func, expected.len());
                assert_eq!(found, &*expected, "function {} with {tasks} tasks", func.index());
            }
        }
    }
}

/// The same with the compilers of this build, and at two base addresses: calls, constants, tables, traps and helpers are reached without
/// the address of anything. What depends on a function's place among others is filled in where that is known, at publication.
#[cfg(all(feature = "baseline", feature = "optimizing"))]
#[test]
fn c2_the_same_machine_code_at_any_worker_count_and_address() {
    use deltic::codegen::{baseline::Baseline, optimizing::Optimizing};
    let text = "(module (memory 1) (table 2 funcref) (elem (i32.const 0) $a $b) (type $unary (func (param i32) (result i32)))
        (func $a (param i32) (result i32) (i32.add (i32.load (local.get 0)) (i32.const 7)))
        (func $b (export \"b\") (param i32) (result i32) (i32.mul (call $a (local.get 0)) (local.get 0)))
        (func (export \"c\") (param f64) (result f64) (f64.sqrt (f64.nearest (local.get 0))))
        (func (export \"d\") (param i32) (result i32)
          (call_indirect (type $unary) (i32.div_s (i32.const 99) (local.get 0)) (i32.and (local.get 0) (i32.const 1))))
        (func (export \"e\") (param i32) (result i32)
          (block (block (block (block (br_table 0 1 2 3 2 1 0 3 (local.get 0))) (return (i32.const 1))) (return (i32.const 2))) (nop)) (i32.const 3))
        (func (export \"f\") (param v128) (result v128) (i8x16.swizzle (local.get 0) (v128.const i64x2 0x0123456789abcdef 0x7766554433221100))))";
    for tier in [Tier::Baseline, Tier::Optimized] {
        let runs = [0, 0, 2].map(|tasks| {
            let made: Arc<Mutex<Made>> = Arc::default();
            let record = {
                let made = Arc::clone(&made);
                move |func, compile: Compile<'_>| {
                    let artifact = compile()?;
                    made.lock().unwrap().insert(func, (artifact.code.clone(), artifact.relocs.to_vec()));
                    Ok(artifact)
                }
            };
            let recorder = match tier {
                Tier::Baseline => around(Baseline::new(), record),
                Tier::Optimized => around(Optimizing::new().unwrap(), record),
            };
            let config = Config::default()
                .with_strategy(Strategy::AheadOfTime)
                .with_num_compilation_tasks(tasks)
                .with_task_body_bytes(0)
                .with_tier(tier);
            let engine = WasmEngine::with_compilers(&config, vec![recorder]).unwrap();
            let module = Module::new(&engine, text).unwrap();
            let made = std::mem::take(&mut *made.lock().unwrap());
            (module, made)
        });
        let [(first, made), (second, again), (_, by_workers)] = &runs;
        assert_eq!(made.len(), 6);
        assert_eq!(made, again, "{tier:?}");
        assert_eq!(made, by_workers, "{tier:?}");
        // Both modules are alive, so that neither is where the other was.
        let variant = first.engine().default_variant();
        for (&func, (code, _)) in made {
            // SAFETY: as in `published`.
            let [here, there] = [first, second].map(|module| unsafe { (*module.slot(variant, func)).load(Ordering::Acquire) });
            assert_ne!(here, there);
            let [here, there] = [first, second].map(|module| published(module, variant, func, code.len()));
            assert_eq!(here, there, "{tier:?} {func:?}");
        }
    }
}

/// Code with places left open, and those places.
type Made = BTreeMap<DefinedFuncIndex, (Box<[u8]>, Vec<Reloc>)>;
