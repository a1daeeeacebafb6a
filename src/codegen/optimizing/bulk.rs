//! Operators on whole memories: builtins, but for copies and fills of a few bytes.
//!
//! Bounds of copies and fills are checked here, so that what is called is no more than the C library's `memmove` and `memset`.
//! Compilers copy structures by `memory.copy` of a constant length. A short one is loads, then stores, the last bytes first:
//! if any byte is out of bounds the topmost is, so that a copy that traps has written nothing.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use smallvec::SmallVec;
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::base::MemoryIndex;
use crate::codegen::optimizing::bounds::{OUT_OF_BOUNDS, Place};
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::layout::objects::{MEMORY_BASE, MEMORY_LEN};

/// Copies of more bytes are calls.
const INLINE_BYTES_MAX: u64 = 64;

/// Offset and type of the pieces of a short copy, ascending. The last may overlap the one before.
fn pieces(bytes: u64) -> SmallVec<[(i32, Type); 4]> {
    let ty = match bytes {
        16.. => I8X16,
        8.. => I64,
        4.. => I32,
        2.. => I16,
        _ => I8,
    };
    let (step, bytes) = (ty.bytes().cast_signed(), i32::try_from(bytes).unwrap_or(i32::MAX));
    let mut pieces: SmallVec<_> = (0..bytes / step).map(|nth| (nth * step, ty)).collect();
    if bytes % step != 0 {
        pieces.push((bytes - step, ty));
    }
    pieces
}

impl Translator<'_> {
    pub(super) fn bulk_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::MemorySize { mem } => {
                let memory = self.memory(mem);
                let ty = self.module.memories[memory];
                let definition = self.vmctx_constant(self.env.layout.memory_def(memory));
                let flags = self.flags.definitions;
                let bytes = if ty.shared {
                    // In one order with the growth of other threads, and with all atomic accesses.
                    let address = self.builder.ins().iadd_imm_s(definition, i64::from(offset32(MEMORY_LEN)));
                    self.builder.ins().atomic_load(I64, flags, address)
                } else {
                    self.builder.ins().load(I64, flags, definition, offset32(MEMORY_LEN))
                };
                let pages = self.builder.ins().ushr_imm_u(bytes, i64::from(ty.page_size_log2));
                let pages = self.guest_size(pages, ty.memory64);
                self.push(pages);
            }
            Operator::MemoryGrow { mem } => {
                let memory64 = self.module.memories[self.memory(mem)].memory64;
                let pages = self.pop();
                let pages = self.index64(pages, memory64);
                let memory = self.u32(mem);
                let old = self.call_builtin_value(Builtin::MemoryGrow, &[memory, pages]);
                let old = self.guest_size(old, memory64);
                self.push(old);
            }
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryInit { data_index, mem } => {
                let memory64 = self.module.memories[self.memory(mem)].memory64;
                let (source, length) = self.pop2();
                let destination = self.pop();
                let destination = self.index64(destination, memory64);
                let both = self.two_indices(mem, data_index);
                self.call_builtin(Builtin::MemoryInit, &[both, destination, source, length]);
            }
            Operator::DataDrop { data_index } => {
                let segment = self.u32(data_index);
                self.call_builtin(Builtin::DataDrop, &[segment]);
            }
            _ => return false,
        }
        true
    }

    fn memory_copy(&mut self, to: u32, from: u32) {
        let (to_memory, from_memory) = (self.memory(to), self.memory(from));
        let length = self.pop();
        let (destination, source) = self.pop2();
        if let Some(bytes @ 1..=INLINE_BYTES_MAX) = self.constant_of(length) {
            let Some(source) = self.place(from_memory, source, 0, bytes) else { return };
            let Some(destination) = self.place(to_memory, destination, 0, bytes) else { return };
            self.copy_pieces(destination, source, bytes);
            return;
        }
        let to64 = self.module.memories[to_memory].memory64;
        let from64 = self.module.memories[from_memory].memory64;
        // The length has the narrower of the two address types.
        let length = self.index64(length, to64 && from64);
        let source = self.range(from_memory, source, length);
        let destination = self.range(to_memory, destination, length);
        self.call_builtin(Builtin::CopyBytes, &[destination, source, length]);
    }

    /// The address of `length` bytes at `index`, once they are known to lie in the memory.
    fn range(&mut self, memory: MemoryIndex, index: Value, length: Value) -> Value {
        let memory64 = self.module.memories[memory].memory64;
        let index = self.index64(index, memory64);
        let definition = self.vmctx_constant(self.env.layout.memory_def(memory));
        // Two 32-bit numbers have a sum of 64 bits.
        let end = if memory64 {
            self.builder.ins().uadd_overflow_trap(index, length, OUT_OF_BOUNDS)
        } else {
            self.builder.ins().iadd(index, length)
        };
        let bytes = self.builder.ins().load(I64, self.flags.definitions, definition, offset32(MEMORY_LEN));
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, end, bytes);
        self.builder.ins().trapnz(outside, OUT_OF_BOUNDS);
        let base = self.builder.ins().load(I64, self.flags.definitions, definition, offset32(MEMORY_BASE));
        self.builder.ins().iadd(base, index)
    }

    fn copy_pieces(&mut self, destination: Place, source: Place, bytes: u64) {
        let pieces = pieces(bytes);
        let mut values: SmallVec<[Value; 4]> = SmallVec::new();
        for &(offset, ty) in &pieces {
            values.push(self.builder.ins().load(ty, source.flags, source.address, source.offset + offset));
        }
        for (&(offset, _), value) in pieces.iter().zip(values).rev() {
            self.builder.ins().store(destination.flags, value, destination.address, destination.offset + offset);
        }
    }

    fn memory_fill(&mut self, index: u32) {
        let memory = self.memory(index);
        let length = self.pop();
        let (address, byte) = self.pop2();
        if let Some(bytes @ 1..=INLINE_BYTES_MAX) = self.constant_of(length) {
            let Some(place) = self.place(memory, address, 0, bytes) else { return };
            let pieces = pieces(bytes);
            let value = self.repeated(byte, pieces[0].1);
            for &(offset, _) in pieces.iter().rev() {
                self.builder.ins().store(place.flags, value, place.address, place.offset + offset);
            }
            return;
        }
        let length = self.index64(length, self.module.memories[memory].memory64);
        let address = self.range(memory, address, length);
        self.call_builtin(Builtin::FillBytes, &[address, byte, length]);
    }

    /// A value all of whose bytes are the lowest of the given one.
    fn repeated(&mut self, byte: Value, ty: Type) -> Value {
        if let (Some(constant), false) = (self.constant_of(byte), ty.is_vector()) {
            let bits = u64::from_le_bytes([constant.to_le_bytes()[0]; 8]) >> (64 - ty.bits());
            return self.builder.ins().iconst(ty, bits.cast_signed());
        }
        let byte = self.builder.ins().ireduce(I8, byte);
        match ty {
            I8 => byte,
            ty if ty.is_vector() => self.builder.ins().splat(ty, byte),
            ty => {
                let wide = self.builder.ins().uextend(ty, byte);
                let ones = u64::from_le_bytes([1; 8]) >> (64 - ty.bits());
                self.builder.ins().imul_imm_u(wide, ones.cast_signed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{INLINE_BYTES_MAX, pieces};

    #[test]
    fn pieces_cover_every_byte_and_no_other() {
        for bytes in 1..=INLINE_BYTES_MAX {
            let mut covered = vec![false; bytes as usize];
            for (offset, ty) in pieces(bytes) {
                covered[offset as usize..offset as usize + ty.bytes() as usize].fill(true);
            }
            assert!(covered.iter().all(|&byte| byte), "{bytes}");
            let (offset, ty) = pieces(bytes).last().copied().expect("a piece");
            assert_eq!(offset.cast_unsigned() + ty.bytes(), bytes as u32);
        }
    }
}
