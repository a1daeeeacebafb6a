//! The instructions of `vector`, read by a disassembler that is not ours.

use crate::asm::x64::tests::{check, gprs, name, text};
use crate::asm::x64::vector::{Fused, Lane, Mask, Packed, PackedImm, PackedShift};
use crate::asm::x64::{Gpr, Mem, Width, Xmm};

const LANES: [Lane; 4] = [Lane::L8, Lane::L16, Lane::L32, Lane::L64];

fn xmms() -> impl Iterator<Item = Xmm> + Clone {
    (0..16).map(Xmm)
}

fn pairs() -> impl Iterator<Item = (Xmm, Xmm)> {
    xmms().flat_map(|to| xmms().map(move |from| (to, from)))
}

/// Rows are named like their instructions.
fn mnemonic(op: impl std::fmt::Debug) -> String {
    format!("{op:?}").to_lowercase()
}

fn letter(lane: Lane) -> char {
    match lane {
        Lane::L8 => 'b',
        Lane::L16 => 'w',
        Lane::L32 => 'd',
        Lane::L64 => 'q',
    }
}

fn width(lane: Lane) -> Width {
    if lane == Lane::L64 { Width::W64 } else { Width::W32 }
}

fn places() -> impl Iterator<Item = Mem> {
    let at = gprs().flat_map(|base| [0, 1, -128, 128, i32::MAX].map(|displacement| Mem::at(base, displacement)));
    let index = |base| gprs().filter(|&index| index != Gpr::RSP).map(move |index| Mem::indexed(base, index, 0, -16));
    at.chain(gprs().flat_map(index))
}

#[test]
fn every_pair_of_vector_registers() {
    for (x, y) in pairs() {
        let both = format!("xmm{}, xmm{}", x.0, y.0);
        for &op in Packed::ALL {
            check(|asm| asm.packed_rr(op, x, y), format!("{} {both}", mnemonic(op)));
        }
        for &op in PackedImm::ALL {
            // Comparisons have names of their own by their constants.
            let expected = match op {
                PackedImm::Cmpps => format!("cmpleps {both}"),
                PackedImm::Cmppd => format!("cmplepd {both}"),
                _ => format!("{} {both}, 2", mnemonic(op)),
            };
            check(|asm| asm.packed_rri(op, x, y, 2), expected);
        }
        check(|asm| asm.move_low(x, y), format!("movsd {both}"));
        for &op in Fused::ALL {
            for z in [Xmm(0), Xmm(7), Xmm(8), Xmm(15)] {
                let operands = format!("xmm{}, xmm{}, xmm{}", x.0, z.0, y.0);
                check(|asm| asm.packed_fused(op, x, z, y), format!("{} {operands}", mnemonic(op)));
            }
        }
    }
}

#[test]
fn vector_and_general_registers() {
    for (gpr, xmm) in gprs().flat_map(|gpr| xmms().map(move |xmm| (gpr, xmm))) {
        for &op in Mask::ALL {
            let operands = format!("{}, xmm{}", name(Width::W32, gpr), xmm.0);
            check(|asm| asm.packed_mask(op, gpr, xmm), format!("{} {operands}", mnemonic(op)));
        }
        for lane in LANES {
            let (letter, gpr_name) = (letter(lane), name(width(lane), gpr));
            check(|asm| asm.lane_extract(lane, gpr, xmm, 1), format!("pextr{letter} {gpr_name}, xmm{}, 1", xmm.0));
            check(|asm| asm.lane_insert(lane, xmm, gpr, 1), format!("pinsr{letter} xmm{}, {gpr_name}, 1", xmm.0));
        }
    }
}

#[test]
fn vectors_in_memory() {
    for mem in places() {
        let place = text(mem);
        for xmm in [Xmm(0), Xmm(9)] {
            check(|asm| asm.vector_load(xmm, mem), format!("movups xmm{}, {place}", xmm.0));
            check(|asm| asm.vector_store(mem, xmm), format!("movups {place}, xmm{}", xmm.0));
            check(|asm| asm.packed_rm(Packed::Movddup, xmm, mem), format!("movddup xmm{}, {place}", xmm.0));
            check(|asm| asm.packed_rm(Packed::Pmovzxdq, xmm, mem), format!("pmovzxdq xmm{}, {place}", xmm.0));
            for lane in LANES {
                let letter = letter(lane);
                check(|asm| asm.lane_store(lane, mem, xmm, 1), format!("pextr{letter} {place}, xmm{}, 1", xmm.0));
                check(|asm| asm.lane_load(lane, xmm, mem, 1), format!("pinsr{letter} xmm{}, {place}, 1", xmm.0));
            }
        }
    }
}

#[test]
fn shifts_of_lanes() {
    use PackedShift::*;
    for op in [Psrlw, Psraw, Psllw, Psrld, Psrad, Pslld, Psrlq, Psllq] {
        for xmm in xmms() {
            check(|asm| asm.packed_shift(op, xmm, 9), format!("{} xmm{}, 9", mnemonic(op), xmm.0));
        }
    }
}

#[test]
fn constants_behind_the_code() {
    for xmm in xmms() {
        // Right behind the instruction.
        let load = |asm: &mut crate::asm::x64::Assembler| {
            let label = asm.buffer.new_label();
            asm.vector_constant(xmm, label);
            asm.buffer.bind(label);
        };
        let bytes = if xmm.0 < 8 { 7 } else { 8 };
        check(load, format!("movaps xmm{}, [rip]", xmm.0));
        let and = |asm: &mut crate::asm::x64::Assembler| {
            let label = asm.buffer.new_label();
            asm.packed_rl(Packed::Pand, xmm, label);
            asm.buffer.bind(label);
            assert_eq!(asm.buffer.offset(), bytes + 1);
        };
        check(and, format!("pand xmm{}, [rip]", xmm.0));
    }
}
