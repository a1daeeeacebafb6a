//! Splats, single lanes, shuffles.

use wasmparser::Operator;

use crate::asm::x64::integer::Load;
use crate::asm::x64::vector::{Lane, Packed, PackedImm};
use crate::asm::x64::{Gpr, Width, Xmm};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::registers::{FLOAT_SCRATCH, Reg, RegSet};
use crate::codegen::baseline::state::{Kind, Loc};
use crate::codegen::baseline::vector::{lanes8, lanes16, lanes32, lanes64};

impl Function<'_> {
    pub(super) fn vector_lane_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::I8x16Splat => self.splat(Lane::L8),
            Operator::I16x8Splat => self.splat(Lane::L16),
            Operator::I32x4Splat => self.splat(Lane::L32),
            Operator::I64x2Splat => self.splat(Lane::L64),
            Operator::F32x4Splat => self.splat_float(Kind::F32),
            Operator::F64x2Splat => self.splat_float(Kind::F64),
            Operator::I8x16ExtractLaneS { lane } => self.extract(Lane::L8, lane, Some(Load::ByteSigned(Width::W32))),
            Operator::I8x16ExtractLaneU { lane } => self.extract(Lane::L8, lane, None),
            Operator::I16x8ExtractLaneS { lane } => self.extract(Lane::L16, lane, Some(Load::HalfSigned(Width::W32))),
            Operator::I16x8ExtractLaneU { lane } => self.extract(Lane::L16, lane, None),
            Operator::I32x4ExtractLane { lane } => self.extract(Lane::L32, lane, None),
            Operator::I64x2ExtractLane { lane } => self.extract(Lane::L64, lane, None),
            Operator::F32x4ExtractLane { lane } => self.extract_float(Kind::F32, lane),
            Operator::F64x2ExtractLane { lane } => self.extract_float(Kind::F64, lane),
            Operator::I8x16ReplaceLane { lane } => self.replace(Lane::L8, lane),
            Operator::I16x8ReplaceLane { lane } => self.replace(Lane::L16, lane),
            Operator::I32x4ReplaceLane { lane } => self.replace(Lane::L32, lane),
            Operator::I64x2ReplaceLane { lane } => self.replace(Lane::L64, lane),
            Operator::F32x4ReplaceLane { lane } => self.replace_float(Kind::F32, lane),
            Operator::F64x2ReplaceLane { lane } => self.replace_float(Kind::F64, lane),
            Operator::I8x16Swizzle => self.swizzle(),
            Operator::I8x16Shuffle { lanes } => self.shuffle(lanes),
            _ => return false,
        }
        true
    }

    // ---- Splats ----

    fn splat(&mut self, lane: Lane) {
        let value = self.pop();
        if let Loc::Const(bits) = value.loc() {
            self.vector_const(match lane {
                Lane::L8 => lanes8(bits as u8),
                Lane::L16 => lanes16(bits as u16),
                Lane::L32 => lanes32(bits as u32),
                Lane::L64 => lanes64(bits),
            });
            return;
        }
        let from = self.in_reg(&value, RegSet::EMPTY).gpr();
        let to = self.alloc_xmm(RegSet::EMPTY);
        let width = if lane == Lane::L64 { Width::W64 } else { Width::W32 };
        self.buffers.asm.float_from_bits(width, to, from);
        self.spread(lane, to);
        self.push_vector(to);
    }

    /// Copies the lowest lane of a register to all its lanes.
    pub(super) fn spread(&mut self, lane: Lane, reg: Xmm) {
        let asm = &mut self.buffers.asm;
        match lane {
            Lane::L8 => {
                asm.packed_rr(Packed::Pxor, FLOAT_SCRATCH, FLOAT_SCRATCH);
                asm.packed_rr(Packed::Pshufb, reg, FLOAT_SCRATCH);
            }
            Lane::L16 => {
                asm.packed_rri(PackedImm::Pshuflw, reg, reg, 0);
                asm.packed_rr(Packed::Punpcklqdq, reg, reg);
            }
            Lane::L32 => asm.packed_rri(PackedImm::Pshufd, reg, reg, 0),
            Lane::L64 => asm.packed_rr(Packed::Punpcklqdq, reg, reg),
        }
    }

    fn splat_float(&mut self, kind: Kind) {
        let value = self.pop();
        if let Loc::Const(bits) = value.loc() {
            self.vector_const(if kind == Kind::F64 { lanes64(bits) } else { lanes32(bits as u32) });
            return;
        }
        let from = self.in_reg(&value, RegSet::EMPTY);
        if kind == Kind::F64 {
            let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
            self.buffers.asm.packed_rr(Packed::Movddup, to, from.xmm());
            self.push_vector(to);
        } else {
            let to = self.owned(Kind::V128, from, RegSet::EMPTY).xmm();
            self.buffers.asm.packed_rri(PackedImm::Shufps, to, to, 0);
            self.push_vector(to);
        }
    }

    // ---- Single lanes ----

    fn extract(&mut self, lane: Lane, index: u8, sign: Option<Load>) {
        let from = self.pop_xmm(RegSet::EMPTY);
        let to = self.alloc_gpr(RegSet::EMPTY);
        let asm = &mut self.buffers.asm;
        match (lane, index) {
            (Lane::L32, 0) => asm.float_to_bits(Width::W32, to, from),
            (Lane::L64, 0) => asm.float_to_bits(Width::W64, to, from),
            _ => asm.lane_extract(lane, to, from, index),
        }
        if let Some(load) = sign {
            asm.extend(load, to, to);
        }
        self.push_gpr(if lane == Lane::L64 { Kind::I64 } else { Kind::I32 }, to);
    }

    /// The lowest lane is there already: nobody looks at what else a float's register holds.
    fn extract_float(&mut self, kind: Kind, index: u8) {
        let from = self.pop_reg(RegSet::EMPTY);
        if index == 0 {
            self.push(kind, Loc::Reg(from));
            return;
        }
        let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
        // For 64 bits, there is one other.
        let order = if kind == Kind::F64 { 0b1110 } else { index };
        self.buffers.asm.packed_rri(PackedImm::Pshufd, to, from.xmm(), order);
        self.push_xmm(kind, to);
    }

    fn replace(&mut self, lane: Lane, index: u8) {
        let from: Gpr = self.pop_gpr(RegSet::EMPTY);
        let to = self.pop_owned_vector();
        self.buffers.asm.lane_insert(lane, to, from, index);
        self.push_vector(to);
    }

    fn replace_float(&mut self, kind: Kind, index: u8) {
        let (to, from) = self.pop_2_xmms(Kind::V128);
        let asm = &mut self.buffers.asm;
        match (kind, index) {
            (Kind::F64, 0) => asm.move_low(to, from),
            (Kind::F64, _) => asm.packed_rr(Packed::Movlhps, to, from),
            _ => asm.packed_rri(PackedImm::Insertps, to, from, index << 4),
        }
        self.push_vector(to);
    }

    // ---- Shuffles ----

    /// The processor gives zero where the topmost bit of an index is set, and looks at the low four bits elsewhere: too large an index is
    /// made so large that it has the bit.
    pub(super) fn swizzle(&mut self) {
        let (a, b) = self.pop_2_xmms(Kind::V128);
        self.buffers.asm.movaps_rr(FLOAT_SCRATCH, b);
        self.packed_constant(Packed::Paddusb, FLOAT_SCRATCH, lanes8(0x70));
        self.buffers.asm.packed_rr(Packed::Pshufb, a, FLOAT_SCRATCH);
        self.push_vector(a);
    }

    fn shuffle(&mut self, lanes: [u8; 16]) {
        let b = self.pop_reg(RegSet::EMPTY);
        let a = self.pop_reg(b.set());
        if a == b || lanes.iter().all(|&lane| lane < 16) {
            self.shuffle_one(a, lanes.map(|lane| lane & 15));
        } else if lanes.iter().all(|&lane| lane >= 16) {
            self.shuffle_one(b, lanes.map(|lane| lane & 15));
        } else if let Some(op) = interleaving(lanes) {
            let to = self.own_beside(Kind::V128, a, b.set()).xmm();
            self.buffers.asm.packed_rr(op, to, b.xmm());
            self.push_vector(to);
        } else if let Some(op) = interleaving(lanes.map(|lane| lane ^ 16)) {
            let to = self.own_beside(Kind::V128, b, a.set()).xmm();
            self.buffers.asm.packed_rr(op, to, a.xmm());
            self.push_vector(to);
        } else if let Some(first) = window(lanes) {
            // The destination is the high half of what the window moves over.
            let (high, low) = if first < 16 { (b, a) } else { (a, b) };
            let to = self.own_beside(Kind::V128, high, low.set()).xmm();
            self.buffers.asm.packed_rri(PackedImm::Palignr, to, low.xmm(), first & 15);
            self.push_vector(to);
        } else {
            let to = self.own_beside(Kind::V128, a, b.set()).xmm();
            let of = |from: u8| lanes.map(|lane| if lane & 16 == from { lane & 15 } else { 0x80 });
            self.buffers.asm.movaps_rr(FLOAT_SCRATCH, b.xmm());
            self.packed_constant(Packed::Pshufb, to, u128::from_le_bytes(of(0)));
            self.packed_constant(Packed::Pshufb, FLOAT_SCRATCH, u128::from_le_bytes(of(16)));
            self.buffers.asm.packed_rr(Packed::Por, to, FLOAT_SCRATCH);
            self.push_vector(to);
        }
    }

    /// Lanes of one vector, in a register that was popped.
    fn shuffle_one(&mut self, from: Reg, lanes: [u8; 16]) {
        if let Some(order) = words(lanes) {
            let to = if self.is_free(from) { from.xmm() } else { self.alloc_xmm(from.set()) };
            self.buffers.asm.packed_rri(PackedImm::Pshufd, to, from.xmm(), order);
            self.push_vector(to);
            return;
        }
        let to = self.owned(Kind::V128, from, RegSet::EMPTY).xmm();
        self.packed_constant(Packed::Pshufb, to, u128::from_le_bytes(lanes));
        self.push_vector(to);
    }
}

/// The instruction that takes lanes of some width from two vectors in turns, if these are they.
fn interleaving(lanes: [u8; 16]) -> Option<Packed> {
    const TABLE: [(Packed, u8, u8); 8] = [
        (Packed::Punpcklbw, 1, 0),
        (Packed::Punpckhbw, 1, 8),
        (Packed::Punpcklwd, 2, 0),
        (Packed::Punpckhwd, 2, 8),
        (Packed::Punpckldq, 4, 0),
        (Packed::Punpckhdq, 4, 8),
        (Packed::Punpcklqdq, 8, 0),
        (Packed::Punpckhqdq, 8, 8),
    ];
    let is = |&&(_, width, first): &&(Packed, u8, u8)| {
        (0u8..).zip(lanes).all(|(at, lane)| {
            let nth = at / width;
            lane == (nth % 2) * 16 + first + (nth / 2) * width + at % width
        })
    };
    TABLE.iter().find(is).map(|&(op, ..)| op)
}

/// Where 16 neighbours begin, among the lanes of both vectors in a ring.
fn window(lanes: [u8; 16]) -> Option<u8> {
    (0u8..).zip(lanes).all(|(at, lane)| lane == (lanes[0] + at) % 32).then_some(lanes[0])
}

/// The order of lanes of 32 bits, as an instruction holds it, if they stay whole.
fn words(lanes: [u8; 16]) -> Option<u8> {
    let (groups, _) = lanes.as_chunks::<4>();
    let is_whole = |group: &[u8; 4]| group[0].is_multiple_of(4) && (group[0]..).zip(group).all(|(wanted, &lane)| lane == wanted);
    groups.iter().all(is_whole).then(|| (0..).zip(groups).fold(0, |order, (nth, group)| order | (group[0] / 4) << (2 * nth)))
}
