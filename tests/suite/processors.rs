//! Engines for other processors than this one.

use deltic::{Config, CpuFeatures, Isolate, Linker, Module, Strategy, WasmEngine};

use crate::support::engine_with;

/// Every function stays in the baseline tier, however much it does; what has no instruction there is refused by name.
#[test]
fn an_engine_for_the_oldest_processor_has_the_baseline_tier_alone() {
    let config = Config::default().with_cpu_features(CpuFeatures::empty()).with_tier_up_calls(1);
    let text = r#"(module
        (func (export "sum") (param i32) (result i32) (local i32)
          (loop $l
            (local.set 1 (i32.add (local.get 1) (i32.popcnt (local.get 0))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get 1))
        (func (export "floor") (param f64) (result f64) (f64.floor (local.get 0)))
        (func (export "lanes") (param i32) (result i32) (i32x4.extract_lane 1 (i32x4.splat (local.get 0)))))"#;
    let ones = (1..=1_000_u32).map(u32::count_ones).sum::<u32>() as i32;

    let engine = engine_with(config.clone());
    let module = Module::new(&engine, text).expect("valid");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let sum = instance.get_typed_func::<i32, i32>(&mut isolate, "sum").expect("a function");
    let floor = instance.get_typed_func::<f64, f64>(&mut isolate, "floor").expect("a function");
    for _ in 0..10 {
        assert_eq!(sum.call(&mut isolate, 1_000).expect("no trap"), ones);
        assert_eq!(floor.call(&mut isolate, -1.5).expect("no trap"), -2.0);
    }
    assert_eq!(module.compile_stats().finished_by_tier, [2, 0]);
    let lanes = instance.get_typed_func::<i32, i32>(&mut isolate, "lanes").expect("a function");
    let late = lanes.call(&mut isolate, 1).expect_err("vectors").to_string();
    assert!(late.contains("function 2") && late.contains("this processor lacks SSSE3"), "{late}");

    let early = Module::new(&engine_with(config.with_strategy(Strategy::Eager)), text).expect_err("vectors").to_string();
    assert!(early.contains("function 2") && early.contains("this processor lacks SSSE3"), "{early}");
}

#[test]
fn an_engine_is_not_made_for_what_this_processor_lacks() {
    for &(feature, name) in CpuFeatures::TABLE {
        let made = WasmEngine::new(&Config::default().with_num_compilation_tasks(0).with_cpu_features(feature));
        if CpuFeatures::host().contains(feature) {
            assert!(made.is_ok(), "{name}");
        } else {
            assert!(made.expect_err("a lack").to_string().contains("this processor lacks"), "{name}");
        }
    }
}
