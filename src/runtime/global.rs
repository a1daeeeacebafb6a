//! Globals: a cell of 16 bytes, in the vmctx of the instance that defines it or in a box of its own.

use crate::layout::V128Cell;
use crate::wasm::types::GlobalType;

/// A global: its type and where its cell is.
#[derive(Debug)]
pub struct GlobalObject {
    ty: GlobalType,
    cell: *mut V128Cell,
    /// Keeps the cell of a global that the host made.
    owned: Option<Box<V128Cell>>,
    /// The instance in whose vmctx the cell is.
    owner: Option<u32>,
}

impl GlobalObject {
    /// A global of the host.
    pub fn new(ty: GlobalType, bits: u128) -> Self {
        let mut owned = Box::new(V128Cell(bits.to_le_bytes()));
        GlobalObject { ty, cell: &raw mut *owned, owned: Some(owned), owner: None }
    }

    /// A global whose cell lies in the vmctx of an instance.
    ///
    /// # Safety
    ///
    /// The cell outlives this object, and nobody else writes it while the store is borrowed.
    pub unsafe fn in_vmctx(ty: GlobalType, cell: *mut V128Cell, owner: u32) -> Self {
        GlobalObject { ty, cell, owned: None, owner: Some(owner) }
    }

    /// Its type.
    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    /// Where its value is.
    pub fn cell(&self) -> *mut V128Cell {
        self.cell
    }

    /// The instance that has the cell.
    pub(crate) fn owner(&self) -> Option<u32> {
        self.owner
    }

    /// Its value, as bits.
    pub fn bits(&self) -> u128 {
        // SAFETY: the cell lives as long as this object (`owned`, or the promise of `in_vmctx`).
        u128::from_le_bytes(unsafe { (*self.cell).0 })
    }

    /// Sets its value.
    pub fn set_bits(&mut self, bits: u128) {
        debug_assert!(self.owned.is_some() || !self.cell.is_null());
        // SAFETY: as for `bits`; the exclusive borrow keeps other views away.
        unsafe { (*self.cell).0 = bits.to_le_bytes() };
    }
}
