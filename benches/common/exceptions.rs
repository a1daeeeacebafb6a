//! Exceptions thrown and caught, and a `try` in which nothing is thrown.

use deltic::{Instance, Isolate, Linker, Module, TypedFunc, WasmEngine};

/// "throw" goes across ten frames each time; "never" and "plain" are one loop with and without a `try`.
const GUEST: &str = r#"(module
    (tag $t (param i32))
    (func $deep (param $depth i32) (result i32)
        (if (i32.eqz (local.get $depth)) (then (throw $t (i32.const 1))))
        (i32.add (call $deep (i32.sub (local.get $depth) (i32.const 1))) (i32.const 1)))
    (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "throw") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (block $caught (result i32) (try_table (result i32) (catch $t $caught) (call $deep (i32.const 9))))
            (local.set $x (i32.add (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "never") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (block $caught (result i32) (try_table (result i32) (catch $t $caught) (call $next (local.get $x))))
            (local.set $x)
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x)
    (func (export "plain") (param $n i32) (result i32) (local $x i32)
        (loop $again
            (local.set $x (call $next (local.get $x)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $x))"#;

/// An isolate with the guest.
#[derive(Debug)]
pub struct Exceptions {
    pub isolate: Isolate,
    instance: Instance,
}

impl Exceptions {
    /// Compiles and links.
    pub fn new(engine: &WasmEngine) -> Exceptions {
        let module = Module::new(engine, GUEST).expect("a valid module");
        let mut isolate = Isolate::new(engine).expect("an isolate");
        let instance = Linker::new(engine).instantiate(&mut isolate, &module).expect("an instance");
        Exceptions { isolate, instance }
    }

    /// A loop that runs as often as its argument says, and counts.
    pub fn func(&mut self, name: &str) -> TypedFunc<i32, i32> {
        self.instance.get_typed_func(&mut self.isolate, name).expect("a function")
    }
}

/// Each loop a few times, with its answer.
pub fn smoke(engine: &WasmEngine) {
    let mut exceptions = Exceptions::new(engine);
    for name in ["throw", "never", "plain"] {
        let func = exceptions.func(name);
        assert_eq!(func.call(&mut exceptions.isolate, 100).expect("it is caught"), 100, "{name}");
    }
}
