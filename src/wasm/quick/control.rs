//! Blocks and branches.

use crate::base::limits;
use crate::wasm::quick::check::{Checker, Known};
use crate::wasm::quick::types::{I32, List, simple};
use crate::wasm::words::uleb32;

/// A block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    params: List,
    results: List,
    /// The height of the stack below its operands.
    height: usize,
    kind: Kind,
    /// Whether the operators that follow are not reached.
    pub(super) unreachable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
}

impl Frame {
    /// The block that a body is.
    pub(super) fn of_body(results: List) -> Frame {
        Frame { params: List::default(), results, height: 0, kind: Kind::Block, unreachable: false }
    }

    /// What a branch to the block takes.
    #[inline(always)]
    fn label(&self) -> List {
        if self.kind == Kind::Loop { self.params } else { self.results }
    }
}

impl Checker<'_> {
    #[inline(always)]
    pub(super) fn block(&mut self, word: u64, is_loop: bool) -> Known {
        self.begin(word, if is_loop { Kind::Loop } else { Kind::Block })
    }

    #[inline(always)]
    pub(super) fn begin_if(&mut self, word: u64) -> Known {
        self.pop(I32)?;
        self.begin(word, Kind::If)
    }

    #[inline(always)]
    fn begin(&mut self, word: u64, kind: Kind) -> Known {
        let byte = (word >> 8) as u8;
        let (params, results) = if byte == 0x40 {
            self.position += 2;
            (List::default(), List::default())
        } else if let Some(ty) = simple(byte) {
            self.position += 2;
            (List::default(), List::single(ty))
        } else {
            self.outlined(|checker| checker.block_type(word))?
        };
        self.pop_list(params)?;
        self.height = self.top;
        self.frames.push(Frame { params, results, height: self.height, kind, unreachable: false });
        self.push_list(params)
    }

    /// The block type of an index.
    #[cold]
    #[inline(never)]
    fn block_type(&mut self, word: u64) -> Known<(List, List)> {
        let (index, size) = uleb32(word >> 8)?;
        // The number is signed, and may not be negative; the last of five bytes has the 33rd bit in another place.
        let sign = word >> (8 * size) & 0x40;
        if sign != 0 || size > 4 {
            return None;
        }
        let signature = self.context.tables.signature(index)?;
        self.position += 1 + size;
        Some((signature.params, signature.results))
    }

    /// The end of a block, or, which it says, of the body.
    #[inline(always)]
    pub(super) fn end(&mut self) -> Known<bool> {
        self.position += 1;
        let &frame = self.frames.last()?;
        self.pop_list(frame.results)?;
        if self.top != frame.height {
            return None;
        }
        // Without `else` a block leaves its parameters.
        if frame.kind == Kind::If && !self.is_same(frame.params, frame.results) {
            return None;
        }
        self.frames.pop();
        let Some(outer) = self.frames.last() else { return Some(true) };
        self.height = outer.height;
        self.push_list(frame.results)?;
        Some(false)
    }

    #[inline(always)]
    fn is_same(&self, one: List, other: List) -> bool {
        one.count == other.count && (one.count == 0 || self.is_same_list(one, other))
    }

    fn is_same_list(&self, one: List, other: List) -> bool {
        let lists = self.context.tables.list(one).zip(self.context.tables.list(other));
        lists.is_some_and(|(one, other)| one == other)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn begin_else(&mut self) -> Known {
        self.position += 1;
        let &frame = self.frames.last()?;
        if frame.kind != Kind::If {
            return None;
        }
        self.pop_list(frame.results)?;
        if self.top != frame.height {
            return None;
        }
        let place = self.frames.last_mut()?;
        *place = Frame { kind: Kind::Block, unreachable: false, ..frame };
        self.push_list(frame.params)
    }

    /// What a branch takes that leaves so many blocks.
    #[inline(always)]
    fn label(&self, depth: usize) -> Known<List> {
        let index = self.frames.len().checked_sub(1)?.checked_sub(depth)?;
        Some(self.frames.get(index)?.label())
    }

    /// What follows is not reached.
    #[inline(always)]
    pub(super) fn stop(&mut self) -> Known {
        self.frames.last_mut()?.unreachable = true;
        self.top = self.height;
        Some(())
    }

    #[inline(always)]
    pub(super) fn branch(&mut self, word: u64) -> Known {
        let (depth, size) = Self::index(word)?;
        self.position += size;
        let label = self.label(depth)?;
        self.pop_list(label)?;
        self.stop()
    }

    #[inline(always)]
    pub(super) fn branch_if(&mut self, word: u64) -> Known {
        let (depth, size) = Self::index(word)?;
        self.position += size;
        self.pop(I32)?;
        let label = self.label(depth)?;
        self.pop_list(label)?;
        self.push_list(label)
    }

    #[inline(always)]
    pub(super) fn give_back(&mut self) -> Known {
        self.position += 1;
        let results = self.frames.first()?.results;
        self.pop_list(results)?;
        self.stop()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn branch_table(&mut self) -> Known {
        let (count, mut position) = self.code.u32_at(self.position + 1)?;
        if count as usize > limits::BR_TABLE_TARGET_COUNT {
            return None;
        }
        self.pop(I32)?;
        let mut first = None;
        // One more: the default label.
        for _ in 0..=count {
            let (depth, next) = self.code.u32_at(position)?;
            position = next;
            let label = self.label(depth as usize)?;
            let first = *first.get_or_insert(label);
            if !self.is_same(first, label) {
                return None;
            }
        }
        self.position = position;
        self.pop_list(first?)?;
        self.stop()
    }

    /// A tail call's results are those of the body.
    pub(super) fn tail_call(&mut self, params: List, results: List) -> Known {
        if !self.is_same(results, self.frames.first()?.results) {
            return None;
        }
        self.pop_list(params)?;
        self.stop()
    }
}
