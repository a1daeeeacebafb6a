//! wasmparser's types to ours.

use wasmparser as wp;

use crate::base::TypeIndex;
use crate::wasm::error::{CompileError, CompileErrorKind};
use crate::wasm::module::WasmModule;
use crate::wasm::types::{
    ArrayType, Clauses, CompositeKind, CompositeType, FieldType, FuncType, GlobalType, HeapType, MemoryType, RefType,
    StorageType, StructType, SubType, TableType, ValType,
};

pub(super) fn unsupported(what: impl std::fmt::Display, offset: usize) -> CompileError {
    CompileError::new(CompileErrorKind::Unsupported, format!("{what} is not supported"), Some(offset))
}

/// Translates types of one module; errors name the offset.
///
/// The validator has refused what is invalid and what the accepted features exclude; what is left over is refused by name.
pub(super) struct Translation<'a> {
    /// The types so far.
    pub module: &'a WasmModule,
    /// Where the recursion group at hand begins, and what its types define: a reference may lead forward within its group.
    pub group: (TypeIndex, &'a [CompositeKind]),
    /// Where in the bytes.
    pub offset: usize,
}

/// What a type defines; `None` for what is not supported.
pub(super) fn kind(ty: &wp::CompositeType) -> Option<CompositeKind> {
    if ty.shared {
        return None;
    }
    match ty.inner {
        wp::CompositeInnerType::Func(_) => Some(CompositeKind::Func),
        wp::CompositeInnerType::Struct(_) => Some(CompositeKind::Struct),
        wp::CompositeInnerType::Array(_) => Some(CompositeKind::Array),
        wp::CompositeInnerType::Cont(_) => None,
    }
}

impl Translation<'_> {
    pub(super) fn val_type(&self, ty: wp::ValType) -> Result<ValType, CompileError> {
        Ok(match ty {
            wp::ValType::I32 => ValType::I32,
            wp::ValType::I64 => ValType::I64,
            wp::ValType::F32 => ValType::F32,
            wp::ValType::F64 => ValType::F64,
            wp::ValType::V128 => ValType::V128,
            wp::ValType::Ref(ty) => ValType::Ref(self.ref_type(ty)?),
        })
    }

    pub(super) fn ref_type(&self, ty: wp::RefType) -> Result<RefType, CompileError> {
        use wp::AbstractHeapType as Abstract;
        let heap = match ty.heap_type() {
            wp::HeapType::Abstract { shared: false, ty: heap } => match heap {
                Abstract::Func => HeapType::Func,
                Abstract::NoFunc => HeapType::NoFunc,
                Abstract::Extern => HeapType::Extern,
                Abstract::NoExtern => HeapType::NoExtern,
                Abstract::Any => HeapType::Any,
                Abstract::Eq => HeapType::Eq,
                Abstract::I31 => HeapType::I31,
                Abstract::Struct => HeapType::Struct,
                Abstract::Array => HeapType::Array,
                Abstract::None => HeapType::None,
                Abstract::Exn => HeapType::Exn,
                Abstract::NoExn => HeapType::NoExn,
                Abstract::Cont | Abstract::NoCont => return Err(unsupported(ty, self.offset)),
            },
            wp::HeapType::Concrete(wp::UnpackedIndex::Module(index)) => {
                let index = TypeIndex::from_u32(index);
                HeapType::Concrete(self.kind_of(index).ok_or_else(|| unsupported(ty, self.offset))?, index)
            }
            wp::HeapType::Exact(wp::UnpackedIndex::Module(index)) => {
                let index = TypeIndex::from_u32(index);
                HeapType::Exact(self.kind_of(index).ok_or_else(|| unsupported(ty, self.offset))?, index)
            }
            _ => return Err(unsupported(ty, self.offset)),
        };
        Ok(RefType { nullable: ty.is_nullable(), heap })
    }

    fn kind_of(&self, index: TypeIndex) -> Option<CompositeKind> {
        let (first, kinds) = self.group;
        match index.as_u32().checked_sub(first.as_u32()) {
            None => Some(self.module.types[index].composite.kind()),
            Some(position) => kinds.get(position as usize).copied(),
        }
    }

    pub(super) fn sub_type(&self, ty: &wp::SubType) -> Result<SubType, CompileError> {
        let composite = match &ty.composite_type.inner {
            wp::CompositeInnerType::Func(ty) => CompositeType::Func(self.func_type(ty)?),
            wp::CompositeInnerType::Struct(ty) => {
                let fields = ty.fields.iter().map(|field| self.field_type(field)).collect::<Result<Box<[_]>, _>>()?;
                CompositeType::Struct(StructType { fields })
            }
            wp::CompositeInnerType::Array(ty) => CompositeType::Array(ArrayType { element: self.field_type(&ty.0)? }),
            wp::CompositeInnerType::Cont(_) => return Err(unsupported("a continuation type", self.offset)),
        };
        let index = |index: wp::PackedIndex| {
            let index = index.as_module_index().ok_or_else(|| unsupported("a type named in that form", self.offset))?;
            Ok::<_, CompileError>(TypeIndex::from_u32(index))
        };
        let supertype = match *ty.supertype_idxs {
            [] => None,
            [supertype] => Some(index(supertype)?),
            _ => return Err(unsupported("a type with several supertypes", self.offset)),
        };
        let clauses = Clauses {
            describes: ty.composite_type.describes_idx.map(index).transpose()?,
            descriptor: ty.composite_type.descriptor_idx.map(index).transpose()?,
        };
        Ok(SubType { is_final: ty.is_final, supertype, clauses, composite })
    }

    fn func_type(&self, ty: &wp::FuncType) -> Result<FuncType, CompileError> {
        // To collect results is to guess how many there are.
        let list = |types: &[wp::ValType]| {
            let mut list = Vec::with_capacity(types.len());
            for &ty in types {
                list.push(self.val_type(ty)?);
            }
            Ok::<Box<[ValType]>, CompileError>(list.into())
        };
        Ok(FuncType { params: list(ty.params())?, results: list(ty.results())? })
    }

    fn field_type(&self, ty: &wp::FieldType) -> Result<FieldType, CompileError> {
        let storage = match ty.element_type {
            wp::StorageType::I8 => StorageType::I8,
            wp::StorageType::I16 => StorageType::I16,
            wp::StorageType::Val(ty) => StorageType::Val(self.val_type(ty)?),
        };
        Ok(FieldType { storage, mutable: ty.mutable })
    }

    pub(super) fn table_type(&self, ty: &wp::TableType) -> Result<TableType, CompileError> {
        if ty.shared {
            return Err(unsupported("a shared table", self.offset));
        }
        Ok(TableType { element: self.ref_type(ty.element_type)?, min: ty.initial, max: ty.maximum, table64: ty.table64 })
    }

    pub(super) fn global_type(&self, ty: &wp::GlobalType) -> Result<GlobalType, CompileError> {
        if ty.shared {
            return Err(unsupported("a shared global", self.offset));
        }
        Ok(GlobalType { content: self.val_type(ty.content_type)?, mutable: ty.mutable })
    }
}

/// A memory type.
pub(super) fn memory_type(ty: &wp::MemoryType) -> MemoryType {
    let page_size_log2 = ty.page_size_log2.and_then(|log2| u8::try_from(log2).ok()).unwrap_or(16);
    MemoryType { min: ty.initial, max: ty.maximum, memory64: ty.memory64, shared: ty.shared, page_size_log2 }
}
