//! The module model: what a decoded module says, with typed indices and nothing else.
//!
//! Function bodies and data segments are ranges of the wire bytes, which are kept once and shared.
//!
//! What compiling a function needs stands in front of the code section, and is plain data. The bodies follow one after the other ([`Bodies`]), and
//! the [`Tail`] when the module is complete: until then a module has no data segments and no names.

use crate::base::sync::OnceLock;
use std::collections::HashMap;
use std::ops::Range;

use compact_str::CompactString;
use cranelift_entity::{EntityRef, PrimaryMap};
use smallvec::SmallVec;

use crate::base::limits;
use crate::base::{
    DataIndex, DefinedFuncIndex, DefinedGlobalIndex, ElemIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex,
    TypeIndex,
};
use crate::wasm::bodies::Bodies;
use crate::wasm::types::{FuncType, GlobalType, MemoryType, RefType, SubType, TableType};
use crate::wasm::wire_bytes::WireBytes;

/// A decoded module.
#[derive(Debug, Default)]
pub struct WasmModule {
    /// Types of the type section.
    pub types: PrimaryMap<TypeIndex, SubType>,
    /// The first type of each recursion group, in order. A type that stands outside of groups is a group of its own.
    pub rec_groups: Vec<TypeIndex>,
    /// Imports, in order.
    pub imports: Vec<Import>,
    /// Type of each function.
    pub funcs: PrimaryMap<FuncIndex, TypeIndex>,
    /// How many of `funcs` are imported.
    pub imported_func_count: usize,
    /// Tables.
    pub tables: PrimaryMap<TableIndex, TableDecl>,
    /// How many of `tables` are imported.
    pub imported_table_count: usize,
    /// Memories.
    pub memories: PrimaryMap<MemoryIndex, MemoryType>,
    /// How many of `memories` are imported.
    pub imported_memory_count: usize,
    /// Globals.
    pub globals: PrimaryMap<GlobalIndex, GlobalType>,
    /// How many of `globals` are imported.
    pub imported_global_count: usize,
    /// Initial values of the globals that are defined here.
    pub global_inits: PrimaryMap<DefinedGlobalIndex, ConstExpr>,
    /// Type of each tag.
    pub tags: PrimaryMap<TagIndex, TypeIndex>,
    /// Exports, in order.
    pub exports: Vec<Export>,
    /// Position of each export in `exports`.
    pub export_by_name: OnceLock<HashMap<CompactString, usize>>,
    /// The start function.
    pub start: Option<FuncIndex>,
    /// Element segments.
    pub elems: PrimaryMap<ElemIndex, ElemSegment>,
    /// Where in the wire bytes each body stands: from its local declarations to behind its `end`.
    pub bodies: Bodies,
    /// Which functions are referred to by `ref.func`, an element segment or an export (§3.4, "C.refs").
    pub declared_funcs: Vec<FuncIndex>,
    /// What may stand behind the code section, once the module is complete.
    pub tail: OnceLock<Tail>,
    /// Which way branches mostly go, by function, in the order of the branches.
    pub branch_hints: HashMap<FuncIndex, Box<[BranchHint]>>,
    /// Bytes of the code section.
    pub code_section_bytes: usize,
    /// Whether its code may use references of the heap: some type, global, table or segment mentions them, or it has tags.
    pub uses_heap: bool,
}

/// The parts of a module that no function is compiled from, and that may come behind all functions.
#[derive(Debug, Default)]
pub struct Tail {
    /// Data segments, decoded at first use if they are many.
    pub datas: OnceLock<PrimaryMap<DataIndex, DataSegment>>,
    /// How many.
    pub data_count: usize,
    /// Where they are in the bytes, if they are decoded at first use.
    pub data_section: Option<(WireBytes, Range<usize>)>,
    /// Custom sections: name and range of the contents.
    pub customs: Vec<(Box<str>, Range<usize>)>,
    /// Names of the name section, decoded at first use.
    pub names: OnceLock<Names>,
    /// When functions are worth being compiled, as far as the module says.
    pub priorities: HashMap<FuncIndex, CompilationPriority>,
    /// Range of the contents of the name section.
    pub name_section: Option<Range<usize>>,
}

/// Names for people, from the custom section "name".
#[derive(Debug, Default)]
pub struct Names {
    /// Name of the module.
    pub module: Option<Box<str>>,
    /// Names of functions.
    pub funcs: HashMap<FuncIndex, Box<str>>,
    /// Names of types.
    pub types: HashMap<TypeIndex, Box<str>>,
    /// Names of the fields of structures, by type and position.
    pub fields: HashMap<(TypeIndex, u32), Box<str>>,
    /// Names of memories.
    pub memories: HashMap<MemoryIndex, Box<str>>,
    /// Names of tables.
    pub tables: HashMap<TableIndex, Box<str>>,
    /// Names of globals.
    pub globals: HashMap<GlobalIndex, Box<str>>,
    /// Names of tags.
    pub tags: HashMap<TagIndex, Box<str>>,
}

/// When a function is worth being compiled, by the section "metadata.code.compilation_priority". The lower, the sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompilationPriority {
    /// Among the functions to compile.
    pub compilation: u32,
    /// Among those to optimize.
    pub optimization: Option<u32>,
}

impl CompilationPriority {
    /// Whether the function runs once, and is worth no better code.
    pub fn runs_once(self) -> bool {
        self.optimization == Some(127)
    }
}

/// Which way a branch mostly goes, from the custom section "metadata.code.branch_hint".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchHint {
    /// Where the branch stands, from the beginning of the function's body.
    pub body_offset: u32,
    /// Whether its condition mostly holds.
    pub taken: bool,
}

/// An import (§2.5.11).
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the module that it comes from.
    pub module: CompactString,
    /// Its name there.
    pub name: CompactString,
    /// What is wanted.
    pub kind: ImportKind,
}

/// What an import wants.
#[derive(Debug, Clone, Copy)]
pub enum ImportKind {
    /// A function of a type of this module.
    Func(TypeIndex),
    /// A function of a type of this module, and of none that extends it.
    FuncExact(TypeIndex),
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag.
    Tag(TypeIndex),
}

/// A table and how its elements begin.
#[derive(Debug)]
pub struct TableDecl {
    /// Its type.
    pub ty: TableType,
    /// Initial value of each element; null when absent.
    pub init: Option<ConstExpr>,
}

/// An export (§2.5.10).
#[derive(Debug, Clone)]
pub struct Export {
    /// Its name.
    pub name: CompactString,
    /// What is exported.
    pub index: ExportIndex,
}

/// What an export names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportIndex {
    /// A function.
    Func(FuncIndex),
    /// A table.
    Table(TableIndex),
    /// A memory.
    Memory(MemoryIndex),
    /// A global.
    Global(GlobalIndex),
    /// A tag.
    Tag(TagIndex),
}

/// An element segment (§2.5.7).
#[derive(Debug)]
pub struct ElemSegment {
    /// When and where it is used.
    pub mode: ElemMode,
    /// Type of the elements.
    pub ty: RefType,
    /// The elements.
    pub items: ElemItems,
}

/// Mode of an element segment.
#[derive(Debug)]
pub enum ElemMode {
    /// Used by `table.init`.
    Passive,
    /// Copied to a table at instantiation.
    Active {
        /// Which table.
        table: TableIndex,
        /// Index of the first element there.
        offset: ConstExpr,
    },
    /// Only declares references.
    Declared,
}

/// Contents of an element segment.
#[derive(Debug)]
pub enum ElemItems {
    /// Functions, the compact form.
    Funcs(Box<[FuncIndex]>),
    /// Constant expressions.
    Exprs(Box<[ConstExpr]>),
}

impl ElemItems {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            ElemItems::Funcs(f) => f.len(),
            ElemItems::Exprs(e) => e.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A data segment (§2.5.8).
#[derive(Debug)]
pub struct DataSegment {
    /// When and where it is used.
    pub mode: DataMode,
    /// Its bytes, as a range of the wire bytes.
    pub bytes: Range<usize>,
}

/// Mode of a data segment.
#[derive(Debug)]
pub enum DataMode {
    /// Used by `memory.init`.
    Passive,
    /// Copied to a memory at instantiation.
    Active {
        /// Which memory.
        memory: MemoryIndex,
        /// Address of the first byte there.
        offset: ConstExpr,
    },
}

/// A constant expression (§3.3.12): operators of a small stack machine, validated. Nearly all are of one operator, and need no memory of
/// their own.
#[derive(Debug, Clone, PartialEq)]
pub struct ConstExpr(pub SmallVec<[ConstOp; 1]>);

/// An operator of a constant expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ConstOp {
    /// `i32.const`.
    I32(i32),
    /// `i64.const`.
    I64(i64),
    /// `f32.const`, as bits.
    F32(u32),
    /// `f64.const`, as bits.
    F64(u64),
    /// `v128.const`, little-endian.
    V128([u8; 16]),
    /// `ref.null`.
    RefNull,
    /// `ref.func`.
    RefFunc(FuncIndex),
    /// `global.get`.
    GlobalGet(GlobalIndex),
    /// `i32.add`.
    I32Add,
    /// `i32.sub`.
    I32Sub,
    /// `i32.mul`.
    I32Mul,
    /// `i64.add`.
    I64Add,
    /// `i64.sub`.
    I64Sub,
    /// `i64.mul`.
    I64Mul,
    /// `struct.new`.
    StructNew(TypeIndex),
    /// `struct.new_default`.
    StructNewDefault(TypeIndex),
    /// `struct.new_desc`.
    StructNewDesc(TypeIndex),
    /// `struct.new_default_desc`.
    StructNewDefaultDesc(TypeIndex),
    /// `array.new`.
    ArrayNew(TypeIndex),
    /// `array.new_default`.
    ArrayNewDefault(TypeIndex),
    /// `array.new_fixed`.
    ArrayNewFixed(TypeIndex, u32),
    /// `ref.i31`.
    RefI31,
}

impl WasmModule {
    /// The data segments; none before the module is complete.
    pub fn datas(&self) -> &PrimaryMap<DataIndex, DataSegment> {
        static NONE: OnceLock<PrimaryMap<DataIndex, DataSegment>> = OnceLock::new();
        let Some(tail) = self.tail.get() else { return NONE.get_or_init(PrimaryMap::new) };
        tail.datas.get_or_init(|| tail.data_section.as_ref().map(crate::wasm::decode::late_datas).unwrap_or_default())
    }

    /// Whether they are decoded when somebody asks for them.
    pub fn has_late_datas(&self) -> bool {
        self.tail.get().is_some_and(|tail| tail.data_section.is_some())
    }

    /// How many there are.
    pub fn data_count(&self) -> usize {
        self.tail.get().map_or(0, |tail| tail.data_count)
    }

    /// Whether the data segments are those that the module was made from: not if they were not kept, and its file was changed since.
    pub fn has_datas(&self) -> bool {
        let section = self.tail.get().and_then(|tail| tail.data_section.as_ref());
        section.is_none_or(|(wire_bytes, range)| wire_bytes.want(range.clone()))
    }

    /// The type of a function.
    pub fn func_type(&self, func: FuncIndex) -> &FuncType {
        self.signature(self.funcs[func])
    }

    /// The function type that a type defines.
    ///
    /// # Panics
    ///
    /// It defines something else. Wherever the specification asks for a function type, validation has seen to it.
    pub fn signature(&self, ty: TypeIndex) -> &FuncType {
        self.types[ty].composite.as_func().expect("validation asks for a function type here")
    }

    /// How many types there are between a type and the root of its hierarchy.
    pub fn subtyping_depth(&self, ty: TypeIndex) -> u32 {
        (0..).zip(self.supertypes(ty)).last().map_or(0, |(depth, _)| depth)
    }

    /// Whether a type is another, or was declared to extend it. Two definitions of the same type count as different here.
    pub fn extends(&self, ty: TypeIndex, supertype: TypeIndex) -> bool {
        self.supertypes(ty).any(|ty| ty == supertype)
    }

    /// A type, and the types that it extends, up to the root.
    pub fn supertypes(&self, ty: TypeIndex) -> impl Iterator<Item = TypeIndex> {
        std::iter::successors(Some(ty), |&ty| self.types[ty].supertype).take(limits::SUBTYPING_DEPTH + 1)
    }

    /// The body of a function of any number.
    pub fn find_body(&self, func: FuncIndex) -> Option<DefinedFuncIndex> {
        self.defined_func(func).filter(|func| func.index() < self.bodies.len())
    }

    /// When functions are worth being compiled, as far as the module says; nothing before it is complete.
    pub fn priorities(&self) -> impl Iterator<Item = (FuncIndex, CompilationPriority)> {
        let tail = self.tail.get().into_iter();
        tail.flat_map(|tail| &tail.priorities).map(|(&func, &priority)| (func, priority))
    }

    /// Whether the module says that a function runs once.
    pub fn runs_once(&self, func: DefinedFuncIndex) -> bool {
        let Some(tail) = self.tail.get() else { return false };
        tail.priorities.get(&self.func_index(func)).is_some_and(|priority| priority.runs_once())
    }

    /// Which way the branches of a body mostly go, as far as the module says.
    pub fn hints_of(&self, func: DefinedFuncIndex) -> &[BranchHint] {
        self.branch_hints.get(&self.func_index(func)).map_or(&[], |hints| hints)
    }

    /// The body index of a function, `None` when it is imported.
    pub fn defined_func(&self, func: FuncIndex) -> Option<DefinedFuncIndex> {
        func.index().checked_sub(self.imported_func_count).map(DefinedFuncIndex::new)
    }

    /// The function index of a body.
    pub fn func_index(&self, func: DefinedFuncIndex) -> FuncIndex {
        FuncIndex::new(self.imported_func_count + func.index())
    }

    /// The initializer index of a global, `None` when it is imported.
    pub fn defined_global(&self, global: GlobalIndex) -> Option<DefinedGlobalIndex> {
        global.index().checked_sub(self.imported_global_count).map(DefinedGlobalIndex::new)
    }

    /// The initializer of a global that never changes and is the same in all instances, as far as that is a single operator.
    pub fn global_constant(&self, global: GlobalIndex) -> Option<ConstOp> {
        let init = &self.global_inits.get(self.defined_global(global)?)?.0;
        match **init {
            [op] if !self.globals[global].mutable => Some(op),
            _ => None,
        }
    }

    /// Whether a memory is imported.
    pub fn is_imported_memory(&self, memory: MemoryIndex) -> bool {
        memory.index() < self.imported_memory_count
    }

    /// Whether a table is imported.
    pub fn is_imported_table(&self, table: TableIndex) -> bool {
        table.index() < self.imported_table_count
    }

    /// Looks an export up by name.
    pub fn export(&self, name: &str) -> Option<ExportIndex> {
        let by_name = self
            .export_by_name
            .get_or_init(|| self.exports.iter().enumerate().map(|(position, export)| (export.name.clone(), position)).collect());
        by_name.get(name).map(|&position| self.exports[position].index)
    }
}
