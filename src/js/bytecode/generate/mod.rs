//! From the syntax tree of a function to its bytecode.
//!
//! Registers: parameters, then variables from the entry of their scope to its end, then temporaries, all one stack. An expression is
//! generated to a given register, or to where its value is already. A jump's target is a label until the end. What instructions cannot
//! name (too many registers, constants or slots) makes the function too large; a comparison's jump that does not reach its target
//! makes the function be generated once more with long jumps.

mod calls;
mod classes;
mod conditions;
mod control;
mod expressions;
mod functions;
mod generators;
mod literals;
mod loops;
mod names;
mod operators;
mod patterns;
mod references;
mod statements;

use super::code::{Constant, FunctionCode, Handler, Site, SiteKind};
use super::op::{Instruction, Op, Operand, Operands};
use super::script::GenerateError;
use crate::js::parse::ast::{FunctionId, FunctionInfo, ParsedScript, ScopeId, StringId};
use control::Control;
use rustc_hash::FxHashMap;

/// A register.
type Register = u16;

/// A jump's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Label(usize);

/// Generates a function.
pub fn generate(script: &ParsedScript, id: FunctionId) -> Result<FunctionCode, GenerateError> {
    let mut generator = Generator::new(script, id, false);
    generator.function();
    if generator.too_far {
        generator = Generator::new(script, id, true);
        generator.function();
    }
    let code = generator.finish()?;
    debug_assert_eq!(super::verify::verify(script, &code), Ok(()));
    Ok(code)
}

struct Generator<'a> {
    script: &'a ParsedScript,
    id: FunctionId,
    info: &'a FunctionInfo,
    code: Vec<Instruction>,
    constants: Vec<Constant>,
    constant_ids: FxHashMap<ConstantKey, u32>,
    sites: Vec<Site>,
    /// Sites of names that are no properties', by operation and whether the code is strict.
    name_sites: FxHashMap<(StringId, Op, bool), u16>,
    handlers: Vec<Handler>,
    positions: Vec<(u32, u32)>,
    labels: Vec<Option<u32>>,
    fixups: Vec<(u32, Label)>,
    /// The first free register.
    next: u32,
    max: u32,
    locals: FxHashMap<(ScopeId, u32), Register>,
    /// The scope in which code is generated now.
    scope: ScopeId,
    /// How many Environments of this function are around it.
    env_depth: u32,
    controls: Vec<Control>,
    /// Ends of the optional chains around.
    chains: Vec<Label>,
    /// Where the completion value of a script goes.
    completion: Option<Register>,
    /// Lists of disposable resources of the scopes around.
    resources: Vec<Register>,
    long_jumps: bool,
    too_far: bool,
    too_large: bool,
}

#[derive(PartialEq, Eq, Hash)]
enum ConstantKey {
    Number(u64),
    String(StringId),
}

impl<'a> Generator<'a> {
    fn new(script: &'a ParsedScript, id: FunctionId, long_jumps: bool) -> Self {
        let info = script.function(id);
        Self {
            script,
            id,
            info,
            code: Vec::new(),
            constants: Vec::new(),
            constant_ids: FxHashMap::default(),
            sites: Vec::new(),
            name_sites: FxHashMap::default(),
            handlers: Vec::new(),
            positions: Vec::new(),
            labels: Vec::new(),
            fixups: Vec::new(),
            next: 0,
            max: 0,
            locals: FxHashMap::default(),
            scope: info.scope,
            env_depth: 0,
            controls: Vec::new(),
            chains: Vec::new(),
            completion: None,
            resources: Vec::new(),
            long_jumps,
            too_far: false,
            too_large: false,
        }
    }

    fn finish(mut self) -> Result<FunctionCode, GenerateError> {
        self.patch();
        if self.too_large || self.too_far || self.max > u32::from(u16::MAX) {
            return Err(GenerateError::TooLarge);
        }
        Ok(FunctionCode {
            function: self.id,
            code: self.code.into(),
            constants: self.constants.into(),
            sites: self.sites.into(),
            handlers: self.handlers.into(),
            positions: self.positions.into(),
            register_count: self.max as u16,
            parameter_count: self.info.parameters.len() as u16,
        })
    }

    /// Jumps get their offsets.
    fn patch(&mut self) {
        for (at, label) in std::mem::take(&mut self.fixups) {
            let target = self.labels[label.0].expect("every label is bound before the end of its statement");
            let offset = i64::from(target) - i64::from(at) - 1;
            let word = self.code[at as usize];
            self.code[at as usize] = match word.op().operands() {
                Operands::Abc(_, _, Operand::Offset) => match i16::try_from(offset) {
                    Ok(offset) => Instruction::abc(word.op(), word.a(), word.b(), offset.cast_unsigned()),
                    Err(_) => {
                        self.too_far = true;
                        word
                    }
                },
                _ => Instruction::abx(word.op(), word.a(), i32::try_from(offset).unwrap_or(0).cast_unsigned()),
            };
        }
    }

    fn here(&self) -> u32 {
        self.code.len() as u32
    }

    fn emit(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.code.push(Instruction::abc(op, a, b, c));
    }

    fn emit_x(&mut self, op: Op, a: u16, bc: u32) {
        self.code.push(Instruction::abx(op, a, bc));
    }

    /// The next instruction is for this place in the source.
    fn at(&mut self, position: u32) {
        let here = self.here();
        match self.positions.last_mut() {
            Some(last) if last.1 == position => {}
            Some(last) if last.0 == here => last.1 = position,
            _ => self.positions.push((here, position)),
        }
    }

    fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.here());
    }

    /// A jump of the form A, BC.
    fn jump_if(&mut self, op: Op, register: Register, label: Label) {
        self.fixups.push((self.here(), label));
        self.emit_x(op, register, 0);
    }

    fn jump(&mut self, label: Label) {
        self.jump_if(Op::Jump, 0, label);
    }

    /// A new temporary.
    fn temp(&mut self) -> Register {
        self.temps(1)
    }

    /// New consecutive temporaries; the first.
    fn temps(&mut self, count: u32) -> Register {
        let first = self.next;
        self.next += count;
        self.max = self.max.max(self.next);
        u16::try_from(first).unwrap_or_else(|_| {
            self.too_large = true;
            0
        })
    }

    fn mark(&self) -> u32 {
        self.next
    }

    fn release(&mut self, mark: u32) {
        self.next = mark;
    }

    /// The destination, or a new temporary.
    fn destination(&mut self, wanted: Option<Register>) -> Register {
        wanted.unwrap_or_else(|| self.temp())
    }

    fn move_to(&mut self, to: Register, from: Register) {
        if to != from {
            self.emit(Op::Move, to, from, 0);
        }
    }

    fn constant(&mut self, constant: Constant) -> u32 {
        self.constants.push(constant);
        (self.constants.len() - 1) as u32
    }

    fn string_constant(&mut self, id: StringId) -> u32 {
        if let Some(&known) = self.constant_ids.get(&ConstantKey::String(id)) {
            return known;
        }
        let index = self.constant(Constant::String(id));
        self.constant_ids.insert(ConstantKey::String(id), index);
        index
    }

    fn load_string(&mut self, to: Register, id: StringId) {
        let constant = self.string_constant(id);
        self.emit_x(Op::LoadConst, to, constant);
    }

    fn load_int(&mut self, to: Register, value: i32) {
        self.emit_x(Op::LoadInt, to, value.cast_unsigned());
    }

    fn load_number(&mut self, to: Register, value: f64) {
        let integer = value as i32;
        if f64::from(integer).to_bits() == value.to_bits() {
            return self.load_int(to, integer);
        }
        let key = ConstantKey::Number(value.to_bits());
        let index = match self.constant_ids.get(&key) {
            Some(&known) => known,
            None => {
                let index = self.constant(Constant::Number(value));
                self.constant_ids.insert(key, index);
                index
            }
        };
        self.emit_x(Op::LoadConst, to, index);
    }

    fn strict(&self) -> bool {
        self.script.scope(self.scope).strict
    }

    /// A new site, if there is room.
    fn try_site(&mut self, name: StringId, kind: SiteKind) -> Option<u16> {
        let index = u16::try_from(self.sites.len()).ok()?;
        let strict = self.strict();
        self.sites.push(Site { name, kind, strict });
        Some(index)
    }

    /// The site of an operation's uses of a name that is no property's: these have one, so that there is room in the largest functions. `op` has a
    /// cache of its own.
    fn site(&mut self, name: StringId, kind: SiteKind, op: Op) -> u16 {
        let key = (name, op, self.strict());
        if let Some(&known) = self.name_sites.get(&key) {
            return known;
        }
        match self.try_site(name, kind) {
            Some(site) => {
                self.name_sites.insert(key, site);
                site
            }
            None => {
                self.too_large = true;
                0
            }
        }
    }

    /// A slot's number as an operand.
    fn operand(&mut self, value: u32) -> u16 {
        u16::try_from(value).unwrap_or_else(|_| {
            self.too_large = true;
            0
        })
    }

    /// `expected to` by name, without a site if there are too many.
    fn get_named(&mut self, to: Register, object: Register, name: StringId) {
        let is_length = self.script.strings.get(name).is_ascii_text("length");
        match self.try_site(name, SiteKind::Get) {
            Some(site) => self.emit(if is_length { Op::GetLength } else { Op::GetNamed }, to, object, site),
            None => {
                let key = self.temp();
                self.load_string(key, name);
                self.emit(Op::GetKeyed, to, object, key);
                self.next -= 1;
            }
        }
    }

    fn set_named(&mut self, object: Register, name: StringId, value: Register) {
        match self.try_site(name, SiteKind::Set) {
            Some(site) => self.emit(Op::SetNamed, object, value, site),
            None => {
                let key = self.temp();
                self.load_string(key, name);
                self.set_keyed(object, key, value);
                self.next -= 1;
            }
        }
    }

    fn set_keyed(&mut self, object: Register, key: Register, value: Register) {
        let op = if self.strict() { Op::SetKeyedStrict } else { Op::SetKeyed };
        self.emit(op, object, key, value);
    }
}
