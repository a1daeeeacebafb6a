//! The calling convention of both tiers: Cranelift's `Tail` on x86-64, and where each parameter and result travels.
//!
//! Integers and references: rdi rsi rdx rcx r8 r9; floats and vectors: xmm0–xmm7; the rest on the stack in slots of 8 bytes
//! (vectors 16, aligned), popped by the callee. The vmctx is the first integer argument. Results: rax rcx rdx rsi rdi r8 r9 r10
//! and xmm0–xmm7. When either kind of result does not fit, *all* results go to a return area instead: the caller passes its
//! address as the second integer argument, and result `n` is at byte `16 n` of it. Calls preserve rbx r12 r13 r14 r15 and rbp, also
//! when an exception comes out of them.

use smallvec::SmallVec;

use crate::layout::frame::{FLOAT_ARG_COUNT, FLOAT_RESULT_COUNT, INT_ARG_COUNT, INT_RESULT_COUNT};
use crate::wasm::types::{FuncType, ValType};

/// Where a parameter or result travels.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An integer register, by its position in the convention's order (the vmctx is 0 among the arguments).
    Int(u8),
    /// xmm register.
    Float(u8),
    /// Byte offset in the stack arguments.
    Stack(u32),
    /// Byte offset in the return area.
    Area(u32),
}

/// Places of all parameters and results of a function type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLayout {
    /// Places of the parameters.
    pub params: SmallVec<[Place; 8]>,
    /// Places of the results.
    pub results: SmallVec<[Place; 4]>,
    /// Bytes of stack arguments, a multiple of 16.
    pub stack_arg_bytes: u32,
    /// Bytes of the return area, 0 when results travel in registers.
    pub area_bytes: u32,
    /// Whether any parameter or result uses an xmm register.
    pub uses_float: bool,
}

/// Whether results of these types go through a return area.
pub const fn needs_return_area(results: &[ValType]) -> bool {
    let (mut floats, mut position) = (0, 0);
    while position < results.len() {
        floats += results[position].is_float_or_vector() as usize;
        position += 1;
    }
    floats > FLOAT_RESULT_COUNT || results.len() - floats > INT_RESULT_COUNT
}

impl CallLayout {
    /// Places for a function type.
    pub fn new(ty: &FuncType) -> Self {
        let area = needs_return_area(&ty.results);
        let mut next = Next { ints: if area { 2 } else { 1 }, floats: 0, stack: 0 };
        // Pushed one by one, which is half of what collecting them costs: a compiler asks at each call.
        let mut params = SmallVec::new();
        for &param in &ty.params {
            params.push(next.param(param));
        }
        let (mut ints, mut floats) = (0, 0);
        let mut results = SmallVec::new();
        for (position, result) in (0u32..).zip(&ty.results) {
            results.push(match (area, result.is_float_or_vector()) {
                (true, _) => Place::Area(position * 16),
                (false, true) => Place::Float(post_increment(&mut floats)),
                (false, false) => Place::Int(post_increment(&mut ints)),
            });
        }
        let area_bytes = if area { 16 * u32::try_from(ty.results.len()).unwrap_or(u32::MAX / 16) } else { 0 };
        let uses_float = next.floats > 0 || floats > 0;
        CallLayout { params, results, stack_arg_bytes: next.stack.next_multiple_of(16), area_bytes, uses_float }
    }
}

struct Next {
    ints: u8,
    floats: u8,
    stack: u32,
}

impl Next {
    fn param(&mut self, ty: ValType) -> Place {
        if ty.is_float_or_vector() {
            if usize::from(self.floats) < FLOAT_ARG_COUNT {
                return Place::Float(post_increment(&mut self.floats));
            }
        } else if usize::from(self.ints) < INT_ARG_COUNT {
            return Place::Int(post_increment(&mut self.ints));
        }
        let size = if ty == ValType::V128 { 16 } else { 8 };
        let offset = self.stack.next_multiple_of(size);
        self.stack = offset + size;
        Place::Stack(offset)
    }
}

fn post_increment(n: &mut u8) -> u8 {
    let before = *n;
    *n += 1;
    before
}
