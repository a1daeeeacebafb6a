//! Calls that are hardly ever made, such that the code around them does not notice.
//!
//! *Problem.* A call loses the registers that its convention does not preserve. Cranelift gives a value one place for as much of its life as it can, and so
//! keeps the values of a hot loop in the frame, or in the few registers that are preserved, for the sake of a call that is never made. *Idea.* Where baseline
//! code has seen that a call is rare, it goes through a stub of the runtime that preserves every register but the result's: to Cranelift it is a call in the
//! convention "PreserveAll", whose arguments are in the registers that functions have them in. The stub finds the callee's address in the isolate block,
//! and leaves the result there, since Cranelift knows of none in that convention. Its frame is one more on the chain of frame pointers, with a return address that no code has: whoever walks frames
//! passes over it.
//!
//! Such a call costs about thirty instructions more, so that it must be rare indeed ([`RARE_SHARE`], [`RARE_EVIDENCE`]).

use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Signature, Value};
use cranelift_codegen::isa::CallConv;
use smallvec::SmallVec;

use crate::abi::builtins::Builtin;
use crate::abi::call::{CallLayout, Place};
use crate::abi::vmctx::{BLOCK, SLOTS};
use crate::base::tuning::{RARE_EVIDENCE, RARE_SHARE};
use crate::base::{DefinedFuncIndex, TypeIndex};
use crate::codegen::optimizing::call::Target;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::signature::{clif_type, signature};
use crate::layout::block::{RARE_CALLEE, RARE_FLOAT, RARE_INT};
use crate::wasm::types::FuncType;

/// How often a call is made, as far as anybody knows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Frequency {
    /// Often enough to be as fast as it can be, or unknown.
    Usual,
    /// Hardly ever.
    Rare,
}

impl Frequency {
    /// Of a call that was made so often, while calls were made `evidence` times in all.
    pub(super) fn of(count: u32, evidence: u32) -> Frequency {
        let is_rare = evidence >= RARE_EVIDENCE && count <= evidence / RARE_SHARE;
        if is_rare { Frequency::Rare } else { Frequency::Usual }
    }
}

impl Translator<'_> {
    /// A function of this module as the target of a rare call: the code that it has at the time. Cranelift would load the address of a named function before
    /// the loop, and that code may be gone when the call is made.
    pub(super) fn rare_target(&mut self, func: DefinedFuncIndex) -> Target {
        self.flush_fuel();
        let slots = self.builder.ins().load(I64, self.flags.pinned, self.vmctx, offset32(SLOTS));
        let code = self.builder.ins().load(I64, self.flags.slots, slots, offset32(8 * func.as_u32()));
        Target::Address { code, vmctx: self.vmctx }
    }

    /// A rare call with all arguments, if its type allows that; its results.
    pub(super) fn rare_call(&mut self, ty: TypeIndex, target: Target, arguments: &[Value]) -> Option<SmallVec<[Value; 4]>> {
        let func_type: &FuncType = self.module.signature(ty);
        let places = result_places(func_type)?;
        let Target::Address { code, .. } = target else { return None };
        let preserving = Signature { call_conv: CallConv::PreserveAll, returns: Vec::new(), params: signature(func_type).params };
        let preserving = self.builder.import_signature(preserving);
        let block = self.builder.ins().load(I64, self.flags.pinned, self.vmctx, offset32(BLOCK));
        self.builder.ins().store(self.flags.block, code, block, offset32(RARE_CALLEE));
        let stub = self.builder.ins().load(I64, self.flags.pinned, block, offset32(Builtin::RareCall.block_offset()));
        self.builder.ins().call_indirect(preserving, stub, arguments);
        let results = func_type.results.iter().zip(places);
        Some(results.map(|(&ty, place)| self.builder.ins().load(clif_type(ty), self.flags.block, block, place)).collect())
    }
}

/// Where in the block the results of such a call are; nothing if arguments are on the stack, or there are results that the stub does not keep.
fn result_places(ty: &FuncType) -> Option<SmallVec<[Offset32; 2]>> {
    let layout = CallLayout::new(ty);
    let place = |place: &Place| match place {
        Place::Int(0) => Some(offset32(RARE_INT)),
        Place::Float(0) => Some(offset32(RARE_FLOAT)),
        _ => None,
    };
    if layout.stack_arg_bytes > 0 { None } else { layout.results.iter().map(place).collect() }
}
