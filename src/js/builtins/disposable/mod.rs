//! DisposableStack and AsyncDisposableStack (§27.3, §27.4).
//!
//! | file | what |
//! |---|---|
//! | `mod` | what both have: the list of resources, in the form that the interpreter's `using` has, too |
//! | `stack` | `DisposableStack` |
//! | `async_stack` | `AsyncDisposableStack` |
#![forbid(unsafe_code)]

mod async_stack;
mod stack;

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;
use crate::js::value::Value;

/// The resources: three elements each, value, method, whether it is asynchronous.
const RESOURCES: u32 = 0;
/// [[DisposableState]]: whether it is disposed.
const IS_DISPOSED: u32 = 1;

/// Makes `DisposableStack` and `AsyncDisposableStack`.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    stack::install(&mut cx.open())?;
    async_stack::install(&mut cx.open())
}

/// A resource that was taken from a list.
struct Resource<'s> {
    value: Local<'s>,
    method: Local<'s>,
    is_async: bool,
}

impl<'s> Cx<'s> {
    /// RequireInternalSlot of a method.
    fn require_stack(&mut self, this: Local<'_>, class: Class, method: &str) -> Completion<()> {
        if self.is(this, class) {
            return Ok(());
        }
        let text = self.display(this);
        Err(self.type_error(&format!("Method {class:?}.prototype.{method} called on incompatible receiver {text}")))
    }

    /// The same, and that it is not disposed: a ReferenceError. Gives the list.
    fn require_pending(&mut self, this: Local<'_>, class: Class, method: &str) -> Completion<Local<'s>> {
        self.require_stack(this, class, method)?;
        if self.field_value(this, IS_DISPOSED) == Value::TRUE {
            return Err(self.reference_error(&format!("Cannot call {method} on a disposed {class:?}")));
        }
        Ok(self.field(this, RESOURCES))
    }

    /// A new stack without resources.
    fn start_stack(&mut self, stack: Local<'_>) -> Completion<()> {
        let list = self.new_array(0)?;
        self.set_field(stack, RESOURCES, list);
        self.set_field_value(stack, IS_DISPOSED, Value::FALSE);
        Ok(())
    }

    /// AddDisposableResource (§7.5.4) with a method that is there: what is called gets no value.
    fn add_disposer(&mut self, list: Local<'_>, method: Local<'_>, is_async: bool) -> Completion<()> {
        for local in [Local::UNDEFINED, method, Local::bool(is_async)] {
            self.array_push(list, local)?;
        }
        Ok(())
    }

    /// The last resource of a list, which stays there.
    fn last_resource(&mut self, list: Local<'_>) -> Option<Resource<'s>> {
        let first = self.array_length(list).checked_sub(3)?;
        let reference = self.reference(list);
        let [value, method, is_async] =
            [0, 1, 2].map(|nth| self.own_element(reference, first + nth).map_or(Value::UNDEFINED, |(value, _)| value));
        Some(Resource { value: self.local(value), method: self.local(method), is_async: is_async == Value::TRUE })
    }

    fn drop_last_resource(&mut self, list: Local<'_>) {
        let length = self.array_length(list);
        self.truncate_array(list, length.saturating_sub(3));
    }

    /// What is thrown when disposing throws `error` and something was thrown before: a SuppressedError.
    ///
    /// # Errors
    ///
    /// A termination when memory is out.
    pub(in crate::js) fn suppressed_error(&mut self, error: Local<'_>, suppressed: Local<'_>) -> Completion<Local<'s>> {
        let object = self.make_of(Class::Error, Intrinsic::SuppressedErrorPrototype)?;
        self.add_named(object, Name::error.local(), error, Attributes::HIDDEN)?;
        self.add_named(object, Name::suppressed.local(), suppressed, Attributes::HIDDEN)?;
        self.capture_stack(object)?;
        Ok(object)
    }

    /// DisposeResources (§7.5.8) of a list without asynchronous resources. `before` is what was thrown before.
    ///
    /// # Errors
    ///
    /// What was thrown before, or methods throw.
    pub(in crate::js) fn dispose_resources(&mut self, list: Local<'_>, before: Option<Thrown>) -> Completion<()> {
        let mut cx = self.open();
        let error = cx.root(Local::UNDEFINED);
        let mut has_error = false;
        if let Some(thrown) = before {
            let before = cx.take_exception(thrown)?;
            cx.set_root(error, before);
            has_error = true;
        }
        loop {
            let mut cx = cx.open();
            let Some(resource) = cx.last_resource(list) else { break };
            cx.drop_last_resource(list);
            if let Err(thrown) = cx.call(resource.method, resource.value, &[]) {
                let mut new = cx.take_exception(thrown)?;
                if has_error {
                    let old = cx.get_root(error);
                    new = cx.suppressed_error(new, old)?;
                }
                cx.set_root(error, new);
                has_error = true;
            }
        }
        if has_error {
            let error = cx.get_root(error);
            return Err(cx.throw(error));
        }
        Ok(())
    }
}

/// The function that `adopt` makes (§27.3.3.1): it calls what it is to call with the value.
fn call_adopted<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (value, method) = (cx.captured(args, 0), cx.captured(args, 1));
    cx.call(method, Local::UNDEFINED, &[value])
}

/// `use`, `adopt`, `defer` and `move` of one of the classes, and `disposed`.
fn add_resource<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, class: Class) -> Completion<Local<'s>> {
    let list = cx.require_pending(this, class, "use")?;
    // 4. Perform ? AddDisposableResource(capability, value, hint).
    let value = cx.arg(args, 0);
    cx.dispose_add(list, value, class == Class::AsyncDisposableStack)?;
    Ok(value)
}

fn adopt_resource<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, class: Class) -> Completion<Local<'s>> {
    let list = cx.require_pending(this, class, "adopt")?;
    let (value, method) = (cx.arg(args, 0), cx.arg(args, 1));
    require_disposer(cx, method)?;
    // 5. and 6. Let F be CreateBuiltinFunction(closure, 0, "", « »).
    let closure = cx.new_capturing(call_adopted, 0, &[value, method])?;
    cx.add_disposer(list, closure, class == Class::AsyncDisposableStack)?;
    Ok(value)
}

fn defer_call<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>, class: Class) -> Completion<Local<'s>> {
    let list = cx.require_pending(this, class, "defer")?;
    let method = cx.arg(args, 0);
    require_disposer(cx, method)?;
    cx.add_disposer(list, method, class == Class::AsyncDisposableStack)?;
    Ok(Local::UNDEFINED)
}

fn require_disposer<'s>(cx: &mut Cx<'s>, method: Local<'s>) -> Completion<()> {
    if cx.is_callable(method) {
        return Ok(());
    }
    let text = cx.display(method);
    Err(cx.type_error(&format!("{text} is not a function")))
}

fn move_resources<'s>(cx: &mut Cx<'s>, this: Local<'s>, class: Class, prototype: Intrinsic) -> Completion<Local<'s>> {
    let list = cx.require_pending(this, class, "move")?;
    let new = cx.make_of(class, prototype)?;
    cx.start_stack(new)?;
    cx.set_field(new, RESOURCES, list);
    let empty = cx.new_array(0)?;
    cx.set_field(this, RESOURCES, empty);
    cx.set_field_value(this, IS_DISPOSED, Value::TRUE);
    Ok(new)
}

fn is_disposed<'s>(cx: &mut Cx<'s>, this: Local<'s>, class: Class) -> Completion<Local<'s>> {
    cx.require_stack(this, class, "disposed")?;
    Ok(cx.field(this, IS_DISPOSED))
}
