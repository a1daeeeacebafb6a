//! Modules that the benchmarks compile, made by a seeded generator so that nothing has to be fetched.
//!
//! Bodies are statements over locals and memory in the mix that compilers produce: arithmetic, loads and stores, branches, short
//! loops, calls. Nothing of them is run but the export `run`, which multiplies by three and adds seven.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, InstructionSink, MemArg, MemArgTarget, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, TypeSection, ValType,
};

/// What `run` answers.
pub fn run(x: i32) -> i32 {
    x.wrapping_mul(3).wrapping_add(7)
}

/// A module without anything.
pub fn empty() -> Vec<u8> {
    Module::new().finish()
}

/// A module with a memory of one page, some data, and an export that reads it.
pub fn one_memory() -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut body = Function::new([]);
    body.instructions().local_get(0).i32_load(mem_arg(0)).end();
    let mut code = CodeSection::new();
    code.function(&body);
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("read", ExportKind::Func, 0);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(1024), *b"a little data that every instance begins with");
    module.section(&types).section(&functions).section(&memory()).section(&exports).section(&code).section(&data);
    module.finish()
}

/// A module with a memory of so many pages and so many bytes of data.
pub fn with_data(pages: u64, data_bytes: usize) -> Vec<u8> {
    let mut memories = MemorySection::new();
    let limits = MemoryType { minimum: pages, maximum: None, memory64: false, shared: false, page_size_log2: None };
    memories.memory(limits);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(65_536), (0..data_bytes).map(|index| index as u8 | 1).collect::<Vec<u8>>());
    let mut module = Module::new();
    module.section(&memories).section(&data);
    module.finish()
}

/// A module with a table of so many functions, each of which is there once, and an export that calls one.
pub fn with_table(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for index in 0..count {
        functions.function(0);
        let mut body = Function::new([]);
        body.instructions().local_get(0).i32_const(index as i32).i32_add().end();
        code.function(&body);
    }
    functions.function(0);
    let mut body = Function::new([]);
    body.instructions().local_get(0).local_get(0).call_indirect(0, 0).end();
    code.function(&body);
    let mut tables = TableSection::new();
    let element_type = RefType::FUNCREF;
    let size = u64::from(count);
    tables.table(TableType { element_type, minimum: size, maximum: Some(size), table64: false, shared: false });
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((0..count).collect::<Vec<u32>>().into()));
    let mut exports = ExportSection::new();
    exports.export("call", ExportKind::Func, count);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&exports).section(&elements).section(&code);
    module.finish()
}

/// A module that imports so many functions of type `(i32) -> i32` from "env".
pub fn with_imports(count: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    for index in 0..count {
        imports.import("env", &format!("f{index}"), EntityType::Function(0));
    }
    let mut exports = ExportSection::new();
    exports.export("first", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&exports);
    module.finish()
}

/// A module of so many functions with bodies of about so many bytes each.
pub fn uniform(count: u32, body_bytes: usize) -> Vec<u8> {
    module(count, |_, _| body_bytes)
}

/// A module of about so many bytes whose bodies are spread as in compiled programs: most small, some large.
pub fn mixed(bytes: usize) -> Vec<u8> {
    const MEAN: usize = 700;
    let count = (bytes / MEAN).max(1) as u32;
    module(count, |index, numbers| match index % 100 {
        0 => 12_000 + numbers.below(8_000),
        1..=9 => 1_500 + numbers.below(2_000),
        10..=49 => 250 + numbers.below(500),
        _ => 30 + numbers.below(200),
    })
}

fn module(count: u32, mut body_bytes: impl FnMut(u32, &mut Numbers) -> usize) -> Vec<u8> {
    let mut numbers = Numbers(0x1234_5678);
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    functions.function(0);
    let mut run = Function::new([]);
    run.instructions().local_get(0).i32_const(3).i32_mul().i32_const(7).i32_add().end();
    code.function(&run);
    for index in 1..=count {
        functions.function(1);
        let bytes = body_bytes(index, &mut numbers);
        code.function(&body(bytes, count, &mut numbers));
    }
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memory()).section(&exports).section(&code);
    module.finish()
}

fn memory() -> MemorySection {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    memories
}

fn mem_arg(offset: u64) -> MemArg {
    MemArg { offset, align: 2, target: MemArgTarget::Memory(0), ordering: None }
}

// Locals of every generated body: two parameters, then these.
const INTS: u32 = 6;
const LONG: u32 = 6;
const DOUBLE: u32 = 8;

fn body(bytes: usize, func_count: u32, numbers: &mut Numbers) -> Function {
    let mut body = Function::new([(4, ValType::I32), (2, ValType::I64), (2, ValType::F64)]);
    while body.byte_len() < bytes {
        let mut code = body.instructions();
        statement(&mut code, func_count, numbers);
    }
    body.instructions().local_get(numbers.local()).end();
    body
}

/// One statement: the stack is empty before and after.
fn statement(code: &mut InstructionSink<'_>, func_count: u32, numbers: &mut Numbers) {
    let [a, b, c] = [numbers.local(), numbers.local(), numbers.local()];
    let constant = numbers.below(4096) as i32;
    let offset = 4 * numbers.below(2048) as u64;
    match numbers.below(10) {
        0 | 1 => code.local_get(a).local_get(b).i32_add().i32_const(constant).i32_xor().local_set(c),
        2 => code.local_get(a).i32_const(constant | 1).i32_mul().local_get(b).i32_const(5).i32_shr_u().i32_sub().local_set(c),
        3 | 4 => code.local_get(a).i32_load(mem_arg(offset)).local_get(b).i32_add().local_set(c),
        5 => code.local_get(a).i32_const(0xfffc).i32_and().local_get(b).i32_store(mem_arg(offset)),
        6 => {
            code.local_get(a).local_get(b).i32_lt_s().if_(BlockType::Empty);
            code.local_get(c).i32_const(constant).i32_add().local_set(c);
            code.else_().local_get(c).i32_const(1).i32_shl().local_set(a).end()
        }
        7 => {
            code.local_get(a).i32_const(15).i32_and().local_set(c).block(BlockType::Empty).loop_(BlockType::Empty);
            code.local_get(c).i32_eqz().br_if(1).local_get(c).i32_const(1).i32_sub().local_set(c);
            code.local_get(b).i32_const(constant).i32_add().local_set(b).br(0).end().end()
        }
        8 => {
            code.local_get(LONG)
                .local_get(a)
                .i64_extend_i32_u()
                .i64_add()
                .i64_const(i64::from(constant))
                .i64_mul()
                .local_set(LONG + 1);
            code.local_get(DOUBLE).local_get(a).f64_convert_i32_s().f64_add().local_set(DOUBLE + 1)
        }
        _ => code.local_get(a).local_get(b).call(1 + numbers.below(func_count as usize) as u32).local_set(c),
    };
}

/// xorshift64: any generator does, as long as it never changes.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn local(&mut self) -> u32 {
        self.below(INTS as usize) as u32
    }
}
