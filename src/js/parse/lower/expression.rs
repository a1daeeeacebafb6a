//! Expressions.

use oxc_ast::ast as ox;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator as op;

use super::Lowerer;
use crate::js::parse::ast::*;
use crate::js::parse::regexp;

impl Lowerer<'_> {
    /// An expression.
    pub(super) fn expression(&mut self, expression: &ox::Expression<'_>) -> Expression {
        self.deeper(expression.span(), Expression::Undefined, |this| this.expression_inner(expression))
    }

    fn boxed(&mut self, expression: &ox::Expression<'_>) -> Box<Expression> {
        Box::new(self.expression(expression))
    }

    fn expression_inner(&mut self, expression: &ox::Expression<'_>) -> Expression {
        use ox::Expression as E;
        if let Some(member) = expression.as_member_expression() {
            return Expression::Member(Box::new(self.member(member)));
        }
        match expression {
            E::BooleanLiteral(literal) => Expression::Boolean(literal.value),
            E::NullLiteral(_) => Expression::Null,
            E::NumericLiteral(literal) => Expression::Number(literal.value),
            E::BigIntLiteral(literal) => Expression::BigInt(self.intern(&literal.value)),
            E::RegExpLiteral(literal) => self.regexp(literal),
            E::StringLiteral(literal) => Expression::String(self.string(literal)),
            E::TemplateLiteral(template) => self.template(template),
            E::Identifier(identifier) => Expression::Name(self.identifier(identifier)),
            E::ArrayExpression(array) => Expression::Array(array.elements.iter().map(|element| self.element(element)).collect()),
            E::ArrowFunctionExpression(arrow) => Expression::Function(self.arrow(arrow)),
            E::AssignmentExpression(assignment) => self.assignment(assignment),
            E::AwaitExpression(node) => self.await_expression(node),
            E::BinaryExpression(binary) => Expression::Binary {
                operator: binary_operator(binary.operator),
                left: self.boxed(&binary.left),
                right: self.boxed(&binary.right),
                position: self.start(&**binary),
            },
            E::CallExpression(call) => self.call(call),
            E::ChainExpression(chain) => Expression::OptionalChain(Box::new(self.chain_element(&chain.expression))),
            E::ClassExpression(class) => Expression::Class(Box::new(self.class(class))),
            E::ConditionalExpression(conditional) => Expression::Conditional {
                test: self.boxed(&conditional.test),
                consequent: self.boxed(&conditional.consequent),
                alternate: self.boxed(&conditional.alternate),
            },
            E::FunctionExpression(function) => Expression::Function(self.function_expression(function)),
            E::ImportExpression(import) => self.import_call(import),
            E::LogicalExpression(logical) => Expression::Logical {
                operator: logical_operator(logical.operator),
                left: self.boxed(&logical.left),
                right: self.boxed(&logical.right),
            },
            E::NewExpression(new) => Expression::New(Box::new(New {
                callee: self.expression(&new.callee),
                arguments: self.arguments(&new.arguments),
                position: self.start(&**new),
            })),
            E::ObjectExpression(object) => {
                Expression::Object(object.properties.iter().map(|property| self.property(property)).collect())
            }
            E::ParenthesizedExpression(inner) => self.expression(&inner.expression),
            E::SequenceExpression(sequence) => {
                Expression::Sequence(sequence.expressions.iter().map(|inner| self.expression(inner)).collect())
            }
            E::TaggedTemplateExpression(tagged) => self.tagged_template(tagged),
            E::ThisExpression(this) => self.this(this.span),
            E::UnaryExpression(unary) => Expression::Unary {
                operator: unary_operator(unary.operator),
                operand: self.boxed(&unary.argument),
                position: self.start(&**unary),
            },
            E::UpdateExpression(update) => Expression::Update {
                increment: update.operator == op::UpdateOperator::Increment,
                prefix: update.prefix,
                target: Box::new(self.simple_target(&update.argument)),
                position: self.start(&**update),
            },
            E::YieldExpression(node) => self.yield_expression(node),
            E::PrivateInExpression(node) => Expression::PrivateIn {
                name: self.private_name(&node.left),
                object: self.boxed(&node.right),
                position: self.start(&**node),
            },
            E::ImportMeta(_) => Expression::ImportMeta,
            E::NewTarget(node) => {
                let around = self.builder.this_function(self.function);
                if self.builder.is_top_level(around) && !self.context.is_some_and(|context| context.in_function) {
                    let at = self.start(&**node);
                    self.fail(at, "new.target expression is not allowed here");
                }
                Expression::NewTarget(self.new_target_name(node.span))
            }
            other => self.unsupported(other.span()),
        }
    }

    fn unsupported(&mut self, span: Span) -> Expression {
        let at = self.position(span.start);
        self.fail(at, "Unexpected token");
        Expression::Undefined
    }

    fn await_expression(&mut self, node: &ox::AwaitExpression<'_>) -> Expression {
        self.note_await();
        Expression::Await { argument: self.boxed(&node.argument), position: self.start(node) }
    }

    /// Notes that the current function awaits; at a module's top level that matters.
    pub(super) fn note_await(&mut self) {
        if self.function == FunctionId(0) {
            self.module.has_top_level_await = true;
        }
    }

    fn yield_expression(&mut self, node: &ox::YieldExpression<'_>) -> Expression {
        let position = self.start(node);
        let argument = node.argument.as_ref().map(|argument| self.boxed(argument));
        match argument {
            Some(argument) if node.delegate => Expression::YieldDelegate { argument, position },
            argument => Expression::Yield { argument, position },
        }
    }

    fn regexp(&mut self, literal: &ox::RegExpLiteral<'_>) -> Expression {
        let (start, end) = (literal.span.start, literal.span.end);
        let pattern_end = start + 1 + literal.regex.pattern.text.len() as u32;
        let pattern = self.source.units(start + 1, pattern_end);
        let flags = self.source.units(pattern_end + 1, end);
        let position = self.position(start);
        if let Err(message) = regexp::check(&pattern, &flags) {
            let shown = self.source.text.get(start as usize..end as usize).unwrap_or_default();
            let message = format!("Invalid regular expression: {shown}: {message}");
            self.fail(position, message);
        }
        Expression::RegExp(RegExp {
            pattern: self.builder.strings.intern(Text::from_units(&pattern)),
            flags: self.builder.strings.intern(Text::from_units(&flags)),
            position,
        })
    }

    fn template(&mut self, template: &ox::TemplateLiteral<'_>) -> Expression {
        let strings = template
            .quasis
            .iter()
            .map(|quasi| {
                let (cooked, raw) = self.template_element(quasi);
                cooked.unwrap_or(raw)
            })
            .collect();
        let expressions = template.expressions.iter().map(|inner| self.expression(inner)).collect();
        Expression::Template { strings, expressions }
    }

    fn tagged_template(&mut self, tagged: &ox::TaggedTemplateExpression<'_>) -> Expression {
        Expression::TaggedTemplate(Box::new(TaggedTemplate {
            tag: self.expression(&tagged.tag),
            strings: tagged.quasi.quasis.iter().map(|quasi| self.template_element(quasi)).collect(),
            expressions: tagged.quasi.expressions.iter().map(|inner| self.expression(inner)).collect(),
            position: self.start(&tagged.quasi),
        }))
    }

    fn element(&mut self, element: &ox::ArrayExpressionElement<'_>) -> Element {
        match element {
            ox::ArrayExpressionElement::SpreadElement(spread) => {
                Element::Spread(self.expression(&spread.argument), self.start(&**spread))
            }
            ox::ArrayExpressionElement::Elision(_) => Element::Hole,
            other => match other.as_expression() {
                Some(expression) => Element::Value(self.expression(expression)),
                None => Element::Hole,
            },
        }
    }

    fn arguments(&mut self, arguments: &[ox::Argument<'_>]) -> Box<[Element]> {
        arguments
            .iter()
            .map(|argument| match argument {
                ox::Argument::SpreadElement(spread) => Element::Spread(self.expression(&spread.argument), self.start(&**spread)),
                other => match other.as_expression() {
                    Some(expression) => Element::Value(self.expression(expression)),
                    None => Element::Hole,
                },
            })
            .collect()
    }

    fn assignment(&mut self, assignment: &ox::AssignmentExpression<'_>) -> Expression {
        let target = self.target(&assignment.left);
        let at = self.start(assignment);
        self.require(!(matches!(target, Target::Call(..)) && assignment.operator.is_logical()), at);
        // Parentheses around the target are not in the tree, but in the assignment's span.
        let bare = assignment.span.start == assignment.left.span().start;
        Expression::Assign(Box::new(Assign {
            operator: assign_operator(assignment.operator),
            named: bare && matches!(target, Target::Name(_)),
            target,
            value: self.expression(&assignment.right),
            position: self.start(assignment),
        }))
    }

    // Properties.

    /// The name of a property.
    pub(super) fn property_key(&mut self, key: &ox::PropertyKey<'_>, computed: bool) -> PropertyKey {
        match key {
            ox::PropertyKey::StaticIdentifier(name) => PropertyKey::Named(self.intern(&name.name)),
            ox::PropertyKey::PrivateIdentifier(name) => PropertyKey::Private(self.private_name(name)),
            other => {
                let Some(expression) = other.as_expression() else {
                    let _ = self.unsupported(other.span());
                    return PropertyKey::Number(0.0);
                };
                match expression {
                    ox::Expression::StringLiteral(literal) => self.named_key(literal),
                    ox::Expression::NumericLiteral(literal) => PropertyKey::Number(literal.value),
                    ox::Expression::BigIntLiteral(literal) if !computed => match canonical_index(&literal.value) {
                        Some(index) => PropertyKey::Number(f64::from(index)),
                        None => PropertyKey::Named(self.intern(&literal.value)),
                    },
                    _ => PropertyKey::Computed(self.boxed(expression)),
                }
            }
        }
    }

    fn named_key(&mut self, literal: &ox::StringLiteral<'_>) -> PropertyKey {
        match canonical_index(&literal.value) {
            Some(index) => PropertyKey::Number(f64::from(index)),
            None => PropertyKey::Named(self.string(literal)),
        }
    }

    fn property(&mut self, property: &ox::ObjectPropertyKind<'_>) -> Property {
        let property = match property {
            ox::ObjectPropertyKind::ObjectProperty(property) => property,
            ox::ObjectPropertyKind::SpreadProperty(spread) => {
                return Property::Spread(self.expression(&spread.argument), self.start(&**spread));
            }
        };
        let key = self.property_key(&property.key, property.computed);
        let kind = match property.kind {
            ox::PropertyKind::Init if !property.method => {
                let value = self.expression(&property.value);
                if let PropertyKey::Named(name) = key
                    && !property.computed
                    && !property.shorthand
                    && self.builder.strings.get(name).is_ascii_text("__proto__")
                {
                    return Property::Prototype(value);
                }
                return Property::Value { key, value };
            }
            ox::PropertyKind::Init => FunctionKind::Method,
            ox::PropertyKind::Get => FunctionKind::Getter,
            ox::PropertyKind::Set => FunctionKind::Setter,
        };
        let ox::Expression::FunctionExpression(function) = &property.value else {
            return Property::Value { key, value: self.unsupported(property.span) };
        };
        let function = self.method(function, kind, property.span);
        match kind {
            FunctionKind::Getter => Property::Getter { key, function },
            FunctionKind::Setter => Property::Setter { key, function },
            _ => Property::Method { key, function },
        }
    }

    /// Property access.
    pub(super) fn member(&mut self, member: &ox::MemberExpression<'_>) -> Member {
        let (object, optional) = match member {
            ox::MemberExpression::ComputedMemberExpression(member) => (&member.object, member.optional),
            ox::MemberExpression::StaticMemberExpression(member) => (&member.object, member.optional),
            ox::MemberExpression::PrivateFieldExpression(member) => (&member.object, member.optional),
        };
        let object = if let ox::Expression::Super(node) = object {
            self.check_super_property(node.span);
            MemberObject::Super { function: self.active_function_name(node.span), this: self.this_name(node.span) }
        } else {
            MemberObject::Value(self.expression(object))
        };
        let (key, at) = match member {
            ox::MemberExpression::ComputedMemberExpression(member) => {
                (self.member_key(&member.expression), member.expression.span())
            }
            ox::MemberExpression::StaticMemberExpression(member) => {
                (PropertyKey::Named(self.intern(&member.property.name)), member.property.span)
            }
            ox::MemberExpression::PrivateFieldExpression(member) => {
                (PropertyKey::Private(self.private_name(&member.field)), member.field.span)
            }
        };
        Member { object, key, optional, position: self.position(at.start) }
    }

    fn member_key(&mut self, key: &ox::Expression<'_>) -> PropertyKey {
        match key {
            ox::Expression::StringLiteral(literal) => self.named_key(literal),
            ox::Expression::NumericLiteral(literal) if is_index(literal.value) => PropertyKey::Number(literal.value),
            _ => PropertyKey::Computed(self.boxed(key)),
        }
    }

    fn chain_element(&mut self, element: &ox::ChainElement<'_>) -> Expression {
        if let Some(member) = element.as_member_expression() {
            return Expression::Member(Box::new(self.member(member)));
        }
        match element {
            ox::ChainElement::CallExpression(call) => self.call(call),
            other => self.unsupported(other.span()),
        }
    }

    // Calls.

    fn call(&mut self, call: &ox::CallExpression<'_>) -> Expression {
        if let ox::Expression::Super(node) = &call.callee {
            return self.super_call(call, node.span);
        }
        let callee = self.expression(&call.callee);
        let arguments = self.arguments(&call.arguments);
        let is_eval = matches!(&callee, Expression::Name(name) if name.name == self.builder.known.eval) && !call.optional;
        if is_eval {
            self.builder.note_eval(self.function, self.scope);
        }
        let position = match call.callee.get_inner_expression() {
            ox::Expression::StaticMemberExpression(member) => self.position(member.property.span.start),
            other => self.position(other.span().start),
        };
        Expression::Call(Box::new(Call {
            callee,
            arguments,
            optional: call.optional,
            eval_scope: is_eval.then_some(self.scope),
            position,
        }))
    }

    fn super_call(&mut self, call: &ox::CallExpression<'_>, span: Span) -> Expression {
        let around = self.builder.this_function(self.function);
        let allowed = match self.builder.function(around).kind {
            FunctionKind::DerivedConstructor => true,
            FunctionKind::Eval => self.context.is_some_and(|context| context.super_call),
            _ => false,
        };
        if !allowed {
            let at = self.position(span.start);
            self.fail(at, "'super' keyword unexpected here");
        }
        Expression::SuperCall(Box::new(SuperCall {
            arguments: self.arguments(&call.arguments),
            function: self.active_function_name(span),
            new_target: self.new_target_name(span),
            this: self.this_name(span),
            position: self.start(call),
        }))
    }

    fn check_super_property(&mut self, span: Span) {
        let around = self.builder.this_function(self.function);
        let allowed = match self.builder.function(around).kind {
            FunctionKind::Script | FunctionKind::Module | FunctionKind::Normal | FunctionKind::Arrow => false,
            FunctionKind::Eval => self.context.is_some_and(|context| context.super_property),
            _ => true,
        };
        if !allowed {
            let at = self.position(span.start);
            self.fail(at, "'super' keyword unexpected here");
        }
    }

    fn import_call(&mut self, import: &ox::ImportExpression<'_>) -> Expression {
        let position = self.start(import);
        match import.phase {
            Some(ox::ImportPhase::Defer) => self.fail(position, "import.defer() is not supported"),
            Some(ox::ImportPhase::Source) => self.fail(position, "import.source() is not supported"),
            None => {}
        }
        Expression::Import {
            specifier: self.boxed(&import.source),
            options: import.options.as_ref().map(|options| self.boxed(options)),
            position,
        }
    }
}

/// Whether a number is an array index.
fn is_index(value: f64) -> bool {
    value >= 0.0 && value < f64::from(u32::MAX) && value.trunc() == value && !(value == 0.0 && value.is_sign_negative())
}

/// The array index that a string is the canonical form of.
pub(super) fn canonical_index(text: &str) -> Option<u32> {
    let canonical = text == "0" || (text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
    if canonical && text.len() <= 10 { text.parse().ok().filter(|&index| index < u32::MAX) } else { None }
}

fn unary_operator(operator: op::UnaryOperator) -> UnaryOperator {
    match operator {
        op::UnaryOperator::UnaryPlus => UnaryOperator::Plus,
        op::UnaryOperator::UnaryNegation => UnaryOperator::Minus,
        op::UnaryOperator::LogicalNot => UnaryOperator::Not,
        op::UnaryOperator::BitwiseNot => UnaryOperator::BitwiseNot,
        op::UnaryOperator::Typeof => UnaryOperator::Typeof,
        op::UnaryOperator::Void => UnaryOperator::Void,
        op::UnaryOperator::Delete => UnaryOperator::Delete,
    }
}

fn logical_operator(operator: op::LogicalOperator) -> LogicalOperator {
    match operator {
        op::LogicalOperator::Or => LogicalOperator::Or,
        op::LogicalOperator::And => LogicalOperator::And,
        op::LogicalOperator::Coalesce => LogicalOperator::Coalesce,
    }
}

fn binary_operator(operator: op::BinaryOperator) -> BinaryOperator {
    use op::BinaryOperator as B;
    match operator {
        B::Equality => BinaryOperator::Equal,
        B::Inequality => BinaryOperator::NotEqual,
        B::StrictEquality => BinaryOperator::StrictEqual,
        B::StrictInequality => BinaryOperator::StrictNotEqual,
        B::LessThan => BinaryOperator::Less,
        B::LessEqualThan => BinaryOperator::LessEqual,
        B::GreaterThan => BinaryOperator::Greater,
        B::GreaterEqualThan => BinaryOperator::GreaterEqual,
        B::Addition => BinaryOperator::Add,
        B::Subtraction => BinaryOperator::Subtract,
        B::Multiplication => BinaryOperator::Multiply,
        B::Division => BinaryOperator::Divide,
        B::Remainder => BinaryOperator::Remainder,
        B::Exponential => BinaryOperator::Exponent,
        B::ShiftLeft => BinaryOperator::ShiftLeft,
        B::ShiftRight => BinaryOperator::ShiftRight,
        B::ShiftRightZeroFill => BinaryOperator::ShiftRightUnsigned,
        B::BitwiseOR => BinaryOperator::BitwiseOr,
        B::BitwiseXOR => BinaryOperator::BitwiseXor,
        B::BitwiseAnd => BinaryOperator::BitwiseAnd,
        B::In => BinaryOperator::In,
        B::Instanceof => BinaryOperator::Instanceof,
    }
}

fn assign_operator(operator: op::AssignmentOperator) -> AssignOperator {
    use op::AssignmentOperator as A;
    let binary = match operator {
        A::Assign => return AssignOperator::Plain,
        A::LogicalOr => return AssignOperator::Logical(LogicalOperator::Or),
        A::LogicalAnd => return AssignOperator::Logical(LogicalOperator::And),
        A::LogicalNullish => return AssignOperator::Logical(LogicalOperator::Coalesce),
        A::Addition => BinaryOperator::Add,
        A::Subtraction => BinaryOperator::Subtract,
        A::Multiplication => BinaryOperator::Multiply,
        A::Division => BinaryOperator::Divide,
        A::Remainder => BinaryOperator::Remainder,
        A::Exponential => BinaryOperator::Exponent,
        A::ShiftLeft => BinaryOperator::ShiftLeft,
        A::ShiftRight => BinaryOperator::ShiftRight,
        A::ShiftRightZeroFill => BinaryOperator::ShiftRightUnsigned,
        A::BitwiseOR => BinaryOperator::BitwiseOr,
        A::BitwiseXOR => BinaryOperator::BitwiseXor,
        A::BitwiseAnd => BinaryOperator::BitwiseAnd,
    };
    AssignOperator::Binary(binary)
}
