//! Calls with spread arguments, eval (§19.2.1.1), running scripts (§16.1.6), functions of strings (§20.2.1.1.1).

use crate::base::sync::Arc;
use crate::js::bytecode::{Instruction, Op, ScriptCode};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::interp::loaded::{SCRIPT_HOST, text};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::Local;
use crate::js::parse::ast::{EvalContext, FunctionId, ScopeId, Text as SourceString};
use crate::js::parse::{self, DynamicFunction, ParseOptions, SyntaxError};
use crate::js::source::SourceText;
use crate::js::string::Text;
use crate::js::value::Value;

/// The engine's text as a source text's.
fn source_string(text: Text<'_>) -> SourceString {
    match text {
        Text::Latin1(bytes) => SourceString::Latin1(bytes.into()),
        Text::Utf16(units) => SourceString::from_units(units),
    }
}

impl<'s> Cx<'s> {
    /// `CallSpread`, `NewSpread`, `SuperCallSpread`, `CallEval`, `CallEvalSpread`.
    pub(super) fn spread_call(&mut self, fp: usize, word: Instruction) -> Completion<Value> {
        let base = word.b();
        let callee = self.register(fp, base);
        let args: Vec<Local<'s>> = match word.op() {
            Op::CallEval => (0..word.c()).map(|nth| self.register(fp, base + 2 + nth)).collect(),
            _ => {
                let array = self.register(fp, base + 2);
                match self.plain_elements(array) {
                    Some(elements) => elements,
                    None => self.list_from_array_like(array)?,
                }
            }
        };
        let result = match word.op() {
            Op::NewSpread | Op::SuperCallSpread => {
                if !self.is_constructor(callee) {
                    let text = self.display(callee);
                    return Err(self.type_error(&format!("{text} is not a constructor")));
                }
                let new_target = if word.op() == Op::NewSpread { callee } else { self.register(fp, base + 1) };
                self.construct(callee, &args, new_target)?
            }
            Op::CallEval | Op::CallEvalSpread => {
                let eval = self.intrinsic(Intrinsic::Eval);
                if callee.is_object() && self.value(callee) == self.value(eval) {
                    let scope = self.frame().code().code.get(self.frame().pc as usize).map_or(0, |extra| extra.bc());
                    let argument = args.first().copied().unwrap_or(Local::UNDEFINED);
                    self.direct_eval(argument, ScopeId(scope))?
                } else {
                    let this = self.register(fp, base + 1);
                    self.call(callee, this, &args)?
                }
            }
            _ => {
                let this = self.register(fp, base + 1);
                self.call(callee, this, &args)?
            }
        };
        Ok(self.value(result))
    }

    /// `ReturnDerived`.
    pub(super) fn derived_result(&mut self, value: Value, this: Value) -> Completion<Value> {
        if value.is_object() {
            return Ok(value);
        }
        if !value.is_undefined() {
            return Err(self.type_error("Derived constructors may only return object or undefined"));
        }
        if this.is_uninitialized() {
            return Err(self.no_this());
        }
        Ok(this)
    }

    /// A SyntaxError of the parser as an exception.
    #[cold]
    pub(in crate::js) fn throw_syntax_error(&mut self, source: &str, error: &SyntaxError) -> Thrown {
        let place = if source.is_empty() { String::new() } else { format!("{source}:") };
        self.syntax_error(&format!("{} ({place}{}:{})", error.message, error.line, error.column))
    }

    fn direct_eval(&mut self, argument: Local<'s>, scope: ScopeId) -> Completion<Local<'s>> {
        if !argument.is_string() {
            return Ok(argument);
        }
        let script = self.script_of(self.frame().function);
        let context = EvalContext::of(self.script_code(script).parsed(), scope);
        let environment = self.frame().environment;
        let environment = self.local(environment);
        self.run_eval(argument, ParseOptions::DirectEval(context), environment)
    }

    /// PerformEval (§19.2.1.1) of an indirect eval.
    ///
    /// # Errors
    ///
    /// A SyntaxError; what the code throws.
    pub fn indirect_eval(&mut self, argument: Local<'s>) -> Completion<Local<'s>> {
        if !argument.is_string() {
            return Ok(argument);
        }
        self.run_eval(argument, ParseOptions::IndirectEval, Local::NULL)
    }

    fn run_eval(&mut self, argument: Local<'_>, options: ParseOptions, environment: Local<'_>) -> Completion<Local<'s>> {
        self.flatten(argument)?;
        let source = Arc::new(SourceText::from_text("", source_string(self.text(argument))));
        match parse::parse(source, options) {
            Ok(parsed) => self.run_code_of(&ScriptCode::new(parsed), environment),
            Err(error) => Err(self.throw_syntax_error("", &error)),
        }
    }

    /// Runs a script's function 0 in an Environment, in the current realm.
    fn run_code_of(&mut self, code: &Arc<ScriptCode>, environment: Local<'_>) -> Completion<Local<'s>> {
        let script = self.load_script(code)?;
        if code.source().name().is_empty() {
            let host = self.inherited_host()?;
            let thing = self.reference(script);
            self.write_value(thing, SCRIPT_HOST, host);
        }
        let function = self.function_thing(self.reference(script), FunctionId(0))?;
        let prototype = self.intrinsic(Intrinsic::FunctionPrototype);
        let closure = self.bare_closure(function, environment, prototype)?;
        self.call(closure, Local::UNDEFINED, &[])
    }

    /// ScriptEvaluation (§16.1.6): the completion value.
    ///
    /// # Errors
    ///
    /// What the script throws.
    pub fn run_script(&mut self, code: &Arc<ScriptCode>) -> Completion<Local<'s>> {
        self.run_code_of(code, Local::NULL)
    }

    /// CreateDynamicFunction (§20.2.1.1.1). The constructor is the active function; `new_target` undefined means the constructor.
    ///
    /// # Errors
    ///
    /// A SyntaxError; what conversions of the arguments throw.
    pub fn create_dynamic_function(
        &mut self,
        constructor: Local<'s>,
        new_target: Local<'s>,
        kind: DynamicFunction,
        args: &[Local<'s>],
    ) -> Completion<Local<'s>> {
        let new_target = if new_target.is_undefined() { constructor } else { new_target };
        let mut strings = Vec::new();
        for &arg in args {
            let string = self.to_string(arg)?;
            strings.push(self.code_units(string)?);
        }
        let body = strings.pop().unwrap_or_default();
        let parameters = strings.join(&u16::from(b','));
        let (parameters, body) = (SourceString::from_units(&parameters), SourceString::from_units(&body));
        let parsed = match parse::parse_function("", kind, &parameters, &body) {
            Ok(parsed) => parsed,
            Err(error) => return Err(self.throw_syntax_error("", &error)),
        };
        let id = dynamic_function(&parsed);
        let default = match kind {
            DynamicFunction::Normal => Intrinsic::FunctionPrototype,
            DynamicFunction::Generator => Intrinsic::GeneratorFunctionPrototype,
            DynamicFunction::Async => Intrinsic::AsyncFunctionPrototype,
            DynamicFunction::AsyncGenerator => Intrinsic::AsyncGeneratorFunctionPrototype,
        };
        let prototype = self.prototype_from_constructor(new_target, default)?;
        let script = self.load_script(&ScriptCode::new(parsed))?;
        let host = self.inherited_host()?;
        let thing = self.reference(script);
        self.write_value(thing, SCRIPT_HOST, host);
        let function = self.function_thing(thing, id)?;
        let closure = self.new_closure(function, Local::NULL)?;
        self.set_prototype_of(closure, prototype)?;
        Ok(closure)
    }

    /// A string of the engine's for a text of the parser's.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub fn source_text(&mut self, string: &SourceString) -> Completion<Local<'s>> {
        self.string_of(text(string))
    }
}

/// The function that is the whole text.
fn dynamic_function(parsed: &crate::js::parse::ast::ParsedScript) -> FunctionId {
    use crate::js::parse::ast::{Body, Expression, Statement};
    match &parsed.function(FunctionId(0)).body {
        Body::Statements(statements) => match &**statements {
            [Statement::Expression(Expression::Function(id))] => *id,
            _ => FunctionId(1),
        },
        _ => FunctionId(1),
    }
}
