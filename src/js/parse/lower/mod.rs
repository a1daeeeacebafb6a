//! From the parser's tree to ours: what each node becomes, in which scope.
//!
//! Lowering cannot fail but for what [`Lowerer::fail`] notes: the first such error is the result.

mod class;
mod expression;
mod function;
mod module;
mod pattern;
mod statement;

use oxc_ast::ast as ox;
use oxc_span::{GetSpan, Span};

use super::SyntaxError;
use super::ast::*;
use super::builder::{Builder, FunctionBuilder, Use};
use super::text::{Utf8Source, cook, normalize_lines};

/// How deep the tree may be: what walks it recursively must have room.
const MAX_DEPTH: u32 = 3000;

/// Lowers one program.
pub(super) struct Lowerer<'s> {
    pub(super) builder: Builder,
    source: &'s Utf8Source<'s>,
    context: Option<&'s EvalContext>,
    /// Calls that stand as assignment targets, by the offsets of the names in their places.
    calls: &'s [(u32, ox::Expression<'s>)],
    functions: Vec<Option<FunctionInfo>>,
    function: FunctionId,
    scope: ScopeId,
    depth: u32,
    /// The function to be made of strings has no name of its own to see.
    dynamic_function: bool,
    /// The first early error that lowering found.
    pub(super) error: Option<SyntaxError>,
    pub(super) module: ModuleInfo,
    /// Names exported by `export {…}` without `from`, to be resolved at the end.
    exports: Vec<(StringId, StringId, u32)>,
}

impl<'s> Lowerer<'s> {
    pub(super) fn new(
        goal: Goal,
        source: &'s Utf8Source<'s>,
        context: Option<&'s EvalContext>,
        calls: &'s [(u32, ox::Expression<'s>)],
    ) -> Self {
        Self {
            builder: Builder::new(goal, goal == Goal::Eval { direct: true }),
            source,
            context,
            calls,
            functions: Vec::new(),
            function: FunctionId(0),
            scope: ScopeId(0),
            depth: 0,
            dynamic_function: goal == Goal::Function,
            error: None,
            module: ModuleInfo::default(),
            exports: Vec::new(),
        }
    }

    /// The whole program as function 0.
    pub(super) fn program(&mut self, program: &ox::Program<'_>) {
        let goal = self.builder.goal;
        let is_module = goal == Goal::Module;
        let strict = is_module
            || self.context.is_some_and(|context| context.strict)
            || program.directives.iter().any(|directive| directive.directive.as_str() == "use strict");
        let (kind, scope_kind) = match goal {
            Goal::Script | Goal::Function => (FunctionKind::Script, ScopeKind::Script),
            Goal::Module => (FunctionKind::Module, ScopeKind::Module),
            Goal::Eval { .. } => (FunctionKind::Eval, ScopeKind::Eval),
        };
        let id = FunctionId(0);
        self.functions.push(None);
        let scope = self.builder.add_scope(scope_kind, None, id, strict);
        self.builder.functions.push(FunctionBuilder {
            kind,
            parent: None,
            strict,
            scope,
            body_scope: scope,
            var_scope: scope,
            hoisted: false,
            simple_parameters: true,
            has_direct_eval: false,
            uses_super: false,
            has_children: false,
            parameter_names: Vec::new(),
        });
        self.scope = scope;
        if is_module {
            self.collect_requests(&program.body);
        }
        self.declare_lexical(&program.body, true);
        let mut body: Vec<Statement> = Vec::new();
        // The first was put in front of the code of a strict eval.
        let added = usize::from(self.context.is_some_and(|context| context.strict));
        for directive in program.directives.iter().skip(added) {
            body.push(Statement::Expression(Expression::String(self.string(&directive.expression))));
        }
        body.extend(self.statements(&program.body, true));
        if is_module {
            self.finish_module();
        }
        let info = FunctionInfo {
            name: None,
            kind,
            is_async: is_module && self.module.has_top_level_await,
            is_generator: false,
            strict,
            length: 0,
            parameters: Box::default(),
            rest: None,
            simple_parameters: true,
            has_parameter_expressions: false,
            body: Body::Statements(body.into()),
            range: (0, self.position(program.span.end)),
            parent: None,
            name_scope: None,
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
        };
        self.functions[0] = Some(info);
    }

    /// Everything lowered, with the names unresolved.
    pub(super) fn finish(self) -> (Builder, Vec<FunctionInfo>, ModuleInfo) {
        (self.builder, self.functions.into_iter().flatten().collect(), self.module)
    }

    // Small things.

    /// Notes an early error, unless there is one already.
    pub(super) fn fail(&mut self, offset: u32, message: impl Into<String>) {
        if self.error.is_none() {
            self.error = Some(SyntaxError { message: message.into(), offset, line: 0, column: 0 });
        }
    }

    fn position(&self, byte: u32) -> u32 {
        self.source.offset(byte)
    }

    fn start(&self, node: &impl GetSpan) -> u32 {
        self.position(node.span().start)
    }

    fn strict(&self) -> bool {
        self.builder.scope(self.scope).strict
    }

    fn intern(&mut self, text: &str) -> StringId {
        self.builder.strings.intern_str(text)
    }

    /// Runs with one more level of nesting, or refuses.
    fn deeper<T>(&mut self, span: Span, refused: T, run: impl FnOnce(&mut Self) -> T) -> T {
        if self.depth >= MAX_DEPTH {
            let at = self.position(span.start);
            self.fail(at, "too deeply nested");
            return refused;
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// Runs in another scope.
    fn within<T>(&mut self, scope: ScopeId, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = run(self);
        self.scope = outer;
        result
    }

    fn new_scope(&mut self, kind: ScopeKind) -> ScopeId {
        let strict = self.strict();
        self.builder.add_scope(kind, Some(self.scope), self.function, strict)
    }

    // Names.

    fn name(&mut self, text: &str, span: Span, usage: Use) -> Name {
        let name = self.intern(text);
        let position = self.position(span.start);
        self.builder.refer(name, self.scope, position, usage)
    }

    fn identifier(&mut self, identifier: &ox::IdentifierReference<'_>) -> Name {
        if identifier.name.as_str() == "arguments" && self.context.is_some_and(|context| context.in_class_initializer) {
            let around = self.builder.this_function(self.function);
            if self.builder.is_top_level(around) {
                let at = self.start(identifier);
                self.fail(at, "'arguments' is not allowed in class field initializer or static initialization block");
            }
        }
        self.name(&identifier.name, identifier.span, Use::Normal)
    }

    /// `this`, as an expression.
    fn this(&mut self, span: Span) -> Expression {
        let around = self.builder.this_function(self.function);
        let in_module = self.builder.function(around).kind == FunctionKind::Module
            || self.context.is_some_and(|context| context.in_module && !context.in_function);
        if self.builder.is_top_level(around) && in_module {
            return Expression::Undefined;
        }
        Expression::This(self.this_name(span))
    }

    fn this_name(&mut self, span: Span) -> Name {
        let name = self.builder.known.this;
        self.pseudo_name(name, VariableKind::This, span)
    }

    fn new_target_name(&mut self, span: Span) -> Name {
        let name = self.builder.known.new_target;
        self.pseudo_name(name, VariableKind::NewTarget, span)
    }

    fn active_function_name(&mut self, span: Span) -> Name {
        let mut function = self.function;
        loop {
            self.builder.function_mut(function).uses_super = true;
            match self.builder.function(function) {
                FunctionBuilder { kind: FunctionKind::Arrow, parent: Some(parent), .. } => function = *parent,
                _ => break,
            }
        }
        let name = self.builder.known.active_function;
        self.pseudo_name(name, VariableKind::ActiveFunction, span)
    }

    fn pseudo_name(&mut self, name: StringId, kind: VariableKind, span: Span) -> Name {
        self.builder.ensure_pseudo(self.function, name, kind);
        let position = self.position(span.start);
        self.builder.refer(name, self.scope, position, Use::Pseudo)
    }

    /// `#name`, which must be declared by a class around.
    fn private_name(&mut self, identifier: &ox::PrivateIdentifier<'_>) -> Name {
        let text = format!("#{}", identifier.name);
        let name = self.intern(&text);
        let position = self.position(identifier.span.start);
        // Decided now: while a class's heritage is lowered, its own names are not declared yet, and are not to be found.
        let mut current = Some(self.scope);
        while let Some(id) = current {
            let scope = self.builder.scope(id);
            if let (ScopeKind::Class, Some(&index)) = (scope.kind, scope.names.get(&name)) {
                if scope.function != self.function {
                    self.builder.scope_mut(id).variables[index as usize].captured = true;
                }
                return self.builder.refer(name, id, position, Use::Pseudo);
            }
            current = scope.parent;
        }
        let declared = self.context.is_some_and(|context| {
            context.private_names.iter().any(|private| private.to_utf8_lossy() == identifier.name.as_str())
        });
        if !declared {
            self.fail(position, format!("Private field '{text}' must be declared in an enclosing class"));
        }
        self.builder.refer(name, self.scope, position, Use::Pseudo)
    }

    // Literals.

    fn string(&mut self, literal: &ox::StringLiteral<'_>) -> StringId {
        if literal.lone_surrogates || (self.source.lossy && literal.value.contains('\u{fffd}')) {
            let units = self.source.units(literal.span.start + 1, literal.span.end - 1);
            return self.builder.strings.intern(Text::from_units(&cook(&units)));
        }
        self.intern(&literal.value)
    }

    /// A part of a template: cooked and raw.
    fn template_element(&mut self, element: &ox::TemplateElement<'_>) -> (Option<StringId>, StringId) {
        let units = normalize_lines(&self.source.units(element.span.start, element.span.end));
        let raw = self.builder.strings.intern(Text::from_units(&units));
        let cooked = element.value.cooked.as_ref().map(|cooked| {
            if element.lone_surrogates || (self.source.lossy && cooked.contains('\u{fffd}')) {
                self.builder.strings.intern(Text::from_units(&cook(&units)))
            } else {
                self.builder.strings.intern_str(cooked)
            }
        });
        (cooked, raw)
    }
}
