//! Fuel and polls.
//!
//! Every operator costs 1 but those that only delimit (`nop`, `drop`, `block`, `loop`, `else`, `end`, `try` and its clauses), and entering a function
//! costs 1. Costs are summed up at compile time and added to the isolate block before control goes elsewhere: at branches,
//! calls, loop headers, returns and traps. The guest stops at the next function entry or loop header after its fuel went below
//! zero, so what has run is the same in every tier.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::Operator;

use crate::abi::builtins::Builtin;
use crate::codegen::common::fuel;
use crate::codegen::optimizing::func::{Translator, offset32};
use crate::layout::block::{FUEL_CONSUMED, POLL_OFFSET};

impl Translator<'_> {
    /// Notes the cost of an operator.
    pub(super) fn count(&mut self, operator: &Operator<'_>) {
        if self.env.settings.fuel {
            self.fuel += fuel::cost(operator);
        }
    }

    /// Adds the costs noted so far to the isolate's counter.
    pub(super) fn flush_fuel(&mut self) {
        if self.fuel == 0 {
            return;
        }
        let cost = i64::try_from(std::mem::take(&mut self.fuel)).unwrap_or(i64::MAX);
        let consumed = self.builder.ins().load(I64, self.flags.block, self.block, offset32(FUEL_CONSUMED));
        let consumed = self.builder.ins().iadd_imm_s(consumed, cost);
        self.builder.ins().store(self.flags.block, consumed, self.block, offset32(FUEL_CONSUMED));
    }

    /// What a function does first.
    pub(super) fn enter(&mut self) {
        if self.env.settings.fuel {
            self.fuel = 1;
            self.flush_fuel();
            self.check_fuel();
        }
    }

    /// What a loop does at each of its iterations. Costs were flushed before the branch to its header.
    pub(super) fn enter_loop(&mut self) {
        if self.env.settings.fuel {
            self.check_fuel();
        }
        if self.env.settings.interruptible {
            // It faults when the guest shall stop. Atomic, so that no earlier load may stand for it.
            let address = self.builder.ins().iadd_imm_s(self.block, POLL_OFFSET);
            self.builder.ins().atomic_load(I32, self.flags.poll, address);
        }
    }

    fn check_fuel(&mut self) {
        let consumed = self.builder.ins().load(I64, self.flags.block, self.block, offset32(FUEL_CONSUMED));
        let spent = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThan, consumed, 0);
        self.cold_call(spent, Builtin::OutOfFuel);
    }

    /// Calls a builtin without parameters and results if the condition is not zero, out of line.
    fn cold_call(&mut self, condition: Value, builtin: Builtin) {
        let call = self.builder.create_block();
        let next = self.builder.create_block();
        self.builder.set_cold_block(call);
        self.builder.ins().brif(condition, call, &[], next, &[]);
        self.builder.seal_block(call);
        self.builder.switch_to_block(call);
        self.call_builtin(builtin, &[]);
        self.builder.ins().jump(next, &[]);
        self.builder.seal_block(next);
        self.builder.switch_to_block(next);
    }
}
