//! Functions of all kinds.

use oxc_ast::ast as ox;
use oxc_span::GetSpan;

use super::Lowerer;
use crate::js::parse::ast::*;
use crate::js::parse::builder::{FunctionBuilder, Use};

/// What a function is made of.
pub(super) struct Parts<'n, 'a> {
    pub(super) kind: FunctionKind,
    pub(super) name: Option<StringId>,
    /// The name is a variable around the function.
    pub(super) own_name_scope: bool,
    pub(super) is_async: bool,
    pub(super) is_generator: bool,
    pub(super) hoisted: bool,
    pub(super) parameters: Option<&'n ox::FormalParameters<'a>>,
    pub(super) body: Code<'n, 'a>,
    pub(super) range: (u32, u32),
}

/// A function's code.
#[derive(Clone, Copy)]
pub(super) enum Code<'n, 'a> {
    Statements(&'n ox::FunctionBody<'a>),
    Expression(&'n ox::Expression<'a>),
    DefaultConstructor,
    Nothing,
}

impl Lowerer<'_> {
    pub(super) fn arrow(&mut self, arrow: &ox::ArrowFunctionExpression<'_>) -> FunctionId {
        let body = match &arrow.body {
            ox::ArrowFunctionBody::FunctionBody(body) => Code::Statements(body),
            other => other.as_expression().map_or(Code::Nothing, Code::Expression),
        };
        self.make_function(Parts {
            kind: FunctionKind::Arrow,
            name: None,
            own_name_scope: false,
            is_async: arrow.r#async,
            is_generator: false,
            hoisted: false,
            parameters: Some(&arrow.params),
            body,
            range: self.range(arrow),
        })
    }

    pub(super) fn function_expression(&mut self, function: &ox::Function<'_>) -> FunctionId {
        let dynamic = std::mem::take(&mut self.dynamic_function);
        let name = function.id.as_ref().map(|id| self.intern(&id.name));
        let range = self.range(function);
        self.plain_function(function, FunctionKind::Normal, name, name.is_some() && !dynamic, false, range)
    }

    /// A method, getter, setter or constructor; the function's text is the whole definition's.
    pub(super) fn method(&mut self, function: &ox::Function<'_>, kind: FunctionKind, span: oxc_span::Span) -> FunctionId {
        let range = (self.position(span.start), self.position(span.end));
        self.plain_function(function, kind, None, false, false, range)
    }

    pub(super) fn plain_function(
        &mut self,
        function: &ox::Function<'_>,
        kind: FunctionKind,
        name: Option<StringId>,
        own_name_scope: bool,
        hoisted: bool,
        range: (u32, u32),
    ) -> FunctionId {
        self.make_function(Parts {
            kind,
            name,
            own_name_scope,
            is_async: function.r#async,
            is_generator: function.generator,
            hoisted,
            parameters: Some(&function.params),
            body: function.body.as_ref().map_or(Code::Nothing, |body| Code::Statements(body)),
            range,
        })
    }

    pub(super) fn range(&self, node: &impl GetSpan) -> (u32, u32) {
        (self.position(node.span().start), self.position(node.span().end))
    }

    /// Adds a function and its scopes; runs `run` in its outermost scope; what that returns is the function's information.
    pub(super) fn with_function(
        &mut self,
        parts: &Parts<'_, '_>,
        strict: bool,
        run: impl FnOnce(&mut Self, FunctionId, Option<ScopeId>) -> FunctionInfo,
    ) -> FunctionId {
        let id = FunctionId(self.functions.len() as u32);
        self.functions.push(None);
        self.builder.function_mut(self.function).has_children = true;
        let mut around = self.scope;
        let mut name_scope = None;
        if let (Some(name), true) = (parts.name, parts.own_name_scope) {
            around = self.builder.add_scope(ScopeKind::FunctionName, Some(around), id, strict);
            self.builder.declare(around, name, VariableKind::FunctionName, 0);
            name_scope = Some(around);
        }
        let scope = self.builder.add_scope(ScopeKind::Function, Some(around), id, strict);
        self.builder.functions.push(FunctionBuilder {
            kind: parts.kind,
            parent: Some(self.function),
            strict,
            scope,
            body_scope: scope,
            var_scope: scope,
            hoisted: parts.hoisted,
            simple_parameters: true,
            has_direct_eval: false,
            uses_super: false,
            has_children: false,
            parameter_names: Vec::new(),
        });
        let outer = (self.function, self.scope);
        (self.function, self.scope) = (id, scope);
        let info = run(self, id, name_scope);
        (self.function, self.scope) = outer;
        self.functions[id.0 as usize] = Some(info);
        id
    }

    pub(super) fn make_function(&mut self, parts: Parts<'_, '_>) -> FunctionId {
        let directives: &[ox::Directive<'_>] = match parts.body {
            Code::Statements(body) => &body.directives,
            _ => &[],
        };
        let strict = self.strict() || directives.iter().any(|directive| directive.directive.as_str() == "use strict");
        self.with_function(&parts, strict, |this, id, name_scope| this.function_inside(&parts, id, name_scope))
    }

    fn function_inside(&mut self, parts: &Parts<'_, '_>, id: FunctionId, name_scope: Option<ScopeId>) -> FunctionInfo {
        let scope = self.scope;
        let strict = self.strict();
        let mut info = empty_info(parts, scope, name_scope, self.builder.function(id).parent, strict);
        if parts.kind == FunctionKind::DerivedConstructor {
            let this = self.builder.known.this;
            self.builder.ensure_pseudo(id, this, VariableKind::This);
        }
        if let Some(parameters) = parts.parameters {
            info.simple_parameters = parameters.rest.is_none()
                && parameters
                    .items
                    .iter()
                    .all(|item| item.initializer.is_none() && matches!(item.pattern, ox::BindingPattern::BindingIdentifier(_)));
            info.has_parameter_expressions =
                parameters.items.iter().any(|item| item.initializer.is_some() || contains_expression(&item.pattern))
                    || parameters.rest.as_ref().is_some_and(|rest| contains_expression(&rest.rest.argument));
            if info.has_parameter_expressions {
                info.body_scope = self.builder.add_scope(ScopeKind::Body, Some(scope), id, strict);
            }
            let builder = self.builder.function_mut(id);
            builder.simple_parameters = info.simple_parameters;
            self.parameters(parameters, &mut info);
        }
        let builder = self.builder.function_mut(id);
        builder.body_scope = info.body_scope;
        builder.var_scope = info.body_scope;
        info.body = self.within(info.body_scope, |this| match parts.body {
            Code::Statements(body) => {
                this.declare_lexical(&body.statements, true);
                Body::Statements(this.statements(&body.statements, true))
            }
            Code::Expression(expression) => Body::Expression(Box::new(this.expression(expression))),
            Code::DefaultConstructor => Body::DefaultConstructor,
            Code::Nothing => Body::Statements(Box::default()),
        });
        info
    }

    fn parameters(&mut self, parameters: &ox::FormalParameters<'_>, info: &mut FunctionInfo) {
        for item in &parameters.items {
            let end = self.position(item.span.end);
            let mut names = Vec::new();
            self.bound_names(&item.pattern, &mut names);
            for name in names {
                self.builder.declare(info.scope, name, VariableKind::Parameter, end);
            }
            if info.simple_parameters
                && let ox::BindingPattern::BindingIdentifier(identifier) = &item.pattern
            {
                let name = self.intern(&identifier.name);
                self.builder.function_mut(self.function).parameter_names.push(name);
            }
        }
        if let Some(rest) = &parameters.rest {
            let end = self.position(rest.span.end);
            let mut names = Vec::new();
            self.bound_names(&rest.rest.argument, &mut names);
            for name in names {
                self.builder.declare(info.scope, name, VariableKind::Parameter, end);
            }
        }
        info.length = parameters.items.iter().take_while(|item| item.initializer.is_none()).count() as u32;
        info.parameters = parameters
            .items
            .iter()
            .map(|item| {
                let target = self.binding(&item.pattern, Use::Initialize);
                let default = item.initializer.as_ref().map(|initializer| self.expression(initializer));
                PatternElement { named: matches!(target, Target::Name(_)), target, default }
            })
            .collect();
        info.rest = parameters.rest.as_ref().map(|rest| Box::new(self.binding(&rest.rest.argument, Use::Initialize)));
    }

    /// BoundNames.
    pub(super) fn bound_names(&mut self, pattern: &ox::BindingPattern<'_>, names: &mut Vec<StringId>) {
        if self.depth >= super::MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match pattern {
            ox::BindingPattern::BindingIdentifier(identifier) => names.push(self.intern(&identifier.name)),
            ox::BindingPattern::ObjectPattern(object) => {
                object.properties.iter().for_each(|property| self.bound_names(&property.value, names));
                object.rest.iter().for_each(|rest| self.bound_names(&rest.argument, names));
            }
            ox::BindingPattern::ArrayPattern(array) => {
                array.elements.iter().flatten().for_each(|element| self.bound_names(element, names));
                array.rest.iter().for_each(|rest| self.bound_names(&rest.argument, names));
            }
            ox::BindingPattern::AssignmentPattern(pattern) => self.bound_names(&pattern.left, names),
        }
        self.depth -= 1;
    }

    /// A function declaration: adds it to its scope's, and returns what stands in its place.
    pub(super) fn function_declaration(&mut self, function: &ox::Function<'_>) -> Statement {
        let Some(id) = &function.id else { return Statement::Empty };
        let name = self.intern(&id.name);
        let span = id.span;
        let range = self.range(function);
        let made = self.plain_function(function, FunctionKind::Normal, Some(name), false, true, range);
        if self.builder.vars_are_outside(self.scope) {
            self.builder.global_functions.push((name, made));
            return Statement::Empty;
        }
        let scope = self.scope;
        let variable = self.builder.declare(scope, name, VariableKind::Function, 0);
        self.builder.scope_mut(scope).functions.push((variable, made));
        let var_scope = self.builder.function(self.function).var_scope;
        if scope == var_scope || self.strict() || function.r#async || function.generator {
            return Statement::Empty;
        }
        let block = self.name(&id.name, span, Use::Initialize);
        let reference = self.builder.references.len() as u32;
        let var = self.name(&id.name, span, Use::BlockFunctionVar);
        let function = self.function;
        self.builder.block_functions.push(crate::js::parse::builder::BlockFunction {
            name,
            scope,
            function,
            var_scope,
            reference,
        });
        Statement::BlockFunction { block, var }
    }
}

/// A function's information before anything is known of its inside.
pub(super) fn empty_info(
    parts: &Parts<'_, '_>,
    scope: ScopeId,
    name_scope: Option<ScopeId>,
    parent: Option<FunctionId>,
    strict: bool,
) -> FunctionInfo {
    FunctionInfo {
        name: parts.name,
        kind: parts.kind,
        is_async: parts.is_async,
        is_generator: parts.is_generator,
        strict,
        length: 0,
        parameters: Box::default(),
        rest: None,
        simple_parameters: true,
        has_parameter_expressions: false,
        body: Body::Statements(Box::default()),
        range: parts.range,
        parent,
        name_scope,
        scope,
        body_scope: scope,
        parameter_copies: Box::default(),
        this_variable: None,
        new_target_variable: None,
        active_function_variable: None,
        arguments_variable: None,
        mapped_arguments: false,
        mapped_parameters: Box::default(),
        has_direct_eval: false,
        uses_super: false,
        in_class_initializer: false,
        is_leaf: false,
        has_instance_elements: false,
    }
}

/// ContainsExpression.
fn contains_expression(pattern: &ox::BindingPattern<'_>) -> bool {
    match pattern {
        ox::BindingPattern::BindingIdentifier(_) => false,
        ox::BindingPattern::AssignmentPattern(_) => true,
        ox::BindingPattern::ObjectPattern(object) => {
            object.properties.iter().any(|property| property.computed || contains_expression(&property.value))
        }
        ox::BindingPattern::ArrayPattern(array) => {
            array.elements.iter().flatten().any(contains_expression)
                || array.rest.as_ref().is_some_and(|rest| contains_expression(&rest.argument))
        }
    }
}
