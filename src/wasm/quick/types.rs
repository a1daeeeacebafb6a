//! Types as bytes, lists of them as words, and what a module declares in these terms.

use wasmparser::WasmFeatures;

use crate::wasm::module::WasmModule;
use crate::wasm::types::{FuncType, HeapType, RefType, ValType};

/// No type: matches nothing, not even an operand of unreachable code.
pub(super) const NONE: u8 = 0;
pub(super) const I32: u8 = 1;
pub(super) const I64: u8 = 1 << 1;
pub(super) const F32: u8 = 1 << 2;
pub(super) const F64: u8 = 1 << 3;
pub(super) const V128: u8 = 1 << 4;
/// `funcref`, or a reference of a type below it: what is allowed of the one is of the other, and nothing else is done with either here.
pub(super) const FUNC: u8 = 1 << 5;
/// `externref`.
pub(super) const EXTERN: u8 = 1 << 6;
/// An operand of unreachable code, which has each type.
pub(super) const ANY: u8 = I32 | I64 | F32 | F64 | V128 | REF;
/// All references.
pub(super) const REF: u8 = FUNC | EXTERN;

/// All single types; their lists are the first of the pool.
const SINGLE: [u8; 7] = [I32, I64, F32, F64, V128, FUNC, EXTERN];

/// The longest list that has its types in a word.
pub(super) const WORD_TYPES: u32 = 8;

/// The type that a byte of the binary format means.
#[inline(always)]
pub(super) fn simple(byte: u8) -> Option<u8> {
    match byte {
        0x7f => Some(I32),
        0x7e => Some(I64),
        0x7d => Some(F32),
        0x7c => Some(F64),
        0x7b => Some(V128),
        0x70 => Some(FUNC),
        0x6f => Some(EXTERN),
        _ => None,
    }
}

/// A list of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// The types, the first lowest, if there are at most [`WORD_TYPES`].
    pub word: u64,
    /// Where in the pool the list begins.
    pub start: u32,
    /// How many there are.
    pub count: u32,
}

impl List {
    /// The list of one type.
    #[inline(always)]
    pub(super) fn single(ty: u8) -> List {
        List { word: u64::from(ty), start: ty.trailing_zeros(), count: 1 }
    }
}

/// A function type of which all types are simple.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature {
    pub params: List,
    pub results: List,
}

/// What bodies of one module refer to.
#[derive(Debug)]
pub(crate) struct Tables {
    signatures: Vec<Option<Signature>>,
    /// All lists, one after the other.
    pool: Vec<u8>,
    /// Type of each global, and whether it may be set; [`NONE`] for types that are not simple.
    pub(super) globals: Vec<(u8, bool)>,
    /// The index type of each memory.
    pub(super) memories: Vec<u8>,
    /// The index type of the first memory, [`NONE`] without memories.
    pub(super) memory: u8,
    /// The index type of each table of functions, [`NONE`] for other tables.
    pub(super) calls: Vec<u8>,
}

/// The features that some rule here takes for granted.
const NEEDED: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::WIDE_ARITHMETIC);

/// The features under which immediates are other ones, or functions may do less.
const UNKNOWN: WasmFeatures = WasmFeatures::ACQUIRE_RELEASE_ATOMICS
    .union(WasmFeatures::MULTIBYTE_ARRAY_ACCESS)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS);

impl Tables {
    /// What bodies of a module refer to; nothing if the features are not those that the rules here are made for.
    pub(crate) fn new(module: &WasmModule, features: WasmFeatures) -> Option<Tables> {
        if !features.contains(NEEDED) || features.intersects(UNKNOWN) {
            return None;
        }
        let mut pool = SINGLE.to_vec();
        let signatures = module.types.values().map(|ty| signature(&mut pool, ty.composite.as_func()?)).collect();
        let index = |is_64: bool| if is_64 { I64 } else { I32 };
        let globals = module.globals.values().map(|global| (code(global.content).unwrap_or(NONE), global.mutable)).collect();
        let memories: Vec<u8> = module.memories.values().map(|memory| index(memory.memory64)).collect();
        let calls = module.tables.values().map(|table| match table.ty.element.heap.top() {
            HeapType::Func => index(table.ty.table64),
            _ => NONE,
        });
        let calls = calls.collect();
        Some(Tables { signatures, pool, globals, memory: memories.first().copied().unwrap_or(NONE), memories, calls })
    }

    /// The function type of a type index.
    #[inline(always)]
    pub(super) fn signature(&self, ty: u32) -> Option<&Signature> {
        self.signatures.get(ty as usize)?.as_ref()
    }

    /// The types of a list.
    pub(super) fn list(&self, list: List) -> Option<&[u8]> {
        let start = list.start as usize;
        self.pool.get(start..start + list.count as usize)
    }
}

fn signature(pool: &mut Vec<u8>, ty: &FuncType) -> Option<Signature> {
    Some(Signature { params: list(pool, &ty.params)?, results: list(pool, &ty.results)? })
}

/// Appends a list of types to the pool.
fn list(pool: &mut Vec<u8>, types: &[ValType]) -> Option<List> {
    let start = pool.len();
    for &ty in types {
        pool.push(code(ty)?);
    }
    let word = pool[start..].iter().take(WORD_TYPES as usize).rev().fold(0, |word, &ty| word << 8 | u64::from(ty));
    Some(List { word, start: u32::try_from(start).ok()?, count: u32::try_from(types.len()).ok()? })
}

/// The byte of a type, if that is simple.
fn code(ty: ValType) -> Option<u8> {
    match ty {
        ValType::I32 => Some(I32),
        ValType::I64 => Some(I64),
        ValType::F32 => Some(F32),
        ValType::F64 => Some(F64),
        ValType::V128 => Some(V128),
        ValType::Ref(RefType { nullable: true, heap: HeapType::Func }) => Some(FUNC),
        ValType::Ref(RefType { nullable: true, heap: HeapType::Extern }) => Some(EXTERN),
        ValType::Ref(_) => None,
    }
}
