//! The custom section "metadata.code.branch_hint": which way a branch mostly goes.

use std::collections::HashMap;

use wasmparser::{BinaryReader, BranchHintSectionReader, Result};

use crate::base::FuncIndex;
use crate::wasm::module::BranchHint;

/// The section's name.
pub(super) const SECTION: &str = "metadata.code.branch_hint";

/// Hints change no result: a section that is malformed, or not in order, is as good as none. Whether a hint stands at a branch shows
/// when the branch is met.
pub(super) fn read(bytes: &[u8], offset: usize) -> HashMap<FuncIndex, Box<[BranchHint]>> {
    read_all(bytes, offset).ok().flatten().unwrap_or_default()
}

fn read_all(bytes: &[u8], offset: usize) -> Result<Option<HashMap<FuncIndex, Box<[BranchHint]>>>> {
    let mut all = HashMap::new();
    let mut last = None;
    for func in BranchHintSectionReader::new(BinaryReader::new(bytes, offset as u64))? {
        let func = func?;
        // The largest number is no index.
        if last.is_some_and(|last| func.func <= last) || func.func == u32::MAX {
            return Ok(None);
        }
        last = Some(func.func);
        let mut hints = Vec::new();
        for hint in func.hints {
            let hint = hint?;
            hints.push(BranchHint { body_offset: hint.func_offset, taken: hint.taken });
        }
        if !hints.is_sorted_by(|one, next| one.body_offset < next.body_offset) {
            return Ok(None);
        }
        all.insert(FuncIndex::from_u32(func.func), hints.into_boxed_slice());
    }
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions, the first with two hints.
    const GOOD: [u8; 14] = [2, 1, 2, 5, 1, 0, 9, 1, 1, 4, 1, 3, 1, 1];

    #[test]
    fn what_is_malformed_says_nothing() {
        let found = read(&GOOD, 0);
        let of = |func| {
            let hints = &found[&FuncIndex::from_u32(func)];
            hints.iter().map(|hint| (hint.body_offset, hint.taken)).collect::<Vec<_>>()
        };
        assert_eq!((of(1), of(4), found.len()), (vec![(5, false), (9, true)], vec![(3, true)], 2));
        for len in 0..GOOD.len() {
            assert!(read(&GOOD[..len], 0).is_empty(), "cut at {len}");
        }
        for (place, byte) in [(4, 2), (5, 2), (6, 5), (9, 1), (9, 0), (0, 0x80)] {
            let mut damaged = GOOD;
            damaged[place] = byte;
            assert!(read(&damaged, 0).is_empty(), "{byte} at {place}");
        }
        assert!(read(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], 0).is_empty(), "no index");
    }
}
