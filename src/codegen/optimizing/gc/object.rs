//! What structures and arrays have in common: addresses, loads and stores of fields, the barrier, allocation.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Value};

use crate::abi::builtins::Builtin;
use crate::abi::fields::{FieldKind, StructLayout, field_kind};
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::DESCRIPTORS;
use crate::base::TypeIndex;
use crate::base::sync::Arc;
use crate::codegen::common::objects;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::trap_code;
use crate::codegen::optimizing::signature::clif_type;
use crate::layout::block::HEAP;
use crate::layout::heap::{CARD_LOG2, HEAP_BARRIER_OBJECT, HEAP_BARRIER_VALUE, HEAP_CAGE, HEAP_CARDS, HEAP_LIMIT, HEAP_TOP};
use crate::wasm::types::{ArrayType, FieldType, StorageType, StructType};

/// How a packed field is widened.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Extend {
    Signed,
    Unsigned,
}

impl Translator<'_> {
    pub(super) fn struct_type(&self, ty: TypeIndex) -> &StructType {
        objects::struct_type(self.module, ty)
    }

    pub(super) fn array_type(&self, ty: TypeIndex) -> ArrayType {
        objects::array_type(self.module, ty)
    }

    /// The layout of a structure type, computed once per function.
    pub(super) fn struct_layout(&mut self, ty: TypeIndex) -> Arc<StructLayout> {
        if let Some(layout) = self.state.struct_layouts.get(&ty) {
            return Arc::clone(layout);
        }
        let layout = Arc::new(StructLayout::new(self.struct_type(ty)));
        self.state.struct_layouts.insert(ty, Arc::clone(&layout));
        layout
    }

    /// Address of reference 0. Code that uses references runs only in isolates that have a heap.
    pub(super) fn cage(&mut self) -> Value {
        self.builder.ins().load(I64, self.flags.constant, self.block, offset32(HEAP + HEAP_CAGE))
    }

    /// Address of the object that a reference names.
    pub(super) fn object_address(&mut self, reference: Value) -> Value {
        let cage = self.cage();
        let reference = self.builder.ins().uextend(I64, reference);
        self.builder.ins().iadd(cage, reference)
    }

    /// The descriptor that objects of a type have in this isolate.
    pub(super) fn descriptor(&mut self, ty: TypeIndex) -> Value {
        let descriptors = self.vmctx_constant(DESCRIPTORS);
        self.builder.ins().load(I32, self.flags.constant, descriptors, offset32(4 * ty.as_u32()))
    }

    /// Flags of an access that faults if the reference is null.
    pub(super) fn may_be_null(&self, null: TrapCode) -> MemFlagsData {
        self.flags.objects.with_trap_code(Some(trap_code(null))).with_endianness(Endianness::Little)
    }

    /// Checks for null what the first page of the cage does not.
    pub(super) fn check_far(&mut self, reference: Value, offset: u32, null: TrapCode) {
        if objects::needs_null_check(offset) {
            self.builder.ins().trapz(reference, trap_code(null));
        }
    }

    /// Reads a field.
    pub(super) fn load_field(
        &mut self,
        field: &FieldType,
        extend: Extend,
        flags: MemFlagsData,
        address: Value,
        offset: u32,
    ) -> Value {
        let offset = offset32(offset);
        match (field.storage, extend) {
            (StorageType::I8, Extend::Signed) => self.builder.ins().sload8(I32, flags, address, offset),
            (StorageType::I8, Extend::Unsigned) => self.builder.ins().uload8(I32, flags, address, offset),
            (StorageType::I16, Extend::Signed) => self.builder.ins().sload16(I32, flags, address, offset),
            (StorageType::I16, Extend::Unsigned) => self.builder.ins().uload16(I32, flags, address, offset),
            (StorageType::Val(ty), _) => {
                let value = self.builder.ins().load(clif_type(ty), flags, address, offset);
                self.tracked(value, ty)
            }
        }
    }

    /// Writes a field, without the barrier.
    pub(super) fn store_field(&mut self, field: &FieldType, value: Value, flags: MemFlagsData, address: Value, offset: u32) {
        let offset = offset32(offset);
        match field.storage {
            StorageType::I8 => self.builder.ins().istore8(flags, value, address, offset),
            StorageType::I16 => self.builder.ins().istore16(flags, value, address, offset),
            StorageType::Val(_) => self.builder.ins().store(flags, value, address, offset),
        };
    }

    /// The barrier (see [`HeapState`](crate::layout::HeapState)): dirties the card of the slot at an address if an old object gets
    /// a young value there.
    pub(super) fn barrier(&mut self, field: &FieldType, reference: Value, value: Value, slot: Value, offset: u32) {
        if field_kind(field) == FieldKind::Ref {
            self.barrier_of_reference(reference, value, slot, offset);
        }
    }

    /// The barrier of a slot that holds a reference.
    pub(super) fn barrier_of_reference(&mut self, reference: Value, value: Value, slot: Value, offset: u32) {
        let word =
            |this: &mut Self, field: usize| this.builder.ins().load(I32, this.flags.block, this.block, offset32(HEAP + field));
        let object_limit = word(self, HEAP_BARRIER_OBJECT);
        let value_limit = word(self, HEAP_BARRIER_VALUE);
        let is_old = self.builder.ins().icmp(IntCC::UnsignedLessThan, reference, object_limit);
        let is_young = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, value, value_limit);
        let both = self.builder.ins().band(is_old, is_young);
        let (dirty, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(dirty);
        self.builder.ins().brif(both, dirty, &[], next, &[]);
        self.builder.seal_block(dirty);
        self.builder.switch_to_block(dirty);
        let cage = self.cage();
        let from_base = self.builder.ins().isub(slot, cage);
        let from_base = self.builder.ins().iadd_imm_u(from_base, i64::from(offset));
        let card = self.builder.ins().ushr_imm_u(from_base, i64::from(CARD_LOG2));
        let cards = self.builder.ins().load(I64, self.flags.pinned, self.block, offset32(HEAP + HEAP_CARDS));
        let address = self.builder.ins().iadd(cards, card);
        let one = self.builder.ins().iconst(I8, 1);
        self.builder.ins().store(self.flags.cards, one, address, 0);
        self.builder.ins().jump(next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// A new object of a type in the nursery: its reference, tracked, with the header written. `word` is the header's second.
    /// The fields hold anything; nothing may call before they are set.
    pub(super) fn allocate(&mut self, ty: TypeIndex, bytes: u32, word: u32) -> Value {
        self.flush_fuel();
        let state = self.flags.block;
        let top = self.builder.ins().load(I32, state, self.block, offset32(HEAP + HEAP_TOP));
        let limit = self.builder.ins().load(I32, state, self.block, offset32(HEAP + HEAP_LIMIT));
        let room = self.builder.ins().isub(limit, top);
        let fits = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, room, i64::from(bytes));
        let (fast, slow, join) = (self.builder.create_block(), self.builder.create_block(), self.builder.create_block());
        let reference = self.builder.append_block_param(join, I32);
        self.builder.set_cold_block(slow);
        self.builder.ins().brif(fits, fast, &[], slow, &[]);
        self.builder.seal_block(fast);
        self.builder.seal_block(slow);

        self.builder.switch_to_block(fast);
        let new_top = self.builder.ins().iadd_imm_u(top, i64::from(bytes));
        self.builder.ins().store(state, new_top, self.block, offset32(HEAP + HEAP_TOP));
        self.builder.ins().jump(join, &[top.into()]);

        self.builder.switch_to_block(slow);
        let type_index = self.u32(ty.as_u32());
        let size = self.u32(bytes);
        let made = self.call_builtin_value(Builtin::AllocateObject, &[type_index, size]);
        self.builder.ins().jump(join, &[made.into()]);

        self.builder.seal_block(join);
        self.builder.switch_to_block(join);
        self.builder.declare_value_needs_stack_map(reference);
        let descriptor = self.descriptor(ty);
        let descriptor = self.builder.ins().uextend(I64, descriptor);
        let header = match word {
            0 => descriptor,
            word => self.builder.ins().bor_imm_u(descriptor, (u64::from(word) << 32).cast_signed()),
        };
        let address = self.object_address(reference);
        self.builder.ins().store(self.flags.objects, header, address, 0);
        reference
    }

    /// Zeros the bytes behind an object's header.
    pub(super) fn zero_fields(&mut self, address: Value, bytes: u32) {
        let zero = self.builder.ins().iconst(I64, 0);
        for offset in (8..bytes).step_by(8) {
            self.builder.ins().store(self.flags.objects, zero, address, offset32(offset));
        }
    }
}
