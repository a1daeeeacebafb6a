//! The loop over the operators of a body, and those of them that are frequent or simple.
//!
//! *Idea.* The position, the height of the stack of types and that of its innermost block stay in registers: whatever is called here is
//! inlined, or [outlined](Checker::outlined) with a copy of the state. Types are expected by comparing bytes; only where they are not
//! what was expected, as in unreachable code, does the general rule decide ([`crate::wasm::quick::rare`]).
//!
//! **Invariant:** the stack holds simple types and [`ANY`](super::types::ANY), and no [`NONE`](super::types::NONE).

use wasmparser::ValidatorResources;

use crate::wasm::module::WasmModule;
use crate::wasm::quick::control::Frame;
use crate::wasm::quick::types::{F32, F64, I32, I64, List, NONE, Tables, WORD_TYPES};
use crate::wasm::words::{Code, sleb32_size, sleb64_size, uleb32};

/// What lies in memory of its own: in arrays of fixed sizes, where an index that is cut to its bits needs no check.
pub(super) struct Arrays {
    /// Type of each local; [`NONE`] for those that are not declared.
    pub locals: [u8; 1 << 16],
    /// The types on the stack, behind so many bytes that a word ends at each height.
    stack: [u8; STACK_MAX + 2 * WORD_BYTES],
}

/// A stack is always lower than this: a body is not known whose stack may get as high.
const STACK_MAX: usize = 1 << 14;
const WORD_BYTES: usize = WORD_TYPES as usize;

impl Arrays {
    pub(super) fn new() -> Box<Arrays> {
        Box::new(Arrays { locals: [NONE; 1 << 16], stack: [NONE; STACK_MAX + 2 * WORD_BYTES] })
    }
}

/// What bodies of a module refer to.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub module: &'a WasmModule,
    pub tables: &'a Tables,
    /// For questions that are rarely asked.
    pub resources: &'a ValidatorResources,
}

/// See the module's documentation.
pub(super) struct Checker<'a> {
    pub code: Code<'a>,
    pub context: &'a Context<'a>,
    pub arrays: &'a mut Arrays,
    /// The blocks around the operator, the body itself first.
    pub frames: &'a mut Vec<Frame>,
    /// Behind the operators so far.
    pub position: usize,
    /// The height of the stack.
    pub top: usize,
    /// That at the beginning of the innermost block.
    pub height: usize,
}

/// Nothing where it is not known whether the body is valid.
pub(super) type Known<T = ()> = Option<T>;

impl Checker<'_> {
    /// Validates operators, up to the `end` of the body.
    #[inline(always)]
    pub(super) fn run(&mut self) -> Known {
        loop {
            let word = self.code.word_at(self.position)?;
            match KINDS[usize::from(word as u8)] {
                Kind::Nop => self.position += 1,
                Kind::Block => self.block(word, false)?,
                Kind::Loop => self.block(word, true)?,
                Kind::If => self.begin_if(word)?,
                Kind::End => {
                    if self.end()? {
                        return Some(());
                    }
                }
                Kind::Branch => self.branch(word)?,
                Kind::BranchIf => self.branch_if(word)?,
                Kind::Call => self.call(word)?,
                Kind::CallIndirect => self.call_indirect(word)?,
                Kind::Drop => self.drop_operand()?,
                Kind::Select => self.select()?,
                Kind::LocalGet => self.local_get(word)?,
                Kind::LocalSet => self.local_set(word)?,
                Kind::LocalTee => self.local_tee(word)?,
                Kind::GlobalGet => self.global_get(word)?,
                Kind::GlobalSet => self.global_set(word)?,
                Kind::Load => self.load(word)?,
                Kind::Store => self.store(word)?,
                Kind::I32Const => self.constant(I32, 1 + sleb32_size(word >> 8)?)?,
                Kind::I64Const => self.constant(I64, 1 + sleb64_size(self.code, self.position + 1)?)?,
                Kind::F32Const => self.constant(F32, 5)?,
                Kind::F64Const => self.constant(F64, 9)?,
                Kind::Unary => self.unary_numeric(word as u8)?,
                Kind::Binary => self.binary_numeric(word as u8)?,
                Kind::Rare => self.outlined(|checker| checker.rare(word))?,
            }
        }
    }

    /// Calls what is not inlined. It gets a copy of the state, since this one has an address then, and so does not stay in registers.
    #[inline(always)]
    pub(super) fn outlined<T>(&mut self, rare: impl FnOnce(&mut Checker<'_>) -> Known<T>) -> Known<T> {
        let mut copy = Checker {
            code: self.code,
            context: self.context,
            arrays: &mut *self.arrays,
            frames: &mut *self.frames,
            position: self.position,
            top: self.top,
            height: self.height,
        };
        let result = rare(&mut copy);
        (self.position, self.top, self.height) = (copy.position, copy.top, copy.height);
        result
    }

    /// The place so far below the height of the stack.
    #[inline(always)]
    fn place(&mut self, below: usize) -> &mut u8 {
        &mut self.arrays.stack[WORD_BYTES + (self.top.wrapping_sub(below) & (STACK_MAX - 1))]
    }

    /// The type so far below the height of the stack.
    #[inline(always)]
    pub(super) fn peek(&mut self, below: usize) -> u8 {
        *self.place(below)
    }

    /// Puts a type in place of the one so far below the height of the stack.
    #[inline(always)]
    pub(super) fn replace(&mut self, below: usize, ty: u8) {
        *self.place(below) = ty;
    }

    /// Whether so many operands are there, and not those of other blocks.
    #[inline(always)]
    pub(super) fn has(&self, count: usize) -> bool {
        self.top >= self.height + count
    }

    #[inline(always)]
    pub(super) fn push(&mut self, ty: u8) -> Known {
        if self.top >= STACK_MAX - WORD_BYTES {
            return None;
        }
        self.arrays.stack[WORD_BYTES + self.top] = ty;
        self.top += 1;
        Some(())
    }

    #[inline(always)]
    pub(super) fn pop(&mut self, expected: u8) -> Known {
        if self.has(1) && self.peek(1) == expected {
            self.top -= 1;
            return Some(());
        }
        self.outlined(|checker| checker.pop_any_of(expected).map(|_| ()))
    }

    /// An operand of each type of a list, the last one first.
    #[inline(always)]
    pub(super) fn pop_list(&mut self, list: List) -> Known {
        if list.count == 0 {
            return Some(());
        }
        if list.count <= WORD_TYPES && self.has(list.count as usize) {
            // The word that ends at the height of the stack, of which the highest bytes are the list's.
            let end = self.top & (STACK_MAX - 1);
            let word = u64::from_le_bytes(self.arrays.stack[end..end + WORD_BYTES].try_into().unwrap_or_default());
            if word >> (8 * (WORD_TYPES - list.count)) == list.word {
                self.top -= list.count as usize;
                return Some(());
            }
        }
        self.outlined(|checker| checker.pop_list_slowly(list))
    }

    /// A type of a list after the other.
    #[inline(always)]
    pub(super) fn push_list(&mut self, list: List) -> Known {
        if list.count > WORD_TYPES {
            return self.outlined(|checker| checker.push_list_slowly(list));
        }
        if self.top >= STACK_MAX - WORD_BYTES {
            return None;
        }
        let end = WORD_BYTES + self.top;
        self.arrays.stack[end..end + WORD_BYTES].copy_from_slice(&list.word.to_le_bytes());
        self.top += list.count as usize;
        Some(())
    }

    #[inline(always)]
    fn constant(&mut self, ty: u8, size: usize) -> Known {
        self.position += size;
        self.push(ty)
    }

    /// The index behind the opcode, and the operator's size.
    #[inline(always)]
    pub(super) fn index(word: u64) -> Known<(usize, usize)> {
        let (index, size) = uleb32(word >> 8)?;
        Some((index as usize, 1 + size))
    }

    /// The type of a local.
    #[inline(always)]
    fn local(&self, index: usize) -> Known<u8> {
        let &ty = self.arrays.locals.get(index)?;
        (ty != NONE).then_some(ty)
    }

    #[inline(always)]
    fn local_get(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let ty = self.local(index)?;
        self.position += size;
        self.push(ty)
    }

    #[inline(always)]
    fn local_set(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let ty = self.local(index)?;
        self.position += size;
        self.pop(ty)
    }

    #[inline(always)]
    fn local_tee(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let ty = self.local(index)?;
        self.position += size;
        if self.has(1) && self.peek(1) == ty {
            return Some(());
        }
        self.pop(ty)?;
        self.push(ty)
    }

    #[inline(always)]
    fn global_get(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let &(ty, _) = self.context.tables.globals.get(index)?;
        if ty == NONE {
            return None;
        }
        self.position += size;
        self.push(ty)
    }

    #[inline(always)]
    fn global_set(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let &(ty, is_mutable) = self.context.tables.globals.get(index)?;
        if ty == NONE || !is_mutable {
            return None;
        }
        self.position += size;
        self.pop(ty)
    }

    #[inline(always)]
    fn call(&mut self, word: u64) -> Known {
        let (index, size) = Self::index(word)?;
        let &ty = self.context.module.funcs.values().as_slice().get(index)?;
        let tables = self.context.tables;
        let signature = tables.signature(ty.as_u32())?;
        self.position += size;
        self.pop_list(signature.params)?;
        self.push_list(signature.results)
    }

    #[inline(always)]
    fn call_indirect(&mut self, word: u64) -> Known {
        let (ty, size) = Self::index(word)?;
        let (table, table_size) = uleb32(self.code.word_at(self.position + size)?)?;
        let tables = self.context.tables;
        let signature = tables.signature(u32::try_from(ty).ok()?)?;
        let &index = tables.calls.get(table as usize)?;
        self.position += size + table_size;
        self.pop(index)?;
        self.pop_list(signature.params)?;
        self.push_list(signature.results)
    }

    #[inline(always)]
    fn drop_operand(&mut self) -> Known {
        self.position += 1;
        if self.has(1) {
            self.top -= 1;
            return Some(());
        }
        self.outlined(|checker| checker.pop_any().map(|_| ()))
    }

    #[inline(always)]
    fn select(&mut self) -> Known {
        self.position += 1;
        // Numbers and vectors of one type: all but references.
        if self.has(3) && self.peek(1) == I32 && self.peek(2) == self.peek(3) && self.peek(2) <= super::types::V128 {
            self.top -= 2;
            return Some(());
        }
        self.outlined(|checker| checker.select_slowly())
    }

    /// The immediates of a load or store, and with them the operator; gives the type of its address.
    #[inline(always)]
    pub(super) fn memory_argument(&mut self, word: u64, max_align: u8) -> Known<u8> {
        let align = (word >> 8) as u8;
        if align > max_align {
            return self.outlined(|checker| checker.other_memory_argument(word, max_align));
        }
        let (_, size) = uleb32(word >> 16)?;
        self.position += 2 + size;
        Some(self.context.tables.memory)
    }

    #[inline(always)]
    fn load(&mut self, word: u64) -> Known {
        let [align, ty] = ACCESSES[usize::from(word as u8 & 0x1f)];
        let index = self.memory_argument(word, align)?;
        self.unary(index, ty)
    }

    #[inline(always)]
    fn store(&mut self, word: u64) -> Known {
        let [align, ty] = ACCESSES[usize::from(word as u8 & 0x1f)];
        let index = self.memory_argument(word, align)?;
        if self.has(2) && self.peek(1) == ty && self.peek(2) == index {
            self.top -= 2;
            return Some(());
        }
        self.pop(ty)?;
        self.pop(index)
    }

    #[inline(always)]
    fn unary(&mut self, operand: u8, result: u8) -> Known {
        if self.has(1) && self.peek(1) == operand {
            self.replace(1, result);
            return Some(());
        }
        self.outlined(|checker| checker.apply(&[operand], result))
    }

    #[inline(always)]
    fn unary_numeric(&mut self, opcode: u8) -> Known {
        let [operand, result] = NUMERIC[usize::from(opcode)];
        self.position += 1;
        self.unary(operand, result)
    }

    #[inline(always)]
    fn binary_numeric(&mut self, opcode: u8) -> Known {
        let [operand, result] = NUMERIC[usize::from(opcode)];
        self.position += 1;
        if self.has(2) && self.peek(1) == operand && self.peek(2) == operand {
            self.top -= 1;
            self.replace(1, result);
            return Some(());
        }
        self.outlined(|checker| checker.apply(&[operand, operand], result))
    }
}

/// The binary logarithm of the natural alignment, and the type of the value, of loads and stores by the lowest five bits of the opcode.
static ACCESSES: [[u8; 2]; 32] = {
    let mut table = [[0, NONE]; 32];
    let loads = [
        [2, I32],
        [3, I64],
        [2, F32],
        [3, F64],
        [0, I32],
        [0, I32],
        [1, I32],
        [1, I32],
        [0, I64],
        [0, I64],
        [1, I64],
        [1, I64],
        [2, I64],
        [2, I64],
    ];
    let stores = [[2, I32], [3, I64], [2, F32], [3, F64], [0, I32], [1, I32], [0, I64], [1, I64], [2, I64]];
    let mut index = 0;
    while index < loads.len() {
        table[0x08 + index] = loads[index];
        index += 1;
    }
    index = 0;
    while index < stores.len() {
        table[0x16 + index] = stores[index];
        index += 1;
    }
    table
};

/// The type of the operands and that of the result, of numeric operators by opcode.
static NUMERIC: [[u8; 2]; 256] = {
    let mut table = [[NONE, NONE]; 256];
    let mut opcode = 0x45;
    while opcode <= 0xc4 {
        table[opcode] = match opcode {
            0x45..=0x4f | 0x67..=0x78 | 0xc0..=0xc1 => [I32, I32],
            0x50..=0x5a | 0xa7 => [I64, I32],
            0x5b..=0x60 | 0xa8..=0xa9 | 0xbc => [F32, I32],
            0x61..=0x66 | 0xaa..=0xab => [F64, I32],
            0x79..=0x8a | 0xc2..=0xc4 => [I64, I64],
            0x8b..=0x98 => [F32, F32],
            0x99..=0xa6 => [F64, F64],
            0xac..=0xad => [I32, I64],
            0xae..=0xaf => [F32, I64],
            0xb0..=0xb1 | 0xbd => [F64, I64],
            0xb2..=0xb3 | 0xbe => [I32, F32],
            0xb4..=0xb5 => [I64, F32],
            0xb6 => [F64, F32],
            0xb7..=0xb8 => [I32, F64],
            0xb9..=0xba | 0xbf => [I64, F64],
            0xbb => [F32, F64],
            _ => [NONE, NONE],
        };
        opcode += 1;
    }
    table
};

/// How an operator is validated.
#[derive(Clone, Copy)]
enum Kind {
    Nop,
    Block,
    Loop,
    If,
    End,
    Branch,
    BranchIf,
    Call,
    CallIndirect,
    Drop,
    Select,
    LocalGet,
    LocalSet,
    LocalTee,
    GlobalGet,
    GlobalSet,
    Load,
    Store,
    I32Const,
    I64Const,
    F32Const,
    F64Const,
    /// A number to a number.
    Unary,
    /// Two numbers of one type to a number.
    Binary,
    Rare,
}

/// Kinds by opcode.
static KINDS: [Kind; 256] = {
    let mut table = [Kind::Rare; 256];
    let mut opcode = 0;
    while opcode < table.len() {
        table[opcode] = match opcode {
            0x01 => Kind::Nop,
            0x02 => Kind::Block,
            0x03 => Kind::Loop,
            0x04 => Kind::If,
            0x0b => Kind::End,
            0x0c => Kind::Branch,
            0x0d => Kind::BranchIf,
            0x10 => Kind::Call,
            0x11 => Kind::CallIndirect,
            0x1a => Kind::Drop,
            0x1b => Kind::Select,
            0x20 => Kind::LocalGet,
            0x21 => Kind::LocalSet,
            0x22 => Kind::LocalTee,
            0x23 => Kind::GlobalGet,
            0x24 => Kind::GlobalSet,
            0x28..=0x35 => Kind::Load,
            0x36..=0x3e => Kind::Store,
            0x41 => Kind::I32Const,
            0x42 => Kind::I64Const,
            0x43 => Kind::F32Const,
            0x44 => Kind::F64Const,
            0x46..=0x4f | 0x51..=0x66 | 0x6a..=0x78 | 0x7c..=0x8a | 0x92..=0x98 | 0xa0..=0xa6 => Kind::Binary,
            0x45..=0xc4 => Kind::Unary,
            _ => Kind::Rare,
        };
        opcode += 1;
    }
    table
};
