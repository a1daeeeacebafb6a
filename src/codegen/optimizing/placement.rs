//! Where code is best put, for the sake of its loops.
//!
//! *Problem.* Processors fetch code, and keep it decoded, by lines of 64 bytes. A header that begins at the end of a line takes two of them in each
//! iteration: the loop of an interpreter ran a quarter slower for it. Cranelift aligns functions, and no block. *Idea.* A function can begin at any multiple of
//! 16. Of the four places in a line the one is chosen from which most loops begin early in theirs, inner ones above all.
//!
//! Loops are what branches back in the finished code say.

use cranelift_codegen::CompiledCode;

use crate::abi::artifact::PlaceInLine;

/// A loop weighs so many times as much as the loop around it.
const DEPTH_FACTOR: u64 = 8;
/// Loops that are nested deeper weigh the same.
const DEPTH_MAX: usize = 6;
/// Code of more blocks spends its time in many places.
const BLOCKS_MAX: usize = 4096;

/// The best place for code; nothing if it has no loops, or must be aligned to more.
pub(super) fn place(compiled: &CompiledCode) -> Option<PlaceInLine> {
    if compiled.buffer.alignment > PlaceInLine::STEP || compiled.bb_starts.len() > BLOCKS_MAX {
        return None;
    }
    let code_bytes = u32::try_from(compiled.code_buffer().len()).ok()?;
    place_of_loops(&loops(&compiled.bb_starts, &compiled.bb_edges, code_bytes))
}

/// First byte and end of each loop, the outer ones first.
fn loops(starts: &[u32], edges: &[(u32, u32)], code_bytes: u32) -> Vec<(u32, u32)> {
    let back = edges.iter().filter(|(from, to)| to <= from);
    let mut loops: Vec<(u32, u32)> = back
        .map(|&(from, header)| {
            let behind = starts.partition_point(|&start| start <= from);
            (header, starts.get(behind).copied().unwrap_or(code_bytes))
        })
        .collect();
    loops.sort_unstable_by_key(|&(header, end)| (header, std::cmp::Reverse(end)));
    // Of several ways back to a header the last counts.
    loops.dedup_by_key(|&mut (header, _)| header);
    loops
}

fn place_of_loops(loops: &[(u32, u32)]) -> Option<PlaceInLine> {
    let mut costs = [0_u64; PlaceInLine::COUNT];
    let mut open: Vec<u32> = Vec::new();
    for &(header, end) in loops {
        while open.last().is_some_and(|&around| around < end) {
            open.pop();
        }
        let weight = DEPTH_FACTOR.pow(open.len().min(DEPTH_MAX) as u32);
        open.push(end);
        for (cost, place) in costs.iter_mut().zip(PlaceInLine::all()) {
            let at = (place.bytes() + header) % PlaceInLine::LINE;
            let lines = (at + (end - header).min(PlaceInLine::LINE)).div_ceil(PlaceInLine::LINE);
            *cost = cost.saturating_add(weight * u64::from(lines * PlaceInLine::LINE + at));
        }
    }
    let best = PlaceInLine::all().zip(costs).min_by_key(|&(_, cost)| cost);
    best.filter(|_| !loops.is_empty()).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_branches_back() {
        // A loop with two ways back around another, of one block, and a third behind them.
        let (starts, edges) =
            ([0, 10, 30, 50, 70, 90], [(0, 10), (10, 30), (30, 30), (30, 50), (50, 10), (70, 10), (70, 90), (90, 90)]);
        assert_eq!(loops(&starts, &edges, 120), [(10, 90), (30, 50), (90, 120)]);
        assert_eq!(loops(&starts, &[(0, 10)], 120), []);
    }

    #[test]
    fn inner_loops_decide() {
        let bytes = |loops: &[(u32, u32)]| place_of_loops(loops).map(PlaceInLine::bytes);
        assert_eq!(bytes(&[]), None);
        assert_eq!(bytes(&[(59, 800)]), Some(16));
        assert_eq!(bytes(&[(7, 60)]), Some(0));
        assert_eq!(bytes(&[(0, 500), (40, 100)]), Some(32));
        assert_eq!(bytes(&[(32, 64), (100, 120)]), Some(32));
    }
}
