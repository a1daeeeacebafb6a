//! Memories: growth, both ways of checking bounds, initial contents, and what the host sees of them.

use deltic::{CallError, Config, Extern, Isolate, Linker, Memory, MemoryType, TrapCode, WasmEngine};

use crate::support::{engine, engine_with, instance_with, module};

/// With guard pages, and with checks only.
fn engines() -> [WasmEngine; 2] {
    [engine(), engine_with(Config::default().with_memory_guards(false))]
}

fn trap_code<T: std::fmt::Debug>(result: Result<T, CallError>) -> TrapCode {
    match result {
        Err(CallError::Trap(trap)) => trap.code(),
        other => panic!("no trap: {other:?}"),
    }
}

#[test]
fn accesses_end_where_the_memory_ends() {
    for engine in engines() {
        for address in ["i32", "i64"] {
            let text = format!(
                r#"(module (memory (export "m") {address} 1 4)
                (func (export "load") (param {address}) (result i64) (i64.load (local.get 0)))
                (func (export "far") (param {address}) (result i32) (i32.load offset=0xfffffff0 (local.get 0)))
                (func (export "store") (param {address} i64) (i64.store (local.get 0) (local.get 1)))
                (func (export "grow") (param {address}) (result {address}) (memory.grow (local.get 0))))"#
            );
            let (mut isolate, instance) = instance_with(&engine, &text);
            let call = |isolate: &mut Isolate, name: &str, at: i64| {
                let func = instance.get_func(isolate, name).expect("a function");
                let at = if address == "i32" { deltic::Val::I32(at as i32) } else { deltic::Val::I64(at) };
                let args = if name == "store" { vec![at, deltic::Val::I64(-1)] } else { vec![at] };
                func.call(isolate, &args)
            };
            for pages in 1..=4i64 {
                let end = pages << 16;
                call(&mut isolate, "load", end - 8).expect("the last bytes");
                call(&mut isolate, "store", end - 8).expect("the last bytes");
                for beyond in [end - 7, end, end + 4096, 0x7fff_fff8, 0xffff_ffff] {
                    assert_eq!(trap_code(call(&mut isolate, "load", beyond)), TrapCode::MemoryOutOfBounds, "{beyond:#x}");
                    assert_eq!(trap_code(call(&mut isolate, "store", beyond)), TrapCode::MemoryOutOfBounds, "{beyond:#x}");
                }
                assert_eq!(trap_code(call(&mut isolate, "far", 0)), TrapCode::MemoryOutOfBounds);
                assert_eq!(trap_code(call(&mut isolate, "far", end)), TrapCode::MemoryOutOfBounds);
                call(&mut isolate, "grow", 1).expect("a call");
            }
            assert_eq!(instance.get_memory(&mut isolate, "m").expect("a memory").page_count(&isolate), 4);
        }
    }
}

#[test]
fn growth_keeps_the_contents_and_adds_zeros() {
    for engine in engines() {
        let (mut isolate, instance) =
            instance_with(&engine, r#"(module (memory (export "m") 1) (data (i32.const 65530) "end") )"#);
        let memory = instance.get_memory(&mut isolate, "m").expect("a memory");
        // Far enough that a memory without reservation moves.
        for step in [1, 3, 60, 400] {
            let old = memory.page_count(&isolate);
            assert_eq!(memory.grow(&mut isolate, step).expect("growth"), old);
            let bytes = memory.data(&isolate).expect("bytes");
            assert_eq!(bytes.len() as u64, (old + step) << 16);
            assert_eq!(&bytes[65530..65533], b"end");
            assert!(bytes[(old as usize) << 16..].iter().all(|&byte| byte == 0));
        }
        memory.grow(&mut isolate, 65_536).expect_err("beyond 4 GiB");
        assert_eq!(memory.page_count(&isolate), 465);
    }
}

#[test]
fn initial_contents_belong_to_each_instance() {
    // Larger than what is copied: mapped, where the system can.
    let data: String = (0..100_000).map(|index| char::from(b'a' + (index % 23) as u8)).collect();
    let text = format!(
        r#"(module (memory (export "m") 3) (data (i32.const 1000) "{data}") (data (i32.const 50000) "later")
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
    );
    for engine in engines() {
        let module = module(&engine, &text);
        let linker = Linker::new(&engine);
        let mut expected = vec![0u8; 3 << 16];
        expected[1000..101_000].copy_from_slice(data.as_bytes());
        expected[50_000..50_005].copy_from_slice(b"later");
        for _ in 0..3 {
            let mut isolate = Isolate::new(&engine).expect("an isolate");
            let first = linker.instantiate(&mut isolate, &module).expect("an instance");
            let second = linker.instantiate(&mut isolate, &module).expect("an instance");
            let [first_memory, second_memory] = [first, second].map(|i| i.get_memory(&mut isolate, "m").expect("a memory"));
            assert!(first_memory.data(&isolate).expect("bytes") == expected);
            first_memory.data_mut(&mut isolate).expect("bytes").fill(0xee);
            first_memory.grow(&mut isolate, 1).expect("growth");
            assert!(second_memory.data(&isolate).expect("bytes") == expected, "writes of one instance are its own");
            let load = first.get_typed_func::<i32, i32>(&mut isolate, "load").expect("a function");
            assert_eq!(load.call(&mut isolate, 2000).expect("a call"), 0xee);
        }
    }
}

#[test]
fn guarded_and_checked_memories_meet_in_one_instance() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let ty = MemoryType { min: 1, max: None, memory64: true, shared: false, page_size_log2: 16 };
    let wide = Memory::new(&mut isolate, ty).expect("a memory");
    let mut linker = Linker::new(&engine);
    linker.define("h", "wide", Extern::Memory(wide)).expect("a definition");
    let text = r#"(module (import "h" "wide" (memory $wide i64 1)) (memory $narrow 1)
        (func (export "copy") (param i32 i64 i32) (memory.copy $narrow $wide (local.get 0) (local.get 1) (local.get 2)))
        (func (export "narrow") (param i32) (result i32) (i32.load8_u $narrow (local.get 0)))
        (func (export "wide") (param i64) (result i32) (i32.load8_u $wide (local.get 0))))"#;
    let instance = linker.instantiate(&mut isolate, &module(&engine, text)).expect("an instance");
    wide.data_mut(&mut isolate).expect("bytes")[100..105].copy_from_slice(b"hello");
    let copy = instance.get_typed_func::<(i32, i64, i32), ()>(&mut isolate, "copy").expect("a function");
    copy.call(&mut isolate, (65_531, 100, 5)).expect("a call");
    let narrow = instance.get_typed_func::<i32, i32>(&mut isolate, "narrow").expect("a function");
    assert_eq!(narrow.call(&mut isolate, 65_535).expect("a call"), i32::from(b'o'));
    assert_eq!(trap_code(narrow.call(&mut isolate, 65_536)), TrapCode::MemoryOutOfBounds);
    let load = instance.get_typed_func::<i64, i32>(&mut isolate, "wide").expect("a function");
    assert_eq!(load.call(&mut isolate, 104).expect("a call"), i32::from(b'o'));
    for beyond in [65_536, 1 << 32, i64::MAX, -1] {
        assert_eq!(trap_code(load.call(&mut isolate, beyond)), TrapCode::MemoryOutOfBounds);
    }
    assert_eq!(trap_code(copy.call(&mut isolate, (65_532, 100, 5))), TrapCode::MemoryOutOfBounds);
}

#[test]
fn small_pages() {
    for engine in engines() {
        let text = r#"(module (memory (export "m") 10 20 (pagesize 1))
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
        let (mut isolate, instance) = instance_with(&engine, text);
        let load = instance.get_typed_func::<i32, i32>(&mut isolate, "load").expect("a function");
        let grow = instance.get_typed_func::<i32, i32>(&mut isolate, "grow").expect("a function");
        load.call(&mut isolate, 9).expect("the last byte");
        assert_eq!(trap_code(load.call(&mut isolate, 10)), TrapCode::MemoryOutOfBounds);
        assert_eq!(grow.call(&mut isolate, 10).expect("a call"), 10);
        load.call(&mut isolate, 19).expect("the last byte");
        assert_eq!(grow.call(&mut isolate, 1).expect("a call"), -1);
    }
}

#[test]
fn many_memories_are_given_back() {
    // Each reserves 4 GiB of addresses: without unmapping, the address space ends.
    let engine = engine();
    let module = module(&engine, "(module (memory 1))");
    let linker = Linker::new(&engine);
    for _ in 0..40 {
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        for _ in 0..1000 {
            linker.instantiate(&mut isolate, &module).expect("an instance");
        }
    }
}
