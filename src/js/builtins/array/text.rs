//! join, toString and toLocaleString (§23.1.3).
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::string::{MAX_LENGTH, Text};

/// Code units of a text that is put together: of one byte each as long as that is enough.
#[derive(Debug, Default)]
pub(in crate::js) struct TextBuilder {
    narrow: Vec<u8>,
    wide: Option<Vec<u16>>,
}

impl TextBuilder {
    /// How many code units there are.
    pub fn len(&self) -> usize {
        self.wide.as_ref().map_or(self.narrow.len(), Vec::len)
    }

    /// Puts a text behind the others. `false` when it would be too long for a string.
    pub fn push(&mut self, text: Text<'_>) -> bool {
        if self.len() + text.len() > MAX_LENGTH {
            return false;
        }
        match (text, &mut self.wide) {
            (Text::Latin1(bytes), None) => self.narrow.extend_from_slice(bytes),
            (Text::Latin1(bytes), Some(wide)) => wide.extend(bytes.iter().map(|&byte| u16::from(byte))),
            (Text::Utf16(units), Some(wide)) => wide.extend_from_slice(units),
            (Text::Utf16(units), None) => {
                let mut wide: Vec<u16> = std::mem::take(&mut self.narrow).into_iter().map(u16::from).collect();
                wide.extend_from_slice(units);
                self.wide = Some(wide);
            }
        }
        true
    }

    /// All of it.
    pub fn text(&self) -> Text<'_> {
        self.wide.as_deref().map_or(Text::Latin1(&self.narrow), Text::Utf16)
    }
}

impl<'s> Cx<'s> {
    /// Puts a string behind a text.
    pub(in crate::js) fn append_string(&mut self, builder: &mut TextBuilder, string: Local<'_>) -> Completion<()> {
        self.flatten(string)?;
        if builder.push(self.text(string)) { Ok(()) } else { Err(self.range_error("Invalid string length")) }
    }

    /// Runs a join of an object, unless that object is being joined already: a cycle gives the empty string.
    pub(in crate::js) fn without_cycles(
        &mut self,
        object: Local<'s>,
        run: impl FnOnce(&mut Self) -> Completion<Local<'s>>,
    ) -> Completion<Local<'s>> {
        let Some(slot) = object.slot() else { return Ok(Name::empty.local()) };
        let (stack, joining) = (&self.agent.roots.stack, &self.agent.joining);
        if joining.iter().any(|&other| stack[other] == stack[slot]) {
            return Ok(Name::empty.local());
        }
        self.agent.joining.push(slot);
        let result = run(self);
        self.agent.joining.pop();
        result
    }
}

/// Array.prototype.join (§23.1.3.18).
pub(super) fn join<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    let object = cx.to_object(this)?;
    cx.without_cycles(object, |cx| {
        // 2.
        let length = cx.length_of_array_like(object)?;
        // 3. and 4.
        let separator = cx.arg(args, 0);
        let separator = if separator.is_undefined() { cx.string(",")? } else { cx.to_string(separator)? };
        if length.saturating_sub(1).saturating_mul(cx.string_length(separator) as u64) > MAX_LENGTH as u64 {
            return Err(cx.range_error("Invalid string length"));
        }
        // 5. to 8.
        let mut text = TextBuilder::default();
        for index in 0..length {
            let mut cx = cx.open();
            if index > 0 {
                cx.append_string(&mut text, separator)?;
            }
            let element = cx.get_at(object, index)?;
            if !element.is_nullish() {
                let string = cx.to_string(element)?;
                cx.append_string(&mut text, string)?;
            }
        }
        cx.string_of(text.text())
    })
}

/// Array.prototype.toString (§23.1.3.36).
pub(super) fn to_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    // 1. and 2.
    let array = cx.to_object(this)?;
    let join = cx.get(array, Name::join.key())?;
    // 3. and 4.
    if cx.is_callable(join) {
        return cx.call(join, array, &[]);
    }
    crate::js::builtins::object::to_string(cx, array, args)
}

/// Array.prototype.toLocaleString (§23.1.3.32).
pub(super) fn to_locale_string<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    // 1.
    let array = cx.to_object(this)?;
    cx.without_cycles(array, |cx| {
        // 2. to 4.
        let length = cx.length_of_array_like(array)?;
        let mut text = TextBuilder::default();
        // 5. and 6.
        for index in 0..length {
            let mut cx = cx.open();
            if index > 0 && !text.push(Text::Latin1(b",")) {
                return Err(cx.range_error("Invalid string length"));
            }
            let element = cx.get_at(array, index)?;
            if !element.is_nullish() {
                let string = cx.invoke(element, Name::toLocaleString.key(), &[])?;
                let string = cx.to_string(string)?;
                cx.append_string(&mut text, string)?;
            }
        }
        // 7.
        cx.string_of(text.text())
    })
}
