//! Indirect calls: the bodies of the functions that one mostly goes to, each behind a comparison.
//!
//! *Problem.* An indirect call costs twice a direct one, and nothing is known of its callee. *Idea.* Where baseline code has seen that it goes to few
//! functions of the same module ([`profile`](crate::abi::profile)), their bodies stand in its place, and the call behind them:
//!
//! ```text
//! if the reference is that of our first  { body of the first;  done }
//! if the reference is that of our second { body of the second; done }
//! check the type, call
//! ```
//!
//! A function has one reference as long as its instance lives ([`FUNC_REFS`]), so that the comparison says which function it is, whatever code that has
//! at the time, and of which instance: the same function of another instance of the module has another one. The references are the same all the
//! time, but for those that nobody has asked for yet, which no callee has. A function whose type is not the expected one, or does not extend
//! it, gets no body here; so the types of those that do need no check. Null is nobody's.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, Value};
use smallvec::SmallVec;
use wasmparser::BlockType;

use crate::abi::profile::{TARGETS, Targets};
use crate::abi::vmctx::FUNC_REFS;
use crate::base::tuning::{GUARDED_SHARE, GUARDED_TIMES};
use crate::base::{DefinedFuncIndex, TypeIndex};
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Result, Translator, offset32};
use crate::codegen::optimizing::rare_call::Frequency;

/// What an indirect call is tried with.
struct Candidates {
    /// Functions and how often each was called, the most frequent first.
    funcs: SmallVec<[(DefinedFuncIndex, u32); TARGETS]>,
    /// Whether few calls went elsewhere.
    is_rest_rare: bool,
    /// How often calls went elsewhere.
    rest: Frequency,
}

impl Translator<'_> {
    /// An indirect call of the function that a reference names, with the arguments on the stack. `call` makes the call
    /// itself, with its checks.
    pub(super) fn call_guarded(
        &mut self,
        ty: TypeIndex,
        reference: Value,
        targets: Option<Targets>,
        call: impl FnOnce(&mut Self, Frequency),
    ) -> Result {
        let candidates = targets.map(|targets| self.candidates(ty, &targets)).filter(|candidates| !candidates.funcs.is_empty());
        let Some(Candidates { funcs, is_rest_rare, rest }) = candidates else {
            call(self, Frequency::Usual);
            return Ok(());
        };
        let position = self.builder.srcloc();
        self.push_frame(FrameKind::Block, BlockType::FuncType(ty.as_u32()), true);
        let done = self.frame_at(0);
        let mut is_first = true;
        for (func, count) in funcs {
            // The budget may be used up by the ones before.
            if is_first || self.is_inlined(func, Some(count)) {
                self.inline_if(func, reference, done)?;
                self.builder.set_srcloc(position);
                is_first = false;
            }
        }
        let miss = self.builder.create_block();
        self.builder.ins().jump(miss, &[]);
        self.builder.seal_block(miss);
        self.builder.switch_to_block(miss);
        if is_rest_rare {
            self.builder.set_cold_block(miss);
        }
        call(self, rest);
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
        let rest = targets.total.saturating_sub(covered);
        Candidates { funcs: found, is_rest_rare: rest < targets.total / GUARDED_SHARE, rest: Frequency::of(rest, targets.total) }
    }

    /// The body of a function if the reference is its own, with copies of the arguments; the results go to the end of a frame.
    fn inline_if(&mut self, callee: DefinedFuncIndex, reference: Value, done: usize) -> Result {
        let func = self.module.func_index(callee);
        let references = self.vmctx_constant(FUNC_REFS);
        let own = self.builder.ins().load(I32, self.flags.constant, references, offset32(4 * func.as_u32()));
        let is_it = self.builder.ins().icmp(IntCC::Equal, reference, own);
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
