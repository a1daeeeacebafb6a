//! Vectors: what all their operators share, constants, bitwise logic and tests.
//!
//! | file | operators |
//! |---|---|
//! | `vector_lane` | splats, single lanes, shuffles |
//! | `vector_integer`, `vector_compare`, `vector_shift` | integer lanes |
//! | `vector_float` | floating-point lanes |
//! | `vector_convert` | lanes of one width or sort from lanes of another |
//! | `vector_memory` | loads and stores |
//! | `vector_relaxed` | those whose results may depend on the processor |
//!
//! Instructions have two operands and overwrite the first. Constants that they need lie behind the code, aligned, and are their memory
//! operands; slots are not aligned, so what is in a slot is loaded first.

use wasmparser::Operator;

use crate::asm::buffer::Label;
use crate::asm::x64::integer::Load;
use crate::asm::x64::vector::{Lane, Mask, Packed};
use crate::asm::x64::{Condition, Xmm};
use crate::codegen::baseline::function::{Function, Result};
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, Reg, RegSet};
use crate::codegen::baseline::state::{Kind, Loc};
use crate::codegen::compiler::UnitError;

/// Constants that a new one is compared with: one that an operator uses in a loop of calculations is there already.
const RECENT_CONSTANTS: usize = 16;

/// A vector with a value in all lanes of 8 bits.
pub(super) const fn lanes8(value: u8) -> u128 {
    u128::from_ne_bytes([value; 16])
}

/// The same for 16 bits.
pub(super) const fn lanes16(value: u16) -> u128 {
    value as u128 * (u128::MAX / 0xffff)
}

/// The same for 32 bits.
pub(super) const fn lanes32(value: u32) -> u128 {
    value as u128 * (u128::MAX / 0xffff_ffff)
}

/// The same for 64 bits.
pub(super) const fn lanes64(value: u64) -> u128 {
    value as u128 * (u128::MAX / 0xffff_ffff_ffff_ffff)
}

impl Function<'_> {
    pub(super) fn vector_operator(&mut self, operator: &Operator<'_>) -> Result<bool> {
        let taken = self.vector_memory_operator(operator)
            || self.vector_logic_operator(operator)
            || self.vector_lane_operator(operator)
            || self.vector_integer_operator(operator)
            || self.vector_shift_operator(operator)
            || self.vector_compare_operator(operator)
            || self.vector_float_operator(operator)
            || self.vector_convert_operator(operator)
            || self.vector_relaxed_operator(operator)?;
        if taken && !self.cpu.vectors {
            return Err(UnitError::TierUnable("this processor lacks SSSE3, SSE4.1 or SSE4.2".into()));
        }
        Ok(taken)
    }

    fn vector_logic_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        match operator {
            V128Const { value } => self.vector_const(u128::from_le_bytes(*value.bytes())),
            V128And => self.vector_commutative(Packed::Pand),
            V128Or => self.vector_commutative(Packed::Por),
            V128Xor => self.vector_commutative(Packed::Pxor),
            V128AndNot => self.vector_swapped(Packed::Pandn),
            V128Not => {
                let x = self.pop_owned_vector();
                self.invert(x);
                self.push_vector(x);
            }
            V128Bitselect => self.bit_select(),
            V128AnyTrue => {
                let x = self.pop_xmm(RegSet::EMPTY);
                self.buffers.asm.packed_rr(Packed::Ptest, x, x);
                self.push_condition(Condition::NotEqual);
            }
            I8x16AllTrue => self.all_true(Packed::Pcmpeqb),
            I16x8AllTrue => self.all_true(Packed::Pcmpeqw),
            I32x4AllTrue => self.all_true(Packed::Pcmpeqd),
            I64x2AllTrue => self.all_true(Packed::Pcmpeqq),
            I8x16Bitmask => self.bit_mask(Lane::L8),
            I16x8Bitmask => self.bit_mask(Lane::L16),
            I32x4Bitmask => self.bit_mask(Lane::L32),
            I64x2Bitmask => self.bit_mask(Lane::L64),
            _ => return false,
        }
        true
    }

    // ---- Operands ----

    pub(super) fn push_vector(&mut self, reg: Xmm) {
        self.push_xmm(Kind::V128, reg);
    }

    pub(super) fn pop_owned_vector(&mut self) -> Xmm {
        self.pop_owned(RegSet::EMPTY).xmm()
    }

    /// The two topmost operands, the second of them in a register that may be changed.
    pub(super) fn pop_vectors_swapped(&mut self) -> (Xmm, Xmm) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        let b = self.own_beside(Kind::V128, b, a.set());
        (a.xmm(), b.xmm())
    }

    /// The three topmost operands.
    pub(super) fn pop_3_vectors(&mut self) -> [Reg; 3] {
        let c = self.pop_reg(RegSet::EMPTY);
        let b = self.pop_reg(c.set());
        let a = self.pop_reg(c.set().union(b.set()));
        [a, b, c]
    }

    /// A register beside some that are in use.
    pub(super) fn beside<const N: usize>(&mut self, regs: [Xmm; N]) -> Xmm {
        let avoid = regs.into_iter().fold(RegSet::EMPTY, |set, reg| set.union(Reg::from(reg).set()));
        self.alloc_xmm(avoid)
    }

    /// Two operands, of which the first may be changed, and becomes the result.
    pub(super) fn vector_binary(&mut self, op: Packed) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.buffers.asm.packed_rr(op, a, b);
        self.push_vector(a);
    }

    /// An instruction that wants the operands in the other order.
    pub(super) fn vector_swapped(&mut self, op: Packed) {
        let (a, b) = self.pop_vectors_swapped();
        self.buffers.asm.packed_rr(op, b, a);
        self.push_vector(b);
    }

    /// Two operands in any order: one that is needed no more is overwritten.
    pub(super) fn vector_commutative(&mut self, op: Packed) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        let (to, from) = if !self.is_free(a) && self.is_free(b) { (b, a) } else { (a, b) };
        let to = self.own_beside(Kind::V128, to, from.set()).xmm();
        self.buffers.asm.packed_rr(op, to, from.xmm());
        self.push_vector(to);
    }

    /// An instruction whose first operand is the destination only.
    pub(super) fn vector_unary(&mut self, op: Packed) {
        let from = self.pop_reg(RegSet::EMPTY);
        let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
        self.buffers.asm.packed_rr(op, to, from.xmm());
        self.push_vector(to);
    }

    // ---- Constants ----

    /// A constant behind the code.
    pub(super) fn constant(&mut self, bits: u128) -> Label {
        let pool = &self.buffers.pool;
        let recent = &pool[pool.len().saturating_sub(RECENT_CONSTANTS)..];
        if let Some(&(_, label)) = recent.iter().find(|&&(known, _)| known == bits) {
            return label;
        }
        let label = self.buffers.asm.buffer.new_label();
        self.buffers.pool.push((bits, label));
        label
    }

    /// An instruction whose second operand is a constant.
    pub(super) fn packed_constant(&mut self, op: Packed, to: Xmm, bits: u128) {
        let label = self.constant(bits);
        self.buffers.asm.packed_rl(op, to, label);
    }

    /// A constant in a register.
    pub(super) fn load_vector(&mut self, to: Xmm, bits: u128) {
        match bits {
            0 => self.buffers.asm.packed_rr(Packed::Pxor, to, to),
            u128::MAX => self.buffers.asm.packed_rr(Packed::Pcmpeqd, to, to),
            _ => {
                let label = self.constant(bits);
                self.buffers.asm.vector_constant(to, label);
            }
        }
    }

    pub(super) fn vector_const(&mut self, bits: u128) {
        if bits == 0 {
            self.push(Kind::V128, Loc::Const(0));
            return;
        }
        let to = self.alloc_xmm(RegSet::EMPTY);
        self.load_vector(to, bits);
        self.push_vector(to);
    }

    // ---- Logic ----

    /// Changes all bits.
    pub(super) fn invert(&mut self, reg: Xmm) {
        self.load_vector(FLOAT_SCRATCH, u128::MAX);
        self.buffers.asm.packed_rr(Packed::Pxor, reg, FLOAT_SCRATCH);
    }

    /// Bits of the first operand where the third has ones, and of the second elsewhere.
    pub(super) fn bit_select(&mut self) {
        let [a, b, mask] = self.pop_3_vectors();
        let a = self.own_beside(Kind::V128, a, b.set().union(mask.set())).xmm();
        self.buffers.asm.movaps_rr(FLOAT_SCRATCH, mask.xmm());
        self.select_by_scratch(a, b.xmm());
    }

    /// The same with the mask in the scratch register.
    pub(super) fn select_by_scratch(&mut self, a: Xmm, b: Xmm) {
        let asm = &mut self.buffers.asm;
        asm.packed_rr(Packed::Pand, a, FLOAT_SCRATCH);
        asm.packed_rr(Packed::Pandn, FLOAT_SCRATCH, b);
        asm.packed_rr(Packed::Por, a, FLOAT_SCRATCH);
        self.push_vector(a);
    }

    // ---- Tests ----

    /// Whether no lane is zero.
    fn all_true(&mut self, equal: Packed) {
        let x = self.pop_xmm(RegSet::EMPTY);
        self.load_vector(FLOAT_SCRATCH, 0);
        self.buffers.asm.packed_rr(equal, FLOAT_SCRATCH, x);
        self.buffers.asm.packed_rr(Packed::Ptest, FLOAT_SCRATCH, FLOAT_SCRATCH);
        self.push_condition(Condition::Equal);
    }

    /// The topmost bits of the lanes.
    fn bit_mask(&mut self, lane: Lane) {
        let x = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let asm = &mut self.buffers.asm;
        match lane {
            Lane::L8 => asm.packed_mask(Mask::Pmovmskb, to, x),
            Lane::L16 => {
                // Saturation keeps signs.
                asm.movaps_rr(FLOAT_SCRATCH, x);
                asm.packed_rr(Packed::Packsswb, FLOAT_SCRATCH, FLOAT_SCRATCH);
                asm.packed_mask(Mask::Pmovmskb, to, FLOAT_SCRATCH);
                asm.extend(Load::Byte, to, to);
            }
            Lane::L32 => asm.packed_mask(Mask::Movmskps, to, x),
            Lane::L64 => asm.packed_mask(Mask::Movmskpd, to, x),
        }
        self.push_gpr(Kind::I32, to);
    }
}
