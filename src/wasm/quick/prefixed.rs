//! Operators with the prefixes 0xfd (vectors) and 0xfe (atomics), by tables: what each has as immediates, takes and gives.

use crate::wasm::quick::check::{Checker, Known};
use crate::wasm::quick::types::{F32, F64, I32, I64, NONE, V128};
use crate::wasm::words::uleb32;

/// What an operator is.
#[derive(Clone, Copy, Debug)]
struct Shape {
    immediates: Immediates,
    /// Its operands from the first one to the last, behind an address if it accesses memory.
    operands: &'static [u8],
    /// Its result, or [`NONE`].
    result: u8,
}

/// Alignments are binary logarithms.
#[derive(Clone, Copy, Debug)]
enum Immediates {
    Nothing,
    /// A vector.
    Vector,
    /// The index of a lane, less than this.
    Lane(u8),
    /// The indices of 16 lanes of two vectors.
    Shuffle,
    /// Offset and alignment, which is at most this.
    Memory(u8),
    /// Offset and alignment, which is this.
    Atomic(u8),
    /// Offset and alignment, at most the first, and the index of a lane, less than the second.
    MemoryLane(u8, u8),
    /// A zero byte.
    Zero,
}

use Immediates::{Atomic, Lane, Memory, MemoryLane, Nothing, Shuffle, Vector, Zero};

impl Checker<'_> {
    #[inline(never)]
    pub(super) fn prefixed(&mut self, word: u64) -> Known {
        let (operator, size) = uleb32(word >> 8)?;
        let table = if word as u8 == 0xfd { &VECTORS[..] } else { &ATOMICS[..] };
        let shape = (*table.get(operator as usize)?)?;
        self.position += 1 + size;
        let address = self.immediates(shape.immediates)?;
        for &ty in shape.operands.iter().rev() {
            self.pop(ty)?;
        }
        if let Some(address) = address {
            self.pop(address)?;
        }
        if shape.result == NONE { Some(()) } else { self.push(shape.result) }
    }

    /// Reads the immediates; gives the type of the address, if there is one.
    fn immediates(&mut self, immediates: Immediates) -> Known<Option<u8>> {
        match immediates {
            Nothing => {}
            Vector => self.position += 16,
            Lane(lanes) => self.lane(lanes)?,
            Shuffle => {
                let lanes = self.code.bytes_at::<16>(self.position)?;
                self.position += 16;
                if lanes.iter().any(|&lane| lane >= 32) {
                    return None;
                }
            }
            Memory(max_align) => return self.address(max_align).map(Some),
            Atomic(align) => {
                // Of the flags that name a memory the lowest bits are the alignment as well.
                let flags = self.code.byte_at(self.position)?;
                if flags & 0x3f != align {
                    return None;
                }
                return self.address(align).map(Some);
            }
            MemoryLane(max_align, lanes) => {
                let address = self.address(max_align)?;
                self.lane(lanes)?;
                return Some(Some(address));
            }
            Zero => {
                if self.code.byte_at(self.position)? != 0 {
                    return None;
                }
                self.position += 1;
            }
        }
        Some(None)
    }

    /// An alignment, at most this, and an offset; gives the type of the address.
    fn address(&mut self, max_align: u8) -> Known<u8> {
        // As if an opcode of one byte were right before them.
        self.position -= 1;
        let word = self.code.word_at(self.position)?;
        self.memory_argument(word, max_align)
    }

    fn lane(&mut self, lanes: u8) -> Known {
        let lane = self.code.byte_at(self.position)?;
        self.position += 1;
        (lane < lanes).then_some(())
    }
}

const fn shape(immediates: Immediates, operands: &'static [u8], result: u8) -> Option<Shape> {
    Some(Shape { immediates, operands, result })
}

/// By the number behind the prefix 0xfd (WebAssembly 3.0, § 5.4.8).
static VECTORS: [Option<Shape>; 0x114] = {
    let mut table = [None; 0x114];
    let mut operator = 0;
    while operator < table.len() {
        table[operator] = vector(operator);
        operator += 1;
    }
    table
};

const fn vector(operator: usize) -> Option<Shape> {
    match operator {
        0x00 => shape(Memory(4), &[], V128),
        0x01..=0x06 | 0x0a | 0x5d => shape(Memory(3), &[], V128),
        0x07 => shape(Memory(0), &[], V128),
        0x08 => shape(Memory(1), &[], V128),
        0x09 | 0x5c => shape(Memory(2), &[], V128),
        0x0b => shape(Memory(4), &[V128], NONE),
        0x0c => shape(Vector, &[], V128),
        0x0d => shape(Shuffle, &[V128, V128], V128),
        0x0f..=0x11 => shape(Nothing, &[I32], V128),
        0x12 => shape(Nothing, &[I64], V128),
        0x13 => shape(Nothing, &[F32], V128),
        0x14 => shape(Nothing, &[F64], V128),
        0x15 | 0x16 => shape(Lane(16), &[V128], I32),
        0x17 => shape(Lane(16), &[V128, I32], V128),
        0x18 | 0x19 => shape(Lane(8), &[V128], I32),
        0x1a => shape(Lane(8), &[V128, I32], V128),
        0x1b => shape(Lane(4), &[V128], I32),
        0x1c => shape(Lane(4), &[V128, I32], V128),
        0x1d => shape(Lane(2), &[V128], I64),
        0x1e => shape(Lane(2), &[V128, I64], V128),
        0x1f => shape(Lane(4), &[V128], F32),
        0x20 => shape(Lane(4), &[V128, F32], V128),
        0x21 => shape(Lane(2), &[V128], F64),
        0x22 => shape(Lane(2), &[V128, F64], V128),
        0x54 => shape(MemoryLane(0, 16), &[V128], V128),
        0x55 => shape(MemoryLane(1, 8), &[V128], V128),
        0x56 => shape(MemoryLane(2, 4), &[V128], V128),
        0x57 => shape(MemoryLane(3, 2), &[V128], V128),
        0x58 => shape(MemoryLane(0, 16), &[V128], NONE),
        0x59 => shape(MemoryLane(1, 8), &[V128], NONE),
        0x5a => shape(MemoryLane(2, 4), &[V128], NONE),
        0x5b => shape(MemoryLane(3, 2), &[V128], NONE),
        _ => vector_arithmetic(operator),
    }
}

/// Those without immediates that take vectors.
const fn vector_arithmetic(operator: usize) -> Option<Shape> {
    match operator {
        // No operators.
        0x9a
        | 0xa2
        | 0xa5
        | 0xa6
        | 0xaf
        | 0xb0
        | 0xb2..=0xb4
        | 0xbb
        | 0xc2
        | 0xc5
        | 0xc6
        | 0xcf
        | 0xd0
        | 0xd2..=0xd4
        | 0xe2
        | 0xee => None,
        // One vector.
        0x4d
        | 0x5e..=0x62
        | 0x67..=0x6a
        | 0x74
        | 0x75
        | 0x7a
        | 0x7c..=0x81
        | 0x87..=0x8a
        | 0x94
        | 0xa0
        | 0xa1
        | 0xa7..=0xaa
        | 0xc0
        | 0xc1
        | 0xc7..=0xca
        | 0xe0
        | 0xe1
        | 0xe3
        | 0xec
        | 0xed
        | 0xef
        | 0xf8..=0xff
        | 0x101..=0x104 => shape(Nothing, &[V128], V128),
        // Of which a bit of each lane, or whether such are set.
        0x53 | 0x63 | 0x64 | 0x83 | 0x84 | 0xa3 | 0xa4 | 0xc3 | 0xc4 => shape(Nothing, &[V128], I32),
        // Shifts.
        0x6b..=0x6d | 0x8b..=0x8d | 0xab..=0xad | 0xcb..=0xcd => shape(Nothing, &[V128, I32], V128),
        0x52 | 0x105..=0x10c | 0x113 => shape(Nothing, &[V128, V128, V128], V128),
        0x0e | 0x23..=0x112 => shape(Nothing, &[V128, V128], V128),
        _ => None,
    }
}

/// By the number behind the prefix 0xfe (the threads proposal).
static ATOMICS: [Option<Shape>; 0x4f] = {
    let mut table = [None; 0x4f];
    table[0x00] = shape(Atomic(2), &[I32], I32);
    table[0x01] = shape(Atomic(2), &[I32, I64], I32);
    table[0x02] = shape(Atomic(3), &[I64, I64], I32);
    table[0x03] = shape(Zero, &[], NONE);
    let mut operator = 0x10;
    while operator < table.len() {
        table[operator] = atomic(operator);
        operator += 1;
    }
    table
};

/// Loads, stores, and what does both come in groups of seven.
const fn atomic(operator: usize) -> Option<Shape> {
    let place = operator - 0x10;
    let (ty, align) = match place % 7 {
        0 => (I32, 2),
        1 => (I64, 3),
        2 => (I32, 0),
        3 => (I32, 1),
        4 => (I64, 0),
        5 => (I64, 1),
        _ => (I64, 2),
    };
    let (one, two): (&'static [u8], &'static [u8]) = if ty == I32 { (&[I32], &[I32, I32]) } else { (&[I64], &[I64, I64]) };
    match place / 7 {
        0 => shape(Atomic(align), &[], ty),
        1 => shape(Atomic(align), one, NONE),
        8 => shape(Atomic(align), two, ty),
        _ => shape(Atomic(align), one, ty),
    }
}
