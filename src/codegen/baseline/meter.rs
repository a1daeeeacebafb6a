//! Fuel and polls. Costs, and the places where they are added up and checked, are those of the optimizing tier
//! ([`meter`](crate::codegen::optimizing)), so that a program stops at the same operator in every tier.

use crate::abi::artifact::{LoopSite, LoopValue, Register, Reloc, RelocTarget};
use crate::abi::builtins::Builtin;
use crate::abi::osr::STATE_BYTES;
use crate::abi::vmctx::BLOCK;
use crate::asm::x64::integer::Alu;
use crate::asm::x64::{Condition, Mem, Width};
use crate::codegen::baseline::function::{Function, StubKind};
use crate::codegen::baseline::registers::SCRATCH;
use crate::codegen::baseline::state::{Kind, Loc};
use crate::codegen::common::fuel;
use crate::codegen::weight;
use crate::layout::block::{FUEL_CONSUMED, INTERRUPT};

impl Function<'_> {
    /// Notes the cost of the operator with an opcode.
    #[inline]
    pub(super) fn count(&mut self, opcode: u8) {
        if self.env.settings.fuel {
            self.fuel += fuel::cost_by_opcode(opcode);
        }
    }

    /// Adds the costs noted so far to the isolate's counter. Changes the flags if fuel is counted.
    pub(super) fn flush_fuel(&mut self) {
        if self.fuel == 0 {
            return;
        }
        // A function of seven megabytes has no more operators than fit.
        let cost = i32::try_from(std::mem::take(&mut self.fuel)).unwrap_or(i32::MAX);
        self.load_vmctx(SCRATCH, BLOCK);
        self.buffers.asm.alu_mi(Alu::Add, Width::W64, Mem::at(SCRATCH, FUEL_CONSUMED as i32), cost);
    }

    /// What a function does first.
    pub(super) fn enter(&mut self) {
        self.charge(weight::of_call(self.module.bodies[self.func].len()), None);
        if self.env.settings.fuel {
            self.fuel = 1;
            self.flush_fuel();
            self.check_fuel();
        }
    }

    /// What a loop does at each of its iterations. Costs were added before the branch to its header.
    pub(super) fn enter_loop(&mut self) {
        let site = if self.env.settings.tier_up { self.loop_site() } else { None };
        self.charge(weight::of_iteration(self.module.bodies[self.func].len()), site);
        if self.env.settings.fuel {
            self.check_fuel();
        }
        if self.env.settings.interruptible {
            self.load_vmctx(SCRATCH, BLOCK);
            self.buffers.asm.alu_mi(Alu::Cmp, Width::W32, Mem::at(SCRATCH, INTERRUPT as i32), 0);
            self.poll(Condition::NotEqual, Builtin::Interrupt);
        }
    }

    /// Takes so much of the function's budget, and asks for better code if that was the last of it: at a loop's site for code to go on
    /// in.
    fn charge(&mut self, weight: i32, site: Option<usize>) {
        if !self.env.settings.tier_up {
            return;
        }
        let code_offset = self.buffers.asm.alu_rip_i(Alu::Sub, weight);
        self.buffers.relocs.push(Reloc { code_offset, target: RelocTarget::Budget(self.func) });
        let builtin = if site.is_some() { Builtin::TierUpLoop } else { Builtin::TierUp };
        self.poll_at(Condition::Negative, builtin, site);
    }

    /// Notes where values are at the loop's header; nothing if its state is too large.
    fn loop_site(&mut self) -> Option<usize> {
        let (values, all) = (&self.buffers.values, &mut self.buffers.loop_values);
        let state_bytes = values.bytes_below(values.list.len());
        if state_bytes as usize > STATE_BYTES {
            return None;
        }
        let first = all.len() as u32;
        for index in values.outside().chain(values.operands()) {
            let value = &values.list[index];
            if let Loc::Reg(reg) = value.loc() {
                let register = match value.kind() {
                    Kind::V128 => Register::Vector(reg.xmm().0),
                    Kind::F32 | Kind::F64 => Register::Float(reg.xmm().0),
                    _ => Register::Int(reg.gpr().0),
                };
                all.push(LoopValue { offset: value.offset(), register });
            }
        }
        let values = (first, all.len() as u32);
        self.buffers.loops.push(LoopSite { code_offset: 0, state_bytes, values });
        Some(self.buffers.loops.len() - 1)
    }

    fn check_fuel(&mut self) {
        self.load_vmctx(SCRATCH, BLOCK);
        self.buffers.asm.alu_mi(Alu::Cmp, Width::W64, Mem::at(SCRATCH, FUEL_CONSUMED as i32), 0);
        self.poll(Condition::Greater, Builtin::OutOfFuel);
    }

    /// Calls a builtin that preserves all registers if the condition holds, out of line.
    fn poll(&mut self, condition: Condition, builtin: Builtin) {
        self.poll_at(condition, builtin, None);
    }

    fn poll_at(&mut self, condition: Condition, builtin: Builtin, site: Option<usize>) {
        let next = self.buffers.asm.buffer.new_label();
        let call = self.stub(StubKind::Poll(builtin, next, site));
        self.buffers.asm.jcc(condition, call);
        self.buffers.asm.buffer.bind(next);
    }
}
