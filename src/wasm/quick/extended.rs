//! Operators with the prefix 0xfc: saturating conversions, segments, copies and fills, tables, wide arithmetic.

use wasmparser::{ValType, WasmModuleResources};

use crate::wasm::quick::check::{Checker, Known};
use crate::wasm::quick::types::{F32, F64, I32, I64};
use crate::wasm::words::uleb32;

impl Checker<'_> {
    #[inline(never)]
    pub(super) fn extended(&mut self, word: u64) -> Known {
        let (operator, size) = uleb32(word >> 8)?;
        self.position += 1 + size;
        match operator {
            0x00 | 0x01 => self.apply(&[F32], I32),
            0x02 | 0x03 => self.apply(&[F64], I32),
            0x04 | 0x05 => self.apply(&[F32], I64),
            0x06 | 0x07 => self.apply(&[F64], I64),
            0x08 => self.memory_init(),
            0x09 => self.data_segment(),
            0x0a => self.memory_copy(),
            0x0b => self.memory_fill(),
            0x0c => self.table_init(),
            0x0d => self.element_segment(),
            0x0e => self.table_copy(),
            0x0f => self.table_grow(),
            0x10 => self.table_size(),
            0x11 => self.table_fill(),
            0x13 | 0x14 => {
                self.take(&[I64, I64, I64])?;
                self.apply(&[I64], I64)?;
                self.push(I64)
            }
            0x15 | 0x16 => {
                self.take(&[I64, I64])?;
                self.push(I64)?;
                self.push(I64)
            }
            _ => None,
        }
    }

    /// The next immediate.
    fn immediate(&mut self) -> Known<u32> {
        let (value, next) = self.code.u32_at(self.position)?;
        self.position = next;
        Some(value)
    }

    /// Takes operands, the last one first.
    fn take(&mut self, operands: &[u8]) -> Known {
        operands.iter().rev().try_for_each(|&ty| self.pop(ty))
    }

    fn data_segment(&mut self) -> Known {
        let segment = self.immediate()?;
        // Without a count of segments nothing may name one.
        (segment < self.context.resources.data_count()?).then_some(())
    }

    fn element_segment(&mut self) -> Known {
        let segment = self.immediate()?;
        self.context.resources.element_type_at(segment).map(|_| ())
    }

    fn memory_init(&mut self) -> Known {
        self.data_segment()?;
        let memory = self.immediate()?;
        let index = self.memory(memory)?;
        self.take(&[index, I32, I32])
    }

    fn memory_copy(&mut self) -> Known {
        let (to, from) = (self.immediate()?, self.immediate()?);
        let (to, from) = (self.memory(to)?, self.memory(from)?);
        self.take(&[to, from, if from == I32 { I32 } else { to }])
    }

    fn memory_fill(&mut self) -> Known {
        let memory = self.immediate()?;
        let index = self.memory(memory)?;
        self.take(&[index, I32, index])
    }

    fn table_init(&mut self) -> Known {
        let (segment, table) = (self.immediate()?, self.immediate()?);
        let (index, _, table) = self.table(table)?;
        let element = ValType::Ref(self.context.resources.element_type_at(segment)?);
        if !self.context.resources.is_subtype(element, ValType::Ref(table.element_type)) {
            return None;
        }
        self.take(&[index, I32, I32])
    }

    fn table_copy(&mut self) -> Known {
        let (to, from) = (self.immediate()?, self.immediate()?);
        let (to, to_element, _) = self.table(to)?;
        let (from, from_element, _) = self.table(from)?;
        if to_element != from_element {
            return None;
        }
        self.take(&[to, from, if from == I32 { I32 } else { to }])
    }

    fn table_grow(&mut self) -> Known {
        let table = self.immediate()?;
        let (index, element, _) = self.table(table)?;
        self.apply(&[element, index], index)
    }

    fn table_size(&mut self) -> Known {
        let table = self.immediate()?;
        let (index, ..) = self.table(table)?;
        self.push(index)
    }

    fn table_fill(&mut self) -> Known {
        let table = self.immediate()?;
        let (index, element, _) = self.table(table)?;
        self.take(&[index, element, index])
    }
}
