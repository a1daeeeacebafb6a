//! The types of the specification's §2.3, in our own words' size.
//!
//! One set of types serves modules and engines. In a module, a reference to a type definition is [`HeapType::Concrete`], an
//! index of the module's type section; everywhere behind linking it is [`HeapType::Canonical`], an id that means the same in all
//! modules of an engine. Both say of which kind the definition is, so that most questions need no look at it.
//! **Invariant:** a decoded module names no canonical id, and a store names no module's index.

mod composite;
mod external;
pub(crate) mod text;

pub use composite::{ArrayType, Clauses, CompositeType, FieldType, FuncType, StorageType, StructType, SubType};
pub use external::{GlobalType, MemoryType, TableType};

use crate::base::{CanonicalTypeId, TypeIndex};

/// A value type (§2.3.6).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValType {
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128-bit vector.
    V128,
    /// A reference.
    Ref(RefType),
}

/// A reference type (§2.3.5).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefType {
    /// Whether null belongs to the type.
    pub nullable: bool,
    /// What it refers to.
    pub heap: HeapType,
}

/// A heap type (§2.3.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeapType {
    /// Any function.
    Func,
    /// No function.
    NoFunc,
    /// Any reference of the host.
    Extern,
    /// No reference of the host.
    NoExtern,
    /// Anything that guests can look into, functions apart.
    Any,
    /// Anything that references can be compared of.
    Eq,
    /// A 31-bit integer.
    I31,
    /// Any structure.
    Struct,
    /// Any array.
    Array,
    /// Nothing below `any`.
    None,
    /// Any exception.
    Exn,
    /// No exception.
    NoExn,
    /// A type of the module that says so.
    Concrete(CompositeKind, TypeIndex),
    /// A type of an engine.
    Canonical(CompositeKind, CanonicalTypeId),
    /// A type of the module that says so, and none that extends it.
    Exact(CompositeKind, TypeIndex),
    /// A type of an engine, and none that extends it.
    CanonicalExact(CompositeKind, CanonicalTypeId),
}

/// What a type definition defines.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum CompositeKind {
    /// A function type.
    Func,
    /// A structure type.
    Struct,
    /// An array type.
    Array,
}

impl CompositeKind {
    /// The abstract type right above definitions of the kind.
    pub fn heap(self) -> HeapType {
        match self {
            CompositeKind::Func => HeapType::Func,
            CompositeKind::Struct => HeapType::Struct,
            CompositeKind::Array => HeapType::Array,
        }
    }
}

impl HeapType {
    /// The type above all that are related to this one: `func`, `extern`, `any` or `exn`.
    pub fn top(self) -> HeapType {
        match self {
            HeapType::Func | HeapType::NoFunc => HeapType::Func,
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
            HeapType::Any | HeapType::Eq | HeapType::I31 | HeapType::Struct | HeapType::Array | HeapType::None => HeapType::Any,
            HeapType::Concrete(kind, _)
            | HeapType::Canonical(kind, _)
            | HeapType::Exact(kind, _)
            | HeapType::CanonicalExact(kind, _) => kind.heap().top(),
        }
    }

    /// Whether references of the type are the heap's: all but functions, which index a table of their own.
    pub fn is_in_heap(self) -> bool {
        self.top() != HeapType::Func
    }

    /// The type below all that are related to this one.
    pub fn bottom(self) -> HeapType {
        match self.top() {
            HeapType::Func => HeapType::NoFunc,
            HeapType::Extern => HeapType::NoExtern,
            HeapType::Exn => HeapType::NoExn,
            _ => HeapType::None,
        }
    }

    /// The id of a type of an engine.
    pub fn canonical_id(self) -> Option<CanonicalTypeId> {
        if let HeapType::Canonical(_, id) | HeapType::CanonicalExact(_, id) = self { Some(id) } else { None }
    }

    /// The index of a type of the module.
    pub fn type_index(self) -> Option<TypeIndex> {
        if let HeapType::Concrete(_, index) | HeapType::Exact(_, index) = self { Some(index) } else { None }
    }

    /// The same without the types that extend it: what an object that was made of the type is. Abstract types stay as they are.
    #[must_use]
    pub fn exact(self) -> HeapType {
        match self {
            HeapType::Concrete(kind, index) => HeapType::Exact(kind, index),
            HeapType::Canonical(kind, id) => HeapType::CanonicalExact(kind, id),
            other => other,
        }
    }

    /// The type with a type of an engine in place of a type of a module.
    #[must_use]
    pub fn canonical(self, id_of: impl FnOnce(TypeIndex) -> CanonicalTypeId) -> HeapType {
        match self {
            HeapType::Concrete(kind, index) => HeapType::Canonical(kind, id_of(index)),
            HeapType::Exact(kind, index) => HeapType::CanonicalExact(kind, id_of(index)),
            other => other,
        }
    }
}

impl RefType {
    /// `funcref`: `(ref null func)`.
    pub const FUNC: RefType = RefType::nullable(HeapType::Func);
    /// `externref`: `(ref null extern)`.
    pub const EXTERN: RefType = RefType::nullable(HeapType::Extern);
    /// `anyref`: `(ref null any)`.
    pub const ANY: RefType = RefType::nullable(HeapType::Any);
    /// `exnref`: `(ref null exn)`.
    pub const EXN: RefType = RefType::nullable(HeapType::Exn);

    /// References to something, or null.
    pub const fn nullable(heap: HeapType) -> RefType {
        RefType { nullable: true, heap }
    }

    /// References to something.
    pub const fn non_null(heap: HeapType) -> RefType {
        RefType { nullable: false, heap }
    }

    /// The type with another heap type in place of its own.
    #[must_use]
    pub fn map(self, map: &mut impl FnMut(HeapType) -> HeapType) -> RefType {
        RefType { heap: map(self.heap), ..self }
    }
}

impl ValType {
    /// `funcref`.
    pub const FUNCREF: ValType = ValType::Ref(RefType::FUNC);
    /// `externref`.
    pub const EXTERNREF: ValType = ValType::Ref(RefType::EXTERN);
    /// `anyref`.
    pub const ANYREF: ValType = ValType::Ref(RefType::ANY);
    /// `exnref`.
    pub const EXNREF: ValType = ValType::Ref(RefType::EXN);

    /// Whether values of the type travel in floating-point and vector registers.
    pub const fn is_float_or_vector(self) -> bool {
        matches!(self, ValType::F32 | ValType::F64 | ValType::V128)
    }

    /// The heap type, if it is a reference type.
    pub fn heap(self) -> Option<HeapType> {
        if let ValType::Ref(ty) = self { Some(ty.heap) } else { None }
    }

    /// The type with another heap type in place of its own.
    #[must_use]
    pub fn map(self, map: &mut impl FnMut(HeapType) -> HeapType) -> ValType {
        match self {
            ValType::Ref(ty) => ValType::Ref(ty.map(map)),
            other => other,
        }
    }
}
