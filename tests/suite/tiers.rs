//! What may not depend on the tier: results, traps with their places, polls, exceptions; and who compiles what the baseline tier does
//! not take.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use deltic::codegen::baseline::Baseline;
use deltic::{CallError, CodeSettings, Config, HeapSettings, Isolate, Tier, TrapCode, Val, WasmEngine};

use crate::fuzz::mixed;
use crate::support::{Random, engine_with, instance_with};

fn engines(config: &Config) -> [WasmEngine; 2] {
    [Tier::Baseline, Tier::Optimized].map(|tier| engine_with(config.clone().with_tier(tier)))
}

/// An engine with no other tier: what the baseline tier does not take is an error.
fn baseline_only(compiler: Baseline, config: &Config) -> WasmEngine {
    let config = config.clone().with_num_compilation_tasks(0).with_tier(Tier::Baseline);
    WasmEngine::with_compilers(&config, vec![Arc::new(compiler)]).expect("an engine")
}

/// Every way in which the baseline tier traps, two calls deep, behind values in registers, in slots and known ones.
const TRAPS: &str = r#"(module $traps
    (type $unary (func (param i32) (result i32)))
    (memory 1)
    (table 4 funcref)
    (elem (i32.const 1) $id $other)
    (func $id (param i32) (result i32) (local.get 0))
    (func $other)
    (func $unreachable (param i32) (result i32) (i32.add (local.get 0) (unreachable)))
    (func $load (param i32) (result i32) (i32.load offset=8 (local.get 0)))
    (func $load_far (param i32) (result i32) (i32.load offset=0xffffff00 (local.get 0)))
    (func $load_known (param i32) (result i32) (i32.load (i32.const 65533)))
    ;; Loads that may be operands of instructions that stand elsewhere.
    (func $load_right (param i32) (result i32) (i32.add (local.get 0) (i32.load (local.get 0))))
    (func $load_left (param i32) (result i32) (i32.sub (i32.load (local.get 0)) (local.get 0)))
    (func $load_both (param i32) (result i32)
      (i32.xor (i32.load (local.get 0)) (i32.load (i32.mul (local.get 0) (i32.const 2)))))
    (func $load_compared (param i32) (result i32) (i32.lt_u (local.get 0) (i32.load (local.get 0))))
    (func $load_converted (param i32) (result i32)
      (i32.trunc_sat_f32_s (f32.add (f32.convert_i32_s (i32.load (local.get 0))) (f32.const 1))))
    (func $load_float (param i32) (result i32)
      (i32.trunc_sat_f64_s (f64.mul (f64.convert_i32_s (local.get 0)) (f64.load (local.get 0)))))
    (func $load_vector (param i32) (result i32)
      (i32x4.extract_lane 1 (i32x4.add (i32x4.splat (local.get 0)) (v128.load (local.get 0)))))
    (func $store (param i32) (result i32) (i64.store (local.get 0) (i64.const 0x123456789)) (i32.const 1))
    (func $copy (param i32) (result i32) (memory.copy (i32.const 0) (local.get 0) (i32.const 100)) (i32.const 1))
    (func $fill (param i32) (result i32) (memory.fill (local.get 0) (i32.const 7) (local.get 0)) (i32.const 1))
    (func $div (param i32) (result i32) (i32.div_s (i32.const 1) (i32.add (local.get 0) (i32.const 1))))
    (func $div_overflow (param i32) (result i32) (i32.div_s (i32.const 0x80000000) (local.get 0)))
    (func $rem (param i32) (result i32)
      (i32.wrap_i64 (i64.rem_u (i64.const 5) (i64.extend_i32_u (i32.add (local.get 0) (i32.const 1))))))
    (func $trunc (param i32) (result i32) (i32.trunc_f64_s (f64.mul (f64.const 1e300) (f64.convert_i32_s (local.get 0)))))
    (func $trunc_nan (param i32) (result i32) (i32.wrap_i64 (i64.trunc_f32_u (f32.div (f32.const 0) (f32.const 0)))))
    (func $indirect (param i32) (result i32) (call_indirect (type $unary) (local.get 0) (local.get 0)))
    (func $indirect_null (param i32) (result i32) (call_indirect (type $unary) (local.get 0) (i32.const 0)))
    (func $indirect_type (param i32) (result i32) (call_indirect (type $unary) (local.get 0) (i32.const 2)))
    (func $table (param i32) (result i32) (ref.is_null (table.get 0 (local.get 0))))
    (func $null (param i32) (result i32) (ref.is_null (ref.as_non_null (table.get 0 (i32.const 3)))))
    (func $overflow (param i32) (result i32) (i32.add (call $overflow (local.get 0)) (i32.const 1)))
    CALLERS)"#;

const TRAPPING: [&str; 26] = [
    "unreachable",
    "load",
    "load_far",
    "load_known",
    "load_right",
    "load_left",
    "load_both",
    "load_compared",
    "load_converted",
    "load_float",
    "load_vector",
    "store",
    "copy",
    "fill",
    "div",
    "div_overflow",
    "rem",
    "trunc",
    "trunc_nan",
    "indirect",
    "indirect_null",
    "indirect_type",
    "table",
    "null",
    "overflow",
    "unreachable",
];

/// A caller of each, with something alive across the call in a local and on the stack.
fn trapping_module() -> String {
    let mut callers = String::new();
    for (nth, name) in TRAPPING[..TRAPPING.len() - 1].iter().enumerate() {
        writeln!(
            callers,
            r#"(func (export "{name}") (param i32) (result i32) (local i32)
                 (local.set 1 (i32.add (local.get 0) (i32.const {nth})))
                 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.sub (call ${name} (local.get 0)) (local.get 1))))"#
        )
        .expect("a string takes everything");
    }
    TRAPS.replace("CALLERS", &callers)
}

fn outcome(isolate: &mut Isolate, instance: deltic::Instance, name: &str, argument: i32) -> String {
    let func = instance.get_typed_func::<i32, i32>(isolate, name).expect("a function");
    match func.call(&mut *isolate, argument) {
        Ok(value) => value.to_string(),
        Err(CallError::Trap(trap)) => {
            // How deep a stack is before it overflows depends on the size of frames.
            let frames = if name == "overflow" { &trap.frames()[..1] } else { trap.frames() };
            let mut text = format!("{:?}", trap.code());
            for frame in frames {
                let place = frame.wasm_offset.filter(|_| name != "overflow");
                write!(text, " {:?}@{place:?}", frame.func_name).expect("a string takes everything");
            }
            text
        }
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn traps_are_the_same_and_at_the_same_places() {
    let text = trapping_module();
    for config in [Config::default(), Config::default().with_memory_guards(false)] {
        let outcomes = engines(&config).map(|engine| {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let mut outcomes = Vec::new();
            for name in &TRAPPING[..TRAPPING.len() - 1] {
                for argument in [-1, 1, 3, 40_000, 70_000] {
                    outcomes.push(format!("{name}({argument}): {}", outcome(&mut isolate, instance, name, argument)));
                }
            }
            outcomes
        });
        assert_eq!(outcomes[0], outcomes[1]);
        let traps = outcomes[0].iter().filter(|outcome| outcome.contains('@')).count();
        assert!(traps > 30, "{traps} of {:#?}", outcomes[0]);
    }
}

#[test]
fn baseline_code_can_be_stopped() {
    let text = r#"(module
        (func (export "spin") (loop $l (br $l)))
        (func $fork (param i32)
          (if (local.get 0) (then
            (call $fork (i32.sub (local.get 0) (i32.const 1)))
            (call $fork (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "fork") (call $fork (i32.const 60))))"#;
    let [engine, _] = engines(&Config::default());
    let (mut isolate, instance) = instance_with(&engine, text);
    for name in ["spin", "fork"] {
        isolate.set_deadline(Some(Duration::from_millis(10)));
        let func = instance.get_typed_func::<(), ()>(&mut isolate, name).expect("a function");
        let Err(CallError::Trap(trap)) = func.call(&mut isolate, ()) else { panic!("{name} returned") };
        assert_eq!(trap.code(), TrapCode::DeadlineExceeded, "{name}");
    }
}

/// Polls find the instance though values fill all registers.
#[test]
fn baseline_code_with_many_values_can_be_stopped() {
    let params = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    let sums: String = (1..12).map(|n| format!("(local.set {n} (i32.add (local.get {n}) (local.get {})))", n - 1)).collect();
    let text = format!(
        "(module (func (export \"spin\") {params} (loop $l (local.set 0 (i32.add (local.get 0) (i32.const 3))) {sums} (br $l))))"
    );
    for (fuel, code) in [(false, TrapCode::DeadlineExceeded), (true, TrapCode::OutOfFuel)] {
        for engine in engines(&Config::default().with_code_settings(CodeSettings { fuel, ..CodeSettings::default() })) {
            let (mut isolate, instance) = instance_with(&engine, &text);
            if fuel {
                isolate.set_fuel(10_000);
            } else {
                isolate.set_deadline(Some(Duration::from_millis(10)));
            }
            let func = instance.get_func(&mut isolate, "spin").expect("a function");
            let values: Vec<Val> = (1..=12).map(Val::I32).collect();
            let Err(CallError::Trap(trap)) = func.call(&mut isolate, &values) else { panic!("it returned") };
            assert_eq!(trap.code(), code);
        }
    }
}

#[test]
fn fuel_is_the_same_in_both_tiers() {
    let text = r#"(module
        (func $leaf (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 2)) (else (nop) (i32.const 3))))
        (func (export "run") (param i32) (result i32) (local i32)
          (loop $l
            (local.set 1 (i32.add (local.get 1) (call $leaf (i32.and (local.get 0) (i32.const 1)))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (block $a (block $b (block $c (br_table $a $b $c (local.get 1))) (local.set 1 (i32.const 7))) (drop (local.get 1)))
          (local.get 1)))"#;
    let settings = CodeSettings { fuel: true, ..CodeSettings::default() };
    let used = engines(&Config::default().with_code_settings(settings)).map(|engine| {
        let (mut isolate, instance) = instance_with(&engine, text);
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
        isolate.set_fuel(100_000);
        let results = [1, 2, 50].map(|n| func.call(&mut isolate, n).expect("enough fuel"));
        (results, 100_000 - isolate.fuel())
    });
    assert_eq!(used[0], used[1]);
    assert_ne!(used[0].1, 0);
}

/// Functions at the edges of what is kept in registers: many locals of all kinds, deep stacks, many parameters and results.
#[test]
fn many_locals_operands_parameters_and_results() {
    let kinds = ["i32", "v128", "i64", "f32", "f64"];
    let kind = |nth: usize| kinds[nth % 5];
    for count in [3, 15, 17, 63, 64, 65, 80, 200] {
        let mut text = String::from("(module\n");
        let list = (0..count).map(kind).collect::<Vec<_>>().join(" ");
        // Gives its parameters back in their order, by way of locals, a loop and a deep stack.
        writeln!(text, "(func $pass (param {list}) (result {list}) (local {list}) (local $again i32)").expect("text");
        text += "(loop $l\n";
        for nth in 0..count {
            writeln!(text, "local.get {nth}").expect("text");
        }
        for nth in (0..count).rev() {
            writeln!(text, "local.set {}", count + nth).expect("text");
        }
        text += "(local.set $again (i32.add (local.get $again) (i32.const 1)))\n";
        text += "(br_if $l (i32.lt_u (local.get $again) (i32.const 3))))\n";
        for nth in 0..count {
            writeln!(text, "local.get {}", count + nth).expect("text");
        }
        text += ")\n";
        writeln!(text, r#"(func (export "run") (param {list}) (result {list})"#).expect("text");
        // Something below the arguments of the call, which outlives it.
        text += "(block $done (i64.const 77)\n";
        for nth in 0..count {
            writeln!(text, "local.get {nth}").expect("text");
        }
        text += "call $pass\n";
        for nth in (0..count).rev() {
            writeln!(text, "local.set {nth}").expect("text");
        }
        text += "i64.const 77 i64.ne br_if $done\n";
        for nth in 0..count {
            writeln!(text, "local.get {nth}").expect("text");
        }
        text += "return)\nunreachable))";
        let args: Vec<Val> = (0..count)
            .map(|nth| match nth % 5 {
                0 => Val::I32(nth as i32 - 5),
                1 => Val::V128(nth as u128 * 0x1_0000_0000_0000_0001_0000_0003),
                2 => Val::I64(nth as i64 * 0x1_0000_0001),
                3 => Val::F32((nth as f32 * 0.5).to_bits()),
                _ => Val::F64((nth as f64 * -0.25).to_bits()),
            })
            .collect();
        for engine in engines(&Config::default()) {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let func = instance.get_func(&mut isolate, "run").expect("a function");
            let results = func.call(&mut isolate, &args).expect("no trap");
            assert_eq!(format!("{results:?}"), format!("{args:?}"), "{count}");
        }
    }
}

/// Compiling takes time in proportion to the body, however deep the stack: none of these ends in a minute if it does not.
#[test]
fn deep_stacks_are_compiled_in_linear_time() {
    let depth = 200_000;
    let units = [
        // Registers under pressure.
        "(i32.popcnt (local.get 0))",
        // A register of its own kind, which is freed each time.
        "(i32.shl (local.get 0) (local.get 1))",
        "(i32.div_u (local.get 0) (i32.or (local.get 1) (i32.const 1)))",
        // Calls, with something deep that no call disturbs.
        "(call $leaf (local.get 0))",
        // Blocks, which remember where values are.
        "(block (result i32) (br_if 0 (local.get 0) (local.get 1)))",
        "(if (result i32) (local.get 1) (then (local.get 0)) (else (i32.const 7)))",
        // Allocations and casts, with something deep that no collection disturbs.
        "(struct.get $s 0 (struct.new $s (local.get 0)))",
        "(i31.get_s (ref.i31 (ref.test (ref $s) (local.get $r))))",
    ];
    let [engine, _] = engines(&Config::default());
    for unit in units {
        let mut text = String::from(
            r#"(module (type $s (struct (field i32))) (func $leaf (param i32) (result i32) (local.get 0))
                (func (export "run") (param i32) (result i32) (local i32) (local $r anyref)
                (local.set 1 (i32.add (local.get 0) (i32.const 1)))"#,
        );
        for _ in 0..depth {
            text += unit;
        }
        for _ in 1..depth {
            text += " i32.xor";
        }
        text += "))";
        let (mut isolate, instance) = instance_with(&engine, &text);
        let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
        // An even number of equal values; the frame of so many operands is larger than the stack may be.
        match run.call(&mut isolate, 5) {
            Ok(result) => assert_eq!(result, 0, "{unit}"),
            Err(CallError::Trap(trap)) => assert_eq!(trap.code(), TrapCode::StackOverflow, "{unit}"),
            Err(error) => panic!("{unit}: {error}"),
        }
    }
}

/// So does saying where the references are that lie deep, in locals or on the stack, at each of many calls.
#[test]
fn deep_references_are_listed_in_linear_space() {
    let depth = 30_000;
    let mut text = String::from(
        r#"(module (type $s (struct (field i32))) (func $make (param i32) (result (ref null $s)) (struct.new $s (local.get 0)))
            (func (export "run") (param i32) (result i32) (local $sum i32) (local"#,
    );
    text += &" (ref null $s)".repeat(5_000);
    text += ")";
    for nth in 0..depth {
        // Some go again before the next ones come.
        let other = if nth % 3 == 0 { "(drop (struct.get $s 0 (call $make (i32.const 5))))" } else { "" };
        let unit = if nth % 2 == 0 { "(call $make (local.get 0))" } else { "(struct.new $s (local.get 0))" };
        text += unit;
        text += other;
        if nth < 5_000 {
            write!(text, "(local.set {} (call $make (i32.const {nth})))", nth + 2).expect("text");
        }
    }
    for _ in 0..depth {
        text += "struct.get $s 0 local.get $sum i32.add local.set $sum ";
    }
    text += "(i32.add (local.get $sum) (struct.get $s 0 (local.get 4001))))";
    text += ")";
    let heap = HeapSettings { nursery_bytes: 64 << 10, ..HeapSettings::default() };
    let engine = baseline_only(Baseline::new(), &Config::default().with_heap(heap));
    let (mut isolate, instance) = instance_with(&engine, &text);
    assert_eq!(outcome(&mut isolate, instance, "run", 7), (7 * depth + 3999).to_string());
}

/// What newer processors have an instruction for, with and without it.
#[test]
fn older_processors_count_and_round_alike() {
    let mut text = String::from("(module\n");
    for ty in ["i32", "i64"] {
        for op in ["popcnt", "clz", "ctz"] {
            // Beside values that are in registers meanwhile.
            writeln!(
                text,
                r#"(func (export "{ty}.{op}") (param {ty}) (result {ty}) (local {ty})
                  (local.set 1 ({ty}.add (local.get 0) ({ty}.const 7)))
                  ({ty}.xor ({ty}.mul (local.get 1) ({ty}.const 3)) ({ty}.{op} (local.get 0))))"#
            )
            .expect("text");
        }
    }
    let int = |ty: &str| if ty == "f32" { "i32" } else { "i64" };
    for ty in ["f32", "f64"] {
        let int = int(ty);
        for op in ["ceil", "floor", "trunc", "nearest"] {
            writeln!(
                text,
                r#"(func (export "{ty}.{op}") (param {int}) (result {int}) (local {ty})
                  (local.set 1 ({ty}.reinterpret_{int} (local.get 0)))
                  ({int}.add ({int}.mul (local.get 0) ({int}.const 5))
                    ({int}.reinterpret_{ty} ({ty}.{op} (local.get 1)))))"#
            )
            .expect("text");
        }
    }
    text += ")";
    let settings = CodeSettings { canonicalize_nans: true, ..CodeSettings::default() };
    let config = Config::default().with_code_settings(settings);
    let [_, optimized] = engines(&config);
    let engines = [baseline_only(Baseline::for_oldest_processor(), &config), baseline_only(Baseline::new(), &config), optimized];
    let mut random = Random::new(5);
    let mut narrow: Vec<u32> =
        [0.0f32, -0.0, 0.5, -0.5, 1.5, 2.5, -1.5, 0.49999997, 8388607.5, 8388609.0, f32::INFINITY, f32::NAN]
            .map(f32::to_bits)
            .into();
    let mut wide: Vec<u64> =
        [0.0f64, -0.0, 0.5, -0.5, 1.5, 2.5, -0.2, 4503599627370495.5, -4503599627370497.0, f64::NEG_INFINITY, f64::NAN]
            .map(f64::to_bits)
            .into();
    for _ in 0..50 {
        wide.push(random.next());
        wide.push(((random.next() % 4000) as f64 / 8.0 - 250.0).to_bits());
        narrow.push(random.next() as u32);
        narrow.push(((random.next() % 4000) as f32 / 8.0 - 250.0).to_bits());
    }
    let outcomes = engines.map(|engine| {
        let (mut isolate, instance) = instance_with(&engine, &text);
        let mut results: Vec<u64> = Vec::new();
        for name in ["i32.popcnt", "i32.clz", "i32.ctz", "f32.ceil", "f32.floor", "f32.trunc", "f32.nearest"] {
            let func = instance.get_typed_func::<u32, u32>(&mut isolate, name).expect("a function");
            results.extend(narrow.iter().map(|&bits| u64::from(func.call(&mut isolate, bits).expect("no trap"))));
        }
        for name in ["i64.popcnt", "i64.clz", "i64.ctz", "f64.ceil", "f64.floor", "f64.trunc", "f64.nearest"] {
            let func = instance.get_typed_func::<u64, u64>(&mut isolate, name).expect("a function");
            results.extend(wide.iter().map(|&bits| func.call(&mut isolate, bits).expect("no trap")));
        }
        results
    });
    assert_eq!(outcomes[0], outcomes[2]);
    assert_eq!(outcomes[1], outcomes[2]);
}

/// Every atomic operator of every size, at addresses that are aligned, unaligned and outside.
#[test]
fn atomics_are_the_same() {
    let sizes = [
        ("i32", "", 4, ""),
        ("i64", "", 8, ""),
        ("i32", "8", 1, "_u"),
        ("i32", "16", 2, "_u"),
        ("i64", "8", 1, "_u"),
        ("i64", "16", 2, "_u"),
        ("i64", "32", 4, "_u"),
    ];
    let mut text = String::from("(module (memory 1 1 shared)\n");
    let mut names = Vec::new();
    for (ty, size, _, sign) in sizes {
        let value = if ty == "i32" { "(i32.wrap_i64 (local.get 1))" } else { "(local.get 1)" };
        let widened = |code: String| if ty == "i32" { format!("(i64.extend_i32_u {code})") } else { code };
        let mut define = |name: String, code: String| {
            // With the address and the value in a local as well, and what was stored read back.
            writeln!(
                text,
                r#"(func (export "{name}") (param i32 i64) (result i64)
                  (i64.add (i64.add (i64.mul {code} (i64.const 3)) (i64.extend_i32_u (local.get 0)))
                    (i64.xor (local.get 1) (i64.load (i32.const 64)))))"#
            )
            .expect("text");
            names.push(name);
        };
        for op in ["add", "sub", "and", "or", "xor", "xchg"] {
            let name = format!("{ty}.atomic.rmw{size}.{op}{sign}");
            let code = widened(format!("({name} offset=64 (local.get 0) {value})"));
            define(name, code);
        }
        let name = format!("{ty}.atomic.rmw{size}.cmpxchg{sign}");
        let code =
            widened(format!("({name} offset=64 (local.get 0) ({ty}.atomic.load{size}{sign} offset=64 (local.get 0)) {value})"));
        define(name.clone() + " equal", code);
        let code = widened(format!("({name} offset=64 (local.get 0) {value} {value})"));
        define(name, code);
        let name = format!("{ty}.atomic.store{size}");
        let load = widened(format!("({ty}.atomic.load{size}{sign} (i32.const 64))"));
        define(name.clone(), format!("(block (result i64) ({name} offset=64 (local.get 0) {value}) {load})"));
        define(format!("{name} known"), format!("(block (result i64) ({name} (i32.const 64) ({ty}.const -2)) {load})"));
    }
    text += r#"(func (export "notify") (param i32 i64) (result i64)
        (i64.extend_i32_u (memory.atomic.notify offset=3 (local.get 0) (i32.wrap_i64 (local.get 1)))))
      (func (export "wait") (param i32 i64) (result i64) (atomic.fence)
        (i64.extend_i32_u (memory.atomic.wait32 offset=64 (local.get 0) (i32.wrap_i64 (local.get 1)) (i64.const 0))))
      (func (export "wait64") (param i32 i64) (result i64)
        (i64.extend_i32_u (memory.atomic.wait64 (local.get 0) (local.get 1) (i64.const 0)))))"#;
    names.extend(["notify", "wait", "wait64"].map(String::from));
    for config in [Config::default(), Config::default().with_memory_guards(false)] {
        let outcomes = [baseline_only(Baseline::new(), &config), engines(&config)[1].clone()].map(|engine| {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let mut outcomes = Vec::new();
            for name in &names {
                let func = instance.get_typed_func::<(i32, i64), i64>(&mut isolate, name).expect("a function");
                for address in [0, 1, 2, 4, 5, 0xffc0, 0xffb9, 0xffb8, -8, -1] {
                    for value in [0x0123_4567_89ab_cdef, -1] {
                        let outcome = func.call(&mut isolate, (address, value));
                        let outcome = outcome.map_err(|error| match error {
                            CallError::Trap(trap) => format!("{:?} {:?}", trap.code(), trap.frames()[0].wasm_offset),
                            error => panic!("{name}: {error}"),
                        });
                        outcomes.push(format!("{name} {address} {value}: {outcome:x?}"));
                    }
                }
            }
            outcomes
        });
        assert_eq!(outcomes[0], outcomes[1]);
        assert!(outcomes[0].iter().any(|outcome| outcome.contains("UnalignedAtomic")));
        assert!(outcomes[0].iter().any(|outcome| outcome.contains("MemoryOutOfBounds")));
    }
}

/// One register for two operands and nothing else, and temporary registers when all that calls do not preserve are in use.
#[test]
fn registers_that_are_shared_or_scarce() {
    let mut text = String::from(
        r#"(module (memory 1)
        (func (export "shared") (param i32) (result i32)
          local.get 0 local.get 0 i32.const 5 local.set 0 i32.store offset=4
          (i32.add (local.get 0) (i32.load offset=4 (i32.const 1000))))
        (func (export "wide") (param i32) (result i32) (local i64)
          (local.set 1 (i64.extend_i32_s (local.get 0)))
          local.get 1 local.get 1 local.get 1 local.get 1 i64.const 9 local.set 1 i64.sub128 i64.or
          local.get 1 local.get 1 local.get 1 local.get 1 i64.const 3 local.set 1 i64.add128 i64.xor i64.add
          (block (param i64) (result i64 i64 i64) (i64.extend_i32_u (local.get 0)) (i64.extend_i32_u (local.get 0)) i64.mul_wide_s)
          i64.add i64.xor i32.wrap_i64)
        (func $scarce (param i32) (result i32) (local"#,
    );
    text += &" i32".repeat(7);
    text += ")";
    for local in 1..8 {
        write!(text, "(local.set {local} (i32.add (local.get 0) (i32.const {local})))").expect("text");
    }
    text += "(i32.popcnt (i32.atomic.rmw.and (i32.const 64) (local.get 0)))";
    for local in 1..8 {
        write!(text, "(i32.xor (local.get {local}))").expect("text");
    }
    text += ")";
    // The callers have something in all registers that calls preserve.
    text += r#"(func (export "scarce") (param i32) (result i32) (local i32 i32 i32)
        (local.set 1 (i32.mul (local.get 0) (i32.const 3)))
        (local.set 2 (i32.mul (local.get 0) (i32.const 5)))
        (local.set 3 (i32.mul (local.get 0) (i32.const 7)))
        (i32.add (call $scarce (local.get 0)) (i32.add (local.get 1) (i32.add (local.get 2) (local.get 3))))))"#;
    for config in [Config::default(), Config::default().with_memory_guards(false)] {
        let [_, optimized] = engines(&config);
        let old = baseline_only(Baseline::for_oldest_processor(), &config);
        let outcomes = [old, baseline_only(Baseline::new(), &config), optimized].map(|engine| {
            let (mut isolate, instance) = instance_with(&engine, &text);
            ["shared", "wide", "scarce"].map(|name| outcome(&mut isolate, instance, name, 1000))
        });
        assert_eq!(outcomes[0], outcomes[2]);
        assert_eq!(outcomes[1], outcomes[2]);
    }
}

/// Objects of every kind of field, by way of registers, slots and constants, with more values in use than there are registers.
const OBJECTS: &str = r#"(module
    (type $node (struct (field $v i32) (field $n (ref null $node))))
    (type $mix (struct (field $a (mut i8)) (field $b (mut i16)) (field $c (mut i64)) (field $d (mut f32)) (field $e (mut f64))
      (field $f (mut (ref null $node))) (field $g (mut anyref)) (field $h (mut funcref))))
    (type $refs (array (mut (ref null $node))))
    (type $bytes (array (mut i8)))
    (type $doubles (array (mut f64)))
    (type $longs (array (mut i64)))
    (global $kept (mut (ref null $refs)) (ref.null $refs))
    (elem declare func $sum)
    (func $sum (param $l (ref null $node)) (result i32) (local $s i32)
      (block $end
        (loop $next
          (br_if $end (ref.is_null (local.get $l)))
          (local.set $s (i32.add (local.get $s) (struct.get $node $v (local.get $l))))
          (local.set $l (struct.get $node $n (local.get $l)))
          (br $next)))
      (local.get $s))
    ;; Allocates with ten references and as many numbers alive, in locals and on the stack.
    (func $pressure (param $n i32) (result i32)
      (local $r0 (ref null $node)) (local $r1 (ref null $node)) (local $r2 (ref null $node)) (local $r3 (ref null $node))
      (local $r4 (ref null $node)) (local $r5 (ref null $node)) (local $r6 anyref) (local $r7 (ref null $node))
      (local $i i32) (local $j i32) (local $k i64) (local $l i64) (local $x f64) (local $y f32)
      (loop $again
        (local.set $j (i32.add (i32.mul (local.get $i) (i32.const 7)) (i32.const 1)))
        (local.set $k (i64.add (local.get $k) (i64.extend_i32_u (local.get $j))))
        (local.set $l (i64.extend_i32_u (local.get $j)))
        (local.set $x (f64.add (local.get $x) (f64.convert_i32_u (local.get $j))))
        (local.set $y (f32.add (local.get $y) (f32.const 1)))
        (local.set $r0 (struct.new $node (local.get $i) (local.get $r1)))
        (local.set $r7 (local.get $r0))
        (local.set $r1 (struct.new $node (local.get $j) (local.get $r0)))
        (local.set $r2 (struct.new $node (local.get $j) (struct.new $node (local.get $i) (local.get $r2))))
        (local.set $r3 (struct.new $node (i32.wrap_i64 (local.get $k)) (local.get $r7)))
        (local.set $r4 (struct.new $node (i32.wrap_i64 (local.get $l)) (local.get $r3)))
        (local.set $r5 (struct.new $node (i32.trunc_f64_s (local.get $x)) (local.get $r4)))
        (local.set $r6 (ref.i31 (local.get $j)))
        (if (i32.ne (struct.get $node $v (local.get $r0)) (local.get $i)) (then (unreachable)))
        (if (i32.eqz (ref.eq (local.get $r7) (local.get $r0))) (then (unreachable)))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (i32.add (call $sum (local.get $r1)) (i32.add (call $sum (local.get $r2)) (i32.add (call $sum (local.get $r5))
        (i32.add (i31.get_s (ref.cast (ref i31) (local.get $r6)))
          (i32.add (i32.wrap_i64 (local.get $k)) (i32.add (i32.trunc_f64_s (local.get $x)) (i32.trunc_f32_s (local.get $y)))))))))
    (func $mixed (param $n i32) (result i32) (local $m (ref null $mix)) (local $s i64)
      (local.set $m (struct.new $mix (local.get $n) (i32.const -3) (i64.const 0x123456789abcdef) (f32.const 1.5)
        (f64.convert_i32_s (local.get $n)) (struct.new $node (local.get $n) (ref.null $node)) (ref.i31 (i32.const -5)) (ref.func $sum)))
      (struct.set $mix $f (local.get $m) (struct.new $node (i32.const 4) (struct.get $mix $f (local.get $m))))
      (struct.set $mix $g (local.get $m) (local.get $m))
      (struct.set $mix $c (local.get $m) (i64.const -0x7000000000000001))
      (struct.set $mix $a (local.get $m) (i32.add (local.get $n) (i32.const 200)))
      (struct.set $mix $d (local.get $m) (f32.const 0.25))
      (local.set $s (i64.add (struct.get $mix $c (local.get $m)) (i64.extend_i32_s (struct.get_s $mix $a (local.get $m)))))
      (local.set $s (i64.xor (local.get $s) (i64.extend_i32_s (struct.get_u $mix $b (local.get $m)))))
      (local.set $s (i64.add (local.get $s) (i64.reinterpret_f64
        (f64.add (struct.get $mix $e (local.get $m)) (f64.promote_f32 (struct.get $mix $d (local.get $m)))))))
      (i32.add (i32.wrap_i64 (i64.add (local.get $s) (i64.shr_u (local.get $s) (i64.const 32))))
        (i32.add (call $sum (struct.get $mix $f (local.get $m))) (ref.eq (ref.cast eqref (struct.get $mix $g (local.get $m))) (local.get $m)))))
    (func $arrays (param $n i32) (result i32) (local $r (ref null $refs)) (local $i i32) (local $s i32) (local $d (ref null $doubles))
      (local.set $r (array.new $refs (struct.new $node (i32.const 3) (ref.null $node)) (i32.add (local.get $n) (i32.const 2))))
      (global.set $kept (local.get $r))
      (loop $again
        (array.set $refs (local.get $r) (local.get $i) (struct.new $node (local.get $i) (array.get $refs (local.get $r) (local.get $i))))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.set $i (i32.const 0))
      (loop $again
        (local.set $s (i32.add (local.get $s) (call $sum (array.get $refs (global.get $kept) (local.get $i)))))
        (br_if $again (i32.le_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.set $d (array.new $doubles (f64.convert_i32_s (local.get $n)) (i32.const 3)))
      (array.fill $doubles (local.get $d) (i32.const 1) (f64.mul (f64.convert_i32_s (local.get $n)) (f64.const 0.5)) (i32.const 1))
      (local.set $d (array.new_fixed $doubles 4 (array.get $doubles (local.get $d) (i32.const 1)) (f64.const 9)
        (array.get $doubles (array.new $doubles (f64.const 2.5) (local.get $n)) (i32.const 0))
        (array.get $doubles (array.new $doubles (f64.convert_i32_s (local.get $n)) (i32.const 20)) (i32.const 19))))
      (i32.add (local.get $s) (i32.add
        (i32.add (array.len (array.new_default $longs (i32.const 5))) (array.len (array.new_default $longs (local.get $n))))
        (i32.add (array.get_s $bytes (array.new $bytes (i32.add (local.get $n) (i32.const 250)) (i32.const 9)) (i32.const 8))
          (i32.trunc_f64_s (f64.add (array.get $doubles (local.get $d) (i32.const 0)) (f64.add (array.get $doubles (local.get $d) (i32.const 1))
            (f64.add (array.get $doubles (local.get $d) (i32.const 2)) (array.get $doubles (local.get $d) (i32.const 3))))))))))
    ;; Each of these traps for some arguments.
    (func $null_get (param i32) (result i32) (struct.get $node $v (if (result (ref null $node)) (local.get 0) (then (ref.null $node)) (else (struct.new_default $node)))))
    (func $null_set (param i32) (result i32) (struct.set $mix $g (ref.null $mix) (ref.null none)) (i32.const 0))
    (func $bounds (param i32) (result i32) (array.get_u $bytes (array.new_default $bytes (i32.const 70)) (local.get 0)))
    (func $bounds_set (param i32) (result i32) (array.set $longs (array.new_default $longs (i32.const 3)) (local.get 0) (i64.const 5)) (i32.const 1))
    (func $null_len (param i32) (result i32) (array.len (ref.null array)))
    (func $null_i31 (param i32) (result i32) (i31.get_u (ref.null i31)))
    (func $cast (param i32) (result i32)
      (struct.get $node $v (ref.cast (ref $node) (if (result anyref) (local.get 0)
        (then (array.new_default $bytes (local.get 0))) (else (struct.new $node (i32.const 8) (ref.null $node)))))))
    CALLERS)"#;

const OF_OBJECTS: [&str; 10] =
    ["pressure", "mixed", "arrays", "null_get", "null_set", "bounds", "bounds_set", "null_len", "null_i31", "cast"];

#[test]
fn objects_are_the_same_whenever_they_move() {
    let mut callers = String::new();
    for name in OF_OBJECTS {
        writeln!(
            callers,
            r#"(func (export "{name}") (param i32) (result i32) (i32.xor (call ${name} (local.get 0)) (local.get 0)))"#
        )
        .expect("text");
    }
    let text = OBJECTS.replace("CALLERS", &callers);
    let mut all = Vec::new();
    for stress in [false, true] {
        let heap = HeapSettings { stress, nursery_bytes: 64 << 10, ..HeapSettings::default() };
        let config = Config::default().with_heap(heap);
        for engine in [baseline_only(Baseline::new(), &config), engines(&config)[1].clone()] {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let mut outcomes = Vec::new();
            for name in OF_OBJECTS {
                for argument in [0, 1, 5, 69, 70, 300] {
                    outcomes.push(format!("{name}({argument}): {}", outcome(&mut isolate, instance, name, argument)));
                }
            }
            all.push(outcomes);
        }
    }
    assert!(all[1..].iter().all(|outcomes| *outcomes == all[0]), "{all:#?}");
    assert!(all[0].iter().filter(|outcome| outcome.contains('@')).count() > 20, "{:#?}", all[0]);
}

/// Exceptions out of calls of every kind, past values in registers, slots and constants, and past frames that save registers.
const EXCEPTIONS: &str = r#"(module $exceptions
    (type $unary (func (param i32) (result i32)))
    (type $box (struct (field $v (mut i32))))
    (tag $t (param i32)) (tag $m (param i32 i64 f32 f64 (ref null $box))) (tag $e)
    (memory 1) (table 2 funcref) (elem (i32.const 0) $deep $trap)
    (elem declare func $deep)
    (global $log (mut i32) (i32.const 0))
    (func $leaf (param $n i32) (result i32)
      (block $other (block $big (block $small (block $none
        (br_table $none $small $big $other (i32.rem_u (local.get $n) (i32.const 5))))
        (throw $e))
        (throw $t (i32.mul (local.get $n) (i32.const 11))))
        (throw $m (local.get $n) (i64.const -5) (f32.convert_i32_s (local.get $n)) (f64.const 0.5) (struct.new $box (local.get $n))))
      (i32.mul (local.get $n) (i32.const 3)))
    (func $deep (param $n i32) (result i32) (local $a i32) (local $b i32) (local $c i32)
      (local.set $a (i32.add (local.get $n) (i32.const 1)))
      (local.set $b (i32.mul (local.get $n) (i32.const 7)))
      (local.set $c (i32.xor (local.get $n) (i32.const 99)))
      (i32.store (i32.const 16) (local.get $a))
      (i32.add (call $leaf (local.get $n)) (i32.add (local.get $a) (i32.add (local.get $b) (local.get $c)))))
    (func $trap (param $n i32) (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
    (func $wide (param $n i32) (param i32 i32 i32 i32 i32 i32 i32 i32 i64 f64) (result i32)
      (i32.add (call $deep (local.get $n)) (i32.add (local.get 8) (i32.wrap_i64 (local.get 9)))))
    (func $results (param $n i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32 i64)
      (call $deep (local.get $n)) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7)
      (i32.const 8) (i64.const 9))
    ;; A call of each kind inside of a `try_table`, with numbers and references around it.
    (func $around (param $n i32) (result i32)
      (local $a i32) (local $b i64) (local $x f64) (local $r (ref null $box)) (local $s (ref null $box)) (local $way i32) (local $sum i32)
      (local.set $s (struct.new $box (i32.const 1000)))
      (loop $again
        (local.set $a (i32.add (local.get $way) (i32.const 3)))
        (local.set $b (i64.extend_i32_u (local.get $a)))
        (local.set $x (f64.convert_i32_u (local.get $a)))
        (local.get $sum)
        (i32.const 40)
        (struct.get $box $v (local.get $s))
        (local.set $r (struct.new $box (local.get $way)))
        (block $done (result i32)
          (block $all
            (block $many (result i32 i64 f32 f64 (ref null $box))
              (block $one (result i32)
                (br $done (try_table (param) (result i32) (catch $t $one) (catch $m $many) (catch_all $all)
                  (local.set $a (i32.add (local.get $a) (i32.const 1)))
                  (local.set $r (struct.new $box (local.get $a)))
                  (block $k5 (block $k4 (block $k3 (block $k2 (block $k1 (block $k0
                    (br_table $k0 $k1 $k2 $k3 $k4 $k5 (local.get $way)))
                    (drop (call $deep (local.get $n))) (br $k5))
                    (drop (call $wide (local.get $n) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)
                      (i32.const 7) (i32.const 8) (i64.const 9) (f64.const 10))) (br $k5))
                    (call $results (local.get $n)) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (drop) (br $k5))
                    (drop (call_indirect (type $unary) (local.get $n) (i32.const 0))) (br $k5))
                    (drop (call_ref $unary (local.get $n) (ref.func $deep))) (br $k5))
                  (local.set $b (i64.const 5))
                  (local.set $a (i32.add (local.get $a) (i32.const 100)))
                  (if (i32.eq (local.get $n) (i32.const 14)) (then (throw $t (local.get $a))))
                  (if (i32.eq (local.get $n) (i32.const 19)) (then (throw $m (local.get $a) (i64.const 1) (f32.const 2) (f64.const 3) (local.get $s))))
                  (local.get $a))))
              ;; $one
              (br $done (i32.add (local.get $a) (i32.const 10000))))
            ;; $many
            (local.set $s)
            (local.set $x)
            (drop) (drop)
            (br $done (i32.add (struct.get $box $v (local.get $s)))))
          ;; $all
          (i32.const -7))
        (i32.add) (i32.add) (i32.add)
        (i32.add (i32.add (local.get $a) (i32.wrap_i64 (local.get $b))))
        (i32.add (i32.add (i32.trunc_f64_s (local.get $x)) (struct.get $box $v (local.get $r))))
        (i32.add (i32.load (i32.const 16)))
        (local.set $sum (i32.mul (i32.const 3)))
        (br_if $again (i32.lt_u (local.tee $way (i32.add (local.get $way) (i32.const 1))) (i32.const 5))))
      (local.get $sum))
    ;; Tries in tries: what does not fit goes outwards, within the function and out of it, and what was caught is thrown again.
    (func $again (param $n i32) (result i32) (local $x exnref) (local $k i32)
      (local.set $k (i32.add (local.get $n) (i32.const 5)))
      (block $outer (result i32 exnref)
        (block $ref (result exnref)
          (drop (try_table (result i32) (catch_ref $t $outer)
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (block $inner (result exnref)
              (try_table (catch_ref $e $inner)
                (try_table (catch_all_ref $ref)
                  (if (i32.lt_u (local.get $n) (i32.const 5)) (then (drop (call $leaf (local.get $n))))))
                (drop (call $leaf (local.get $n)))
                (throw $t (local.get $k)))
              (unreachable))
            (local.set $x)
            (throw_ref (local.get $x))))
          (unreachable))
        (local.set $x)
        (try_table (catch_ref $t $outer) (throw_ref (local.get $x)))
        (unreachable))
      (drop)
      (i32.add (local.get $k)))
    (func $in_calls (param $n i32) (result i32)
      (block $caught (try_table (catch $e $caught) (return (call $around (i32.add (local.get $n) (call $leaf (local.get $n)))))))
      (i32.const 123))
    (func $no_trap (param $n i32) (result i32)
      (block $all (try_table (catch_all $all) (return (call_indirect (type $unary) (local.get $n) (i32.const 1)))))
      (i32.const 4))
    (func $no_null (param $n i32) (result i32)
      (block $all (try_table (catch_all $all) (throw_ref (ref.null exn)))) (i32.const 5))
    (func $bounds (param $n i32) (result i32)
      (block $all (try_table (catch_all $all) (drop (call $deep (i32.load (i32.sub (i32.const 65530) (local.get $n))))) (unreachable)))
      (i32.const 6))
    CALLERS)"#;

const OF_EXCEPTIONS: [&str; 6] = ["around", "again", "in_calls", "no_trap", "no_null", "bounds"];

/// What callers of some functions see under both tiers, and under mixtures of them, whenever objects move.
fn assert_same_in_all_tiers(text: &str, names: &[&str], arguments: &[i32], traps: usize) {
    let mut callers = String::new();
    for name in names {
        writeln!(
            callers,
            r#"(func (export "{name}") (param i32) (result i32) (local i32 i32)
                 (local.set 1 (i32.mul (local.get 0) (i32.const 3)))
                 (local.set 2 (i32.mul (local.get 0) (i32.const 5)))
                 (i32.add (call ${name} (local.get 0)) (i32.add (local.get 1) (local.get 2))))"#
        )
        .expect("text");
    }
    let text = text.replace("CALLERS", &callers);
    let takes: [fn(usize) -> bool; 4] = [|_| false, |_| true, |func| func.is_multiple_of(2), |func| !func.is_multiple_of(2)];
    let mut all: Vec<Vec<String>> = Vec::new();
    for stress in [false, true] {
        let heap = HeapSettings { stress, nursery_bytes: 64 << 10, ..HeapSettings::default() };
        for takes in takes {
            let (engine, refusals) = mixed::engine(&Config::default().with_heap(heap).with_memory_guards(stress), takes);
            let (mut isolate, instance) = instance_with(&engine, &text);
            assert!(refusals.lock().expect("nobody panicked").is_empty());
            let mut outcomes = Vec::new();
            for name in names {
                for &argument in arguments {
                    outcomes.push(format!("{name}({argument}): {}", outcome(&mut isolate, instance, name, argument)));
                }
            }
            all.push(outcomes);
        }
    }
    for outcomes in &all[1..] {
        assert_eq!(*outcomes, all[0]);
    }
    assert!(all[0].iter().filter(|outcome| outcome.contains('@')).count() >= traps, "{:#?}", all[0]);
}

#[test]
fn exceptions_are_the_same_through_frames_of_both_tiers() {
    let arguments: Vec<i32> = (0..25).collect();
    assert_same_in_all_tiers(EXCEPTIONS, &OF_EXCEPTIONS, &arguments, 60);
}

/// Vectors in fields, elements and payloads, and in registers beside parts of themselves where an allocation asks the runtime.
const VECTORS_IN_OBJECTS: &str = r#"(module
    (type $box (struct (field $tag i8) (field $v (mut v128)) (field $next (ref null $box))))
    (type $row (array (mut v128)))
    (type $floats (array (mut f64)))
    (tag $e (param i32 v128 i64 v128))
    (func $fold (param $v v128) (result i32)
      (i32.xor (i32.xor (i32x4.extract_lane 0 (local.get $v)) (i32.mul (i32.const 3) (i32x4.extract_lane 1 (local.get $v))))
               (i32.xor (i32.mul (i32.const 5) (i32x4.extract_lane 2 (local.get $v))) (i32.mul (i32.const 7) (i32x4.extract_lane 3 (local.get $v))))))
    (func $of (param $n i32) (result v128)
      (i32x4.add (i32x4.splat (i32.mul (local.get $n) (i32.const 0x01000193))) (v128.const i32x4 1 20 300 4000)))
    (func $chain (param $n i32) (result i32) (local $v v128) (local $x f32) (local $list (ref null $box)) (local $sum i32)
      (local.set $v (call $of (local.get $n)))
      (local.set $x (f32x4.extract_lane 0 (local.get $v)))
      (loop $more
        (local.set $list (struct.new $box (local.get $n) (local.get $v) (local.get $list)))
        (local.set $v (i32x4.add (local.get $v) (i32x4.splat (i32.const 1))))
        (struct.set $box $v (local.get $list) (i32x4.mul (struct.get $box $v (local.get $list)) (local.get $v)))
        (br_if $more (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
      (loop $each
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (call $fold (struct.get $box $v (local.get $list)))))
        (br_if $each (i32.eqz (ref.is_null (local.tee $list (struct.get $box $next (local.get $list)))))))
      (i32.add (local.get $sum) (i32.add (call $fold (local.get $v)) (i32.reinterpret_f32 (local.get $x)))))
    (func $rows (param $n i32) (result i32) (local $a (ref $row)) (local $b (ref $row)) (local $i i32) (local $sum i32)
      (local.set $a (array.new $row (call $of (local.get $n)) (i32.add (local.get $n) (i32.const 4))))
      (local.set $b (array.new_fixed $row 3 (call $of (i32.const 1)) (v128.const i64x2 0 0) (call $of (local.get $n))))
      (array.set $row (local.get $a) (i32.const 2) (array.get $row (local.get $b) (i32.rem_u (local.get $n) (i32.const 5))))
      (array.fill $row (local.get $b) (i32.const 1) (call $of (i32.const 77)) (i32.const 2))
      (array.fill $row (local.get $a) (i32.const 0) (v128.const i64x2 0 0) (i32.const 1))
      (array.copy $row $row (local.get $a) (i32.const 3) (local.get $b) (i32.const 2) (i32.const 1))
      (loop $each
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (call $fold (array.get $row (local.get $a) (local.get $i)))))
        (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (array.len (local.get $a)))))
      (i32.add (local.get $sum) (array.len (array.new $row (call $of (local.get $n)) (i32.const 2)))))
    (func $floats (param $n i32) (result i32) (local $a (ref $floats))
      (local.set $a (array.new $floats (f64.convert_i32_s (i32.mul (local.get $n) (i32.const 3))) (i32.add (local.get $n) (i32.const 1))))
      (i32.add (array.len (local.get $a)) (i32.trunc_f64_s (array.get $floats (local.get $a) (local.get $n)))))
    (func $throw (param $n i32) (param $v v128)
      (throw $e (local.get $n) (local.get $v) (i64.const 9) (i32x4.neg (local.get $v))))
    (func $catch (param $n i32) (result i32) (local $v v128) (local $w v128) (local $l i64)
      (local.set $v (call $of (local.get $n)))
      (block $caught (result i32 v128 i64 v128)
        (try_table (catch $e $caught) (call $throw (local.get $n) (local.get $v)))
        (unreachable))
      (local.set $w) (local.set $l)
      (i32x4.mul (local.get $w) (i32x4.splat (i32.wrap_i64 (local.get $l))))
      (i32x4.add) (local.get $v) (i32x4.add)
      (call $fold) (i32.add))
    CALLERS)"#;

#[test]
fn vectors_are_the_same_in_objects_and_exceptions() {
    let arguments: Vec<i32> = (0..12).chain([300]).collect();
    assert_same_in_all_tiers(VECTORS_IN_OBJECTS, &["chain", "rows", "floats", "catch"], &arguments, 4);
}

/// Tail calls to functions with more stack arguments than their callers have, and with less.
#[test]
fn tail_calls_grow_and_shrink() {
    let many = |count: usize, of: &str| (0..count).map(|_| of).collect::<Vec<_>>().join(" ");
    let mut text = String::from(
        "(module (type $box (struct (field i32))) (memory 1) (table 4 funcref) (elem (i32.const 0) $f0 $f1 $f2 $f3)
         (elem declare func $f0 $f1 $f2 $f3)\n",
    );
    // Each counts down, and goes to the next: with integers, floats and references in registers and on the stack.
    let counts = [1, 9, 30, 12];
    let list = |count| format!("{} {} {}", many(count, "i32"), many(count, "f64"), many(count, "(ref null $box)"));
    for (nth, &count) in counts.iter().enumerate() {
        writeln!(text, "(type $t{nth} (func (param i32 {}) (result i32)))", list(count)).expect("text");
    }
    for (nth, &count) in counts.iter().enumerate() {
        let (to, next) = ((nth + 1) % 4, counts[(nth + 1) % 4]);
        writeln!(text, "(func $f{nth} (type $t{nth}) (local $sum i32) (local $x i32)").expect("text");
        for position in 0..count {
            let (i, f, r) = (1 + position, 1 + count + position, 1 + 2 * count + position);
            let weight = position + 2;
            writeln!(
                text,
                "(local.set $sum (i32.add (local.get $sum) (i32.mul (i32.const {weight}) (i32.add (local.get {i})
                   (i32.add (i32.trunc_f64_s (local.get {f})) (struct.get $box 0 (local.get {r})))))))"
            )
            .expect("text");
        }
        text += "(local.set $sum (i32.and (local.get $sum) (i32.const 0xffff)))
            (if (i32.eqz (local.get 0)) (then (return (local.get $sum))))
            (i32.store (i32.const 8) (local.get $sum))\n(i32.sub (local.get 0) (i32.const 1))\n";
        for position in 0..next {
            writeln!(text, "(i32.add (local.get $sum) (i32.const {position}))").expect("text");
        }
        for position in 0..next {
            writeln!(text, "(f64.convert_i32_s (i32.xor (local.get $sum) (i32.const {position})))").expect("text");
        }
        for position in 0..next {
            // Some that were given, some that are new.
            let given = 1 + 2 * count + position % count;
            let new = format!("(struct.new $box (i32.const {position}))");
            let value = if position % 3 == 0 { new } else { format!("(local.get {given})") };
            writeln!(text, "{value}").expect("text");
        }
        text += &match nth {
            0 => format!("return_call $f{to}"),
            1 => format!("i32.const {to} return_call_indirect (type $t{to})"),
            2 => format!("ref.func $f{to} return_call_ref $t{to}"),
            _ => format!("return_call $f{to}"),
        };
        text += ")\n";
    }
    text += "(func $start (param i32) (result i32)
        (call $f0 (local.get 0) (i32.const 5) (f64.const 6) (struct.new $box (i32.const 7))))
      CALLERS)";
    assert_same_in_all_tiers(&text, &["start"], &[0, 1, 2, 3, 4, 5, 1000], 0);
    // The stack does not grow.
    let text = text.replace("CALLERS", r#"(export "start" (func $start))"#);
    let (mut isolate, instance) = instance_with(&baseline_only(Baseline::new(), &Config::default()), &text);
    let (mut other, other_instance) = instance_with(&engines(&Config::default())[1], &text);
    let deep = outcome(&mut isolate, instance, "start", 300_000);
    assert_eq!(deep, outcome(&mut other, other_instance, "start", 300_000));
}
