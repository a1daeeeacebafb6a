//! What compiling takes from the allocator.

use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use deltic::abi::artifact::Artifact;
use deltic::codegen::baseline::Baseline;
use deltic::{Config, Module, TaskPriority, Tier, WasmEngine};

use crate::support::around;

/// A bit of everything that a function can have.
const MODULE: &str = r#"(module
    (type $pair (struct (field i32) (field (mut i64)) (field (ref null $pair))))
    (type $list (array (mut i32)))
    (type $unary (func (param i32) (result i32)))
    (import "" "host" (func $host (param i64 f64) (result i64)))
    (memory 1)
    (table 4 funcref)
    (elem (i32.const 0) $sum $ways)
    (tag $tag (param i32))
    (global $count (mut i64) (i64.const 0))
    (func $sum (param $n i32) (result i32) (local $sum i32)
      (loop $l
        (local.set $sum (i32.add (local.get $sum) (i32.load (i32.shl (local.get $n) (i32.const 2)))))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $sum))
    (func $ways (param i32) (result i32)
      (block $a (block $b (block $c (br_table $a $b $c $a $b (local.get 0))) (return (i32.const 1))) (return (i32.const 2)))
      (block $a (block $b (br_table $b $a (local.get 0))) (return (call $sum (i32.const 3))))
      (i32.const 4))
    (func $many (param i32 i64 f32 f64 v128 i32 i64 i32) (result i64) (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
      (local.set 8 (i32.div_s (local.get 0) (local.get 5)))
      (local.set 9 (i32.mul (local.get 7) (local.get 8)))
      (if (i32.lt_u (local.get 8) (local.get 9))
        (then (global.set $count (i64.add (global.get $count) (i64.const 1))))
        (else (v128.store (local.get 9) (f32x4.add (local.get 4) (f32x4.splat (local.get 2))))))
      (call $host (local.get 6) (f64.sqrt (local.get 3))))
    (func $indirect (param i32 i32) (result i32) (call_indirect (type $unary) (local.get 0) (local.get 1)))
    (func $objects (param i32) (result i32) (local $p (ref null $pair)) (local $l (ref null $list))
      (local.set $p (struct.new $pair (local.get 0) (i64.const 7) (struct.new_default $pair)))
      (local.set $l (array.new $list (local.get 0) (i32.const 10)))
      (struct.set $pair 1 (local.get $p) (i64.const 9))
      (array.set $list (local.get $l) (i32.const 1) (call $sum (struct.get $pair 0 (local.get $p))))
      (array.get $list (local.get $l) (i32.const 1)))
    (func $catches (param i32) (result i32)
      (block $h (result i32)
        (try_table (catch $tag $h) (throw $tag (call $indirect (local.get 0) (i32.const 1))))
        (i32.const 1)))
    (func $converts (param f64) (result i32) (i32.trunc_f64_s (f64.nearest (local.get 0)))))"#;

/// The function that has a `try_table`.
const CATCHES: u32 = 5;

/// The lists of an artifact that have a place in memory.
fn lists(artifact: &Artifact) -> u64 {
    let Artifact { code, relocs, traps, positions, stack_maps, deep_slots, handlers, inlined, loops, loop_values, .. } = artifact;
    let lengths = [
        code.len(),
        relocs.len(),
        traps.len(),
        positions.len(),
        stack_maps.len(),
        deep_slots.len(),
        handlers.len(),
        inlined.len(),
        loops.len(),
        loop_values.len(),
    ];
    let with_slots = stack_maps.iter().filter(|map| !map.slots.is_empty()).count();
    (lengths.iter().filter(|&&length| length > 0).count() + with_slots) as u64
}

#[test]
fn the_baseline_tier_allocates_what_it_hands_over_and_nothing_else() {
    let counts = Arc::new(Mutex::new(Vec::new()));
    let counted = Arc::clone(&counts);
    let baseline = around(Baseline::new(), move |func, compile| {
        let mut result = None;
        let allocated = measure(|| result = Some(compile()));
        let result = result.expect("compiled");
        let wanted = result.as_ref().map_or(0, lists);
        counted.lock().expect("counts").push((func, allocated.count_total, wanted));
        result
    });
    let config = Config::default().with_num_compilation_tasks(0);
    let engine = WasmEngine::with_compilers(&config, vec![baseline]).expect("an engine");
    for _ in 0..2 {
        counts.lock().expect("counts").clear();
        let module = Module::new(&engine, MODULE).unwrap_or_else(|error| panic!("{error}"));
        let compiled = module.warm_up(module.funcs(), Tier::Baseline, TaskPriority::UserBlocking).expect("functions");
        assert_eq!(compiled.wait(), Ok(()));
    }
    // The second time all memory is there.
    let counts = counts.lock().expect("counts");
    assert_eq!(counts.len(), 7);
    for (func, allocated, wanted) in &*counts {
        assert!(*wanted >= 2, "{func:?} has code and positions at least");
        // wasmparser gives the clauses of a `try_table` in a list of its own.
        let clauses = u64::from(func.as_u32() == CATCHES);
        assert_eq!(*allocated, wanted + clauses, "{func:?}");
    }
}
