//! JSON.parse (§25.5.2).
//!
//! The text is read by one recursive function into values at once. With a reviver the reader also notes where the source text of each primitive
//! value is, in a tree of the same form, for `context.source`.
#![forbid(unsafe_code)]

use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::{Args, Key, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::string::Text;

/// JSON.parse ( text \[ , reviver \] ) (§25.5.2).
pub(super) fn parse<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = cx.to_string(cx.arg(args, 0))?;
    let units = cx.code_units(string)?;
    let reviver = cx.arg(args, 1);
    let is_revived = cx.is_callable(reviver);
    let mut reader = Reader { units: &units, at: 0, notes: is_revived };
    let (value, note) = reader.text(cx)?;
    if !is_revived {
        return Ok(value);
    }
    let root = cx.new_object()?;
    cx.create_data_property_or_throw(root, Name::empty.key(), value)?;
    internalize(cx, root, Name::empty.key(), reviver, Some(&note), &units)
}

/// The value of a text.
pub(super) fn value_of<'s>(cx: &mut Cx<'s>, units: &[u16]) -> Completion<Local<'s>> {
    Ok(Reader { units, at: 0, notes: false }.text(cx)?.0)
}

/// Where a value's source text is.
enum Note<'s> {
    /// A primitive value, and its text.
    Primitive(Local<'s>, std::ops::Range<usize>),
    Array(Vec<Note<'s>>),
    Object(Vec<(Key<'s>, Note<'s>)>),
    None,
}

struct Reader<'a> {
    units: &'a [u16],
    at: usize,
    notes: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u16> {
        self.units.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|unit| matches!(unit, 0x09 | 0x0a | 0x0d | 0x20)) {
            self.at += 1;
        }
    }

    #[cold]
    fn error(&self, cx: &mut Cx<'_>) -> Thrown {
        match char::decode_utf16(self.units[self.at.min(self.units.len())..].iter().copied()).next() {
            None => cx.syntax_error("Unexpected end of JSON input"),
            Some(char) => {
                let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
                let before = &self.units[..self.at];
                let line = before.iter().filter(|&&unit| unit == 0x0a).count() + 1;
                let column = before.iter().rev().take_while(|&&unit| unit != 0x0a).count() + 1;
                cx.syntax_error(&format!(
                    "Unexpected token '{char}' in JSON at position {} (line {line} column {column})",
                    self.at
                ))
            }
        }
    }

    fn text<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<(Local<'s>, Note<'s>)> {
        let result = self.value(cx)?;
        self.skip_space();
        if self.at < self.units.len() { Err(self.error(cx)) } else { Ok(result) }
    }

    fn value<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<(Local<'s>, Note<'s>)> {
        self.skip_space();
        let start = self.at;
        let value = match self.peek().map(|unit| u8::try_from(unit).unwrap_or(0)) {
            Some(b'{') => return self.object(cx),
            Some(b'[') => return self.array(cx),
            Some(b'"') => self.string(cx)?,
            Some(b'-' | b'0'..=b'9') => self.number(cx)?,
            Some(b't') => self.word(cx, "true", Local::TRUE)?,
            Some(b'f') => self.word(cx, "false", Local::FALSE)?,
            Some(b'n') => self.word(cx, "null", Local::NULL)?,
            _ => return Err(self.error(cx)),
        };
        let note = if self.notes { Note::Primitive(value, start..self.at) } else { Note::None };
        Ok((value, note))
    }

    fn word<'s>(&mut self, cx: &mut Cx<'s>, word: &str, value: Local<'s>) -> Completion<Local<'s>> {
        for byte in word.bytes() {
            if self.peek() != Some(u16::from(byte)) {
                return Err(self.error(cx));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, cx: &mut Cx<'_>) -> Completion<()> {
        let is_digit = |unit: u16| (0x30..=0x39).contains(&unit);
        if !self.peek().is_some_and(is_digit) {
            return Err(self.error(cx));
        }
        while self.peek().is_some_and(is_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn number<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<Local<'s>> {
        let start = self.at;
        if self.peek() == Some(u16::from(b'-')) {
            self.at += 1;
        }
        if self.peek() == Some(u16::from(b'0')) {
            self.at += 1
        } else {
            self.digits(cx)?
        }
        if self.peek() == Some(u16::from(b'.')) {
            self.at += 1;
            self.digits(cx)?;
        }
        if self.peek().is_some_and(|unit| unit | 0x20 == u16::from(b'e')) {
            self.at += 1;
            if self.peek().is_some_and(|unit| unit == u16::from(b'+') || unit == u16::from(b'-')) {
                self.at += 1;
            }
            self.digits(cx)?;
        }
        let ascii: Vec<u8> = self.units[start..self.at].iter().map(|&unit| unit as u8).collect();
        Ok(Local::number(fast_float2::parse(&ascii).unwrap_or(f64::NAN)))
    }

    /// The code units of a string, whose quote comes next.
    fn string_units(&mut self, cx: &mut Cx<'_>) -> Completion<Vec<u16>> {
        self.at += 1;
        let start = self.at;
        // Most have no escapes.
        while self.peek().is_some_and(|unit| unit >= 0x20 && unit != u16::from(b'"') && unit != u16::from(b'\\')) {
            self.at += 1;
        }
        let mut units = self.units[start..self.at].to_vec();
        loop {
            let Some(unit) = self.peek().filter(|&unit| unit >= 0x20) else { return Err(self.error(cx)) };
            self.at += 1;
            match u8::try_from(unit).unwrap_or(0) {
                b'"' => return Ok(units),
                b'\\' => units.push(self.escape(cx)?),
                _ => units.push(unit),
            }
        }
    }

    fn escape(&mut self, cx: &mut Cx<'_>) -> Completion<u16> {
        let unit = match self.peek().map(|unit| u8::try_from(unit).unwrap_or(0)) {
            Some(char @ (b'"' | b'\\' | b'/')) => u16::from(char),
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => 0x0a,
            Some(b'r') => 0x0d,
            Some(b't') => 0x09,
            Some(b'u') => {
                let mut unit = 0;
                for _ in 0..4 {
                    self.at += 1;
                    let digit = self.peek().and_then(|unit| char::from_u32(u32::from(unit))?.to_digit(16));
                    let Some(digit) = digit else { return Err(self.error(cx)) };
                    unit = unit << 4 | digit as u16;
                }
                unit
            }
            _ => return Err(self.error(cx)),
        };
        self.at += 1;
        Ok(unit)
    }

    fn string<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<Local<'s>> {
        let units = self.string_units(cx)?;
        cx.string_utf16(&units)
    }

    fn array<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<(Local<'s>, Note<'s>)> {
        cx.check_stack(0)?;
        let array = cx.new_array(0)?;
        let mut notes = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(u16::from(b']')) {
            self.at += 1;
            return Ok((array, Note::Array(notes)));
        }
        loop {
            if self.notes {
                let (value, note) = self.value(cx)?;
                cx.array_push(array, value)?;
                notes.push(note);
            } else {
                let mut cx = cx.open();
                let (value, _) = self.value(&mut cx)?;
                cx.array_push(array, value)?;
            }
            self.skip_space();
            match self.peek().map(|unit| u8::try_from(unit).unwrap_or(0)) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok((array, Note::Array(notes)));
                }
                _ => return Err(self.error(cx)),
            }
        }
    }

    fn object<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<(Local<'s>, Note<'s>)> {
        cx.check_stack(0)?;
        let object = cx.new_object()?;
        let mut notes: Vec<(Key<'s>, Note<'s>)> = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(u16::from(b'}')) {
            self.at += 1;
            return Ok((object, Note::Object(notes)));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(u16::from(b'"')) {
                return Err(self.error(cx));
            }
            if self.notes {
                let key = self.key(cx)?;
                let (value, note) = self.value(cx)?;
                cx.create_data_property(object, key, value)?;
                notes.retain(|&(other, _)| !cx.same_key(other, key));
                notes.push((key, note));
            } else {
                let mut cx = cx.open();
                let key = self.key(&mut cx)?;
                let (value, _) = self.value(&mut cx)?;
                put(&mut cx, object, key, value)?;
            }
            self.skip_space();
            match self.peek().map(|unit| u8::try_from(unit).unwrap_or(0)) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok((object, Note::Object(notes)));
                }
                _ => return Err(self.error(cx)),
            }
        }
    }

    /// A property's name and its colon.
    fn key<'s>(&mut self, cx: &mut Cx<'s>) -> Completion<Key<'s>> {
        let units = self.string_units(cx)?;
        let key = match Text::Utf16(&units).as_index() {
            Some(index) => Key::Index(index),
            None => Key::Name(cx.atom(Text::Utf16(&units))?),
        };
        self.skip_space();
        if self.peek() != Some(u16::from(b':')) {
            return Err(self.error(cx));
        }
        self.at += 1;
        Ok(key)
    }
}

/// CreateDataProperty on an object that is plain: a name that is new is added at once.
fn put<'s>(cx: &mut Cx<'s>, object: Local<'s>, key: Key<'s>, value: Local<'s>) -> Completion<()> {
    if let Key::Name(name) = key
        && cx.own_slot(cx.reference(object), key).is_none()
    {
        return cx.add_named(object, name, value, Attributes::ALL);
    }
    cx.create_data_property(object, key, value).map(|_| ())
}

/// InternalizeJSONProperty (§25.5.2.1).
fn internalize<'s>(
    cx: &mut Cx<'s>,
    holder: Local<'s>,
    key: Key<'s>,
    reviver: Local<'s>,
    note: Option<&Note<'s>>,
    units: &[u16],
) -> Completion<Local<'s>> {
    cx.check_stack(0)?;
    let value = cx.get(holder, key)?;
    let mut source = None;
    match note {
        Some(Note::Primitive(original, range)) if cx.same_value(value, *original) => source = Some(range.clone()),
        _ => {}
    }
    if value.is_object() {
        if cx.is_array(value)? {
            let notes = match note {
                Some(Note::Array(notes)) => &notes[..],
                _ => &[],
            };
            let length = cx.length_of_array_like(value)?;
            for index in 0..length {
                let mut cx = cx.open();
                let key = cx.key_of_number(index as f64)?;
                revive(&mut cx, value, key, reviver, notes.get(index as usize), units)?;
            }
        } else {
            let notes = match note {
                Some(Note::Object(notes)) => &notes[..],
                _ => &[],
            };
            for key in cx.own_property_keys(value)? {
                if key.is_symbol() {
                    continue;
                }
                let mut cx = cx.open();
                let own = cx.get_own_property(value, key)?;
                if own.is_some_and(|own| own.enumerable == Some(true)) {
                    let note = notes.iter().find(|(other, _)| cx.same_key(*other, key)).map(|(_, note)| note);
                    revive(&mut cx, value, key, reviver, note, units)?;
                }
            }
        }
    }
    let context = cx.new_object()?;
    if let Some(range) = source {
        let text = cx.string_utf16(&units[range])?;
        cx.create_data_property_or_throw(context, Name::source.key(), text)?;
    }
    let name = cx.key_value(key)?;
    cx.call(reviver, holder, &[name, value, context])
}

/// One property of what is internalized.
fn revive<'s>(
    cx: &mut Cx<'s>,
    object: Local<'s>,
    key: Key<'s>,
    reviver: Local<'s>,
    note: Option<&Note<'s>>,
    units: &[u16],
) -> Completion<()> {
    let value = internalize(cx, object, key, reviver, note, units)?;
    if value.is_undefined() {
        cx.delete(object, key)?;
    } else {
        cx.create_data_property(object, key, value)?;
    }
    Ok(())
}
