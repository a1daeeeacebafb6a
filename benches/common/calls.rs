//! Calls between Rust and guests.

use deltic::{Caller, Func, Instance, Isolate, Linker, Module, TypedFunc, Val, WasmEngine};

/// Guests that are called and that call.
const GUEST: &str = r#"(module
    (import "host" "typed" (func $typed (param i32) (result i32)))
    (import "host" "caller" (func $caller (param i32) (result i32)))
    (import "host" "untyped" (func $untyped (param i32) (result i32)))
    (func (export "nop"))
    (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func (export "mixed") (param i32 i64 f32 f64) (result f64) local.get 3)
    (func (export "pair") (param i32) (result i32 i64) local.get 0 local.get 0 i64.extend_i32_s)
    (func (export "typed") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $typed (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "caller") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $caller (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "untyped") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $untyped (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "empty") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (i32.add (local.get $x) (i32.const 1)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x))"#;

/// An isolate with the guests.
#[derive(Debug)]
pub struct Calls {
    pub isolate: Isolate,
    instance: Instance,
}

impl Calls {
    /// Compiles and links.
    pub fn new(engine: &WasmEngine) -> Calls {
        let module = Module::new(engine, GUEST).expect("a valid module");
        let mut isolate = Isolate::new(engine).expect("an isolate");
        let mut linker = Linker::new(engine);
        let ty = deltic::FuncType::new([deltic::ValType::I32], [deltic::ValType::I32]);
        linker.func_wrap("host", "typed", |x: i32| x + 1).expect("a new name");
        linker.func_wrap("host", "caller", |_: Caller<'_>, x: i32| x + 1).expect("a new name");
        let untyped = |_: Caller<'_>, args: &[Val]| match args {
            [Val::I32(x)] => Ok(vec![Val::I32(x + 1)]),
            _ => Err("a wrong argument".into()),
        };
        linker.func_new("host", "untyped", ty, untyped).expect("a new name");
        let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
        Calls { isolate, instance }
    }

    pub fn nop(&mut self) -> TypedFunc<(), ()> {
        self.instance.get_typed_func(&mut self.isolate, "nop").expect("a function")
    }

    pub fn add(&mut self) -> TypedFunc<(i32, i32), i32> {
        self.instance.get_typed_func(&mut self.isolate, "add").expect("a function")
    }

    pub fn mixed(&mut self) -> TypedFunc<(i32, i64, f32, f64), f64> {
        self.instance.get_typed_func(&mut self.isolate, "mixed").expect("a function")
    }

    pub fn pair(&mut self) -> TypedFunc<i32, (i32, i64)> {
        self.instance.get_typed_func(&mut self.isolate, "pair").expect("a function")
    }

    /// A function without its types.
    pub fn untyped(&mut self, name: &str) -> Func {
        self.instance.get_func(&mut self.isolate, name).expect("a function")
    }

    /// A guest's loop that calls the host function of that name as often as its argument says; "empty" calls none.
    pub fn host_func(&mut self, name: &str) -> TypedFunc<i32, i32> {
        self.instance.get_typed_func(&mut self.isolate, name).expect("a function")
    }
}

/// Each call once or a few times, with its answer.
pub fn smoke(engine: &WasmEngine) {
    let mut calls = Calls::new(engine);
    let (nop, add, mixed, pair) = (calls.nop(), calls.add(), calls.mixed(), calls.pair());
    let untyped = calls.untyped("add");
    let loops = ["typed", "caller", "untyped", "empty"].map(|name| calls.host_func(name));
    let isolate = &mut calls.isolate;
    nop.call(&mut *isolate, ()).expect("no trap");
    assert_eq!(add.call(&mut *isolate, (40, 2)).expect("no trap"), 42);
    assert_eq!(mixed.call(&mut *isolate, (1, 2, 3.0, 4.5)).expect("no trap"), 4.5);
    assert_eq!(pair.call(&mut *isolate, -7).expect("no trap"), (-7, -7));
    assert_eq!(untyped.call(&mut *isolate, &[Val::I32(40), Val::I32(2)]).expect("no trap"), [Val::I32(42)]);
    for func in loops {
        assert_eq!(func.call(&mut *isolate, 100).expect("no trap"), 100);
    }
}
