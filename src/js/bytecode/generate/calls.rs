//! Calls.

use super::references::Reference;
use super::{Generator, Register};
use crate::js::bytecode::code::SiteKind;
use crate::js::bytecode::op::Op;
use crate::js::parse::ast::{Call, Element, Expression, New, Resolution, SuperCall};

impl Generator<'_> {
    /// Callee and `this` into two registers.
    pub(super) fn callee(&mut self, callee: &Expression, base: Register) {
        let mark = self.mark();
        match callee {
            Expression::Member(member) => {
                if let crate::js::parse::ast::MemberObject::Value(object) = &member.object {
                    self.expression(object, Some(base + 1));
                    if member.optional {
                        self.short_circuit(base + 1);
                    }
                    let reference = self.key_reference(base + 1, member, false);
                    self.get(reference, Some(base));
                } else {
                    let reference = self.member_reference(member, false);
                    self.get(reference, Some(base));
                    if let Reference::SuperNamed(pair, ..) | Reference::SuperKeyed(pair, ..) = reference {
                        self.move_to(base + 1, pair + 1);
                    }
                }
            }
            Expression::Name(name) if name.resolution == Resolution::Dynamic => {
                self.at(name.position);
                let site = self.site(name.name, SiteKind::Name, Op::LoadName);
                self.emit(Op::LoadNameCall, base, site, 0);
            }
            Expression::OptionalChain(inner) if matches!(**inner, Expression::Member(_)) => {
                let (short, end) = (self.label(), self.label());
                self.chains.push(short);
                self.callee(inner, base);
                self.chains.pop();
                self.jump(end);
                self.bind(short);
                self.emit(Op::LoadUndefined, base, 0, 0);
                self.emit(Op::LoadUndefined, base + 1, 0, 0);
                self.bind(end);
            }
            _ => {
                self.expression(callee, Some(base));
                self.emit(Op::LoadUndefined, base + 1, 0, 0);
            }
        }
        self.release(mark);
    }

    /// Arguments in consecutive temporaries; their number, or `None` if they are in one array.
    fn arguments(&mut self, arguments: &[Element]) -> Option<u16> {
        if arguments.iter().any(|argument| matches!(argument, Element::Spread(..))) {
            let array = self.temp();
            self.array(arguments, array);
            return None;
        }
        for argument in arguments {
            if let Element::Value(value) = argument {
                let register = self.temp();
                self.expression(value, Some(register));
            }
        }
        Some(self.operand(arguments.len() as u32))
    }

    pub(super) fn call(&mut self, call: &Call, to: Register) {
        let base = self.temps(2);
        self.callee(&call.callee, base);
        if call.optional {
            self.short_circuit(base);
        }
        let count = self.arguments(&call.arguments);
        self.at(call.position);
        match (call.eval_scope, count) {
            (Some(scope), count) => {
                match count {
                    Some(count) => self.emit(Op::CallEval, to, base, count),
                    None => self.emit(Op::CallEvalSpread, to, base, 0),
                }
                self.emit_x(Op::Extra, 0, scope.0);
            }
            (None, Some(count)) => self.emit(Op::Call, to, base, count),
            (None, None) => self.emit(Op::CallSpread, to, base, 0),
        }
    }

    pub(super) fn new_call(&mut self, new: &New, to: Register) {
        let base = self.temps(2);
        self.expression(&new.callee, Some(base));
        let count = self.arguments(&new.arguments);
        self.at(new.position);
        match count {
            Some(count) => self.emit(Op::New, to, base, count),
            None => self.emit(Op::NewSpread, to, base, 0),
        }
    }

    pub(super) fn super_call(&mut self, call: &SuperCall, to: Register) {
        let base = self.temps(2);
        let mark = self.mark();
        self.load_name(call.new_target, Some(base + 1));
        let function = self.load_name(call.function, None);
        self.emit(Op::SuperConstructor, base, function, 0);
        self.release(mark);
        let count = self.arguments(&call.arguments);
        self.at(call.position);
        match count {
            Some(count) => self.emit(Op::SuperCall, base, base, count),
            None => self.emit(Op::SuperCallSpread, base, base, 0),
        }
        self.release(mark);
        if call.this.resolution != Resolution::Dynamic {
            let unchecked = crate::js::parse::ast::Name { check: false, ..call.this };
            let this = self.load_name(unchecked, None);
            self.emit(Op::CheckUninit, this, 0, 0);
        }
        self.init_name(call.this, base);
        self.release(mark);
        let function = self.load_name(call.function, None);
        self.emit(Op::InitInstance, base, function, 0);
        self.move_to(to, base);
    }
}
