//! Operators without a prefix that are rare, and the general rule for operands where the frequent case is not met.

use wasmparser::{RefType, TableType, WasmModuleResources};

use crate::wasm::quick::check::{Checker, Known};
use crate::wasm::quick::types::{ANY, EXTERN, FUNC, I32, I64, List, NONE, REF, simple};
use crate::wasm::words::uleb32;

impl Checker<'_> {
    /// An operator that the loop has no arm for.
    #[inline(never)]
    pub(super) fn rare(&mut self, word: u64) -> Known {
        match word as u8 {
            0x00 => {
                self.position += 1;
                self.stop()
            }
            0x05 => self.begin_else(),
            0x0e => self.branch_table(),
            0x0f => self.give_back(),
            0x12 => self.return_call(word),
            0x13 => self.return_call_indirect(word),
            0x1c => self.typed_select(word),
            0x25 => self.table_get(word),
            0x26 => self.table_set(word),
            0x3f => self.memory_size(word),
            0x40 => self.memory_grow(word),
            0xd0 => self.null(word),
            0xd1 => self.is_null(),
            0xd2 => self.func_reference(word),
            0xfc => self.extended(word),
            0xfd | 0xfe => self.prefixed(word),
            _ => None,
        }
    }

    /// Any operand.
    #[inline(never)]
    pub(super) fn pop_any(&mut self) -> Known<u8> {
        if self.has(1) {
            self.top -= 1;
            return Some(self.peek(0));
        }
        // In unreachable code there are always more.
        self.frames.last()?.unreachable.then_some(ANY)
    }

    /// An operand of one of the types.
    #[inline(never)]
    pub(super) fn pop_any_of(&mut self, expected: u8) -> Known<u8> {
        let found = self.pop_any()? & expected;
        (found != NONE).then_some(found)
    }

    #[inline(never)]
    pub(super) fn pop_list_slowly(&mut self, list: List) -> Known {
        let tables = self.context.tables;
        tables.list(list)?.iter().rev().try_for_each(|&ty| self.pop(ty))
    }

    #[inline(never)]
    pub(super) fn push_list_slowly(&mut self, list: List) -> Known {
        let tables = self.context.tables;
        tables.list(list)?.iter().try_for_each(|&ty| self.push(ty))
    }

    /// Takes operands, the last one first, and gives a result.
    #[inline(never)]
    pub(super) fn apply(&mut self, operands: &[u8], result: u8) -> Known {
        operands.iter().rev().try_for_each(|&ty| self.pop(ty))?;
        self.push(result)
    }

    #[inline(never)]
    pub(super) fn select_slowly(&mut self) -> Known {
        self.pop(I32)?;
        let ty = self.pop_any()? & self.pop_any()?;
        // Both are unknown, or one type, which may not be a reference.
        if ty == NONE || (ty != ANY && ty & REF != 0) {
            return None;
        }
        self.push(ty)
    }

    /// The immediates of an access to a memory that the operator names.
    #[inline(never)]
    pub(super) fn other_memory_argument(&mut self, word: u64, max_align: u8) -> Known<u8> {
        const NAMES_MEMORY: u8 = 0x40;
        let flags = (word >> 8) as u8;
        if flags & NAMES_MEMORY == 0 || flags & !NAMES_MEMORY > max_align {
            return None;
        }
        let (memory, next) = self.code.u32_at(self.position + 2)?;
        let (_, next) = self.code.u32_at(next)?;
        self.position = next;
        self.memory(memory)
    }

    /// The index type of a memory.
    pub(super) fn memory(&self, memory: u32) -> Known<u8> {
        self.context.tables.memories.get(memory as usize).copied()
    }

    /// The index type of a table, and that of its elements.
    pub(super) fn table(&self, table: u32) -> Known<(u8, u8, TableType)> {
        let ty = self.context.resources.table_at(table)?;
        let element = match ty.element_type {
            RefType::FUNCREF => FUNC,
            RefType::EXTERNREF => EXTERN,
            _ => return None,
        };
        Some((if ty.table64 { I64 } else { I32 }, element, ty))
    }

    /// The index behind the opcode; the operator ends there.
    fn only_index(&mut self, word: u64) -> Known<u32> {
        let (index, size) = uleb32(word >> 8)?;
        self.position += 1 + size;
        Some(index)
    }

    fn return_call(&mut self, word: u64) -> Known {
        let func = self.only_index(word)?;
        let &ty = self.context.module.funcs.values().as_slice().get(func as usize)?;
        let &signature = self.context.tables.signature(ty.as_u32())?;
        self.tail_call(signature.params, signature.results)
    }

    fn return_call_indirect(&mut self, word: u64) -> Known {
        let ty = self.only_index(word)?;
        let (table, next) = self.code.u32_at(self.position)?;
        self.position = next;
        let &index = self.context.tables.calls.get(table as usize)?;
        self.pop(index)?;
        let &signature = self.context.tables.signature(ty)?;
        self.tail_call(signature.params, signature.results)
    }

    fn typed_select(&mut self, word: u64) -> Known {
        let [_, count, ty, ..] = word.to_le_bytes();
        let ty = simple(ty)?;
        if count != 1 {
            return None;
        }
        self.position += 3;
        self.apply(&[ty, ty, I32], ty)
    }

    fn table_get(&mut self, word: u64) -> Known {
        let table = self.only_index(word)?;
        let (index, element, _) = self.table(table)?;
        self.apply(&[index], element)
    }

    fn table_set(&mut self, word: u64) -> Known {
        let table = self.only_index(word)?;
        let (index, element, _) = self.table(table)?;
        self.pop(element)?;
        self.pop(index)
    }

    fn memory_size(&mut self, word: u64) -> Known {
        let memory = self.only_index(word)?;
        self.push(self.memory(memory)?)
    }

    fn memory_grow(&mut self, word: u64) -> Known {
        let memory = self.only_index(word)?;
        let index = self.memory(memory)?;
        self.apply(&[index], index)
    }

    fn null(&mut self, word: u64) -> Known {
        let ty = simple((word >> 8) as u8)? & REF;
        if ty == NONE {
            return None;
        }
        self.position += 2;
        self.push(ty)
    }

    fn is_null(&mut self) -> Known {
        self.position += 1;
        self.pop_any_of(REF)?;
        self.push(I32)
    }

    fn func_reference(&mut self, word: u64) -> Known {
        let func = self.only_index(word)?;
        self.context.resources.type_index_of_function(func)?;
        if !self.context.resources.is_function_referenced(func) {
            return None;
        }
        self.push(FUNC)
    }
}
