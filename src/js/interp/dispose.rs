//! Explicit resource management (§7.5): lists of resources in arrays, three elements each: value, method, hint.

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;

impl<'s> Cx<'s> {
    /// `DisposeAdd`: AddDisposableResource (§7.5.4).
    pub(in crate::js) fn dispose_add(&mut self, list: Local<'s>, value: Local<'s>, is_async: bool) -> Completion<()> {
        let mut method = Local::UNDEFINED;
        if value.is_nullish() {
            if !is_async {
                return Ok(());
            }
        } else {
            if !value.is_object() {
                let text = self.display(value);
                return Err(self.type_error(&format!("{text} is not an object: it cannot be disposed of")));
            }
            method = self.dispose_method(value, is_async)?;
            if method.is_undefined() {
                return Err(self.type_error("The resource has no dispose method"));
            }
        }
        self.array_push(list, value)?;
        self.array_push(list, method)?;
        self.array_push(list, Local::bool(is_async))
    }

    /// GetDisposeMethod (§7.5.6).
    ///
    /// # Errors
    ///
    /// A TypeError when it is no function.
    pub fn dispose_method(&mut self, value: Local<'s>, is_async: bool) -> Completion<Local<'s>> {
        if is_async {
            let method = self.get_method(value, Name::sym_asyncDispose.key())?;
            if !method.is_undefined() {
                return Ok(method);
            }
            let method = self.get_method(value, Name::sym_dispose.key())?;
            if method.is_undefined() {
                return Ok(method);
            }
            // A synchronous method is awaited as if it gave undefined.
            return self.new_capturing(call_and_forget, 0, &[method]);
        }
        self.get_method(value, Name::sym_dispose.key())
    }

    /// `DisposeNext`: a step of DisposeResources (§7.5.8).
    pub(super) fn dispose_next(&mut self, fp: usize, to: u16, list: Local<'s>) -> Completion<()> {
        let length = self.array_length(list);
        let Some(first) = length.checked_sub(3) else {
            self.write_register(fp, to, Local::int(0));
            return Ok(());
        };
        let reference = self.reference(list);
        let [value, method, is_async] = [0, 1, 2].map(|nth| self.own_element(reference, first + nth).map(|(value, _)| value));
        let undefined = crate::js::value::Value::UNDEFINED;
        let value = self.local(value.unwrap_or(undefined));
        let method = self.local(method.unwrap_or(undefined));
        let is_async = is_async.and_then(crate::js::value::Value::as_bool) == Some(true);
        self.truncate_array(list, first);
        let result = if method.is_undefined() { Local::UNDEFINED } else { self.call(method, value, &[])? };
        self.write_register(fp, to, Local::int(if is_async { 1 } else { 2 }));
        self.write_register(fp, to + 1, result);
        Ok(())
    }

    /// `Suppress`.
    pub(super) fn suppress(&mut self, fp: usize, has: u16, error: u16, new: Local<'s>) -> Completion<()> {
        let mut result = new;
        if self.register(fp, has).as_bool() == Some(true) {
            let suppressed = self.register(fp, error);
            let object = self.make_of(Class::Error, Intrinsic::SuppressedErrorPrototype)?;
            self.add_named(object, Name::error.local(), new, Attributes::HIDDEN)?;
            self.add_named(object, Name::suppressed.local(), suppressed, Attributes::HIDDEN)?;
            self.capture_stack(object)?;
            result = object;
        }
        self.write_register(fp, error, result);
        self.write_register(fp, has, Local::TRUE);
        Ok(())
    }
}

/// What GetDisposeMethod makes of a synchronous method for `await using`.
fn call_and_forget<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let method = cx.captured(args, 0);
    cx.call(method, this, &[])?;
    Ok(Local::UNDEFINED)
}
