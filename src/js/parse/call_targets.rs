//! Calls as assignment targets: `f() = 1` in sloppy code, which throws only when it runs (AssignmentTargetType web-compat).
//!
//! Problem: the parser refuses them and stops.
//!
//! Idea: the call is parsed apart, behind so many blanks that offsets stay, and the text is parsed again with a name of the same length in the call's
//! place. Lowering knows these names by their offsets.

use oxc_allocator::Allocator;
use oxc_ast::ast as ox;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

/// How many a text may have: each costs a parse.
pub(super) const MAX: usize = 16;

/// A call that stood as a target.
pub(super) struct CallTarget<'a> {
    /// Where it begins, in bytes.
    pub(super) start: u32,
    /// The call.
    pub(super) expression: ox::Expression<'a>,
    /// The text without it.
    pub(super) rest: &'a str,
}

/// The call that the parser refused as a target, if that is what it refused.
pub(super) fn next<'a>(allocator: &'a Allocator, text: &str, diagnostics: &[OxcDiagnostic]) -> Option<CallTarget<'a>> {
    let refusal = diagnostics.iter().find(|diagnostic| diagnostic.message == "Cannot assign to this expression")?;
    let label = refusal.labels.first()?;
    let (start, end) = (label.offset() as usize, (label.offset() + label.len()) as usize);
    let call = text.get(start..end).filter(|call| call.ends_with(')'))?;
    let alone = allocator.alloc_str(&format!("{}{call}", " ".repeat(start)));
    let parsed = Parser::new(allocator, alone, SourceType::script()).parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return None;
    }
    let semantic = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
    if semantic.diagnostics.has_errors() {
        return None;
    }
    drop(semantic);
    let statement = parsed.program.body.into_iter().next()?;
    let ox::Statement::ExpressionStatement(statement) = statement else { return None };
    let expression = statement.unbox().expression;
    if !matches!(expression, ox::Expression::CallExpression(_)) {
        return None;
    }
    let (before, behind) = (text.get(..start)?, text.get(end..)?);
    let rest = allocator.alloc_str(&format!("{before}{}{behind}", "$".repeat(end - start)));
    Some(CallTarget { start: start as u32, expression, rest })
}
