//! Instances that nothing holds are freed, and what somebody holds is not.

use std::process::Command;

use deltic::{
    CallError, Caller, Config, Extern, Func, FuncType, HeapSettings, Instance, Isolate, Linker, Module, Val, WasmEngine,
};

use crate::support::Random;

/// Ways in which one instance holds another.
const LINKS: [&str; 6] = [
    // An imported function.
    r#"(module
        (import "" "link" (func $link (result i32)))
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "value") (result i32) (i32.add (global.get $id) (call $link))))"#,
    // A function in a table of its own.
    r#"(module
        (type $value (func (result i32)))
        (table $t (export "link") 1 funcref)
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "value") (result i32)
            (i32.add (global.get $id) (call_indirect $t (type $value) (i32.const 0)))))"#,
    // A function in a global.
    r#"(module
        (type $value (func (result i32)))
        (global $link (export "link") (mut (ref null $value)) (ref.null $value))
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "value") (result i32) (i32.add (global.get $id) (call_ref $value (global.get $link)))))"#,
    // A function in an object.
    r#"(module
        (type $value (func (result i32)))
        (type $box (struct (field (mut (ref null $value)))))
        (global $box (mut (ref null $box)) (ref.null $box))
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "link") (param $link (ref null $value)) (global.set $box (struct.new $box (local.get $link))))
        (func (export "value") (result i32)
            (i32.add (global.get $id) (call_ref $value (struct.get $box 0 (global.get $box))))))"#,
    // A global that lies in the other's context.
    r#"(module
        (import "" "link" (global $link (mut i32)))
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "value") (result i32) (i32.add (global.get $id) (global.get $link))))"#,
    // Nothing.
    r#"(module
        (global $id (export "id") (mut i32) (i32.const 0))
        (func (export "value") (result i32) (global.get $id)))"#,
];
const GLOBAL_LINK: usize = 4;
const NO_LINK: usize = 5;
const PLACES: usize = 8;

/// What the test knows of an instance.
struct Node {
    kind: usize,
    id: i32,
    link: usize,
}

fn value(nodes: &[Node], node: usize) -> i32 {
    let Node { kind, id, link } = nodes[node];
    id + match kind {
        NO_LINK => 0,
        GLOBAL_LINK => nodes[link].id,
        _ => value(nodes, link),
    }
}

fn mark(nodes: &[Node], node: usize, live: &mut [bool]) {
    if !std::mem::replace(&mut live[node], true) && nodes[node].kind != NO_LINK {
        mark(nodes, nodes[node].link, live);
    }
}

/// An instance with a link to the instance whose function is given.
fn link(isolate: &mut Isolate, module: &Module, kind: usize, id: i32, to: (Func, Instance)) -> Instance {
    let imports = match kind {
        0 => vec![Extern::Func(to.0)],
        GLOBAL_LINK => vec![to.1.get_export(isolate, "id").expect("an identity")],
        _ => Vec::new(),
    };
    let instance = Instance::new(&mut *isolate, module, &imports).expect("an instance");
    match kind {
        1 => instance.get_table(isolate, "link").expect("a table").set(&mut *isolate, 0, Val::FuncRef(Some(to.0))).expect("set"),
        2 => instance.get_global(isolate, "link").expect("a global").set(&mut *isolate, Val::FuncRef(Some(to.0))).expect("set"),
        3 => {
            let link = instance.get_func(isolate, "link").expect("a function");
            link.call(&mut *isolate, &[Val::FuncRef(Some(to.0))]).expect("linked");
        }
        _ => {}
    }
    instance.get_global(isolate, "id").expect("an identity").set(isolate, Val::I32(id)).expect("set");
    instance
}

/// Instances are linked at random and dropped at random; a model says which are alive.
fn links_at_random(config: &Config, rounds: usize, seed: u64) {
    let engine = WasmEngine::new(config).expect("an engine");
    let modules = LINKS.map(|text| Module::new(&engine, text).expect("a module"));
    let holder = Module::new(&engine, format!(r#"(module (table (export "places") {PLACES} funcref))"#)).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let holder = Instance::new(&mut isolate, &holder, &[]).expect("an instance");
    let places = holder.get_table(&mut isolate, "places").expect("a table");
    // The instance that the functions of a place belong to, as an object of the host cannot say it: by name.
    let mut nodes: Vec<Node> = Vec::new();
    let mut held = [None::<usize>; PLACES];
    let mut random = Random::new(seed);
    for round in 0..rounds {
        let (from, to) = (random.below(PLACES), random.below(PLACES));
        let kind = if held[from].is_some() { random.below(6) } else { NO_LINK };
        let id = round as i32;
        isolate.root_scope(|isolate| {
            let target = match places.get(&mut *isolate, from as u64) {
                // A global link asks for the instance: it is made anew and linked to its place in between.
                Some(Val::FuncRef(Some(func))) if kind != GLOBAL_LINK => Some((func, holder)),
                Some(Val::FuncRef(Some(func))) => {
                    let between = link(isolate, &modules[0], 0, -id, (func, holder));
                    let held_before = held[from].expect("a place that is taken");
                    nodes.push(Node { kind: 0, id: -id, link: held_before });
                    Some((func, between))
                }
                _ => None,
            };
            let linked = if kind == GLOBAL_LINK { nodes.len() - 1 } else { held[from].unwrap_or(0) };
            let instance = match target {
                Some(target) => link(isolate, &modules[kind], kind, id, target),
                None => {
                    let instance = Instance::new(&mut *isolate, &modules[NO_LINK], &[]).expect("an instance");
                    instance.get_global(isolate, "id").expect("an identity").set(&mut *isolate, Val::I32(id)).expect("set");
                    instance
                }
            };
            nodes.push(Node { kind, id, link: linked });
            let func = instance.get_func(isolate, "value").expect("a function");
            places.set(&mut *isolate, to as u64, Val::FuncRef(Some(func))).expect("set");
            held[to] = Some(nodes.len() - 1);
            if random.below(4) == 0 {
                let emptied = random.below(PLACES);
                places.set(isolate, emptied as u64, Val::FuncRef(None)).expect("set");
                held[emptied] = None;
            }
        });
        if round % 16 == 0 {
            isolate.collect_garbage();
            let mut live = vec![false; nodes.len()];
            held.iter().flatten().for_each(|&node| mark(&nodes, node, &mut live));
            assert_eq!(isolate.instance_count(), 1 + live.iter().filter(|&&live| live).count(), "round {round}, seed {seed}");
        }
        isolate.root_scope(|isolate| {
            for (place, held) in held.iter().enumerate() {
                let Some(Val::FuncRef(Some(func))) = places.get(&mut *isolate, place as u64) else {
                    assert!(held.is_none());
                    continue;
                };
                let found = func.call(&mut *isolate, &[]).expect("a value");
                assert_eq!(found, [Val::I32(value(&nodes, held.expect("held")))], "round {round}, seed {seed}");
            }
        });
    }
}

#[test]
fn what_instances_hold_of_each_other_stays_and_the_rest_goes() {
    for seed in 0..4 {
        links_at_random(&Config::default(), 200, seed);
    }
    let stressed = Config::default().with_heap(HeapSettings { stress: true, ..HeapSettings::default() });
    links_at_random(&stressed, 100, 5);
}

#[test]
fn a_stream_of_instances_does_not_pile_up() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let module = Module::new(
        &engine,
        r#"(module
            (type $pair (struct (field anyref) (field funcref)))
            (import "host" "tell" (func $tell (param i32)))
            (memory (export "memory") 1)
            (table (export "table") 4 funcref)
            (global (export "global") (mut anyref) (ref.null any))
            (tag (export "tag") (param i32))
            (elem (i32.const 0) func $run)
            (data (i32.const 0) "data")
            (func $run (export "run") (result i32)
                (global.set 0 (struct.new $pair (ref.i31 (i32.const 1)) (ref.func $run)))
                (call $tell (i32.const 7))
                (i32.load8_u (i32.const 0))))"#,
    )
    .expect("a module");
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "tell", |_: i32| {}).expect("a name");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    for _ in 0..2_000 {
        isolate.root_scope(|isolate| {
            let instance = linker.instantiate(&mut *isolate, &module).expect("an instance");
            let run = instance.get_typed_func::<(), i32>(isolate, "run").expect("a function");
            assert_eq!(run.call(&mut *isolate, ()).expect("a call"), i32::from(b'd'));
            assert_eq!(instance.exports(isolate).len(), 5);
        });
        assert!(isolate.instance_count() <= 130, "{} instances", isolate.instance_count());
    }
    isolate.collect_garbage();
    assert_eq!(isolate.instance_count(), 0);
}

/// Bytes of this process that are in memory.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("what the system says of this process");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number of pages") * 4096
}

/// In a process of its own, where nothing else takes memory.
#[test]
fn a_million_instances_take_the_memory_of_a_few() {
    const CHILD: &str = "DELTIC_TEST_MILLION_INSTANCES";
    const INSTANCES: usize = 1_000_000;
    if std::env::var_os(CHILD).is_none() {
        let name = "liveness::a_million_instances_take_the_memory_of_a_few";
        let child = Command::new(std::env::current_exe().expect("a path")).args(["--exact", name]).env(CHILD, "1").output();
        let child = child.expect("a process");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let text = r#"(module
        (type $value (func (result i32))) (type $cell (struct (field (ref $value))))
        (import "host" "one" (func $one (result i32)))
        (table 2 funcref) (global $cell (mut (ref null $cell)) (ref.null $cell)) (tag (param i32))
        (elem (i32.const 1) func $value)
        (func $value (export "value") (type $value)
            (global.set $cell (struct.new $cell (ref.func $value)))
            (call $one)))"#;
    let module = Module::new(&engine, text).expect("a module");
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "one", || 1).expect("a name");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let mut sum = 0;
    let mut early = 0;
    for nth in 0..INSTANCES {
        sum += isolate.root_scope(|isolate| {
            let instance = linker.instantiate(&mut *isolate, &module).expect("an instance");
            let value = instance.get_typed_func::<(), i32>(isolate, "value").expect("a function");
            value.call(isolate, ()).expect("a call") as usize
        });
        if nth == INSTANCES / 10 {
            early = resident_bytes();
        }
    }
    assert_eq!(sum, INSTANCES);
    let late = resident_bytes();
    assert!(late < early + (1 << 20), "{early} bytes after a tenth, {late} at the end");
}

#[test]
fn instances_that_were_not_made_whole_do_not_pile_up() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let traps = Module::new(&engine, "(module (func $start unreachable) (start $start))").expect("a module");
    let beyond = Module::new(&engine, r#"(module (memory 1) (data (i32.const 70000) "x"))"#).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    for _ in 0..500 {
        Instance::new(&mut isolate, &traps, &[]).expect_err("a trap");
        Instance::new(&mut isolate, &beyond, &[]).expect_err("a trap");
        assert!(isolate.instance_count() <= 130, "{} instances", isolate.instance_count());
    }
}

#[test]
fn an_instance_that_failed_lives_on_where_it_was_stored() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let holder = Module::new(&engine, r#"(module (table (export "table") 1 funcref))"#).expect("a module");
    let failing = Module::new(
        &engine,
        r#"(module
            (import "" "table" (table 1 funcref))
            (func $seven (result i32) i32.const 7)
            (func $start unreachable)
            (elem (i32.const 0) func $seven)
            (start $start))"#,
    )
    .expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let holder = Instance::new(&mut isolate, &holder, &[]).expect("an instance");
    let table = holder.get_table(&mut isolate, "table").expect("a table");
    Instance::new(&mut isolate, &failing, &[Extern::Table(table)]).expect_err("a trap");
    isolate.collect_garbage();
    assert_eq!(isolate.instance_count(), 2);
    let Some(Val::FuncRef(Some(seven))) = table.get(&mut isolate, 0) else { panic!("a function") };
    assert_eq!(seven.call(&mut isolate, &[]).expect("a call"), [Val::I32(7)]);
}

#[test]
fn handles_of_a_scope_that_has_ended_find_nothing() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let text = r#"(module
        (memory (export "memory") 1) (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 1))
        (tag (export "tag")) (func (export "func") (result i32) (i32.const 1)))"#;
    let module = Module::new(&engine, text).expect("a module");
    let importer = Module::new(&engine, r#"(module (import "" "func" (func (result i32))))"#).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let (instance, func, exports) = isolate.root_scope(|isolate| {
        let instance = Instance::new(&mut *isolate, &module, &[]).expect("an instance");
        let func = instance.get_typed_func::<(), i32>(isolate, "func").expect("a function");
        (instance, func, instance.exports(isolate))
    });
    assert_eq!(func.call(&mut isolate, ()).expect("not yet collected"), 1);
    isolate.collect_garbage();
    // The same positions again.
    Instance::new(&mut isolate, &module, &[]).expect("an instance");
    assert!(matches!(func.call(&mut isolate, ()), Err(CallError::Foreign)));
    assert!(instance.module(&isolate).is_none() && instance.exports(&mut isolate).is_empty());
    for (name, export) in exports {
        let is_gone = match export {
            Extern::Func(func) => func.ty(&isolate).is_none() && func.call(&mut isolate, &[]).is_err(),
            Extern::Memory(memory) => memory.data(&isolate).is_none() && memory.grow(&mut isolate, 1).is_err(),
            Extern::Table(table) => table.ty(&isolate).is_none() && table.grow(&mut isolate, 1, Val::FuncRef(None)).is_err(),
            Extern::Global(global) => global.get(&mut isolate).is_none(),
            Extern::Tag(tag) => tag.ty(&isolate).is_none(),
        };
        assert!(is_gone, "{name}");
        if let Extern::Func(_) = export {
            let error = Instance::new(&mut isolate, &importer, &[export]).expect_err("a handle that is gone");
            assert!(error.to_string().contains("a scope that has ended"), "{error}");
        }
    }
}

#[test]
fn a_host_function_collects_while_guests_wait() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    // The function that the guest holds is in its frame only while the host collects.
    let guest = r#"(module
        (type $value (func (result i32)))
        (import "host" "next" (func $next (result funcref)))
        (import "host" "churn" (func $churn))
        (func (export "run") (param $rounds i32) (result i32)
            (local $sum i32) (local $held funcref)
            (loop $again
                (local.set $held (call $next))
                (call $churn)
                (local.set $sum (i32.add (local.get $sum) (call_ref $value (ref.cast (ref $value) (local.get $held)))))
                (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
                (br_if $again (local.get $rounds)))
            (local.get $sum))
        ;; What is kept of the function across calls may be anything that its number leads to.
        (func (export "hold") (param $rounds i32) (result i32)
            (local $sum i32) (local $held (ref null $value))
            (local.set $held (ref.cast (ref $value) (call $next)))
            (loop $again
                (local.set $sum (i32.add (local.get $sum) (call_ref $value (local.get $held))))
                (call $churn)
                (local.set $sum (i32.add (local.get $sum) (call_ref $value (local.get $held))))
                (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
                (br_if $again (local.get $rounds)))
            (local.get $sum)))"#;
    let guest = Module::new(&engine, guest).expect("a module");
    let small = Module::new(&engine, r#"(module (func (export "value") (result i32) (i32.const 3)))"#).expect("a module");
    let mut linker = Linker::new(&engine);
    let made = small.clone();
    linker
        .func_wrap("host", "next", move |mut caller: Caller<'_>| {
            let instance = Instance::new(&mut caller, &made, &[])?;
            Ok::<_, deltic::HostError>(instance.get_func(&mut caller, "value"))
        })
        .expect("a name");
    linker
        .func_wrap("host", "churn", move |mut caller: Caller<'_>| {
            for _ in 0..70 {
                Instance::new(&mut caller, &small, &[])?;
            }
            Ok::<_, deltic::HostError>(())
        })
        .expect("a name");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = linker.instantiate(&mut isolate, &guest).expect("an instance");
    let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
    assert_eq!(run.call(&mut isolate, 100).expect("a call"), 300);
    let hold = instance.get_typed_func::<i32, i32>(&mut isolate, "hold").expect("a function");
    assert_eq!(hold.call(&mut isolate, 100).expect("a call"), 600);
    assert!(isolate.instance_count() < 1_000, "{} instances", isolate.instance_count());
}

#[test]
fn who_called_the_host_last_stays_after_a_tail_call() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let text = r#"(module
        (import "host" "collect" (func $collect (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "x")
        (func (export "run") (result i32) (return_call $collect)))"#;
    let (caller, small) = (Module::new(&engine, text).expect("a module"), Module::new(&engine, "(module)").expect("a module"));
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("host", "collect", move |mut caller: Caller<'_>| {
            for _ in 0..70 {
                Instance::new(&mut caller, &small, &[])?;
            }
            let memory = caller.memory().ok_or("no memory")?;
            Ok::<_, deltic::HostError>(i32::from(memory.data(&caller).ok_or("freed")?[0]))
        })
        .expect("a name");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let run = isolate.root_scope(|isolate| {
        let instance = linker.instantiate(&mut *isolate, &caller).expect("an instance");
        instance.get_typed_func::<(), i32>(isolate, "run").expect("a function")
    });
    assert_eq!(run.call(&mut isolate, ()).expect("a call"), i32::from(b'x'));
}

#[test]
fn an_exception_keeps_its_tag_and_not_its_instance() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let holder = Module::new(&engine, r#"(module (global (export "global") (mut exnref) (ref.null exn)))"#).expect("a module");
    let text = r#"(module
        (tag $tag (export "tag") (param i32))
        (func (export "throw") (throw $tag (i32.const 5)))
        (func (export "catches") (param $exception exnref) (result i32)
            (block $mine (result i32)
                (block $others
                    (try_table (catch $tag $mine) (catch_all $others) (throw_ref (local.get $exception))))
                (i32.const -1))))"#;
    let thrower = Module::new(&engine, text).expect("a module");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let holder = Instance::new(&mut isolate, &holder, &[]).expect("an instance");
    let global = holder.get_global(&mut isolate, "global").expect("a global");
    isolate.root_scope(|isolate| {
        let instance = Instance::new(&mut *isolate, &thrower, &[]).expect("an instance");
        let throw = instance.get_func(isolate, "throw").expect("a function");
        let Err(CallError::Trap(trap)) = throw.call(&mut *isolate, &[]) else { panic!("an exception") };
        global.set(isolate, Val::ExnRef(trap.exception())).expect("set");
    });
    isolate.collect_garbage();
    assert_eq!(isolate.instance_count(), 1);
    let Some(Val::ExnRef(Some(exception))) = global.get(&mut isolate) else { panic!("an exception") };
    assert_eq!(exception.payload(&mut isolate), Some(vec![Val::I32(5)]));
    let tag = exception.tag(&mut isolate).expect("a tag");
    assert_eq!(tag.ty(&isolate), Some(FuncType::new([deltic::ValType::I32], [])));
    // A new instance's tag is another, wherever it is kept.
    let other = Instance::new(&mut isolate, &thrower, &[]).expect("an instance");
    let catches = other.get_func(&mut isolate, "catches").expect("a function");
    assert_eq!(catches.call(&mut isolate, &[Val::ExnRef(Some(exception))]).expect("a call"), [Val::I32(-1)]);
}

#[test]
fn modules_come_and_go_with_their_instances() {
    let engine = WasmEngine::new(&Config::default()).expect("an engine");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    for round in 0..300 {
        isolate.root_scope(|isolate| {
            let text = format!(r#"(module (func (export "value") (result i32) (i32.const {round})))"#);
            let module = Module::new(&engine, text).expect("a module");
            let instance = Instance::new(&mut *isolate, &module, &[]).expect("an instance");
            let value = instance.get_typed_func::<(), i32>(isolate, "value").expect("a function");
            assert_eq!(value.call(isolate, ()).expect("a call"), round);
        });
    }
    isolate.collect_garbage();
    assert_eq!((isolate.instance_count(), engine.live_module_count()), (0, 0));
}
