//! The same bytes for any number of workers and any order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cranelift_entity::EntityRef;
use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::codegen::env::{CodeSettings, CompileEnv};
use deltic::compile::Module;
use deltic::wasm::decode;

use super::fake::*;

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
    let decoded = decode::decode(Arc::from(&*bytes)).unwrap();
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

/// The same with the compilers of this build: machine code itself, before displacements are filled in, at two worker counts.
#[cfg(feature = "optimizing")]
#[test]
fn c2_the_same_machine_code_at_any_worker_count() {
    use deltic::compile::{Config, WasmEngine};
    let text = "(module (memory 1) (func $a (param i32) (result i32) (i32.add (i32.load (local.get 0)) (i32.const 7)))
        (func (export \"b\") (param i32) (result i32) (i32.mul (call $a (local.get 0)) (local.get 0)))
        (func (export \"c\") (param f64) (result f64) (f64.sqrt (local.get 0))))";
    let sizes: Vec<_> = [0, 2]
        .map(|tasks| {
            let config = Config::default().with_num_compilation_tasks(tasks).with_task_body_bytes(0).with_unit_recording(true);
            let engine = WasmEngine::new(&config).unwrap();
            let module = Module::new(&engine, text).unwrap();
            let mut units: Vec<_> = module.compile_stats().units.iter().map(|unit| (unit.func, unit.code_bytes)).collect();
            units.sort();
            units
        })
        .into();
    assert_eq!(sizes[0].len(), 3);
    assert_eq!(sizes[0], sizes[1]);
}
