//! Programs that live on objects and exceptions: what wasm-smith seldom makes.
//!
//! *Problem.* Operators on objects want values of just the right types, so that a generator without a plan makes programs that trap at the
//! first null. *Idea.* Types come first ([`types`]), and every expression is made for the type that is wanted ([`expressions`],
//! [`objects`]); accesses go around nulls and stay inside of arrays, but for a few that are left to trap. Statements ([`statements`]) change
//! objects, globals and tables, old and new; tries ([`exceptions`]) surround both. A guest's own function ([`digest`]) reads whole graphs.
//!
//! **Invariant:** every program ends. Each call and each turn of a loop takes from a global, and does nothing once that is empty.

mod body;
mod digest;
mod exceptions;
mod expressions;
mod objects;
mod statements;
mod types;

use std::borrow::Cow;

use wasm_encoder::{
    AbstractHeapType, CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, HeapType, MemorySection, MemoryType, Module, RefType, TableSection,
    TableType, TagKind, TagSection, TagType, ValType,
};

use super::random::Random;
use body::Body;
use types::{Types, as_local, named, non_null, nullable};

/// How exceptions are written, and who is to look on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `try_table` and references to exceptions; functions return what they have.
    Modern,
    /// `try`, `delegate` and `rethrow`, for JavaScript's eyes: what is exported takes one number of each kind and returns an `i64`.
    Legacy,
}

/// What exported functions of legacy programs take.
const NUMBERS: [ValType; 4] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];

/// The global that counts down.
const FUEL: u32 = 0;
/// The table of functions, and that of objects.
const FUNCS: u32 = 0;
const OBJECTS: u32 = 1;
/// How many elements each has.
const TABLE_LEN: u32 = 8;
/// Passive segments: functions, and numbers as objects.
const FUNC_SEGMENT: u32 = 1;
const I31_SEGMENT: u32 = 2;
/// How many elements each has, and how many bytes the data.
const SEGMENT_LEN: u32 = 6;
const DATA_BYTES: u32 = 64;

/// What functions of a program may name.
#[derive(Debug)]
struct Program {
    style: Style,
    types: Types,
    /// Types of the functions; the digest follows them, and then come those that are exported.
    funcs: Vec<u32>,
    /// What exceptions carry, by tag.
    tags: Vec<Vec<ValType>>,
    globals: Vec<(ValType, bool)>,
}

impl Program {
    fn digest(&self) -> u32 {
        self.funcs.len() as u32
    }

    fn new(random: &mut Random, style: Style) -> Program {
        let types = Types::new(random, style);
        let mut funcs = types.funcs();
        for _ in 0..2 + random.below(4) {
            funcs.extend(types::pick(random, types.funcs()));
        }
        let mut tags = vec![Vec::new(), vec![ValType::I32]];
        for _ in 0..1 + random.below(4) {
            tags.push((0..1 + random.below(4)).map(|_| types.random_value(random)).collect());
        }
        let mut globals = vec![(ValType::I32, true)];
        for _ in 0..4 + random.below(6) {
            globals.push((as_local(types.random_value(random)), true));
        }
        for index in types.structs() {
            if types.fields(index).iter().all(|field| types::has_default(field.element_type)) && random.one_in(2) {
                globals.push((ValType::Ref(non_null(HeapType::Concrete(index))), false));
            }
        }
        Program { style, types, funcs, tags, globals }
    }
}

/// A program from a seed.
pub fn module(seed: u64, style: Style) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut program = Program::new(&mut random, style);
    let mut code = CodeSection::new();
    let mut functions = FunctionSection::new();
    for func in 0..program.funcs.len() {
        functions.function(program.funcs[func]);
        code.function(&Body::function(&mut program, &mut random, func as u32));
    }
    functions.function(program.types.func(&digest::PARAMS, &[ValType::I64]));
    code.function(&digest::function(&mut program, &mut random));
    let mut exports = ExportSection::new();
    for func in 0..program.funcs.len() as u32 {
        let (params, results, body) = exported(&mut program, &mut random, func);
        functions.function(program.types.func(&params, &results));
        code.function(&body);
        exports.export(&format!("f{func}"), ExportKind::Func, program.digest() + 1 + func);
    }
    let tags = tags(&mut program, &mut exports);
    let globals = globals(&program, &mut exports);
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("objects", ExportKind::Table, OBJECTS);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None });
    let mut data = DataSection::new();
    data.passive(random.bytes(DATA_BYTES as usize));

    let mut module = Module::new();
    module.section(&program.types.section()).section(&functions).section(&tables()).section(&memories).section(&tags);
    module.section(&globals).section(&exports).section(&elements(&program, &mut random));
    module.section(&DataCountSection { count: 1 }).section(&code).section(&data);
    module.finish()
}

/// What calls a function from outside, with new fuel: parameters, results and body.
fn exported(program: &mut Program, random: &mut Random, func: u32) -> (Vec<ValType>, Vec<ValType>, Function) {
    let (wanted, results) = program.types.signature(program.funcs[func as usize]);
    let is_given = |ty: &ValType| !matches!(ty, ValType::Ref(RefType { nullable: false, .. }));
    let style = program.style;
    let params: Vec<ValType> = match style {
        Style::Modern => wanted.iter().copied().filter(is_given).collect(),
        Style::Legacy => NUMBERS.to_vec(),
    };
    let fuel = 20 + random.below(150) as i32;
    let mut body = Body::new(program, random, &params, &results);
    body.sink().i32_const(fuel).global_set(FUEL);
    let mut next = 0;
    for ty in &wanted {
        if style == Style::Modern && is_given(ty) {
            body.sink().local_get(next);
            next += 1;
        } else {
            body.leaf(*ty);
        }
    }
    body.sink().call(func);
    if style == Style::Modern {
        return (params, results, body.finish());
    }
    body.digest_of_stack(&results);
    (params, vec![ValType::I64], body.finish())
}

fn tags(program: &mut Program, exports: &mut ExportSection) -> TagSection {
    let mut section = TagSection::new();
    for (index, payload) in program.tags.clone().iter().enumerate() {
        let func_type_idx = program.types.func(payload, &[]);
        section.tag(TagType { kind: TagKind::Exception, func_type_idx });
        exports.export(&format!("t{index}"), ExportKind::Tag, index as u32);
    }
    section
}

fn globals(program: &Program, exports: &mut ExportSection) -> GlobalSection {
    let mut section = GlobalSection::new();
    for (index, &(val_type, mutable)) in program.globals.iter().enumerate() {
        let init = match val_type {
            ValType::I32 => ConstExpr::i32_const(0),
            ValType::I64 => ConstExpr::i64_const(0),
            ValType::F32 => ConstExpr::f32_const(0.0.into()),
            ValType::F64 => ConstExpr::f64_const(0.0.into()),
            ValType::V128 => ConstExpr::v128_const(0),
            ValType::Ref(RefType { nullable: false, heap_type: HeapType::Concrete(index) }) => {
                ConstExpr::extended([wasm_encoder::Instruction::StructNewDefault(index)])
            }
            ValType::Ref(ty) => ConstExpr::ref_null(ty.heap_type),
        };
        section.global(GlobalType { val_type, mutable, shared: false }, &init);
        if program.style == Style::Modern || val_type == ValType::I32 || val_type == ValType::I64 {
            exports.export(&format!("g{index}"), ExportKind::Global, index as u32);
        }
    }
    section
}

fn tables() -> TableSection {
    let mut section = TableSection::new();
    for element_type in [RefType::FUNCREF, nullable(HeapType::ANY)] {
        let (minimum, maximum) = (u64::from(TABLE_LEN), Some(u64::from(TABLE_LEN)));
        section.table(TableType { element_type, table64: false, minimum, maximum, shared: false });
    }
    section
}

fn elements(program: &Program, random: &mut Random) -> ElementSection {
    let mut some = |count: u32| -> Vec<u32> { (0..count).map(|_| random.below(program.funcs.len()) as u32).collect() };
    let mut section = ElementSection::new();
    section.active(Some(FUNCS), &ConstExpr::i32_const(0), Elements::Functions(Cow::Owned(some(TABLE_LEN - 1))));
    section.passive(Elements::Functions(Cow::Owned(some(SEGMENT_LEN))));
    let number = |number: i32| {
        let instructions = [wasm_encoder::Instruction::I32Const(number * 5 - 9), wasm_encoder::Instruction::RefI31];
        ConstExpr::extended(instructions)
    };
    let numbers: Vec<ConstExpr> = (0..SEGMENT_LEN as i32).map(number).collect();
    section.passive(Elements::Expressions(non_null(named(AbstractHeapType::I31)), Cow::Owned(numbers)));
    section.declared(Elements::Functions(Cow::Owned((0..program.funcs.len() as u32).collect())));
    section
}
