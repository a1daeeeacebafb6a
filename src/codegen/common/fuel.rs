//! What operators cost, in every tier.

use wasmparser::Operator;

use crate::wasm::opcode;

/// The fuel of an operator: 1, but those that only delimit are free.
pub(crate) fn cost(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Nop
        | Operator::Drop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Else
        | Operator::End
        | Operator::Try { .. }
        | Operator::TryTable { .. }
        | Operator::Catch { .. }
        | Operator::CatchAll
        | Operator::Delegate { .. } => 0,
        _ => 1,
    }
}

/// The same by the operator's first byte.
pub(crate) fn cost_by_opcode(opcode: u8) -> u64 {
    match opcode {
        opcode::NOP
        | opcode::DROP
        | opcode::BLOCK
        | opcode::LOOP
        | opcode::ELSE
        | opcode::END
        | opcode::TRY
        | opcode::TRY_TABLE
        | opcode::CATCH
        | opcode::CATCH_ALL
        | opcode::DELEGATE => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{BinaryReader, OperatorsReader};

    use super::*;

    #[test]
    fn the_first_byte_says_the_same() {
        let mut compared = 0;
        for opcode in 0..=0xff_u8 {
            for block in [opcode::IF, opcode::TRY] {
                let bytes = [&[block, 0x40, opcode][..], &[0x00; 24]].concat();
                let mut reader = OperatorsReader::new(BinaryReader::new(&bytes, 0));
                reader.read().expect("a block");
                let Ok(operator) = reader.read() else { continue };
                assert_eq!(cost_by_opcode(opcode), cost(&operator), "{operator:?}");
                compared += 1;
            }
        }
        assert!(compared > 2 * 180, "{compared} were compared");
    }
}
