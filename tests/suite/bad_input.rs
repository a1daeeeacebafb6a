//! Truncated, corrupt and hostile modules: an error with its place, or a limit; never a panic, an abort or memory without bound.

use std::process::Command;

use deltic::{
    CallError, CompileError, CompileErrorKind, Config, HeapSettings, Isolate, LinkError, Linker, Module, Strategy, Tier,
    WasmEngine,
};
use wasm_encoder as enc;

use crate::support::{Random, engine, engine_with, files_below, instance_with, root};

/// Modules to damage: the programs of `wat/`, in binary.
fn corpus() -> Vec<Vec<u8>> {
    let files = files_below(&root().join("wat"), &["wat"]);
    files.iter().map(|path| wat::parse_file(path).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// Any error has a place, and none is the engine's own.
#[track_caller]
fn check_error(error: &CompileError) {
    assert_ne!(error.kind, CompileErrorKind::EngineBug, "{error}");
    if error.kind == CompileErrorKind::Invalid {
        assert!(error.offset.is_some(), "{error}");
    }
}

fn load(engine: &WasmEngine, bytes: &[u8]) -> Result<Module, CompileError> {
    let result = Module::new(engine, bytes);
    if let Err(error) = &result {
        check_error(error);
        assert!(error.offset.is_none_or(|offset| offset <= bytes.len()), "{error} in {} bytes", bytes.len());
    }
    result
}

/// An engine that compiles what is called, and for each tier one that compiles everything.
struct Engines {
    lazy: WasmEngine,
    ahead: [WasmEngine; 2],
    /// Bytes of code that were made, by tier.
    native_bytes: [usize; 2],
}

const TIERS: [Tier; 2] = [Tier::Baseline, Tier::Optimized];

fn ahead_of_time(tier: Tier) -> Config {
    Config::default().with_strategy(Strategy::AheadOfTime).with_tier(tier)
}

impl Engines {
    fn new() -> Engines {
        Engines { lazy: engine(), ahead: TIERS.map(|tier| engine_with(ahead_of_time(tier))), native_bytes: [0; 2] }
    }

    /// Loads a module in each. What one finds invalid all do, in the same words; a compiler may have a limit of its own.
    #[track_caller]
    fn load(&mut self, bytes: &[u8]) -> Result<(), CompileError> {
        let valid = load(&self.lazy, bytes).map(drop);
        let mut result = valid.clone();
        for engine in &self.ahead {
            match (&valid, load(engine, bytes)) {
                (Ok(()), Ok(module)) => {
                    let made = module.compile_stats().published_by_tier;
                    self.native_bytes.iter_mut().zip(made).for_each(|(total, bytes)| *total += bytes);
                }
                (Ok(()), Err(error)) => {
                    assert_eq!(error.kind, CompileErrorKind::Limit, "{error}");
                    result = Err(error);
                }
                (Err(wanted), compiled) => assert_eq!(compiled.expect_err("an invalid module"), *wanted),
            }
        }
        result
    }
}

/// A module with one function of a type without parameters, made of these instructions.
fn module_of(locals: Vec<(u32, enc::ValType)>, body: impl FnOnce(&mut enc::Function)) -> Vec<u8> {
    let mut module = enc::Module::new();
    let mut types = enc::TypeSection::new();
    types.ty().function([], []);
    module.section(&types);
    let mut funcs = enc::FunctionSection::new();
    funcs.function(0);
    module.section(&funcs);
    let mut code = enc::CodeSection::new();
    let mut func = enc::Function::new(locals);
    body(&mut func);
    func.instruction(&enc::Instruction::End);
    code.function(&func);
    module.section(&code);
    module.finish()
}

fn repeat(func: &mut enc::Function, count: usize, instructions: &[enc::Instruction<'_>]) {
    for instruction in std::iter::repeat_n(instructions, count).flatten() {
        func.instruction(instruction);
    }
}

fn import_funcs(count: u32) -> Vec<u8> {
    let mut module = enc::Module::new();
    let mut types = enc::TypeSection::new();
    types.ty().function([], []);
    module.section(&types);
    let mut imports = enc::ImportSection::new();
    for _ in 0..count {
        imports.import("m", "f", enc::EntityType::Function(0));
    }
    module.section(&imports);
    module.finish()
}

#[test]
fn truncated_at_every_offset() {
    let mut engines = Engines::new();
    for bytes in corpus() {
        for len in 0..bytes.len() {
            // Cutting between sections may leave a valid module.
            if let Err(error) = Module::validate(&engines.lazy, &bytes[..len]) {
                check_error(&error);
            }
            if len % 16 == 0 {
                let _ = engines.load(&bytes[..len]);
            }
        }
    }
}

#[test]
fn corrupt_bytes() {
    let mut engines = Engines::new();
    let mut random = Random::new(1);
    for original in corpus() {
        for _ in 0..150 {
            let mut bytes = original.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = match random.below(4) {
                    0 => bytes[at] ^ (1 << random.below(8)),
                    1 => 0xff,
                    2 => 0,
                    _ => random.next() as u8,
                };
            }
            let _ = engines.load(&bytes);
        }
    }
    // Some of the damage leaves modules to compile.
    assert!(engines.native_bytes.iter().all(|&bytes| bytes > 100_000), "{:?}", engines.native_bytes);
}

#[test]
fn text_that_is_not_a_module() {
    let engine = engine();
    for text in ["(", "(module", "(module (func (call $x)))", ";; nothing", "(module \"\\", "(module (func (result i32)))"] {
        let error = load(&engine, text.as_bytes()).expect_err(text);
        assert!(matches!(error.kind, CompileErrorKind::Text | CompileErrorKind::Invalid), "{error}");
    }
    for bytes in [&b""[..], b"\0", b"\0asm", b"\0asm\x02\0\0\0", b"\x7fELF", b"\xff\xfe(module)"] {
        let error = load(&engine, bytes).expect_err("not a module");
        assert!(error.offset.is_some(), "{error}");
    }
    let nested = format!("(module (func {}{}))", "(block ".repeat(100_000), ")".repeat(100_000));
    // Either answer will do, as long as there is one.
    let _ = load(&engine, nested.as_bytes());
}

#[test]
fn counts_beyond_the_bytes() {
    let engine = engine();
    for section in [1u8, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13] {
        for count in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0x80, 0x80, 0x80, 0x80, 0x10], &[0xff, 0xff, 0x3f]] {
            let mut bytes = b"\0asm\x01\0\0\0".to_vec();
            bytes.extend([section, u8::try_from(count.len()).expect("short")]);
            bytes.extend(count);
            load(&engine, &bytes).expect_err("a count without items");
            bytes[9] = 0x7f;
            load(&engine, &bytes).expect_err("a section beyond the end");
        }
    }
}

#[test]
fn ten_thousand_nested_blocks() {
    let mut engines = Engines::new();
    let depth = 10_000;
    for block in [enc::Instruction::Block(enc::BlockType::Empty), enc::Instruction::Loop(enc::BlockType::Empty)] {
        let bytes = module_of(Vec::new(), |func| {
            repeat(func, depth, std::slice::from_ref(&block));
            repeat(func, depth, &[enc::Instruction::End]);
        });
        match engines.load(&bytes) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind, CompileErrorKind::Limit, "{error}"),
        }
    }
    let bytes = module_of(Vec::new(), |func| {
        repeat(func, depth, &[enc::Instruction::I32Const(1), enc::Instruction::If(enc::BlockType::Empty)]);
        repeat(func, depth, &[enc::Instruction::End]);
    });
    if let Err(error) = engines.load(&bytes) {
        assert_eq!(error.kind, CompileErrorKind::Limit, "{error}");
    }
}

#[test]
fn fifty_thousand_locals() {
    let mut engines = Engines::new();
    let nothing = |_: &mut enc::Function| {};
    engines.load(&module_of(vec![(50_000, enc::ValType::I64)], nothing)).expect("the limit itself is allowed");
    for locals in
        [vec![(50_001, enc::ValType::I32)], vec![(u32::MAX, enc::ValType::I32); 3], vec![(30_000, enc::ValType::V128); 2]]
    {
        let error = engines.load(&module_of(locals, nothing)).expect_err("beyond the limit");
        assert!(error.offset.is_some() || error.kind == CompileErrorKind::Limit, "{error}");
    }
    let used = module_of(vec![(50_000, enc::ValType::I32)], |func| {
        for local in (0..50_000).step_by(7) {
            func.instruction(&enc::Instruction::LocalGet(local));
            func.instruction(&enc::Instruction::LocalSet((local * 13 + 5) % 50_000));
        }
    });
    engines.load(&used).expect("locals that are used");
}

#[test]
fn huge_br_tables() {
    let mut engines = Engines::new();
    let table = |targets: usize| {
        module_of(Vec::new(), |func| {
            func.instruction(&enc::Instruction::Block(enc::BlockType::Empty));
            func.instruction(&enc::Instruction::I32Const(3));
            func.instruction(&enc::Instruction::BrTable(vec![0; targets].into(), 0));
            func.instruction(&enc::Instruction::End);
        })
    };
    engines.load(&table(65_520)).expect("the limit itself is allowed");
    let error = engines.load(&table(65_521)).expect_err("beyond the limit");
    assert_eq!(error.kind, CompileErrorKind::Limit, "{error}");
    let at = error.offset.expect("a place");
    assert_eq!(table(65_521)[at], 0x0e, "{error}");
    // A count of targets that the bytes do not have.
    let mut bytes = table(3);
    let at = bytes.windows(2).position(|pair| pair == [0x0e, 0x03]).expect("a br_table");
    bytes[at + 1] = 0x7f;
    engines.load(&bytes).expect_err("targets beyond the body");
}

/// Each of many branches to one label arrives with its own operand, also where the optimizing tier puts blocks between.
#[test]
fn six_thousand_branches_to_one_label() {
    const COUNT: i32 = 6_000;
    let branches: String =
        (0..COUNT).map(|n| format!("(br_if $end (i32.const {}) (i32.eq (local.get 0) (i32.const {n}))) drop ", n * 3)).collect();
    let text =
        format!("(module (func (export \"f\") (param i32) (result i32) (block $end (result i32) {branches} (i32.const -1))))");
    for tier in TIERS {
        let (mut isolate, instance) = instance_with(&engine_with(ahead_of_time(tier)), &text);
        let func = instance.get_typed_func::<i32, i32>(&mut isolate, "f").expect("a function");
        for n in [0, 1, 1_023, 1_024, 1_025, 2_048, COUNT - 1, COUNT] {
            assert_eq!(func.call(&mut isolate, n).expect("a call"), if n < COUNT { n * 3 } else { -1 });
        }
    }
}

#[test]
fn four_gib_of_initial_memory() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let linker = Linker::new(&engine);
    let module = load(&engine, b"(module (memory (export \"m\") 65536))").expect("a valid module");
    match linker.instantiate(&mut isolate, &module) {
        Ok(instance) => {
            let memory = instance.get_memory(&mut isolate, "m").expect("a memory");
            assert_eq!(memory.page_count(&isolate), 65_536);
            memory.data_mut(&mut isolate).expect("bytes")[(4 << 30) - 1] = 7;
        }
        Err(error) => assert!(matches!(error, LinkError::Resource(_)), "{error}"),
    }
    load(&engine, b"(module (memory 65537))").expect_err("beyond 4 GiB");
    let module = load(&engine, b"(module (memory i64 281474976710656))").expect("a valid module");
    let error = linker.instantiate(&mut isolate, &module).expect_err("2^64 bytes");
    assert!(matches!(error, LinkError::Resource(_)), "{error}");
    let module = load(&engine, b"(module (table 4294967295 funcref))");
    if let Ok(module) = module {
        linker.instantiate(&mut isolate, &module).expect_err("2^32 elements");
    }
}

#[test]
fn a_million_imports() {
    let engine = engine();
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let module = load(&engine, &import_funcs(300_000)).expect("many imports");
    let error = Linker::new(&engine).instantiate(&mut isolate, &module).expect_err("nothing is defined");
    assert!(matches!(error, LinkError::MissingImport { .. }), "{error}");
    let mut linker = Linker::new(&engine);
    linker.func_wrap("m", "f", || {}).expect("a definition");
    linker.instantiate(&mut isolate, &module).expect("one function for all imports");
    for count in [1_000_000, 1_000_001] {
        let error = load(&engine, &import_funcs(count)).expect_err("the size of all types together is bounded as well");
        assert!(error.kind == CompileErrorKind::Limit && error.offset.is_some(), "{error}");
    }
}

/// How the command ended on a module, with so many bytes for its heap and its stacks (`RLIMIT_DATA`), and what it said.
///
/// A process that is refused memory aborts. The limit is the kernel's: what the process once had cannot be measured from outside, since
/// a child begins with its parent's peak.
fn command_within(data_bytes: u64, command: &str, bytes: &[u8]) -> (Option<i32>, String) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("the file is written");
    let script = format!("ulimit -d {} && exec \"$0\" {command} --jobs 0 \"$1\"", data_bytes >> 10);
    let mut shell = Command::new("sh");
    crate::support::without_cache(&mut shell);
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_deltic")]).arg(file.path());
    let output = shell.output().expect("the command ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// One section of so many equal items.
fn section_of(id: u8, count: u32, item: &[u8]) -> Vec<u8> {
    let mut contents = Vec::new();
    enc::Encode::encode(&count, &mut contents);
    contents.extend(item.iter().copied().cycle().take(item.len() * count as usize));
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    bytes.push(id);
    enc::Encode::encode(&contents[..], &mut bytes);
    bytes
}

/// What a module may cost is bounded by its bytes: each of these is large in one respect, in few bytes.
#[test]
fn memory_is_bounded_by_the_bytes() {
    use enc::Instruction::{Block, Drop, End, I32Add, I32Const, Loop};
    const MIB: u64 = 1 << 20;
    // What the command needs for the smallest module, in a debug build.
    const BASE: u64 = 24 * MIB;
    let nested = |block: enc::Instruction<'static>, depth| {
        module_of(Vec::new(), move |func| {
            repeat(func, depth, &[block]);
            repeat(func, depth, &[End]);
        })
    };
    let pushed = |count| {
        module_of(Vec::new(), move |func| {
            repeat(func, count, &[I32Const(0)]);
            repeat(func, count, &[Drop]);
        })
    };
    let added = |count| {
        module_of(Vec::new(), move |func| {
            func.instruction(&I32Const(1));
            repeat(func, count, &[I32Const(1), I32Add]);
            func.instruction(&Drop);
        })
    };
    let empty = enc::BlockType::Empty;
    // Bytes of memory for a byte of the module: to decode and validate it, and to compile it in each tier. Cranelift's structures are the
    // larger part of the last. There is no figure where nothing is to be compiled, or where that tier would take too long.
    let modules = [
        ("a count without items", section_of(1, 1_000_000, &[])[..12].to_vec(), [Some(0), None, Some(0)]),
        ("types", section_of(1, 1_000_000, &[0x60, 0, 0]), [Some(80), None, Some(80)]),
        // The validator copies a group to look it up.
        ("a recursion group", rec_group(1_000_000, &[0x60, 0, 0]), [Some(160), None, Some(160)]),
        ("globals", section_of(6, 500_000, &[0x7f, 0, 0x41, 0, 0x0b]), [Some(80), None, Some(80)]),
        ("imports", import_funcs(400_000), [Some(80), None, Some(80)]),
        ("an element segment", element_exprs(1_000_000), [Some(80), None, Some(80)]),
        ("locals", module_of(vec![(50_000, enc::ValType::I64)], |_| ()), [Some(0); 3]),
        ("too many locals", module_of(vec![(u32::MAX, enc::ValType::I64)], |_| ()), [Some(0); 3]),
        ("blocks", nested(Block(empty), 500_000), [Some(80); 3]),
        ("loops", nested(Loop(empty), 10_000), [Some(80), Some(80), Some(1_600)]),
        ("many loops", nested(Loop(empty), 500_000), [Some(80), Some(160), None]),
        ("a deep stack", pushed(500_000), [Some(0), Some(0), Some(80)]),
        ("one expression", added(50_000), [Some(0), Some(0), Some(1_500)]),
        ("a long expression", added(500_000), [Some(0), Some(0), None]),
    ];
    for (name, bytes, factors) in modules {
        for (command, factor) in ["validate", "compile --tier baseline", "compile"].into_iter().zip(factors) {
            let Some(factor) = factor else { continue };
            let limit = BASE + factor * bytes.len() as u64;
            let (status, message) = command_within(limit, command, &bytes);
            assert!(matches!(status, Some(0 | 1)), "{name}: {command} within {limit} bytes: {status:?} {message}");
        }
    }
    // And the limit limits.
    for (command, bytes) in [("compile", added(50_000)), ("compile --tier baseline", nested(Block(empty), 500_000))] {
        let (status, _) = command_within(BASE, command, &bytes);
        assert!(!matches!(status, Some(0 | 1)), "{command}: {status:?}");
    }
}

/// One recursion group of so many equal types.
fn rec_group(count: u32, ty: &[u8]) -> Vec<u8> {
    let mut group = vec![0x4e];
    enc::Encode::encode(&count, &mut group);
    group.extend(ty.iter().copied().cycle().take(ty.len() * count as usize));
    section_of(1, 1, &group)
}

#[test]
fn recursion_groups_of_a_million_types() {
    let engine = engine();
    load(&engine, &rec_group(1_000_000, &[0x60, 0, 0])).expect("the limit itself is allowed");
    let error = load(&engine, &rec_group(1_000_001, &[0x60, 0, 0])).expect_err("beyond the limit");
    assert!(error.to_string().contains("out of bounds") || error.kind == CompileErrorKind::Limit, "{error}");
    assert!(engine.types().is_empty(), "nothing stays behind");
}

#[test]
fn chains_of_subtypes() {
    let engine = engine();
    let chain = |count: u32| {
        let types: String = (1..count).map(|index| format!("(type (sub {} (func)))", index - 1)).collect();
        wat::parse_str(format!("(module (type (sub (func))) {types})")).expect("the text parses")
    };
    load(&engine, &chain(64)).expect("the limit itself is allowed");
    let error = load(&engine, &chain(65)).expect_err("beyond the limit");
    assert!(error.to_string().contains("too deep"), "{error}");
    // As deep as may be, and many: the tables for checks are bounded too. Each of 400,000 types extends the 63rd.
    let mut contents = Vec::new();
    enc::Encode::encode(&400_063_u32, &mut contents);
    contents.extend([0x50, 0, 0x60, 0, 0]);
    (0..62).for_each(|above: u8| contents.extend([0x50, 1, above, 0x60, 0, 0]));
    (0..400_000).for_each(|_| contents.extend([0x50, 1, 62, 0x60, 0, 0]));
    let mut bytes = b"\0asm\x01\0\0\0\x01".to_vec();
    enc::Encode::encode(&contents[..], &mut bytes);
    let error = load(&engine, &bytes).expect_err("too many supertypes");
    assert!(error.kind == CompileErrorKind::Limit, "{error}");
    assert!(engine.types().is_empty(), "nothing stays behind");
}

#[test]
fn chains_of_descriptors() {
    const COUNT: u32 = 20_000;
    let engine = engine();
    let clause = |keyword: &str, index: Option<u32>| index.map_or(String::new(), |index| format!("({keyword} {index})"));
    let ty = |index: u32| {
        let descriptor = Some(index + 1).filter(|&next| next < COUNT);
        format!("(type {} {} (struct))", clause("describes", index.checked_sub(1)), clause("descriptor", descriptor))
    };
    let text = format!("(module (rec {}))", (0..COUNT).map(ty).collect::<String>());
    let module = load(&engine, &wat::parse_str(text).expect("the text parses")).expect("there is no limit to these");
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    Linker::new(&engine).instantiate(&mut isolate, &module).expect("descriptors of all types fit");
    // A type that describes itself, one that describes what has another descriptor, one that stands outside of the group.
    for text in [
        "(module (type (describes 0) (descriptor 0) (struct)))",
        "(module (rec (type (descriptor 1) (struct)) (type (describes 0) (struct)) (type (describes 0) (struct))))",
        "(module (rec (type (descriptor 1) (struct)) (type (describes 0) (struct))) (type (describes 0) (struct)))",
        "(module (type (descriptor 7) (struct)))",
    ] {
        load(&engine, &wat::parse_str(text).expect("the text parses")).expect_err(text);
    }
}

#[test]
fn arrays_of_four_thousand_million_elements() {
    let heap = HeapSettings { limit_bytes: 64 << 20, ..HeapSettings::default() };
    let engine = engine_with(Config::default().with_heap(heap));
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    for (ty, zero) in [
        ("i8", "i32.const 1"),
        ("i16", "i32.const 1"),
        ("i32", "i32.const 1"),
        ("i64", "i64.const 1"),
        ("v128", "v128.const i64x2 1 1"),
        ("anyref", "i32.const 1 ref.i31"),
        ("funcref", "ref.null func"),
    ] {
        let text = format!(
            "(module (type $a (array (mut {ty}))) (data $d \"abc\") (elem $e funcref (ref.null func))
                (func (export \"default\") (param i32) local.get 0 array.new_default $a drop)
                (func (export \"new\") (param i32) {zero} local.get 0 array.new $a drop)
                (func (export \"constant\") (param i32) {zero} i32.const -1 array.new $a drop)
                (func (export \"constant default\") (param i32) i32.const -1 array.new_default $a drop)
                (func (export \"fill\") (param i32) i32.const 3 array.new_default $a i32.const 1 {zero} local.get 0 array.fill $a)
                (func (export \"copy\") (param i32) (local (ref null $a)) i32.const 3 array.new_default $a local.set 1
                    local.get 1 i32.const 1 local.get 1 i32.const 1 local.get 0 array.copy $a $a))"
        );
        let module = Module::new(&engine, &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
        for length in [-1, i32::MIN, i32::MAX, 0x2000_0000, 0x0800_0000] {
            for (name, message) in [
                ("default", "out of memory"),
                ("new", "out of memory"),
                ("constant", "out of memory"),
                ("constant default", "out of memory"),
                ("fill", "out of bounds array access"),
                ("copy", "out of bounds array access"),
            ] {
                let func = instance.get_typed_func::<i32, ()>(&mut isolate, name).expect("an export");
                let error = func.call(&mut isolate, length).expect_err(name);
                let CallError::Trap(trap) = &error else { panic!("{ty} {name} {length}: {error}") };
                assert_eq!(trap.code().message(), message, "{ty} {name} {length}");
            }
        }
    }
}

/// An element segment of so many null references, as expressions.
fn element_exprs(count: u32) -> Vec<u8> {
    let mut segment = vec![5, 0x70];
    enc::Encode::encode(&count, &mut segment);
    segment.extend([0xd0, 0x70, 0x0b].iter().copied().cycle().take(3 * count as usize));
    section_of(9, 1, &segment)
}

#[test]
fn errors_are_the_same_for_any_number_of_tasks() {
    // Several bad functions: the first one is reported, whoever meets which one first.
    let mut module = String::from("(module");
    for index in 0..200 {
        module += if index % 50 == 49 { "(func (result i32) i64.const 1)" } else { "(func (param i64) local.get 0 drop)" };
    }
    module += ")";
    let bytes = wat::parse_str(&module).expect("text");
    let error = |config: &Config, tasks| {
        let config = config.clone().with_num_compilation_tasks(tasks).with_task_body_bytes(0);
        let engine = WasmEngine::new(&config).expect("an engine");
        load(&engine, &bytes).expect_err("invalid bodies")
    };
    let first = error(&Config::default(), 0);
    assert!(first.message.contains("type mismatch"), "{first}");
    for config in [Config::default(), ahead_of_time(Tier::Baseline), ahead_of_time(Tier::Optimized)] {
        for tasks in [0, 1, 2, 8] {
            assert_eq!(error(&config, tasks), first);
        }
    }
}
