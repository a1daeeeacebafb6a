//! Exceptions: throwing, and the handlers of `try_table`.
//!
//! *Problem.* Code that throws nothing shall pay nothing for being ready to catch. *Idea.* A call inside of a `try` is Cranelift's
//! `try_call`: one more edge in the control flow, to the handler of the innermost `try`, and a line in a table that the runtime
//! reads when something is thrown. There is one handler for all calls in a `try`. It gets the exception, compares its tag with
//! the clauses' in order, and goes to their labels or, if none fits, to the handler of the next `try` outside. Where there is
//! none, it throws again: the runtime looks on in the caller.
//!
//! A handler is made when the first call wants it, and filled at the end of its `try`, when the blocks around are still open. What
//! is thrown right inside of a `try` is a jump to its handler.
//!
//! A few calls, those with arguments on the stack above all, have no signature for `try_call` that keeps registers (see
//! `catching_signature`). They are calls like others, and the runtime returns from them with the exception in the isolate
//! block, where the code behind them looks for it: two instructions, where `try_call` moves everything that lives on through memory.
//!
//! **Invariant:** builtins called within a `try` throw nothing; they trap at most, and that is not caught.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    Block, BlockArg, ExceptionTableData, ExceptionTableItem, Inst, InstBuilder, MemFlagsData, SigRef, SourceLoc, Value,
};
use smallvec::SmallVec;
use wasmparser::{Catch, Operator, TryTable};

use crate::abi::builtins::Builtin;
use crate::abi::call::CallLayout;
use crate::abi::exception::{EXCEPTION_TAG, ExceptionLayout};
use crate::abi::trap::TrapCode;
use crate::abi::vmctx;
use crate::base::TagIndex;
use crate::codegen::optimizing::call::Target;
use crate::codegen::optimizing::frame::FrameKind;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::codegen::optimizing::regions::trap_code;
use crate::codegen::optimizing::signature::clif_type;
use crate::layout::block::{HEAP, RETURNED_EXCEPTION};
use crate::layout::heap::HEAP_CAGE;
use crate::wasm::types::{FuncType, ValType};

/// A `try` whose body is open: its handlers are in force.
#[derive(Debug)]
pub(super) struct Try {
    /// Position of its frame.
    pub frame: usize,
    /// What calls in the body go to, once there is one. Its parameter is the exception, as an `i64`.
    pub handler: Option<Block>,
    /// Clauses of a `try_table`.
    pub catches: SmallVec<[Catch; 2]>,
}

/// A call that returns with an exception if one comes out of it.
#[derive(Copy, Clone, Debug)]
pub(super) struct ReturningCall {
    /// Where its operator is in the module.
    pub location: SourceLoc,
    /// What its callee pops.
    pub stack_arg_bytes: u32,
}

impl Translator<'_> {
    pub(super) fn exception_operator(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Throw { tag_index } => {
                self.flush_fuel();
                let exception = self.new_exception(TagIndex::from_u32(tag_index));
                self.throw(exception);
            }
            Operator::ThrowRef => {
                self.flush_fuel();
                let exception = self.pop();
                self.builder.ins().trapz(exception, trap_code(TrapCode::NullReference));
                self.throw(exception);
            }
            Operator::TryTable { ref try_table } => self.begin_try_table(try_table),
            _ => return self.legacy_exception_operator(operator),
        }
        true
    }

    /// An exception with the payload that is on the stack.
    fn new_exception(&mut self, tag: TagIndex) -> Value {
        let params = &self.module.signature(self.module.tags[tag]).params;
        let start = self.canonical_top(params.len());
        let payload = if params.is_empty() {
            self.builder.ins().iconst(I64, 0)
        } else {
            let area = self.own_area(params.len());
            for position in 0..params.len() {
                let value = self.state.values[start + position];
                self.builder.ins().store(self.flags.area, value, area, offset32(16 * position));
            }
            area
        };
        self.state.values.truncate(start);
        let tag = self.u32(tag.as_u32());
        let exception = self.call_builtin_value(Builtin::NewException, &[tag, payload]);
        self.tracked(exception, ValType::EXNREF)
    }

    /// Throws an exception, which is not null, to the handler in force.
    pub(super) fn throw(&mut self, exception: Value) {
        self.throw_below(exception, usize::MAX);
    }

    /// Throws an exception to the handler that was in force when the frame at a position was opened.
    pub(super) fn throw_below(&mut self, exception: Value, position: usize) {
        match self.handler_below(position) {
            Some(handler) => {
                let exception = self.builder.ins().uextend(I64, exception);
                self.builder.ins().jump(handler, &[exception.into()]);
            }
            None => {
                self.call_builtin(Builtin::Throw, &[exception]);
                self.builder.ins().trap(trap_code(TrapCode::Unreachable));
            }
        }
        self.reachable = false;
    }

    /// The handler of the innermost `try` whose frame is before a position; nothing where the function has none.
    fn handler_below(&mut self, position: usize) -> Option<Block> {
        let count = self.state.tries.partition_point(|found| found.frame < position);
        let found = count.checked_sub(1)?;
        if let Some(handler) = self.state.tries[found].handler {
            return Some(handler);
        }
        let handler = self.builder.create_block();
        self.builder.append_block_param(handler, I64);
        self.builder.set_cold_block(handler);
        self.state.tries[found].handler = Some(handler);
        Some(handler)
    }

    /// Whether an exception that comes out of a call here would be caught in this function.
    pub(super) fn is_in_try(&self) -> bool {
        !self.state.tries.is_empty()
    }

    /// Calls, and goes on behind the call; an exception goes to the handler in force, if there is one.
    pub(super) fn catching_call(
        &mut self,
        ty: &FuncType,
        signature: SigRef,
        target: Target,
        arguments: &[Value],
    ) -> SmallVec<[Value; 4]> {
        let Some(handler) = self.handler_below(usize::MAX) else {
            let call = self.plain_call(signature, target, arguments);
            return self.builder.inst_results(call).into();
        };
        let Some((catching, positions)) = self.catching_signature(signature) else {
            return self.returning_call(ty, signature, target, arguments, handler);
        };
        let next = self.builder.create_block();
        let types: SmallVec<[_; 4]> =
            self.builder.func.dfg.signatures[signature].returns.iter().map(|result| result.value_type).collect();
        let mut results: SmallVec<[BlockArg; 4]> = SmallVec::new();
        for (position, ty) in positions.into_iter().zip(types) {
            self.builder.append_block_param(next, ty);
            results.push(BlockArg::TryCallRet(position));
        }
        let pool = &mut self.builder.func.dfg;
        let normal = pool.block_call(next, &results);
        let caught = pool.block_call(handler, &[BlockArg::TryCallExn(0)]);
        let table = ExceptionTableData::new(catching, normal, [ExceptionTableItem::Default(caught)]);
        let table = pool.exception_tables.push(table);
        match target {
            Target::Defined(func) => {
                let func = self.catching_function(func, catching);
                self.builder.ins().try_call(func, arguments, table)
            }
            Target::Address { code, .. } => self.builder.ins().try_call_indirect(code, arguments, table),
        };
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
        self.builder.block_params(next).into()
    }

    fn plain_call(&mut self, signature: SigRef, target: Target, arguments: &[Value]) -> Inst {
        match target {
            Target::Defined(func) => self.builder.ins().call(func, arguments),
            Target::Address { code, .. } => self.builder.ins().call_indirect(signature, code, arguments),
        }
    }

    /// Calls, and asks behind the call whether it has returned with an exception.
    fn returning_call(
        &mut self,
        ty: &FuncType,
        signature: SigRef,
        target: Target,
        arguments: &[Value],
        handler: Block,
    ) -> SmallVec<[Value; 4]> {
        let call = self.plain_call(signature, target, arguments);
        let location = self.builder.func.srcloc(call);
        let stack_arg_bytes = CallLayout::new(ty).stack_arg_bytes;
        self.state.returning_calls.push(ReturningCall { location, stack_arg_bytes });
        let (caught, next) = (self.builder.create_block(), self.builder.create_block());
        self.builder.set_cold_block(caught);
        let offset = offset32(RETURNED_EXCEPTION);
        let exception = self.builder.ins().load(I64, self.flags.block, self.block, offset);
        self.builder.ins().brif(exception, caught, &[], next, &[]);
        self.builder.seal_block(caught);
        self.builder.seal_block(next);
        self.builder.switch_to_block(caught);
        let none = self.builder.ins().iconst(I64, 0);
        self.builder.ins().store(self.flags.block, none, self.block, offset);
        self.builder.ins().jump(handler, &[exception.into()]);
        self.builder.switch_to_block(next);
        self.builder.inst_results(call).into()
    }

    fn begin_try_table(&mut self, table: &TryTable) {
        self.begin_block(FrameKind::TryTable, table.ty, true);
        let catches = table.catches.iter().copied().collect();
        self.state.tries.push(Try { frame: self.frame_at(0), handler: None, catches });
    }

    /// Fills the handler of the innermost frame, a `try_table`, if anything goes there.
    pub(super) fn end_try_table(&mut self, position: usize) {
        let Some(Try { handler: Some(handler), catches, .. }) = self.state.tries.pop() else { return };
        self.leave_to_label(position);
        let exception = self.begin_handler(handler);
        for catch in catches {
            let (tag, label, with_exception) = match catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let height = self.state.values.len();
            let next = tag.map(|tag| self.begin_clause(exception, TagIndex::from_u32(tag)));
            if with_exception {
                self.push(exception);
            }
            // Labels count from outside of the `try_table`.
            let label = self.aim(self.frame_at(label + 1));
            self.builder.ins().jump(label, &[]);
            self.state.values.truncate(height);
            let Some(next) = next else { return };
            self.builder.switch_to_block(next);
        }
        self.throw(exception);
    }

    /// Goes to the label of a frame from its end, if that is reached.
    pub(super) fn leave_to_label(&mut self, position: usize) {
        if self.reachable {
            self.flush_fuel();
            let label = self.aim(position);
            self.builder.ins().jump(label, &[]);
            self.reachable = false;
        }
    }

    /// Begins to fill a handler; gives the exception.
    pub(super) fn begin_handler(&mut self, handler: Block) -> Value {
        self.builder.seal_block(handler);
        self.builder.switch_to_block(handler);
        let payload = self.builder.block_params(handler)[0];
        let exception = self.builder.ins().ireduce(I32, payload);
        self.tracked(exception, ValType::EXNREF)
    }

    /// Begins what is done with an exception of a tag, with its payload on the stack; gives the block for others.
    pub(super) fn begin_clause(&mut self, exception: Value, tag: TagIndex) -> Block {
        // Not "constant": objects move at every call of the runtime, and an address must not outlive it.
        let flags = MemFlagsData::new().with_notrap();
        // Pinned: what a handler needs shall not be hoisted out of the loops around its `try`, where it would take registers.
        let block = self.builder.ins().load(I64, self.flags.pinned, self.vmctx, offset32(vmctx::BLOCK));
        let cage = self.builder.ins().load(I64, self.flags.pinned, block, offset32(HEAP + HEAP_CAGE));
        let object = self.builder.ins().uextend(I64, exception);
        let object = self.builder.ins().iadd(cage, object);
        let found = self.builder.ins().load(I32, flags, object, offset32(EXCEPTION_TAG));
        let offset = offset32(self.env.layout.tag(tag));
        let wanted = self.builder.ins().load(I32, self.flags.pinned, self.vmctx, offset);
        let same = self.builder.ins().icmp(IntCC::Equal, found, wanted);
        let matched = self.builder.create_block();
        let next = self.builder.create_block();
        // What is done with an exception shall not lie in the way of what is done without one.
        self.builder.set_cold_block(matched);
        self.builder.set_cold_block(next);
        self.builder.ins().brif(same, matched, &[], next, &[]);
        self.builder.seal_block(matched);
        self.builder.seal_block(next);
        self.builder.switch_to_block(matched);
        let layout = ExceptionLayout::new(&self.module.signature(self.module.tags[tag]).params);
        for field in &layout.fields {
            let value = self.builder.ins().load(clif_type(field.ty), flags, object, offset32(field.offset));
            let value = self.tracked(value, field.ty);
            self.push(value);
        }
        next
    }
}
