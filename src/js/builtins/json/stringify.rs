//! JSON.stringify (§25.5.4).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::convert::number::number_to_text;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::operations::PropertyPart;
use crate::js::string::Text;

/// The state of a serialization (§25.5.4, step 5).
struct Writer<'s> {
    replacer: Local<'s>,
    /// The names that a replacer array allows.
    names: Option<Vec<Key<'s>>>,
    /// What is being written, to find circles.
    path: Vec<Local<'s>>,
    gap: Vec<u16>,
    out: Vec<u16>,
}

/// JSON.stringify ( value \[ , replacer \[ , space \] \] ) (§25.5.4).
pub(super) fn stringify<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (value, replacer) = (cx.arg(args, 0), cx.arg(args, 1));
    let names = if cx.is_callable(replacer) { None } else { allowed_names(cx, replacer)? };
    let replacer = if cx.is_callable(replacer) { replacer } else { Local::UNDEFINED };
    let gap = gap(cx, cx.arg(args, 2))?;
    let wrapper = cx.new_object()?;
    cx.create_data_property_or_throw(wrapper, Name::empty.key(), value)?;
    let mut writer = Writer { replacer, names, path: Vec::new(), gap, out: Vec::new() };
    if !writer.property(cx, wrapper, Name::empty.key(), value)? {
        return Ok(Local::UNDEFINED);
    }
    cx.string_utf16(&writer.out)
}

/// 4.b. of JSON.stringify: the list of a replacer that is an array.
fn allowed_names<'s>(cx: &mut Cx<'s>, replacer: Local<'s>) -> Completion<Option<Vec<Key<'s>>>> {
    if !cx.is_array(replacer)? {
        return Ok(None);
    }
    let mut names: Vec<Key<'s>> = Vec::new();
    for index in 0..cx.length_of_array_like(replacer)? {
        let key = cx.key_of_number(index as f64)?;
        let element = cx.get(replacer, key)?;
        let is_name =
            element.is_string() || element.is_number() || matches!(cx.class_of(element), Some(Class::String | Class::Number));
        if is_name {
            let string = cx.to_string(element)?;
            let key = cx.key_of_string(string)?;
            if !names.iter().any(|&other| cx.same_key(other, key)) {
                names.push(key);
            }
        }
    }
    Ok(Some(names))
}

/// 5. to 8. of JSON.stringify: what lines are indented by.
fn gap<'s>(cx: &mut Cx<'s>, space: Local<'s>) -> Completion<Vec<u16>> {
    let space = match cx.class_of(space) {
        Some(Class::Number) => Local::number(cx.to_number(space)?),
        Some(Class::String) => cx.to_string(space)?,
        _ => space,
    };
    if space.is_number() {
        let count = cx.to_integer_or_infinity(space)?.clamp(0.0, 10.0) as usize;
        return Ok(vec![0x20; count]);
    }
    if space.is_string() {
        let mut units = cx.code_units(space)?;
        units.truncate(10);
        return Ok(units);
    }
    Ok(Vec::new())
}

/// QuoteJSONString (§25.5.4.3).
fn quote(out: &mut Vec<u16>, text: Text<'_>) {
    out.push(u16::from(b'"'));
    for (place, unit) in text.units().enumerate() {
        let escape = match unit {
            0x08 => "\\b",
            0x09 => "\\t",
            0x0a => "\\n",
            0x0c => "\\f",
            0x0d => "\\r",
            0x22 => "\\\"",
            0x5c => "\\\\",
            0..0x20 => {
                out.extend(format!("\\u{unit:04x}").encode_utf16());
                continue;
            }
            0xd800..0xe000 => {
                let is_pair = match unit {
                    0xd800..0xdc00 => text.get(place + 1).is_some_and(|next| (0xdc00..0xe000).contains(&next)),
                    _ => place > 0 && (0xd800..0xdc00).contains(&text.at(place - 1)),
                };
                if is_pair {
                    out.push(unit);
                } else {
                    out.extend(format!("\\u{unit:04x}").encode_utf16());
                }
                continue;
            }
            _ => {
                out.push(unit);
                continue;
            }
        };
        out.extend(escape.encode_utf16());
    }
    out.push(u16::from(b'"'));
}

impl<'s> Writer<'s> {
    fn push(&mut self, text: &str) {
        self.out.extend(text.encode_utf16());
    }

    fn line(&mut self, depth: usize) {
        if !self.gap.is_empty() {
            self.out.push(0x0a);
            for _ in 0..depth {
                self.out.extend_from_slice(&self.gap);
            }
        }
    }

    /// SerializeJSONProperty (§25.5.4.2). Whether there is anything to be written.
    fn property(&mut self, cx: &mut Cx<'s>, holder: Local<'s>, key: Key<'s>, value: Local<'s>) -> Completion<bool> {
        let mut value = value;
        // 2. toJSON
        if value.is_object() || value.is_bigint() {
            let method = cx.get_v(value, Name::toJSON.key())?;
            if cx.is_callable(method) {
                let name = cx.key_value(key)?;
                value = cx.call(method, value, &[name])?;
            }
        }
        // 3. The replacer
        if !self.replacer.is_undefined() {
            let name = cx.key_value(key)?;
            value = cx.call(self.replacer, holder, &[name, value])?;
        }
        // 4. Wrappers
        match cx.class_of(value) {
            Some(Class::RawJson) => {
                let raw = cx.get(value, Name::rawJSON.key())?;
                let units = cx.code_units(raw)?;
                self.out.extend(units);
                return Ok(true);
            }
            Some(Class::Number) => value = Local::number(cx.to_number(value)?),
            Some(Class::String) => value = cx.to_string(value)?,
            Some(Class::Boolean | Class::BigInt) => value = cx.field(value, 0),
            _ => {}
        }
        // 5. to 12.
        if value.is_null() {
            self.push("null");
        } else if let Some(bool) = value.as_bool() {
            self.push(if bool { "true" } else { "false" });
        } else if value.is_string() {
            cx.flatten(value)?;
            quote(&mut self.out, cx.text(value));
        } else if let Some(number) = value.as_number() {
            self.push(&if number.is_finite() { number_to_text(number) } else { "null".to_owned() });
        } else if value.is_bigint() {
            return Err(cx.type_error("Do not know how to serialize a BigInt"));
        } else if value.is_object() && !cx.is_callable(value) {
            if cx.is_array(value)? { self.array(cx, value)? } else { self.object(cx, value)? }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn enter(&mut self, cx: &mut Cx<'s>, object: Local<'s>) -> Completion<()> {
        cx.check_stack(0)?;
        cx.poll()?;
        if self.path.iter().any(|&other| cx.same_value(other, object)) {
            return Err(cx.type_error("Converting circular structure to JSON"));
        }
        self.path.push(object);
        Ok(())
    }

    /// SerializeJSONObject (§25.5.4.5).
    fn object(&mut self, cx: &mut Cx<'s>, object: Local<'s>) -> Completion<()> {
        self.enter(cx, object)?;
        let keys = match &self.names {
            Some(names) => names.clone(),
            None => {
                let names = cx.enumerable_own_properties(object, PropertyPart::Key)?;
                names.into_iter().map(|name| cx.key_of_string(name)).collect::<Completion<Vec<_>>>()?
            }
        };
        self.push("{");
        let mut is_first = true;
        for key in keys {
            let value = cx.get(object, key)?;
            let mark = self.out.len();
            if !is_first {
                self.push(",");
            }
            self.line(self.path.len());
            let name = cx.key_value(key)?;
            cx.flatten(name)?;
            quote(&mut self.out, cx.text(name));
            self.push(if self.gap.is_empty() { ":" } else { ": " });
            if self.property(cx, object, key, value)? {
                is_first = false;
            } else {
                self.out.truncate(mark);
            }
        }
        self.path.pop();
        if !is_first {
            self.line(self.path.len());
        }
        self.push("}");
        Ok(())
    }

    /// SerializeJSONArray (§25.5.4.6).
    fn array(&mut self, cx: &mut Cx<'s>, array: Local<'s>) -> Completion<()> {
        self.enter(cx, array)?;
        let length = cx.length_of_array_like(array)?;
        self.push("[");
        for index in 0..length {
            if index != 0 {
                self.push(",");
            }
            self.line(self.path.len());
            let key = cx.key_of_number(index as f64)?;
            let value = cx.get(array, key)?;
            if !self.property(cx, array, key, value)? {
                self.push("null");
            }
        }
        self.path.pop();
        if length != 0 {
            self.line(self.path.len());
        }
        self.push("]");
        Ok(())
    }
}
