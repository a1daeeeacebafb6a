//! Stack traces: what errors keep of the frames, and its text.

use crate::heap::HeapRef;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::parse::ast::FunctionId;
use crate::js::value::Value;

/// Most frames of a trace.
const MAX_FRAMES: usize = 10;
/// Internal slot of an error: an array of function things and instructions.
const TRACE: u32 = 0;

impl<'s> Cx<'s> {
    /// Gives an error object its stack trace.
    pub(in crate::js) fn capture_stack(&mut self, error: Local<'_>) -> Completion<()> {
        if !self.is(error, Class::Error) {
            return Ok(());
        }
        let trace = self.trace()?;
        self.set_field_value(error, TRACE, Value::object(trace));
        Ok(())
    }

    fn trace(&mut self) -> Completion<HeapRef> {
        let count = self.agent.roots.machine.frames.len().min(MAX_FRAMES);
        let trace = self.allocate_values(2 * count as u32, Value::UNDEFINED)?;
        for nth in 0..count {
            let frames = &self.agent.roots.machine.frames;
            let frame = frames[frames.len() - 1 - nth];
            self.write_value(trace, 2 * nth as u32, Value::object(frame.function));
            self.write_value(trace, 2 * nth as u32 + 1, Value::int(frame.pc.saturating_sub(1).cast_signed()));
        }
        Ok(trace)
    }

    /// The frames of an error object's trace as text, a line each: `    at f (file.js:3:5)`.
    pub fn stack_text(&mut self, error: Local<'_>) -> String {
        if !self.is(error, Class::Error) {
            return String::new();
        }
        match self.field_value(error, TRACE).reference() {
            Some(trace) => self.trace_text(trace),
            None => String::new(),
        }
    }

    /// The text of the frames that run now.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn current_stack_text(&mut self) -> Completion<String> {
        let trace = self.trace()?;
        Ok(self.trace_text(trace))
    }

    fn trace_text(&mut self, trace: HeapRef) -> String {
        let mut lines = Vec::new();
        for nth in 0..self.agent.heap.length(trace) / 2 {
            let function = self.read_value(trace, 2 * nth).heap_ref();
            let pc = self.read_value(trace, 2 * nth + 1).as_int().unwrap_or(0).cast_unsigned();
            let code = self.script_code(self.script_of(function));
            let info = self.info_of(function);
            let id = FunctionId(self.read_value(function, super::loaded::FUNCTION_ID).as_int().unwrap_or(0).cast_unsigned());
            let position = code.function(id).ok().and_then(|code| code.position(pc)).unwrap_or(info.range.0);
            let (line, column) = code.source().position(position);
            let name = match code.source().name() {
                "" => "<anonymous>",
                name => name,
            };
            lines.push(match info.name.map(|name| code.string(name).to_utf8_lossy()) {
                Some(function) if !function.is_empty() => format!("    at {function} ({name}:{line}:{column})"),
                _ => format!("    at {name}:{line}:{column}"),
            });
        }
        lines.join("\n")
    }
}
