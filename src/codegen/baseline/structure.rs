//! Structures, and the custom descriptors that they may have.

use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::fields::StructLayout;
use crate::abi::trap::TrapCode;
use crate::asm::x64::{Condition, Gpr, Mem};
use crate::base::TypeIndex;
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::integer::reg_of;
use crate::codegen::baseline::object::field_kind;
use crate::codegen::baseline::registers::RegSet;
use crate::codegen::baseline::state::{Kind, Loc};
use crate::codegen::common::objects;
use crate::layout::heap::CUSTOM_DESCRIPTOR;
use crate::wasm::types::{FieldType, StorageType, ValType};

const NULL: TrapCode = TrapCode::NullStructReference;
/// How a custom descriptor is stored.
const DESCRIPTOR_STORAGE: StorageType = StorageType::Val(ValType::ANYREF);

impl Function<'_> {
    pub(super) fn struct_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::StructNew { struct_type_index } => self.struct_new(TypeIndex::from_u32(struct_type_index), false),
            Operator::StructNewDefault { struct_type_index } => {
                self.struct_new_default(TypeIndex::from_u32(struct_type_index), false);
            }
            Operator::StructNewDesc { struct_type_index } => self.struct_new(TypeIndex::from_u32(struct_type_index), true),
            Operator::StructNewDefaultDesc { struct_type_index } => {
                self.struct_new_default(TypeIndex::from_u32(struct_type_index), true);
            }
            Operator::RefGetDesc { .. } => self.get_custom_descriptor(),
            Operator::StructGet { struct_type_index, field_index } | Operator::StructGetU { struct_type_index, field_index } => {
                self.struct_get(TypeIndex::from_u32(struct_type_index), field_index as usize, false);
            }
            Operator::StructGetS { struct_type_index, field_index } => {
                self.struct_get(TypeIndex::from_u32(struct_type_index), field_index as usize, true);
            }
            Operator::StructSet { struct_type_index, field_index } => {
                self.struct_set(TypeIndex::from_u32(struct_type_index), field_index as usize);
            }
            _ => return false,
        }
        true
    }

    /// Where a custom descriptor is needed, on top of the stack, null is none.
    pub(super) fn check_custom_descriptor(&mut self) {
        let value = self.buffers.values.list[self.buffers.values.list.len() - 1];
        self.test_zero(&value);
        self.trap_if(Condition::Equal, TrapCode::NullDescriptorReference);
    }

    fn get_custom_descriptor(&mut self) {
        let reference = self.pop_gpr(RegSet::EMPTY);
        let to = self.reused(reference, Kind::Ref);
        let place = self.object_place(reference, CUSTOM_DESCRIPTOR);
        self.note_trap(TrapCode::NullReference);
        self.load_reg(Kind::Ref, to, place);
        self.push(Kind::Ref, Loc::Reg(to));
    }

    /// A structure whose fields are on the stack, and above them its custom descriptor if it has one. That never changes, so
    /// objects have it from the start.
    fn struct_new(&mut self, ty: TypeIndex, is_described: bool) {
        let layout = self.struct_layout(ty);
        let fields = &objects::struct_type(self.module, ty).fields;
        if is_described {
            self.check_custom_descriptor();
        }
        let operands = fields.len() + usize::from(is_described);
        let first = self.buffers.values.list.len() - operands;
        if !objects::is_young(&layout) {
            self.old_structure(ty, &layout);
            let reference = self.pop_gpr(RegSet::EMPTY);
            self.store_old_fields(reference, fields, &layout, first, is_described);
            self.buffers.values.truncate(first);
            self.push_gpr(Kind::Ref, reference);
            return;
        }
        let (reference, address) = self.allocate(ty, layout.bytes, 0);
        for (position, field) in fields.iter().enumerate() {
            let value = self.buffers.values.list[first + position];
            self.store_field(field.storage, &value, Mem::at(address, layout.offsets[position].cast_signed()));
        }
        if is_described {
            let value = self.buffers.values.list[first + fields.len()];
            self.store_field(DESCRIPTOR_STORAGE, &value, Mem::at(address, CUSTOM_DESCRIPTOR.cast_signed()));
        }
        self.buffers.values.truncate(first);
        self.push_gpr(Kind::Ref, reference);
    }

    fn store_old_fields(
        &mut self,
        reference: Gpr,
        fields: &[FieldType],
        layout: &StructLayout,
        first: usize,
        is_described: bool,
    ) {
        for (position, field) in fields.iter().enumerate() {
            let value = self.buffers.values.list[first + position];
            self.store_old_field(reference, field.storage, value, layout.offsets[position]);
        }
        if is_described {
            let value = self.buffers.values.list[first + fields.len()];
            self.store_old_field(reference, DESCRIPTOR_STORAGE, value, CUSTOM_DESCRIPTOR);
        }
    }

    /// A structure of the runtime's making, all zero, is pushed.
    fn old_structure(&mut self, ty: TypeIndex, layout: &StructLayout) {
        self.flush_fuel();
        let arguments = [Some(u64::from(ty.as_u32())), Some(u64::from(layout.bytes))];
        self.builtin(Builtin::AllocateObject, &arguments, Some(Kind::Ref));
    }

    fn struct_new_default(&mut self, ty: TypeIndex, is_described: bool) {
        let layout = self.struct_layout(ty);
        if is_described {
            self.check_custom_descriptor();
        }
        let first = self.buffers.values.list.len() - usize::from(is_described);
        if !objects::is_zeroed_inline(&layout) {
            self.old_structure(ty, &layout);
            let reference = self.pop_gpr(RegSet::EMPTY);
            self.store_old_fields(reference, &[], &layout, first, is_described);
            self.buffers.values.truncate(first);
            self.push_gpr(Kind::Ref, reference);
            return;
        }
        let (reference, address) = self.allocate(ty, layout.bytes, 0);
        if is_described {
            let value = self.pop();
            self.store_field(DESCRIPTOR_STORAGE, &value, Mem::at(address, CUSTOM_DESCRIPTOR.cast_signed()));
        }
        self.zero_fields(address, layout.bytes);
        self.push_gpr(Kind::Ref, reference);
    }

    fn struct_get(&mut self, ty: TypeIndex, field: usize, signed: bool) {
        let layout = self.struct_layout(ty);
        let (offset, storage) = (layout.offsets[field], objects::struct_type(self.module, ty).fields[field].storage);
        let kind = field_kind(storage);
        let reference = self.pop_gpr(RegSet::EMPTY);
        self.check_far(reference, offset, NULL);
        let to = self.reused(reference, kind);
        let place = self.object_place(reference, offset);
        self.note_trap(NULL);
        self.load_field(storage, signed, to, kind, place);
        self.push(kind, Loc::Reg(to));
    }

    fn struct_set(&mut self, ty: TypeIndex, field: usize) {
        let layout = self.struct_layout(ty);
        let (offset, storage) = (layout.offsets[field], objects::struct_type(self.module, ty).fields[field].storage);
        let value = self.pop();
        let value = self.storable(value, self.top_register());
        let reference = self.pop_gpr(reg_of(&value));
        self.check_far(reference, offset, NULL);
        let work = self.barrier_register(storage, &value, reference, RegSet::EMPTY);
        let place = self.object_place(reference, offset);
        self.note_trap(NULL);
        self.store_field(storage, &value, place);
        self.barrier(reference, &value, Mem::at(reference, offset.cast_signed()), work);
    }
}
