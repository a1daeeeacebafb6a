//! Calls: direct, imported, through a table, through a reference, their tail forms; and builtins.
//!
//! Before a call, values in registers that it does not preserve go to registers that it does preserve, if they are locals and there
//! is one, or to their slots. Arguments are moved all at once, and what is called is read last, from what arguments do not touch.

use wasmparser::Operator;

use crate::abi::artifact::{Helper, Reloc, RelocTarget};
use crate::abi::builtins::{Builtin, BuiltinType};
use crate::abi::call::{CallLayout, Place, needs_return_area};
use crate::abi::profile::{COUNT_WORDS, TARGETS_WORDS};
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::{BLOCK, FUNC_TABLE, TYPE_IDS};
use crate::asm::x64::integer::{Alu, Load, Shift, Store};
use crate::asm::x64::{Condition, Gpr, Mem, Width, Xmm};
use crate::base::{DefinedFuncIndex, FuncIndex, TableIndex, TypeIndex};
use crate::codegen::baseline::function::{Function, vmctx, width};
use crate::codegen::baseline::moves::Target;
use crate::codegen::baseline::registers::{INT_ARGS, INT_RESULTS, PRESERVED, Reg, SCRATCH, VMCTX, VOLATILE};
use crate::codegen::baseline::state::{Kind, Loc, TRACKED_OPERANDS, Value, slot};
use crate::layout::block::CALLER_VMCTX;
use crate::layout::objects::{
    FUNC_ENTRY_DEPTH, FUNC_ENTRY_DISPLAY, FUNC_ENTRY_LOG2, FUNC_ENTRY_SLOT, FUNC_ENTRY_TYPE, FUNC_ENTRY_VMCTX,
    IMPORTED_FUNC_SLOT, IMPORTED_FUNC_VMCTX,
};
use crate::wasm::types::{FuncType, HeapType};

/// What a call goes to.
#[derive(Copy, Clone, Debug)]
enum Callee {
    Defined(DefinedFuncIndex),
    Imported(FuncIndex),
    /// The entry of the function table whose address is in [`ENTRY`]; null traps so, if it was not looked for.
    Entry(Option<TrapCode>),
}

/// Bytes between the frame pointer and the stack arguments: the caller's frame pointer and the return address.
const MOVED_BYTES: u32 = 16;
/// Not an argument's register.
const ENTRY: Gpr = Gpr::R10;
/// The same.
const CODE: Gpr = Gpr::RAX;

impl Function<'_> {
    /// Those that are rare, or have an unusual form.
    pub(super) fn call_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::CallIndirect { type_index, table_index } => {
                self.call_through_table(TypeIndex::from_u32(type_index), TableIndex::from_u32(table_index));
            }
            Operator::CallRef { type_index } => {
                let callee = self.reference_callee();
                self.call(self.module.signature(TypeIndex::from_u32(type_index)), callee);
            }
            Operator::ReturnCall { function_index } => {
                let func = FuncIndex::from_u32(function_index);
                self.flush_fuel();
                self.tail_call(self.module.func_type(func), self.callee(func));
            }
            Operator::ReturnCallIndirect { type_index, table_index } => {
                let ty = TypeIndex::from_u32(type_index);
                let callee = self.table_callee(ty, TableIndex::from_u32(table_index));
                self.tail_call(self.module.signature(ty), callee);
            }
            Operator::ReturnCallRef { type_index } => {
                let callee = self.reference_callee();
                self.tail_call(self.module.signature(TypeIndex::from_u32(type_index)), callee);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn call_function(&mut self, func: FuncIndex) {
        self.flush_fuel();
        self.call(self.module.func_type(func), self.callee(func));
    }

    pub(super) fn call_through_table(&mut self, ty: TypeIndex, table: TableIndex) {
        let callee = self.table_callee(ty, table);
        self.call(self.module.signature(ty), callee);
    }

    fn callee(&self, func: FuncIndex) -> Callee {
        self.module.defined_func(func).map_or(Callee::Imported(func), Callee::Defined)
    }

    /// Takes an index off, and leaves the address of the element's entry in its register, of the right type.
    fn table_callee(&mut self, ty: TypeIndex, table: TableIndex) -> Callee {
        self.flush_fuel();
        self.free_register(ENTRY.into());
        let element = self.element(table, TrapCode::UndefinedElement, Reg::from(ENTRY).set());
        self.buffers.asm.load(Load::Word, ENTRY, element);
        match self.module.tables[table].ty.element.heap {
            // The table's type has said it.
            HeapType::Concrete(_, element) | HeapType::Exact(_, element) if self.module.extends(element, ty) => {
                self.func_entry(ENTRY);
                Callee::Entry(Some(TrapCode::UninitializedElement))
            }
            _ => {
                self.func_entry(ENTRY);
                self.check_type(ty);
                Callee::Entry(None)
            }
        }
    }

    /// Takes a reference off whose type validation has checked.
    fn reference_callee(&mut self) -> Callee {
        self.flush_fuel();
        let value = self.pop();
        // The register keeps its contents, which may be this value.
        self.free_register(ENTRY.into());
        match value.loc() {
            Loc::Reg(reg) => self.buffers.asm.mov_rr(Width::W32, ENTRY, reg.gpr()),
            Loc::Slot => self.buffers.asm.load(Load::Word, ENTRY, value.slot()),
            Loc::Const(bits) => self.buffers.asm.mov_ri(ENTRY, bits),
        }
        self.func_entry(ENTRY);
        Callee::Entry(Some(TrapCode::NullFunctionReference))
    }

    /// From a reference to its entry in the isolate's function table; null has one too.
    fn func_entry(&mut self, reg: Gpr) {
        self.buffers.asm.shift_i(Shift::Left, Width::W64, reg, FUNC_ENTRY_LOG2 as u8);
        self.buffers.asm.alu_rm(Alu::Add, Width::W64, reg, vmctx(FUNC_TABLE));
    }

    /// Null has a type of its own, so one comparison covers it; which of the two went wrong is found out of line.
    fn check_type(&mut self, ty: TypeIndex) {
        let right = self.buffers.asm.buffer.new_label();
        let is_final = self.module.types[ty].is_final;
        if !is_final {
            // Before control divides.
            self.free_register(CODE.into());
        }
        self.load_vmctx(SCRATCH, TYPE_IDS);
        self.buffers.asm.load(Load::Word, SCRATCH, Mem::at(SCRATCH, (4 * ty.as_u32()).cast_signed()));
        self.buffers.asm.alu_rm(Alu::Cmp, Width::W32, SCRATCH, Mem::at(ENTRY, FUNC_ENTRY_TYPE as i32));
        self.buffers.asm.jcc(Condition::Equal, right);
        self.buffers.asm.alu_mi(Alu::Cmp, Width::W64, Mem::at(ENTRY, FUNC_ENTRY_SLOT as i32), 0);
        self.trap_if(Condition::Equal, TrapCode::UninitializedElement);
        if is_final {
            let mismatch = self.trap_label(TrapCode::IndirectCallTypeMismatch);
            self.buffers.asm.jmp(mismatch);
        } else {
            // The expected type is in the scratch register, at a known depth of its hierarchy.
            let depth = self.module.subtyping_depth(ty);
            self.buffers.asm.alu_mi(Alu::Cmp, Width::W32, Mem::at(ENTRY, FUNC_ENTRY_DEPTH as i32), depth.cast_signed());
            self.trap_if(Condition::Below, TrapCode::IndirectCallTypeMismatch);
            self.buffers.asm.load(Load::Double, CODE, Mem::at(ENTRY, FUNC_ENTRY_DISPLAY as i32));
            self.buffers.asm.alu_rm(Alu::Cmp, Width::W32, SCRATCH, Mem::at(CODE, (4 * depth).cast_signed()));
            self.trap_if(Condition::NotEqual, TrapCode::IndirectCallTypeMismatch);
        }
        self.buffers.asm.buffer.bind(right);
    }

    /// Tells the isolate whose call this is, for a host function that may be at its end.
    fn note_caller(&mut self) {
        self.load_vmctx(SCRATCH, BLOCK);
        self.buffers.asm.store(Store::Double, Mem::at(SCRATCH, CALLER_VMCTX as i32), VMCTX);
    }

    /// Moves what is below the arguments out of the registers that a call does not preserve.
    fn save_registers(&mut self, args: usize) {
        let values = &self.buffers.values;
        let (locals, height) = (values.tracked(), values.list.len() - args);
        for index in values.outside().chain(values.operands().start..height) {
            let value = self.buffers.values.list[index];
            let Loc::Reg(reg) = value.loc() else { continue };
            // Operands that lie deep are looked at once only.
            let is_deep = index >= locals && index + TRACKED_OPERANDS < height;
            if value.kind() != Kind::Ref && !is_deep && !VOLATILE.contains(reg) {
                continue;
            }
            let preserved = PRESERVED.minus(self.buffers.values.used()).first();
            // What is in the slot already is as well off there, and the collector looks nowhere else.
            let may_move = index < locals && !value.is_saved() && !value.kind().is_float_or_vector() && value.kind() != Kind::Ref;
            match preserved.filter(|_| may_move) {
                Some(preserved) => {
                    self.buffers.asm.mov_rr(Width::W64, preserved.gpr(), reg.gpr());
                    self.buffers.values.set_loc(index, Loc::Reg(preserved));
                }
                None => {
                    self.save(index);
                    self.buffers.values.set_loc(index, Loc::Slot);
                }
            }
        }
        let values = &mut self.buffers.values;
        values.floor = values.floor.max(height.saturating_sub(TRACKED_OPERANDS));
    }

    fn call(&mut self, ty: &FuncType, callee: Callee) {
        let is_indirect = matches!(callee, Callee::Entry(_));
        let site = self.next_site(if is_indirect { TARGETS_WORDS } else { COUNT_WORDS });
        let layout = CallLayout::new(ty);
        let args = ty.params.len();
        self.save_for_handler();
        self.save_registers(args);
        if let Callee::Imported(_) | Callee::Entry(_) = callee {
            self.note_caller();
        }
        if layout.stack_arg_bytes > 0 {
            self.buffers.asm.alu_ri(Alu::Sub, Width::W64, Gpr::RSP, layout.stack_arg_bytes.cast_signed());
        }
        self.add_arguments(&layout, args, Mem::at(Gpr::RSP, 0));
        self.do_moves();
        if layout.area_bytes > 0 {
            self.area_bytes = self.area_bytes.max(layout.area_bytes);
            // The area is at the end of the frame, where no argument is.
            let area = Mem::at(Gpr::RSP, layout.stack_arg_bytes.cast_signed());
            self.buffers.asm.lea(Width::W64, INT_ARGS[1], area);
        }
        self.buffers.values.truncate(self.buffers.values.list.len() - args);
        if let (Callee::Defined(_) | Callee::Imported(_), Some(word)) = (callee, site) {
            self.record_call(word);
        }
        match callee {
            Callee::Defined(func) => {
                self.buffers.asm.mov_rr(Width::W64, INT_ARGS[0], VMCTX);
                let at = self.buffers.asm.call_rip();
                self.note_slot(at, func);
            }
            Callee::Imported(_) | Callee::Entry(_) => {
                self.load_callee(callee, site);
                self.buffers.asm.call_r(CODE);
            }
        }
        self.note_call(layout.stack_arg_bytes);
        self.note_handler();
        self.push_results(ty, &layout);
    }

    /// Collects the moves of arguments; those on the stack go to where memory begins.
    fn add_arguments(&mut self, layout: &CallLayout, args: usize, memory: Mem) {
        let first = self.buffers.values.list.len() - args;
        for (position, &place) in layout.params.iter().enumerate() {
            let value = self.buffers.values.list[first + position];
            let target = match place {
                Place::Int(nth) => Target::Reg(INT_ARGS[usize::from(nth)].into()),
                Place::Float(nth) => Target::Reg(Xmm(nth).into()),
                Place::Stack(offset) | Place::Area(offset) => {
                    Target::Argument(Mem { displacement: memory.displacement + offset.cast_signed(), ..memory })
                }
            };
            self.add_move(target, value);
        }
    }

    /// The vmctx and the code of what is not a function of this module; an entry is recorded as the target of a site.
    fn load_callee(&mut self, callee: Callee, site: Option<u32>) {
        let asm = &mut self.buffers.asm;
        match callee {
            Callee::Defined(_) => {}
            Callee::Imported(func) => {
                let import = self.env.layout.imported_func(func);
                asm.load(Load::Double, INT_ARGS[0], vmctx(import + IMPORTED_FUNC_VMCTX as u32));
                asm.load(Load::Double, CODE, vmctx(import + IMPORTED_FUNC_SLOT as u32));
                asm.load(Load::Double, CODE, Mem::at(CODE, 0));
            }
            Callee::Entry(null) => {
                asm.load(Load::Double, INT_ARGS[0], Mem::at(ENTRY, FUNC_ENTRY_VMCTX as i32));
                asm.load(Load::Double, CODE, Mem::at(ENTRY, FUNC_ENTRY_SLOT as i32));
                if let Some(word) = site {
                    self.record_target(word, CODE);
                }
                if let Some(trap) = null {
                    self.note_trap(trap);
                }
                self.buffers.asm.load(Load::Double, CODE, Mem::at(CODE, 0));
            }
        }
    }

    fn push_results(&mut self, ty: &FuncType, layout: &CallLayout) {
        for (&result, &place) in ty.results.iter().zip(&layout.results) {
            let kind = Kind::of(result);
            match place {
                Place::Int(nth) => {
                    let reg = INT_RESULTS[usize::from(nth)];
                    if !kind.is_wide() {
                        self.buffers.asm.mov_rr(Width::W32, reg, reg);
                    }
                    self.push_gpr(kind, reg);
                }
                Place::Float(nth) => self.push_xmm(kind, Xmm(nth)),
                Place::Area(offset) | Place::Stack(offset) => {
                    self.push(kind, Loc::Slot);
                    let value = self.buffers.values.list[self.buffers.values.list.len() - 1];
                    self.copy_memory(kind, value.slot(), Mem::at(Gpr::RSP, offset.cast_signed()));
                }
            }
        }
    }

    /// Gives the frame up before the call, and the caller's stack arguments are replaced by the callee's.
    fn tail_call(&mut self, ty: &FuncType, callee: Callee) {
        let layout = CallLayout::new(ty);
        let own_bytes = self.layout.stack_arg_bytes;
        if let Callee::Imported(_) | Callee::Entry(_) = callee {
            self.note_caller();
        }
        // Arguments end where ours ended. What is there was copied into the frame at the start. If they are more, they lie below the
        // frame first, with room for what else moves.
        let is_larger = layout.stack_arg_bytes > own_bytes;
        let memory = if is_larger {
            let bytes = (layout.stack_arg_bytes + MOVED_BYTES).cast_signed();
            self.buffers.asm.alu_ri(Alu::Sub, Width::W64, Gpr::RSP, bytes);
            Mem::at(Gpr::RSP, MOVED_BYTES.cast_signed())
        } else {
            Mem::at(Gpr::RBP, (MOVED_BYTES + own_bytes - layout.stack_arg_bytes).cast_signed())
        };
        self.add_arguments(&layout, ty.params.len(), memory);
        self.do_moves();
        if needs_return_area(&ty.results) {
            // Results of a tail call are our results.
            let area = self.own_area.expect("the results are the same");
            self.buffers.asm.load(Load::Double, INT_ARGS[1], slot(area));
        }
        match callee {
            Callee::Defined(_) => self.buffers.asm.mov_rr(Width::W64, INT_ARGS[0], VMCTX),
            Callee::Imported(_) | Callee::Entry(_) => self.load_callee(callee, None),
        }
        self.restore_all();
        if is_larger {
            self.leave_with_more(own_bytes, layout.stack_arg_bytes);
        } else {
            self.leave_with_less(own_bytes - layout.stack_arg_bytes);
        }
        match callee {
            Callee::Defined(func) => {
                let at = self.buffers.asm.jmp_rip();
                self.note_slot(at, func);
            }
            Callee::Imported(_) | Callee::Entry(_) => self.buffers.asm.jmp_r(CODE),
        }
        self.reachable = false;
    }

    /// Gives the frame up, and moves the return address to so many bytes above where it is.
    fn leave_with_less(&mut self, bytes: u32) {
        let asm = &mut self.buffers.asm;
        asm.leave();
        if bytes > 0 {
            asm.pop(SCRATCH);
            asm.alu_ri(Alu::Add, Width::W64, Gpr::RSP, bytes.cast_signed());
            asm.push(SCRATCH);
        }
    }

    /// Gives the frame up where the arguments of a tail call take more room than our own. They lie at the stack's end, and go up to
    /// where ours end, below them the return address and the caller's frame pointer. Each word is read before something is written
    /// over it, since all go the same way and the highest goes first.
    fn leave_with_more(&mut self, own_bytes: u32, bytes: u32) {
        let more = (bytes - own_bytes).cast_signed();
        let asm = &mut self.buffers.asm;
        for offset in (0..MOVED_BYTES.cast_signed()).step_by(8) {
            asm.load(Load::Double, SCRATCH, Mem::at(Gpr::RBP, offset));
            asm.store(Store::Double, Mem::at(Gpr::RSP, offset), SCRATCH);
        }
        for offset in (0..(bytes + MOVED_BYTES).cast_signed()).step_by(8).rev() {
            asm.load(Load::Double, SCRATCH, Mem::at(Gpr::RSP, offset));
            asm.store(Store::Double, Mem::at(Gpr::RBP, offset - more), SCRATCH);
        }
        asm.lea(Width::W64, Gpr::RSP, Mem::at(Gpr::RBP, -more));
        asm.pop(Gpr::RBP);
    }

    // ---- Helpers and builtins ----

    /// Calls a helper with the topmost operand, a float. Gives the register of the result, which nothing holds yet.
    pub(super) fn call_helper(&mut self, helper: Helper, kind: Kind) -> Xmm {
        self.save_registers(1);
        let value = self.pop();
        self.add_move(Target::Reg(Xmm(0).into()), value);
        self.do_moves();
        let code_offset = self.buffers.asm.call_rip();
        self.buffers.relocs.push(Reloc { code_offset, target: RelocTarget::Helper(helper) });
        debug_assert!(kind.is_float_or_vector() && kind == value.kind());
        Xmm(0)
    }

    /// Calls a builtin with the topmost operands behind some constants; `None` stands for an operand, and all operands are used. What
    /// they are is gone afterwards, and the result is pushed as such.
    pub(super) fn builtin(&mut self, builtin: Builtin, arguments: &[Option<u64>], result: Option<Kind>) {
        let count = arguments.iter().filter(|argument| argument.is_none()).count();
        debug_assert_eq!(arguments.len(), builtin.params().len());
        self.save_registers(count);
        let mut operand = self.buffers.values.list.len() - count;
        for ((position, argument), ty) in (1..).zip(arguments).zip(builtin.params()) {
            let kind = if *ty == BuiltinType::I64 { Kind::I64 } else { Kind::I32 };
            let value = match *argument {
                Some(bits) => Value::new(kind, Loc::Const(bits), 0),
                None => {
                    operand += 1;
                    self.buffers.values.list[operand - 1]
                }
            };
            // Those of 32 bits have their upper half cleared in registers, and are loaded so.
            self.add_move(Target::Reg(INT_ARGS[position].into()), value);
        }
        self.do_moves();
        self.buffers.values.truncate(self.buffers.values.list.len() - count);
        self.buffers.asm.mov_rr(Width::W64, INT_ARGS[0], VMCTX);
        self.call_builtin_at(builtin);
        self.note_call(0);
        if let Some(kind) = result {
            self.buffers.asm.mov_rr(width(kind), Gpr::RAX, Gpr::RAX);
            self.push_gpr(kind, Gpr::RAX);
        }
    }
}
