//! Values as people read them: what `console.log` prints.
//!
//! It looks like what Node prints: two levels deep and more on one line while it is short, else a line an entry. No getter is called
//! and no proxy's handler asked.

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::PropertyDescriptor;

/// Objects further in are only named.
const MAX_DEPTH: usize = 2;
/// So many entries are shown.
const MAX_ENTRIES: usize = 100;
/// A longer line is broken.
const LINE: usize = 72;

struct Inspector<'s> {
    /// What is being shown, from the outermost in.
    path: Vec<Local<'s>>,
    /// Whether something shown refers to the object at a place of the path.
    circular: Vec<bool>,
}

/// A value, as `console.log` prints it inside of another.
pub(super) fn inspect<'s>(cx: &mut Cx<'s>, value: Local<'_>) -> Completion<String> {
    let mut cx = cx.open();
    let mut inspector = Inspector { path: Vec::new(), circular: Vec::new() };
    inspector.value(&mut cx, value)
}

/// A text in quotes: the first of three kinds that need no escapes.
fn quote(text: &str) -> String {
    let quote = ['\'', '"', '`'].into_iter().find(|&quote| !text.contains(quote)).unwrap_or('\'');
    let mut quoted = String::from(quote);
    for char in text.chars() {
        match char {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            char if char == quote => quoted.extend(['\\', char]),
            char if (char as u32) < 32 || char as u32 == 127 => quoted.push_str(&format!("\\x{:02X}", char as u32)),
            char => quoted.push(char),
        }
    }
    quoted.push(quote);
    quoted
}

fn is_identifier(text: &str) -> bool {
    let is_start = |char: char| char.is_alphabetic() || char == '_' || char == '$';
    text.chars().next().is_some_and(is_start) && text.chars().all(|char| is_start(char) || char.is_ascii_digit())
}

impl<'s> Inspector<'s> {
    fn value(&mut self, cx: &mut Cx<'s>, value: Local<'_>) -> Completion<String> {
        if value.is_string() {
            return Ok(quote(&cx.rust_text(value)?));
        }
        if value.as_number().is_some_and(|number| number == 0.0 && number.is_sign_negative()) {
            return Ok("-0".to_owned());
        }
        if value.is_bigint() {
            return Ok(cx.to_rust_text(value)? + "n");
        }
        if !value.is_object() {
            return Ok(cx.display(value));
        }
        let value = cx.same(value);
        if let Some(place) = self.path.iter().position(|&other| cx.same_value(other, value)) {
            self.circular[place] = true;
            return Ok(format!("[Circular *{}]", 1));
        }
        self.path.push(value);
        self.circular.push(false);
        let text = self.object(cx, value);
        self.path.pop();
        let is_circular = self.circular.pop() == Some(true);
        let text = text?;
        Ok(if is_circular { format!("<ref *1> {text}") } else { text })
    }

    /// The name of the constructor that an object's prototypes know: nothing for an object without a prototype.
    fn constructor_name(&mut self, cx: &mut Cx<'s>, object: Local<'s>) -> Completion<Option<String>> {
        let mut at = object;
        while at.is_object() && !cx.is(at, Class::Proxy) {
            let own = cx.get_own_property(at, Name::constructor.key())?;
            if let Some(PropertyDescriptor { value: Some(constructor), .. }) = own
                && cx.is_callable(constructor)
                && !cx.is(constructor, Class::Proxy)
                && let Some(PropertyDescriptor { value: Some(name), .. }) = cx.get_own_property(constructor, Name::name.key())?
                && name.is_string()
            {
                return cx.rust_text(name).map(Some);
            }
            at = cx.get_prototype_of(at)?;
        }
        Ok(None)
    }

    fn object(&mut self, cx: &mut Cx<'s>, object: Local<'s>) -> Completion<String> {
        let class = cx.class_of(object);
        if class == Some(Class::Proxy) {
            return Ok("Proxy {}".to_owned());
        }
        if class == Some(Class::Error) {
            return self.error(cx, object);
        }
        let name = self.constructor_name(cx, object)?;
        let name_text = name.clone().unwrap_or_else(|| "[Object: null prototype]".to_owned());
        if self.path.len() > MAX_DEPTH + 1 && !cx.is_callable(object) {
            return Ok(match class {
                Some(Class::Array) => "[Array]".to_owned(),
                _ => format!("[{}]", name.as_deref().unwrap_or("Object: null prototype")),
            });
        }
        let mut entries = Vec::new();
        let (prefix, open, close) = match class {
            Some(Class::Array) => {
                self.elements(cx, object, &mut entries)?;
                let length = cx.array_length(object);
                let prefix = if name_text == "Array" { String::new() } else { format!("{name_text}({length}) ") };
                (prefix, '[', ']')
            }
            Some(Class::TypedArray) => {
                let length = cx.get(object, Name::length.key())?.as_number().unwrap_or(0.0);
                self.elements(cx, object, &mut entries)?;
                (format!("{name_text}({length}) "), '[', ']')
            }
            Some(Class::Map | Class::Set) => {
                let size = self.collection(cx, object, class == Some(Class::Map), &mut entries)?;
                (format!("{name_text}({size}) "), '{', '}')
            }
            Some(Class::Closure | Class::Native | Class::Bound) => (self.function(cx, object)?, '{', '}'),
            Some(Class::Date) => {
                let text = cx.invoke(object, Name::toISOString.key(), &[]);
                let text = text.and_then(|text| cx.rust_text(text)).or_else(|thrown| {
                    cx.take_exception(thrown)?;
                    Ok("Invalid Date".to_owned())
                })?;
                (text, '{', '}')
            }
            Some(Class::RegExp) => {
                let text = cx.invoke(object, Name::toString.key(), &[])?;
                (cx.to_rust_text(text)?, '{', '}')
            }
            Some(Class::Promise) => {
                self.promise(cx, object, &mut entries)?;
                ("Promise ".to_owned(), '{', '}')
            }
            Some(Class::Boolean | Class::Number | Class::String | Class::Symbol | Class::BigInt) => {
                let inner = cx.invoke(object, Name::valueOf.key(), &[])?;
                (format!("[{name_text}: {}]", self.value(cx, inner)?), '{', '}')
            }
            Some(Class::Ordinary) if name_text == "Object" => (String::new(), '{', '}'),
            Some(Class::WeakMap | Class::WeakSet) => (format!("{name_text} {{ <items unknown> }}"), '{', '}'),
            Some(Class::Generator | Class::AsyncGenerator) => ("Object [Generator] ".to_owned(), '{', '}'),
            Some(Class::Arguments | Class::MappedArguments) => {
                self.elements(cx, object, &mut entries)?;
                ("[Arguments] ".to_owned(), '[', ']')
            }
            Some(Class::ModuleNamespace) => ("[Module: null prototype] ".to_owned(), '{', '}'),
            _ => (format!("{} ", self.tagged(cx, object, name_text)?), '{', '}'),
        };
        self.properties(cx, object, class, &mut entries)?;
        let stands_alone = matches!(
            class,
            Some(
                Class::Closure
                    | Class::Native
                    | Class::Bound
                    | Class::Date
                    | Class::RegExp
                    | Class::Boolean
                    | Class::Number
                    | Class::String
                    | Class::Symbol
                    | Class::BigInt
                    | Class::WeakMap
                    | Class::WeakSet
            )
        );
        if entries.is_empty() {
            return Ok(if stands_alone { prefix } else { format!("{prefix}{open}{close}") });
        }
        let prefix = if stands_alone { format!("{prefix} ") } else { prefix };
        Ok(layout(&prefix, open, close, &entries, self.path.len() - 1))
    }

    fn tagged(&mut self, cx: &mut Cx<'s>, object: Local<'s>, name: String) -> Completion<String> {
        let mut at = object;
        while at.is_object() && !cx.is(at, Class::Proxy) {
            if let Some(own) = cx.get_own_property(at, Name::sym_toStringTag.key())? {
                return Ok(match own.value {
                    Some(tag) if tag.is_string() => match cx.rust_text(tag)? {
                        tag if tag == name => name,
                        tag => format!("{name} [{tag}]"),
                    },
                    _ => name,
                });
            }
            at = cx.get_prototype_of(at)?;
        }
        Ok(name)
    }

    fn function(&mut self, cx: &mut Cx<'s>, function: Local<'s>) -> Completion<String> {
        let own = cx.get_own_property(function, Name::name.key())?.and_then(|own| own.value).filter(|name| name.is_string());
        let name = own.map(|name| cx.rust_text(name)).transpose()?.unwrap_or_default();
        let source = if cx.is(function, Class::Closure) {
            let text = cx.invoke(function, Name::toString.key(), &[])?;
            cx.to_rust_text(text)?
        } else {
            String::new()
        };
        let is_class = source.starts_with("class");
        if is_class {
            let parent = cx.get_prototype_of(function)?;
            let extends = match cx.get_own_property(parent, Name::name.key())?.and_then(|own| own.value) {
                Some(name) if name.is_string() && cx.string_length(name) != 0 => format!(" extends {}", cx.rust_text(name)?),
                _ => String::new(),
            };
            let name = if name.is_empty() { "(anonymous)".to_owned() } else { name };
            return Ok(format!("[class {name}{extends}]"));
        }
        let kind = match (source.starts_with("async"), source.split('(').next().is_some_and(|head| head.contains('*'))) {
            (true, true) => "AsyncGeneratorFunction",
            (true, false) => "AsyncFunction",
            (false, true) => "GeneratorFunction",
            (false, false) => "Function",
        };
        Ok(if name.is_empty() { format!("[{kind} (anonymous)]") } else { format!("[{kind}: {name}]") })
    }

    fn error(&mut self, cx: &mut Cx<'s>, error: Local<'s>) -> Completion<String> {
        let stack = cx.get_own_property(error, Name::stack.key())?.and_then(|own| own.value).filter(|stack| stack.is_string());
        let text = match stack {
            Some(stack) => cx.rust_text(stack)?,
            None => match cx.get(error, Name::stack.key())? {
                stack if stack.is_string() => cx.rust_text(stack)?,
                _ => cx.display(error),
            },
        };
        let text = if self.path.len() > 1 { format!("[{}]", text.lines().next().unwrap_or_default()) } else { text };
        let mut entries = Vec::new();
        self.properties(cx, error, Some(Class::Error), &mut entries)?;
        if entries.is_empty() {
            return Ok(text);
        }
        Ok(layout(&format!("{text} "), '{', '}', &entries, self.path.len() - 1))
    }

    fn promise(&mut self, cx: &mut Cx<'s>, promise: Local<'s>, entries: &mut Vec<String>) -> Completion<()> {
        use crate::js::builtins::promise::PromiseState;
        let result = cx.promise_result(promise);
        entries.push(match cx.promise_state(promise) {
            PromiseState::Pending => "<pending>".to_owned(),
            PromiseState::Fulfilled => self.value(cx, result)?,
            PromiseState::Rejected => format!("<rejected> {}", self.value(cx, result)?),
        });
        Ok(())
    }

    fn elements(&mut self, cx: &mut Cx<'s>, object: Local<'s>, entries: &mut Vec<String>) -> Completion<()> {
        let length = cx.length_of_array_like(object)?;
        let mut holes = 0;
        let mut index = 0;
        while index < length && entries.len() < MAX_ENTRIES {
            let key = cx.key_of_number(index as f64)?;
            match cx.get_own_property(object, key)? {
                None => holes += 1,
                Some(own) => {
                    push_holes(entries, &mut holes);
                    entries.push(self.property_value(cx, own)?);
                }
            }
            index += 1;
            cx.poll()?;
        }
        push_holes(entries, &mut holes);
        if index < length {
            let more = length - index;
            entries.push(format!("... {more} more item{}", if more == 1 { "" } else { "s" }));
        }
        Ok(())
    }

    fn collection(&mut self, cx: &mut Cx<'s>, object: Local<'s>, is_map: bool, entries: &mut Vec<String>) -> Completion<usize> {
        let list = cx.collection_entries(object);
        for pair in list.chunks(if is_map { 2 } else { 1 }).take(MAX_ENTRIES) {
            let key = self.value(cx, pair[0])?;
            entries.push(match pair.get(1) {
                Some(&value) => format!("{key} => {}", self.value(cx, value)?),
                None => key,
            });
        }
        Ok(list.len() / if is_map { 2 } else { 1 })
    }

    fn property_value(&mut self, cx: &mut Cx<'s>, own: PropertyDescriptor<'s>) -> Completion<String> {
        let is_there = |function: Option<Local<'s>>| function.is_some_and(|function| !function.is_undefined());
        match (own.value, is_there(own.get), is_there(own.set)) {
            (Some(value), _, _) => self.value(cx, value),
            (None, true, true) => Ok("[Getter/Setter]".to_owned()),
            (None, true, false) => Ok("[Getter]".to_owned()),
            (None, false, _) => Ok("[Setter]".to_owned()),
        }
    }

    fn properties(
        &mut self,
        cx: &mut Cx<'s>,
        object: Local<'s>,
        class: Option<Class>,
        entries: &mut Vec<String>,
    ) -> Completion<()> {
        let has_elements =
            matches!(class, Some(Class::Array | Class::TypedArray | Class::String | Class::Arguments | Class::MappedArguments));
        for key in cx.own_property_keys(object)? {
            if has_elements && matches!(key, Key::Index(_)) {
                continue;
            }
            let own = match cx.get_own_property(object, key) {
                Ok(Some(own)) if own.enumerable == Some(true) => own,
                Ok(_) => continue,
                Err(thrown) => {
                    // A variable of a module that is not initialized.
                    cx.take_exception(thrown)?;
                    entries.push(format!("{}: <uninitialized>", cx.key_text(key)));
                    continue;
                }
            };
            if entries.len() >= MAX_ENTRIES {
                entries.push("...".to_owned());
                break;
            }
            let text = cx.key_text(key);
            let name = match key {
                _ if key.is_symbol() => text,
                _ if text == "__proto__" => "['__proto__']".to_owned(),
                _ if is_identifier(&text) => text,
                _ => quote(&text),
            };
            entries.push(format!("{name}: {}", self.property_value(cx, own)?));
        }
        Ok(())
    }
}

fn push_holes(entries: &mut Vec<String>, holes: &mut usize) {
    match std::mem::take(holes) {
        0 => {}
        1 => entries.push("<1 empty item>".to_owned()),
        count => entries.push(format!("<{count} empty items>")),
    }
}

/// Entries on one line if they fit there, else one a line.
fn layout(prefix: &str, open: char, close: char, entries: &[String], depth: usize) -> String {
    let length: usize = entries.iter().map(|entry| entry.chars().count() + 2).sum();
    let is_short = length + prefix.chars().count() <= LINE && entries.iter().all(|entry| !entry.contains('\n'));
    if is_short {
        return format!("{prefix}{open} {} {close}", entries.join(", "));
    }
    let indent = "  ".repeat(depth + 1);
    // Many short ones, such as numbers, share lines.
    let widest = entries.iter().map(|entry| entry.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> = if open == '[' && entries.len() > 6 && widest <= 16 {
        let columns = (LINE / (widest + 2)).clamp(1, 16);
        let pad = |entry: &String| format!("{entry:>widest$}");
        entries.chunks(columns).map(|row| row.iter().map(pad).collect::<Vec<_>>().join(", ")).collect()
    } else {
        entries.to_vec()
    };
    let outer = "  ".repeat(depth);
    format!("{prefix}{open}\n{indent}{}\n{outer}{close}", lines.join(&format!(",\n{indent}")))
}
