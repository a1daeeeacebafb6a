//! A check of bytecode: registers, jumps, constants, sites and scopes are in range. For tests and debug builds.

use super::code::FunctionCode;
use super::op::{Instruction, Operand, Operands};
use crate::js::parse::ast::ParsedScript;

/// What is wrong with an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub instruction: u32,
    /// What.
    pub what: &'static str,
}

/// Checks a function.
pub fn verify(script: &ParsedScript, code: &FunctionCode) -> Result<(), Fault> {
    let length = code.code.len() as i64;
    for (index, &word) in code.code.iter().enumerate() {
        let check = |operand, value, offset| one(script, code, operand, value, offset, index as i64, length);
        let what = match word.op().operands() {
            Operands::Abc(a, b, c) => check(a, u32::from(word.a()), 0).and(check(b, u32::from(word.b()), 0)).and(check(
                c,
                u32::from(word.c()),
                i64::from(word.signed_c()),
            )),
            Operands::Abx(a, bc) => check(a, u32::from(word.a()), 0).and(check(bc, word.bc(), i64::from(word.signed_bc()))),
        };
        what.map_err(|what| Fault { instruction: index as u32, what })?;
    }
    for handler in &code.handlers {
        let inside = handler.start < handler.end && i64::from(handler.end) <= length && i64::from(handler.target) < length;
        if !inside || handler.exception >= code.register_count {
            return Err(Fault { instruction: handler.target, what: "a handler out of range" });
        }
    }
    let last = code.code.last().copied().map(Instruction::op);
    use super::op::Op;
    if !matches!(last, Some(Op::Return | Op::ReturnUndefined | Op::ReturnDerived | Op::Throw)) {
        return Err(Fault { instruction: length as u32, what: "the end is reached" });
    }
    Ok(())
}

fn one(
    script: &ParsedScript,
    code: &FunctionCode,
    operand: Operand,
    value: u32,
    offset: i64,
    at: i64,
    length: i64,
) -> Result<(), &'static str> {
    let registers = u32::from(operand.registers());
    if registers > 0 && value + registers > u32::from(code.register_count) {
        return Err("a register out of range");
    }
    match operand {
        Operand::Site if value as usize >= code.sites.len() => Err("a site out of range"),
        Operand::K if value as usize >= code.constants.len() => Err("a constant out of range"),
        Operand::Scope if value as usize >= script.scopes.len() => Err("a scope out of range"),
        Operand::Offset if !(0..length).contains(&(at + 1 + offset)) => Err("a jump out of range"),
        _ => Ok(()),
    }
}
