//! The quick validator: one pass over the bytes of a body that accepts most valid bodies, and no other.
//!
//! *Problem.* Loading a module without compiling it is validation and little else, and wasmparser's validator takes 13 to 20 ns for an
//! operator: it decodes into structures of 48 bytes, and keeps types of 8 bytes that may be any that there are. *Idea.* Nearly all
//! bodies use a few simple types, which are a byte each here, and operators that one table row each describes. Whatever else there is
//! (typed references, objects, exceptions, limits, and all that is wrong) makes this validator give up, and wasmparser's, which then
//! reads the body from its beginning, has the last word and the message.
//!
//! **Invariant:** a body that is accepted here is one that wasmparser accepts under the same features. So each rule is as strict as
//! wasmparser's, or stricter; [`Tables::new`] refuses sets of features under which any rule here would be too lax.
//!
//! Bodies are read through words of eight bytes ([`crate::wasm::words`]), types and signatures are words of bytes ([`types`]), operators without a
//! prefix are told apart by one `match` ([`check`]), those with a prefix by tables ([`prefixed`]). What is rare is outlined, so that
//! the state of the loop stays in registers.

#![forbid(unsafe_code)]

mod check;
mod control;
mod extended;
mod prefixed;
mod rare;
mod types;

#[cfg(test)]
mod tests;

use wasmparser::ValidatorResources;

use crate::base::{DefinedFuncIndex, limits};
use crate::wasm::module::WasmModule;
use crate::wasm::words::{Code, SLACK};
use check::{Arrays, Checker, Context};
use control::Frame;
use types::{NONE, simple};

pub(crate) use types::Tables;

/// Memory that serves one body after another.
#[derive(Default)]
pub(crate) struct Memory {
    arrays: Option<Box<Arrays>>,
    /// How many locals the arrays have.
    local_count: usize,
    frames: Vec<Frame>,
    /// A body behind which the bytes end too soon to be read by words.
    copy: Vec<u8>,
}

/// Whether a body is valid: no means that it is not known.
pub(crate) fn accepts(
    wire_bytes: &[u8],
    module: &WasmModule,
    tables: &Tables,
    resources: &ValidatorResources,
    func: DefinedFuncIndex,
    memory: &mut Memory,
) -> bool {
    run(wire_bytes, module, tables, resources, func, memory).is_some()
}

fn run(
    wire_bytes: &[u8],
    module: &WasmModule,
    tables: &Tables,
    resources: &ValidatorResources,
    func: DefinedFuncIndex,
    memory: &mut Memory,
) -> Option<()> {
    let range = &module.bodies[func];
    let (start, end) = (range.start as usize, range.end as usize);
    let size = end.checked_sub(start)?;
    if size > limits::FUNC_BODY_BYTES {
        return None;
    }
    // Some bytes behind the body are read, and never taken for a part of it: operators end where they end.
    let bytes = match wire_bytes.get(start..end + SLACK) {
        Some(bytes) => bytes,
        None => {
            memory.copy.clear();
            memory.copy.extend_from_slice(wire_bytes.get(start..end)?);
            memory.copy.resize(size + SLACK, 0);
            &memory.copy
        }
    };
    let code = Code::new(bytes);
    let signature = tables.signature(module.funcs[module.func_index(func)].as_u32())?;

    let arrays = memory.arrays.get_or_insert_with(Arrays::new);
    let params = tables.list(signature.params)?;
    arrays.locals[..memory.local_count].fill(NONE);
    arrays.locals.get_mut(..params.len())?.copy_from_slice(params);
    memory.local_count = params.len();
    let position = read_locals(code, &mut arrays.locals, &mut memory.local_count)?;

    memory.frames.clear();
    memory.frames.push(Frame::of_body(signature.results));
    let context = Context { module, tables, resources };
    let frames = &mut memory.frames;
    let mut checker = Checker { code, context: &context, arrays, frames, position, top: 0, height: 0 };
    checker.run()?;
    (checker.position == size).then_some(())
}

/// The declarations of locals behind so many parameters, up to the first operator.
fn read_locals(code: Code<'_>, locals: &mut [u8], total: &mut usize) -> Option<usize> {
    let (runs, mut position) = code.u32_at(0)?;
    for _ in 0..runs {
        let (count, next) = code.u32_at(position)?;
        let ty = simple(code.byte_at(next)?)?;
        position = next + 1;
        let end = total.checked_add(count as usize)?;
        if end > limits::LOCAL_COUNT {
            return None;
        }
        locals.get_mut(*total..end)?.fill(ty);
        *total = end;
    }
    Some(position)
}
