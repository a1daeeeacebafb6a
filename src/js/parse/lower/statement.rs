//! Statements and declarations.

use oxc_ast::ast as ox;
use oxc_span::GetSpan;

use super::Lowerer;
use crate::js::parse::ast::*;
use crate::js::parse::builder::Use;

impl Lowerer<'_> {
    /// A statement list, whose lexical names are declared already.
    pub(super) fn statements(&mut self, statements: &[ox::Statement<'_>], _top_level: bool) -> Box<[Statement]> {
        let mut result = Vec::with_capacity(statements.len());
        for statement in statements {
            // Where a function declaration stood is nothing, not even a completion value.
            let lowered = self.statement(statement);
            let is_declaration = matches!(innermost(statement), ox::Statement::FunctionDeclaration(_));
            if !(is_declaration && matches!(lowered, Statement::Empty)) {
                result.push(lowered);
            }
        }
        result.into()
    }

    /// Declares the LexicallyDeclaredNames of a list in the current scope, and the names of its functions.
    pub(super) fn declare_lexical(&mut self, statements: &[ox::Statement<'_>], top_level: bool) {
        for statement in statements {
            match innermost(statement) {
                ox::Statement::VariableDeclaration(declaration) => self.declare_variables(declaration),
                ox::Statement::FunctionDeclaration(function) => self.declare_function(function, top_level),
                ox::Statement::ClassDeclaration(class) => self.declare_class(class),
                ox::Statement::ExportDeclaration(export) => match &export.declaration {
                    ox::Declaration::VariableDeclaration(declaration) => self.declare_variables(declaration),
                    ox::Declaration::FunctionDeclaration(function) => self.declare_function(function, top_level),
                    ox::Declaration::ClassDeclaration(class) => self.declare_class(class),
                    _ => {}
                },
                ox::Statement::ExportDefaultDeclaration(export) => self.declare_default(export),
                ox::Statement::ImportDeclaration(import) => self.declare_imports(import),
                _ => {}
            }
        }
    }

    fn declare_function(&mut self, function: &ox::Function<'_>, _top_level: bool) {
        if let Some(id) = &function.id
            && !self.builder.vars_are_outside(self.scope)
        {
            let name = self.intern(&id.name);
            self.builder.declare(self.scope, name, VariableKind::Function, 0);
        }
    }

    fn declare_class(&mut self, class: &ox::Class<'_>) {
        if let Some(id) = &class.id {
            let name = self.intern(&id.name);
            let end = self.position(class.span.end);
            self.builder.declare(self.scope, name, VariableKind::Class, end);
        }
    }

    /// The names of `let`, `const` and `using`; `var` is declared where it is lowered.
    fn declare_variables(&mut self, declaration: &ox::VariableDeclaration<'_>) {
        let kind = match declaration.kind {
            ox::VariableDeclarationKind::Var => return,
            ox::VariableDeclarationKind::Let => VariableKind::Let,
            ox::VariableDeclarationKind::Const => VariableKind::Const,
            ox::VariableDeclarationKind::Using | ox::VariableDeclarationKind::AwaitUsing => VariableKind::Using,
        };
        let scope = self.scope;
        match declaration.kind {
            ox::VariableDeclarationKind::AwaitUsing => self.builder.scope_mut(scope).disposal = Disposal::Async,
            ox::VariableDeclarationKind::Using if self.builder.scope(scope).disposal == Disposal::None => {
                self.builder.scope_mut(scope).disposal = Disposal::Sync;
            }
            _ => {}
        }
        for declarator in &declaration.declarations {
            let end = self.position(declarator.span.end);
            let mut names = Vec::new();
            self.bound_names(&declarator.id, &mut names);
            for name in names {
                self.builder.declare(scope, name, kind, end);
            }
        }
    }

    fn statement(&mut self, statement: &ox::Statement<'_>) -> Statement {
        self.deeper(statement.span(), Statement::Empty, |this| this.statement_inner(statement))
    }

    fn statement_inner(&mut self, statement: &ox::Statement<'_>) -> Statement {
        use ox::Statement as S;
        match statement {
            S::BlockStatement(block) => self.block(block),
            S::BreakStatement(node) => Statement::Break(node.label.as_ref().map(|label| self.intern(&label.name))),
            S::ContinueStatement(node) => Statement::Continue(node.label.as_ref().map(|label| self.intern(&label.name))),
            S::DebuggerStatement(_) => Statement::Debugger,
            S::DoWhileStatement(node) => {
                Statement::DoWhile { body: self.substatement(&node.body), test: self.expression(&node.test) }
            }
            S::EmptyStatement(_) => Statement::Empty,
            S::ExpressionStatement(node) => Statement::Expression(self.expression(&node.expression)),
            S::ForInStatement(node) => self.for_each(ForEachKind::In, &node.left, &node.right, &node.body),
            S::ForOfStatement(node) => {
                if node.r#await {
                    self.note_await();
                }
                let kind = if node.r#await { ForEachKind::AwaitOf } else { ForEachKind::Of };
                self.for_each(kind, &node.left, &node.right, &node.body)
            }
            S::ForStatement(node) => self.for_statement(node),
            S::IfStatement(node) => Statement::If {
                test: self.expression(&node.test),
                consequent: self.substatement(&node.consequent),
                alternate: node.alternate.as_ref().map(|alternate| self.substatement(alternate)),
            },
            S::LabeledStatement(node) => self.labelled(node),
            S::ReturnStatement(node) => Statement::Return(node.argument.as_ref().map(|argument| self.expression(argument))),
            S::SwitchStatement(node) => self.switch(node),
            S::ThrowStatement(node) => Statement::Throw { value: self.expression(&node.argument), position: self.start(&**node) },
            S::TryStatement(node) => self.try_statement(node),
            S::WhileStatement(node) => {
                Statement::While { test: self.expression(&node.test), body: self.substatement(&node.body) }
            }
            S::WithStatement(node) => self.with_statement(node),
            S::VariableDeclaration(declaration) => Statement::Declaration(self.declaration(declaration)),
            S::FunctionDeclaration(function) => self.function_declaration(function),
            S::ClassDeclaration(class) => self.class_declaration(class),
            S::ImportDeclaration(_) => Statement::Empty,
            S::ExportAllDeclaration(export) => self.export_all(export),
            S::ExportDefaultDeclaration(export) => self.export_default(export),
            S::ExportDeclaration(export) => self.export_declaration(export),
            S::ExportNamedDeclaration(export) => self.export_named(export),
            S::ExportFromDeclaration(export) => self.export_from(export),
            other => {
                let at = self.start(other);
                self.fail(at, "Unexpected token");
                Statement::Empty
            }
        }
    }

    /// A statement's body; a function declaration there (B.3.3) has a block of its own.
    fn substatement(&mut self, statement: &ox::Statement<'_>) -> Box<Statement> {
        if !matches!(innermost(statement), ox::Statement::FunctionDeclaration(_)) {
            return Box::new(self.statement(statement));
        }
        let scope = self.new_scope(ScopeKind::Block);
        let body = self.within(scope, |this| {
            this.declare_lexical(std::slice::from_ref(statement), false);
            this.statements(std::slice::from_ref(statement), false)
        });
        Box::new(Statement::Block { scope: Some(scope), body })
    }

    fn block(&mut self, block: &ox::BlockStatement<'_>) -> Statement {
        if !block.body.iter().any(is_lexical) {
            return Statement::Block { scope: None, body: self.statements(&block.body, false) };
        }
        let scope = self.new_scope(ScopeKind::Block);
        let body = self.within(scope, |this| {
            this.declare_lexical(&block.body, false);
            this.statements(&block.body, false)
        });
        Statement::Block { scope: Some(scope), body }
    }

    pub(super) fn class_declaration(&mut self, class: &ox::Class<'_>) -> Statement {
        let Some(id) = &class.id else { return Statement::Empty };
        let name = self.name(&id.name, id.span, Use::Initialize);
        Statement::Class { name, class: Box::new(self.class(class)) }
    }

    pub(super) fn declaration(&mut self, declaration: &ox::VariableDeclaration<'_>) -> Declaration {
        let kind = declaration_kind(declaration.kind);
        if kind == DeclarationKind::AwaitUsing {
            self.note_await();
        }
        let usage = self.declare_if_var(declaration);
        let declarators = declaration
            .declarations
            .iter()
            .map(|declarator| Declarator {
                position: self.start(declarator),
                target: self.binding(&declarator.id, usage),
                value: declarator.init.as_ref().map(|init| self.expression(init)),
            })
            .collect();
        Declaration { kind, declarators }
    }

    /// Declares the names of a `var`; returns how a declaration uses its names.
    fn declare_if_var(&mut self, declaration: &ox::VariableDeclaration<'_>) -> Use {
        if declaration.kind != ox::VariableDeclarationKind::Var {
            return Use::Initialize;
        }
        for declarator in &declaration.declarations {
            let mut names = Vec::new();
            self.bound_names(&declarator.id, &mut names);
            for name in names {
                self.builder.declare_var(self.function, name);
            }
        }
        Use::Normal
    }

    fn for_statement(&mut self, node: &ox::ForStatement<'_>) -> Statement {
        let lexical = match &node.init {
            Some(ox::ForStatementInit::VariableDeclaration(declaration)) if declaration.kind.is_lexical() => Some(declaration),
            _ => None,
        };
        let scope = lexical.map(|_| self.new_scope(ScopeKind::For));
        self.within(scope.unwrap_or(self.scope), |this| {
            if let Some(declaration) = lexical {
                this.declare_variables(declaration);
            }
            let init = node.init.as_ref().and_then(|init| match init {
                ox::ForStatementInit::VariableDeclaration(declaration) => {
                    Some(ForInit::Declaration(this.declaration(declaration)))
                }
                other => other.as_expression().map(|expression| ForInit::Expression(this.expression(expression))),
            });
            Statement::For(Box::new(For {
                scope,
                init,
                test: node.test.as_ref().map(|test| this.expression(test)),
                update: node.update.as_ref().map(|update| this.expression(update)),
                body: *this.substatement(&node.body),
            }))
        })
    }

    fn for_each(
        &mut self,
        kind: ForEachKind,
        left: &ox::ForStatementLeft<'_>,
        right: &ox::Expression<'_>,
        body: &ox::Statement<'_>,
    ) -> Statement {
        let position = self.start(right);
        let lexical = match left {
            ox::ForStatementLeft::VariableDeclaration(declaration) if declaration.kind.is_lexical() => Some(declaration),
            _ => None,
        };
        let mut head_scope = None;
        let mut scope = None;
        if let Some(declaration) = lexical {
            let head = self.new_scope(ScopeKind::ForHead);
            let inner = self.new_scope(ScopeKind::For);
            self.within(head, |this| this.declare_variables(declaration));
            self.builder.scope_mut(head).disposal = Disposal::None;
            self.within(inner, |this| this.declare_variables(declaration));
            (head_scope, scope) = (Some(head), Some(inner));
        }
        let outer = self.scope;
        let lower_right = |this: &mut Self| this.within(head_scope.unwrap_or(outer), |this| this.expression(right));
        // The initializer of B.3.5 and the target come first in the text, but the target's expressions belong to the
        // iteration's scope.
        let head = self.within(scope.unwrap_or(outer), |this| this.for_head(left));
        let right = lower_right(self);
        let body = self.within(scope.unwrap_or(outer), |this| *this.substatement(body));
        Statement::ForEach(Box::new(ForEach { kind, head_scope, scope, head, right, body, position }))
    }

    fn for_head(&mut self, left: &ox::ForStatementLeft<'_>) -> ForEachHead {
        if let ox::ForStatementLeft::VariableDeclaration(declaration) = left {
            let kind = declaration_kind(declaration.kind);
            if kind == DeclarationKind::AwaitUsing {
                self.note_await();
            }
            let usage = self.declare_if_var(declaration);
            if let Some(declarator) = declaration.declarations.first() {
                return ForEachHead::Declaration {
                    kind,
                    target: self.binding(&declarator.id, usage),
                    initializer: declarator.init.as_ref().map(|init| self.expression(init)),
                };
            }
        }
        match left.as_assignment_target() {
            Some(target) => ForEachHead::Target(self.target(target)),
            None => {
                let at = self.start(left);
                self.fail(at, "Invalid left-hand side in for-loop");
                ForEachHead::Target(Target::Call(Box::new(Expression::Undefined), at))
            }
        }
    }

    fn labelled(&mut self, node: &ox::LabeledStatement<'_>) -> Statement {
        let mut labels = vec![self.intern(&node.label.name)];
        let mut body = &node.body;
        while let ox::Statement::LabeledStatement(inner) = body {
            labels.push(self.intern(&inner.label.name));
            body = &inner.body;
        }
        let lowered = self.statement(body);
        if matches!(body, ox::Statement::FunctionDeclaration(_)) {
            return lowered;
        }
        Statement::Labelled { labels: labels.into(), body: Box::new(lowered) }
    }

    fn switch(&mut self, node: &ox::SwitchStatement<'_>) -> Statement {
        let discriminant = self.expression(&node.discriminant);
        let lexical = node.cases.iter().any(|case| case.consequent.iter().any(is_lexical));
        let scope = lexical.then(|| self.new_scope(ScopeKind::Switch));
        let cases = self.within(scope.unwrap_or(self.scope), |this| {
            if lexical {
                node.cases.iter().for_each(|case| this.declare_lexical(&case.consequent, false));
            }
            node.cases
                .iter()
                .map(|case| Case {
                    test: case.test.as_ref().map(|test| this.expression(test)),
                    body: this.statements(&case.consequent, false),
                })
                .collect()
        });
        Statement::Switch(Box::new(Switch { discriminant, scope, cases }))
    }

    fn try_statement(&mut self, node: &ox::TryStatement<'_>) -> Statement {
        let block = self.block(&node.block);
        let handler = node.handler.as_ref().map(|handler| {
            let scope = handler.param.as_ref().map(|_| self.new_scope(ScopeKind::Catch));
            self.within(scope.unwrap_or(self.scope), |this| {
                let parameter = handler.param.as_ref().map(|parameter| this.catch_parameter(parameter));
                Catch { scope, parameter, body: this.block(&handler.body) }
            })
        });
        let finalizer = node.finalizer.as_ref().map(|finalizer| self.block(finalizer));
        Statement::Try(Box::new(Try { block, handler, finalizer }))
    }

    fn catch_parameter(&mut self, parameter: &ox::CatchParameter<'_>) -> Target {
        let scope = self.scope;
        self.builder.scope_mut(scope).simple_catch = matches!(parameter.pattern, ox::BindingPattern::BindingIdentifier(_));
        let mut names = Vec::new();
        self.bound_names(&parameter.pattern, &mut names);
        let end = self.position(parameter.span.end);
        for name in names {
            self.builder.declare(scope, name, VariableKind::CatchParameter, end);
        }
        self.binding(&parameter.pattern, Use::Initialize)
    }

    fn with_statement(&mut self, node: &ox::WithStatement<'_>) -> Statement {
        let position = self.start(node);
        let object = self.expression(&node.object);
        let scope = self.new_scope(ScopeKind::With);
        let body = self.within(scope, |this| this.substatement(&node.body));
        Statement::With { object, scope, body, position }
    }
}

/// The statement behind labels.
fn innermost<'n, 'a>(mut statement: &'n ox::Statement<'a>) -> &'n ox::Statement<'a> {
    while let ox::Statement::LabeledStatement(labelled) = statement {
        statement = &labelled.body;
    }
    statement
}

/// Whether a statement declares something in its list's scope.
fn is_lexical(statement: &ox::Statement<'_>) -> bool {
    match innermost(statement) {
        ox::Statement::VariableDeclaration(declaration) => declaration.kind != ox::VariableDeclarationKind::Var,
        ox::Statement::FunctionDeclaration(_) | ox::Statement::ClassDeclaration(_) => true,
        _ => false,
    }
}

fn declaration_kind(kind: ox::VariableDeclarationKind) -> DeclarationKind {
    match kind {
        ox::VariableDeclarationKind::Var => DeclarationKind::Var,
        ox::VariableDeclarationKind::Let => DeclarationKind::Let,
        ox::VariableDeclarationKind::Const => DeclarationKind::Const,
        ox::VariableDeclarationKind::Using => DeclarationKind::Using,
        ox::VariableDeclarationKind::AwaitUsing => DeclarationKind::AwaitUsing,
    }
}
