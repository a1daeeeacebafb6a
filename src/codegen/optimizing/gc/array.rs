//! Arrays: access inline, the rest by builtins.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{F32, F64, I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value};
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::abi::fields::storage_log2;
use crate::abi::trap::TrapCode;
use crate::base::TypeIndex;
use crate::codegen::common::objects;
use crate::codegen::optimizing::func::Translator;
use crate::codegen::optimizing::gc::object::Extend;
use crate::codegen::optimizing::regions::trap_code;
use crate::layout::heap::{FIELDS, LENGTH};
use crate::wasm::types::FieldType;

const NULL: TrapCode = TrapCode::NullArrayReference;

/// Where an element is.
struct Element {
    field: FieldType,
    reference: Value,
    /// Address of the element less [`FIELDS`].
    address: Value,
}

impl Translator<'_> {
    pub(super) fn array_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::ArrayNew { array_type_index } => self.array_new(TypeIndex::from_u32(array_type_index)),
            Operator::ArrayNewDefault { array_type_index } => {
                let length = self.pop();
                let array = self.array_new_default(TypeIndex::from_u32(array_type_index), length);
                self.push(array);
            }
            Operator::ArrayNewFixed { array_type_index, array_size } => {
                self.array_new_fixed(TypeIndex::from_u32(array_type_index), array_size);
            }
            Operator::ArrayNewData { array_type_index, array_data_index } => {
                self.array_new_segment(Builtin::ArrayNewData, array_type_index, array_data_index);
            }
            Operator::ArrayNewElem { array_type_index, array_elem_index } => {
                self.array_new_segment(Builtin::ArrayNewElem, array_type_index, array_elem_index);
            }
            Operator::ArrayGet { array_type_index } | Operator::ArrayGetU { array_type_index } => {
                self.array_get(TypeIndex::from_u32(array_type_index), Extend::Unsigned);
            }
            Operator::ArrayGetS { array_type_index } => self.array_get(TypeIndex::from_u32(array_type_index), Extend::Signed),
            Operator::ArraySet { array_type_index } => {
                let value = self.pop_canonical();
                let element = self.element_of(TypeIndex::from_u32(array_type_index));
                self.store_field(&element.field, value, self.flags.objects, element.address, FIELDS);
                self.barrier(&element.field, element.reference, value, element.address, FIELDS);
            }
            Operator::ArrayLen => {
                let array = self.pop();
                let length = self.array_length(array);
                self.push(length);
            }
            Operator::ArrayFill { array_type_index: _ } => {
                let count = self.pop();
                let value = self.pop_canonical();
                let (array, start) = self.pop2();
                self.array_fill(array, start, value, count);
            }
            Operator::ArrayCopy { .. } => {
                let count = self.pop();
                let (source, source_start) = self.pop2();
                let (array, start) = self.pop2();
                self.call_builtin(Builtin::ArrayCopy, &[array, start, source, source_start, count]);
            }
            Operator::ArrayInitData { array_data_index, .. } => self.array_init(Builtin::ArrayInitData, array_data_index),
            Operator::ArrayInitElem { array_elem_index, .. } => self.array_init(Builtin::ArrayInitElem, array_elem_index),
            _ => return false,
        }
        true
    }

    fn array_length(&mut self, array: Value) -> Value {
        let address = self.object_address(array);
        let flags = self.may_be_null(NULL);
        self.builder.ins().load(I32, flags, address, LENGTH.cast_signed())
    }

    /// Pops an index and an array, and checks them.
    fn element_of(&mut self, ty: TypeIndex) -> Element {
        let field = self.array_type(ty).element;
        let (reference, index) = self.pop2();
        let object = self.object_address(reference);
        let flags = self.may_be_null(NULL);
        let length = self.builder.ins().load(I32, flags, object, LENGTH.cast_signed());
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
        self.builder.ins().trapnz(outside, trap_code(TrapCode::ArrayOutOfBounds));
        let index = self.builder.ins().uextend(I64, index);
        let offset = self.builder.ins().ishl_imm_u(index, i64::from(storage_log2(field.storage)));
        let address = self.builder.ins().iadd(object, offset);
        Element { field, reference, address }
    }

    fn array_get(&mut self, ty: TypeIndex, extend: Extend) {
        let element = self.element_of(ty);
        let value = self.load_field(&element.field, extend, self.flags.objects, element.address, FIELDS);
        self.push(value);
    }

    fn array_new_default(&mut self, ty: TypeIndex, length: Value) -> Value {
        if let Some((count, bytes)) = self.small_array(ty, length) {
            let array = self.allocate(ty, bytes, count);
            let address = self.object_address(array);
            self.zero_fields(address, bytes);
            return array;
        }
        self.array_of_the_runtime(ty, length)
    }

    /// The length of an array, if it is known and small, and the bytes of the array.
    fn small_array(&self, ty: TypeIndex, length: Value) -> Option<(u32, u32)> {
        objects::small_array(self.array_type(ty).element.storage, self.constant_of(length)?)
    }

    /// An array of the runtime's making, all zero.
    fn array_of_the_runtime(&mut self, ty: TypeIndex, length: Value) -> Value {
        self.flush_fuel();
        let type_index = self.u32(ty.as_u32());
        let array = self.call_builtin_value(Builtin::ArrayNewDefault, &[type_index, length]);
        self.builder.declare_value_needs_stack_map(array);
        array
    }

    fn array_new(&mut self, ty: TypeIndex) {
        let length = self.pop();
        let value = self.pop_canonical();
        let is_zero = self.constant_of(value) == Some(0);
        let array = match self.small_array(ty, length) {
            Some((count, bytes)) if !is_zero && count <= objects::INLINE_FILL_MAX => self.array_of_value(ty, count, bytes, value),
            _ => {
                let array = self.array_new_default(ty, length);
                if !is_zero {
                    let start = self.u32(0);
                    self.array_fill(array, start, value, length);
                }
                array
            }
        };
        self.push(array);
    }

    fn array_of_value(&mut self, ty: TypeIndex, count: u32, bytes: u32, value: Value) -> Value {
        let field = self.array_type(ty).element;
        let array = self.allocate(ty, bytes, count);
        let address = self.object_address(array);
        for position in 0..count {
            let offset = FIELDS + (position << storage_log2(field.storage));
            self.store_field(&field, value, self.flags.objects, address, offset);
        }
        array
    }

    fn array_new_fixed(&mut self, ty: TypeIndex, count: u32) {
        let field = self.array_type(ty).element;
        let log2 = u32::from(storage_log2(field.storage));
        let start = self.canonical_top(count as usize);
        let inline_bytes = objects::fixed_array(field.storage, count);
        let array = match inline_bytes {
            Some(bytes) => self.allocate(ty, bytes, count),
            None => {
                let length = self.u32(count);
                self.array_of_the_runtime(ty, length)
            }
        };
        let address = self.object_address(array);
        for position in 0..count {
            let value = self.state.values[start + position as usize];
            let offset = FIELDS + (position << log2);
            self.store_field(&field, value, self.flags.objects, address, offset);
            if inline_bytes.is_none() {
                self.barrier(&field, array, value, address, offset);
            }
        }
        self.state.values.truncate(start);
        self.push(array);
    }

    fn array_new_segment(&mut self, builtin: Builtin, ty: u32, segment: u32) {
        let (offset, length) = self.pop2();
        let both = self.two_indices(ty, segment);
        let array = self.call_builtin_value(builtin, &[both, offset, length]);
        self.builder.declare_value_needs_stack_map(array);
        self.push(array);
    }

    fn array_init(&mut self, builtin: Builtin, segment: u32) {
        let (source, count) = self.pop2();
        let (array, start) = self.pop2();
        let segment = self.u32(segment);
        self.call_builtin(builtin, &[array, segment, start, source, count]);
    }

    /// Fills elements with the bits of a value; the builtin knows how many of them an element takes.
    fn array_fill(&mut self, array: Value, start: Value, value: Value, count: Value) {
        let (low, high) = self.halves(value);
        self.call_builtin(Builtin::ArrayFill, &[array, start, low, high, count]);
    }

    /// The bits of a value of any type, as two words.
    fn halves(&mut self, value: Value) -> (Value, Value) {
        let flags = MemFlagsData::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
        let zero = self.builder.ins().iconst(I64, 0);
        match self.builder.func.dfg.value_type(value) {
            I64 => (value, zero),
            F32 => {
                let bits = self.builder.ins().bitcast(I32, flags, value);
                (self.builder.ins().uextend(I64, bits), zero)
            }
            F64 => (self.builder.ins().bitcast(I64, flags, value), zero),
            I8X16 => {
                let lanes = self.as_vector(cranelift_codegen::ir::types::I64X2, value);
                let low = self.builder.ins().extractlane(lanes, 0);
                (low, self.builder.ins().extractlane(lanes, 1))
            }
            I8 | I16 | I32 => (self.builder.ins().uextend(I64, value), zero),
            ty => unreachable!("no value on the stack is of type {ty}"),
        }
    }
}
