//! Casts and branches on casts.
//!
//! A test of a concrete type compares descriptors; if they differ, and the type may have subtypes, it looks up the display of the
//! object's descriptor at the type's depth (Cohen, "Type-Extension Type Tests Can Be Performed in Constant Time", TOPLAS 13/4, 1991).
//! An exact type has no subtypes: for functions the type id is compared, for objects the descriptor.
//!
//! A cast by a *custom descriptor* compares the one that the object has with the one that is given. Validation has seen to it that
//! whoever has a descriptor of that type is of the type that the cast gives.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32, I64};
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use wasmparser::{HeapType, Operator, RefType};

use crate::abi::trap::TrapCode;
use crate::abi::vmctx::TYPE_IDS;
use crate::base::TypeIndex;
use crate::codegen::common::casts::{self, Test};
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::trap_code;
use crate::layout::heap::{
    CUSTOM_DESCRIPTOR, DESCRIPTOR, DESCRIPTOR_DISPLAY, DESCRIPTOR_DISPLAY_COUNT, DESCRIPTOR_KIND, DESCRIPTOR_REF_BITS,
    HEADER_REF_BIT, I31_TAG, KIND_ARRAY, MIN_DISPLAY,
};
use crate::layout::objects::{FUNC_ENTRY_DEPTH, FUNC_ENTRY_DISPLAY, FUNC_ENTRY_TYPE};

impl Translator<'_> {
    pub(super) fn cast_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::RefTestNonNull { hty } => self.ref_test(hty, false),
            Operator::RefTestNullable { hty } => self.ref_test(hty, true),
            Operator::RefCastNonNull { hty } => self.ref_cast(hty, false),
            Operator::RefCastNullable { hty } => self.ref_cast(hty, true),
            Operator::BrOnCast { relative_depth, to_ref_type, .. } => self.branch_on_cast(relative_depth, to_ref_type, true),
            Operator::BrOnCastFail { relative_depth, to_ref_type, .. } => {
                self.branch_on_cast(relative_depth, to_ref_type, false);
            }
            Operator::RefCastDescEqNonNull { .. } => self.custom_cast(false),
            Operator::RefCastDescEqNullable { .. } => self.custom_cast(true),
            Operator::BrOnCastDescEq { relative_depth, from_ref_type, to_ref_type } => {
                self.branch_on_custom_cast(relative_depth, from_ref_type, to_ref_type, true);
            }
            Operator::BrOnCastDescEqFail { relative_depth, from_ref_type, to_ref_type } => {
                self.branch_on_custom_cast(relative_depth, from_ref_type, to_ref_type, false);
            }
            _ => return false,
        }
        true
    }

    fn ref_test(&mut self, heap: HeapType, nullable: bool) {
        let reference = self.pop();
        let result = self.is_instance(reference, heap, nullable);
        self.push(result);
    }

    fn ref_cast(&mut self, heap: HeapType, nullable: bool) {
        let reference = self.pop();
        let result = self.is_instance(reference, heap, nullable);
        self.builder.ins().trapz(result, trap_code(TrapCode::CastFailure));
        self.push(reference);
    }

    fn branch_on_cast(&mut self, relative_depth: u32, to: RefType, when: bool) {
        self.flush_fuel();
        let reference = self.pop();
        let result = self.is_instance(reference, to.heap_type(), to.is_nullable());
        self.branch_with(relative_depth, reference, result, when);
    }

    fn custom_cast(&mut self, nullable: bool) {
        let custom = self.pop_custom_descriptor();
        let reference = self.pop();
        let result = self.has_custom_descriptor(reference, custom, nullable, false);
        self.builder.ins().trapz(result, trap_code(TrapCode::DescriptorCastFailure));
        self.push(reference);
    }

    fn branch_on_custom_cast(&mut self, relative_depth: u32, from: RefType, to: RefType, when: bool) {
        self.flush_fuel();
        let custom = self.pop_custom_descriptor();
        let reference = self.pop();
        let is_described = casts::is_described(self.module, from.heap_type());
        let result = self.has_custom_descriptor(reference, custom, to.is_nullable(), is_described);
        self.branch_with(relative_depth, reference, result, when);
    }

    /// Whether a reference has a custom descriptor, or is null where that is asked for too. `is_described` says that the reference
    /// is one of a type with a descriptor.
    fn has_custom_descriptor(&mut self, reference: Value, custom: Value, nullable: bool, is_described: bool) -> Value {
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, I8);
        let null = self.builder.ins().iconst(I8, i64::from(nullable));
        self.branch_unless(reference, done, null);
        if !is_described {
            self.require_object(reference, done);
        }
        let object = self.object_address(reference);
        let word = self.builder.ins().load(I32, self.flags.objects, object, offset32(CUSTOM_DESCRIPTOR));
        let mut found = self.builder.ins().icmp(IntCC::Equal, word, custom);
        if !is_described {
            // An array's length may be the same number.
            let no = self.builder.ins().iconst(I8, 0);
            self.branch_unless(found, done, no);
            let descriptor = self.descriptor_of(reference);
            let address = self.object_address(descriptor);
            let bits = self.builder.ins().load(I8, self.flags.objects, address, offset32(DESCRIPTOR_REF_BITS));
            found = self.builder.ins().band_imm_u(bits, HEADER_REF_BIT.cast_signed());
        }
        self.builder.ins().jump(done, &[found.into()]);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
        result
    }

    /// The reference is the label's last operand, and stays where there is no branch.
    fn branch_with(&mut self, relative_depth: u32, reference: Value, result: Value, when: bool) {
        self.push(reference);
        let label = self.aim(self.frame_at(relative_depth));
        let next = self.builder.create_block();
        let (then, otherwise) = if when { (label, next) } else { (next, label) };
        self.builder.ins().brif(result, then, &[], otherwise, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    /// Whether a reference is of a type: an `i8` that is 0 or 1.
    fn is_instance(&mut self, reference: Value, heap: HeapType, nullable: bool) -> Value {
        let test = Test::of(self.module, heap);
        if let (Test::Everything, true) = (test, nullable) {
            return self.builder.ins().iconst(I8, 1);
        }
        let is_null = IntCC::Equal;
        match test {
            Test::Nothing if nullable => return self.builder.ins().icmp_imm_u(is_null, reference, 0),
            Test::Nothing => return self.builder.ins().iconst(I8, 0),
            Test::Everything => return self.builder.ins().icmp_imm_u(IntCC::NotEqual, reference, 0),
            Test::I31 if !nullable => return self.is_i31(reference),
            _ => {}
        }
        let done = self.builder.create_block();
        let result = self.builder.append_block_param(done, I8);
        let null = self.builder.ins().iconst(I8, i64::from(nullable));
        self.branch_unless(reference, done, null);
        let found = self.test_non_null(reference, test, done);
        self.builder.ins().jump(done, &[found.into()]);
        self.builder.seal_block(done);
        self.builder.switch_to_block(done);
        result
    }

    fn is_i31(&mut self, reference: Value) -> Value {
        let tag = self.builder.ins().band_imm_u(reference, i64::from(I31_TAG));
        self.builder.ins().ireduce(I8, tag)
    }

    /// Goes on where a condition holds, else to `done` with a result.
    fn branch_unless(&mut self, condition: Value, done: Block, result: Value) {
        let next = self.builder.create_block();
        self.builder.ins().brif(condition, next, &[], done, &[result.into()]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }

    fn test_non_null(&mut self, reference: Value, test: Test, done: Block) -> Value {
        match test {
            Test::Everything => self.builder.ins().iconst(I8, 1),
            Test::Nothing => self.builder.ins().iconst(I8, 0),
            Test::I31 => self.is_i31(reference),
            Test::Func { ty, exact } => self.is_func_of(reference, ty, exact, done),
            Test::Eq => {
                let one = self.builder.ins().iconst(I8, 1);
                let is_object = self.is_no_i31(reference);
                self.branch_unless(is_object, done, one);
                let kind = self.kind_of(reference);
                self.builder.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, kind, i64::from(KIND_ARRAY))
            }
            Test::Kind(wanted) => {
                self.require_object(reference, done);
                let kind = self.kind_of(reference);
                self.builder.ins().icmp_imm_u(IntCC::Equal, kind, i64::from(wanted))
            }
            Test::Object { ty, exact } => {
                self.require_object(reference, done);
                self.is_object_of(reference, ty, exact, done)
            }
        }
    }

    fn is_no_i31(&mut self, reference: Value) -> Value {
        let tag = self.is_i31(reference);
        self.builder.ins().icmp_imm_u(IntCC::Equal, tag, 0)
    }

    fn require_object(&mut self, reference: Value, done: Block) {
        let no = self.builder.ins().iconst(I8, 0);
        let is_object = self.is_no_i31(reference);
        self.branch_unless(is_object, done, no);
    }

    fn descriptor_of(&mut self, reference: Value) -> Value {
        let object = self.object_address(reference);
        self.builder.ins().load(I32, self.flags.objects, object, offset32(DESCRIPTOR))
    }

    fn kind_of(&mut self, reference: Value) -> Value {
        let descriptor = self.descriptor_of(reference);
        let address = self.object_address(descriptor);
        self.builder.ins().load(I8, self.flags.objects, address, offset32(DESCRIPTOR_KIND))
    }

    fn is_object_of(&mut self, reference: Value, ty: TypeIndex, exact: bool, done: Block) -> Value {
        let found = self.descriptor_of(reference);
        let wanted = self.descriptor(ty);
        if exact {
            return self.builder.ins().icmp(IntCC::Equal, found, wanted);
        }
        let yes = self.builder.ins().iconst(I8, 1);
        let differ = self.builder.ins().icmp(IntCC::NotEqual, found, wanted);
        self.branch_unless(differ, done, yes);
        let address = self.object_address(found);
        let depth = self.module.subtyping_depth(ty);
        if depth >= MIN_DISPLAY {
            let no = self.builder.ins().iconst(I8, 0);
            let count = self.builder.ins().load(I32, self.flags.objects, address, offset32(DESCRIPTOR_DISPLAY_COUNT));
            let is_deep = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, count, i64::from(depth));
            self.branch_unless(is_deep, done, no);
        }
        let above = self.builder.ins().load(I32, self.flags.objects, address, offset32(DESCRIPTOR_DISPLAY + 4 * depth));
        self.builder.ins().icmp(IntCC::Equal, above, wanted)
    }

    fn is_func_of(&mut self, reference: Value, ty: TypeIndex, exact: bool, done: Block) -> Value {
        let entry = self.func_entry(reference);
        let found = self.builder.ins().load(I32, self.flags.pinned, entry, offset32(FUNC_ENTRY_TYPE));
        let type_ids = self.vmctx_constant(TYPE_IDS);
        let wanted = self.builder.ins().load(I32, self.flags.constant, type_ids, offset32(4 * ty.as_u32()));
        if exact {
            return self.builder.ins().icmp(IntCC::Equal, found, wanted);
        }
        let yes = self.builder.ins().iconst(I8, 1);
        let differ = self.builder.ins().icmp(IntCC::NotEqual, found, wanted);
        self.branch_unless(differ, done, yes);
        let depth = self.module.subtyping_depth(ty);
        let no = self.builder.ins().iconst(I8, 0);
        let found_depth = self.builder.ins().load(I32, self.flags.pinned, entry, offset32(FUNC_ENTRY_DEPTH));
        let is_deep = self.builder.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, found_depth, i64::from(depth));
        self.branch_unless(is_deep, done, no);
        let display = self.builder.ins().load(I64, self.flags.pinned, entry, offset32(FUNC_ENTRY_DISPLAY));
        let above = self.builder.ins().load(I32, self.flags.pinned, display, offset32(4 * depth));
        self.builder.ins().icmp(IntCC::Equal, above, wanted)
    }
}
