//! Writes what [`super::builder`] decided into the tree.

use super::ast::*;
use super::builder::Found;

/// The decisions, and the places of the variables.
pub(super) struct Patch<'p> {
    pub(super) found: &'p [Found],
    pub(super) scopes: &'p [Scope],
}

impl Patch<'_> {
    /// A function's parameters and code.
    pub(super) fn function(&self, function: &mut FunctionInfo) {
        function.parameters.iter_mut().for_each(|parameter| self.element_of_pattern(parameter));
        if let Some(rest) = &mut function.rest {
            self.target(rest);
        }
        match &mut function.body {
            Body::Statements(statements) => self.statements(statements),
            Body::Expression(expression) => self.expression(expression),
            Body::DefaultConstructor => {}
            Body::Fields(fields) => fields.iter_mut().for_each(|field| self.field(field)),
        }
    }

    fn lookup(&self, name: &Name) -> Found {
        match name.resolution {
            Resolution::Import(index) => self.found.get(index as usize).copied().unwrap_or(Found::Global),
            _ => Found::Global,
        }
    }

    fn name(&self, name: &mut Name) {
        match self.lookup(name) {
            Found::Global | Found::Rejected => name.resolution = Resolution::Global,
            Found::Dynamic => name.resolution = Resolution::Dynamic,
            Found::Variable { scope, variable, check } => {
                name.check = check;
                name.resolution = match self.scopes[scope.0 as usize].variables[variable as usize].place {
                    Place::Register => Resolution::Local { scope, variable },
                    Place::Slot(_) => Resolution::Environment { scope, variable },
                    Place::Global => Resolution::Global,
                    Place::Import(index) => Resolution::Import(index),
                };
            }
        }
    }

    fn field(&self, field: &mut Field) {
        match field {
            Field::Define { key, value, .. } => {
                self.key(key);
                value.iter_mut().for_each(|value| self.expression(value));
            }
            Field::PrivateMethod { name, method, .. } => {
                self.name(name);
                self.name(method);
            }
            Field::StaticBlock { body, .. } => self.statements(body),
        }
    }

    fn expressions(&self, expressions: &mut [Expression]) {
        expressions.iter_mut().for_each(|expression| self.expression(expression));
    }

    fn expression(&self, expression: &mut Expression) {
        match expression {
            Expression::Undefined
            | Expression::Null
            | Expression::Boolean(_)
            | Expression::Number(_)
            | Expression::String(_)
            | Expression::BigInt(_)
            | Expression::RegExp(_)
            | Expression::ImportMeta
            | Expression::Function(_) => {}
            Expression::Template { expressions, .. } => self.expressions(expressions),
            Expression::TaggedTemplate(tagged) => {
                self.expression(&mut tagged.tag);
                self.expressions(&mut tagged.expressions);
            }
            Expression::Name(name) | Expression::This(name) | Expression::NewTarget(name) => self.name(name),
            Expression::Array(elements) => self.elements(elements),
            Expression::Object(properties) => properties.iter_mut().for_each(|property| self.property(property)),
            Expression::Class(class) => self.class(class),
            Expression::Unary { operand, .. } => self.expression(operand),
            Expression::Update { target, .. } => self.target(target),
            Expression::Binary { left, right, .. } | Expression::Logical { left, right, .. } => {
                self.expression(left);
                self.expression(right);
            }
            Expression::PrivateIn { name, object, .. } => {
                self.name(name);
                self.expression(object);
            }
            Expression::Conditional { test, consequent, alternate } => {
                self.expression(test);
                self.expression(consequent);
                self.expression(alternate);
            }
            Expression::Assign(assign) => {
                self.target(&mut assign.target);
                self.expression(&mut assign.value);
            }
            Expression::Sequence(expressions) => self.expressions(expressions),
            Expression::Member(member) => self.member(member),
            Expression::OptionalChain(chain) => self.expression(chain),
            Expression::Call(call) => {
                self.expression(&mut call.callee);
                self.elements(&mut call.arguments);
            }
            Expression::New(new) => {
                self.expression(&mut new.callee);
                self.elements(&mut new.arguments);
            }
            Expression::SuperCall(call) => {
                self.name(&mut call.function);
                self.name(&mut call.new_target);
                self.name(&mut call.this);
                self.elements(&mut call.arguments);
            }
            Expression::Yield { argument, .. } => argument.iter_mut().for_each(|argument| self.expression(argument)),
            Expression::YieldDelegate { argument, .. } | Expression::Await { argument, .. } => self.expression(argument),
            Expression::Import { specifier, options, .. } => {
                self.expression(specifier);
                options.iter_mut().for_each(|options| self.expression(options));
            }
        }
    }

    fn elements(&self, elements: &mut [Element]) {
        for element in elements {
            match element {
                Element::Value(value) | Element::Spread(value, _) => self.expression(value),
                Element::Hole => {}
            }
        }
    }

    fn key(&self, key: &mut PropertyKey) {
        match key {
            PropertyKey::Named(_) | PropertyKey::Number(_) => {}
            PropertyKey::Computed(expression) => self.expression(expression),
            PropertyKey::Private(name) => self.name(name),
        }
    }

    fn property(&self, property: &mut Property) {
        match property {
            Property::Value { key, value } => {
                self.key(key);
                self.expression(value);
            }
            Property::Prototype(value) | Property::Spread(value, _) => self.expression(value),
            Property::Method { key, .. } | Property::Getter { key, .. } | Property::Setter { key, .. } => self.key(key),
        }
    }

    fn member(&self, member: &mut Member) {
        match &mut member.object {
            MemberObject::Value(object) => self.expression(object),
            MemberObject::Super { function, this } => {
                self.name(function);
                self.name(this);
            }
        }
        self.key(&mut member.key);
    }

    fn class(&self, class: &mut Class) {
        class.heritage.iter_mut().for_each(|heritage| self.expression(heritage));
        for element in &mut class.elements {
            match element {
                ClassElement::Method { key, store, .. } => {
                    self.key(key);
                    store.iter_mut().for_each(|store| self.name(store));
                }
                ClassElement::ComputedField { key, store } => {
                    self.expression(key);
                    self.name(store);
                }
            }
        }
    }

    fn target(&self, target: &mut Target) {
        match target {
            Target::Name(name) => self.name(name),
            Target::Member(member) => self.member(member),
            Target::Array(pattern) => {
                pattern.elements.iter_mut().flatten().for_each(|element| self.element_of_pattern(element));
                pattern.rest.iter_mut().for_each(|rest| self.target(rest));
            }
            Target::Object(pattern) => {
                for property in &mut pattern.properties {
                    self.key(&mut property.key);
                    self.element_of_pattern(&mut property.element);
                }
                pattern.rest.iter_mut().for_each(|rest| self.target(rest));
            }
            Target::Call(call, _) => self.expression(call),
        }
    }

    fn element_of_pattern(&self, element: &mut PatternElement) {
        self.target(&mut element.target);
        element.default.iter_mut().for_each(|default| self.expression(default));
    }

    fn statements(&self, statements: &mut [Statement]) {
        statements.iter_mut().for_each(|statement| self.statement(statement));
    }

    fn declaration(&self, declaration: &mut Declaration) {
        for declarator in &mut declaration.declarators {
            self.target(&mut declarator.target);
            declarator.value.iter_mut().for_each(|value| self.expression(value));
        }
    }

    fn statement(&self, statement: &mut Statement) {
        match statement {
            Statement::Empty | Statement::Debugger | Statement::Continue(_) | Statement::Break(_) => {}
            Statement::Expression(expression) => self.expression(expression),
            Statement::Declaration(declaration) => self.declaration(declaration),
            Statement::Class { name, class } => {
                self.name(name);
                self.class(class);
            }
            Statement::ExportDefault { name, value } => {
                self.name(name);
                self.expression(value);
            }
            Statement::BlockFunction { block, var } => {
                if matches!(self.lookup(var), Found::Rejected) {
                    *statement = Statement::Empty;
                } else {
                    self.name(block);
                    self.name(var);
                }
            }
            Statement::Block { body, .. } => self.statements(body),
            Statement::If { test, consequent, alternate } => {
                self.expression(test);
                self.statement(consequent);
                alternate.iter_mut().for_each(|alternate| self.statement(alternate));
            }
            Statement::For(node) => self.for_statement(node),
            Statement::ForEach(node) => self.for_each(node),
            Statement::While { test, body } | Statement::DoWhile { body, test } => {
                self.expression(test);
                self.statement(body);
            }
            Statement::Return(value) => value.iter_mut().for_each(|value| self.expression(value)),
            Statement::With { object, body, .. } => {
                self.expression(object);
                self.statement(body);
            }
            Statement::Switch(switch) => {
                self.expression(&mut switch.discriminant);
                for case in &mut switch.cases {
                    case.test.iter_mut().for_each(|test| self.expression(test));
                    self.statements(&mut case.body);
                }
            }
            Statement::Labelled { body, .. } => self.statement(body),
            Statement::Throw { value, .. } => self.expression(value),
            Statement::Try(node) => {
                self.statement(&mut node.block);
                if let Some(handler) = &mut node.handler {
                    handler.parameter.iter_mut().for_each(|parameter| self.target(parameter));
                    self.statement(&mut handler.body);
                }
                node.finalizer.iter_mut().for_each(|finalizer| self.statement(finalizer));
            }
        }
    }

    fn for_statement(&self, node: &mut For) {
        match &mut node.init {
            Some(ForInit::Expression(expression)) => self.expression(expression),
            Some(ForInit::Declaration(declaration)) => self.declaration(declaration),
            None => {}
        }
        node.test.iter_mut().for_each(|test| self.expression(test));
        node.update.iter_mut().for_each(|update| self.expression(update));
        self.statement(&mut node.body);
    }

    fn for_each(&self, node: &mut ForEach) {
        match &mut node.head {
            ForEachHead::Target(target) => self.target(target),
            ForEachHead::Declaration { target, initializer, .. } => {
                self.target(target);
                initializer.iter_mut().for_each(|initializer| self.expression(initializer));
            }
        }
        self.expression(&mut node.right);
        self.statement(&mut node.body);
    }
}
