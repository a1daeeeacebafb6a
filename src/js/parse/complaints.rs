//! The parser's complaints: which of them stand, and what we say instead.

use oxc_diagnostics::{OxcDiagnostic, Severity};

use super::ast::EvalContext;
use super::text::Utf8Source;
use super::{SyntaxError, error_at};

/// Errors that lowering decides, because it knows what is around eval code.
const OURS: [&str; 3] = [
    "Unexpected new.target expression",
    "'super' can only be referenced in",
    "Super calls are not permitted outside constructors",
];

/// What is said in place of the parser's words.
const WORDS: [(&str, &str); 20] = [
    ("Cannot assign to this expression", "Invalid left-hand side in assignment"),
    ("'0'-prefixed octal literals", "Octal literals and octal escape sequences are not allowed in strict mode."),
    ("'with' statements are not allowed", "Strict mode code may not include a with statement"),
    ("A 'return' statement can", "Illegal return statement"),
    ("Unterminated string", "Invalid or unexpected token"),
    ("Invalid Character", "Invalid or unexpected token"),
    ("Missing catch or finally clause", "Missing catch or finally after try"),
    ("Cannot assign to 'eval' in strict mode", "Unexpected eval or arguments in strict mode"),
    ("Cannot assign to 'arguments' in strict mode", "Unexpected eval or arguments in strict mode"),
    ("Unexpected import.meta expression", "Cannot use 'import.meta' outside a module"),
    ("Cannot use export statement outside a module", "Unexpected token 'export'"),
    ("Identifier '__proto__' has already", "Duplicate __proto__ fields are not allowed in object literals"),
    ("Identifier `__proto__` has already", "Duplicate __proto__ fields are not allowed in object literals"),
    ("Multiple constructor implementations", "A class may only have one constructor"),
    ("Constructor can't have get/set modifier", "Class constructor may not be an accessor"),
    ("Constructor can't be", "Class constructor may not be a generator, async or private method"),
    ("`let` cannot be declared as a variable name", "let is disallowed as a lexically bound name"),
    ("Invalid optional chain from new expression", "Invalid optional chain from new expression"),
    ("Illegal break statement", "Illegal break statement"),
    ("A 'default' clause cannot appear more than once", "More than one default clause in switch statement"),
];

/// The first complaint that stands in this context.
pub(super) fn first_error(
    diagnostics: &[OxcDiagnostic],
    utf8: &Utf8Source<'_>,
    context: Option<&EvalContext>,
) -> Result<(), SyntaxError> {
    for diagnostic in diagnostics {
        let message = diagnostic.message.as_ref();
        let has_private_names = context.is_some_and(|context| !context.private_names.is_empty());
        let ours = OURS.iter().any(|beginning| message.starts_with(beginning))
            || (has_private_names && (message.starts_with("Private identifier '#") || message.starts_with("Private field '")));
        if diagnostic.severity != Severity::Error || ours {
            continue;
        }
        // Of two places, the second is where the trouble begins.
        let label = if message.contains("already been declared") { diagnostic.labels.last() } else { diagnostic.labels.first() };
        let (at, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
        return Err(error_at(utf8.offset(at), &words(message, utf8, at, length)));
    }
    Ok(())
}

fn words(message: &str, utf8: &Utf8Source<'_>, at: u32, length: u32) -> String {
    if let Some((_, words)) = WORDS.iter().find(|(beginning, _)| message.starts_with(beginning)) {
        return (*words).to_owned();
    }
    if message.starts_with("The keyword '") {
        return "Unexpected strict mode reserved word".to_owned();
    }
    if message.starts_with("Unexpected token") || message.starts_with("Expected ") {
        let rest = utf8.text.get(at as usize..).unwrap_or_default();
        if rest.trim().is_empty() {
            return "Unexpected end of input".to_owned();
        }
        let token = rest.get(..length as usize).unwrap_or_default().trim();
        if !token.is_empty() && token.len() <= 40 {
            return format!("Unexpected token '{token}'");
        }
    }
    message.replace('`', "'")
}
