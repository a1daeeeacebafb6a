//! Type definitions (§2.3.8–10): functions, structures, arrays, and how they extend each other.

use super::{CompositeKind, HeapType, ValType};
use crate::base::TypeIndex;

/// A function type (§2.3.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Types of the parameters.
    pub params: Box<[ValType]>,
    /// Types of the results.
    pub results: Box<[ValType]>,
}

/// What a field holds (§2.3.9).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageType {
    /// An 8-bit integer.
    I8,
    /// A 16-bit integer.
    I16,
    /// A value.
    Val(ValType),
}

/// A field of a structure, or the elements of an array (§2.3.9).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldType {
    /// What it holds.
    pub storage: StorageType,
    /// Whether it may change.
    pub mutable: bool,
}

/// A structure type (§2.3.9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StructType {
    /// The fields.
    pub fields: Box<[FieldType]>,
}

/// An array type (§2.3.9).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArrayType {
    /// The elements.
    pub element: FieldType,
}

/// A composite type (§2.3.9).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CompositeType {
    /// A function type.
    Func(FuncType),
    /// A structure type.
    Struct(StructType),
    /// An array type.
    Array(ArrayType),
}

/// A type definition of a module (§2.3.10).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubType {
    /// Whether no type may extend it.
    pub is_final: bool,
    /// The type that it extends.
    pub supertype: Option<TypeIndex>,
    /// Which type describes it, and which it describes.
    pub clauses: Clauses<TypeIndex>,
    /// What it defines.
    pub composite: CompositeType,
}

/// The clauses of the custom descriptors proposal, of structure types: each object of a type with a descriptor has a reference to an
/// object of that one.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clauses<T> {
    /// The type that this one describes.
    pub describes: Option<T>,
    /// The type of the descriptors of its objects.
    pub descriptor: Option<T>,
}

impl<T> Clauses<T> {
    /// No clause.
    pub const NONE: Self = Clauses { describes: None, descriptor: None };

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.describes.is_none() && self.descriptor.is_none()
    }

    /// The same clauses with types named otherwise.
    pub fn map<U>(self, mut map: impl FnMut(T) -> U) -> Clauses<U> {
        Clauses { describes: self.describes.map(&mut map), descriptor: self.descriptor.map(map) }
    }

    /// The types that it names.
    pub fn types(self) -> impl Iterator<Item = T> {
        self.describes.into_iter().chain(self.descriptor)
    }
}

impl FuncType {
    /// A function type from its parameters and results.
    pub fn new(params: impl IntoIterator<Item = ValType>, results: impl IntoIterator<Item = ValType>) -> Self {
        FuncType { params: params.into_iter().collect(), results: results.into_iter().collect() }
    }

    /// The type with other heap types in place of its own.
    #[must_use]
    pub fn map(&self, map: &mut impl FnMut(HeapType) -> HeapType) -> FuncType {
        let mut list = |types: &[ValType]| types.iter().map(|ty| ty.map(map)).collect();
        FuncType { params: list(&self.params), results: list(&self.results) }
    }

    /// Heap types of all parameters and results.
    pub fn heaps(&self) -> impl Iterator<Item = HeapType> {
        self.params.iter().chain(&self.results).filter_map(|ty| ty.heap())
    }
}

impl StorageType {
    /// The type of the value that reading gives.
    pub fn unpacked(self) -> ValType {
        match self {
            StorageType::I8 | StorageType::I16 => ValType::I32,
            StorageType::Val(ty) => ty,
        }
    }

    /// Bytes that a value takes in memory.
    pub fn size_bytes(self) -> u32 {
        match self {
            StorageType::I8 => 1,
            StorageType::I16 => 2,
            StorageType::Val(ValType::I32 | ValType::F32 | ValType::Ref(_)) => 4,
            StorageType::Val(ValType::I64 | ValType::F64) => 8,
            StorageType::Val(ValType::V128) => 16,
        }
    }
}

impl FieldType {
    /// The type with another heap type in place of its own.
    #[must_use]
    pub fn map(self, map: &mut impl FnMut(HeapType) -> HeapType) -> FieldType {
        match self.storage {
            StorageType::Val(ty) => FieldType { storage: StorageType::Val(ty.map(map)), ..self },
            StorageType::I8 | StorageType::I16 => self,
        }
    }
}

impl CompositeType {
    /// What it defines.
    pub fn kind(&self) -> CompositeKind {
        match self {
            CompositeType::Func(_) => CompositeKind::Func,
            CompositeType::Struct(_) => CompositeKind::Struct,
            CompositeType::Array(_) => CompositeKind::Array,
        }
    }

    /// The function type, if it is one.
    pub fn as_func(&self) -> Option<&FuncType> {
        if let CompositeType::Func(ty) = self { Some(ty) } else { None }
    }

    /// The structure type, if it is one.
    pub fn as_struct(&self) -> Option<&StructType> {
        if let CompositeType::Struct(ty) = self { Some(ty) } else { None }
    }

    /// The array type, if it is one.
    pub fn as_array(&self) -> Option<&ArrayType> {
        if let CompositeType::Array(ty) = self { Some(ty) } else { None }
    }

    /// The type with other heap types in place of its own.
    #[must_use]
    pub fn map(&self, map: &mut impl FnMut(HeapType) -> HeapType) -> CompositeType {
        match self {
            CompositeType::Func(ty) => CompositeType::Func(ty.map(map)),
            CompositeType::Struct(ty) => {
                CompositeType::Struct(StructType { fields: ty.fields.iter().map(|field| field.map(map)).collect() })
            }
            CompositeType::Array(ty) => CompositeType::Array(ArrayType { element: ty.element.map(map) }),
        }
    }
}

impl SubType {
    /// A definition that stands alone: final, and extends nothing.
    pub fn plain(composite: CompositeType) -> SubType {
        SubType { is_final: true, supertype: None, clauses: Clauses::NONE, composite }
    }
}
