//! A function's bytecode and the data it names; nothing here is in a heap.

use super::op::Instruction;
use crate::js::parse::ast::{FunctionId, StringId};

/// A constant; made a value per isolate at first use.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// A Number.
    Number(f64),
    /// A String.
    String(StringId),
    /// A BigInt, by its decimal digits.
    BigInt(StringId),
    /// A template object: cooked (undefined for a bad escape) and raw strings. Every site has its own constant.
    Template(Box<[(Option<StringId>, StringId)]>),
    /// A regular expression.
    RegExp {
        /// The pattern.
        pattern: StringId,
        /// The flags.
        flags: StringId,
    },
    /// A function of the script.
    Function {
        /// Which.
        function: FunctionId,
        /// Its "name" if it is not its own: from named evaluation or a property key. `None`: `FunctionInfo::name`, or the empty string.
        name: Option<StringId>,
        /// What stands before the name.
        prefix: NamePrefix,
    },
    /// The keys of an object literal.
    Keys(Box<[StringId]>),
}

/// What SetFunctionName puts before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamePrefix {
    /// Nothing.
    None,
    /// "get ".
    Get,
    /// "set ".
    Set,
}

/// A place with an inline cache: a property or variable by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// The name; a property name here is no canonical array index.
    pub name: StringId,
    /// What it is used for.
    pub kind: SiteKind,
    /// Whether the code is strict.
    pub strict: bool,
}

/// What a site is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SiteKind {
    /// Reads a property.
    Get,
    /// Writes a property.
    Set,
    /// Defines a property.
    Define,
    /// A global.
    Global,
    /// A name that is looked up at run time.
    Name,
}

/// Instructions whose exceptions go to `target`. Inner handlers come before outer ones: the first that covers an instruction is its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The first instruction.
    pub start: u32,
    /// After the last.
    pub end: u32,
    /// Where it continues.
    pub target: u32,
    /// The register that gets the exception.
    pub exception: u16,
}

/// A function's bytecode.
#[derive(Debug)]
pub struct FunctionCode {
    /// Which function of the script it is.
    pub function: FunctionId,
    /// Instructions.
    pub code: Box<[Instruction]>,
    /// Constants.
    pub constants: Box<[Constant]>,
    /// Sites.
    pub sites: Box<[Site]>,
    /// Handlers.
    pub handlers: Box<[Handler]>,
    /// Positions in the source, in code units, by the first instruction that has them; sorted by that.
    pub positions: Box<[(u32, u32)]>,
    /// How many registers a frame has.
    pub register_count: u16,
    /// How many formal parameters have a register, from r2 on.
    pub parameter_count: u16,
}

impl FunctionCode {
    /// The position of an instruction in the source.
    pub fn position(&self, instruction: u32) -> Option<u32> {
        let after = self.positions.partition_point(|&(first, _)| first <= instruction);
        self.positions.get(after.checked_sub(1)?).map(|&(_, position)| position)
    }

    /// The first handler that covers the instruction.
    pub fn handler(&self, instruction: u32) -> Option<&Handler> {
        self.handlers.iter().find(|handler| handler.start <= instruction && instruction < handler.end)
    }
}
