//! Where the loads stand that Cranelift has made operands of other instructions.
//!
//! *Problem.* `add(x, load(p))` becomes one instruction, whose position is that of the addition: a trap of the load would name the wrong
//! operator. *Idea.* An instruction that traps like an access and stands where no access does has a load for an operand, maybe by way of a conversion. The optimized
//! CLIF says which loads those are; of two the one is meant that has no instruction of its own.

use std::collections::{HashMap, HashSet};

use cranelift_codegen::ir::{Function, Inst, SourceLoc, Value, ValueDef};

use crate::abi::artifact::Position;

/// Operations between a load and what uses it that one instruction may do as well.
const DEPTH: usize = 3;

/// Gives the traps of loads that became operands the loads' positions. The positions are those of trapping instructions.
pub(super) fn find_loads<'p>(func: &Function, positions: impl Iterator<Item = &'p mut Position>) {
    let mut accesses = HashSet::new();
    for inst in insts(func) {
        let opcode = func.dfg.insts[inst].opcode();
        // What traps by itself stands where it stands.
        if opcode.can_load() || opcode.can_store() || opcode.can_trap() {
            accesses.insert(func.srcloc(inst).bits());
        }
    }
    let mut own = HashSet::new();
    let mut others: Vec<&mut Position> = Vec::new();
    for position in positions {
        if accesses.contains(&position.wasm_offset) {
            own.insert(position.wasm_offset);
        } else {
            others.push(position);
        }
    }
    if others.is_empty() {
        return;
    }
    let mut loads: HashMap<u32, Vec<SourceLoc>> = others.iter().map(|position| (position.wasm_offset, Vec::new())).collect();
    for inst in insts(func) {
        if let Some(found) = loads.get_mut(&func.srcloc(inst).bits()) {
            func.dfg.inst_args(inst).iter().for_each(|&arg| add_loads(func, arg, DEPTH, found));
        }
    }
    for position in others {
        let found = loads.get(&position.wasm_offset).map(Vec::as_slice).unwrap_or_default();
        let sunk = found.iter().find(|load| !own.contains(&load.bits())).or(found.first());
        if let Some(load) = sunk {
            position.wasm_offset = load.bits();
        }
    }
}

fn insts(func: &Function) -> impl Iterator<Item = Inst> + '_ {
    func.layout.blocks().flat_map(|block| func.layout.block_insts(block))
}

/// The positions of the loads that a value is, or is made of by operations with one operand.
fn add_loads(func: &Function, value: Value, depth: usize, found: &mut Vec<SourceLoc>) {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return };
    let data = &func.dfg.insts[inst];
    if data.opcode().can_load() {
        // Others are of structures that are always there.
        found.extend(data.memflags_trap_code(&func.dfg).map(|_| func.srcloc(inst)));
    } else if let (&[arg], Some(depth)) = (func.dfg.inst_args(inst), depth.checked_sub(1)) {
        add_loads(func, arg, depth, found);
    }
}
