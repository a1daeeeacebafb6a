//! What a function that is compiled at its first call has for code until then: a thunk that says which function it is.
//!
//! *Problem.* A call through a dispatch slot tells the callee nothing about the slot. *Idea.* Each function has eight bytes of its own at the
//! start of the executable part: a call of one entry that all share. What that call pushes is an address behind the thunk, and so
//! names the function. The entry jumps to the builtin [`CompileLazily`](crate::abi::builtins::Builtin::CompileLazily) of the isolate
//! that calls, which finds the address on top of the stack and leaves no trace of it.
//!
//! **Invariants:** thunks are no functions of the registry: nothing returns into them and nothing in them faults. Any register that is no
//! argument may be used.

use crate::abi::builtins::Builtin;

/// `mov rax, [rdi]; jmp [rax + builtin]`: the first word of a vmctx is the isolate block.
const ENTRY_BYTES: usize = 16;
/// `call entry`, and what is never run.
const THUNK_BYTES: usize = 8;
const CALL_BYTES: usize = 5;
const PADDING: u8 = 0xcc;

/// Bytes of the thunks of so many functions.
pub(in crate::code) fn bytes(func_count: usize) -> usize {
    ENTRY_BYTES + func_count * THUNK_BYTES
}

/// Where a function's thunk is, from the start of all.
pub(in crate::code) fn offset(func: usize) -> usize {
    ENTRY_BYTES + func * THUNK_BYTES
}

/// The function whose thunk pushed an address with that offset from the start of all.
pub(in crate::code) fn func_at(pushed: usize) -> Option<usize> {
    let thunk = pushed.checked_sub(ENTRY_BYTES + CALL_BYTES)?;
    thunk.is_multiple_of(THUNK_BYTES).then_some(thunk / THUNK_BYTES)
}

/// Writes the thunks of so many functions.
pub(in crate::code) fn write(code: &mut [u8], func_count: usize) {
    let builtin = Builtin::CompileLazily.block_offset() as u32;
    code[..3].copy_from_slice(&[0x48, 0x8b, 0x07]);
    code[3..5].copy_from_slice(&[0xff, 0xa0]);
    code[5..9].copy_from_slice(&builtin.to_le_bytes());
    code[9..ENTRY_BYTES].fill(PADDING);
    let (thunks, rest) = code[ENTRY_BYTES..].split_at_mut(func_count * THUNK_BYTES);
    rest.fill(PADDING);
    for (func, thunk) in thunks.chunks_exact_mut(THUNK_BYTES).enumerate() {
        // A space is smaller than what 32 bits reach.
        let back = -((offset(func) + CALL_BYTES) as i32);
        let word = u64::from_le_bytes([0xe8, 0, 0, 0, 0, PADDING, PADDING, PADDING]) | u64::from(back as u32) << 8;
        thunk.copy_from_slice(&word.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Code, Decoder, DecoderOptions};

    #[test]
    fn every_thunk_calls_the_entry_and_names_its_function() {
        let mut code = vec![0; bytes(3)];
        write(&mut code, 3);
        let mut decoder = Decoder::with_ip(64, &code, 0, DecoderOptions::NONE);
        assert_eq!(decoder.decode().code(), Code::Mov_r64_rm64);
        let jump = decoder.decode();
        assert_eq!((jump.code(), jump.memory_displacement32() as usize), (Code::Jmp_rm64, Builtin::CompileLazily.block_offset()));
        for func in 0..3 {
            let at = offset(func);
            let call = Decoder::with_ip(64, &code[at..], at as u64, DecoderOptions::NONE).decode();
            assert_eq!((call.code(), call.near_branch_target()), (Code::Call_rel32_64, 0));
            assert_eq!(func_at(call.next_ip() as usize), Some(func));
            assert_eq!(func_at(call.next_ip() as usize + 1), None);
        }
        assert_eq!(func_at(ENTRY_BYTES), None);
    }
}
