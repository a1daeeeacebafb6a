//! Tables: 32-bit references, contiguous, with a definition that generated code reads.

use crate::base::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::base::limits::TABLE_ELEM_COUNT;
use crate::layout::TableDef;
use crate::runtime::error::ResourceError;
use crate::wasm::types::TableType;

/// A table.
#[derive(Debug)]
pub struct TableObject {
    def: Box<TableDef>,
    ty: TableType,
    elements: Vec<u32>,
}

impl TableObject {
    /// A table of its type's least size, filled with one reference.
    ///
    /// # Errors
    ///
    /// The size is beyond the implementation's limit, or memory is not to be had.
    pub fn new(ty: TableType, init: u32) -> Result<Self, ResourceError> {
        let def = Box::new(TableDef { base: AtomicPtr::new(std::ptr::null_mut()), len: AtomicU64::new(0) });
        let mut table = TableObject { def, ty, elements: Vec::new() };
        match table.grow(ty.min, init) {
            Some(_) => Ok(table),
            None => Err(ResourceError(format!("limit: table of {} elements is beyond {TABLE_ELEM_COUNT}", ty.min))),
        }
    }

    /// The type that it was made with.
    pub fn declared_type(&self) -> TableType {
        self.ty
    }

    /// Its type now: the least size is the present one.
    pub fn current_type(&self) -> TableType {
        TableType { min: self.elements.len() as u64, ..self.ty }
    }

    /// What generated code reads.
    pub fn def(&self) -> *const TableDef {
        &*self.def
    }

    /// The elements.
    pub fn elements(&self) -> &[u32] {
        &self.elements
    }

    /// The elements, to write.
    pub fn elements_mut(&mut self) -> &mut [u32] {
        &mut self.elements
    }

    /// Takes the elements out, for as long as somebody looks at them beside the store.
    pub(crate) fn take_elements(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.elements)
    }

    /// Puts them back: the same buffer, whose address generated code holds.
    pub(crate) fn return_elements(&mut self, elements: Vec<u32>) {
        debug_assert_eq!(elements.as_ptr(), self.def.base.load(Ordering::Relaxed).cast_const());
        self.elements = elements;
    }

    /// Number of elements after growing; `None` when the type or the implementation does not allow that.
    pub fn grown_len(&self, count: u64) -> Option<u64> {
        let len = (self.elements.len() as u64).checked_add(count)?;
        (len <= TABLE_ELEM_COUNT && self.ty.max.is_none_or(|max| len <= max)).then_some(len)
    }

    /// Grows by some elements, all the same; the old length, or `None` when that is not possible.
    pub fn grow(&mut self, count: u64, init: u32) -> Option<u64> {
        let old = self.elements.len();
        let len = usize::try_from(self.grown_len(count)?).ok()?;
        self.elements.try_reserve_exact(len - old).ok()?;
        self.elements.resize(len, init);
        // Tables belong to one isolate, hence one thread at a time: no order is needed between these.
        self.def.base.store(self.elements.as_mut_ptr(), Ordering::Relaxed);
        self.def.len.store(len as u64, Ordering::Relaxed);
        Some(old as u64)
    }
}
