//! The ends of a function: prologue, epilogue, what lies behind the body (traps, then constants), and the [`Artifact`].
//!
//! The prologue saves registers of which only the end of the body tells which they are. So room is left before the body, and the
//! function begins in the middle of it. Constants come when it is known where: they are aligned from there.

use crate::abi::artifact::{
    Artifact, DeepSlot, Entry, HandlerSite, LoopSite, Position, SavedRegisters, StackMap, Tier, TrapSite,
};
use crate::abi::trap::TrapCode;
use crate::abi::vmctx::BLOCK;
use crate::asm::buffer::Label;
use crate::asm::x64::integer::{Alu, Load, Store};
use crate::asm::x64::{Assembler, Condition, Gpr, Mem, Width};
use crate::base::MemoryIndex;
use crate::codegen::baseline::function::{Function, Map, References, Result, Stub, StubKind};
use crate::codegen::baseline::registers::{INT_ARGS, MEMORY, PRESERVED, Reg, SCRATCH, VMCTX};
use crate::codegen::baseline::state::{Deep, SAVE_AREA_BYTES};
use crate::layout::block::STACK_LIMIT;

/// Most bytes of a prologue.
const PROLOGUE_BYTES: usize = 96;
/// What an interrupted instruction fetch finds between functions.
const INT3: u8 = 0xcc;
const ALIGNMENT: u32 = 16;
/// Bytes of a constant behind the code, and what it is aligned to.
const CONSTANT_BYTES: usize = 16;
const _: () = assert!((ALIGNMENT as usize).is_multiple_of(CONSTANT_BYTES));
/// The registers that calls preserve, by their positions in [`SavedRegisters`].
const SAVED: [Gpr; 5] = [Gpr::RBX, Gpr::R12, Gpr::R13, Gpr::R14, Gpr::R15];

impl Function<'_> {
    /// Before anything else is emitted.
    pub(super) fn begin(&mut self) {
        self.buffers.asm.buffer.append(&[INT3; PROLOGUE_BYTES]);
    }

    fn saved_registers(&self) -> SavedRegisters {
        let mut saved = SavedRegisters::default();
        for (position, gpr) in SAVED.into_iter().enumerate() {
            let reg = Reg::from(gpr);
            let is_used = match gpr {
                VMCTX => true,
                MEMORY => self.uses_memory_base,
                _ => PRESERVED.intersection(self.buffers.values.touched).contains(reg),
            };
            if is_used || self.saves_all {
                saved.insert(position);
            }
        }
        saved
    }

    /// Restores all registers that calls preserve, and commits the prologue to saving them.
    pub(super) fn restore_all(&mut self) {
        self.saves_all = true;
        let saved = self.saved_registers();
        restore(&mut self.buffers.asm, saved);
    }

    /// Completes the function, whose body is translated.
    pub(super) fn finish(&mut self, body_offset: usize) -> Result<Artifact> {
        let saved = self.saved_registers();
        let Ok(pop_bytes) = u16::try_from(self.layout.stack_arg_bytes) else {
            return Err(self.bug("more stack arguments than a return can pop"));
        };
        let asm = &mut self.buffers.asm;
        asm.buffer.bind(self.exit);
        restore(asm, saved);
        asm.leave();
        asm.ret(pop_bytes);
        self.emit_stubs();
        self.position = u32::try_from(body_offset).unwrap_or(u32::MAX);
        let overflow = self.buffers.asm.buffer.here();
        self.note_trap(TrapCode::StackOverflow);
        self.buffers.asm.ud2();
        let frame_bytes = (SAVE_AREA_BYTES + self.buffers.values.slot_bytes + self.area_bytes).next_multiple_of(16);
        let skipped = self.prologue(saved, frame_bytes, overflow);
        self.emit_pool(skipped);
        self.buffers.asm.buffer.resolve();
        Ok(self.artifact(saved, frame_bytes, skipped))
    }

    fn emit_stubs(&mut self) {
        let mut stubs = std::mem::take(&mut self.buffers.stubs);
        for Stub { label, position, kind } in stubs.drain(..) {
            self.position = position;
            self.buffers.asm.buffer.bind(label);
            match kind {
                StubKind::Trap(trap) => self.trap_here(trap),
                StubKind::Conversion(float, reg) => {
                    let not_a_number = self.buffers.asm.buffer.new_label();
                    self.buffers.asm.float_compare(float, reg, reg);
                    self.buffers.asm.jcc(Condition::Parity, not_a_number);
                    self.trap_here(TrapCode::IntegerOverflow);
                    self.buffers.asm.buffer.bind(not_a_number);
                    self.trap_here(TrapCode::InvalidConversion);
                }
                StubKind::Allocate(slow) => self.allocate_slowly(slow),
                StubKind::Target(word, next) => self.record_elsewhere(word, next),
                StubKind::Poll(builtin, next, site) => {
                    // All registers stay as they are, and no object moves. The builtin wants the vmctx where a value may be.
                    self.load_vmctx(SCRATCH, BLOCK);
                    let asm = &mut self.buffers.asm;
                    asm.xchg_rr(INT_ARGS[0], VMCTX);
                    asm.call_m(Mem::at(SCRATCH, builtin.block_offset() as i32));
                    let code_offset = asm.buffer.offset();
                    asm.xchg_rr(INT_ARGS[0], VMCTX);
                    asm.jmp(next);
                    self.buffers.positions.push(Position { code_offset, wasm_offset: position });
                    if let Some(site) = site {
                        self.buffers.loops[site].code_offset = code_offset;
                    }
                }
            }
        }
        self.buffers.stubs = stubs;
    }

    /// Constants, aligned as instructions want their operands, wherever the function begins.
    fn emit_pool(&mut self, skipped: usize) {
        if self.buffers.pool.is_empty() {
            return;
        }
        let buffer = &mut self.buffers.asm.buffer;
        while !(buffer.offset() as usize - skipped).is_multiple_of(CONSTANT_BYTES) {
            buffer.append(&[INT3]);
        }
        for &(constant, label) in &self.buffers.pool {
            buffer.bind(label);
            buffer.append(&constant.to_le_bytes());
        }
    }

    fn trap_here(&mut self, trap: TrapCode) {
        self.note_trap(trap);
        self.buffers.asm.ud2();
    }

    /// Writes the prologue right before the body. Gives the offset where it begins.
    fn prologue(&mut self, saved: SavedRegisters, frame_bytes: u32, overflow: Label) -> usize {
        let mut asm = std::mem::take(&mut self.prologue);
        asm.buffer.clear();
        asm.push(Gpr::RBP);
        asm.mov_rr(Width::W64, Gpr::RBP, Gpr::RSP);
        // The whole frame is compared with the limit; pages need no touching. No argument is in these two registers.
        asm.load(Load::Double, SCRATCH, Mem::at(Gpr::RDI, BLOCK.cast_signed()));
        asm.lea(Width::W64, Gpr::RAX, Mem::at(Gpr::RSP, -frame_bytes.cast_signed()));
        asm.alu_rm(Alu::Cmp, Width::W64, Gpr::RAX, Mem::at(SCRATCH, STACK_LIMIT as i32));
        let outside = asm.buffer.new_label();
        asm.jcc(Condition::Below, outside);
        let jump_end = asm.buffer.offset();
        asm.alu_ri(Alu::Sub, Width::W64, Gpr::RSP, frame_bytes.cast_signed());
        for (position, below) in saved.places() {
            asm.store(Store::Double, Mem::at(Gpr::RBP, -below.cast_signed()), SAVED[position]);
        }
        asm.mov_rr(Width::W64, VMCTX, Gpr::RDI);
        if self.uses_memory_base {
            let offset = self.env.layout.memory_base(MemoryIndex::from_u32(0));
            asm.load(Load::Double, MEMORY, Mem::at(VMCTX, offset.cast_signed()));
        }
        let bytes = asm.buffer.offset() as usize;
        let skipped = PROLOGUE_BYTES - bytes;
        let target = self.buffers.asm.buffer.offset_of(overflow).unwrap_or(0);
        let distance = target.wrapping_sub(skipped as u32 + jump_end).cast_signed();
        asm.buffer.patch(jump_end - 4, distance);
        self.buffers.asm.buffer.bytes_mut()[skipped..PROLOGUE_BYTES].copy_from_slice(asm.buffer.bytes());
        self.prologue = asm;
        skipped
    }

    fn artifact(&mut self, saved: SavedRegisters, frame_bytes: u32, skipped: usize) -> Artifact {
        let shift = skipped as u32;
        let buffers = &mut *self.buffers;
        let slots = &buffers.map_slots;
        let map = |&Map { code_offset, stack_arg_bytes, references: References { slots: (start, end), deep } }: &Map| {
            // From the stack pointer at the call, which is below the stack arguments.
            let bytes = frame_bytes + stack_arg_bytes;
            let slots = slots[start as usize..end as usize].iter().map(|offset| bytes - SAVE_AREA_BYTES - offset);
            StackMap { code_offset: code_offset - shift, frame_bytes: bytes, slots: slots.collect(), deep }
        };
        let deep_slot = |deep: &Deep| DeepSlot { below_fp: SAVE_AREA_BYTES + deep.offset, next: deep.before };
        let handler = |&(code_offset, label): &(u32, Label)| {
            // Whoever is called has taken its arguments off.
            let handler_offset = buffers.asm.buffer.offset_of(label).unwrap_or(0) - shift;
            HandlerSite { code_offset: code_offset - shift, handler_offset, frame_bytes }
        };
        Artifact {
            func: self.func,
            entry: Entry::Call,
            tier: Tier::Baseline,
            variant: self.variant,
            code: buffers.asm.buffer.bytes()[skipped..].into(),
            alignment: ALIGNMENT,
            place: None,
            relocs: buffers.relocs.iter().map(|reloc| reloc.moved(shift)).collect(),
            traps: buffers.traps.iter().map(|site| TrapSite { code_offset: site.code_offset - shift, ..*site }).collect(),
            positions: buffers.positions.iter().map(|at| Position { code_offset: at.code_offset - shift, ..*at }).collect(),
            stack_maps: buffers.maps.iter().map(map).collect(),
            deep_slots: buffers.values.deep_references.iter().map(deep_slot).collect(),
            handlers: buffers.handlers.iter().map(handler).collect(),
            saved,
            frame_bytes,
            state_bytes: 0,
            inlined: Box::default(),
            loops: buffers.loops.iter().map(|site| LoopSite { code_offset: site.code_offset - shift, ..*site }).collect(),
            loop_values: buffers.loop_values.as_slice().into(),
            profile_words: if self.env.settings.profile { self.profile_words } else { 0 },
        }
    }
}

fn restore(asm: &mut Assembler, saved: SavedRegisters) {
    for (position, below) in saved.places() {
        asm.load(Load::Double, SAVED[position], Mem::at(Gpr::RBP, -below.cast_signed()));
    }
}
