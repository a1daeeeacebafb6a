//! Patterns: of bindings and of assignments.

use oxc_ast::ast as ox;
use oxc_span::GetSpan;

use super::Lowerer;
use crate::js::parse::ast::*;
use crate::js::parse::builder::Use;

impl Lowerer<'_> {
    /// A binding pattern, whose names are declared already.
    pub(super) fn binding(&mut self, pattern: &ox::BindingPattern<'_>, usage: Use) -> Target {
        self.deeper(pattern.span(), Target::Array(Box::new(empty_array())), |this| this.binding_inner(pattern, usage))
    }

    fn binding_inner(&mut self, pattern: &ox::BindingPattern<'_>, usage: Use) -> Target {
        match pattern {
            ox::BindingPattern::BindingIdentifier(identifier) => {
                Target::Name(self.name(&identifier.name, identifier.span, usage))
            }
            ox::BindingPattern::ObjectPattern(object) => {
                let properties = object
                    .properties
                    .iter()
                    .map(|property| PatternProperty {
                        position: self.start(property),
                        key: self.property_key(&property.key, property.computed),
                        element: self.binding_element(&property.value, usage),
                    })
                    .collect();
                let rest = object.rest.as_ref().map(|rest| self.binding(&rest.argument, usage));
                Target::Object(Box::new(ObjectPattern { properties, rest, position: self.start(&**object) }))
            }
            ox::BindingPattern::ArrayPattern(array) => {
                let elements = array
                    .elements
                    .iter()
                    .map(|element| element.as_ref().map(|element| self.binding_element(element, usage)))
                    .collect();
                let rest = array.rest.as_ref().map(|rest| self.binding(&rest.argument, usage));
                Target::Array(Box::new(ArrayPattern { elements, rest, position: self.start(&**array) }))
            }
            // Only elements have defaults, see below.
            ox::BindingPattern::AssignmentPattern(pattern) => self.binding(&pattern.left, usage),
        }
    }

    pub(super) fn binding_element(&mut self, pattern: &ox::BindingPattern<'_>, usage: Use) -> PatternElement {
        let (target, default) = match pattern {
            ox::BindingPattern::AssignmentPattern(pattern) => (&pattern.left, Some(&pattern.right)),
            _ => (pattern, None),
        };
        let target = self.binding(target, usage);
        let default = default.map(|default| self.expression(default));
        PatternElement { named: matches!(target, Target::Name(_)), target, default }
    }

    /// An assignment target.
    pub(super) fn target(&mut self, target: &ox::AssignmentTarget<'_>) -> Target {
        self.deeper(target.span(), Target::Array(Box::new(empty_array())), |this| this.target_inner(target))
    }

    fn target_inner(&mut self, target: &ox::AssignmentTarget<'_>) -> Target {
        if let Some(simple) = target.as_simple_assignment_target() {
            return self.simple_target(simple);
        }
        match target {
            ox::AssignmentTarget::ArrayAssignmentTarget(array) => {
                let elements =
                    array.elements.iter().map(|element| element.as_ref().map(|element| self.target_element(element))).collect();
                let rest = array.rest.as_ref().map(|rest| self.inner_target(&rest.target));
                Target::Array(Box::new(ArrayPattern { elements, rest, position: self.start(&**array) }))
            }
            ox::AssignmentTarget::ObjectAssignmentTarget(object) => {
                let properties = object.properties.iter().map(|property| self.target_property(property)).collect();
                let rest = object.rest.as_ref().map(|rest| self.inner_target(&rest.target));
                Target::Object(Box::new(ObjectPattern { properties, rest, position: self.start(&**object) }))
            }
            _ => self.unsupported_target(target.span()),
        }
    }

    fn unsupported_target(&mut self, span: oxc_span::Span) -> Target {
        let at = self.position(span.start);
        self.fail(at, "Invalid left-hand side in assignment");
        Target::Array(Box::new(empty_array()))
    }

    /// Refuses an assignment target unless a condition holds.
    pub(super) fn require(&mut self, condition: bool, at: u32) {
        if !condition {
            self.fail(at, "Invalid left-hand side in assignment");
        }
    }

    /// A target inside a pattern, which a call cannot be.
    fn inner_target(&mut self, target: &ox::AssignmentTarget<'_>) -> Target {
        let result = self.target(target);
        let at = self.start(target);
        self.require(!matches!(result, Target::Call(..)), at);
        result
    }

    /// A name or a property.
    pub(super) fn simple_target(&mut self, target: &ox::SimpleAssignmentTarget<'_>) -> Target {
        if let ox::SimpleAssignmentTarget::AssignmentTargetIdentifier(identifier) = target {
            let calls = self.calls;
            if let Some((_, call)) = calls.iter().find(|(start, _)| *start == identifier.span.start) {
                let at = self.start(&**identifier);
                self.require(!self.strict(), at);
                return Target::Call(Box::new(self.expression(call)), at);
            }
            return Target::Name(self.identifier(identifier));
        }
        match target.as_member_expression() {
            Some(member) => Target::Member(Box::new(self.member(member))),
            None => self.unsupported_target(target.span()),
        }
    }

    fn target_property(&mut self, property: &ox::AssignmentTargetProperty<'_>) -> PatternProperty {
        let position = self.start(property);
        match property {
            ox::AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(property) => {
                let target = Target::Name(self.identifier(&property.binding));
                let key = PropertyKey::Named(self.intern(&property.binding.name));
                let default = property.init.as_ref().map(|init| self.expression(init));
                PatternProperty { key, element: PatternElement { target, default, named: true }, position }
            }
            ox::AssignmentTargetProperty::AssignmentTargetPropertyProperty(property) => PatternProperty {
                key: self.property_key(&property.name, property.computed),
                element: self.target_element(&property.binding),
                position,
            },
        }
    }

    fn target_element(&mut self, element: &ox::AssignmentTargetMaybeDefault<'_>) -> PatternElement {
        if let ox::AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(element) = element {
            let target = self.inner_target(&element.binding);
            let default = Some(self.expression(&element.init));
            // Parentheses around the target are not in the tree, but in the element's span.
            let bare = element.span.start == element.binding.span().start;
            return PatternElement { named: bare && matches!(target, Target::Name(_)), target, default };
        }
        match element.as_assignment_target() {
            Some(target) => PatternElement { target: self.inner_target(target), default: None, named: true },
            None => PatternElement { target: self.unsupported_target(element.span()), default: None, named: false },
        }
    }
}

fn empty_array() -> ArrayPattern {
    ArrayPattern { elements: Box::default(), rest: None, position: 0 }
}
