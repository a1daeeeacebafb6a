//! Linking: what fits an import, what does not, and what instances share.

use deltic::{
    Extern, Global, GlobalType, Instance, Isolate, LinkError, Linker, Memory, MemoryType, RefType, Table, TableType, TrapCode,
    Val, ValType,
};

use crate::support::{engine, instance, module};

const MEMORY: MemoryType = MemoryType { min: 1, max: Some(3), memory64: false, shared: false, page_size_log2: 16 };

#[test]
fn a_missing_import_names_all() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    for (text, wanted) in [
        ("(func (param i32 f64) (result i64))", "(func (param i32 f64) (result i64))"),
        ("(memory 1 2)", "(memory 1 2)"),
        ("(table 1 externref)", "(table 1 externref)"),
        ("(global (mut f32))", "(global (mut f32))"),
    ] {
        let module = module(&engine, &format!("(module (import \"from here\" \"this\" {text}))"));
        let error = Linker::new(&engine).instantiate(&mut isolate, &module).expect_err("nothing is defined");
        assert_eq!(error.to_string(), format!("unknown import: \"from here\" \"this\" wants {wanted}, nothing found"));
    }
}

#[test]
fn an_import_of_another_type_names_both() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    linker.func_wrap("m", "f", |_: i32| 1i64).expect("a definition");
    let memory = Memory::new(&mut isolate, MEMORY).expect("a memory");
    linker.define("m", "memory", Extern::Memory(memory)).expect("a definition");
    let mut error = |import: &str| {
        let module = module(&engine, &format!("(module {import})"));
        linker.instantiate(&mut isolate, &module).expect_err(import).to_string()
    };
    assert_eq!(
        error("(import \"m\" \"f\" (func (param i64)))"),
        "incompatible import type: \"m\" \"f\" wants (func (param i64)), found (func (param i32) (result i64))"
    );
    assert!(error("(import \"m\" \"memory\" (memory 2))").contains("wants (memory 2), found (memory 1 3)"));
    error("(import \"m\" \"memory\" (memory 1 2))");
    error("(import \"m\" \"memory\" (memory i64 1))");
    error("(import \"m\" \"memory\" (func))");
    error("(import \"m\" \"f\" (memory 1))");
    error("(import \"m\" \"f\" (global i32))");
}

#[test]
fn names_are_taken_once() {
    let engine = engine();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("m", "f", || {}).expect("a definition");
    let error = linker.func_wrap("m", "f", || {}).expect_err("twice");
    assert!(matches!(error, LinkError::Duplicate { .. }), "{error}");
    linker.func_wrap("m", "g", || {}).expect("another name");
}

#[test]
fn instances_share_what_they_import() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    let memory = Memory::new(&mut isolate, MEMORY).expect("a memory");
    let table = TableType { element: RefType::FUNC, min: 4, max: None, table64: false };
    let table = Table::new(&mut isolate, table, Val::FuncRef(None)).expect("a table");
    let ty = GlobalType { content: ValType::I64, mutable: true };
    let global = Global::new(&mut isolate, ty, Val::I64(40)).expect("a global");
    for (name, value) in [("memory", Extern::Memory(memory)), ("table", Extern::Table(table)), ("global", Extern::Global(global))]
    {
        linker.define("host", name, value).expect("a definition");
    }
    let imports = r#"(import "host" "memory" (memory 1)) (import "host" "table" (table 4 funcref))
        (import "host" "global" (global $g (mut i64)))"#;
    let writer = module(
        &engine,
        &format!(
            r#"(module {imports} (elem (i32.const 2) $two) (data (i32.const 100) "shared")
            (func $two (export "two") (result i64) (global.set $g (i64.add (global.get $g) (i64.const 2))) (global.get $g)))"#
        ),
    );
    linker.instantiate(&mut isolate, &writer).expect("an instance");
    let reader = module(
        &engine,
        &format!(
            r#"(module {imports} (func (export "call") (param i32) (result i64) (call_indirect (result i64) (local.get 0)))
            (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
        ),
    );
    let reader = linker.instantiate(&mut isolate, &reader).expect("an instance");
    let call = reader.get_typed_func::<i32, i64>(&mut isolate, "call").expect("a function");
    assert_eq!(call.call(&mut isolate, 2).expect("a call"), 42);
    assert_eq!(global.get(&mut isolate), Some(Val::I64(42)));
    let byte = reader.get_typed_func::<i32, i32>(&mut isolate, "byte").expect("a function");
    assert_eq!(byte.call(&mut isolate, 105).expect("a call"), i32::from(b'd'));
    assert_eq!(&memory.data(&isolate)[100..106], b"shared");
    // An imported function is the same function everywhere.
    assert_eq!(table.get(&mut isolate, 3), Some(Val::FuncRef(None)));
    let Some(Val::FuncRef(Some(func))) = table.get(&mut isolate, 2) else { panic!("no function") };
    assert_eq!(func.call(&mut isolate, &[]).expect("a call"), [Val::I64(44)]);
}

#[test]
fn an_instance_is_linked_by_its_exports() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    let library =
        module(&engine, r#"(module (func (export "double") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))"#);
    let library = linker.instantiate(&mut isolate, &library).expect("an instance");
    linker.instance(&mut isolate, "lib", library);
    let user = module(
        &engine,
        r#"(module (import "lib" "double" (func $double (param i32) (result i32))) (export "again" (func $double))
        (func (export "four") (param i32) (result i32) (call $double (call $double (local.get 0)))))"#,
    );
    let user = linker.instantiate(&mut isolate, &user).expect("an instance");
    let four = user.get_typed_func::<i32, i32>(&mut isolate, "four").expect("a function");
    assert_eq!(four.call(&mut isolate, 5).expect("a call"), 20);
    let (again, double) = (user.get_func(&mut isolate, "again"), library.get_func(&mut isolate, "double"));
    assert_eq!(again, double, "an imported function is exported as itself");
}

#[test]
fn an_active_segment_that_does_not_fit_is_a_trap_after_the_earlier_ones() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let memory = Memory::new(&mut isolate, MEMORY).expect("a memory");
    let mut linker = Linker::new(&engine);
    linker.define("host", "memory", Extern::Memory(memory)).expect("a definition");
    let bad = module(
        &engine,
        r#"(module (import "host" "memory" (memory 1)) (data (i32.const 0) "ok") (data (i32.const 65535) "no"))"#,
    );
    let error = linker.instantiate(&mut isolate, &bad).expect_err("the second segment does not fit");
    assert!(matches!(&error, LinkError::Trap(trap) if trap.code() == TrapCode::MemoryOutOfBounds), "{error}");
    assert_eq!(&memory.data(&isolate)[..2], b"ok");
    assert_eq!(memory.data(&isolate)[65535], 0);
}

#[test]
fn a_start_function_that_traps_fails_the_instantiation() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let module = module(&engine, "(module $m (func $start unreachable) (start $start))");
    let error = Linker::new(&engine).instantiate(&mut isolate, &module).expect_err("the start function traps");
    let LinkError::Trap(trap) = error else { panic!("{error}") };
    assert_eq!(trap.code(), TrapCode::Unreachable);
    assert_eq!(trap.frames()[0].func_name.as_deref(), Some("start"));
}

#[test]
fn stubs_trap_when_they_are_called() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut linker = Linker::new(&engine);
    linker.stub_missing_funcs(true);
    let text = r#"(module (import "a" "b" (func $b (result i32))) (func (export "f") (result i32) (call $b)))"#;
    let user = linker.instantiate(&mut isolate, &module(&engine, text)).expect("an instance");
    let f = user.get_typed_func::<(), i32>(&mut isolate, "f").expect("a function");
    let error = f.call(&mut isolate, ()).expect_err("a stub").to_string();
    assert!(error.contains("unknown import \"a\" \"b\" was called"), "{error}");
    let memory = module(&engine, r#"(module (import "a" "m" (memory 1)))"#);
    linker.instantiate(&mut isolate, &memory).expect_err("only functions have stubs");
}

#[test]
fn handles_of_another_isolate_are_refused() {
    let (mut one, first) =
        instance(r#"(module (func (export "f")) (memory (export "m") 1) (global (export "g") i32 (i32.const 1)))"#);
    let (mut two, _) = instance("(module)");
    let f = first.get_func(&mut one, "f").expect("a function");
    let m = first.get_memory(&mut one, "m").expect("a memory");
    let g = first.get_global(&mut one, "g").expect("a global");
    assert!(f.call(&mut two, &[]).is_err());
    assert!(m.data(&two).is_empty() && m.ty(&two).is_none());
    assert!(g.get(&mut two).is_none());
    assert!(first.get_export(&mut two, "f").is_none());
    assert_eq!(f.call(&mut one, &[]).expect("a call"), []);

    let engine = two.engine().clone();
    let module = module(&engine, r#"(module (import "x" "f" (func)))"#);
    let error = Instance::new(&mut two, &module, &[Extern::Func(f)]).expect_err("a function of another isolate");
    assert!(matches!(error, LinkError::Foreign(_)), "{error}");
    let error = Linker::new(one.engine()).instantiate(&mut one, &module).expect_err("a module of another engine");
    assert!(matches!(error, LinkError::Foreign(_) | LinkError::MissingImport { .. }), "{error}");
}
