//! Where the loads stand that Cranelift has made operands of other instructions.
//!
//! *Problem.* `add(x, load(p))` becomes one instruction, whose position is that of the addition: a trap of the load would name the wrong
//! operator. *Idea.* An instruction that traps like an access and stands where no access does has a load for an operand, maybe by way of a conversion. The optimized
//! CLIF says which loads those are; of two the one is meant that has no instruction of its own.

use cranelift_codegen::ir::{Function, Inst, SourceLoc, Value, ValueDef};

use crate::abi::artifact::Position;

/// Operations between a load and what uses it that one instruction may do as well.
const DEPTH: usize = 3;

/// Gives the traps of loads that became operands the loads' positions. The positions are those of trapping instructions.
pub(super) fn find_loads<'p>(func: &Function, positions: impl Iterator<Item = &'p mut Position>) {
    let mut accesses: Vec<u32> = Vec::new();
    for inst in insts(func) {
        let opcode = func.dfg.insts[inst].opcode();
        // What traps by itself stands where it stands.
        if opcode.can_load() || opcode.can_store() || opcode.can_trap() {
            accesses.push(func.srcloc(inst).bits());
        }
    }
    accesses.sort_unstable();
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for position in positions {
        match accesses.binary_search(&position.wasm_offset) {
            Ok(_) => own.push(position.wasm_offset),
            Err(_) => others.push(position),
        }
    }
    if others.is_empty() {
        return;
    }
    let mut users: Vec<u32> = others.iter().map(|position| position.wasm_offset).collect();
    users.sort_unstable();
    // By the position of what uses them.
    let mut loads: Vec<(u32, SourceLoc)> = Vec::new();
    for inst in insts(func) {
        let user = func.srcloc(inst).bits();
        if users.binary_search(&user).is_ok() {
            func.dfg.inst_args(inst).iter().for_each(|&arg| add_loads(func, arg, DEPTH, &mut |load| loads.push((user, load))));
        }
    }
    loads.sort_by_key(|&(user, _)| user);
    for position in others {
        let first = loads.partition_point(|&(user, _)| user < position.wasm_offset);
        let found = || loads[first..].iter().take_while(|(user, _)| *user == position.wasm_offset).map(|(_, load)| load.bits());
        if let Some(load) = found().find(|load| !own.contains(load)).or(found().next()) {
            position.wasm_offset = load;
        }
    }
}

fn insts(func: &Function) -> impl Iterator<Item = Inst> + '_ {
    func.layout.blocks().flat_map(|block| func.layout.block_insts(block))
}

/// The positions of the loads that a value is, or is made of by operations with one operand.
fn add_loads(func: &Function, value: Value, depth: usize, found: &mut dyn FnMut(SourceLoc)) {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return };
    let data = &func.dfg.insts[inst];
    if data.opcode().can_load() {
        // Others are of structures that are always there.
        if data.memflags_trap_code(&func.dfg).is_some() {
            found(func.srcloc(inst));
        }
    } else if let (&[arg], Some(depth)) = (func.dfg.inst_args(inst), depth.checked_sub(1)) {
        add_loads(func, arg, depth, found);
    }
}
