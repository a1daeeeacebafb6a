//! What structures and arrays have in common: addresses, loads and stores of fields, the barrier, allocation; `i31`, and equality.
//!
//! Allocation is inline: the nursery's top moves, and the runtime is asked out of line when it would pass the limit. There all registers
//! that hold something go to slots, where the collector finds and moves references, and come back. Fields are still operands
//! then. Null needs no check where a field's offset is small: the first 64 KiB of the cage fault.
//!
//! **Invariant:** no address of an object outlives the operator.

use wasmparser::Operator;

use crate::abi::artifact::Position;
use crate::abi::builtins::Builtin;
use crate::abi::fields::StructLayout;
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::{BLOCK, DESCRIPTORS};
use crate::asm::buffer::Label;
use crate::asm::x64::integer::{Alu, Load, Shift, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::TypeIndex;
use crate::base::sync::Arc;
use crate::codegen::baseline::function::{Buffers, Function, References, StubKind, vmctx};
use crate::codegen::baseline::integer::{imm32, reg_of};
use crate::codegen::baseline::registers::{INT_ARGS, PRESERVED, Reg, RegSet, SCRATCH, VMCTX};
use crate::codegen::baseline::state::{Kind, Loc, TRACKED_OPERANDS, Value};
use crate::codegen::common::objects;
use crate::layout::block::HEAP;
use crate::layout::heap::{
    CARD_LOG2, DESCRIPTOR, HEAP_BARRIER_OBJECT, HEAP_BARRIER_VALUE, HEAP_CAGE, HEAP_CARDS, HEAP_LIMIT, HEAP_TOP, LENGTH,
};
use crate::wasm::types::StorageType;

/// An allocation that the runtime makes, out of line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slow {
    /// Where to go on, with the isolate block in the scratch register.
    next: Label,
    /// Where the reference is wanted.
    to: Gpr,
    ty: TypeIndex,
    bytes: u32,
    /// Values in registers, one for each: a part of [`Buffers::slow_values`](super::function::Buffers).
    values: (u32, u32),
    /// References that are or will be in slots.
    references: References,
}

/// A word of the heap's state, by the address of the isolate block.
fn heap_word(block: Gpr, field: usize) -> Mem {
    Mem::at(block, (HEAP + field) as i32)
}

/// What kind of value a field is on the stack.
pub(super) fn field_kind(storage: StorageType) -> Kind {
    match storage {
        StorageType::I8 | StorageType::I16 => Kind::I32,
        StorageType::Val(ty) => Kind::of(ty),
    }
}

/// Whether a field is a reference that the collector follows.
fn is_ref(storage: StorageType) -> bool {
    field_kind(storage) == Kind::Ref
}

impl Function<'_> {
    pub(super) fn object_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefEq => self.compare(Condition::Equal, Kind::I32),
            Operator::RefI31 => {
                let number = self.pop_gpr(RegSet::EMPTY);
                let to = self.reused(number, Kind::Ref).gpr();
                self.buffers.asm.lea(Width::W32, to, Mem::indexed(number, number, 0, 1));
                self.push_gpr(Kind::Ref, to);
            }
            Operator::I31GetS => self.i31_get(Shift::RightSigned),
            Operator::I31GetU => self.i31_get(Shift::RightUnsigned),
            // One cage, one form of reference: what is external is only a matter of types.
            Operator::AnyConvertExtern | Operator::ExternConvertAny => {}
            _ => return self.struct_operator(operator) || self.array_operator(operator) || self.cast_operator(operator),
        }
        true
    }

    fn i31_get(&mut self, shift: Shift) {
        let reference = self.pop_reg(RegSet::EMPTY);
        self.buffers.asm.test_rr(Width::W32, reference.gpr(), reference.gpr());
        self.trap_if(Condition::Equal, TrapCode::NullI31Reference);
        let number = self.owned(Kind::I32, reference, RegSet::EMPTY).gpr();
        self.buffers.asm.shift_i(shift, Width::W32, number, 1);
        self.push_gpr(Kind::I32, number);
    }

    // ---- Fields ----

    /// The layout of a structure type, computed once per function.
    pub(super) fn struct_layout(&mut self, ty: TypeIndex) -> Arc<StructLayout> {
        let struct_type = objects::struct_type(self.module, ty);
        let Buffers { struct_layouts, spare_layouts, .. } = &mut *self.buffers;
        let new = || {
            let mut spare = spare_layouts.pop();
            match spare.as_mut().and_then(Arc::get_mut) {
                Some(layout) => layout.become_of(struct_type),
                None => spare = None,
            }
            spare.unwrap_or_else(|| Arc::new(StructLayout::new(struct_type)))
        };
        Arc::clone(struct_layouts.entry(ty).or_insert_with(new))
    }

    /// The address of reference 0, in a register. Code that uses references runs only in isolates that have a heap.
    pub(super) fn load_cage(&mut self, to: Gpr) {
        self.load_vmctx(to, BLOCK);
        self.buffers.asm.load(Load::Double, to, heap_word(to, HEAP_CAGE));
    }

    /// The operand for a place in an object, by way of the scratch register.
    pub(super) fn object_place(&mut self, reference: Gpr, offset: u32) -> Mem {
        self.load_cage(SCRATCH);
        Mem::indexed(SCRATCH, reference, 0, offset.cast_signed())
    }

    /// Checks for null what the first page of the cage does not.
    pub(super) fn check_far(&mut self, reference: Gpr, offset: u32, null: TrapCode) {
        if objects::needs_null_check(offset) {
            self.buffers.asm.test_rr(Width::W32, reference, reference);
            self.trap_if(Condition::Equal, null);
        }
    }

    /// A register for a result: that of an operand that was popped, if nothing else is in it.
    pub(super) fn reused(&mut self, operand: Gpr, kind: Kind) -> Reg {
        let operand = Reg::from(operand);
        if !kind.is_float_or_vector() && self.is_free(operand) { operand } else { self.alloc(kind, operand.set()) }
    }

    /// Reads a field.
    pub(super) fn load_field(&mut self, storage: StorageType, signed: bool, to: Reg, kind: Kind, place: Mem) {
        let load = match (storage, signed) {
            (StorageType::I8, true) => Load::ByteSigned(Width::W32),
            (StorageType::I8, false) => Load::Byte,
            (StorageType::I16, true) => Load::HalfSigned(Width::W32),
            (StorageType::I16, false) => Load::Half,
            (StorageType::Val(_), _) => return self.load_reg(kind, to, place),
        };
        self.buffers.asm.load(load, to.gpr(), place);
    }

    /// A value that was popped, in a register or a constant that an instruction can hold: storing it needs no other register.
    pub(super) fn storable(&mut self, value: Value, avoid: RegSet) -> Value {
        if matches!(value.loc(), Loc::Reg(_)) || !value.kind().is_float_or_vector() && imm32(&value).is_some() {
            return value;
        }
        let reg = self.in_reg(&value, avoid);
        value.with_loc(Loc::Reg(reg))
    }

    /// Writes a field, without the barrier. What is [`storable`](Self::storable) leaves the scratch register alone.
    pub(super) fn store_field(&mut self, storage: StorageType, value: &Value, place: Mem) {
        let size = match storage {
            StorageType::I8 => Store::Byte,
            StorageType::I16 => Store::Half,
            StorageType::Val(_) if value.kind().is_wide() => Store::Double,
            StorageType::Val(_) => Store::Word,
        };
        match value.loc() {
            Loc::Reg(reg) if reg.is_xmm() => self.store_reg(value.kind(), place, reg),
            Loc::Const(bits) if value.kind() == Kind::V128 => self.store_const(value.kind(), place, bits),
            Loc::Slot if value.kind() == Kind::V128 => self.copy_memory(value.kind(), place, value.slot()),
            Loc::Reg(reg) => self.buffers.asm.store(size, place, reg.gpr()),
            Loc::Const(bits) if size == Store::Double => self.store_const(value.kind(), place, bits),
            Loc::Const(bits) => self.buffers.asm.store_imm(size, place, (bits as u32).cast_signed()),
            Loc::Slot => {
                let load = if size == Store::Double { Load::Double } else { Load::Word };
                self.buffers.asm.load(load, SCRATCH, value.slot());
                self.buffers.asm.store(size, place, SCRATCH);
            }
        }
    }

    /// A register for [`barrier`](Self::barrier) to work in, if it has anything to do: that of an operand that was popped, if nothing
    /// else is in it.
    pub(super) fn barrier_register(&mut self, storage: StorageType, value: &Value, operand: Gpr, avoid: RegSet) -> Option<Gpr> {
        if !is_ref(storage) || !matches!(value.loc(), Loc::Reg(_)) {
            // Null is never young.
            return None;
        }
        if self.is_free(operand.into()) {
            return Some(operand);
        }
        Some(self.alloc_gpr(avoid.union(Reg::from(operand).set()).union(reg_of(value))))
    }

    /// The barrier (see [`HeapState`](crate::layout::HeapState)): dirties the card of a slot if an old object got a young value
    /// there. The slot is given by references, as if the cage were at 0.
    pub(super) fn barrier(&mut self, reference: Gpr, value: &Value, slot: Mem, work: Option<Gpr>) {
        let (Loc::Reg(value), Some(work)) = (value.loc(), work) else { return };
        let next = self.buffers.asm.buffer.new_label();
        self.load_vmctx(SCRATCH, BLOCK);
        let asm = &mut self.buffers.asm;
        asm.alu_rm(Alu::Cmp, Width::W32, reference, heap_word(SCRATCH, HEAP_BARRIER_OBJECT));
        asm.jcc(Condition::AboveEqual, next);
        asm.alu_rm(Alu::Cmp, Width::W32, value.gpr(), heap_word(SCRATCH, HEAP_BARRIER_VALUE));
        asm.jcc(Condition::Below, next);
        asm.lea(Width::W64, work, slot);
        asm.shift_i(Shift::RightUnsigned, Width::W64, work, CARD_LOG2 as u8);
        asm.alu_rm(Alu::Add, Width::W64, work, heap_word(SCRATCH, HEAP_CARDS));
        asm.store_imm(Store::Byte, Mem::at(work, 0), 1);
        asm.buffer.bind(next);
    }

    /// Writes a field of an object that may be old, and whose register nothing holds.
    pub(super) fn store_old_field(&mut self, reference: Gpr, storage: StorageType, value: Value, offset: u32) {
        let object = Reg::from(reference).set();
        let value = self.storable(value, object);
        let avoid = object.union(reg_of(&value));
        let work = (is_ref(storage) && !avoid.minus(object).is_empty()).then(|| self.alloc_gpr(avoid));
        let place = self.object_place(reference, offset);
        self.store_field(storage, &value, place);
        self.barrier(reference, &value, Mem::at(reference, offset.cast_signed()), work);
    }

    // ---- Allocation ----

    /// A new object of a type in the nursery, with the header written: registers with its reference and its address, which nothing
    /// holds yet. `word` is the header's second. The fields hold anything; nothing may call before they are set.
    pub(super) fn allocate(&mut self, ty: TypeIndex, bytes: u32, word: u32) -> (Gpr, Gpr) {
        self.flush_fuel();
        self.settle_deep();
        let to = self.alloc_gpr(RegSet::EMPTY);
        let address = self.alloc_gpr(Reg::from(to).set());
        let next = self.buffers.asm.buffer.new_label();
        let slow = self.slow_path(next, to, ty, bytes);
        self.load_vmctx(SCRATCH, BLOCK);
        let asm = &mut self.buffers.asm;
        asm.load(Load::Word, to, heap_word(SCRATCH, HEAP_TOP));
        asm.load(Load::Word, address, heap_word(SCRATCH, HEAP_LIMIT));
        asm.alu_rr(Alu::Sub, Width::W32, address, to);
        asm.alu_ri(Alu::Cmp, Width::W32, address, bytes.cast_signed());
        asm.jcc(Condition::Below, slow);
        asm.alu_mi(Alu::Add, Width::W32, heap_word(SCRATCH, HEAP_TOP), bytes.cast_signed());
        asm.buffer.bind(next);
        asm.load(Load::Double, address, heap_word(SCRATCH, HEAP_CAGE));
        asm.alu_rr(Alu::Add, Width::W64, address, to);
        asm.load(Load::Double, SCRATCH, vmctx(DESCRIPTORS));
        asm.load(Load::Word, SCRATCH, Mem::at(SCRATCH, (4 * ty.as_u32()).cast_signed()));
        // The register's upper half is zero, as is mostly the word.
        asm.store(Store::Double, Mem::at(address, DESCRIPTOR.cast_signed()), SCRATCH);
        if word != 0 {
            asm.store_imm(Store::Word, Mem::at(address, LENGTH.cast_signed()), word.cast_signed());
        }
        (to, address)
    }

    /// Zeros the bytes behind an object's header.
    pub(super) fn zero_fields(&mut self, address: Gpr, bytes: u32) {
        for offset in (8..bytes).step_by(8) {
            self.buffers.asm.store_imm(Store::Double, Mem::at(address, offset.cast_signed()), 0);
        }
    }

    /// Operands that lie deep go to their slots, as they do at calls: so that they are looked at once only.
    fn settle_deep(&mut self) {
        let values = &self.buffers.values;
        let deep = values.list.len().saturating_sub(TRACKED_OPERANDS);
        for index in values.operands().start..deep {
            if let Loc::Reg(_) = self.buffers.values.list[index].loc() {
                self.save(index);
                self.buffers.values.set_loc(index, Loc::Slot);
            }
        }
        let values = &mut self.buffers.values;
        values.floor = values.floor.max(deep);
    }

    /// Notes an allocation that goes out of line where the values are now; gives its label.
    fn slow_path(&mut self, next: Label, to: Gpr, ty: TypeIndex, bytes: u32) -> Label {
        let first = self.buffers.slow_values.len();
        let mut references = self.list_references();
        let mut seen = RegSet::EMPTY;
        let values = &self.buffers.values;
        for index in values.outside().chain(values.operands()) {
            let value = values.list[index];
            let Loc::Reg(reg) = value.loc() else { continue };
            if value.kind() != Kind::Ref && PRESERVED.contains(reg) {
                continue;
            }
            if seen.contains(reg) {
                // Values of several widths may be in one register: the widest is kept.
                let known = self.buffers.slow_values[first..].iter_mut().find(|known| known.loc() == value.loc());
                if let Some(known) = known.filter(|known| value.kind().bits() > known.kind().bits()) {
                    *known = value;
                }
                continue;
            }
            seen = seen.union(reg.set());
            self.buffers.slow_values.push(value);
            if value.kind() == Kind::Ref && !value.is_saved() {
                self.buffers.map_slots.push(value.offset());
            }
        }
        references.slots.1 = self.buffers.map_slots.len() as u32;
        let values = (first as u32, self.buffers.slow_values.len() as u32);
        self.buffers.slow.push(Slow { next, to, ty, bytes, values, references });
        self.stub(StubKind::Allocate(self.buffers.slow.len() - 1))
    }

    /// Asks the runtime for an object: what lies behind the label of [`slow_path`](Self::slow_path).
    pub(super) fn allocate_slowly(&mut self, slow: usize) {
        let Slow { next, to, ty, bytes, values: (first, end), references } = self.buffers.slow[slow];
        for index in first as usize..end as usize {
            let value = self.buffers.slow_values[index];
            if let (Loc::Reg(reg), false) = (value.loc(), value.is_saved()) {
                self.store_reg(value.kind(), value.slot(), reg);
            }
        }
        let asm = &mut self.buffers.asm;
        asm.mov_rr(Width::W64, INT_ARGS[0], VMCTX);
        asm.mov_ri(INT_ARGS[1], u64::from(ty.as_u32()));
        asm.mov_ri(INT_ARGS[2], u64::from(bytes));
        self.call_builtin_at(Builtin::AllocateObject);
        let code_offset = self.buffers.asm.buffer.offset();
        self.buffers.positions.push(Position { code_offset, wasm_offset: self.position });
        self.add_map(code_offset, 0, references);
        self.buffers.asm.mov_rr(Width::W32, to, Gpr::RAX);
        for index in first as usize..end as usize {
            let value = self.buffers.slow_values[index];
            if let Loc::Reg(reg) = value.loc() {
                self.load_reg(value.kind(), reg, value.slot());
            }
        }
        self.load_vmctx(SCRATCH, BLOCK);
        self.buffers.asm.jmp(next);
    }
}
