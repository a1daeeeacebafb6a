//! The operators that bodies have most of: compiled from the bytes that they are.
//!
//! *Problem.* wasmparser takes 12 ns to decode an operator of a body that is known to be valid: it calls a visitor for each, reads each
//! immediate byte by byte, and keeps a stack of blocks of its own. What it gives is looked at again to see which operator it is. *Idea.*
//! Nine of ten operators are of few shapes, which a word of the body holds together with their immediates ([`crate::wasm::words`]): one
//! `match` on the opcode takes the immediates out of the word and compiles. The others, and unusual forms of these, are read by wasmparser.
//!
//! **Invariant:** the operator was found to be valid; an operator that is not taken here has changed nothing.

use wasmparser::{BinaryReader, BlockType, ValType};

use crate::abi::trap::TrapCode;
use crate::base::{FuncIndex, GlobalIndex, TableIndex, TypeIndex};
use crate::codegen::baseline::function::Function;
use crate::codegen::baseline::memory::Access;
use crate::codegen::baseline::state::{Kind, Loc};
use crate::wasm::opcode;
use crate::wasm::words::{short_sleb64, uleb32, valid_sleb32};

impl Function<'_> {
    /// Compiles the operator that a word begins with, and gives its size; nothing if it is not one of the frequent ones, or not in its usual
    /// form.
    #[inline(always)]
    pub(super) fn frequent_operator(&mut self, word: u64) -> Option<usize> {
        let opcode = word as u8;
        // Right where it is asked for: behind operators of one byte.
        self.next = (word >> 8) as u8;
        match opcode {
            opcode::LOCAL_GET => self.with_index(word, |this, local| this.local_get(local as usize)),
            opcode::LOCAL_SET => self.with_index(word, |this, local| this.local_set(local as usize)),
            opcode::LOCAL_TEE => self.with_index(word, |this, local| this.local_tee(local as usize)),
            opcode::GLOBAL_GET => self.with_index(word, |this, global| this.global_get(GlobalIndex::from_u32(global))),
            opcode::GLOBAL_SET => self.with_index(word, |this, global| this.global_set(GlobalIndex::from_u32(global))),
            opcode::BR => self.with_index(word, |this, depth| this.branch(depth)),
            opcode::BR_IF => self.with_index(word, |this, depth| this.branch_if(depth)),
            opcode::CALL => self.with_index(word, |this, func| this.call_function(FuncIndex::from_u32(func))),
            opcode::CALL_INDIRECT => {
                let (ty, size) = uleb32(word >> 8)?;
                let table = (word >> (8 + 8 * size)) as u8;
                if table & 0x80 != 0 {
                    return None;
                }
                self.call_through_table(TypeIndex::from_u32(ty), TableIndex::from_u32(u32::from(table)));
                Some(2 + size)
            }
            opcode::I32_CONST => {
                let (value, size) = valid_sleb32(word >> 8)?;
                self.push_i32(value.cast_unsigned());
                Some(1 + size)
            }
            opcode::I64_CONST => {
                let (value, size) = short_sleb64(word >> 8)?;
                self.push(Kind::I64, Loc::Const(value.cast_unsigned()));
                Some(1 + size)
            }
            opcode::F32_CONST => {
                self.push(Kind::F32, Loc::Const(word >> 8 & u64::from(u32::MAX)));
                Some(5)
            }
            opcode::F64_CONST => {
                let at = self.position as usize + 1;
                let bits = self.env.bodies().get(at..at + 8)?.try_into().ok()?;
                self.push(Kind::F64, Loc::Const(u64::from_le_bytes(bits)));
                Some(9)
            }
            opcode::I32_LOAD..=opcode::I64_STORE32 => {
                let (access, size) = self.access(word)?;
                self.access_operator(opcode, access);
                Some(size)
            }
            opcode::BLOCK => self.with_block_type(word, Self::begin_block),
            opcode::LOOP => self.with_block_type(word, Self::begin_loop),
            opcode::IF => self.with_block_type(word, Self::begin_if),
            _ => self.plain_operator(opcode).then_some(1),
        }
    }

    /// An operator with one index. Gives its size.
    #[inline(always)]
    fn with_index(&mut self, word: u64, compile: impl FnOnce(&mut Self, u32)) -> Option<usize> {
        let (index, size) = uleb32(word >> 8)?;
        compile(self, index);
        Some(1 + size)
    }

    /// The beginning of a block, whose type is one byte.
    #[inline(always)]
    fn with_block_type(&mut self, word: u64, begin: impl FnOnce(&mut Self, BlockType)) -> Option<usize> {
        begin(self, block_type(word)?);
        Some(2)
    }

    /// An operator without immediates: no, if it is another one.
    #[inline(always)]
    fn plain_operator(&mut self, opcode: u8) -> bool {
        match opcode {
            opcode::NOP => {}
            opcode::UNREACHABLE => self.trap(TrapCode::Unreachable),
            opcode::ELSE => self.begin_else(),
            opcode::END => self.end(),
            opcode::RETURN => self.return_(),
            opcode::DROP => {
                self.pop();
            }
            opcode::SELECT => self.select(),
            opcode::I32_EQZ..=opcode::I64_GE_U | opcode::I32_CLZ..=opcode::I64_ROTR => return self.integer_operator(opcode),
            opcode::F32_EQ..=opcode::F64_GE | opcode::F32_ABS..=opcode::F64_COPYSIGN => return self.float_operator(opcode),
            opcode::I32_WRAP_I64..=opcode::I64_EXTEND32_S => return self.convert_operator(opcode),
            _ => return false,
        }
        true
    }

    /// The immediates of a load or store, and its size.
    #[inline(always)]
    fn access(&self, word: u64) -> Option<(Access, usize)> {
        let align = (word >> 8) as u8;
        // Above are flags.
        if align >= 0x10 {
            return self.other_access();
        }
        let Some((offset, size)) = uleb32(word >> 16) else { return self.other_access() };
        Some((Access { memory: 0, offset: u64::from(offset) }, 2 + size))
    }

    /// The same with an index of the memory, or an offset of more than 32 bits.
    #[cold]
    fn other_access(&self) -> Option<(Access, usize)> {
        const HAS_MEMORY: u32 = 0x40;
        let behind = self.position as usize + 1;
        let mut reader = BinaryReader::new(self.env.bodies().get(behind..)?, behind as u64);
        let flags = reader.read_var_u32().ok()?;
        let memory = if flags & HAS_MEMORY != 0 { reader.read_var_u32().ok()? } else { 0 };
        let offset = reader.read_var_u64().ok()?;
        Some((Access { memory, offset }, 1 + reader.current_position()))
    }
}

/// A block type of one byte.
#[inline(always)]
fn block_type(word: u64) -> Option<BlockType> {
    match (word >> 8) as u8 {
        0x40 => Some(BlockType::Empty),
        0x7f => Some(BlockType::Type(ValType::I32)),
        0x7e => Some(BlockType::Type(ValType::I64)),
        0x7d => Some(BlockType::Type(ValType::F32)),
        0x7c => Some(BlockType::Type(ValType::F64)),
        0x7b => Some(BlockType::Type(ValType::V128)),
        _ => None,
    }
}
