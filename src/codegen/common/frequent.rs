//! The operators that bodies have most of, decoded by words.
//!
//! *Problem.* wasmparser takes 12 ns to decode an operator of a body that is known to be valid: it calls a visitor for each, reads each
//! immediate byte by byte, and keeps a stack of blocks of its own. *Idea.* Nine of ten operators are of few shapes, which a word of the
//! body holds together with their immediates ([`crate::wasm::words`]). The others are left to wasmparser, one by one.
//!
//! **Invariant:** what is decoded here is what wasmparser would have decoded, if it is valid.

use wasmparser::{BlockType, MemArg, MemArgTarget, Operator, ValType};

use crate::wasm::words::{short_sleb64, uleb32, valid_sleb32};

/// Operators without immediates: those of a byte that a table gives, as a function of the byte.
macro_rules! plain_operators {
    ($($opcode:literal $name:ident)*) => {
        #[inline(always)]
        fn plain(opcode: u8, place: &mut Operator<'_>) -> bool {
            *place = match opcode {
                $($opcode => Operator::$name,)*
                _ => return false,
            };
            true
        }
    };
}

plain_operators! {
    0x00 Unreachable 0x01 Nop 0x05 Else 0x0b End 0x0f Return 0x1a Drop 0x1b Select 0x45 I32Eqz 0x46 I32Eq
    0x47 I32Ne 0x48 I32LtS 0x49 I32LtU 0x4a I32GtS 0x4b I32GtU 0x4c I32LeS 0x4d I32LeU 0x4e I32GeS 0x4f I32GeU
    0x50 I64Eqz 0x51 I64Eq 0x52 I64Ne 0x53 I64LtS 0x54 I64LtU 0x55 I64GtS 0x56 I64GtU 0x57 I64LeS 0x58 I64LeU
    0x59 I64GeS 0x5a I64GeU 0x5b F32Eq 0x5c F32Ne 0x5d F32Lt 0x5e F32Gt 0x5f F32Le 0x60 F32Ge 0x61 F64Eq
    0x62 F64Ne 0x63 F64Lt 0x64 F64Gt 0x65 F64Le 0x66 F64Ge 0x67 I32Clz 0x68 I32Ctz 0x69 I32Popcnt 0x6a I32Add
    0x6b I32Sub 0x6c I32Mul 0x6d I32DivS 0x6e I32DivU 0x6f I32RemS 0x70 I32RemU 0x71 I32And 0x72 I32Or 0x73 I32Xor
    0x74 I32Shl 0x75 I32ShrS 0x76 I32ShrU 0x77 I32Rotl 0x78 I32Rotr 0x79 I64Clz 0x7a I64Ctz 0x7b I64Popcnt
    0x7c I64Add 0x7d I64Sub 0x7e I64Mul 0x7f I64DivS 0x80 I64DivU 0x81 I64RemS 0x82 I64RemU 0x83 I64And 0x84 I64Or
    0x85 I64Xor 0x86 I64Shl 0x87 I64ShrS 0x88 I64ShrU 0x89 I64Rotl 0x8a I64Rotr 0x8b F32Abs 0x8c F32Neg
    0x8d F32Ceil 0x8e F32Floor 0x8f F32Trunc 0x90 F32Nearest 0x91 F32Sqrt 0x92 F32Add 0x93 F32Sub 0x94 F32Mul
    0x95 F32Div 0x96 F32Min 0x97 F32Max 0x98 F32Copysign 0x99 F64Abs 0x9a F64Neg 0x9b F64Ceil 0x9c F64Floor
    0x9d F64Trunc 0x9e F64Nearest 0x9f F64Sqrt 0xa0 F64Add 0xa1 F64Sub 0xa2 F64Mul 0xa3 F64Div 0xa4 F64Min
    0xa5 F64Max 0xa6 F64Copysign 0xa7 I32WrapI64 0xa8 I32TruncF32S 0xa9 I32TruncF32U 0xaa I32TruncF64S
    0xab I32TruncF64U 0xac I64ExtendI32S 0xad I64ExtendI32U 0xae I64TruncF32S 0xaf I64TruncF32U 0xb0 I64TruncF64S
    0xb1 I64TruncF64U 0xb2 F32ConvertI32S 0xb3 F32ConvertI32U 0xb4 F32ConvertI64S 0xb5 F32ConvertI64U
    0xb6 F32DemoteF64 0xb7 F64ConvertI32S 0xb8 F64ConvertI32U 0xb9 F64ConvertI64S 0xba F64ConvertI64U
    0xbb F64PromoteF32 0xbc I32ReinterpretF32 0xbd I64ReinterpretF64 0xbe F32ReinterpretI32 0xbf F64ReinterpretI64
    0xc0 I32Extend8S 0xc1 I32Extend16S 0xc2 I64Extend8S 0xc3 I64Extend16S 0xc4 I64Extend32S
}

/// Loads and stores, with the binary logarithm of their natural alignment.
macro_rules! memory_operators {
    ($($opcode:literal $name:ident $max_align:literal)*) => {
        #[inline(always)]
        fn memory(opcode: u8, align: u8, offset: u64, place: &mut Operator<'_>) {
            let memarg = |max_align| {
                MemArg { align, max_align, offset, target: MemArgTarget::Memory(0), ordering: None }
            };
            match opcode {
                $($opcode => *place = Operator::$name { memarg: memarg($max_align) },)*
                _ => {}
            }
        }
    };
}

memory_operators! {
    0x28 I32Load 2 0x29 I64Load 3 0x2a F32Load 2 0x2b F64Load 3 0x2c I32Load8S 0 0x2d I32Load8U 0
    0x2e I32Load16S 1 0x2f I32Load16U 1 0x30 I64Load8S 0 0x31 I64Load8U 0 0x32 I64Load16S 1 0x33 I64Load16U 1
    0x34 I64Load32S 2 0x35 I64Load32U 2 0x36 I32Store 2 0x37 I64Store 3 0x38 F32Store 2 0x39 F64Store 3
    0x3a I32Store8 0 0x3b I32Store16 1 0x3c I64Store8 0 0x3d I64Store16 1 0x3e I64Store32 2
}

/// The operator that a word of a valid body begins with, and its size; nothing if it is not one of the frequent ones, or not in its
/// usual form.
#[inline(always)]
pub(in crate::codegen) fn read(word: u64, place: &mut Operator<'_>) -> Option<usize> {
    let opcode = word as u8;
    match opcode {
        0x20..=0x24 | 0x0c | 0x0d | 0x10 => {
            let (index, size) = uleb32(word >> 8)?;
            *place = match opcode {
                0x20 => Operator::LocalGet { local_index: index },
                0x21 => Operator::LocalSet { local_index: index },
                0x22 => Operator::LocalTee { local_index: index },
                0x23 => Operator::GlobalGet { global_index: index },
                0x24 => Operator::GlobalSet { global_index: index },
                0x0c => Operator::Br { relative_depth: index },
                0x0d => Operator::BrIf { relative_depth: index },
                _ => Operator::Call { function_index: index },
            };
            Some(1 + size)
        }
        0x28..=0x3e => {
            let align = (word >> 8) as u8;
            // Above are flags.
            if align >= 0x10 {
                return None;
            }
            let (offset, size) = uleb32(word >> 16)?;
            memory(opcode, align, u64::from(offset), place);
            Some(2 + size)
        }
        0x41 => {
            let (value, size) = valid_sleb32(word >> 8)?;
            *place = Operator::I32Const { value };
            Some(1 + size)
        }
        0x42 => {
            let (value, size) = short_sleb64(word >> 8)?;
            *place = Operator::I64Const { value };
            Some(1 + size)
        }
        0x02..=0x04 => {
            let blockty = block_type((word >> 8) as u8)?;
            *place = match opcode {
                0x02 => Operator::Block { blockty },
                0x03 => Operator::Loop { blockty },
                _ => Operator::If { blockty },
            };
            Some(2)
        }
        0x11 => {
            let (type_index, size) = uleb32(word >> 8)?;
            let (table_index, table_size) = uleb32(word >> (8 + 8 * size))?;
            let size = 1 + size + table_size;
            *place = Operator::CallIndirect { type_index, table_index };
            // Bytes that are not in the word are zero there.
            (size <= 8).then_some(size)
        }
        _ => plain(opcode, place).then_some(1),
    }
}

/// A block type of one byte.
#[inline(always)]
fn block_type(byte: u8) -> Option<BlockType> {
    match byte {
        0x40 => Some(BlockType::Empty),
        0x7f => Some(BlockType::Type(ValType::I32)),
        0x7e => Some(BlockType::Type(ValType::I64)),
        0x7d => Some(BlockType::Type(ValType::F32)),
        0x7c => Some(BlockType::Type(ValType::F64)),
        0x7b => Some(BlockType::Type(ValType::V128)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{BinaryReader, OperatorsReader};

    use super::*;

    /// Compares with what wasmparser reads, if it reads anything: whether that was so?
    fn compare(bytes: [u8; 8]) -> bool {
        let mut found = Operator::Nop;
        let Some(size) = read(u64::from_le_bytes(bytes), &mut found) else { return false };
        // A block, so that there is something to end, or an `if`, which may have another arm.
        let before: &[u8] = if bytes[0] == 0x05 { &[0x04, 0x40] } else { &[0x02, 0x40] };
        let all = [before, &bytes[..], &[0x80; 8]].concat();
        let mut reader = OperatorsReader::new(BinaryReader::new(&all, 0));
        reader.read().expect("the block");
        let Ok(expected) = reader.read() else { return false };
        assert_eq!((found, 2 + size), (expected, reader.get_binary_reader().current_position()), "{bytes:02x?}");
        true
    }

    #[test]
    fn frequent_operators_are_read_as_wasmparser_reads_them() {
        let immediates = [0x00, 0x01, 0x02, 0x0f, 0x3f, 0x40, 0x7c, 0x7f, 0x80, 0x81, 0xaa, 0xc0, 0xff];
        let mut state = 1_u64;
        let mut compared = [0_u32; 256];
        for opcode in 0..=0xff_u8 {
            for _ in 0..20_000 {
                let mut bytes = [opcode; 8];
                for byte in &mut bytes[1..] {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    *byte = immediates[(state >> 33) as usize % immediates.len()];
                }
                compared[usize::from(opcode)] += u32::from(compare(bytes));
            }
        }
        let frequent = |opcode: &u8| matches!(opcode, 0x00..=0x05 | 0x0b..=0x0d | 0x0f..=0x11 | 0x1a..=0x1b | 0x20..=0x24 | 0x28..=0x3e | 0x41 | 0x42 | 0x45..=0xc4);
        for opcode in (0..=0xff_u8).filter(frequent) {
            assert!(compared[usize::from(opcode)] > 1000, "{opcode:#04x} was compared {} times", compared[usize::from(opcode)]);
        }
    }
}
