//! Typed references at the boundary: what hosts may pass, give and link, and what becomes of a module's types.

use deltic::{
    AnyRef, CallError, Config, Extern, ExternRef, Features, Func, FuncType, Global, GlobalType, HeapType, Instance, Isolate,
    Linker, Module, RefType, Strategy, Table, TableType, Val, ValType,
};

use crate::support::{engine, engine_with, instance, module};

/// A module with a recursion group of two function types, and functions that take and give references to the first.
const LIBRARY: &str = r#"(module
    (rec (type $f (sub (func (param i32) (result i32)))) (type $g (func (result (ref $f)))))
    (type $plain (func (param i32) (result i32)))
    (func $double (export "double") (type $f) (i32.mul (local.get 0) (i32.const 2)))
    (func $plain (export "plain") (type $plain) (local.get 0))
    (func (export "call") (param (ref null $f) i32) (result i32) (call_ref $f (local.get 1) (local.get 0)))
    (func (export "get") (type $g) (ref.func $double))
    (global (export "global") (mut (ref null $f)) (ref.null $f))
    (table (export "table") 2 (ref null $f)))"#;

fn func(isolate: &mut Isolate, instance: Instance, name: &str) -> Func {
    instance.get_func(isolate, name).expect("an export")
}

#[test]
fn references_are_looked_at_when_they_come_in() {
    let (mut isolate, instance) = instance(LIBRARY);
    let [call, double, plain] = ["call", "double", "plain"].map(|name| func(&mut isolate, instance, name));
    let args = |value| [value, Val::I32(4)];
    assert_eq!(call.call(&mut isolate, &args(Val::FuncRef(Some(double)))).expect("it fits"), [Val::I32(8)]);
    let error = call.call(&mut isolate, &args(Val::FuncRef(Some(plain)))).expect_err("of another type");
    assert!(matches!(error, CallError::Signature { .. }), "{error}");
    let error = call.call(&mut isolate, &args(Val::FuncRef(None))).expect_err("null");
    assert!(matches!(&error, CallError::Trap(trap) if trap.code().message() == "null function reference"), "{error}");
    call.call(&mut isolate, &args(Val::ExternRef(None))).expect_err("null of another kind");

    let global = instance.get_global(&mut isolate, "global").expect("an export");
    global.set(&mut isolate, Val::FuncRef(Some(plain))).expect_err("of another type");
    global.set(&mut isolate, Val::FuncRef(Some(double))).expect("it fits");
    assert_eq!(global.get(&mut isolate), Some(Val::FuncRef(Some(double))));
    let table = instance.get_table(&mut isolate, "table").expect("an export");
    table.set(&mut isolate, 1, Val::FuncRef(Some(plain))).expect_err("of another type");
    table.set(&mut isolate, 1, Val::FuncRef(Some(double))).expect("it fits");
    table.grow(&mut isolate, 1, Val::AnyRef(None)).expect_err("null of another kind");
    table.grow(&mut isolate, 1, Val::FuncRef(None)).expect("it fits");
    assert_eq!(table.get(&mut isolate, 2), Some(Val::FuncRef(None)));
}

#[test]
fn typed_calls_take_what_is_more_special() {
    let (mut isolate, instance) = instance(LIBRARY);
    let get = instance.get_typed_func::<(), Option<Func>>(&mut isolate, "get").expect("a reference is a funcref");
    let double = get.call(&mut isolate, ()).expect("a result").expect("not null");
    assert_eq!(double.typed::<i32, i32>(&isolate).expect("it fits").call(&mut isolate, 21).expect("a result"), 42);
    // Not every funcref is one of them.
    let error = instance.get_typed_func::<(Option<Func>, i32), i32>(&mut isolate, "call").expect_err("a parameter");
    assert!(error.to_string().contains("(ref null $t"), "{error}");
}

#[test]
fn a_host_function_can_be_of_a_type_of_a_module() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let library = module(&engine, LIBRARY);
    let exporter = Instance::new(&mut isolate, &library, &[]).expect("no imports");
    let user = module(
        &engine,
        r#"(module (rec (type $f (sub (func (param i32) (result i32)))) (type $g (func (result (ref $f)))))
            (import "host" "f" (func $f (type $f))) (import "host" "g" (func $g (type $g)))
            (elem declare func $f)
            (func (export "host") (result i32) (call_ref $f (i32.const 1) (ref.func $f)))
            (func (export "given") (result i32) (call_ref $f (i32.const 1) (call $g))))"#,
    );
    let types = [0, 1].map(|index| user.canonical_types().handle(deltic::base::TypeIndex::from_u32(index)).expect("a type"));
    let [f, g] = types;
    let plain = Func::wrap(&mut isolate, |x: i32| x).expect("a function");
    let host = Func::of_type(&mut isolate, &f, |_, args| Ok(vec![args[0], Val::I32(0)][..1].to_vec())).expect("a function");
    let double = func(&mut isolate, exporter, "double");
    let giver = |value: Func| move |_: deltic::Caller<'_>, _: &[Val]| Ok(vec![Val::FuncRef(Some(value))]);
    let good = Func::of_type(&mut isolate, &g, giver(double)).expect("a function");
    let bad = Func::of_type(&mut isolate, &g, giver(plain)).expect("a function");

    let instance = Instance::new(&mut isolate, &user, &[Extern::Func(host), Extern::Func(good)]).expect("it links");
    let call = |isolate: &mut Isolate, instance: Instance, name| func(isolate, instance, name).call(isolate, &[]);
    assert_eq!(call(&mut isolate, instance, "host").expect("a result"), [Val::I32(1)]);
    assert_eq!(call(&mut isolate, instance, "given").expect("a result"), [Val::I32(2)]);
    let instance = Instance::new(&mut isolate, &user, &[Extern::Func(host), Extern::Func(bad)]).expect("it links");
    call(&mut isolate, instance, "given").expect_err("the host gives a function of another type");

    let error = Instance::new(&mut isolate, &user, &[Extern::Func(plain), Extern::Func(good)]).expect_err("of another type");
    let text = error.to_string();
    assert!(text.contains("wants (sub (func (param i32) (result i32))), found (func (param i32) (result i32))"), "{text}");
    let mut stubs = Linker::new(&engine);
    stubs.stub_missing_funcs(true).instantiate(&mut isolate, &user).expect("stubs are of the type that is asked for");
}

#[test]
fn imports_may_be_subtypes_where_nothing_is_written() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let text = r#"(module (type $f (func)) (func $f (type $f)) (global (export "const") (ref $f) (ref.func $f))
        (global (export "var") (mut (ref null $f)) (ref.null $f)) (table (export "table") 1 (ref null $f)))"#;
    let exporter = Instance::new(&mut isolate, &module(&engine, text), &[]).expect("no imports");
    let mut linker = Linker::new(&engine);
    linker.instance(&mut isolate, "m", exporter);
    let mut link = |import: &str| {
        let module = module(&engine, &format!("(module (type $f (func)) (type $g (func (param i32))) (import \"m\" {import}))"));
        linker.instantiate(&mut isolate, &module).map(drop).map_err(|error| error.to_string())
    };
    for import in ["\"const\" (global (ref $f))", "\"const\" (global (ref null $f))", "\"const\" (global funcref)"] {
        assert_eq!(link(import), Ok(()), "{import}");
    }
    for import in ["\"var\" (global (mut (ref null $f)))", "\"table\" (table 1 (ref null $f))"] {
        assert_eq!(link(import), Ok(()), "{import}");
    }
    for import in [
        "\"const\" (global (ref $g))",
        "\"const\" (global (mut (ref $f)))",
        "\"var\" (global (mut funcref))",
        "\"var\" (global (ref null $f))",
        "\"table\" (table 1 funcref)",
    ] {
        link(import).expect_err(import);
    }
    let error = link("\"const\" (global (ref $g))").expect_err("of another type");
    assert!(error.contains("is (func (param i32)), found (global (ref $t") && error.ends_with("is (func)"), "{error}");
}

#[test]
fn types_go_with_modules_and_isolates() {
    let engine = engine();
    let library = module(&engine, LIBRARY);
    let heap = library.canonical_types().handle(deltic::base::TypeIndex::from_u32(0)).expect("a type").heap();
    let element = RefType::nullable(heap);
    let (table, global) =
        (TableType { element, min: 1, max: None, table64: false }, GlobalType { content: ValType::Ref(element), mutable: true });
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    Table::new(&mut isolate, table, Val::FuncRef(None)).expect("a table");
    Global::new(&mut isolate, global, Val::FuncRef(None)).expect("a global");
    assert_eq!(engine.types().len(), 4);
    drop(library);
    assert_eq!(engine.types().len(), 2, "the isolate keeps the group that it needs");
    drop(isolate);
    assert!(engine.types().is_empty());
    // What is left is the name of nothing.
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    Table::new(&mut isolate, table, Val::FuncRef(None)).expect_err("the type is gone");
    Global::new(&mut isolate, global, Val::FuncRef(None)).expect_err("the type is gone");
    let ty = FuncType::new([ValType::Ref(element)], []);
    Func::new(&mut isolate, ty, |_, _| Ok(vec![])).expect_err("the type is gone");
    let foreign = FuncType::new(
        [ValType::Ref(RefType::nullable(HeapType::Concrete(deltic::CompositeKind::Func, deltic::base::TypeIndex::from_u32(0))))],
        [],
    );
    Func::new(&mut isolate, foreign, |_, _| Ok(vec![])).expect_err("an index of no module");
}

#[test]
fn nulls_of_every_kind_come_out() {
    let (mut isolate, instance) = instance(
        r#"(module (type $s (struct)) (type $f (func))
            (global (export "any") anyref (ref.null none)) (global (export "struct") (ref null $s) (ref.null $s))
            (global (export "func") (ref null $f) (ref.null nofunc)) (global (export "extern") externref (ref.null noextern)))"#,
    );
    for (name, null) in [
        ("any", Val::AnyRef(None)),
        ("struct", Val::AnyRef(None)),
        ("func", Val::FuncRef(None)),
        ("extern", Val::ExternRef(None)),
    ] {
        let global = instance.get_global(&mut isolate, name).expect("an export");
        assert_eq!(global.get(&mut isolate), Some(null), "{name}");
    }
}

#[test]
fn an_invalid_body_is_an_error_wherever_it_stands() {
    let engine = engine();
    let text = "(module (type $s (struct)) (func (drop (struct.new $s))) (func (result i32)))";
    let error = Module::new(&engine, text).expect_err("the second function is invalid");
    assert!(error.to_string().contains("type mismatch"), "{error}");
    let library =
        Module::new(&engine_with(Config::default().with_strategy(Strategy::AheadOfTime)), LIBRARY).expect("a valid module");
    assert!(library.compile_stats().detected.contains(Features::FUNCTION_REFERENCES));
}

#[test]
fn objects_are_looked_at_when_they_come_in() {
    let (mut isolate, instance) = instance(
        r#"(module
            (type $point (struct (field i32) (field (mut i8))))
            (type $numbers (array i64))
            (func (export "make") (result anyref) (struct.new $point (i32.const 7) (i32.const -1)))
            (func (export "list") (result anyref) (array.new_fixed $numbers 2 (i64.const 5) (i64.const 6)))
            (func (export "x") (param (ref null $point)) (result i32) (struct.get $point 0 (local.get 0)))
            (func (export "is") (param anyref) (result i32) (ref.test (ref $point) (local.get 0))))"#,
    );
    let [make, list, x, is] = ["make", "list", "x", "is"].map(|name| func(&mut isolate, instance, name));
    let made = |isolate: &mut Isolate, by: Func| match by.call(isolate, &[]).expect("room")[..] {
        [Val::AnyRef(Some(made))] => made,
        ref other => panic!("{other:?}"),
    };
    let (point, numbers) = (made(&mut isolate, make), made(&mut isolate, list));
    assert_eq!(point.field(&mut isolate, 0), Some(Val::I32(7)));
    assert_eq!((point.field(&mut isolate, 1), point.field(&mut isolate, 2)), (Some(Val::I32(255)), None));
    assert_eq!((numbers.array_len(&isolate), numbers.element(&mut isolate, 1)), (Some(2), Some(Val::I64(6))));
    assert_eq!((numbers.element(&mut isolate, 2), point.array_len(&isolate)), (None, None));
    assert_eq!(x.call(&mut isolate, &[Val::AnyRef(Some(point))]).expect("it fits"), [Val::I32(7)]);
    // Everything else is refused before the guest could take it for a point.
    let host = ExternRef::new(&mut isolate, 17_u8).expect("room").to_any(&mut isolate).expect("a reference");
    let number = AnyRef::from_i31(&mut isolate, -3);
    assert_eq!(number.as_i31(&isolate), Some(-3));
    for other in [numbers, host, number] {
        x.call(&mut isolate, &[Val::AnyRef(Some(other))]).expect_err("of another type");
        assert_eq!(is.call(&mut isolate, &[Val::AnyRef(Some(other))]).expect("any"), [Val::I32(0)]);
    }
    // A handle ends with its scope, and then finds nothing.
    let gone = isolate.root_scope(|isolate| made(isolate, make));
    assert_eq!(gone.ty(&isolate), None);
    x.call(&mut isolate, &[Val::AnyRef(Some(gone))]).expect_err("of an ended scope");
    isolate.collect_garbage();
    assert_eq!(x.call(&mut isolate, &[Val::AnyRef(Some(point))]).expect("it is still held"), [Val::I32(7)]);
}

#[test]
fn exact_types_are_looked_at_when_they_come_in() {
    let (mut isolate, instance) = instance(
        r#"(module
            (rec (type $base (sub (descriptor $base.d) (struct (field i32)))) (type $base.d (sub (describes $base) (struct (field i32)))))
            (rec (type $leaf (sub $base (descriptor $leaf.d) (struct (field i32)))) (type $leaf.d (sub $base.d (describes $leaf) (struct (field i32)))))
            (type $f (sub (func))) (type $g (sub $f (func)))
            (global (export "global") (mut (ref null (exact $base))) (ref.null none))
            (table (export "funcs") 1 (ref null (exact $f)))
            (func (export "f") (type $f)) (func (export "g") (type $g))
            (func (export "base") (result anyref) (struct.new_desc $base (i32.const 1) (struct.new $base.d (i32.const 3))))
            (func (export "leaf") (result anyref) (struct.new_desc $leaf (i32.const 2) (struct.new $leaf.d (i32.const 4))))
            (func (export "any") (param (ref null $base)) (result i32) (struct.get $base 0 (local.get 0)))
            (func (export "exact") (param (ref (exact $base))) (result i32) (struct.get $base 0 (local.get 0))))"#,
    );
    let [base, leaf, any, exact, f, g] =
        ["base", "leaf", "any", "exact", "f", "g"].map(|name| func(&mut isolate, instance, name));
    let [base, leaf] = [base, leaf].map(|maker| maker.call(&mut isolate, &[]).expect("room")[0]);
    assert_eq!(any.call(&mut isolate, &[base]).expect("it fits"), [Val::I32(1)]);
    assert_eq!(any.call(&mut isolate, &[leaf]).expect("it fits"), [Val::I32(2)]);
    assert_eq!(exact.call(&mut isolate, &[base]).expect("it fits"), [Val::I32(1)]);
    for (object, number) in [(base, 3), (leaf, 4)] {
        let Val::AnyRef(Some(object)) = object else { panic!("{object:?}") };
        let custom = object.custom_descriptor(&mut isolate).expect("it has one");
        assert_eq!(custom.field(&mut isolate, 0), Some(Val::I32(number)));
        assert_eq!((custom.custom_descriptor(&mut isolate), custom.ty(&isolate) == object.ty(&isolate)), (None, false));
    }
    let error = exact.call(&mut isolate, &[leaf]).expect_err("of a type that extends it");
    assert!(error.to_string().contains("(ref (exact $t"), "{error}");
    let global = instance.get_global(&mut isolate, "global").expect("an export");
    global.set(&mut isolate, leaf).expect_err("of a type that extends it");
    global.set(&mut isolate, base).expect("it fits");
    global.set(&mut isolate, Val::AnyRef(None)).expect("null fits");
    let table = instance.get_table(&mut isolate, "funcs").expect("an export");
    table.set(&mut isolate, 0, Val::FuncRef(Some(g))).expect_err("of a type that extends it");
    table.set(&mut isolate, 0, Val::FuncRef(Some(f))).expect("it fits");
}

#[test]
fn large_structures_have_descriptors_too() {
    // More than are born young, and more slots than the collector's bit sets have.
    let fields = "(field (mut i64))".repeat(3000);
    let (mut isolate, instance) = instance(&format!(
        r#"(module
            (rec (type $big (descriptor $d) (struct {fields} (field (ref null $d)))) (type $d (describes $big) (struct (field i32))))
            (global $big (mut (ref null $big)) (ref.null none))
            (func $keep (export "keep") (param i32)
                (global.set $big (struct.new_default_desc $big (struct.new $d (local.get 0)))))
            (func (export "name") (result i32) (struct.get $d 0 (ref.get_desc $big (global.get $big))))
            (func (export "is") (result i32)
                (local $x anyref) (local.set $x (global.get $big))
                (ref.eq (global.get $big)
                    (ref.cast_desc_eq (ref $big) (local.get $x) (ref.get_desc $big (global.get $big))))))"#
    ));
    let [keep, name, is] = ["keep", "name", "is"].map(|name| func(&mut isolate, instance, name));
    for number in 0..40 {
        keep.call(&mut isolate, &[Val::I32(number)]).expect("room");
        if number % 3 == 0 {
            isolate.collect_garbage();
        }
        assert_eq!(name.call(&mut isolate, &[]).expect("a name"), [Val::I32(number)]);
        assert_eq!(is.call(&mut isolate, &[]).expect("itself"), [Val::I32(1)]);
    }
    isolate.collect_garbage();
    assert_eq!(name.call(&mut isolate, &[]).expect("a name"), [Val::I32(39)]);
}
