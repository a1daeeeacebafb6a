//! Imports and exports.

use oxc_ast::ast as ox;

use super::Lowerer;
use crate::js::parse::ast::*;
use crate::js::parse::builder::Use;

impl Lowerer<'_> {
    fn request(
        &mut self,
        source: &ox::StringLiteral<'_>,
        clause: Option<&ox::WithClause<'_>>,
        phase: Option<ox::ImportPhase>,
    ) -> u32 {
        let position = self.start(source);
        match phase {
            Some(ox::ImportPhase::Defer) => self.fail(position, "import defer is not supported"),
            Some(ox::ImportPhase::Source) => self.fail(position, "import source is not supported"),
            None => {}
        }
        let specifier = self.string(source);
        let mut attributes: Vec<(StringId, StringId)> = Vec::new();
        for attribute in clause.iter().flat_map(|clause| &clause.with_entries) {
            let key = match &attribute.key {
                ox::ImportAttributeKey::Identifier(name) => self.intern(&name.name),
                ox::ImportAttributeKey::StringLiteral(literal) => self.string(literal),
            };
            let value = self.string(&attribute.value);
            if attributes.iter().any(|(other, _)| *other == key) {
                let at = self.start(attribute);
                let shown = self.builder.strings.get(key).to_utf8_lossy();
                self.fail(at, format!("Import attributes has a duplicate key '{shown}'"));
            }
            attributes.push((key, value));
        }
        let text = |this: &Self, id: StringId| this.builder.strings.get(id).units().collect::<Vec<u16>>();
        attributes.sort_by_key(|(key, _)| text(self, *key));
        let request = ModuleRequest { specifier, attributes: attributes.into(), position };
        let same = |other: &ModuleRequest| other.specifier == specifier && other.attributes == request.attributes;
        if let Some(index) = self.module.requests.iter().position(same) {
            return index as u32;
        }
        push(&mut self.module.requests, request)
    }

    /// [[RequestedModules]], in the order of the text.
    pub(super) fn collect_requests(&mut self, statements: &[ox::Statement<'_>]) {
        for statement in statements {
            match statement {
                ox::Statement::ImportDeclaration(import) => {
                    self.request(&import.source, import.with_clause.as_deref(), import.phase);
                }
                ox::Statement::ExportAllDeclaration(export) => {
                    self.request(&export.source, export.with_clause.as_deref(), None);
                }
                ox::Statement::ExportFromDeclaration(export) => {
                    self.request(&export.source, export.with_clause.as_deref(), None);
                }
                _ => {}
            }
        }
    }

    pub(super) fn declare_imports(&mut self, import: &ox::ImportDeclaration<'_>) {
        let request = self.request(&import.source, import.with_clause.as_deref(), import.phase);
        for specifier in import.specifiers.iter().flatten() {
            let (import_name, local) = match specifier {
                ox::ImportDeclarationSpecifier::ImportSpecifier(specifier) => {
                    (Some(self.export_name(&specifier.imported)), &specifier.local)
                }
                ox::ImportDeclarationSpecifier::ImportDefaultSpecifier(specifier) => {
                    (Some(self.builder.known.default), &specifier.local)
                }
                ox::ImportDeclarationSpecifier::ImportNamespaceSpecifier(specifier) => (None, &specifier.local),
            };
            let local_name = self.intern(&local.name);
            let position = self.start(local);
            self.builder.declare(self.scope, local_name, VariableKind::Import, 0);
            push(&mut self.module.imports, ImportEntry { request, import_name, local_name, position });
        }
    }

    fn export_name(&mut self, name: &ox::ModuleExportName<'_>) -> StringId {
        match name {
            ox::ModuleExportName::IdentifierName(name) => self.intern(&name.name),
            ox::ModuleExportName::IdentifierReference(name) => self.intern(&name.name),
            ox::ModuleExportName::StringLiteral(literal) => {
                let id = self.string(literal);
                let lone = char::decode_utf16(self.builder.strings.get(id).units()).any(|c| c.is_err());
                if lone {
                    let at = self.start(literal);
                    self.fail(at, "Invalid module export name: contains unpaired surrogate character");
                }
                id
            }
        }
    }

    fn export_local(&mut self, export_name: StringId, local_name: StringId, position: u32) {
        self.exports.push((export_name, local_name, position));
    }

    pub(super) fn declare_default(&mut self, export: &ox::ExportDefaultDeclaration<'_>) {
        let own = match &export.declaration {
            ox::ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.id.as_ref(),
            ox::ExportDefaultDeclarationKind::ClassDeclaration(class) => class.id.as_ref(),
            _ => None,
        };
        let name = match own {
            Some(id) => self.intern(&id.name),
            None => self.builder.known.default_export,
        };
        let kind = match &export.declaration {
            ox::ExportDefaultDeclarationKind::FunctionDeclaration(_) => VariableKind::Function,
            ox::ExportDefaultDeclarationKind::ClassDeclaration(_) => VariableKind::Class,
            _ => VariableKind::Let,
        };
        let end = self.position(export.span.end);
        self.builder.declare(self.scope, name, kind, end);
        let at = self.start(export);
        self.export_local(self.builder.known.default, name, at);
    }

    pub(super) fn export_default(&mut self, export: &ox::ExportDefaultDeclaration<'_>) -> Statement {
        let known = self.builder.known.default_export;
        let value = match &export.declaration {
            ox::ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                let own = function.id.as_ref().map(|id| self.intern(&id.name));
                let range = self.range(&**function);
                let name = own.unwrap_or(self.builder.known.default);
                let made = self.plain_function(function, FunctionKind::Normal, Some(name), false, true, range);
                let scope = self.scope;
                let variable = self.builder.declare(scope, own.unwrap_or(known), VariableKind::Function, 0);
                self.builder.scope_mut(scope).functions.push((variable, made));
                return Statement::Empty;
            }
            ox::ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                if class.id.is_some() {
                    return self.class_declaration(class);
                }
                Expression::Class(Box::new(self.class(class)))
            }
            other => match other.as_expression() {
                Some(expression) => self.expression(expression),
                None => return Statement::Empty,
            },
        };
        let position = self.start(export);
        let name = self.builder.refer(known, self.scope, position, Use::Initialize);
        Statement::ExportDefault { name, value }
    }

    pub(super) fn export_declaration(&mut self, export: &ox::ExportDeclaration<'_>) -> Statement {
        let position = self.start(export);
        let mut names = Vec::new();
        let statement = match &export.declaration {
            ox::Declaration::VariableDeclaration(declaration) => {
                for declarator in &declaration.declarations {
                    self.bound_names(&declarator.id, &mut names);
                }
                Statement::Declaration(self.declaration(declaration))
            }
            ox::Declaration::FunctionDeclaration(function) => {
                names.extend(function.id.iter().map(|id| self.intern(&id.name)));
                self.function_declaration(function)
            }
            ox::Declaration::ClassDeclaration(class) => {
                names.extend(class.id.iter().map(|id| self.intern(&id.name)));
                self.class_declaration(class)
            }
            _ => {
                self.fail(position, "Unexpected token 'export'");
                Statement::Empty
            }
        };
        for name in names {
            self.export_local(name, name, position);
        }
        statement
    }

    pub(super) fn export_named(&mut self, export: &ox::ExportNamedDeclaration<'_>) -> Statement {
        for specifier in &export.specifiers {
            let (local, exported) = (self.export_name(&specifier.local), self.export_name(&specifier.exported));
            let position = self.start(specifier);
            self.export_local(exported, local, position);
        }
        Statement::Empty
    }

    pub(super) fn export_from(&mut self, export: &ox::ExportFromDeclaration<'_>) -> Statement {
        let request = self.request(&export.source, export.with_clause.as_deref(), None);
        for specifier in &export.specifiers {
            let import_name = Some(self.export_name(&specifier.local));
            let export_name = self.export_name(&specifier.exported);
            let position = self.start(specifier);
            push(&mut self.module.indirect_exports, IndirectExport { export_name, request, import_name, position });
        }
        Statement::Empty
    }

    pub(super) fn export_all(&mut self, export: &ox::ExportAllDeclaration<'_>) -> Statement {
        let request = self.request(&export.source, export.with_clause.as_deref(), None);
        match &export.exported {
            None => {
                push(&mut self.module.star_exports, request);
            }
            Some(name) => {
                let export_name = self.export_name(name);
                let position = self.start(export);
                push(&mut self.module.indirect_exports, IndirectExport { export_name, request, import_name: None, position });
            }
        }
        Statement::Empty
    }

    /// Sorts the exports of local names into local and indirect ones (ParseModule, step 10).
    pub(super) fn finish_module(&mut self) {
        for (export_name, local_name, position) in std::mem::take(&mut self.exports) {
            let import = self.module.imports.iter().find(|import| import.local_name == local_name).copied();
            if let Some(ImportEntry { request, import_name: import_name @ Some(_), .. }) = import {
                push(&mut self.module.indirect_exports, IndirectExport { export_name, request, import_name, position });
            } else if let Some(&variable) = self.builder.scope(self.scope).names.get(&local_name) {
                push(&mut self.module.local_exports, LocalExport { export_name, variable, local_name });
            } else {
                let shown = self.builder.strings.get(local_name).to_utf8_lossy();
                self.fail(position, format!("Export '{shown}' is not defined in module"));
            }
        }
    }
}

/// Appends to a boxed list, and returns the new entry's index.
fn push<T>(list: &mut Box<[T]>, entry: T) -> u32 {
    let mut entries = std::mem::take(list).into_vec();
    let index = entries.len() as u32;
    entries.push(entry);
    *list = entries.into();
    index
}
