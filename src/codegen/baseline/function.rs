//! One function: the state of its compilation, and the operations that all operators are made of.

use std::collections::HashMap;

use wasmparser::Catch;

use crate::abi::artifact::{CodeVariant, LoopSite, LoopValue, Position, Reloc, RelocTarget, TrapSite};
use crate::abi::builtins::Builtin;
use crate::abi::call::CallLayout;
use crate::abi::cpu::CpuFeatures;
use crate::abi::fields::StructLayout;
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::BLOCK;
use crate::asm::buffer::Label;
use crate::asm::x64::float::{Float, FloatBits};
use crate::asm::x64::integer::{Alu, Load, Store};
use crate::asm::x64::{Assembler, Condition, Gpr, Mem, Width, Xmm};
use crate::base::sync::Arc;
use crate::base::tuning::SPARE_LAYOUTS_MAX;
use crate::base::{DefinedFuncIndex, TypeIndex};
use crate::codegen::baseline::control::Frame;
use crate::codegen::baseline::exception::Try;
use crate::codegen::baseline::moves::Move;
use crate::codegen::baseline::object::Slow;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, GPRS, Reg, RegSet, SCRATCH, VMCTX, VOLATILE_GPRS, XMMS};
use crate::codegen::baseline::state::{Kind, Loc, Value, Values};
use crate::codegen::compiler::UnitError;
use crate::codegen::env::CompileEnv;
use crate::wasm::module::WasmModule;
use crate::wasm::types::FuncType;
use crate::wasm::validate::Features;

pub(super) type Result<T = ()> = std::result::Result<T, UnitError>;

/// Memory that serves one function after another.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub asm: Assembler,
    pub values: Values,
    pub frames: Vec<Frame>,
    /// Lists that frames no longer need.
    pub spare: Vec<Vec<Value>>,
    /// How many `br_table`s there were.
    pub table_stamp: u32,
    pub moves: Vec<Move>,
    pub stubs: Vec<Stub>,
    pub relocs: Vec<Reloc>,
    pub traps: Vec<TrapSite>,
    pub positions: Vec<Position>,
    pub maps: Vec<Map>,
    pub map_slots: Vec<u32>,
    /// Constants behind the code.
    pub pool: Vec<(u128, Label)>,
    pub tries: Vec<Try>,
    /// Clauses of the open `try_table`s.
    pub catches: Vec<Catch>,
    /// Calls that a handler is in force for, by return address, and where it begins.
    pub handlers: Vec<(u32, Label)>,
    pub slow: Vec<Slow>,
    pub slow_values: Vec<Value>,
    pub struct_layouts: HashMap<TypeIndex, Arc<StructLayout>>,
    /// Those of functions before.
    pub spare_layouts: Vec<Arc<StructLayout>>,
    /// Ways of the `br_table` that is compiled: to which frames, and where they begin.
    pub ways: Vec<(usize, Label)>,
    pub loops: Vec<LoopSite>,
    pub loop_values: Vec<LoopValue>,
}

impl Buffers {
    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self) {
        self.asm.buffer.clear();
        self.values.clear();
        // A function that was given up has left its frames.
        self.frames.clear();
        self.moves.clear();
        self.stubs.clear();
        self.relocs.clear();
        self.traps.clear();
        self.positions.clear();
        self.maps.clear();
        self.map_slots.clear();
        self.pool.clear();
        self.tries.clear();
        self.catches.clear();
        self.handlers.clear();
        self.slow.clear();
        self.slow_values.clear();
        self.spare_layouts.extend(self.struct_layouts.drain().map(|(_, layout)| layout));
        self.spare_layouts.truncate(SPARE_LAYOUTS_MAX);
        self.loops.clear();
        self.loop_values.clear();
        self.table_stamp = 0;
    }
}

/// What lies behind the body.
#[derive(Debug)]
pub(super) struct Stub {
    pub label: Label,
    pub position: u32,
    pub kind: StubKind,
}

#[derive(Debug)]
pub(super) enum StubKind {
    Trap(TrapCode),
    /// A conversion failed: because the operand is not a number, or because it is too large.
    Conversion(Float, Xmm),
    /// A poll, where to go on, and for that of a loop which of [`Buffers::loops`] it is.
    Poll(Builtin, Label, Option<usize>),
    /// An allocation, by its position in [`Buffers::slow`].
    Allocate(usize),
    /// An indirect call went elsewhere than to its first target: its words, and where to go on.
    Target(u32, Label),
}

/// References in the frame: a part of [`Buffers::map_slots`], as bytes below the save area, and the last of those that lie deep.
#[derive(Debug, Clone, Copy)]
pub(super) struct References {
    pub slots: (u32, u32),
    pub deep: u32,
}

/// References in the frame at a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map {
    pub code_offset: u32,
    pub stack_arg_bytes: u32,
    pub references: References,
}

/// A function between two operators.
pub(super) struct Function<'a> {
    pub env: &'a CompileEnv,
    pub module: &'a WasmModule,
    pub func: DefinedFuncIndex,
    pub func_type: &'a FuncType,
    /// Where its parameters and results travel.
    pub layout: CallLayout,
    pub variant: CodeVariant,
    pub buffers: &'a mut Buffers,
    /// The prologue, which is made last.
    pub prologue: Assembler,
    /// Byte offset of the operator in the module.
    pub position: u32,
    /// The next byte of the body: what operator comes next.
    pub next: u8,
    pub reachable: bool,
    /// Blocks that were opened in code that is not reached.
    pub skipped: u32,
    /// The result of a comparison that the next operator consumes.
    pub flags: Option<Condition>,
    /// Fuel of the operators since it was last counted.
    pub fuel: u64,
    /// Where all returns go.
    pub exit: Label,
    /// Bytes of the largest return area that a call passes.
    pub area_bytes: u32,
    /// Whether the base of memory 0 is wanted in its register.
    pub uses_memory_base: bool,
    /// Whether the prologue saves every register that calls preserve: a tail call restores them in mid-function.
    pub saves_all: bool,
    /// Slot of the address where the results go, when they do not fit in registers.
    pub own_area: Option<u32>,
    pub detected: Features,
    pub cpu: Cpu,
    /// Words that the calls so far have to be recorded in.
    pub profile_words: u32,
    /// Says true when the function need not be finished.
    pub stop: &'a dyn Fn() -> bool,
}

/// What the processor can do, of what this tier uses.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Cpu {
    pub sse41: bool,
    /// What operators on vectors are made of: SSSE3, SSE4.1 and SSE4.2.
    pub vectors: bool,
    /// Multiplication and addition with one rounding.
    pub fma: bool,
    pub popcnt: bool,
    pub lzcnt: bool,
    pub bmi1: bool,
}

impl Cpu {
    pub(super) fn new(features: CpuFeatures) -> Cpu {
        Cpu {
            sse41: features.contains(CpuFeatures::SSE41),
            vectors: features.contains(CpuFeatures::SSSE3 | CpuFeatures::SSE41 | CpuFeatures::SSE42),
            fma: features.contains(CpuFeatures::FMA),
            popcnt: features.contains(CpuFeatures::POPCNT),
            lzcnt: features.contains(CpuFeatures::LZCNT),
            bmi1: features.contains(CpuFeatures::BMI1),
        }
    }
}

pub(super) fn width(kind: Kind) -> Width {
    if kind.is_wide() { Width::W64 } else { Width::W32 }
}

pub(super) fn float(kind: Kind) -> Float {
    if kind == Kind::F64 { Float::F64 } else { Float::F32 }
}

impl Function<'_> {
    // ---- Registers ----

    /// A register for an integer, free or freed.
    #[inline]
    pub(super) fn alloc_gpr(&mut self, avoid: RegSet) -> Gpr {
        let free = GPRS.minus(self.buffers.values.used()).minus(avoid);
        let preferred = free.intersection(VOLATILE_GPRS);
        match preferred.first().or_else(|| free.first()) {
            Some(reg) => {
                // One that calls preserve is saved for the caller even if no value is ever in it.
                self.buffers.values.touched = self.buffers.values.touched.union(reg.set());
                reg.gpr()
            }
            None => self.evict(GPRS.minus(avoid)).gpr(),
        }
    }

    #[inline]
    pub(super) fn alloc_xmm(&mut self, avoid: RegSet) -> Xmm {
        match XMMS.minus(self.buffers.values.used()).minus(avoid).first() {
            Some(reg) => reg.xmm(),
            None => self.evict(XMMS.minus(avoid)).xmm(),
        }
    }

    pub(super) fn alloc(&mut self, kind: Kind, avoid: RegSet) -> Reg {
        if kind.is_float_or_vector() { self.alloc_xmm(avoid).into() } else { self.alloc_gpr(avoid).into() }
    }

    /// Frees one of some registers: the one whose values were used longest ago, as they are likely needed last.
    #[cold]
    fn evict(&mut self, among: RegSet) -> Reg {
        let found = self.buffers.values.least_recently_used(among);
        let reg = found.expect("an operator needs fewer registers than there are");
        self.spill(reg);
        reg
    }

    /// Moves everything out of a register into slots.
    pub(super) fn spill(&mut self, reg: Reg) {
        // From the top: what lies deep is found once, and not again.
        let values = &self.buffers.values;
        for index in values.outside().chain(values.operands().rev()) {
            if self.buffers.values.list[index].loc() == Loc::Reg(reg) {
                self.save(index);
                self.buffers.values.set_loc(index, Loc::Slot);
                if self.buffers.values.uses(reg) == 0 {
                    break;
                }
            }
        }
    }

    /// Makes a register free: what it holds goes to another one, or into slots.
    pub(super) fn free_register(&mut self, reg: Reg) {
        if self.buffers.values.uses(reg) > 0 {
            self.spill(reg);
        }
    }

    /// Writes a value into its slot, if it is not there.
    pub(super) fn save(&mut self, index: usize) {
        let value = self.buffers.values.list[index];
        if value.is_in_slot() {
            return;
        }
        match value.loc() {
            Loc::Reg(reg) => self.store_reg(value.kind(), value.slot(), reg),
            Loc::Const(bits) => self.store_const(value.kind(), value.slot(), bits),
            Loc::Slot => {}
        }
        self.buffers.values.list[index].set_saved(true);
    }

    pub(super) fn store_reg(&mut self, kind: Kind, mem: Mem, reg: Reg) {
        let asm = &mut self.buffers.asm;
        match kind {
            Kind::F32 | Kind::F64 => asm.float_store(float(kind), mem, reg.xmm()),
            Kind::V128 => asm.vector_store(mem, reg.xmm()),
            Kind::I64 => asm.store(Store::Double, mem, reg.gpr()),
            Kind::I32 | Kind::Func | Kind::Ref => asm.store(Store::Word, mem, reg.gpr()),
        }
    }

    pub(super) fn store_const(&mut self, kind: Kind, mem: Mem, bits: u64) {
        let asm = &mut self.buffers.asm;
        if kind == Kind::V128 {
            debug_assert_eq!(bits, 0, "other vectors are in registers");
            asm.store_imm(Store::Double, mem, 0);
            asm.store_imm(Store::Double, Mem { displacement: mem.displacement + 8, ..mem }, 0);
        } else if !kind.is_wide() {
            asm.store_imm(Store::Word, mem, (bits as u32).cast_signed());
        } else if let Ok(value) = i32::try_from(bits.cast_signed()) {
            asm.store_imm(Store::Double, mem, value);
        } else {
            asm.mov_ri(SCRATCH, bits);
            asm.store(Store::Double, mem, SCRATCH);
        }
    }

    pub(super) fn load_reg(&mut self, kind: Kind, reg: Reg, mem: Mem) {
        let asm = &mut self.buffers.asm;
        match kind {
            Kind::F32 | Kind::F64 => asm.float_load(float(kind), reg.xmm(), mem),
            Kind::V128 => asm.vector_load(reg.xmm(), mem),
            Kind::I64 => asm.load(Load::Double, reg.gpr(), mem),
            Kind::I32 | Kind::Func | Kind::Ref => asm.load(Load::Word, reg.gpr(), mem),
        }
    }

    pub(super) fn load_const(&mut self, kind: Kind, reg: Reg, bits: u64) {
        let asm = &mut self.buffers.asm;
        if !kind.is_float_or_vector() {
            asm.mov_ri(reg.gpr(), bits);
        } else if bits == 0 {
            asm.float_bits(FloatBits::Xor, reg.xmm(), reg.xmm());
        } else {
            asm.mov_ri(SCRATCH, bits);
            asm.float_from_bits(width(kind), reg.xmm(), SCRATCH);
        }
    }

    /// A copy from memory to memory, through a scratch register: bits are bits.
    pub(super) fn copy_memory(&mut self, kind: Kind, to: Mem, from: Mem) {
        let (kind, reg): (Kind, Reg) = match kind {
            Kind::V128 => (kind, FLOAT_SCRATCH.into()),
            kind if kind.is_wide() => (Kind::I64, SCRATCH.into()),
            _ => (Kind::I32, SCRATCH.into()),
        };
        self.load_reg(kind, reg, from);
        self.store_reg(kind, to, reg);
    }

    /// A copy between registers of one sort.
    pub(super) fn move_reg(&mut self, kind: Kind, to: Reg, from: Reg) {
        if kind.is_float_or_vector() {
            self.buffers.asm.movaps_rr(to.xmm(), from.xmm());
        } else {
            self.buffers.asm.mov_rr(width(kind), to.gpr(), from.gpr());
        }
    }

    // ---- Operands ----

    pub(super) fn push(&mut self, kind: Kind, loc: Loc) {
        self.buffers.values.push(kind, loc);
    }

    pub(super) fn push_gpr(&mut self, kind: Kind, reg: Gpr) {
        self.push(kind, Loc::Reg(reg.into()));
    }

    pub(super) fn push_xmm(&mut self, kind: Kind, reg: Xmm) {
        self.push(kind, Loc::Reg(reg.into()));
    }

    pub(super) fn push_i32(&mut self, value: u32) {
        self.push(Kind::I32, Loc::Const(u64::from(value)));
    }

    /// Takes the topmost value off, as it is.
    #[inline]
    pub(super) fn pop(&mut self) -> Value {
        self.buffers.values.pop()
    }

    /// Takes the topmost value off, into a register. The register is not held: nothing may be allocated without avoiding it, as long as
    /// it is needed.
    #[inline]
    pub(super) fn pop_reg(&mut self, avoid: RegSet) -> Reg {
        let value = self.pop();
        self.in_reg(&value, avoid)
    }

    /// A value that was popped, in a register.
    pub(super) fn in_reg(&mut self, value: &Value, avoid: RegSet) -> Reg {
        match value.loc() {
            Loc::Reg(reg) => reg,
            Loc::Const(bits) => {
                let reg = self.alloc(value.kind(), avoid);
                self.load_const(value.kind(), reg, bits);
                reg
            }
            Loc::Slot => {
                let reg = self.alloc(value.kind(), avoid);
                self.load_reg(value.kind(), reg, value.slot());
                reg
            }
        }
    }

    /// An integer that was popped, in a certain register, which nothing else that was popped is in. The flags stay as they were.
    pub(super) fn move_to(&mut self, value: &Value, to: Gpr) {
        match value.loc() {
            Loc::Reg(reg) if reg == to.into() => {}
            Loc::Reg(reg) => self.move_reg(value.kind(), to.into(), reg),
            Loc::Const(bits) => self.buffers.asm.mov_ri(to, bits),
            Loc::Slot => self.load_reg(value.kind(), to.into(), value.slot()),
        }
    }

    pub(super) fn pop_gpr(&mut self, avoid: RegSet) -> Gpr {
        self.pop_reg(avoid).gpr()
    }

    pub(super) fn pop_xmm(&mut self, avoid: RegSet) -> Xmm {
        self.pop_reg(avoid).xmm()
    }

    /// Whether a register that was popped may be changed.
    #[inline]
    pub(super) fn is_free(&self, reg: Reg) -> bool {
        self.buffers.values.uses(reg) == 0
    }

    /// A register with the contents of one that was popped, to be changed: the same if nothing else is in it.
    pub(super) fn owned(&mut self, kind: Kind, reg: Reg, avoid: RegSet) -> Reg {
        if self.is_free(reg) {
            return reg;
        }
        let copy = self.alloc(kind, avoid.union(reg.set()));
        self.move_reg(kind, copy, reg);
        copy
    }

    /// The same where others that were popped are still needed, of which it may be one.
    pub(super) fn own_beside(&mut self, kind: Kind, reg: Reg, others: RegSet) -> Reg {
        if self.is_free(reg) && !others.contains(reg) {
            return reg;
        }
        let copy = self.alloc(kind, others.union(reg.set()));
        self.move_reg(kind, copy, reg);
        copy
    }

    /// Takes the topmost value off, into a register that may be changed.
    pub(super) fn pop_owned(&mut self, avoid: RegSet) -> Reg {
        let value = self.pop();
        let reg = self.in_reg(&value, avoid);
        self.owned(value.kind(), reg, avoid)
    }

    // ---- Leaving the function ----

    /// A label for a trap at the present operator.
    pub(super) fn trap_label(&mut self, trap: TrapCode) -> Label {
        self.stub(StubKind::Trap(trap))
    }

    pub(super) fn stub(&mut self, kind: StubKind) -> Label {
        let label = self.buffers.asm.buffer.new_label();
        self.buffers.stubs.push(Stub { label, position: self.position, kind });
        label
    }

    /// Traps if the condition holds.
    pub(super) fn trap_if(&mut self, condition: Condition, trap: TrapCode) {
        let label = self.trap_label(trap);
        self.buffers.asm.jcc(condition, label);
    }

    /// A trap that ends reachable code.
    pub(super) fn trap(&mut self, trap: TrapCode) {
        self.flush_fuel();
        self.note_trap(trap);
        self.buffers.asm.ud2();
        self.reachable = false;
    }

    /// The next instruction may trap.
    pub(super) fn note_trap(&mut self, trap: TrapCode) {
        let code_offset = self.buffers.asm.buffer.offset();
        self.buffers.traps.push(TrapSite { code_offset, trap });
        self.buffers.positions.push(Position { code_offset, wasm_offset: self.position });
    }

    /// The instruction before was a call: records its position, and the references in the frame.
    pub(super) fn note_call(&mut self, stack_arg_bytes: u32) {
        let code_offset = self.buffers.asm.buffer.offset();
        self.buffers.positions.push(Position { code_offset, wasm_offset: self.position });
        if !self.module.uses_heap {
            return;
        }
        let references = self.list_references();
        self.add_map(code_offset, stack_arg_bytes, references);
    }

    pub(super) fn add_map(&mut self, code_offset: u32, stack_arg_bytes: u32, references: References) {
        if references.slots.0 < references.slots.1 || references.deep > 0 {
            self.buffers.maps.push(Map { code_offset, stack_arg_bytes, references });
        }
    }

    /// Lists the slots that hold references now.
    pub(super) fn list_references(&mut self) -> References {
        let start = self.buffers.map_slots.len() as u32;
        let Buffers { values, map_slots, .. } = &mut *self.buffers;
        let deep = values.list_references(map_slots);
        References { slots: (start, map_slots.len() as u32), deep }
    }

    /// A word of the vmctx, in a register.
    pub(super) fn load_vmctx(&mut self, to: Gpr, offset: u32) {
        self.buffers.asm.load(Load::Double, to, vmctx(offset));
    }

    pub(super) fn call_builtin_at(&mut self, builtin: Builtin) {
        let asm = &mut self.buffers.asm;
        asm.load(Load::Double, Gpr::RAX, vmctx(BLOCK));
        asm.call_m(Mem::at(Gpr::RAX, builtin.block_offset() as i32));
    }

    /// A displacement that publication fills in was just emitted.
    pub(super) fn note_slot(&mut self, code_offset: u32, func: DefinedFuncIndex) {
        self.buffers.relocs.push(Reloc { code_offset, target: RelocTarget::Slot(func) });
    }

    /// Compares an integer that was popped with zero.
    pub(super) fn test_zero(&mut self, value: &Value) {
        let kind = value.kind();
        match value.loc() {
            Loc::Reg(reg) => self.buffers.asm.test_rr(width(kind), reg.gpr(), reg.gpr()),
            Loc::Slot => self.buffers.asm.alu_mi(Alu::Cmp, width(kind), value.slot(), 0),
            Loc::Const(bits) => {
                self.buffers.asm.mov_ri(SCRATCH, bits);
                self.buffers.asm.test_rr(width(kind), SCRATCH, SCRATCH);
            }
        }
    }
}

/// A word of the vmctx.
pub(super) fn vmctx(offset: u32) -> Mem {
    Mem::at(VMCTX, offset.cast_signed())
}
