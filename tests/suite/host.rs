//! Host functions, calls both ways, panics and traps on their way through host frames.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deltic::{
    CallError, Caller, Extern, ExternRef, Func, FuncType, HostError, Instance, Isolate, Linker, TrapCode, Val, ValType,
};

use crate::support::{engine, instance, module};

fn link(define: impl FnOnce(&mut Linker), text: &str) -> (Isolate, Instance) {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    define(&mut linker);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).expect("an instance");
    (isolate, instance)
}

#[test]
fn typed_host_functions_take_and_give_every_type() {
    let (mut isolate, instance) = link(
        |linker| {
            let mixed = |a: i32, b: f32, c: i64, d: f64, e: u128| (e + 1, d + 1.0, c + 1, b + 1.0, a + 1);
            linker.func_wrap("h", "mixed", mixed).expect("a definition");
            let many = |a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32, h: i32, i: i32, j: i32| {
                [a, b, c, d, e, f, g, h, i, j].into_iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit))
            };
            linker.func_wrap("h", "many", many).expect("a definition");
        },
        r#"(module
            (import "h" "mixed" (func $mixed (param i32 f32 i64 f64 v128) (result v128 f64 i64 f32 i32)))
            (import "h" "many" (func $many (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i64)))
            (func (export "mixed") (param i32 f32 i64 f64 v128) (result v128 f64 i64 f32 i32)
              (call $mixed (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
            (func (export "many") (result i64)
              (call $many (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7)
                (i32.const 8) (i32.const 9) (i32.const 0))))"#,
    );
    type Results = (u128, f64, i64, f32, i32);
    let mixed = instance.get_typed_func::<(i32, f32, i64, f64, u128), Results>(&mut isolate, "mixed").expect("a function");
    let results = mixed.call(&mut isolate, (-1, 0.5, 1 << 40, -2.5, u128::MAX - 1)).expect("a call");
    assert_eq!(results, (u128::MAX, -1.5, (1 << 40) + 1, 1.5, 0));
    let many = instance.get_typed_func::<(), i64>(&mut isolate, "many").expect("a function");
    assert_eq!(many.call(&mut isolate, ()).expect("a call"), 1_234_567_890);
}

#[test]
fn untyped_and_typed_calls_agree() {
    let double = FuncType::new([ValType::I64, ValType::F32], [ValType::F32, ValType::I64]);
    let (mut isolate, instance) = link(
        |linker| {
            let swap = |_: Caller<'_>, args: &[Val]| Ok(vec![args[1], args[0]]);
            linker.func_new("h", "swap", double.clone(), swap).expect("a definition");
        },
        r#"(module (import "h" "swap" (func $swap (param i64 f32) (result f32 i64)))
            (func (export "swap") (param i64 f32) (result f32 i64) (call $swap (local.get 0) (local.get 1))))"#,
    );
    let func = instance.get_func(&mut isolate, "swap").expect("a function");
    assert_eq!(func.ty(&isolate), Some(double));
    let results = func.call(&mut isolate, &[Val::I64(-7), Val::F32(1.5f32.to_bits())]).expect("a call");
    assert_eq!(results, [Val::F32(1.5f32.to_bits()), Val::I64(-7)]);
    let typed = func.typed::<(i64, f32), (f32, i64)>(&isolate).expect("the type");
    assert_eq!(typed.call(&mut isolate, (-7, 1.5)).expect("a call"), (1.5, -7));
    assert!(matches!(func.typed::<i64, i64>(&isolate), Err(CallError::Signature { .. })));
    assert!(matches!(func.call(&mut isolate, &[Val::I64(1)]), Err(CallError::Signature { .. })));
    assert!(matches!(func.call(&mut isolate, &[Val::I64(1), Val::I64(1)]), Err(CallError::Signature { .. })));
}

#[test]
fn a_host_function_with_the_wrong_results_fails_the_call() {
    let ty = FuncType::new([], [ValType::I32]);
    for wrong in [vec![], vec![Val::I64(1)], vec![Val::I32(1), Val::I32(2)]] {
        let (mut isolate, instance) = link(
            |linker| {
                linker.func_new("h", "f", ty.clone(), move |_, _| Ok(wrong.clone())).expect("a definition");
            },
            r#"(module (import "h" "f" (func $f (result i32))) (func (export "f") (result i32) (call $f)))"#,
        );
        let func = instance.get_func(&mut isolate, "f").expect("a function");
        assert!(matches!(func.call(&mut isolate, &[]), Err(CallError::Trap(_))));
    }
}

#[test]
fn guest_to_host_to_guest_to_host() {
    let (mut isolate, instance) = link(
        |linker| {
            let enter = |mut caller: Caller<'_>, n: i32| -> Result<i64, HostError> {
                let instance = caller.instance().ok_or("no instance")?;
                let down = instance.get_typed_func::<i32, i64>(&mut caller, "down")?;
                Ok(down.call(&mut caller, n - 1)? + 1)
            };
            linker.func_wrap("h", "enter", enter).expect("a definition");
        },
        r#"(module (import "h" "enter" (func $enter (param i32) (result i64)))
            (func (export "down") (param i32) (result i64)
              (if (result i64) (local.get 0) (then (call $enter (local.get 0))) (else (i64.const 0)))))"#,
    );
    let down = instance.get_typed_func::<i32, i64>(&mut isolate, "down").expect("a function");
    for depth in [0, 1, 5, 50] {
        assert_eq!(down.call(&mut isolate, depth).expect("a call"), i64::from(depth));
    }
}

#[test]
fn a_host_function_reaches_memory_and_host_state() {
    struct Log(Vec<String>);
    let (mut isolate, instance) = link(
        |linker| {
            let log = |mut caller: Caller<'_>, at: u32, len: u32| -> Result<(), HostError> {
                let memory = caller.memory().ok_or("no memory")?;
                let (bytes, log) = caller.memory_and_data::<Log>(memory).ok_or("no log")?;
                let bytes = bytes.get(at as usize..(at + len) as usize).ok_or("out of bounds")?;
                log.0.push(String::from_utf8_lossy(bytes).into_owned());
                bytes.first().map(|_| ()).ok_or_else(|| "empty".into())
            };
            linker.func_wrap("h", "log", log).expect("a definition");
        },
        r#"(module (import "h" "log" (func $log (param i32 i32))) (memory (export "memory") 1) (data (i32.const 8) "hello")
            (func (export "run") (call $log (i32.const 8) (i32.const 5)) (call $log (i32.const 10) (i32.const 2)))
            (func (export "beyond") (call $log (i32.const 65536) (i32.const 1))))"#,
    );
    isolate.set_data(Log(Vec::new()));
    let run = instance.get_typed_func::<(), ()>(&mut isolate, "run").expect("a function");
    run.call(&mut isolate, ()).expect("a call");
    assert_eq!(isolate.data::<Log>().expect("the log").0, ["hello", "ll"]);
    let beyond = instance.get_typed_func::<(), ()>(&mut isolate, "beyond").expect("a function");
    let error = beyond.call(&mut isolate, ()).expect_err("an error of the host");
    assert!(error.to_string().contains("out of bounds"), "{error}");
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("code {0}")]
struct Code(u32);

#[test]
fn a_host_error_arrives_as_itself_through_any_frames() {
    let (mut isolate, instance) = link(
        |linker| {
            linker.func_wrap("h", "fail", || Err::<(), _>(Code(7))).expect("a definition");
            let enter = |mut caller: Caller<'_>| -> Result<(), HostError> {
                let instance = caller.instance().ok_or("no instance")?;
                let inner = instance.get_typed_func::<(), ()>(&mut caller, "inner")?;
                match inner.call(&mut caller, ()) {
                    Ok(()) => Ok(()),
                    Err(CallError::Trap(trap)) => Err(Box::new(trap)),
                    Err(error) => Err(Box::new(error)),
                }
            };
            linker.func_wrap("h", "enter", enter).expect("a definition");
        },
        r#"(module $m (import "h" "fail" (func $fail)) (import "h" "enter" (func $enter))
            (func $inner (export "inner") (call $fail)) (func $outer (export "outer") (call $enter)))"#,
    );
    let outer = instance.get_typed_func::<(), ()>(&mut isolate, "outer").expect("a function");
    let Err(CallError::Trap(trap)) = outer.call(&mut isolate, ()) else { panic!("no trap") };
    assert_eq!(trap.code(), TrapCode::HostError);
    assert_eq!(trap.downcast_ref::<Code>(), Some(&Code(7)));
    let names: Vec<_> = trap.frames().iter().filter_map(|frame| frame.func_name.as_deref()).collect();
    assert_eq!(names, ["inner", "outer"]);
}

#[test]
fn a_panic_crosses_guest_frames() {
    let (mut isolate, instance) = link(
        |linker| {
            linker.func_wrap("h", "panic", || -> i32 { std::panic::panic_any(Code(9)) }).expect("a definition");
        },
        r#"(module (import "h" "panic" (func $panic (result i32))) (func (export "f") (result i32) (call $panic))
            (func (export "one") (result i32) (i32.const 1)))"#,
    );
    let f = instance.get_typed_func::<(), i32>(&mut isolate, "f").expect("a function");
    let one = instance.get_typed_func::<(), i32>(&mut isolate, "one").expect("a function");
    for _ in 0..3 {
        let panic = catch_unwind(AssertUnwindSafe(|| f.call(&mut isolate, ()))).expect_err("a panic");
        assert_eq!(panic.downcast_ref::<Code>(), Some(&Code(9)));
        assert_eq!(one.call(&mut isolate, ()).expect("the isolate works on"), 1);
    }
}

#[test]
fn traps_have_the_names_and_places_of_their_frames() {
    let text = r#"(module $mod (func $innermost (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))
        (func $middle (param i32) (call $innermost (local.get 0))) (func (export "outermost") (param i32) (call $middle (local.get 0))))"#;
    let (mut isolate, instance) = instance(text);
    let func = instance.get_typed_func::<i32, ()>(&mut isolate, "outermost").expect("a function");
    func.call(&mut isolate, 1).expect("no trap");
    let Err(CallError::Trap(trap)) = func.call(&mut isolate, 0) else { panic!("no trap") };
    assert_eq!(trap.code(), TrapCode::IntegerDivideByZero);
    let names: Vec<_> = trap.frames().iter().map(|frame| frame.func_name.as_deref().unwrap_or("")).collect();
    assert_eq!(names, ["innermost", "middle", "outermost"]);
    assert!(trap.frames().iter().all(|frame| frame.module_name.as_deref() == Some("mod")));
    let bytes = wat::parse_str(text).expect("text");
    let offsets: Vec<usize> = trap.frames().iter().map(|frame| frame.wasm_offset.expect("an offset")).collect();
    assert_eq!(bytes[offsets[0]], 0x6e, "i32.div_u");
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]) && offsets[2] < bytes.len());
    let text = trap.to_string();
    assert!(text.contains("integer divide by zero") && text.contains("mod!middle at 0x"), "{text}");
}

#[test]
fn stack_overflow_is_a_trap_at_any_depth_through_host_frames() {
    let depth = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&depth);
    let (mut isolate, instance) = link(
        move |linker| {
            let enter = move |mut caller: Caller<'_>| -> Result<(), HostError> {
                count.fetch_add(1, Ordering::SeqCst);
                let instance = caller.instance().ok_or("no instance")?;
                let recurse = instance.get_typed_func::<(), ()>(&mut caller, "recurse")?;
                Ok(recurse.call(&mut caller, ())?)
            };
            linker.func_wrap("h", "enter", enter).expect("a definition");
        },
        r#"(module (import "h" "enter" (func $enter)) (func $recurse (export "recurse") (call $enter) (call $enter))
            (func $alone (export "alone") (call $alone) (call $alone)) (func (export "nothing")))"#,
    );
    let [recurse, alone, nothing] =
        ["recurse", "alone", "nothing"].map(|name| instance.get_typed_func::<(), ()>(&mut isolate, name).expect("a function"));
    for _ in 0..3 {
        for func in [recurse, alone] {
            let error = func.call(&mut isolate, ()).expect_err("no end").to_string();
            assert!(error.contains("call stack exhausted"), "{error}");
            nothing.call(&mut isolate, ()).expect("the isolate works on");
        }
    }
    assert!(depth.load(Ordering::SeqCst) > 30, "{} host frames", depth.load(Ordering::SeqCst));
}

#[test]
fn isolates_may_move_between_threads() {
    let (mut isolate, instance) =
        instance(r#"(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#);
    let f = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
    let mut value = f.call(&mut isolate, 0).expect("a call");
    for _ in 0..4 {
        (isolate, value) = std::thread::spawn(move || {
            let value = f.call(&mut isolate, value).expect("a call");
            (isolate, value)
        })
        .join()
        .expect("no panic");
    }
    assert_eq!(value, 5);
}

#[test]
fn references_of_the_host_and_of_functions_travel() {
    let (mut isolate, instance) = link(
        |linker| {
            linker.func_wrap("h", "same", |value: Option<ExternRef>| value).expect("a definition");
        },
        r#"(module (import "h" "same" (func $same (param externref) (result externref)))
            (table $t 1 funcref) (global $g (mut externref) (ref.null extern))
            (func (export "keep") (param externref) (global.set $g (call $same (local.get 0))))
            (func (export "kept") (result externref) (global.get $g))
            (func (export "call") (param funcref) (result i32)
              (table.set $t (i32.const 0) (local.get 0)) (call_indirect $t (result i32) (i32.const 0))))"#,
    );
    let value = ExternRef::new(&mut isolate, String::from("kept here")).expect("a reference");
    let keep = instance.get_typed_func::<Option<ExternRef>, ()>(&mut isolate, "keep").expect("a function");
    let kept = instance.get_typed_func::<(), Option<ExternRef>>(&mut isolate, "kept").expect("a function");
    assert_eq!(kept.call(&mut isolate, ()).expect("a call"), None);
    keep.call(&mut isolate, Some(value)).expect("a call");
    let found = kept.call(&mut isolate, ()).expect("a call").expect("a reference");
    assert_eq!(found.data(&isolate).and_then(|data| data.downcast_ref::<String>()).map(String::as_str), Some("kept here"));

    let func = Func::wrap(&mut isolate, || 42i32).expect("a function");
    let call = instance.get_typed_func::<Option<Func>, i32>(&mut isolate, "call").expect("a function");
    assert_eq!(call.call(&mut isolate, Some(func)).expect("a call"), 42);
    let wrong = Func::wrap(&mut isolate, || 42i64).expect("a function");
    let error = call.call(&mut isolate, Some(wrong)).expect_err("another type").to_string();
    assert!(error.contains("indirect call type mismatch"), "{error}");
    let error = call.call(&mut isolate, None).expect_err("null").to_string();
    assert!(error.contains("uninitialized element"), "{error}");
    assert!(matches!(instance.get_export(&mut isolate, "call"), Some(Extern::Func(_))));
}
