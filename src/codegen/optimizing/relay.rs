//! Blocks to which very many branches lead, reached by way of others.
//!
//! *Problem.* For each unreachable block that Cranelift removes it looks through all predecessors of the blocks that follow it. Where a condition turns
//! out to be constant, and 160,000 branches to one label are behind it, that took 42 seconds: they fit 640 kilobytes. *Idea.* Only the first
//! [`RELAY_WAYS_MAX`] branches go to their block; then each so many share a *relay*, which jumps there. The back end leaves relays out again, as it
//! does with all blocks that only jump.
//!
//! **Invariant:** functions of fewer than [`RELAY_BLOCKS_MIN`] blocks stay as they are.

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, BlockArg, Function, InstBuilder};
use smallvec::SmallVec;

use crate::base::tuning::{RELAY_BLOCKS_MIN, RELAY_WAYS_MAX};

/// The branches that were seen to one block.
#[derive(Clone, Copy, Default)]
struct Ways {
    count: usize,
    relay: Option<Block>,
}

/// Puts relays where more than [`RELAY_WAYS_MAX`] branches lead to one block.
pub(super) fn put_relays(func: &mut Function) {
    if func.dfg.num_blocks() < RELAY_BLOCKS_MIN {
        return;
    }
    let mut ways: SecondaryMap<Block, Ways> = SecondaryMap::new();
    let mut next = func.layout.entry_block();
    // Relays are appended as they are made: their own jumps are not to be counted.
    let last = func.layout.last_block();
    while let Some(block) = next {
        next = if next == last { None } else { func.layout.next_block(block) };
        let Some(branch) = func.layout.last_inst(block) else { continue };
        let calls = func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
        let targets: SmallVec<[Block; 2]> = calls.iter().map(|call| call.block(&func.dfg.value_lists)).collect();
        for (position, target) in targets.into_iter().enumerate() {
            let way = &mut ways[target];
            if way.count > 0 && way.count.is_multiple_of(RELAY_WAYS_MAX) {
                way.relay = Some(relay_to(func, target));
            }
            way.count += 1;
            if let Some(relay) = way.relay {
                let dfg = &mut func.stencil.dfg;
                let calls = dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
                calls[position].set_block(relay, &mut dfg.value_lists);
            }
        }
    }
}

/// A block with the parameters of another, to which it jumps.
fn relay_to(func: &mut Function, target: Block) -> Block {
    let relay = func.dfg.make_block();
    func.layout.append_block(relay);
    if func.layout.is_cold(target) {
        func.layout.set_cold(relay);
    }
    let params = func.dfg.block_params(target).to_vec();
    let args: Vec<BlockArg> = params
        .into_iter()
        .map(|param| {
            let ty = func.dfg.value_type(param);
            func.dfg.append_block_param(relay, ty).into()
        })
        .collect();
    FuncCursor::new(func).at_bottom(relay).ins().jump(target, &args);
    relay
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::flowgraph::ControlFlowGraph;
    use cranelift_codegen::ir::types::I32;
    use cranelift_codegen::settings::{self, Flags};
    use cranelift_codegen::verify_function;

    /// So many blocks, each of which goes to the last one, with a value, or to its neighbour; and how many blocks that makes.
    fn branches_to_one(count: usize) -> (Function, Block) {
        let mut func = Function::new();
        let target = func.dfg.make_block();
        func.dfg.append_block_param(target, I32);
        let blocks: Vec<Block> = (0..count).map(|_| func.dfg.make_block()).collect();
        let mut cursor = FuncCursor::new(&mut func);
        for (position, &block) in blocks.iter().enumerate() {
            cursor.insert_block(block);
            let value = cursor.ins().iconst(I32, position as i64);
            match blocks.get(position + 1) {
                Some(&next) => cursor.ins().brif(value, target, &[value.into()], next, &[]),
                None => cursor.ins().jump(target, &[value.into()]),
            };
        }
        cursor.insert_block(target);
        cursor.ins().return_(&[]);
        put_relays(&mut func);
        verify_function(&func, &Flags::new(settings::builder())).expect("well formed");
        (func, target)
    }

    #[test]
    fn few_branches_lead_to_a_block() {
        let (func, target) = branches_to_one(10_000);
        let flow = ControlFlowGraph::with_function(&func);
        let counts: Vec<usize> = func.layout.blocks().map(|block| flow.pred_iter(block).count()).collect();
        assert_eq!(counts.iter().copied().max(), Some(RELAY_WAYS_MAX + 10_000usize.div_ceil(RELAY_WAYS_MAX) - 1));
        assert_eq!(flow.pred_iter(target).count(), RELAY_WAYS_MAX + 10_000usize.div_ceil(RELAY_WAYS_MAX) - 1);
        assert_eq!(func.dfg.num_blocks(), 10_001 + 10_000usize.div_ceil(RELAY_WAYS_MAX) - 1);
    }

    #[test]
    fn small_functions_stay_as_they_are() {
        let (func, _) = branches_to_one(RELAY_BLOCKS_MIN - 2);
        assert_eq!(func.dfg.num_blocks(), RELAY_BLOCKS_MIN - 1);
    }
}
