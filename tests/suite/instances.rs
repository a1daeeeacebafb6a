//! Instances in what others have left: nothing of an earlier one is seen by a later one, and what is kept is bounded.

use std::process::Command;

use deltic::{
    CallError, Config, Extern, Func, Global, GlobalType, Instance, Isolate, LinkError, Linker, Memory, MemoryType, Module,
    SharedMemory, Table, TrapCode, Val, ValType, WasmEngine,
};

use crate::support::{Random, engine, engine_with, module};

/// Modules with one memory each, a table, a global, and functions that change all of them.
fn modules(engine: &WasmEngine) -> Vec<(Module, Vec<u8>)> {
    let data = |bytes: usize| -> Vec<u8> { (0..bytes).map(|index| (index % 251) as u8 + 1).collect() };
    let kinds = [
        ("1", "i32", 1 << 16, 40, 1024),
        ("1 9", "i32", 1 << 16, 0, 0),
        ("3", "i32", 3 << 16, 150_000, 4096 + 17),
        ("40", "i32", 40 << 16, 100_000, 1 << 20),
        ("0", "i32", 0, 0, 0),
        ("i64 2", "i64", 2 << 16, 100, 65_000),
        ("i64 17", "i64", 17 << 16, 60_000, 1 << 20),
        ("5000 (pagesize 1)", "i32", 5_000, 5, 4_000),
    ];
    let describe = |(memory, address, len, data_bytes, at): (&str, &str, usize, usize, usize)| {
        let mut expected = vec![0; len];
        expected[at..at + data_bytes].copy_from_slice(&data(data_bytes));
        let text: String = data(data_bytes).iter().map(|byte| format!("\\{byte:02x}")).collect();
        let segment = if data_bytes == 0 { String::new() } else { format!("(data ({address}.const {at}) \"{text}\")") };
        let text = format!(
            r#"(module
                (memory (export "memory") {memory})
                {segment}
                (table (export "table") 50 100 funcref)
                (elem (i32.const 7) func $grow)
                (global (export "global") (mut i64) (i64.const 5))
                (func $grow (export "grow") (param {address}) (result {address}) (memory.grow (local.get 0)))
                (func (export "fill") (param {address} i32 {address})
                    (memory.fill (local.get 0) (local.get 1) (local.get 2))
                    (table.fill (i32.const 0) (ref.func $grow) (i32.const 50))
                    (drop (table.grow (ref.func $grow) (i32.const 20)))
                    (global.set 0 (i64.const -1))))"#
        );
        (module(engine, &text), expected)
    };
    kinds.into_iter().map(describe).collect()
}

fn word(memory: &[u8], value: usize, is_64: bool) -> Val {
    debug_assert!(memory.len() <= 1 << 30);
    if is_64 { Val::I64(value as i64) } else { Val::I32(value as i32) }
}

/// Makes an instance, sees that it is as its module says, and writes all over it.
fn check_and_spoil(isolate: &mut Isolate, module: &Module, expected: &[u8], random: &mut Random) {
    isolate.root_scope(|isolate| {
        let instance = Instance::new(&mut *isolate, module, &[]).expect("an instance");
        let memory = instance.get_memory(isolate, "memory").expect("a memory");
        assert!(memory.data(&*isolate).expect("own") == expected, "what the module says");
        let table = instance.get_table(isolate, "table").expect("a table");
        assert_eq!(table.ty(&*isolate).map(|ty| ty.min), Some(50));
        for index in 0..50 {
            let is_null = matches!(table.get(&mut *isolate, index), Some(Val::FuncRef(None)));
            assert_eq!(is_null, index != 7, "element {index}");
        }
        let global = instance.get_global(isolate, "global").expect("a global");
        assert_eq!(global.get(&mut *isolate), Some(Val::I64(5)));
        let is_64 = memory.ty(&*isolate).expect("a type").memory64;
        let page_bytes = memory.ty(&*isolate).expect("a type").page_bytes() as usize;
        let pages = if page_bytes == 1 { [0, 1, 70_000] } else { [0, 1, 5] }[random.below(3)];
        let grow = instance.get_func(isolate, "grow").expect("a function");
        let old = grow.call(&mut *isolate, &[word(expected, pages, is_64)]).expect("grown")[0];
        assert_eq!(old, word(expected, expected.len() / page_bytes, is_64));
        let bytes = memory.data(&*isolate).expect("own");
        assert_eq!(bytes.len(), expected.len() + pages * page_bytes);
        assert!(bytes[expected.len()..].iter().all(|&byte| byte == 0), "grown memory is zero");
        // All of it, or a few bytes of it.
        let (from, count) = if random.below(2) == 0 {
            (0, bytes.len())
        } else {
            let from = random.below(bytes.len() + 1);
            (from, random.below((bytes.len() - from).min(9_000) + 1))
        };
        let fill = instance.get_func(isolate, "fill").expect("a function");
        let args = [word(expected, from, is_64), Val::I32(0xee), word(expected, count, is_64)];
        fill.call(&mut *isolate, &args).expect("filled");
    });
}

/// With guard pages, and with checks only.
fn engines() -> [WasmEngine; 2] {
    [engine(), engine_with(Config::default().with_memory_guards(false))]
}

#[test]
fn no_byte_of_an_instance_is_seen_by_a_later_one() {
    for engine in engines() {
        let modules = modules(&engine);
        let mut random = Random::new(1);
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        for round in 0..60 {
            for (module, expected) in &modules {
                check_and_spoil(&mut isolate, module, expected, &mut random);
            }
            isolate.collect_garbage();
            assert!(engine.spare_memory_count() >= modules.len(), "they are kept");
            if round % 8 == 0 {
                isolate = Isolate::new(&engine).expect("an isolate");
            }
        }
    }
}

#[test]
fn nor_on_other_threads() {
    for engine in engines() {
        let modules = modules(&engine);
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let (engine, modules) = (&engine, &modules);
                scope.spawn(move || {
                    let mut random = Random::new(thread + 10);
                    let mut isolate = Isolate::new(engine).expect("an isolate");
                    for _ in 0..150 {
                        let (module, expected) = &modules[random.below(modules.len())];
                        check_and_spoil(&mut isolate, module, expected, &mut random);
                        match random.below(10) {
                            0 => isolate = Isolate::new(engine).expect("an isolate"),
                            1 => isolate.collect_garbage(),
                            _ => {}
                        }
                    }
                });
            }
        });
    }
}

const ONE_PAGE: &str = r#"(module (memory (export "memory") 1))"#;

/// So many instances at once, all of which are gone afterwards.
fn crowd(isolate: &mut Isolate, module: &Module, count: usize) {
    isolate.root_scope(|isolate| {
        for _ in 0..count {
            Instance::new(&mut *isolate, module, &[]).expect("an instance");
        }
    });
    isolate.collect_garbage();
}

/// So many instances, one after the other, all of which are gone afterwards.
fn churn(isolate: &mut Isolate, module: &Module, count: usize) {
    for _ in 0..count {
        isolate.root_scope(|isolate| Instance::new(isolate, module, &[]).expect("an instance"));
    }
    isolate.collect_garbage();
}

#[test]
fn what_is_kept_is_bounded() {
    for (max, kept) in [(4, 4), (0, 0), (100, 100)] {
        let engine = engine_with(Config::default().with_spare_memories(max));
        let module = module(&engine, ONE_PAGE);
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        crowd(&mut isolate, &module, 150);
        assert_eq!(engine.spare_memory_count(), kept);
        // They serve another isolate, and come back.
        let mut other = Isolate::new(&engine).expect("an isolate");
        let instance = Instance::new(&mut other, &module, &[]).expect("an instance");
        assert_eq!(engine.spare_memory_count(), kept.saturating_sub(1));
        assert!(instance.get_memory(&mut other, "memory").is_some());
        drop(other);
        assert_eq!(engine.spare_memory_count(), kept);
        // The last isolate leaves few.
        drop(isolate);
        assert_eq!(engine.spare_memory_count(), kept.min(64));
        engine.release_spare_memories();
        assert_eq!(engine.spare_memory_count(), 0);
    }
}

/// However many are made, few are there at a time: each isolate looks for those that are gone before it takes many slots.
#[test]
fn one_after_the_other_takes_few_slots() {
    let engine = engine();
    let module = module(&engine, ONE_PAGE);
    let mut isolates = [(); 4].map(|()| Isolate::new(&engine).expect("an isolate"));
    std::thread::scope(|scope| {
        for isolate in &mut isolates {
            scope.spawn(|| churn(isolate, &module, 500));
        }
    });
    let kept = engine.spare_memory_count();
    assert!((1..=4 * 17).contains(&kept), "{kept} are kept");
}

/// Its first instance makes references one by one, the others copy them: both call the same functions, each with its own instance.
#[test]
fn every_instance_has_the_functions_of_its_table() {
    let funcs: String =
        (0..60).map(|index| format!("(func $f{index} (result i32) (i32.add (global.get $own) (i32.const {index})))")).collect();
    let names: String = (0..60).map(|index| format!(" $f{index}")).collect();
    let text = format!(
        r#"(module
            (import "" "host" (func $host (result i32)))
            (import "" "own" (global $own i32))
            (table (export "table") 100 funcref)
            (global (export "early") funcref (ref.func $f5))
            (elem (i32.const 3){names} $host $f7)
            (elem $passive func $f8 $f9)
            (elem declare func $lone)
            (func $lone (export "lone") (result i32) (i32.const 1000))
            (func (export "init") (table.init $passive (i32.const 80) (i32.const 0) (i32.const 2)))
            (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
            (func (export "is_lone") (result i32) (ref.is_null (ref.func $lone)))
            {funcs})"#
    );
    for engine in engines() {
        let module = module(&engine, &text);
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        let host = Func::wrap(&mut isolate, || 77).expect("a function");
        let mut gone = None;
        for round in 0..40 {
            isolate.root_scope(|isolate| {
                let ty = GlobalType { content: ValType::I32, mutable: false };
                let own = Global::new(&mut *isolate, ty, Val::I32(round * 100)).expect("a global");
                let imports = [Extern::Func(host), Extern::Global(own)];
                let instance = Instance::new(&mut *isolate, &module, &imports).expect("an instance");
                let call = instance.get_typed_func::<i32, i32>(&mut *isolate, "call").expect("a function");
                for index in 0..60 {
                    assert_eq!(call.call(&mut *isolate, 3 + index).expect("no trap"), round * 100 + index);
                }
                assert_eq!(call.call(&mut *isolate, 63).expect("no trap"), 77);
                let init = instance.get_typed_func::<(), ()>(&mut *isolate, "init").expect("a function");
                init.call(&mut *isolate, ()).expect("no trap");
                assert_eq!(call.call(&mut *isolate, 81).expect("no trap"), round * 100 + 9);
                for null in [0, 2, 65, 79, 82] {
                    assert!(call.call(&mut *isolate, null).is_err(), "element {null} is null");
                }
                // A function is the same however it is come by.
                let table = instance.get_table(&mut *isolate, "table").expect("a table");
                let Some(Val::FuncRef(Some(seventh))) = table.get(&mut *isolate, 10) else { panic!("a function") };
                let Some(Val::FuncRef(Some(again))) = table.get(&mut *isolate, 64) else { panic!("a function") };
                let Some(Val::FuncRef(Some(fifth))) = table.get(&mut *isolate, 8) else { panic!("a function") };
                let early = instance.get_global(&mut *isolate, "early").expect("a global").get(&mut *isolate);
                assert_eq!((again, early), (seventh, Some(Val::FuncRef(Some(fifth)))));
                if let Some(gone) = gone.replace(seventh) {
                    assert_ne!(gone, seventh);
                }
            });
            isolate.collect_garbage();
            let stale = gone.expect("set in each round").call(&mut isolate, &[]);
            assert!(matches!(stale, Err(CallError::Foreign)), "a handle of what is gone finds nothing: {stale:?}");
        }
    }
}

#[test]
fn what_was_not_needed_for_a_while_goes() {
    let engine = engine();
    let module = module(&engine, ONE_PAGE);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let many: Vec<Memory> = (0..100).map(|_| Memory::new(&mut isolate, one_page()).expect("a memory")).collect();
    assert_eq!(many.len(), 100);
    let mut others = Isolate::new(&engine).expect("an isolate");
    drop(isolate);
    assert_eq!(engine.spare_memory_count(), 100);
    // Two periods: in the first there were none before.
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        churn(&mut others, &module, 3);
    }
    assert!(engine.spare_memory_count() <= 6, "{} are left", engine.spare_memory_count());
}

fn one_page() -> MemoryType {
    MemoryType { min: 1, max: None, memory64: false, shared: false, page_size_log2: 16 }
}

#[test]
fn memories_with_an_image_go_with_their_module() {
    let engine = engine();
    let text = format!(r#"(module (memory (export "memory") 4) (data (i32.const 0) "{}"))"#, "x".repeat(100_000));
    let module = module(&engine, &text);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    churn(&mut isolate, &module, 5);
    let kept = engine.spare_memory_count();
    assert!(kept >= 1, "they are kept");
    // One that outlives its instance, and so perhaps the module.
    let memory = isolate.root_scope(|isolate| {
        let instance = Instance::new(&mut *isolate, &module, &[]).expect("an instance");
        instance.get_memory(isolate, "memory").expect("a memory");
        let holder = crate::support::module(&engine, r#"(module (import "" "m" (memory 1)) (export "m" (memory 0)))"#);
        let export = instance.get_export(isolate, "memory").expect("a memory");
        let holder = Instance::new(&mut *isolate, &holder, &[export]).expect("an instance");
        let func = holder.get_export(isolate, "m").expect("a memory");
        let Extern::Memory(memory) = func else { panic!("a memory") };
        memory.data(&*isolate).expect("own")[99_999]
    });
    assert_eq!(memory, b'x');
    drop(module);
    isolate.collect_garbage();
    assert_eq!(engine.live_module_count(), 0);
    assert!(engine.spare_memory_count() <= 1, "the first instance had a copy, and its memory may serve any other");
}

#[test]
fn what_is_shared_or_imported_or_has_moved_is_not_taken_from_its_owners() {
    for engine in engines() {
        let ty = MemoryType { min: 1, max: Some(2), memory64: false, shared: true, page_size_log2: 16 };
        let shared = SharedMemory::new(&engine, ty).expect("a memory");
        let mut linker = Linker::new(&engine);
        linker.define_shared("", "shared", &shared).expect("a name");
        let text = r#"(module (import "" "shared" (memory 1 2 shared)) (memory (export "own") 1)
            (func (export "grow") (result i32) (memory.grow 1 (i32.const 600))) (data (i32.const 0) "y"))"#;
        let module = module(&engine, text);
        let mut isolate = Isolate::new(&engine).expect("an isolate");
        for _ in 0..3 {
            isolate.root_scope(|isolate| {
                let instance = linker.instantiate(&mut *isolate, &module).expect("an instance");
                // Where there are no guards, it moves.
                let grow = instance.get_typed_func::<(), i32>(isolate, "grow").expect("a function");
                assert_eq!(grow.call(&mut *isolate, ()).expect("grown"), 1);
                let own = instance.get_memory(isolate, "own").expect("a memory");
                assert!(own.data(&*isolate).expect("own").iter().all(|&byte| byte == 0));
                own.data_mut(isolate).expect("own").fill(3);
            });
            isolate.collect_garbage();
        }
        let mut byte = [0];
        shared.read(0, &mut byte).expect("there");
        assert_eq!(byte, *b"y");
        // Of the isolate's host, imported: it stays while its handle is good.
        let memory = Memory::new(&mut isolate, one_page()).expect("a memory");
        memory.write(&mut isolate, 5, b"kept").expect("there");
        let importer = crate::support::module(&engine, r#"(module (import "" "m" (memory 1)))"#);
        isolate.root_scope(|isolate| Instance::new(isolate, &importer, &[Extern::Memory(memory)]).expect("an instance"));
        isolate.collect_garbage();
        assert_eq!(memory.data(&isolate).expect("there")[5..9], *b"kept");
    }
}

/// The image of a memory is there before its data segments are: who gets a function of an instance that fails in between sees zeros.
#[test]
fn an_instance_that_fails_in_the_middle_gives_its_memory_back_clean() {
    let engine = engine();
    let data = "x".repeat(100_000);
    let text = format!(
        r#"(module
            (import "" "table" (table 2 funcref))
            (import "" "fails" (global $at i32))
            (memory (export "memory") 3)
            (func $read (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func $write (param i32) (i32.store8 (local.get 0) (i32.const 7)))
            (elem (i32.const 0) func $read $write)
            (elem (global.get $at) func $read)
            (data (i32.const 0) "{data}"))"#
    );
    let module = module(&engine, &text);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let holder = crate::support::module(
        &engine,
        r#"(module (table (export "table") 2 funcref) (global (export "bad") i32 (i32.const 2)) (global (export "good") i32 (i32.const 0)))"#,
    );
    let holder = Instance::new(&mut isolate, &holder, &[]).expect("an instance");
    let [table, bad, good] = ["table", "bad", "good"].map(|name| holder.get_export(&mut isolate, name).expect("an export"));
    for _ in 0..20 {
        isolate.root_scope(|isolate| {
            let instance = Instance::new(&mut *isolate, &module, &[table, good]).expect("an instance");
            let memory = instance.get_memory(isolate, "memory").expect("a memory");
            assert!(memory.data(&*isolate).expect("own")[..100_000].iter().all(|&byte| byte == b'x'));
            assert!(memory.data(&*isolate).expect("own")[100_000..].iter().all(|&byte| byte == 0));
        });
        isolate.root_scope(|isolate| {
            let error = Instance::new(&mut *isolate, &module, &[table, bad]).expect_err("beyond the table");
            assert!(matches!(error, LinkError::Trap(trap) if trap.code() == TrapCode::TableOutOfBounds));
            let Extern::Table(table) = table else { panic!("a table") };
            let Some(Val::FuncRef(Some(read))) = table.get(&mut *isolate, 0) else { panic!("a function") };
            for address in [0, 50_000, 99_999, 100_000] {
                assert_eq!(read.call(&mut *isolate, &[Val::I32(address)]).expect("a byte"), [Val::I32(0)], "{address}");
            }
            let Some(Val::FuncRef(Some(write))) = table.get(&mut *isolate, 1) else { panic!("a function") };
            write.call(&mut *isolate, &[Val::I32(123)]).expect("written");
            table.set(&mut *isolate, 0, Val::FuncRef(None)).expect("set");
            table.set(&mut *isolate, 1, Val::FuncRef(None)).expect("set");
        });
        isolate.collect_garbage();
    }
    // A start function that writes, and traps.
    let traps = crate::support::module(
        &engine,
        r#"(module (memory (export "memory") 1)
            (func $start (memory.fill (i32.const 0) (i32.const 9) (i32.const 65536)) unreachable) (start $start))"#,
    );
    let plain = crate::support::module(&engine, ONE_PAGE);
    for _ in 0..10 {
        Instance::new(&mut isolate, &traps, &[]).expect_err("a trap");
        isolate.collect_garbage();
        isolate.root_scope(|isolate| {
            let instance = Instance::new(&mut *isolate, &plain, &[]).expect("an instance");
            let memory = instance.get_memory(isolate, "memory").expect("a memory");
            assert!(memory.data(&*isolate).expect("own").iter().all(|&byte| byte == 0));
        });
    }
}

/// Address space of this process, in GiB.
fn address_space_gib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("what the system says of this process");
    statm.split(' ').next().and_then(|pages| pages.parse::<usize>().ok()).expect("a number of pages") >> 18
}

/// Runs the rest of a test in a process of its own, where nobody else maps anything; false in the parent.
fn is_alone(name: &str) -> bool {
    const CHILD: &str = "DELTIC_TEST_ALONE";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let child = Command::new(std::env::current_exe().expect("a path")).args(["--exact", name]).env(CHILD, "1").output();
    let child = child.expect("a process");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    false
}

#[test]
fn address_space_is_given_back_with_the_engine() {
    if !is_alone("instances::address_space_is_given_back_with_the_engine") {
        return;
    }
    let before = address_space_gib();
    let engine = engine();
    let module = module(&engine, ONE_PAGE);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    crowd(&mut isolate, &module, 50);
    assert!(address_space_gib() >= before + 4 * engine.spare_memory_count());
    assert_eq!(engine.spare_memory_count(), 50);
    drop((isolate, module, engine));
    assert!(address_space_gib() <= before + 3, "{before} GiB before, {} at the end", address_space_gib());
}

#[test]
fn spare_memory_makes_room_when_address_space_is_short() {
    if !is_alone("instances::spare_memory_makes_room_when_address_space_is_short") {
        return;
    }
    let engine = engine();
    let small = module(&engine, ONE_PAGE);
    let large = module(&engine, r#"(module (memory (export "memory") 2))"#);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let limit = libc::rlimit { rlim_cur: (address_space_gib() as u64 + 20) << 30, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit is a value of this test's.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    for _ in 0..5 {
        for module in [&small, &large] {
            let made: Vec<Instance> = isolate.root_scope(|isolate| {
                (0..4).map(|_| Instance::new(&mut *isolate, module, &[]).expect("room for four with guards")).collect()
            });
            assert_eq!(made.len(), 4);
            isolate.collect_garbage();
        }
    }
}

/// A module that imports one of everything.
const IMPORTER: &str = r#"(module
    (import "host" "add" (func $add (param i32) (result i32)))
    (import "other" "table" (table 1 funcref))
    (import "other" "memory" (memory 1))
    (import "other" "global" (global $global (mut i32)))
    (import "other" "tag" (tag (param i32)))
    (memory (export "own") 1)
    (global $own (mut i32) (i32.const 0))
    (func (export "run") (result i32)
        (global.set $own (i32.add (global.get $own) (i32.const 1)))
        (global.set $global (i32.add (global.get $global) (i32.const 1)))
        (i32.store (i32.const 8) (call $add (i32.load (i32.const 8))))
        (i32.add (i32.mul (global.get $own) (i32.const 1000)) (i32.load (i32.const 8)))))"#;
const OTHER: &str = r#"(module
    (table (export "table") 1 funcref) (memory (export "memory") 1) (tag (export "tag") (param i32))
    (global (export "global") (mut i32) (i32.const 0)))"#;

fn linker_with_other(engine: &WasmEngine, isolate: &mut Isolate) -> Linker {
    let other = module(engine, OTHER);
    let mut linker = Linker::new(engine);
    linker.func_wrap("host", "add", |x: i32| x + 3).expect("a name");
    let other = linker.instantiate(&mut *isolate, &other).expect("an instance");
    linker.instance(isolate, "other", other);
    linker
}

#[test]
fn a_prepared_module_makes_instances_like_a_linker() {
    let engine = engine();
    let importer = module(&engine, IMPORTER);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let linker = linker_with_other(&engine, &mut isolate);
    let pre = linker.instantiate_pre(&mut isolate, &importer).expect("definitions that fit");
    assert!(pre.module().is_same(&importer));
    assert_eq!(pre.imports().len(), 5);
    let Extern::Memory(memory) = pre.imports()[2] else { panic!("a memory") };
    let Extern::Table(table) = pre.imports()[1] else { panic!("a table") };
    let Extern::Global(global) = pre.imports()[3] else { panic!("a global") };
    for round in 1..=300 {
        let result = isolate.root_scope(|isolate| {
            let instance = pre.instantiate(&mut *isolate).expect("an instance");
            instance.get_typed_func::<(), i32>(isolate, "run").expect("a function").call(isolate, ()).expect("a call")
        });
        assert_eq!(result, 1000 + 3 * round);
        // What has grown fits as it did.
        if round == 100 {
            memory.grow(&mut isolate, 1).expect("grown");
            table.grow(&mut isolate, 1, Val::FuncRef(None)).expect("grown");
        }
    }
    assert_eq!(global.get(&mut isolate), Some(Val::I32(300)));
    // It goes where its isolate goes.
    let result = std::thread::spawn(move || {
        let instance = pre.clone().instantiate(&mut isolate).expect("an instance");
        let run = instance.get_typed_func::<(), i32>(&mut isolate, "run").expect("a function");
        run.call(&mut isolate, ()).expect("a call")
    });
    assert_eq!(result.join().expect("no panic"), 1903);
}

#[test]
fn a_prepared_module_is_good_for_its_isolate_and_scope_only() {
    let engine = engine();
    let importer = module(&engine, IMPORTER);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let linker = linker_with_other(&engine, &mut isolate);
    let pre = linker.instantiate_pre(&mut isolate, &importer).expect("definitions that fit");
    let mut second = Isolate::new(&engine).expect("an isolate");
    let is_foreign = |result: Result<Instance, LinkError>| matches!(result, Err(LinkError::Foreign(_)));
    assert!(is_foreign(pre.instantiate(&mut second)));
    assert!(matches!(linker.instantiate_pre(&mut second, &importer), Err(LinkError::Foreign(_))));
    let elsewhere = crate::support::engine();
    let foreign = module(&elsewhere, "(module)");
    assert!(matches!(linker.instantiate_pre(&mut isolate, &foreign), Err(LinkError::Foreign(_))));
    // Its definitions were gone when their scope had ended.
    let in_scope = isolate.root_scope(|isolate| {
        let linker = linker_with_other(&engine, isolate);
        let pre = linker.instantiate_pre(&mut *isolate, &importer).expect("definitions that fit");
        assert!(pre.instantiate(&mut *isolate).is_ok());
        pre
    });
    isolate.collect_garbage();
    assert!(is_foreign(in_scope.instantiate(&mut isolate)));
    assert!(pre.instantiate(&mut isolate).is_ok(), "the other is as good as before");
}

#[test]
fn definitions_are_checked_when_a_module_is_prepared() {
    let engine = engine();
    let importer = module(&engine, r#"(module (import "host" "f" (func (param i32))) (import "host" "g" (func)))"#);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "f", |_: i64| {}).expect("a name");
    assert!(
        matches!(linker.instantiate_pre(&mut isolate, &importer), Err(LinkError::MissingImport { field, .. }) if field == "g")
    );
    linker.func_wrap("host", "g", || {}).expect("a name");
    let error = linker.instantiate_pre(&mut isolate, &importer).expect_err("another type");
    assert!(matches!(&error, LinkError::IncompatibleImport { field, .. } if field == "f"), "{error}");
    // What fails later than that fails at each instance, and nothing piles up.
    let traps = module(&engine, r#"(module (memory 1) (func $start unreachable) (start $start))"#);
    let pre = linker.instantiate_pre(&mut isolate, &traps).expect("definitions that fit");
    for _ in 0..300 {
        assert!(matches!(pre.instantiate(&mut isolate), Err(LinkError::Trap(_))));
    }
    assert!(isolate.instance_count() <= 130, "{} instances", isolate.instance_count());
}

#[test]
fn untyped_calls_of_one_type_nest() {
    let engine = engine();
    let text = r#"(module
        (import "host" "down" (func $down (param i32) (result i32)))
        (func (export "run") (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (local.get 0) (call $down (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0))))
        (func (export "float") (param f64 i32) (result f64) (f64.add (local.get 0) (f64.convert_i32_s (local.get 1)))))"#;
    let module = module(&engine, text);
    let mut linker = Linker::new(&engine);
    let down = |mut caller: deltic::Caller<'_>, x: i32| {
        let run = caller.get_export("run").ok_or("no export")?;
        let Extern::Func(run) = run else { return Err("no function".into()) };
        match run.call(&mut caller, &[Val::I32(x)])?[..] {
            [Val::I32(sum)] => Ok::<i32, deltic::HostError>(sum),
            _ => Err("no sum".into()),
        }
    };
    linker.func_wrap("host", "down", down).expect("a name");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = linker.instantiate(&mut isolate, &module).expect("an instance");
    let run = instance.get_func(&mut isolate, "run").expect("a function");
    let float = instance.get_func(&mut isolate, "float").expect("a function");
    for n in [0, 1, 5, 40] {
        assert_eq!(run.call(&mut isolate, &[Val::I32(n)]).expect("a sum"), [Val::I32(n * (n + 1) / 2)]);
        let added = float.call(&mut isolate, &[Val::F64(0.5f64.to_bits()), Val::I32(n)]).expect("a sum");
        assert_eq!(added, [Val::F64((f64::from(n) + 0.5).to_bits())]);
        isolate.collect_garbage();
    }
    assert!(matches!(run.call(&mut isolate, &[]), Err(CallError::Signature { .. })));
    assert!(matches!(run.call(&mut isolate, &[Val::I64(1)]), Err(CallError::Signature { .. })));
}

#[test]
fn tables_begin_anew() {
    let engine = engine();
    let text = r#"(module
        (type $value (func (result i32)))
        (table (export "table") 20 funcref)
        (elem (i32.const 3) func $three $four)
        (func $three (type $value) (i32.const 3))
        (func $four (type $value) (i32.const 4))
        (func (export "spoil") (table.fill (i32.const 0) (ref.func $four) (i32.const 20)))
        (func (export "call") (param i32) (result i32) (call_indirect (type $value) (local.get 0))))"#;
    let module = module(&engine, text);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut old: Option<(Table, deltic::Func)> = None;
    for _ in 0..100 {
        old = isolate.root_scope(|isolate| {
            if let Some((table, func)) = old {
                // Handles of an instance that is gone find nothing, whatever is there now.
                assert!(table.get(&mut *isolate, 3).is_none());
                assert!(matches!(func.call(&mut *isolate, &[]), Err(CallError::Foreign)));
            }
            let instance = Instance::new(&mut *isolate, &module, &[]).expect("an instance");
            let table = instance.get_table(isolate, "table").expect("a table");
            let call = instance.get_typed_func::<i32, i32>(isolate, "call").expect("a function");
            for index in 0..20 {
                match call.call(&mut *isolate, index) {
                    Ok(value) => assert!(value == index && (3..5).contains(&index)),
                    Err(_) => assert!(!(3..5).contains(&index), "element {index}"),
                }
            }
            instance.get_func(isolate, "spoil").expect("a function").call(&mut *isolate, &[]).expect("spoiled");
            let Some(Val::FuncRef(Some(func))) = table.get(isolate, 3) else { panic!("a function") };
            Some((table, func))
        });
        isolate.collect_garbage();
    }
}
