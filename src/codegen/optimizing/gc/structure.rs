//! Structures.

use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::trap::TrapCode;
use crate::base::TypeIndex;
use crate::codegen::common::objects;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::gc::object::Extend;
use crate::codegen::optimizing::regions::trap_code;
use crate::layout::heap::CUSTOM_DESCRIPTOR;

const NULL: TrapCode = TrapCode::NullStructReference;

impl Translator<'_> {
    pub(super) fn struct_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::StructNew { struct_type_index } => self.struct_new(TypeIndex::from_u32(struct_type_index), None),
            Operator::StructNewDefault { struct_type_index } => {
                self.struct_new_default(TypeIndex::from_u32(struct_type_index), None);
            }
            Operator::StructNewDesc { struct_type_index } => {
                let custom = self.pop_custom_descriptor();
                self.struct_new(TypeIndex::from_u32(struct_type_index), Some(custom));
            }
            Operator::StructNewDefaultDesc { struct_type_index } => {
                let custom = self.pop_custom_descriptor();
                self.struct_new_default(TypeIndex::from_u32(struct_type_index), Some(custom));
            }
            Operator::RefGetDesc { .. } => self.get_custom_descriptor(),
            Operator::StructGet { struct_type_index, field_index } | Operator::StructGetU { struct_type_index, field_index } => {
                self.struct_get(TypeIndex::from_u32(struct_type_index), field_index as usize, Extend::Unsigned);
            }
            Operator::StructGetS { struct_type_index, field_index } => {
                self.struct_get(TypeIndex::from_u32(struct_type_index), field_index as usize, Extend::Signed);
            }
            Operator::StructSet { struct_type_index, field_index } => {
                self.struct_set(TypeIndex::from_u32(struct_type_index), field_index as usize);
            }
            _ => return false,
        }
        true
    }

    /// A custom descriptor from the stack: where one is needed, null is none.
    pub(super) fn pop_custom_descriptor(&mut self) -> Value {
        let custom = self.pop();
        self.builder.ins().trapz(custom, trap_code(TrapCode::NullDescriptorReference));
        custom
    }

    /// It never changes, so that objects have it from the start. An object that may be old needs the barrier.
    fn set_custom_descriptor(&mut self, reference: Value, address: Value, custom: Option<Value>, is_young: bool) {
        let Some(custom) = custom else { return };
        self.builder.ins().store(self.flags.objects, custom, address, offset32(CUSTOM_DESCRIPTOR));
        if !is_young {
            self.barrier_of_reference(reference, custom, address, CUSTOM_DESCRIPTOR);
        }
    }

    fn get_custom_descriptor(&mut self) {
        let reference = self.pop();
        let address = self.object_address(reference);
        let flags = self.may_be_null(TrapCode::NullReference);
        let custom = self.builder.ins().load(I32, flags, address, offset32(CUSTOM_DESCRIPTOR));
        self.builder.declare_value_needs_stack_map(custom);
        self.push(custom);
    }

    fn struct_new(&mut self, ty: TypeIndex, custom: Option<Value>) {
        let layout = self.struct_layout(ty);
        let count = layout.offsets.len();
        let start = self.canonical_top(count);
        let is_young = objects::is_young(&layout);
        let reference = if is_young { self.allocate(ty, layout.bytes, 0) } else { self.allocate_zeroed(ty, layout.bytes) };
        let address = self.object_address(reference);
        self.set_custom_descriptor(reference, address, custom, is_young);
        for position in 0..count {
            let value = self.state.values[start + position];
            let field = self.struct_type(ty).fields[position];
            self.store_field(&field, value, self.flags.objects, address, layout.offsets[position]);
            if !is_young {
                self.barrier(&field, reference, value, address, layout.offsets[position]);
            }
        }
        self.state.values.truncate(start);
        self.push(reference);
    }

    fn struct_new_default(&mut self, ty: TypeIndex, custom: Option<Value>) {
        let layout = self.struct_layout(ty);
        let is_inline = objects::is_zeroed_inline(&layout);
        let reference = if is_inline { self.allocate(ty, layout.bytes, 0) } else { self.allocate_zeroed(ty, layout.bytes) };
        let address = self.object_address(reference);
        self.set_custom_descriptor(reference, address, custom, objects::is_young(&layout));
        if is_inline {
            self.zero_fields(address, layout.bytes);
        }
        self.push(reference);
    }

    /// A structure of the runtime's making, all zero.
    fn allocate_zeroed(&mut self, ty: TypeIndex, bytes: u32) -> Value {
        self.flush_fuel();
        let type_index = self.u32(ty.as_u32());
        let size = self.u32(bytes);
        let reference = self.call_builtin_value(Builtin::AllocateObject, &[type_index, size]);
        self.builder.declare_value_needs_stack_map(reference);
        reference
    }

    fn struct_get(&mut self, ty: TypeIndex, field: usize, extend: Extend) {
        let layout = self.struct_layout(ty);
        let (offset, field) = (layout.offsets[field], self.struct_type(ty).fields[field]);
        let reference = self.pop();
        self.check_far(reference, offset, NULL);
        let address = self.object_address(reference);
        let value = self.load_field(&field, extend, self.may_be_null(NULL), address, offset);
        self.push(value);
    }

    fn struct_set(&mut self, ty: TypeIndex, field: usize) {
        let layout = self.struct_layout(ty);
        let (offset, field) = (layout.offsets[field], self.struct_type(ty).fields[field]);
        let value = self.pop_canonical();
        let reference = self.pop();
        self.check_far(reference, offset, NULL);
        let address = self.object_address(reference);
        self.store_field(&field, value, self.may_be_null(NULL), address, offset);
        self.barrier(&field, reference, value, address, offset);
    }
}
