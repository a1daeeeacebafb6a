//! Comparisons of lanes: all bits of a lane where it holds, none elsewhere.
//!
//! The processor compares integers for equality and signed for "greater"; everything else is made of these and of minima and maxima.

use wasmparser::Operator;

use crate::asm::x64::vector::{Packed, PackedImm};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::FLOAT_SCRATCH;
use crate::codegen::baseline::state::Kind;

/// What a comparison of integers is made of.
#[derive(Copy, Clone, Debug)]
enum Integers {
    /// The instruction.
    Is(Packed),
    /// The instruction with the operands exchanged.
    Swapped(Packed),
    /// The opposite of these.
    IsNot(Packed),
    SwappedNot(Packed),
    /// The first is the lesser, or the greater, of the two: equals it.
    Extreme(Packed, Packed),
    /// It does not.
    NotExtreme(Packed, Packed),
}

fn integers(operator: &Operator<'_>) -> Option<Integers> {
    use Integers::*;
    use Operator::*;
    use Packed::*;
    Some(match operator {
        I8x16Eq => Is(Pcmpeqb),
        I16x8Eq => Is(Pcmpeqw),
        I32x4Eq => Is(Pcmpeqd),
        I64x2Eq => Is(Pcmpeqq),
        I8x16Ne => IsNot(Pcmpeqb),
        I16x8Ne => IsNot(Pcmpeqw),
        I32x4Ne => IsNot(Pcmpeqd),
        I64x2Ne => IsNot(Pcmpeqq),
        I8x16GtS => Is(Pcmpgtb),
        I16x8GtS => Is(Pcmpgtw),
        I32x4GtS => Is(Pcmpgtd),
        I64x2GtS => Is(Pcmpgtq),
        I8x16LtS => Swapped(Pcmpgtb),
        I16x8LtS => Swapped(Pcmpgtw),
        I32x4LtS => Swapped(Pcmpgtd),
        I64x2LtS => Swapped(Pcmpgtq),
        I8x16LeS => Extreme(Pminsb, Pcmpeqb),
        I16x8LeS => Extreme(Pminsw, Pcmpeqw),
        I32x4LeS => Extreme(Pminsd, Pcmpeqd),
        I64x2LeS => IsNot(Pcmpgtq),
        I8x16GeS => Extreme(Pmaxsb, Pcmpeqb),
        I16x8GeS => Extreme(Pmaxsw, Pcmpeqw),
        I32x4GeS => Extreme(Pmaxsd, Pcmpeqd),
        I64x2GeS => SwappedNot(Pcmpgtq),
        I8x16LeU => Extreme(Pminub, Pcmpeqb),
        I16x8LeU => Extreme(Pminuw, Pcmpeqw),
        I32x4LeU => Extreme(Pminud, Pcmpeqd),
        I8x16GeU => Extreme(Pmaxub, Pcmpeqb),
        I16x8GeU => Extreme(Pmaxuw, Pcmpeqw),
        I32x4GeU => Extreme(Pmaxud, Pcmpeqd),
        I8x16GtU => NotExtreme(Pminub, Pcmpeqb),
        I16x8GtU => NotExtreme(Pminuw, Pcmpeqw),
        I32x4GtU => NotExtreme(Pminud, Pcmpeqd),
        I8x16LtU => NotExtreme(Pmaxub, Pcmpeqb),
        I16x8LtU => NotExtreme(Pmaxuw, Pcmpeqw),
        I32x4LtU => NotExtreme(Pmaxud, Pcmpeqd),
        _ => return None,
    })
}

/// Predicates of CMPPS and CMPPD.
pub(super) const EQUAL: u8 = 0;
const LESS: u8 = 1;
pub(super) const LESS_EQUAL: u8 = 2;
pub(super) const UNORDERED: u8 = 3;
const NOT_EQUAL: u8 = 4;

impl Function<'_> {
    pub(super) fn vector_compare_operator(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        use PackedImm::{Cmppd, Cmpps};
        match operator {
            F32x4Eq => self.compare_floats(Cmpps, EQUAL),
            F64x2Eq => self.compare_floats(Cmppd, EQUAL),
            F32x4Ne => self.compare_floats(Cmpps, NOT_EQUAL),
            F64x2Ne => self.compare_floats(Cmppd, NOT_EQUAL),
            F32x4Lt => self.compare_floats(Cmpps, LESS),
            F64x2Lt => self.compare_floats(Cmppd, LESS),
            F32x4Le => self.compare_floats(Cmpps, LESS_EQUAL),
            F64x2Le => self.compare_floats(Cmppd, LESS_EQUAL),
            F32x4Gt => self.compare_floats_swapped(Cmpps, LESS),
            F64x2Gt => self.compare_floats_swapped(Cmppd, LESS),
            F32x4Ge => self.compare_floats_swapped(Cmpps, LESS_EQUAL),
            F64x2Ge => self.compare_floats_swapped(Cmppd, LESS_EQUAL),
            _ => match integers(operator) {
                Some(integers) => self.compare_integers(integers),
                None => return false,
            },
        }
        true
    }

    fn compare_integers(&mut self, integers: Integers) {
        let (is_swapped, negates) = match integers {
            Integers::Is(_) | Integers::Extreme(..) => (false, false),
            Integers::IsNot(_) | Integers::NotExtreme(..) => (false, true),
            Integers::Swapped(_) => (true, false),
            Integers::SwappedNot(_) => (true, true),
        };
        let (to, from) = if is_swapped {
            let (a, b) = self.pop_vectors_swapped();
            (b, a)
        } else {
            self.pop_2_xmms(Kind::V128)
        };
        let asm = &mut self.buffers.asm;
        match integers {
            Integers::Is(op) | Integers::Swapped(op) | Integers::IsNot(op) | Integers::SwappedNot(op) => {
                asm.packed_rr(op, to, from);
            }
            Integers::Extreme(extreme, equal) | Integers::NotExtreme(extreme, equal) => {
                asm.movaps_rr(FLOAT_SCRATCH, to);
                asm.packed_rr(extreme, FLOAT_SCRATCH, from);
                asm.packed_rr(equal, to, FLOAT_SCRATCH);
            }
        }
        if negates {
            self.invert(to);
        }
        self.push_vector(to);
    }

    fn compare_floats(&mut self, op: PackedImm, predicate: u8) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.buffers.asm.packed_rri(op, a, b, predicate);
        self.push_vector(a);
    }

    fn compare_floats_swapped(&mut self, op: PackedImm, predicate: u8) {
        let (a, b) = self.pop_vectors_swapped();
        self.buffers.asm.packed_rri(op, b, a, predicate);
        self.push_vector(b);
    }
}
