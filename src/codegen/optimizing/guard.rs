//! Indirect calls: the bodies of the functions that one mostly goes to, each behind a comparison.
//!
//! *Problem.* An indirect call costs twice a direct one, and nothing is known of its callee. *Idea.* Where baseline code has seen that it goes to few
//! functions of the same module ([`profile`](crate::abi::profile)), their bodies stand in its place, and the call behind them:
//!
//! ```text
//! if the callee's vmctx is ours {
//!     if its slot is that of the first  { body of the first;  done }
//!     if its slot is that of the second { body of the second; done }
//! }
//! check the type, call
//! ```
//!
//! The slot names the function, whatever code it has at the time, and the vmctx the instance: the same function of another instance of the module is
//! another one. A function whose type is not the expected one, or does not extend it, gets no body here; so the types of those that do need
//! no check. Null has a slot and a vmctx that nobody has.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use smallvec::SmallVec;
use wasmparser::BlockType;

use crate::abi::profile::{TARGETS, Targets};
use crate::abi::vmctx::SLOTS;
use crate::base::tuning::{GUARDED_SHARE, GUARDED_TIMES};
use crate::base::{DefinedFuncIndex, TypeIndex};
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::layout::objects::{FUNC_ENTRY_SLOT, FUNC_ENTRY_VMCTX};

/// What an indirect call is tried with.
#[derive(Default)]
struct Candidates {
    /// Functions and how often each was called, the most frequent first.
    funcs: SmallVec<[(DefinedFuncIndex, u32); TARGETS]>,
    /// Whether hardly any call went elsewhere.
    is_rest_rare: bool,
}

impl Translator<'_> {
    /// An indirect call of the function that an entry of the function table leads to, with the arguments on the stack. `call` makes the call
    /// itself, with its checks.
    pub(super) fn call_guarded(
        &mut self,
        ty: TypeIndex,
        entry: Value,
        targets: Option<Targets>,
        call: impl FnOnce(&mut Self),
    ) -> Result {
        let Candidates { funcs, is_rest_rare } = targets.map(|targets| self.candidates(ty, &targets)).unwrap_or_default();
        if funcs.is_empty() {
            call(self);
            return Ok(());
        }
        let position = self.builder.srcloc();
        self.push_frame(FrameKind::Block, BlockType::FuncType(ty.as_u32()), true);
        let done = self.frame_at(0);
        let miss = self.builder.create_block();
        let slot = self.own_slot(entry, miss);
        let mut is_first = true;
        for (func, count) in funcs {
            // The budget may be used up by the ones before.
            if is_first || self.is_inlined(func, Some(count)) {
                self.inline_if(func, slot, done)?;
                self.builder.set_srcloc(position);
                is_first = false;
            }
        }
        self.builder.ins().jump(miss, &[]);
        self.builder.seal_block(miss);
        self.builder.switch_to_block(miss);
        if is_rest_rare {
            self.builder.set_cold_block(miss);
        }
        call(self);
        if is_rest_rare {
            // Where its checks end.
            self.note_rare();
        }
        self.end();
        Ok(())
    }

    /// The functions worth a comparison: called often enough, of the type, and inlined if called directly.
    fn candidates(&self, ty: TypeIndex, targets: &Targets) -> Candidates {
        let is_frequent = |count: u32| count >= GUARDED_TIMES && count >= targets.total / GUARDED_SHARE;
        let fits = |func| {
            let found = self.module.funcs[self.module.func_index(func)];
            found == ty || self.module.extends(found, ty)
        };
        let found = targets.funcs.iter().flatten().filter(|&&(func, count)| is_frequent(count) && fits(func));
        let found: SmallVec<[_; TARGETS]> = found.copied().filter(|&(func, count)| self.is_inlined(func, Some(count))).collect();
        let covered = found.iter().fold(0_u32, |sum, &(_, count)| sum.saturating_add(count));
        let is_rest_rare = targets.total.saturating_sub(covered) < targets.total / GUARDED_SHARE;
        Candidates { funcs: found, is_rest_rare }
    }

    /// How far the dispatch slot of an entry is from the first of this module; goes to `miss` if the entry is another instance's.
    fn own_slot(&mut self, entry: Value, miss: Block) -> Value {
        let vmctx = self.builder.ins().load(I64, self.flags.constant, entry, offset32(FUNC_ENTRY_VMCTX));
        let slot = self.builder.ins().load(I64, self.flags.constant, entry, offset32(FUNC_ENTRY_SLOT));
        let first = self.vmctx_constant(SLOTS);
        let is_own = self.builder.ins().icmp(IntCC::Equal, vmctx, self.vmctx);
        let own = self.builder.create_block();
        self.builder.ins().brif(is_own, own, &[], miss, &[]);
        self.builder.seal_block(own);
        self.builder.switch_to_block(own);
        self.builder.ins().isub(slot, first)
    }

    /// The body of a function if the slot is its own, with copies of the arguments; the results go to the end of a frame.
    fn inline_if(&mut self, callee: DefinedFuncIndex, slot: Value, done: usize) -> Result {
        let func = self.module.func_index(callee);
        let is_it = self.builder.ins().icmp_imm_u(IntCC::Equal, slot, 8 * i64::from(callee.as_u32()));
        let (body, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.ins().brif(is_it, body, &[], next, &[]);
        self.builder.seal_block(body);
        self.builder.seal_block(next);
        self.builder.switch_to_block(body);
        let height = self.state.values.len();
        let params = self.module.signature(self.module.funcs[func]).params.len();
        self.state.values.extend_from_within(height - params..);
        self.inline(func, callee)?;
        if self.reachable {
            self.flush_fuel();
            let label = self.aim(done);
            self.builder.ins().jump(label, &[]);
        }
        self.state.values.truncate(height);
        self.reachable = true;
        self.builder.switch_to_block(next);
        Ok(())
    }
}
