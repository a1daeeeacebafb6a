//! The loops around a loop.

use wasmparser::Operator;

use crate::base::DefinedFuncIndex;
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;
use crate::wasm::validate::body_reader;

/// The byte offsets in the module of all loops that a loop lies in, from the outside, and of itself. Empty if there is no such loop.
///
/// # Errors
///
/// The body cannot be read.
pub fn around(
    wire_bytes: &[u8],
    module: &WasmModule,
    func: DefinedFuncIndex,
    wasm_offset: u32,
) -> Result<Vec<u32>, CompileError> {
    let body = body_reader(wire_bytes, module, func)?;
    let mut operators = body.get_operators_reader()?;
    // Of each open block, where it begins if it is a loop.
    let mut open: Vec<Option<u32>> = Vec::new();
    while !operators.eof() {
        let (operator, position) = operators.read_with_offset()?;
        match operator {
            Operator::Loop { .. } => {
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                open.push(Some(position));
                if position == wasm_offset {
                    return Ok(open.into_iter().flatten().collect());
                }
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::Try { .. } | Operator::TryTable { .. } => open.push(None),
            Operator::End | Operator::Delegate { .. } => {
                open.pop();
            }
            _ => {}
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::around;
    use crate::base::DefinedFuncIndex;
    use crate::wasm::decode::decode;

    #[test]
    fn the_loops_that_are_open() {
        let text = "(module (func) (func (loop (nop)) (loop (block (loop)) (if (i32.const 1) (then (loop (nop)))))))";
        let decoded = decode(wat::parse_str(text).expect("text").into()).expect("a module");
        let bytes = &decoded.wire_bytes;
        let start = decoded.module.bodies[DefinedFuncIndex::from_u32(1)].start as usize;
        let loops: Vec<u32> =
            (start..bytes.len()).filter(|&at| bytes[at..].starts_with(&[0x03, 0x40])).map(|at| at as u32).collect();
        let [first, outer, inner, last] = loops[..] else { panic!("{loops:?}") };
        let found = |at| around(bytes, &decoded.module, DefinedFuncIndex::from_u32(1), at).expect("a body");
        assert_eq!((found(first), found(outer)), (vec![first], vec![outer]));
        assert_eq!((found(inner), found(last), found(first + 1)), (vec![outer, inner], vec![outer, last], vec![]));
    }
}
