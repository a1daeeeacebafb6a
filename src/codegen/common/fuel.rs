//! What operators cost, in every tier.

use wasmparser::Operator;

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
