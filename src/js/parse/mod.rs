//! From source text to our own syntax tree, with scopes resolved.
//!
//! The way: [`text`] makes UTF-8 of the source, [`depth`] bounds its nesting, the parser and its semantic pass read it and
//! find most early errors,
//! [`lower`] makes our tree of theirs and finds the others, [`builder`] resolves names, [`patch`] writes that into the tree.
//! Nothing
//! outside this folder knows the parser's tree.
#![forbid(unsafe_code)]

pub mod ast;
mod builder;
mod call_targets;
mod complaints;
mod context;
mod depth;
mod lower;
mod patch;
pub mod regexp;
mod scope;
mod strings;
#[cfg(test)]
mod tests;
mod text;

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use self::ast::{Body, EvalContext, Expression, FunctionId, FunctionInfo, Goal, ParsedScript, Statement, Text, VariableKind};
use self::depth::Nesting;
use self::lower::Lowerer;
use self::text::Utf8Source;
use crate::base::sync::{Arc, thread};
use crate::js::source::SourceText;

pub use strings::Interner;

/// An early error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({line}:{column})")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where, in code units.
    pub offset: u32,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in code units, counted from 1.
    pub column: u32,
}

/// What a text is to be parsed as.
#[derive(Clone, Debug, Default)]
pub enum ParseOptions {
    /// A script.
    #[default]
    Script,
    /// A module.
    Module,
    /// The code of an indirect eval.
    IndirectEval,
    /// The code of a direct eval.
    DirectEval(EvalContext),
}

/// The four kinds of functions that can be made of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DynamicFunction {
    /// `Function`
    Normal,
    /// `GeneratorFunction`
    Generator,
    /// `AsyncFunction`
    Async,
    /// `AsyncGeneratorFunction`
    AsyncGenerator,
}

/// Parses a script, module or eval code.
pub fn parse(source: Arc<SourceText>, options: ParseOptions) -> Result<ParsedScript, SyntaxError> {
    let (goal, context) = match options {
        ParseOptions::Script => (Goal::Script, None),
        ParseOptions::Module => (Goal::Module, None),
        ParseOptions::IndirectEval => (Goal::Eval { direct: false }, None),
        ParseOptions::DirectEval(context) => (Goal::Eval { direct: true }, Some(Box::new(context))),
    };
    parse_goal(source, goal, context)
}

/// CreateDynamicFunction, steps 7 to 22: parses parameters (already joined by commas) and body apart, then the function whose
/// text they make up.
/// The result is a script whose only statement is the function expression; its source is the function's text.
pub fn parse_function(name: &str, kind: DynamicFunction, parameters: &Text, body: &Text) -> Result<ParsedScript, SyntaxError> {
    let prefix = match kind {
        DynamicFunction::Normal => "function",
        DynamicFunction::Generator => "function*",
        DynamicFunction::Async => "async function",
        DynamicFunction::AsyncGenerator => "async function*",
    };
    let join = |parameters: &Text, body: &Text| {
        let mut units: Vec<u16> = format!("{prefix} anonymous(").encode_utf16().collect();
        units.extend(parameters.units());
        units.extend("\n) {\n".encode_utf16());
        units.extend(body.units());
        units.extend("\n}".encode_utf16());
        SourceText::from_units(name, &units)
    };
    let empty = Text::Latin1(Box::default());
    if !parameters.is_empty() {
        only_function(parse_goal(Arc::new(join(parameters, &empty)), Goal::Function, None)?, true)?;
    }
    if !body.is_empty() && !parameters.is_empty() {
        only_function(parse_goal(Arc::new(join(&empty, body)), Goal::Function, None)?, false)?;
    }
    only_function(parse_goal(Arc::new(join(parameters, body)), Goal::Function, None)?, false)
}

/// Whether the text is one function and nothing else: what came as a parameter or body did not close it.
fn only_function(script: ParsedScript, empty_body: bool) -> Result<ParsedScript, SyntaxError> {
    let whole = (0, script.source.len() as u32);
    if let Body::Statements(statements) = &script.function(FunctionId(0)).body
        && let [Statement::Expression(Expression::Function(id))] = &**statements
        && script.function(*id).range == whole
        && (!empty_body || matches!(&script.function(*id).body, Body::Statements(body) if body.is_empty()))
    {
        return Ok(script);
    }
    Err(SyntaxError { message: "Unexpected token '}'".to_owned(), offset: 0, line: 1, column: 1 })
}

fn parse_goal(source: Arc<SourceText>, goal: Goal, context: Option<Box<EvalContext>>) -> Result<ParsedScript, SyntaxError> {
    let strict = context.as_ref().is_some_and(|context| context.strict);
    let (prefix, suffix) = match goal {
        Goal::Function => ("(", ")"),
        _ if strict => ("'use strict';\n", ""),
        _ => ("", ""),
    };
    let result = {
        let mut utf8 = Utf8Source::new(&source, prefix, suffix);
        // A hashbang is one only at the very beginning.
        let hashbang = (prefix.len()..prefix.len() + 2, "//");
        if !prefix.is_empty() && goal != Goal::Function && utf8.text.get(hashbang.0.clone()) == Some("#!") {
            utf8.text.to_mut().replace_range(hashbang.0, hashbang.1);
        }
        let inside = || parse_here(&source, &utf8, goal, context.as_deref());
        match depth::estimate(&utf8.text) {
            Nesting::Shallow => inside(),
            Nesting::Refused(at) => Err(error_at(utf8.offset(at), "too deeply nested")),
            Nesting::Deep(stack) => thread::scope(|scope| {
                let refused = || error_at(0, "too deeply nested: no memory for a stack");
                let spawned =
                    thread::Builder::new().name("deltic-parse".to_owned()).stack_size(stack).spawn_scoped(scope, inside);
                spawned.map_err(|_| refused())?.join().map_err(|_| refused())?
            }),
        }
    };
    match result {
        Ok(mut script) => {
            script.context = context;
            Ok(script)
        }
        Err(mut error) => {
            (error.line, error.column) = source.position(error.offset);
            Err(error)
        }
    }
}

fn error_at(offset: u32, message: &str) -> SyntaxError {
    SyntaxError { message: message.to_owned(), offset, line: 0, column: 0 }
}

fn parse_here(
    source: &Arc<SourceText>,
    utf8: &Utf8Source<'_>,
    goal: Goal,
    context: Option<&EvalContext>,
) -> Result<ParsedScript, SyntaxError> {
    let allocator = Allocator::default();
    let source_type = if goal == Goal::Module { SourceType::mjs() } else { SourceType::script() };
    let mut text: &str = &utf8.text;
    let mut calls = Vec::new();
    let parsed = loop {
        let parsed = Parser::new(&allocator, text, source_type).parse();
        match call_targets::next(&allocator, text, &parsed.diagnostics) {
            Some(call) if goal != Goal::Module && calls.len() < call_targets::MAX => {
                calls.push((call.start, call.expression));
                text = call.rest;
            }
            _ => break parsed,
        }
    };
    complaints::first_error(&parsed.diagnostics, utf8, context)?;
    if parsed.panicked {
        return Err(error_at(0, "Unexpected token"));
    }
    let semantic = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
    complaints::first_error(&semantic.diagnostics, utf8, context)?;
    drop(semantic);
    let mut lowerer = Lowerer::new(goal, utf8, context, &calls);
    lowerer.program(&parsed.program);
    if let Some(error) = lowerer.error.take() {
        return Err(error);
    }
    Ok(finish(source, goal, lowerer))
}

fn finish(source: &Arc<SourceText>, goal: Goal, lowerer: Lowerer<'_>) -> ParsedScript {
    let (mut builder, mut functions, module) = lowerer.finish();
    let found = builder.resolve();
    for (index, function) in functions.iter_mut().enumerate() {
        settle_function(&builder, FunctionId(index as u32), function);
    }
    let lexical = match goal {
        Goal::Script | Goal::Function => builder.scopes.first().map_or_else(Box::default, |scope| {
            scope.variables.iter().map(|variable| (variable.name, variable.kind.is_constant())).collect()
        }),
        _ => Box::default(),
    };
    let declarations = declarations(&mut builder, lexical);
    let scopes = builder.finish_scopes();
    for scope in scopes.iter().filter(|scope| scope.environment) {
        functions[scope.function.0 as usize].is_leaf = false;
    }
    let patch = patch::Patch { found: &found, scopes: &scopes };
    functions.iter_mut().for_each(|function| patch.function(function));
    ParsedScript {
        source: Arc::clone(source),
        goal,
        strict: functions.first().is_some_and(|function| function.strict),
        strings: builder.strings.finish(),
        functions: functions.into(),
        scopes,
        declarations,
        module: (goal == Goal::Module).then(|| Box::new(module)),
        context: None,
    }
}

/// What is known of a function only at the end.
fn settle_function(builder: &builder::Builder, id: FunctionId, function: &mut FunctionInfo) {
    let known = &builder.known;
    let built = builder.function(id);
    function.this_variable = builder.pseudo(id, known.this, VariableKind::This);
    function.new_target_variable = builder.pseudo(id, known.new_target, VariableKind::NewTarget);
    function.active_function_variable = builder.pseudo(id, known.active_function, VariableKind::ActiveFunction);
    function.arguments_variable = builder.pseudo(id, known.arguments, VariableKind::Arguments);
    function.mapped_arguments = builder.has_mapped_arguments(id);
    function.has_direct_eval = built.has_direct_eval;
    function.uses_super = built.uses_super || (built.has_direct_eval && function.kind != ast::FunctionKind::Normal);
    function.parameter_copies = builder.parameter_copies(id);
    function.is_leaf = !built.has_children && !built.has_direct_eval;
    if let Some(parent) = built.parent {
        function.in_class_initializer |= function.kind == ast::FunctionKind::Arrow && {
            let around = builder.this_function(parent);
            matches!(builder.function(around).kind, ast::FunctionKind::FieldInitializer | ast::FunctionKind::StaticInitializer)
        };
    }
    if function.mapped_arguments {
        let names = &built.parameter_names;
        let scope = builder.scope(built.scope);
        function.mapped_parameters = names
            .iter()
            .enumerate()
            .map(|(index, name)| if names[index + 1..].contains(name) { None } else { scope.names.get(name).copied() })
            .collect();
    }
}

/// GlobalDeclarationInstantiation's lists.
fn declarations(builder: &mut builder::Builder, lexical: Box<[(ast::StringId, bool)]>) -> ast::Declarations {
    let mut seen = rustc_hash::FxHashSet::default();
    let mut functions: Vec<_> =
        std::mem::take(&mut builder.global_functions).into_iter().rev().filter(|(name, _)| seen.insert(*name)).collect();
    functions.reverse();
    let vars: Vec<_> = std::mem::take(&mut builder.global_vars).into_iter().filter(|name| seen.insert(*name)).collect();
    let block_functions = std::mem::take(&mut builder.global_block_functions);
    ast::Declarations { lexical, functions: functions.into(), vars: vars.into(), block_functions: block_functions.into() }
}
