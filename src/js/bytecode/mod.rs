//! Bytecode: what the parser's tree is generated to, and what the interpreter runs.
#![forbid(unsafe_code)]

mod code;
mod disassemble;
mod generate;
mod op;
mod script;
#[cfg(test)]
mod tests;
mod verify;

pub use code::{Constant, FunctionCode, Handler, NamePrefix, Site, SiteKind};
pub use disassemble::disassemble;
pub use op::{Instruction, Op, Operand, Operands};
pub use script::{GenerateError, ScriptCode};
pub use verify::{Fault, verify};
