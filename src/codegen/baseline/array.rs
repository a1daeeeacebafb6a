//! Arrays: access inline, the rest by builtins.

use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::fields::storage_log2;
use crate::abi::trap::TrapCode;
use crate::asm::x64::integer::{Alu, Load, Shift};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::TypeIndex;
use crate::codegen::baseline::function::{Function, width};
use crate::codegen::baseline::integer::reg_of;
use crate::codegen::baseline::object::field_kind;
use crate::codegen::baseline::registers::{Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc, Value};
use crate::codegen::common::objects;
use crate::layout::heap::{FIELDS, LENGTH};
use crate::wasm::types::StorageType;

const NULL: TrapCode = TrapCode::NullArrayReference;

/// Indices are scaled by 8 at most in an operand.
const MAX_SCALE_LOG2: u8 = 3;

/// Where an element is, by registers that nothing holds any more.
struct Element {
    reference: Gpr,
    index: Gpr,
    /// By way of the scratch register.
    place: Mem,
    /// The same, as if the cage were at 0.
    slot: Mem,
}

impl Function<'_> {
    pub(super) fn array_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::ArrayNew { array_type_index } => self.array_new(TypeIndex::from_u32(array_type_index)),
            Operator::ArrayNewDefault { array_type_index } => self.array_new_default(TypeIndex::from_u32(array_type_index)),
            Operator::ArrayNewFixed { array_type_index, array_size } => {
                self.array_new_fixed(TypeIndex::from_u32(array_type_index), array_size);
            }
            Operator::ArrayNewData { array_type_index, array_data_index } => {
                let both = objects::two_indices(array_type_index, array_data_index);
                self.builtin(Builtin::ArrayNewData, &[Some(both), None, None], Some(Kind::Ref));
            }
            Operator::ArrayNewElem { array_type_index, array_elem_index } => {
                let both = objects::two_indices(array_type_index, array_elem_index);
                self.builtin(Builtin::ArrayNewElem, &[Some(both), None, None], Some(Kind::Ref));
            }
            Operator::ArrayGet { array_type_index } | Operator::ArrayGetU { array_type_index } => {
                self.array_get(TypeIndex::from_u32(array_type_index), false);
            }
            Operator::ArrayGetS { array_type_index } => self.array_get(TypeIndex::from_u32(array_type_index), true),
            Operator::ArraySet { array_type_index } => self.array_set(TypeIndex::from_u32(array_type_index)),
            Operator::ArrayLen => {
                let array = self.pop_gpr(RegSet::EMPTY);
                let to = self.reused(array, Kind::I32);
                let place = self.object_place(array, LENGTH);
                self.note_trap(NULL);
                self.load_reg(Kind::I32, to, place);
                self.push(Kind::I32, Loc::Reg(to));
            }
            Operator::ArrayFill { .. } => {
                let (length, value) = (self.pop(), self.pop());
                self.fill(value, length);
            }
            Operator::ArrayCopy { .. } => self.builtin(Builtin::ArrayCopy, &[None; 5], None),
            Operator::ArrayInitData { array_data_index, .. } => {
                self.builtin(Builtin::ArrayInitData, &[None, Some(u64::from(array_data_index)), None, None, None], None);
            }
            Operator::ArrayInitElem { array_elem_index, .. } => {
                self.builtin(Builtin::ArrayInitElem, &[None, Some(u64::from(array_elem_index)), None, None, None], None);
            }
            _ => return false,
        }
        true
    }

    fn element_storage(&self, ty: TypeIndex) -> StorageType {
        objects::array_type(self.module, ty).element.storage
    }

    /// Takes an index and an array off, and checks them.
    fn element_of(&mut self, storage: StorageType, avoid: RegSet) -> Element {
        let index = self.pop_gpr(avoid.union(self.top_register()));
        let reference = self.pop_gpr(avoid.union(Reg::from(index).set()));
        self.load_cage(SCRATCH);
        self.buffers.asm.alu_rr(Alu::Add, Width::W64, SCRATCH, reference);
        self.note_trap(NULL);
        self.buffers.asm.alu_rm(Alu::Cmp, Width::W32, index, Mem::at(SCRATCH, LENGTH.cast_signed()));
        self.trap_if(Condition::AboveEqual, TrapCode::ArrayOutOfBounds);
        let log2 = storage_log2(storage);
        let mut scaled = index;
        if log2 > MAX_SCALE_LOG2 {
            scaled = self.owned(Kind::I64, index.into(), avoid.union(Reg::from(reference).set())).gpr();
            self.buffers.asm.shift_i(Shift::Left, Width::W64, scaled, log2 - MAX_SCALE_LOG2);
        }
        let at = |base| Mem::indexed(base, scaled, log2.min(MAX_SCALE_LOG2), FIELDS.cast_signed());
        Element { reference, index: scaled, place: at(SCRATCH), slot: at(reference) }
    }

    fn array_get(&mut self, ty: TypeIndex, signed: bool) {
        let storage = self.element_storage(ty);
        let kind = field_kind(storage);
        let Element { index, place, .. } = self.element_of(storage, RegSet::EMPTY);
        let to = self.reused(index, kind);
        self.load_field(storage, signed, to, kind, place);
        self.push(kind, Loc::Reg(to));
    }

    fn array_set(&mut self, ty: TypeIndex) {
        let storage = self.element_storage(ty);
        let value = self.pop();
        let value = self.storable(value, self.top_registers(2));
        let Element { reference, index, place, slot } = self.element_of(storage, reg_of(&value));
        let work = self.barrier_register(storage, &value, index, Reg::from(reference).set());
        self.store_field(storage, &value, place);
        self.barrier(reference, &value, slot, work);
    }

    // ---- New arrays ----

    /// An array of the runtime's making, all zero, whose length is on the stack, is pushed.
    fn array_of_the_runtime(&mut self, ty: TypeIndex, length: Option<u64>) {
        self.flush_fuel();
        self.builtin(Builtin::ArrayNewDefault, &[Some(u64::from(ty.as_u32())), length], Some(Kind::Ref));
    }

    /// The elements and the bytes of an array whose length is on top of the stack, if that is known and small.
    fn small_array(&self, ty: TypeIndex) -> Option<(u32, u32)> {
        match self.buffers.values.list[self.buffers.values.list.len() - 1].loc() {
            Loc::Const(length) => objects::small_array(self.element_storage(ty), length),
            _ => None,
        }
    }

    /// A register with the reference of an array of zeros.
    fn zeroed_array(&mut self, ty: TypeIndex, count: u32, bytes: u32) -> Gpr {
        let (array, address) = self.allocate(ty, bytes, count);
        self.zero_fields(address, bytes);
        array
    }

    fn array_new_default(&mut self, ty: TypeIndex) {
        let Some((count, bytes)) = self.small_array(ty) else {
            return self.array_of_the_runtime(ty, None);
        };
        self.pop();
        let array = self.zeroed_array(ty, count, bytes);
        self.push_gpr(Kind::Ref, array);
    }

    fn array_new(&mut self, ty: TypeIndex) {
        let storage = self.element_storage(ty);
        let Some((count, bytes)) = self.small_array(ty) else {
            return self.array_new_of_length(ty);
        };
        let length = self.pop();
        // While the array is allocated, the value is on the stack.
        let is_zero = self.buffers.values.list.last().is_some_and(|value| value.loc() == Loc::Const(0));
        if is_zero || count > objects::INLINE_FILL_MAX {
            let array = self.zeroed_array(ty, count, bytes);
            let value = self.pop();
            self.fill_new(array, value, length);
            return;
        }
        let value = self.pop();
        let reg = self.in_reg(&value, RegSet::EMPTY);
        self.push(value.kind(), Loc::Reg(reg));
        let (array, address) = self.allocate(ty, bytes, count);
        let value = self.pop();
        for position in 0..count {
            let offset = FIELDS + (position << storage_log2(storage));
            self.store_field(storage, &value, Mem::at(address, offset.cast_signed()));
        }
        self.push_gpr(Kind::Ref, array);
    }

    /// An array whose length is known when the code runs.
    fn array_new_of_length(&mut self, ty: TypeIndex) {
        // It is needed twice.
        let length = self.pop_reg(self.top_register());
        self.push(Kind::I32, Loc::Reg(length));
        self.push(Kind::I32, Loc::Reg(length));
        self.array_of_the_runtime(ty, None);
        let array = self.pop_gpr(RegSet::EMPTY);
        let length = self.pop();
        let value = self.pop();
        self.fill_new(array, value, length);
    }

    /// Pushes an array of zeros, filled with a value. All three were popped, the array into a register.
    fn fill_new(&mut self, array: Gpr, value: Value, length: Value) {
        if value.loc() == Loc::Const(0) {
            return self.push_gpr(Kind::Ref, array);
        }
        // Slots of what was popped are written again.
        let popped = Reg::from(array).set().union(reg_of(&value)).union(reg_of(&length));
        let value = self.out_of_slot(value, popped);
        let popped = popped.union(reg_of(&value));
        let length = self.out_of_slot(length, popped);
        self.push_gpr(Kind::Ref, array);
        self.push_gpr(Kind::Ref, array);
        self.push(Kind::I32, Loc::Const(0));
        self.fill(value, length);
    }

    /// Fills elements of an array that is on the stack, below the first element's index, with a value. That and the count were popped.
    fn fill(&mut self, value: Value, length: Value) {
        let value = self.out_of_slot(value, reg_of(&value).union(reg_of(&length)));
        let length = self.out_of_slot(length, reg_of(&value).union(reg_of(&length)));
        self.push_bits(value, reg_of(&length));
        self.push(Kind::I32, length.loc());
        self.builtin(Builtin::ArrayFill, &[None; 5], None);
    }

    fn out_of_slot(&mut self, value: Value, avoid: RegSet) -> Value {
        if value.loc() != Loc::Slot {
            return value;
        }
        let reg = self.in_reg(&value, avoid);
        value.with_loc(Loc::Reg(reg))
    }

    /// Pushes the bits of a value that was popped and is in no slot: two words, for a builtin, which knows how many of them an element
    /// takes.
    fn push_bits(&mut self, value: Value, avoid: RegSet) {
        let Loc::Reg(reg) = value.loc() else {
            self.push(Kind::I64, value.loc());
            return self.push(Kind::I64, Loc::Const(0));
        };
        match value.kind() {
            Kind::V128 => {
                self.push(value.kind(), value.loc());
                let index = self.buffers.values.list.len() - 1;
                self.save(index);
                let Mem { displacement, .. } = self.buffers.values.list[index].slot();
                let low = self.alloc_gpr(avoid);
                let high = self.alloc_gpr(avoid.union(Reg::from(low).set()));
                for (half, word) in [(low, 0), (high, 8)] {
                    self.buffers.asm.load(Load::Double, half, Mem::at(Gpr::RBP, displacement + word));
                }
                self.pop();
                self.push_gpr(Kind::I64, low);
                return self.push_gpr(Kind::I64, high);
            }
            Kind::F32 | Kind::F64 => {
                let bits = self.alloc_gpr(avoid);
                self.buffers.asm.float_to_bits(width(value.kind()), bits, reg.xmm());
                self.push_gpr(Kind::I64, bits);
            }
            kind => self.push(kind, value.loc()),
        }
        self.push(Kind::I64, Loc::Const(0));
    }

    fn array_new_fixed(&mut self, ty: TypeIndex, count: u32) {
        let storage = self.element_storage(ty);
        let first = self.buffers.values.list.len() - count as usize;
        let offset_of = |position: u32| FIELDS + (position << storage_log2(storage));
        let array = match objects::fixed_array(storage, count) {
            Some(bytes) => {
                let (array, address) = self.allocate(ty, bytes, count);
                for position in 0..count {
                    let value = self.buffers.values.list[first + position as usize];
                    self.store_field(storage, &value, Mem::at(address, offset_of(position).cast_signed()));
                }
                array
            }
            None => {
                self.array_of_the_runtime(ty, Some(u64::from(count)));
                let array = self.pop_gpr(RegSet::EMPTY);
                for position in 0..count {
                    let value = self.buffers.values.list[first + position as usize];
                    self.store_old_field(array, storage, value, offset_of(position));
                }
                array
            }
        };
        self.buffers.values.truncate(first);
        self.push_gpr(Kind::Ref, array);
    }
}
