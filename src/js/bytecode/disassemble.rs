//! Bytecode as text: for tests and for looking at it.

use super::code::{Constant, FunctionCode};
use super::op::{Operand, Operands};
use crate::js::parse::ast::ParsedScript;
use std::fmt::Write;

/// A function's instructions, one a line, and its handlers.
pub fn disassemble(script: &ParsedScript, code: &FunctionCode) -> String {
    let mut text = String::new();
    for (index, &word) in code.code.iter().enumerate() {
        let mut line = format!("{index:4} {}", word.op().name());
        let mut add = |operand, value: u32, signed: i32| {
            let shown = one(script, code, operand, value, signed, index as i64);
            if !shown.is_empty() {
                line.push(' ');
                line.push_str(&shown);
            }
        };
        match word.op().operands() {
            Operands::Abc(a, b, c) => {
                add(a, u32::from(word.a()), i32::from(word.a().cast_signed()));
                add(b, u32::from(word.b()), i32::from(word.signed_b()));
                add(c, u32::from(word.c()), i32::from(word.signed_c()));
            }
            Operands::Abx(a, bc) => {
                add(a, u32::from(word.a()), 0);
                add(bc, word.bc(), word.signed_bc());
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    for handler in &code.handlers {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "handler {}..{} -> {} r{}", handler.start, handler.end, handler.target, handler.exception);
    }
    text
}

fn one(script: &ParsedScript, code: &FunctionCode, operand: Operand, value: u32, signed: i32, at: i64) -> String {
    let string = |id| script.strings.get(id).to_utf8_lossy();
    match operand {
        Operand::N => String::new(),
        Operand::R | Operand::W | Operand::M => format!("r{value}"),
        Operand::P => format!("r{value}.."),
        Operand::W2 => format!("r{value}+2"),
        Operand::I => format!("r{value}+3"),
        Operand::U => format!("{value}"),
        Operand::S => format!("{signed}"),
        Operand::Site => code.sites.get(value as usize).map(|site| string(site.name)).unwrap_or_default(),
        Operand::Scope => format!("scope{value}"),
        Operand::Offset => format!("->{}", at + 1 + i64::from(signed)),
        Operand::K => match code.constants.get(value as usize) {
            Some(Constant::Number(number)) => format!("{number}"),
            Some(Constant::String(id)) => format!("{:?}", string(*id)),
            Some(Constant::BigInt(id)) => format!("{}n", string(*id)),
            Some(Constant::RegExp { pattern, flags }) => format!("/{}/{}", string(*pattern), string(*flags)),
            Some(Constant::Function { function, .. }) => format!("function{}", function.0),
            Some(Constant::Keys(keys)) => format!("{{{}}}", keys.iter().map(|&key| string(key)).collect::<Vec<_>>().join(",")),
            Some(Constant::Template(_)) => "template".to_owned(),
            None => String::new(),
        },
    }
}
