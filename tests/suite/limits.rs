//! What a host can bound: memory, tables, fuel, time; and stopping a guest from another thread.

use std::time::{Duration, Instant};

use deltic::{
    CallError, Caller, CodeSettings, Config, HostError, Instance, Interrupted, Isolate, LinkError, Linker, ResourceLimiter,
    StaticLimits, TrapCode,
};

use crate::support::{engine, engine_with, instance, instance_with, module};

const LOOPS: &str = r#"(module $loops
    (func (export "spin") (loop $l (br $l)))
    (func $recurse (export "recurse") (loop $l (call $leaf) (br $l)))
    (func $leaf)
    (func $fork (param i32)
      (if (local.get 0) (then
        (call $fork (i32.sub (local.get 0) (i32.const 1)))
        (call $fork (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "fork") (call $fork (i32.const 60)))
    (func (export "count") (param i32) (result i32)
      (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 0))
    (func (export "nothing")))"#;

fn stops_with(isolate: &mut Isolate, instance: Instance, name: &str, code: TrapCode) {
    let func = instance.get_typed_func::<(), ()>(isolate, name).expect("a function");
    let Err(CallError::Trap(trap)) = func.call(&mut *isolate, ()) else { panic!("{name} returned") };
    assert_eq!(trap.code(), code, "{trap}");
}

fn with_fuel() -> deltic::WasmEngine {
    engine_with(Config::default().with_code_settings(CodeSettings { fuel: true, ..CodeSettings::default() }))
}

#[test]
fn a_limiter_refuses_growth_and_instantiation() {
    let engine = engine();
    let text = r#"(module (memory (export "m") 1) (table (export "t") 2 funcref)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "grow_table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"#;
    let module = module(&engine, text);
    let linker = Linker::new(&engine);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    isolate.set_limiter(StaticLimits::new(3 << 16, 10));
    let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
    let grow = instance.get_typed_func::<i32, i32>(&mut isolate, "grow").expect("a function");
    assert_eq!(grow.call(&mut isolate, 3).expect("a call"), -1);
    assert_eq!(grow.call(&mut isolate, 1).expect("a call"), 1);
    let grow_table = instance.get_typed_func::<i32, i32>(&mut isolate, "grow_table").expect("a function");
    assert_eq!(grow_table.call(&mut isolate, 9).expect("a call"), -1);
    assert_eq!(grow_table.call(&mut isolate, 8).expect("a call"), 2);
    let memory = instance.get_memory(&mut isolate, "m").expect("a memory");
    memory.grow(&mut isolate, 2).expect_err("beyond the limit for the host as well");
    // All memories count together.
    linker.instantiate(&mut isolate, &module).expect("one page is left");
    let error = linker.instantiate(&mut isolate, &module).expect_err("no page is left");
    assert!(matches!(&error, LinkError::Resource(message) if message.contains("65536 bytes")), "{error}");
}

#[test]
fn a_limiter_is_asked_with_bytes_and_elements() {
    struct Record(std::sync::mpsc::Sender<(char, u64, u64)>);
    impl ResourceLimiter for Record {
        fn memory_growing(&mut self, current: u64, desired: u64, _: u64) -> bool {
            self.0.send(('m', current, desired)).is_ok()
        }
        fn table_growing(&mut self, current: u64, desired: u64, _: u64) -> bool {
            self.0.send(('t', current, desired)).is_ok()
        }
    }
    let engine = engine();
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    isolate.set_limiter(Record(sender));
    let module =
        module(&engine, r#"(module (memory 1) (table 5 funcref) (func (export "g") (drop (memory.grow (i32.const 2)))))"#);
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let grow = instance.get_typed_func::<(), ()>(&mut isolate, "g").expect("a function");
    grow.call(&mut isolate, ()).expect("a call");
    let asked: Vec<_> = receiver.try_iter().collect();
    assert_eq!(asked, [('m', 0, 1 << 16), ('t', 0, 5), ('m', 1 << 16, 3 << 16)]);
}

#[test]
fn fuel_runs_out_and_can_be_filled_up() {
    let (mut isolate, instance) = instance_with(&with_fuel(), LOOPS);
    let count = instance.get_typed_func::<i32, i32>(&mut isolate, "count").expect("a function");
    isolate.set_fuel(1_000_000);
    count.call(&mut isolate, 1000).expect("enough fuel");
    let used = 1_000_000 - isolate.fuel();
    assert!((1000..20_000).contains(&used), "{used}");
    isolate.set_fuel(1_000_000);
    count.call(&mut isolate, 1000).expect("enough fuel");
    assert_eq!(1_000_000 - isolate.fuel(), used, "the same call costs the same");
    isolate.set_fuel(used / 2);
    let Err(CallError::Trap(trap)) = count.call(&mut isolate, 1000) else { panic!("too little fuel was enough") };
    assert_eq!((trap.code(), isolate.fuel()), (TrapCode::OutOfFuel, 0));
    for name in ["spin", "recurse"] {
        isolate.set_fuel(10_000);
        stops_with(&mut isolate, instance, name, TrapCode::OutOfFuel);
    }
    isolate.set_fuel(10_000);
    count.call(&mut isolate, 1).expect("filled up");
}

#[test]
fn a_deadline_passes() {
    let (mut isolate, instance) = instance(LOOPS);
    for name in ["spin", "recurse", "fork"] {
        isolate.set_deadline(Some(Duration::from_millis(20)));
        let begun = Instant::now();
        stops_with(&mut isolate, instance, name, TrapCode::DeadlineExceeded);
        assert!(begun.elapsed() >= Duration::from_millis(15), "{:?}", begun.elapsed());
    }
    // One that was taken back does nothing.
    isolate.set_deadline(Some(Duration::from_millis(5)));
    isolate.set_deadline(None);
    std::thread::sleep(Duration::from_millis(20));
    let nothing = instance.get_typed_func::<(), ()>(&mut isolate, "nothing").expect("a function");
    nothing.call(&mut isolate, ()).expect("no deadline");
}

#[test]
fn another_thread_stops_a_guest() {
    let (mut isolate, instance) = instance(LOOPS);
    for name in ["spin", "recurse", "fork", "spin"] {
        let handle = isolate.interrupt_handle();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.terminate();
        });
        stops_with(&mut isolate, instance, name, TrapCode::Interrupted);
        stopper.join().expect("no panic");
    }
    let nothing = instance.get_typed_func::<(), ()>(&mut isolate, "nothing").expect("a function");
    nothing.call(&mut isolate, ()).expect("an interrupt is spent by the guest that it stops");
    // Asked before the call: the next guest stops.
    let handle = isolate.interrupt_handle();
    handle.terminate();
    assert!(handle.is_pending());
    stops_with(&mut isolate, instance, "spin", TrapCode::Interrupted);
    assert!(!handle.is_pending());
    drop(isolate);
    handle.terminate();
    assert!(!handle.is_pending(), "nobody is there");
}

#[test]
fn an_interrupt_goes_through_host_frames() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    let enter = |mut caller: Caller<'_>| -> Result<(), HostError> {
        let instance = caller.instance().ok_or("no instance")?;
        let spin = instance.get_typed_func::<(), ()>(&mut caller, "spin")?;
        match spin.call(&mut caller, ()) {
            Err(CallError::Trap(trap)) => Err(Box::new(trap)),
            other => Ok(other?),
        }
    };
    linker.func_wrap("h", "enter", enter).expect("a definition");
    let text = r#"(module $m (import "h" "enter" (func $enter)) (func $spin (export "spin") (loop $l (br $l)))
        (func $outer (export "outer") (call $enter)) (func (export "nothing") (loop)))"#;
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).expect("an instance");
    isolate.set_deadline(Some(Duration::from_millis(20)));
    let outer = instance.get_typed_func::<(), ()>(&mut isolate, "outer").expect("a function");
    let Err(CallError::Trap(trap)) = outer.call(&mut isolate, ()) else { panic!("returned") };
    assert_eq!(trap.code(), TrapCode::DeadlineExceeded);
    let names: Vec<_> = trap.frames().iter().filter_map(|frame| frame.func_name.as_deref()).collect();
    assert_eq!(names, ["spin", "outer"]);
    let nothing = instance.get_typed_func::<(), ()>(&mut isolate, "nothing").expect("a function");
    nothing.call(&mut isolate, ()).expect("the deadline is spent");
}

#[test]
fn a_start_function_is_bounded_too() {
    let engine = with_fuel();
    let module = module(&engine, "(module (func $s (loop $l (br $l))) (start $s))");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    isolate.set_fuel(1000);
    let error = Linker::new(&engine).instantiate(&mut isolate, &module).expect_err("no end");
    assert!(matches!(&error, LinkError::Trap(trap) if trap.code() == TrapCode::OutOfFuel), "{error}");
}

#[test]
fn a_host_function_that_waits_gives_way() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    let wait = |caller: Caller<'_>| -> Result<(), HostError> {
        let interrupt = caller.interrupt_handle();
        while !interrupt.is_pending() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(Interrupted.into())
    };
    linker.func_wrap("h", "wait", wait).expect("a definition");
    let text = r#"(module (import "h" "wait" (func $wait)) (func (export "f") (call $wait)) (func (export "nothing") (loop)))"#;
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).expect("an instance");
    isolate.set_deadline(Some(Duration::from_millis(5)));
    stops_with(&mut isolate, instance, "f", TrapCode::DeadlineExceeded);
    let nothing = instance.get_typed_func::<(), ()>(&mut isolate, "nothing").expect("a function");
    nothing.call(&mut isolate, ()).expect("the deadline is spent");
}
