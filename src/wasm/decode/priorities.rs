//! The custom section "metadata.code.compilation_priority" of the compilation-hints proposal: which functions are wanted first, which are
//! worth better code, and which run once.

use std::collections::HashMap;

use wasmparser::{BinaryReader, Result};

use crate::base::FuncIndex;
use crate::wasm::module::CompilationPriority;

/// The section's name.
pub(super) const SECTION: &str = "metadata.code.compilation_priority";

/// Hints change no result: a section that is malformed, or not in order, is as good as none. A function may be hinted that there is not.
pub(super) fn read(bytes: &[u8], offset: usize) -> HashMap<FuncIndex, CompilationPriority> {
    read_all(&mut BinaryReader::new(bytes, offset as u64)).ok().flatten().unwrap_or_default()
}

fn read_all(reader: &mut BinaryReader<'_>) -> Result<Option<HashMap<FuncIndex, CompilationPriority>>> {
    let mut all = HashMap::new();
    let mut last = None;
    for _ in 0..reader.read_var_u32()? {
        let func = reader.read_var_u32()?;
        // The largest number is no index.
        if last.is_some_and(|last| func <= last) || func == u32::MAX {
            return Ok(None);
        }
        last = Some(func);
        for _ in 0..reader.read_var_u32()? {
            let (position, len) = (reader.read_var_u32()?, reader.read_var_u32()?);
            let mut payload = BinaryReader::new(reader.read_bytes(len as usize)?, 0);
            let compilation = payload.read_var_u32()?;
            let optimization = if payload.eof() { None } else { Some(payload.read_var_u32()?) };
            // What else the payload has is of a later version of the proposal; what is not at 0 is of no function.
            if position == 0 {
                all.insert(FuncIndex::from_u32(func), CompilationPriority { compilation, optimization });
            }
        }
    }
    Ok(reader.eof().then_some(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_says_nothing() {
        // Function 1: only when to compile; function 3: both; function 200: runs once.
        const GOOD: [u8; 18] = [3, 1, 1, 0, 1, 5, 3, 1, 0, 2, 0, 9, 0xc8, 1, 1, 0, 2, 0];
        let good = [&GOOD[..], &[127]].concat();
        let found = read(&good, 0);
        let of = |func| found[&FuncIndex::from_u32(func)];
        assert_eq!(of(1), CompilationPriority { compilation: 5, optimization: None });
        assert_eq!(of(3), CompilationPriority { compilation: 0, optimization: Some(9) });
        assert_eq!((of(200).runs_once(), of(3).runs_once(), of(1).runs_once()), (true, false, false));
        assert_eq!(found.len(), 3);
        for len in 0..good.len() {
            assert!(read(&good[..len], 0).is_empty(), "cut at {len}");
        }
        assert!(read(&[&good[..], &[0]].concat(), 0).is_empty(), "something behind the end");
        for (place, byte) in [(6, 1), (4, 0), (5, 0x80), (0, 0x80), (2, 2)] {
            let mut damaged = good.clone();
            damaged[place] = byte;
            assert!(read(&damaged, 0).is_empty(), "{byte} at {place}");
        }
        assert!(read(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], 0).is_empty(), "no index");
        assert!(read(&[1, 0, 1, 7, 1, 0], 0).is_empty(), "not at the function's begin");
    }
}
