//! Exceptions at the boundary: thrown through host functions, by them, and to the host; and collections while they fly.

use deltic::wast::{Runner, Settings};
use deltic::{
    CallError, Caller, Config, ExnRef, Extern, ExternRef, FuncType, HeapSettings, HostError, Instance, Isolate, Linker, Tag,
    Thrown, Trap, TrapCode, Val, ValType,
};

use crate::support::{engine, engine_with, module, root};

/// Collects at every allocation.
fn stress() -> Config {
    Config::default().with_heap(HeapSettings { stress: true, ..HeapSettings::default() })
}

#[test]
fn scripts_run_under_stress() {
    for file in ["wat/regress/exceptions.wast", "wat/regress/legacy/exceptions.wast", "wat/regress/stack_arguments.wast"] {
        let source = std::fs::read_to_string(root().join(file)).expect("the script");
        let report = Runner::new(&Settings { config: stress(), ..Settings::default() }).run_script(file, &source);
        assert!(report.failed.is_empty() && report.passed > 3, "{report:?}");
    }
}

/// An outer guest, whose import calls the inner one.
const OUTER: &str = r#"(module $outer
    (tag $t (import "m" "tag") (param i32 externref))
    (func $host (import "m" "host") (param i32 externref))
    (func (export "catch") (param i32 externref) (result i32 externref)
        (block $caught (result i32 externref)
            (try_table (catch $t $caught) (call $host (local.get 0) (local.get 1)))
            (i32.const -1) (ref.null extern)))
    (func $pass (export "pass") (param i32 externref) (call $host (local.get 0) (local.get 1))))"#;

const INNER: &str = r#"(module $inner
    (tag $t (import "m" "tag") (param i32 externref))
    (func $throw (export "throw") (param i32 externref)
        (if (i32.eqz (local.get 0)) (then (unreachable)))
        (throw $t (local.get 0) (local.get 1))))"#;

/// Both guests around a host function, in an isolate that collects at every allocation.
fn nested(
    host: impl Fn(Caller<'_>, Instance, Tag, &[Val]) -> Result<(), HostError> + Send + Sync + 'static,
) -> (Isolate, Instance) {
    let engine = engine_with(stress());
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let ty = FuncType { params: [ValType::I32, ValType::EXTERNREF].into(), results: [].into() };
    let tag = Tag::new(&mut isolate, &ty).expect("a tag");
    assert_eq!(tag.ty(&isolate), Some(ty.clone()));
    let mut linker = Linker::new(&engine);
    linker.define("m", "tag", Extern::Tag(tag)).expect("a definition");
    let inner = linker.instantiate(&mut isolate, &module(&engine, INNER)).expect("an instance");
    let host = move |caller: Caller<'_>, args: &[Val]| host(caller, inner, tag, args).map(|()| Vec::new());
    linker.func_new("m", "host", ty, host).expect("a definition");
    let outer = linker.instantiate(&mut isolate, &module(&engine, OUTER)).expect("an instance");
    (isolate, outer)
}

fn call(isolate: &mut Isolate, instance: Instance, name: &str, number: i32) -> Result<Vec<Val>, CallError> {
    let value = ExternRef::new(&mut *isolate, number).expect("a reference");
    let func = instance.get_func(isolate, name).expect("an export");
    func.call(isolate, &[Val::I32(number), Val::ExternRef(Some(value))])
}

fn number(isolate: &Isolate, value: Val) -> Option<i32> {
    let Val::ExternRef(Some(reference)) = value else { return None };
    reference.data(isolate).and_then(|value| value.downcast_ref()).copied()
}

fn trap(result: Result<Vec<Val>, CallError>) -> Trap {
    match result {
        Err(CallError::Trap(trap)) => trap,
        other => panic!("a trap or an exception is expected, not {other:?}"),
    }
}

fn functions(trap: &Trap) -> Vec<&str> {
    trap.frames().iter().filter_map(|frame| frame.func_name.as_deref()).collect()
}

#[test]
fn an_exception_goes_through_a_host_function() {
    let (mut isolate, outer) = nested(|mut caller, inner, _, args| {
        let throw = inner.get_func(&mut caller, "throw").expect("an export");
        // As the error of the call, and as the trap alone.
        match throw.call(&mut caller, args) {
            Err(CallError::Trap(trap)) if args[0] != Val::I32(8) => Err(trap.into()),
            other => other.map(|_| ()).map_err(Into::into),
        }
    });
    for wanted in [7, 8] {
        let results = call(&mut isolate, outer, "catch", wanted).expect("it is caught");
        assert_eq!((results[0], number(&isolate, results[1])), (Val::I32(wanted), Some(wanted)));
    }
    let trap = trap(call(&mut isolate, outer, "catch", 0));
    assert_eq!((trap.code(), trap.exception()), (TrapCode::Unreachable, None));
}

#[test]
fn an_exception_that_nobody_catches_reaches_the_host_whole() {
    let (mut isolate, outer) = nested(|mut caller, inner, _, args| {
        inner.get_func(&mut caller, "throw").expect("an export").call(&mut caller, args)?;
        Ok(())
    });
    let trap = trap(call(&mut isolate, outer, "pass", 5));
    assert_eq!((trap.code(), functions(&trap)), (TrapCode::UncaughtException, vec!["throw", "pass"]));
    assert!(trap.to_string().starts_with("uncaught exception\n"), "{trap}");
    let exception = trap.exception().expect("an exception");
    let payload = exception.payload(&mut isolate).expect("a payload");
    assert_eq!((payload[0], number(&isolate, payload[1])), (Val::I32(5), Some(5)));
    let tag = exception.tag(&mut isolate).expect("a tag");
    assert_eq!(tag.ty(&isolate).map(|ty| ty.params.len()), Some(2));
}

#[test]
fn a_host_function_throws_and_catches() {
    let (mut isolate, outer) = nested(|mut caller, inner, tag, args| {
        if args[0] == Val::I32(1) {
            let thrown = inner.get_func(&mut caller, "throw").expect("an export").call(&mut caller, args);
            assert!(matches!(&thrown, Err(CallError::Trap(trap)) if trap.exception().is_some()));
            return Ok(());
        }
        Err(Thrown(ExnRef::new(&mut caller, tag, args)?).into())
    });
    let results = call(&mut isolate, outer, "catch", 1).expect("it returns");
    assert_eq!(results, [Val::I32(-1), Val::ExternRef(None)]);
    let results = call(&mut isolate, outer, "catch", 2).expect("it is caught");
    assert_eq!((results[0], number(&isolate, results[1])), (Val::I32(2), Some(2)));
    let trap = trap(call(&mut isolate, outer, "pass", 3));
    assert_eq!((trap.code(), functions(&trap)), (TrapCode::UncaughtException, vec!["pass"]));
    assert!(trap.exception().and_then(|exception| exception.payload(&mut isolate)).is_some());
}

#[test]
fn handles_that_name_nothing_are_errors() {
    let (mut isolate, outer) = nested(|mut caller, _, tag, args| {
        let kept = caller.data::<Option<ExnRef>>().copied().flatten();
        let exception = ExnRef::new(&mut caller, tag, args)?;
        if let Some(stale) = kept {
            return Err(Thrown(stale).into());
        }
        if let Some(place) = caller.data_mut::<Option<ExnRef>>() {
            *place = Some(exception);
        }
        Ok(())
    });
    isolate.set_data(None::<ExnRef>);
    call(&mut isolate, outer, "pass", 1).expect("it returns");
    let trap = trap(call(&mut isolate, outer, "catch", 1));
    assert_eq!((trap.code(), trap.exception()), (TrapCode::HostError, None));
    let stale = trap.downcast_ref::<Thrown>().expect("what the host function returned").0;
    assert_eq!((stale.tag(&mut isolate), stale.payload(&mut isolate)), (None, None));

    let mut other = Isolate::new(&engine()).expect("an isolate");
    let tag = Tag::new(&mut other, &FuncType { params: [ValType::I32].into(), results: [].into() }).expect("a tag");
    assert_eq!((tag.ty(&isolate), ExnRef::new(&mut isolate, tag, &[Val::I32(1)]).is_err()), (None, true));
    ExnRef::new(&mut other, tag, &[Val::I64(1)]).expect_err("another type");
    ExnRef::new(&mut other, tag, &[]).expect_err("nothing");
    Tag::new(&mut other, &FuncType { params: [].into(), results: [ValType::I32].into() }).expect_err("a result");
    let exception = ExnRef::new(&mut other, tag, &[Val::I32(6)]).expect("an exception");
    assert_eq!(exception.payload(&mut other), Some(vec![Val::I32(6)]));
    assert_eq!(exception.payload(&mut isolate), None);
}

/// References live in every frame, in handlers, and as payloads, while the host allocates and everything moves.
#[test]
fn references_survive_collections() {
    const TEXT: &str = r#"(module
        (tag $t (param externref exnref i32))
        (func $new (import "m" "new") (param i32) (result externref))
        (func $number (import "m" "number") (param externref) (result i32))
        (func $deep (param $n i32) (param $e exnref) (result i32)
            (local $kept externref)
            (local.set $kept (call $new (local.get $n)))
            (if (i32.eqz (local.get $n))
                (then (throw $t (call $new (i32.const 1000)) (local.get $e) (call $number (local.get $kept)))))
            (drop (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $e)))
            (call $number (local.get $kept)))
        (func $catch (param $n i32) (param $e exnref) (result i32 exnref)
            (local $before externref) (local $reference externref) (local $inner exnref) (local $outer exnref)
            (local.set $before (call $new (i32.const 5)))
            (block $caught (result externref exnref i32 exnref)
                (try_table (catch_ref $t $caught)
                    (drop (call $deep (local.get $n) (local.get $e))))
                (unreachable))
            (local.set $outer) (drop) (local.set $inner) (local.set $reference)
            (drop (call $new (i32.const 0)))
            (i32.add (call $number (local.get $reference)) (call $number (local.get $before)))
            (i32.add (ref.is_null (local.get $inner)))
            (local.get $outer))
        (func (export "run") (param $rounds i32) (result i32)
            (local $sum i32) (local $e exnref)
            (loop $next
                (call $catch (i32.const 10) (local.get $e))
                (local.set $e)
                (local.set $sum (i32.add (local.get $sum)))
                (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
                (br_if $next (local.get $rounds)))
            (block $caught (result externref exnref i32)
                (try_table (catch $t $caught) (throw_ref (local.get $e)))
                (unreachable))
            (drop) (drop)
            (i32.add (call $number) (local.get $sum))))"#;
    let engine = engine_with(stress());
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    let new = |mut caller: Caller<'_>, number: i32| ExternRef::new(&mut caller, number).map(Some);
    linker.func_wrap("m", "new", new).expect("a definition");
    let number = |caller: Caller<'_>, reference: Option<ExternRef>| {
        let number = reference.and_then(|reference| reference.data(&caller)?.downcast_ref::<i32>().copied());
        number.unwrap_or(-1)
    };
    linker.func_wrap("m", "number", number).expect("a definition");
    let instance = linker.instantiate(&mut isolate, &module(&engine, TEXT)).expect("an instance");
    let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("an export");
    assert_eq!(run.call(&mut isolate, 20).expect("it returns"), 1 + 20 * 1005 + 1000);
}
