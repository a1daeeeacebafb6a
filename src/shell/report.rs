//! Errors as they are printed: file, line, the line itself with a caret, and the stack.

use crate::js::cx::Cx;
use crate::js::local::Local;
use crate::js::names::Name;
use crate::js::parse::SyntaxError;
use crate::shell::inspect::inspect;

/// A syntax error with the line that it is in.
pub(super) fn syntax_error(name: &str, text: &str, error: &SyntaxError) -> String {
    let line = text.split(['\n', '\u{2028}', '\u{2029}']).nth(error.line.saturating_sub(1) as usize).unwrap_or_default();
    let line = line.trim_end_matches('\r');
    let before: String = line.chars().take(error.column.saturating_sub(1) as usize).collect();
    // Tabs stay, so that the caret stands below what it means.
    let indent: String = before.chars().map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
    format!("{name}:{}:{}\n{line}\n{indent}^\n\nSyntaxError: {}", error.line, error.column, error.message)
}

/// An exception that nobody caught.
pub(super) fn uncaught(cx: &mut Cx<'_>, error: Local<'_>) -> String {
    let mut cx = cx.open();
    if error.is_object() {
        let stack = cx.get(error, Name::stack.key());
        if let Ok(stack) = stack
            && stack.is_string()
            && let Ok(text) = cx.rust_text(stack)
        {
            return format!("Uncaught {text}");
        }
    }
    let text = inspect(&mut cx, error).unwrap_or_else(|_| "an exception that cannot be shown".to_owned());
    format!("Uncaught {text}")
}
