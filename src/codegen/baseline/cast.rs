//! Casts and branches on casts.
//!
//! A test is a row of comparisons, of which each but the last leaves for one of two labels, "yes" and "no", where that is already
//! certain; the last leaves its answer in the flags. What follows binds one of the labels and knows what to do at the other.
//! What is compared, see [`cast`](crate::codegen::optimizing) of the optimizing tier.

use wasmparser::{HeapType, Operator, RefType};

use crate::abi::trap::TrapCode;
use crate::abi::vmctx::{DESCRIPTORS, FUNC_TABLE, TYPE_IDS};
use crate::asm::buffer::Label;
use crate::asm::x64::integer::{Alu, Load, Shift};
use crate::asm::x64::{Condition, Gpr, Mem, Width};
use crate::base::TypeIndex;
use crate::codegen::baseline::function::{Function, vmctx};
use crate::codegen::baseline::registers::{Reg, RegSet, SCRATCH};
use crate::codegen::baseline::state::{Kind, Loc};
use crate::codegen::common::casts::{self, Test};
use crate::layout::heap::{
    CUSTOM_DESCRIPTOR, DESCRIPTOR, DESCRIPTOR_DISPLAY, DESCRIPTOR_DISPLAY_COUNT, DESCRIPTOR_KIND, DESCRIPTOR_REF_BITS,
    HEADER_REF_BIT, I31_TAG, KIND_ARRAY, MIN_DISPLAY,
};
use crate::layout::objects::{FUNC_ENTRY_DEPTH, FUNC_ENTRY_DISPLAY, FUNC_ENTRY_LOG2, FUNC_ENTRY_TYPE};

/// How a row of comparisons ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Answer {
    Always,
    Never,
    /// If the flags say so.
    If(Condition),
}

/// Where a row of comparisons goes when it need not go on.
#[derive(Copy, Clone, Debug)]
struct Exits {
    yes: Label,
    no: Label,
}

/// What is tested: a reference, beside a register to work in. A value that the caller put on the stack holds the reference.
#[derive(Copy, Clone, Debug)]
struct Subject {
    reference: Gpr,
    work: Gpr,
}

impl Function<'_> {
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

    fn exits(&mut self) -> Exits {
        Exits { yes: self.buffers.asm.buffer.new_label(), no: self.buffers.asm.buffer.new_label() }
    }

    /// The topmost operand, which stays on the stack, in a register.
    fn subject(&mut self, avoid: RegSet) -> Subject {
        let value = self.pop();
        let reg = self.in_reg(&value, avoid);
        self.push(value.kind(), Loc::Reg(reg));
        let work = self.alloc_gpr(avoid.union(reg.set()));
        Subject { reference: reg.gpr(), work }
    }

    fn ref_test(&mut self, heap: HeapType, nullable: bool) {
        let exits = self.exits();
        let subject = self.subject(RegSet::EMPTY);
        let answer = self.test(subject, heap, nullable, exits);
        self.pop();
        let asm = &mut self.buffers.asm;
        let done = asm.buffer.new_label();
        let to = subject.work;
        match answer {
            Answer::Always => {}
            Answer::Never => asm.jmp(exits.no),
            Answer::If(condition) => asm.jcc(condition.negated(), exits.no),
        }
        asm.buffer.bind(exits.yes);
        asm.mov_ri(to, 1);
        asm.jmp(done);
        asm.buffer.bind(exits.no);
        asm.mov_ri(to, 0);
        asm.buffer.bind(done);
        self.push_gpr(Kind::I32, to);
    }

    fn ref_cast(&mut self, heap: HeapType, nullable: bool) {
        let subject = self.subject(RegSet::EMPTY);
        let exits = self.trapping_exits(TrapCode::CastFailure);
        let answer = self.test(subject, heap, nullable, exits);
        self.go_on_at_yes(answer, exits);
    }

    /// Exits of which "no" traps.
    fn trapping_exits(&mut self, trap: TrapCode) -> Exits {
        Exits { yes: self.buffers.asm.buffer.new_label(), no: self.trap_label(trap) }
    }

    fn go_on_at_yes(&mut self, answer: Answer, exits: Exits) {
        match answer {
            Answer::Always => {}
            Answer::Never => self.buffers.asm.jmp(exits.no),
            Answer::If(condition) => self.buffers.asm.jcc(condition.negated(), exits.no),
        }
        self.buffers.asm.buffer.bind(exits.yes);
    }

    fn branch_on_cast(&mut self, relative_depth: u32, to: RefType, when: bool) {
        self.flush_fuel();
        let exits = self.exits();
        let subject = self.subject(RegSet::EMPTY);
        let answer = self.test(subject, to.heap_type(), to.is_nullable(), exits);
        self.branch_with(relative_depth, answer, exits, when);
    }

    /// The reference is the label's last operand, and stays where there is no branch.
    fn branch_with(&mut self, relative_depth: u32, answer: Answer, exits: Exits, when: bool) {
        let (branch, next) = if when { (exits.yes, exits.no) } else { (exits.no, exits.yes) };
        match answer {
            Answer::Always if !when => self.buffers.asm.jmp(next),
            Answer::Never if when => self.buffers.asm.jmp(next),
            Answer::Always | Answer::Never => {}
            Answer::If(condition) => {
                let stays = if when { condition.negated() } else { condition };
                self.buffers.asm.jcc(stays, next);
            }
        }
        self.buffers.asm.buffer.bind(branch);
        self.jump_to(self.frame_at(relative_depth));
        self.buffers.asm.buffer.bind(next);
    }

    // ---- Custom descriptors ----

    fn custom_cast(&mut self, nullable: bool) {
        self.check_custom_descriptor();
        let custom = self.pop_gpr(self.top_register());
        let subject = self.subject(Reg::from(custom).set());
        let exits = self.trapping_exits(TrapCode::DescriptorCastFailure);
        let answer = self.test_custom_descriptor(subject, custom, nullable, false, exits);
        self.go_on_at_yes(answer, exits);
    }

    fn branch_on_custom_cast(&mut self, relative_depth: u32, from: RefType, to: RefType, when: bool) {
        self.flush_fuel();
        self.check_custom_descriptor();
        let custom = self.pop_gpr(self.top_register());
        let subject = self.subject(Reg::from(custom).set());
        let exits = self.exits();
        let is_described = casts::is_described(self.module, from.heap_type());
        let answer = self.test_custom_descriptor(subject, custom, to.is_nullable(), is_described, exits);
        self.branch_with(relative_depth, answer, exits, when);
    }

    /// Whether a reference has a custom descriptor, or is null where that is asked for too. `is_described` says that the reference
    /// is one of a type with a descriptor.
    fn test_custom_descriptor(
        &mut self,
        subject: Subject,
        custom: Gpr,
        nullable: bool,
        is_described: bool,
        exits: Exits,
    ) -> Answer {
        let Subject { reference, work } = subject;
        self.leave_if_null(reference, nullable, exits);
        if !is_described {
            self.leave_if_i31(reference, exits.no);
        }
        let place = self.object_place(reference, CUSTOM_DESCRIPTOR);
        let asm = &mut self.buffers.asm;
        asm.alu_rm(Alu::Cmp, Width::W32, custom, place);
        if is_described {
            return Answer::If(Condition::Equal);
        }
        // An array's length may be the same number.
        asm.jcc(Condition::NotEqual, exits.no);
        self.load_of_descriptor(reference, work, DESCRIPTOR_REF_BITS);
        self.buffers.asm.test_ri(Width::W32, work, HEADER_REF_BIT as i32);
        Answer::If(Condition::NotEqual)
    }

    // ---- Tests ----

    /// Whether a reference is of a type.
    fn test(&mut self, subject: Subject, heap: HeapType, nullable: bool, exits: Exits) -> Answer {
        let Subject { reference, work } = subject;
        let test = Test::of(self.module, heap);
        match (test, nullable) {
            (Test::Everything, true) => return Answer::Always,
            (Test::Nothing, false) => return Answer::Never,
            (Test::Everything | Test::Nothing, _) => {
                self.buffers.asm.test_rr(Width::W32, reference, reference);
                return Answer::If(if nullable { Condition::Equal } else { Condition::NotEqual });
            }
            // Null is even.
            (Test::I31, false) => {}
            _ => self.leave_if_null(reference, nullable, exits),
        }
        match test {
            Test::Everything | Test::Nothing => Answer::Always,
            Test::I31 => {
                self.buffers.asm.test_ri(Width::W32, reference, I31_TAG as i32);
                Answer::If(Condition::NotEqual)
            }
            Test::Eq => {
                self.leave_if_i31(reference, exits.yes);
                self.load_of_descriptor(reference, work, DESCRIPTOR_KIND);
                self.buffers.asm.alu_ri(Alu::Cmp, Width::W32, work, i32::from(KIND_ARRAY));
                Answer::If(Condition::BelowEqual)
            }
            Test::Kind(wanted) => {
                self.leave_if_i31(reference, exits.no);
                self.load_of_descriptor(reference, work, DESCRIPTOR_KIND);
                self.buffers.asm.alu_ri(Alu::Cmp, Width::W32, work, i32::from(wanted));
                Answer::If(Condition::Equal)
            }
            Test::Object { ty, exact } => {
                self.leave_if_i31(reference, exits.no);
                self.test_object(subject, ty, exact, exits)
            }
            Test::Func { ty, exact } => self.test_func(subject, ty, exact, exits),
        }
    }

    fn leave_if_null(&mut self, reference: Gpr, nullable: bool, exits: Exits) {
        self.buffers.asm.test_rr(Width::W32, reference, reference);
        self.buffers.asm.jcc(Condition::Equal, if nullable { exits.yes } else { exits.no });
    }

    fn leave_if_i31(&mut self, reference: Gpr, to: Label) {
        self.buffers.asm.test_ri(Width::W32, reference, I31_TAG as i32);
        self.buffers.asm.jcc(Condition::NotEqual, to);
    }

    /// A byte of the descriptor of an object.
    fn load_of_descriptor(&mut self, reference: Gpr, to: Gpr, offset: u32) {
        let place = self.object_place(reference, DESCRIPTOR);
        self.buffers.asm.load(Load::Word, to, place);
        self.buffers.asm.load(Load::Byte, to, Mem::indexed(SCRATCH, to, 0, offset.cast_signed()));
    }

    /// Compares a register with the descriptor that objects of a type have in this isolate.
    fn compare_descriptor(&mut self, found: Gpr, ty: TypeIndex) {
        self.load_vmctx(SCRATCH, DESCRIPTORS);
        self.buffers.asm.alu_rm(Alu::Cmp, Width::W32, found, Mem::at(SCRATCH, (4 * ty.as_u32()).cast_signed()));
    }

    fn test_object(&mut self, Subject { reference, work }: Subject, ty: TypeIndex, exact: bool, exits: Exits) -> Answer {
        let place = self.object_place(reference, DESCRIPTOR);
        self.buffers.asm.load(Load::Word, work, place);
        self.compare_descriptor(work, ty);
        if exact {
            return Answer::If(Condition::Equal);
        }
        self.buffers.asm.jcc(Condition::Equal, exits.yes);
        let depth = self.module.subtyping_depth(ty);
        self.load_cage(SCRATCH);
        let asm = &mut self.buffers.asm;
        asm.alu_rr(Alu::Add, Width::W64, SCRATCH, work);
        if depth >= MIN_DISPLAY {
            asm.alu_mi(Alu::Cmp, Width::W32, Mem::at(SCRATCH, DESCRIPTOR_DISPLAY_COUNT.cast_signed()), depth.cast_signed());
            asm.jcc(Condition::BelowEqual, exits.no);
        }
        asm.load(Load::Word, work, Mem::at(SCRATCH, (DESCRIPTOR_DISPLAY + 4 * depth).cast_signed()));
        self.compare_descriptor(work, ty);
        Answer::If(Condition::Equal)
    }

    fn test_func(&mut self, Subject { reference, work }: Subject, ty: TypeIndex, exact: bool, exits: Exits) -> Answer {
        let asm = &mut self.buffers.asm;
        asm.mov_rr(Width::W32, work, reference);
        asm.shift_i(Shift::Left, Width::W64, work, FUNC_ENTRY_LOG2 as u8);
        asm.alu_rm(Alu::Add, Width::W64, work, vmctx(FUNC_TABLE));
        asm.load(Load::Double, SCRATCH, vmctx(TYPE_IDS));
        asm.load(Load::Word, SCRATCH, Mem::at(SCRATCH, (4 * ty.as_u32()).cast_signed()));
        asm.alu_rm(Alu::Cmp, Width::W32, SCRATCH, Mem::at(work, FUNC_ENTRY_TYPE as i32));
        if exact {
            return Answer::If(Condition::Equal);
        }
        asm.jcc(Condition::Equal, exits.yes);
        let depth = self.module.subtyping_depth(ty);
        let asm = &mut self.buffers.asm;
        asm.alu_mi(Alu::Cmp, Width::W32, Mem::at(work, FUNC_ENTRY_DEPTH as i32), depth.cast_signed());
        asm.jcc(Condition::Below, exits.no);
        asm.load(Load::Double, work, Mem::at(work, FUNC_ENTRY_DISPLAY as i32));
        asm.alu_rm(Alu::Cmp, Width::W32, SCRATCH, Mem::at(work, (4 * depth).cast_signed()));
        Answer::If(Condition::Equal)
    }
}
