//! Globals: cells in the vmctx, or behind a pointer in it when imported.

use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};

use crate::abi::vmctx::GlobalPlace;
use crate::base::GlobalIndex;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::{GLOBAL_REGION_MAX, Kind, region};
use crate::codegen::optimizing::signature::{clif_type, is_in_heap};
use crate::wasm::module::ConstOp;

impl Translator<'_> {
    pub(super) fn global_get(&mut self, global: GlobalIndex) {
        let value = match self.global_constant(global) {
            Some(value) => value,
            None => {
                let ty = self.module.globals[global];
                let (address, offset) = self.global_address(global);
                // The collector changes what a global of the heap holds, even if the guest cannot.
                let changes = ty.mutable || is_in_heap(ty.content);
                let flags = if changes { self.global_flags(global) } else { self.flags.constant };
                let value = self.builder.ins().load(clif_type(ty.content), flags, address, offset32(offset));
                self.tracked(value, ty.content)
            }
        };
        self.push(value);
    }

    pub(super) fn global_set(&mut self, global: GlobalIndex) {
        let value = self.pop_canonical();
        let (address, offset) = self.global_address(global);
        let flags = self.global_flags(global);
        self.builder.ins().store(flags, value, address, offset32(offset));
    }

    /// The value of a global that never changes and is the same in all instances.
    fn global_constant(&mut self, global: GlobalIndex) -> Option<Value> {
        Some(match self.module.global_constant(global)? {
            ConstOp::I32(value) => self.i32(value),
            ConstOp::I64(value) => self.builder.ins().iconst(I64, value),
            ConstOp::F32(bits) => self.builder.ins().f32const(Ieee32::with_bits(bits)),
            ConstOp::F64(bits) => self.builder.ins().f64const(Ieee64::with_bits(bits)),
            _ => return None,
        })
    }

    fn global_address(&mut self, global: GlobalIndex) -> (Value, u32) {
        match self.env.layout.global(global) {
            GlobalPlace::Cell(offset) => (self.vmctx, offset),
            GlobalPlace::Pointer(offset) => (self.builder.ins().load(I64, self.flags.constant, self.vmctx, offset32(offset)), 0),
        }
    }

    /// A defined global is nobody else's; imported ones may be the same.
    fn global_flags(&mut self, global: GlobalIndex) -> MemFlagsData {
        let (kind, nth) = match self.module.defined_global(global) {
            None => (Kind::ImportedGlobals, 0),
            Some(_) => {
                let known = &mut self.state.global_regions;
                match known.iter().position(|&other| other == global) {
                    Some(nth) => (Kind::Global, nth),
                    None if known.len() < GLOBAL_REGION_MAX => {
                        known.push(global);
                        (Kind::Global, known.len() - 1)
                    }
                    None => (Kind::OtherGlobals, 0),
                }
            }
        };
        let region = region(self.builder.func, kind, nth);
        MemFlagsData::trusted().with_alias_region(Some(region))
    }
}
