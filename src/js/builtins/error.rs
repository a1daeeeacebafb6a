//! Error objects (§20.5), and what V8 adds to them: `stack`, `Error.captureStackTrace`, `Error.stackTraceLimit`.
#![forbid(unsafe_code)]

use crate::js::builtins::install::Constructor;
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;

/// The kinds of native errors (§20.5.5): name, constructor, prototype, what constructs.
const KINDS: [(Name, Intrinsic, Intrinsic, Native); 6] = [
    (Name::EvalError, Intrinsic::EvalError, Intrinsic::EvalErrorPrototype, construct_eval),
    (Name::RangeError, Intrinsic::RangeError, Intrinsic::RangeErrorPrototype, construct_range),
    (Name::ReferenceError, Intrinsic::ReferenceError, Intrinsic::ReferenceErrorPrototype, construct_reference),
    (Name::SyntaxError, Intrinsic::SyntaxError, Intrinsic::SyntaxErrorPrototype, construct_syntax),
    (Name::TypeError, Intrinsic::TypeError, Intrinsic::TypeErrorPrototype, construct_type),
    (Name::URIError, Intrinsic::UriError, Intrinsic::UriErrorPrototype, construct_uri),
];

/// Makes all kinds.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let described = Constructor {
        name: Name::Error,
        native: construct_error,
        length: 1,
        intrinsic: Intrinsic::Error,
        prototype: Intrinsic::ErrorPrototype,
    };
    let (error, prototype) = cx.install_constructor(described)?;
    fill_prototype(&mut cx, prototype, Name::Error)?;
    cx.install_method(prototype, Name::toString, 0, to_string)?;
    cx.install_accessor(prototype, Name::stack, Some(get_stack), Some(set_stack))?;
    cx.install_methods(error, &[(Name::isError, 1, is_error), (Name::captureStackTrace, 2, capture_stack_trace)])?;
    cx.define_data(error, Name::stackTraceLimit.key(), Local::int(10), Attributes::ALL)?;
    let more = [
        (Name::AggregateError, Intrinsic::AggregateError, Intrinsic::AggregateErrorPrototype, construct_aggregate as Native, 2),
        (Name::SuppressedError, Intrinsic::SuppressedError, Intrinsic::SuppressedErrorPrototype, construct_suppressed, 3),
    ];
    let kinds = KINDS.into_iter().map(|(name, intrinsic, prototype, native)| (name, intrinsic, prototype, native, 1));
    for (name, intrinsic, prototype, native, length) in kinds.chain(more) {
        let mut cx = cx.open();
        let above = cx.intrinsic(Intrinsic::ErrorPrototype);
        let own = cx.make_object(Class::Ordinary, above)?;
        let (_, own) = cx.install_constructor_with(Constructor { name, native, length, intrinsic, prototype }, error, own)?;
        fill_prototype(&mut cx, own, name)?;
    }
    Ok(())
}

fn fill_prototype<'s>(cx: &mut Cx<'s>, prototype: Local<'s>, name: Name) -> Completion<()> {
    cx.define_data(prototype, Name::name.key(), name.local(), Attributes::HIDDEN)?;
    cx.define_data(prototype, Name::message.key(), Name::empty.local(), Attributes::HIDDEN)
}

/// What all constructors begin with: the object, its message, its cause.
fn begin<'s>(cx: &mut Cx<'s>, args: Args<'s>, prototype: Intrinsic, message: usize) -> Completion<Local<'s>> {
    let target = if args.new_target().is_undefined() { cx.callee(args) } else { args.new_target() };
    let error = cx.create_from_constructor(Class::Error, target, prototype)?;
    let text = cx.arg(args, message);
    if !text.is_undefined() {
        let text = cx.to_string(text)?;
        cx.define_data(error, Name::message.key(), text, Attributes::HIDDEN)?;
    }
    Ok(error)
}

/// InstallErrorCause (§20.5.8.1), and the stack.
fn finish<'s>(cx: &mut Cx<'s>, error: Local<'s>, options: Local<'s>) -> Completion<()> {
    if options.is_object() && cx.has_property(options, Name::cause.key())? {
        let cause = cx.get(options, Name::cause.key())?;
        cx.define_data(error, Name::cause.key(), cause, Attributes::HIDDEN)?;
    }
    Ok(())
}

/// Error ( message \[ , options \] ) (§20.5.1.1), and NativeError (§20.5.6.1.1).
fn construct<'s>(cx: &mut Cx<'s>, args: Args<'s>, prototype: Intrinsic) -> Completion<Local<'s>> {
    let error = begin(cx, args, prototype, 0)?;
    let options = cx.arg(args, 1);
    finish(cx, error, options)?;
    cx.capture_stack(error)?;
    Ok(error)
}

fn construct_error<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::ErrorPrototype)
}

fn construct_eval<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::EvalErrorPrototype)
}

fn construct_range<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::RangeErrorPrototype)
}

fn construct_reference<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::ReferenceErrorPrototype)
}

fn construct_syntax<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::SyntaxErrorPrototype)
}

fn construct_type<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::TypeErrorPrototype)
}

fn construct_uri<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    construct(cx, args, Intrinsic::UriErrorPrototype)
}

/// AggregateError ( errors, message \[ , options \] ) (§20.5.7.1.1).
fn construct_aggregate<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let error = begin(cx, args, Intrinsic::AggregateErrorPrototype, 1)?;
    let (errors, options) = (cx.arg(args, 0), cx.arg(args, 2));
    finish(cx, error, options)?;
    let list = cx.iterable_to_list(errors)?;
    let list = cx.array_from(&list)?;
    cx.define_data(error, Name::errors.key(), list, Attributes::HIDDEN)?;
    cx.capture_stack(error)?;
    Ok(error)
}

/// SuppressedError ( error, suppressed, message ) (§20.5.8.1.1).
fn construct_suppressed<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = begin(cx, args, Intrinsic::SuppressedErrorPrototype, 2)?;
    cx.define_data(object, Name::error.key(), cx.arg(args, 0), Attributes::HIDDEN)?;
    cx.define_data(object, Name::suppressed.key(), cx.arg(args, 1), Attributes::HIDDEN)?;
    cx.capture_stack(object)?;
    Ok(object)
}

/// Error.isError ( arg ) (§20.5.2.1).
fn is_error<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.is(cx.arg(args, 0), Class::Error)))
}

fn stack_of(head: &str, trace: &str) -> String {
    if trace.is_empty() { head.to_owned() } else { format!("{head}\n{trace}") }
}

/// get Error.prototype.stack: the head line and the frames, made when it is asked for (not in the specification; see §20.5 for errors).
fn get_stack<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("get Error.prototype.stack called on non-object"));
    }
    if !cx.is(this, Class::Error) {
        return Ok(Local::UNDEFINED);
    }
    let head = cx.error_text(this)?;
    let trace = cx.stack_text(this);
    cx.string(&stack_of(&head, &trace))
}

/// set Error.prototype.stack: the object gets a property of its own.
fn set_stack<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    if this.is_object() && !value.is_string() {
        return Err(cx.type_error("Error.prototype.stack can only be set to a string"));
    }
    cx.set_ignoring_prototypes(this, Intrinsic::ErrorPrototype, Name::stack.key(), value)?;
    Ok(Local::UNDEFINED)
}

/// Error.captureStackTrace ( object ), as V8 has it: gives any object a `stack` (not in the specification; see §20.5 for errors).
fn capture_stack_trace<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let object = cx.arg(args, 0);
    if !object.is_object() {
        let text = cx.display(object);
        return Err(cx.type_error(&format!("Invalid argument: {text} is not an object")));
    }
    let head = cx.error_text(object)?;
    let trace = cx.current_stack_text()?;
    let stack = cx.string(&stack_of(&head, &trace))?;
    cx.define_data(object, Name::stack.key(), stack, Attributes::HIDDEN)?;
    Ok(Local::UNDEFINED)
}

impl<'s> Cx<'s> {
    /// The head line of an object's stack, as `Error.prototype.toString` would give it; nothing it does is seen when it throws.
    pub(in crate::js) fn error_text(&mut self, error: Local<'_>) -> Completion<String> {
        let mut cx = self.open();
        let error = cx.same(error);
        match error_to_string(&mut cx, error).and_then(|text| cx.rust_text(text)) {
            Ok(text) => Ok(text),
            Err(thrown) => {
                cx.take_exception(thrown)?;
                Ok("Error".to_owned())
            }
        }
    }
}

fn error_to_string<'s>(cx: &mut Cx<'s>, error: Local<'s>) -> Completion<Local<'s>> {
    // 3. to 6.
    let name = cx.get(error, Name::name.key())?;
    let name = if name.is_undefined() { Name::Error.local() } else { cx.to_string(name)? };
    let message = cx.get(error, Name::message.key())?;
    let message = if message.is_undefined() { Name::empty.local() } else { cx.to_string(message)? };
    // 7. to 9.
    if cx.string_length(name) == 0 {
        return Ok(message);
    }
    if cx.string_length(message) == 0 {
        return Ok(name);
    }
    let colon = cx.string(": ")?;
    let text = cx.concat(name, colon)?;
    cx.concat(text, message)
}

/// Error.prototype.toString ( ) (§20.5.3.4).
fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("Error.prototype.toString requires that 'this' be an Object"));
    }
    error_to_string(cx, this)
}
