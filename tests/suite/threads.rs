//! Shared memories: isolates on several threads at once, their atomics, growth, waits, and what the host may do with the bytes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use deltic::{
    CallError, Config, Instance, Isolate, Linker, Memory, MemoryAccessError, MemoryType, Module, ResourceLimiter, SharedMemory,
    StaticLimits, TrapCode, WasmEngine,
};

use crate::support::{engine, engine_with, instance, module};

const THREADS: i32 = 4;

/// With guard pages, and with checks only.
fn engines() -> [WasmEngine; 2] {
    [engine(), engine_with(Config::default().with_memory_guards(false))]
}

fn shared(min: u64, max: u64) -> MemoryType {
    MemoryType { min, max: Some(max), memory64: false, shared: true, page_size_log2: 16 }
}

/// A shared memory, a module that imports it and the linker that gives it.
struct Setup {
    engine: WasmEngine,
    memory: SharedMemory,
    linker: Linker,
    module: Module,
}

impl Setup {
    /// `body` is what the module has beside its import.
    fn new(engine: &WasmEngine, min: u64, max: u64, body: &str) -> Setup {
        let memory = SharedMemory::new(engine, shared(min, max)).expect("a memory");
        let mut linker = Linker::new(engine);
        linker.define_shared("h", "m", &memory).expect("a definition");
        let text = format!(r#"(module (import "h" "m" (memory {min} {max} shared)) {body})"#);
        Setup { engine: engine.clone(), memory, linker, module: module(engine, &text) }
    }

    fn instance(&self) -> (Isolate, Instance) {
        let mut isolate = Isolate::new(&self.engine).expect("an isolate");
        let instance = self.linker.instantiate(&mut isolate, &self.module).expect("an instance");
        (isolate, instance)
    }

    /// Calls a function of a new instance in a new isolate.
    fn call(&self, name: &str, arg: i32) -> Result<i32, CallError> {
        let (mut isolate, instance) = self.instance();
        instance.get_typed_func::<i32, i32>(&mut isolate, name).expect("a function").call(&mut isolate, arg)
    }

    fn word(&self, offset: u64) -> u32 {
        let mut bytes = [0; 4];
        self.memory.read(offset, &mut bytes).expect("in bounds");
        u32::from_le_bytes(bytes)
    }
}

fn trap_code<T: std::fmt::Debug>(result: Result<T, CallError>) -> TrapCode {
    match result {
        Err(CallError::Trap(trap)) => trap.code(),
        other => panic!("no trap: {other:?}"),
    }
}

/// Waits until somebody waits at an address, by waking him.
fn wake_one(memory: &SharedMemory, address: u64) {
    while memory.notify(address, 1) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn no_increment_is_lost() {
    const COUNT: i32 = 100_000;
    for engine in engines() {
        let setup = Setup::new(
            &engine,
            1,
            1,
            r#"(func (export "run") (param i32) (result i32)
                (loop $again
                    (drop (i32.atomic.rmw.add (i32.const 64) (i32.const 1)))
                    (drop (i64.atomic.rmw8.add_u (i32.const 68) (i64.const 1)))
                    (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (i32.atomic.load (i32.const 64)))"#,
        );
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| setup.call("run", COUNT).expect("a call"));
            }
        });
        assert_eq!(setup.word(64), (THREADS * COUNT) as u32);
        assert_eq!(setup.word(68), (THREADS * COUNT) as u32 & 0xff);
    }
}

#[test]
fn a_mutex_of_waits_and_wake_ups_excludes() {
    const COUNT: i32 = 20_000;
    for engine in engines() {
        let setup = Setup::new(
            &engine,
            1,
            1,
            r#"(func $lock
                (loop $retry
                    (if (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 0) (i32.const 0) (i32.const 1))) (then (return)))
                    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 1) (i64.const -1)))
                    (br $retry)))
            (func $unlock
                (i32.atomic.store (i32.const 0) (i32.const 0))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))
            (func (export "run") (param i32) (result i32)
                (loop $again
                    (call $lock)
                    (i32.store (i32.const 128) (i32.add (i32.load (i32.const 128)) (i32.const 1)))
                    (call $unlock)
                    (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
                (i32.const 0))"#,
        );
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| setup.call("run", COUNT).expect("a call"));
            }
        });
        assert_eq!(setup.word(128), (THREADS * COUNT) as u32);
    }
}

#[test]
fn growth_is_seen_by_those_who_run() {
    const MAX: i32 = 200;
    for engine in engines() {
        // Growers say at address 0 how large the memory is for certain; readers go to the end of that.
        let setup = Setup::new(
            &engine,
            1,
            MAX as u64,
            r#"(func (export "grow") (param i32) (result i32) (local $old i32) (local $grown i32)
                (loop $again
                    (local.set $old (memory.grow (i32.const 1)))
                    (if (i32.ne (local.get $old) (i32.const -1)) (then
                        (local.set $grown (i32.add (local.get $grown) (i32.const 1)))
                        (i32.atomic.store (i32.const 0) (i32.add (local.get $old) (i32.const 1)))
                        (i32.store8 (i32.shl (local.get $old) (i32.const 16)) (i32.const 1))
                        (br $again))))
                (local.get $grown))
            (func (export "read") (param $until i32) (result i32) (local $seen i32) (local $size i32)
                (loop $again
                    (local.set $seen (i32.atomic.load (i32.const 0)))
                    (local.set $size (memory.size))
                    (if (i32.lt_u (local.get $size) (local.get $seen)) (then (return (i32.const -1))))
                    (if (local.get $seen) (then
                        (drop (i32.load (i32.sub (i32.shl (local.get $seen) (i32.const 16)) (i32.const 4))))
                        (memory.fill (i32.sub (i32.shl (local.get $seen) (i32.const 16)) (i32.const 4)) (i32.const 2) (i32.const 4))))
                    (drop (i32.load (i32.sub (i32.shl (local.get $size) (i32.const 16)) (i32.const 4))))
                    (br_if $again (i32.lt_u (local.get $size) (local.get $until))))
                (local.get $size))"#,
        );
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| setup.call("read", MAX).expect("a call"))).collect();
            let growers: Vec<_> = (0..2).map(|_| scope.spawn(|| setup.call("grow", 0).expect("a call"))).collect();
            let grown: i32 = growers.into_iter().map(|thread| thread.join().expect("no panic")).sum();
            assert_eq!(grown, MAX - 1, "no page twice");
            for reader in readers {
                assert_eq!(reader.join().expect("no panic"), MAX);
            }
        });
        assert_eq!(setup.memory.page_count(), MAX as u64);
        assert!(setup.memory.grow(1).is_err());
    }
}

#[test]
fn isolates_come_and_go_while_others_run() {
    for engine in engines() {
        let setup = Setup::new(
            &engine,
            1,
            2,
            r#"(func (export "add") (param i32) (result i32) (i32.atomic.rmw.add (i32.const 0) (local.get 0)))
            (func (export "spin") (param i32) (result i32)
                (loop $again (br_if $again (i32.lt_u (i32.atomic.load (i32.const 0)) (local.get 0))))
                (i32.const 0))"#,
        );
        std::thread::scope(|scope| {
            scope.spawn(|| setup.call("spin", 3 * 200).expect("a call"));
            for _ in 0..3 {
                scope.spawn(|| (0..200).for_each(|_| assert!(setup.call("add", 1).expect("a call") >= 0)));
            }
        });
        // The last isolate is gone, and so may be the setup: who has a clone has the memory.
        let memory = setup.memory.clone();
        drop(setup);
        memory.write(0, b"here").expect("in bounds");
    }
}

const WAITS: &str = r#"
    (func (export "wait") (param i32) (result i32) (memory.atomic.wait32 (local.get 0) (i32.const 0) (i64.const -1)))
    (func (export "wait_briefly") (param i32) (result i32)
        (memory.atomic.wait64 (local.get 0) (i64.const 0) (i64.const 20000000)))
    (func (export "notify") (param i32) (result i32) (memory.atomic.notify (local.get 0) (i32.const 2)))"#;

#[test]
fn waits_end_by_wake_ups_values_and_time() {
    let setup = Setup::new(&engine(), 1, 1, WAITS);
    let begun = Instant::now();
    assert_eq!(setup.call("wait_briefly", 0).expect("a call"), 2);
    assert!(begun.elapsed() >= Duration::from_millis(20));
    setup.memory.write(16, &[1]).expect("in bounds");
    assert_eq!(setup.call("wait", 16).expect("a call"), 1);
    assert_eq!(setup.call("notify", 0).expect("a call"), 0, "nobody waits any more");
    for (name, address, code) in [
        ("wait", 2, TrapCode::UnalignedAtomic),
        ("wait", 65_536, TrapCode::MemoryOutOfBounds),
        ("wait_briefly", 4, TrapCode::UnalignedAtomic),
        ("notify", 65_536, TrapCode::MemoryOutOfBounds),
        ("notify", -4, TrapCode::MemoryOutOfBounds),
    ] {
        assert_eq!(trap_code(setup.call(name, address)), code, "{name} {address}");
    }
    std::thread::scope(|scope| {
        let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| setup.call("wait", 8).expect("a call"))).collect();
        let other = scope.spawn(|| setup.call("wait", 12).expect("a call"));
        let mut woken = 0;
        while woken < 3 {
            let now = setup.call("notify", 8).expect("a call");
            assert!(now <= 2, "as many as were asked for");
            woken += now;
        }
        waits.into_iter().for_each(|wait| assert_eq!(wait.join().expect("no panic"), 0));
        wake_one(&setup.memory, 12);
        assert_eq!(other.join().expect("no panic"), 0);
    });
}

#[test]
fn an_interrupt_ends_a_wait() {
    let setup = Setup::new(&engine(), 1, 1, WAITS);
    let (mut isolate, instance) = setup.instance();
    let wait = instance.get_typed_func::<i32, i32>(&mut isolate, "wait").expect("a function");
    isolate.set_deadline(Some(Duration::from_millis(20)));
    assert_eq!(trap_code(wait.call(&mut isolate, 0)), TrapCode::DeadlineExceeded);
    isolate.set_deadline(None);
    // Early, late, and in between: at whatever moment the interrupt comes, the wait ends, and nobody is left in the queue.
    let handle = isolate.interrupt_handle();
    for round in 0..200 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..round * 20).for_each(|_| std::hint::spin_loop());
                handle.terminate();
            });
            assert_eq!(trap_code(wait.call(&mut isolate, 0)), TrapCode::Interrupted);
        });
    }
    assert_eq!(setup.memory.notify(0, u32::MAX), 0);
    // The isolate is as good as before.
    std::thread::scope(|scope| {
        scope.spawn(|| wake_one(&setup.memory, 0));
        assert_eq!(wait.call(&mut isolate, 0).expect("a call"), 0);
    });
}

#[test]
fn every_wake_up_wakes_one() {
    // A semaphore by which two threads pass tokens: a wake-up that is lost, or wakes two, ends in a deadlock or a wrong count.
    const TOKENS: i32 = 5_000;
    let setup = Setup::new(
        &engine(),
        1,
        1,
        r#"(func (export "give") (param i32) (result i32)
            (loop $again
                (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
                (drop (memory.atomic.notify (i32.const 0) (i32.const 1)))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (i32.const 0))
        (func (export "take") (param i32) (result i32) (local $have i32)
            (loop $again
                (local.set $have (i32.atomic.load (i32.const 0)))
                (if (i32.eqz (local.get $have)) (then
                    (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))
                    (br $again)))
                (br_if $again (i32.ne (local.get $have)
                    (i32.atomic.rmw.cmpxchg (i32.const 0) (local.get $have) (i32.sub (local.get $have) (i32.const 1)))))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (i32.const 0))"#,
    );
    std::thread::scope(|scope| {
        for name in ["give", "take", "give", "take"] {
            let setup = &setup;
            scope.spawn(move || setup.call(name, TOKENS).expect("a call"));
        }
    });
    assert_eq!(setup.word(0), 0);
}

#[test]
fn waiting_needs_a_shared_memory() {
    let text = format!("(module (memory 1) {WAITS})");
    let (mut isolate, instance) = instance(&text);
    let mut call = |name, at| instance.get_typed_func::<i32, i32>(&mut isolate, name).expect("a function").call(&mut isolate, at);
    assert_eq!(trap_code(call("wait", 0)), TrapCode::ExpectedSharedMemory);
    assert_eq!(trap_code(call("wait_briefly", 0)), TrapCode::ExpectedSharedMemory);
    assert_eq!(trap_code(call("wait", 65_536)), TrapCode::MemoryOutOfBounds);
    assert_eq!(call("notify", 0).expect("a call"), 0);
}

#[test]
fn segments_are_copied_into_shared_memories() {
    // Larger than what would be mapped.
    let data: String = (0..100_000).map(|index| char::from(b'a' + (index % 23) as u8)).collect();
    for engine in engines() {
        let body = format!(
            r#"(data (i32.const 1000) "{data}") (data $passive "later")
            (func (export "init") (param i32) (result i32)
                (memory.init $passive (local.get 0) (i32.const 0) (i32.const 5)) (i32.const 0))"#
        );
        let setup = Setup::new(&engine, 2, 2, &body);
        setup.memory.write(0, b"before").expect("in bounds");
        setup.call("init", 3).expect("a call");
        let mut bytes = vec![0; 2 << 16];
        setup.memory.read(0, &mut bytes).expect("in bounds");
        assert_eq!(&bytes[..9], b"beflater\0");
        assert!(bytes[1000..101_000] == *data.as_bytes());
        assert_eq!(trap_code(setup.call("init", (2 << 16) - 4)), TrapCode::MemoryOutOfBounds);
        // A memory that the module defines itself.
        let own = module(&engine, &format!(r#"(module (memory (export "m") 2 2 shared) (data (i32.const 1000) "{data}"))"#));
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let instance = Linker::new(&engine).instantiate(&mut isolate, &own).expect("an instance");
        let memory = instance.get_memory(&mut isolate, "m").and_then(|memory| memory.as_shared(&isolate)).expect("a memory");
        drop(isolate);
        let mut bytes = vec![0; 100_000];
        memory.read(1000, &mut bytes).expect("in bounds");
        assert!(bytes == data.as_bytes());
    }
}

#[test]
fn the_host_copies_and_never_borrows() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let memory = Memory::new(&mut isolate, shared(1, 3)).expect("a memory");
    assert!(memory.data(&isolate).is_none() && memory.data_mut(&mut isolate).is_none());
    memory.write(&mut isolate, 65_530, b"ending").expect("in bounds");
    let handle = memory.as_shared(&isolate).expect("a shared memory");
    let mut bytes = [0; 6];
    handle.read(65_530, &mut bytes).expect("in bounds");
    assert_eq!(&bytes, b"ending");
    for (offset, len) in [(65_531, 6), (u64::MAX, 1), (65_537, 0)] {
        let found = handle.read(offset, &mut bytes[..len]);
        assert_eq!(found, Err(MemoryAccessError::OutOfBounds { offset, len, memory_bytes: 65_536 }));
        assert_eq!(memory.write(&mut isolate, offset, &bytes[..len]), found);
    }
    assert_eq!(memory.grow(&mut isolate, 1).expect("growth"), 1);
    assert_eq!(handle.grow(1).expect("growth"), 2);
    assert_eq!((handle.page_count(), memory.page_count(&isolate)), (3, 3));
    assert_eq!(memory.ty(&isolate), Some(handle.ty()));
    // In another isolate it is the same memory, once.
    let mut other = Isolate::new(&engine).expect("an isolate");
    let [first, second] = [(); 2].map(|()| Memory::from_shared(&mut other, &handle).expect("a memory"));
    assert_eq!(first, second);
    assert!(first.as_shared(&other).expect("a shared memory").is_same(&handle));
    assert_eq!(memory.read(&other, 0, &mut bytes), Err(MemoryAccessError::Foreign));
    // Any memory can be copied from and to.
    let own = Memory::new(&mut isolate, MemoryType { shared: false, ..shared(1, 1) }).expect("a memory");
    assert!(own.as_shared(&isolate).is_none());
    own.write(&mut isolate, 65_530, b"ending").expect("in bounds");
    own.read(&isolate, 65_530, &mut bytes).expect("in bounds");
    assert_eq!(&bytes, b"ending");
    own.read(&isolate, 65_531, &mut bytes).expect_err("out of bounds");
}

#[test]
fn what_cannot_be_shared_is_refused() {
    for engine in engines() {
        for ty in [MemoryType { shared: false, ..shared(1, 1) }, MemoryType { max: None, ..shared(1, 1) }, shared(2, 1)] {
            SharedMemory::new(&engine, ty).expect_err("not a shared memory's type");
        }
        // The import's limits must fit, and so must its being shared.
        let memory = SharedMemory::new(&engine, shared(1, 4)).expect("a memory");
        let mut linker = Linker::new(&engine);
        linker.define_shared("h", "m", &memory).expect("a definition");
        linker.define_shared("h", "m", &memory).expect_err("the name is taken");
        for (wanted, fits) in [("1 4 shared", true), ("1 3 shared", false), ("2 4 shared", false), ("1 4", false)] {
            let module = module(&engine, &format!(r#"(module (import "h" "m" (memory {wanted})))"#));
            let mut isolate = Isolate::new(&engine).expect("an isolate");
            assert_eq!(linker.instantiate(&mut isolate, &module).is_ok(), fits, "{wanted}");
        }
        memory.grow(1).expect("growth");
        let module = module(&engine, r#"(module (import "h" "m" (memory 2 4 shared)))"#);
        linker.instantiate(Isolate::new(&engine).as_mut().expect("an isolate"), &module).expect("it has grown");
    }
}

#[cfg(feature = "wasi")]
#[test]
fn wasi_works_on_a_shared_memory() {
    use deltic::wasi::{WasiCtxBuilder, add_to_linker};
    let mut setup = Setup::new(
        &engine(),
        1,
        1,
        r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (func (export "run") (param $at i32) (result i32)
            (i32.or (call $args (local.get $at) (i32.add (local.get $at) (i32.const 16)))
                (i32.or (call $random (i32.add (local.get $at) (i32.const 100)) (i32.const 1000))
                    (i32.shl (call $write (i32.const 99) (local.get $at) (i32.const 0) (local.get $at)) (i32.const 8)))))"#,
    );
    add_to_linker(&mut setup.linker).expect("definitions");
    std::thread::scope(|scope| {
        for at in [4096, 8192, 12_288] {
            let setup = &setup;
            scope.spawn(move || {
                let (mut isolate, instance) = setup.instance();
                isolate.set_data(WasiCtxBuilder::new().arg("argument").build().expect("a context"));
                let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
                // The descriptor is none: EBADF.
                assert_eq!(run.call(&mut isolate, at).expect("a call"), 8 << 8);
                let mut bytes = [0; 1100];
                setup.memory.read(at as u64, &mut bytes).expect("in bounds");
                assert_eq!(bytes[..4], (at + 16).to_le_bytes());
                assert_eq!(&bytes[16..25], b"argument\0");
                assert!(bytes[100..].iter().any(|&byte| byte != 0));
            });
        }
    });
}

/// All of the maximum is reserved, or there is no memory; one that is not shared can do with less.
#[test]
fn a_shared_memory_has_its_whole_maximum() {
    for (kind, status) in [("", Some(0)), (" shared", Some(1))] {
        let file = tempfile::NamedTempFile::with_suffix(".wat").expect("a file");
        let text = format!(r#"(module (memory 1 65536{kind}) (func (export "_start")))"#);
        std::fs::write(file.path(), text).expect("the file is written");
        let script = "ulimit -v 3000000 && exec \"$0\" run --no-guard-pages --jobs 0 \"$1\"";
        let mut shell = Command::new("sh");
        crate::support::without_cache(&mut shell);
        shell.args(["-c", script, env!("CARGO_BIN_EXE_deltic")]).arg(file.path());
        let output = shell.output().expect("the command ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), status, "{said}");
        assert_eq!(said.contains("no address space for 4294967296 bytes"), status != Some(0), "{said}");
    }
}

#[test]
fn each_isolate_has_its_own_limiter() {
    struct Refuse;
    impl ResourceLimiter for Refuse {
        fn memory_growing(&mut self, _: u64, _: u64, _: u64) -> bool {
            false
        }
        fn table_growing(&mut self, _: u64, _: u64, _: u64) -> bool {
            false
        }
    }
    let body = r#"(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))"#;
    let setup = Setup::new(&engine(), 1, 100, body);
    let grow = |isolate: &mut Isolate, instance: Instance, pages: i32| {
        let grow = instance.get_typed_func::<i32, i32>(isolate, "grow").expect("a function");
        grow.call(isolate, pages).expect("a call")
    };
    let (mut strict, in_strict) = setup.instance();
    strict.set_limiter(Refuse);
    let (mut bounded, in_bounded) = setup.instance();
    bounded.set_limiter(StaticLimits::new(3 << 16, 0));
    let (mut free, in_free) = setup.instance();
    assert_eq!(grow(&mut strict, in_strict, 1), -1);
    assert_eq!(grow(&mut free, in_free, 1), 1);
    assert_eq!(grow(&mut bounded, in_bounded, 3), 2);
    assert_eq!(grow(&mut bounded, in_bounded, 1), -1);
    assert_eq!(setup.memory.page_count(), 5);
}

#[test]
fn copies_race_with_guests_and_tear_no_bytes() {
    // Guest and host write the same value everywhere, by bulk and by single stores: whoever reads sees it or zero.
    let setup = Setup::new(
        &engine(),
        1,
        1,
        r#"(func (export "run") (param i32) (result i32)
            (loop $again
                (memory.fill (i32.const 1) (i32.const 0x55) (i32.const 4000))
                (memory.copy (i32.const 8001) (i32.const 1) (i32.const 4000))
                (memory.fill (i32.const 1) (i32.const 0) (i32.const 4000))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (i32.const 0))"#,
    );
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let guests: Vec<_> = (0..2).map(|_| scope.spawn(|| setup.call("run", 5_000).expect("a call"))).collect();
        scope.spawn(|| {
            let mut bytes = vec![0; 12_001];
            while !done.load(Ordering::SeqCst) {
                setup.memory.write(3, &[0x55; 999]).expect("in bounds");
                setup.memory.read(0, &mut bytes).expect("in bounds");
                assert!(bytes.iter().all(|byte| [0, 0x55].contains(byte)));
            }
        });
        let ends: Vec<_> = guests.into_iter().map(|guest| guest.join()).collect();
        done.store(true, Ordering::SeqCst);
        assert!(ends.iter().all(Result::is_ok));
    });
}
