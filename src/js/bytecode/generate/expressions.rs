//! Expressions.

use super::references::{Reference, assigns};
use super::{Generator, Register};
use crate::js::bytecode::code::{Constant, NamePrefix};
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{
    Assign, AssignOperator, Class, Expression, LogicalOperator, Name, StringId, TaggedTemplate, Target, UnaryOperator,
};

/// The name that named evaluation gives.
#[derive(Clone, Copy)]
pub(super) enum GivenName {
    /// Known now.
    Known(StringId),
    /// A property key in a register.
    Key(Register),
}

impl Generator<'_> {
    /// The value in the wanted register, or where it is already.
    pub(super) fn expression(&mut self, expression: &Expression, wanted: Option<Register>) -> Register {
        match expression {
            Expression::Name(name) => self.load_name(*name, wanted),
            Expression::This(name) => self.load_this(*name, wanted),
            Expression::NewTarget(name) => self.load_name(*name, wanted),
            Expression::Assign(assign) => self.assign(assign, wanted),
            Expression::Sequence(all) => {
                let Some((last, others)) = all.split_last() else { return self.destination(wanted) };
                others.iter().for_each(|other| self.effect(other));
                self.expression(last, wanted)
            }
            _ => {
                let to = self.destination(wanted);
                let mark = self.mark();
                self.value(expression, to);
                self.release(mark);
                to
            }
        }
    }

    /// The value of what is computed, in that register.
    fn value(&mut self, expression: &Expression, to: Register) {
        match expression {
            Expression::Undefined => self.emit(Op::LoadUndefined, to, 0, 0),
            Expression::Null => self.emit(Op::LoadNull, to, 0, 0),
            Expression::Boolean(true) => self.emit(Op::LoadTrue, to, 0, 0),
            Expression::Boolean(false) => self.emit(Op::LoadFalse, to, 0, 0),
            Expression::Number(number) => self.load_number(to, *number),
            Expression::String(id) => self.load_string(to, *id),
            Expression::BigInt(id) => {
                let constant = self.constant(Constant::BigInt(*id));
                self.emit_x(Op::LoadConst, to, constant);
            }
            Expression::RegExp(regexp) => {
                let constant = self.constant(Constant::RegExp { pattern: regexp.pattern, flags: regexp.flags });
                self.emit_x(Op::RegExp, to, constant);
            }
            Expression::Template { strings, expressions } => self.template(strings, expressions, to),
            Expression::TaggedTemplate(template) => self.tagged_template(template, to),
            Expression::ImportMeta => self.emit(Op::ImportMeta, to, 0, 0),
            Expression::Array(elements) => self.array(elements, to),
            Expression::Object(properties) => self.object(properties, to),
            Expression::Function(function) => self.closure(to, *function, None, NamePrefix::None),
            Expression::Class(class) => self.class(class, None, to),
            Expression::Unary { operator, operand, position } => self.unary(*operator, operand, *position, to),
            Expression::Update { increment, prefix, target, position } => {
                self.update(*increment, *prefix, target, *position, Some(to));
            }
            Expression::Binary { operator, left, right, position } => self.binary(*operator, left, right, *position, to),
            Expression::PrivateIn { name, object, position } => {
                let name = self.load_name(*name, None);
                let object = self.expression(object, None);
                self.at(*position);
                self.emit(Op::HasPrivate, to, name, object);
            }
            Expression::Logical { operator, left, right } => {
                self.expression(left, Some(to));
                let end = self.label();
                self.logical_jump(*operator, to, end);
                self.expression(right, Some(to));
                self.bind(end);
            }
            Expression::Conditional { test, consequent, alternate } => {
                let (other, end) = (self.label(), self.label());
                self.condition(test, other, false);
                self.expression(consequent, Some(to));
                self.jump(end);
                self.bind(other);
                self.expression(alternate, Some(to));
                self.bind(end);
            }
            Expression::Member(member) => {
                let reference = self.member_reference(member, false);
                self.get(reference, Some(to));
            }
            Expression::OptionalChain(inner) => {
                let (short, end) = (self.label(), self.label());
                self.chains.push(short);
                self.expression(inner, Some(to));
                self.chains.pop();
                self.jump(end);
                self.bind(short);
                self.emit(Op::LoadUndefined, to, 0, 0);
                self.bind(end);
            }
            Expression::Call(call) => self.call(call, to),
            Expression::New(new) => self.new_call(new, to),
            Expression::SuperCall(call) => self.super_call(call, to),
            Expression::Yield { argument, position } => self.yield_value(argument.as_deref(), *position, to),
            Expression::YieldDelegate { argument, position } => self.yield_delegate(argument, *position, to),
            Expression::Await { argument, position } => {
                let value = self.expression(argument, None);
                self.at(*position);
                self.emit(Op::Await, to, value, 0);
            }
            Expression::Import { specifier, options, position } => {
                self.import_call(specifier, options.as_deref(), *position, to);
            }
            Expression::Name(_)
            | Expression::This(_)
            | Expression::NewTarget(_)
            | Expression::Assign(_)
            | Expression::Sequence(_) => {
                self.expression(expression, Some(to));
            }
        }
    }

    fn import_call(&mut self, specifier: &Expression, options: Option<&Expression>, position: u32, to: Register) {
        let keep = options.is_some_and(assigns);
        let specifier = self.kept(specifier, keep);
        let options = match options {
            Some(options) => self.expression(options, None),
            None => {
                let none = self.temp();
                self.emit(Op::LoadUndefined, none, 0, 0);
                none
            }
        };
        self.at(position);
        self.emit(Op::ImportCall, to, specifier, options);
    }

    /// For its effects only.
    pub(super) fn effect(&mut self, expression: &Expression) {
        let mark = self.mark();
        match expression {
            Expression::Update { increment, target, position, .. } => {
                self.update(*increment, true, target, *position, None);
            }
            Expression::Unary { operator: UnaryOperator::Void, operand, .. } => self.effect(operand),
            _ => {
                self.expression(expression, None);
            }
        }
        self.release(mark);
    }

    /// Jumps to `end` if the left operand is the result.
    pub(super) fn logical_jump(&mut self, operator: LogicalOperator, value: Register, end: super::Label) {
        let op = match operator {
            LogicalOperator::And => Op::JumpIfFalse,
            LogicalOperator::Or => Op::JumpIfTrue,
            LogicalOperator::Coalesce => Op::JumpIfNotNullish,
        };
        self.jump_if(op, value, end);
    }

    /// Whether IsAnonymousFunctionDefinition.
    pub(super) fn is_anonymous(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Function(id) => {
                let info = self.script.function(*id);
                info.name.is_none()
            }
            Expression::Class(class) => class.name.is_none(),
            _ => false,
        }
    }

    /// NamedEvaluation if the expression is an anonymous function, else plain evaluation.
    pub(super) fn named(&mut self, expression: &Expression, name: GivenName, wanted: Option<Register>) -> Register {
        if !self.is_anonymous(expression) {
            return self.expression(expression, wanted);
        }
        let to = self.destination(wanted);
        match expression {
            Expression::Function(function) => match name {
                GivenName::Known(name) => self.closure(to, *function, Some(name), NamePrefix::None),
                GivenName::Key(key) => {
                    self.closure(to, *function, None, NamePrefix::None);
                    self.emit(Op::SetName, to, key, 0);
                }
            },
            Expression::Class(class) => self.named_class(class, name, to),
            _ => {}
        }
        to
    }

    fn named_class(&mut self, class: &Class, name: GivenName, to: Register) {
        let mark = self.mark();
        self.class(class, Some(name), to);
        self.release(mark);
    }

    fn assign(&mut self, assign: &Assign, wanted: Option<Register>) -> Register {
        match assign.operator {
            AssignOperator::Plain => self.assign_plain(assign, wanted),
            AssignOperator::Binary(operator) => {
                let mark = self.mark();
                if let Target::Name(name) = &assign.target
                    && let Some(local) = self.plain_local(*name)
                {
                    // x = x op value, in place.
                    let left = Expression::Name(*name);
                    self.binary_at(operator, &left, &assign.value, assign.position, local);
                    self.release(mark);
                    return self.given(local, wanted);
                }
                let to = self.destination(wanted);
                let inner = self.mark();
                let keep = match &assign.target {
                    Target::Name(_) => !simple(&assign.value),
                    _ => assigns(&assign.value),
                };
                let reference = self.reference(&assign.target, keep);
                let reference = self.convert_key(reference, &assign.target);
                let old = self.temp();
                self.get(reference, Some(old));
                // The result gets a temporary of its own: the store may throw, and then the destination keeps its value.
                self.operate(operator, old, &assign.value, assign.position, old);
                self.put(reference, old);
                self.move_to(to, old);
                self.release(inner);
                to
            }
            AssignOperator::Logical(operator) => {
                let to = self.destination(wanted);
                let mark = self.mark();
                let value = self.temp();
                let keep = match &assign.target {
                    Target::Name(_) => !simple(&assign.value),
                    _ => assigns(&assign.value),
                };
                let reference = self.reference(&assign.target, keep);
                let reference = self.convert_key(reference, &assign.target);
                self.get(reference, Some(value));
                let end = self.label();
                self.logical_jump(operator, value, end);
                self.assigned_value(assign, Some(value));
                self.put(reference, value);
                self.bind(end);
                self.move_to(to, value);
                self.release(mark);
                to
            }
        }
    }

    fn given(&mut self, from: Register, wanted: Option<Register>) -> Register {
        match wanted {
            Some(to) => {
                self.move_to(to, from);
                to
            }
            None => from,
        }
    }

    /// The register of a variable that can be assigned to without any check.
    pub(super) fn plain_local(&mut self, name: Name) -> Option<Register> {
        let variable = self.variable_of(name)?;
        let plain =
            !name.check && !variable.kind.is_constant() && variable.kind != crate::js::parse::ast::VariableKind::FunctionName;
        if plain { self.local(name) } else { None }
    }

    fn assigned_value(&mut self, assign: &Assign, wanted: Option<Register>) -> Register {
        match &assign.target {
            Target::Name(name) if assign.named => self.named(&assign.value, GivenName::Known(name.name), wanted),
            _ => self.expression(&assign.value, wanted),
        }
    }

    fn assign_plain(&mut self, assign: &Assign, wanted: Option<Register>) -> Register {
        match &assign.target {
            Target::Name(name) => {
                if let Some(local) = self.plain_local(*name)
                    && atomic(&assign.value)
                {
                    self.assigned_value(assign, Some(local));
                    return self.given(local, wanted);
                }
                let to = wanted;
                let mark_to = to.is_none().then(|| self.temp());
                let mark = self.mark();
                let reference = self.reference(&assign.target, !simple(&assign.value));
                let value = match (to, mark_to) {
                    (None, Some(own)) => self.assigned_value(assign, Some(own)),
                    _ => self.assigned_value(assign, None),
                };
                self.put(reference, value);
                if let Some(to) = to {
                    self.move_to(to, value);
                }
                self.release(mark);
                value_or(to, value)
            }
            Target::Array(_) | Target::Object(_) => {
                let value = match wanted {
                    Some(_) => None,
                    None => Some(self.temp()),
                };
                let mark = self.mark();
                let keep = value.unwrap_or_else(|| self.temp());
                self.expression(&assign.value, Some(keep));
                self.assign_target(&assign.target, keep);
                let result = self.given(keep, wanted);
                self.release(mark);
                result
            }
            Target::Member(_) | Target::Call(..) => {
                let own = match wanted {
                    Some(_) => None,
                    None => Some(self.temp()),
                };
                let mark = self.mark();
                let reference = self.reference(&assign.target, assigns(&assign.value));
                let to = own.unwrap_or_else(|| self.temp());
                let local = match &assign.value {
                    Expression::Name(name) if !name.check => self.local(*name),
                    _ => None,
                };
                let value = match local {
                    Some(local) => local,
                    None => self.expression(&assign.value, Some(to)),
                };
                self.put(reference, value);
                let result = self.given(value, wanted);
                self.release(mark);
                result
            }
        }
    }

    pub(super) fn update(&mut self, increment: bool, prefix: bool, target: &Target, position: u32, wanted: Option<Register>) {
        let op = if increment { Op::Increment } else { Op::Decrement };
        if let Target::Name(name) = target
            && let Some(local) = self.plain_local(*name)
        {
            self.at(position);
            match wanted {
                None => self.emit(op, local, local, 0),
                Some(to) if prefix => {
                    self.emit(op, local, local, 0);
                    self.move_to(to, local);
                }
                Some(to) if to == local => self.emit(Op::ToNumeric, to, local, 0),
                Some(to) => {
                    self.emit(Op::ToNumeric, to, local, 0);
                    self.emit(op, local, to, 0);
                }
            }
            return;
        }
        let mark = self.mark();
        let reference = self.reference(target, false);
        let reference = self.convert_key(reference, target);
        let old = self.temp();
        if matches!(reference, Reference::Never) {
            return self.release(mark);
        }
        self.get(reference, Some(old));
        self.at(position);
        let new = match wanted {
            Some(_) if !prefix => {
                self.emit(Op::ToNumeric, old, old, 0);
                self.temp()
            }
            _ => old,
        };
        self.emit(op, new, old, 0);
        self.put(reference, new);
        if let Some(to) = wanted {
            self.move_to(to, old);
        }
        self.release(mark);
    }

    fn template(&mut self, strings: &[StringId], expressions: &[Expression], to: Register) {
        let mark = self.mark();
        let first = self.mark();
        let mut count = 0u32;
        let mut base = None;
        for (index, string) in strings.iter().enumerate() {
            if !self.script.strings.get(*string).is_empty() || (index == 0 && strings.len() == 1) {
                let register = self.temp();
                base.get_or_insert(register);
                self.load_string(register, *string);
                count += 1;
            }
            if let Some(expression) = expressions.get(index) {
                let register = self.temp();
                base.get_or_insert(register);
                let value = self.expression(expression, None);
                self.emit(Op::ToString, register, value, 0);
                self.release(first + count + 1);
                count += 1;
            }
        }
        let base = base.unwrap_or(to);
        if count == 1 {
            self.move_to(to, base);
        } else {
            let count = self.operand(count);
            self.emit(Op::Concat, to, base, count);
        }
        self.release(mark);
    }

    fn tagged_template(&mut self, template: &TaggedTemplate, to: Register) {
        let base = self.temps(2);
        self.callee(&template.tag, base);
        let object = self.temp();
        let constant = self.constant(Constant::Template(template.strings.clone()));
        self.emit_x(Op::TemplateObject, object, constant);
        for expression in &template.expressions {
            let register = self.temp();
            self.expression(expression, Some(register));
        }
        let count = self.operand(template.expressions.len() as u32 + 1);
        self.at(template.position);
        self.emit(Op::Call, to, base, count);
    }
}

fn value_or(wanted: Option<Register>, value: Register) -> Register {
    wanted.unwrap_or(value)
}

/// Whether the value is written by the last instruction only, so that a variable may be the destination of its own assignment.
pub(super) fn atomic(expression: &Expression) -> bool {
    match expression {
        Expression::Conditional { consequent, alternate, .. } => atomic(consequent) && atomic(alternate),
        Expression::Undefined
        | Expression::Null
        | Expression::Boolean(_)
        | Expression::Number(_)
        | Expression::String(_)
        | Expression::BigInt(_)
        | Expression::RegExp(_)
        | Expression::Name(_)
        | Expression::This(_)
        | Expression::Function(_)
        | Expression::Binary { .. }
        | Expression::Member(_)
        | Expression::Call(_)
        | Expression::New(_)
        | Expression::Await { .. } => true,
        Expression::Unary { operator, .. } => !matches!(operator, UnaryOperator::Delete),
        _ => false,
    }
}

/// Whether evaluating it can neither run other code nor throw.
fn simple(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Undefined
            | Expression::Null
            | Expression::Boolean(_)
            | Expression::Number(_)
            | Expression::String(_)
            | Expression::Function(_)
    )
}
