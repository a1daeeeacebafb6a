//! The RegExp constructor (§22.2.4), RegExpCreate (§22.2.3), `RegExp.escape` (§22.2.5.1), `compile` (§B.2.4.1).
#![forbid(unsafe_code)]

use super::{FLAGS, MATCHER, REALM, SOURCE};
use crate::js::class::Class;
use crate::js::convert::number::is_white_space;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::value::Value;

/// RegExp ( pattern, flags ) (§22.2.4.1).
pub(super) fn construct<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (pattern, flags) = (cx.arg(args, 0), cx.arg(args, 1));
    // 1. to 3.
    let is_regexp = if pattern.is_object() {
        let matcher = cx.get(pattern, Name::sym_match.key())?;
        if matcher.is_undefined() { cx.is(pattern, Class::RegExp) } else { cx.to_boolean(matcher) }
    } else {
        false
    };
    let mut target = args.new_target();
    if target.is_undefined() {
        target = cx.callee(args);
        if is_regexp && flags.is_undefined() {
            let own = cx.get(pattern, Name::constructor.key())?;
            if cx.same_value(own, target) {
                return Ok(pattern);
            }
        }
    }
    // 4. to 6.
    let (source, flags) = if cx.is(pattern, Class::RegExp) {
        let source = cx.field(pattern, SOURCE);
        (source, if flags.is_undefined() { cx.field(pattern, FLAGS) } else { flags })
    } else if is_regexp {
        let source = cx.get(pattern, Name::source.key())?;
        (source, if flags.is_undefined() { cx.get(pattern, Name::flags.key())? } else { flags })
    } else {
        (pattern, flags)
    };
    // 7. and 8.
    let regexp = allocate(cx, target)?;
    initialize(cx, regexp, source, flags)?;
    Ok(regexp)
}

/// RegExpAlloc (§22.2.3.2).
fn allocate<'s>(cx: &mut Cx<'s>, target: Local<'s>) -> Completion<Local<'s>> {
    let regexp = cx.create_from_constructor(Class::RegExp, target, Intrinsic::RegExpPrototype)?;
    let realm = cx.current_realm();
    cx.set_field(regexp, REALM, realm);
    cx.add_named(regexp, Name::lastIndex.local(), Local::ZERO, Attributes::WRITABLE)?;
    Ok(regexp)
}

/// RegExpInitialize (§22.2.3.3).
pub(super) fn initialize<'s>(cx: &mut Cx<'s>, regexp: Local<'s>, pattern: Local<'s>, flags: Local<'s>) -> Completion<()> {
    let mut text = |value: Local<'s>| if value.is_undefined() { Ok(Name::empty.local()) } else { cx.to_string(value) };
    let (pattern, flags) = (text(pattern)?, text(flags)?);
    let (pattern_units, flag_units) = (cx.code_units(pattern)?, cx.code_units(flags)?);
    let matcher = match cx.agent.regexps.get(&pattern_units, &flag_units) {
        Ok(matcher) => matcher,
        Err(error) => {
            let [pattern, flags] = [pattern_units, flag_units].map(|units| String::from_utf16_lossy(&units));
            return Err(cx.syntax_error(&format!("Invalid regular expression: /{pattern}/{flags}: {error}")));
        }
    };
    let agent = &mut *cx.agent;
    let host = match agent.heap.allocate_host(Box::new(matcher), &mut agent.roots) {
        Ok(host) => host,
        Err(error) => return Err(cx.heap_error(error)),
    };
    cx.set_field_value(regexp, MATCHER, Value::object(host));
    cx.set_field(regexp, SOURCE, pattern);
    cx.set_field(regexp, FLAGS, flags);
    cx.set(regexp, Name::lastIndex.key(), Local::ZERO)
}

impl<'s> Cx<'s> {
    /// RegExpCreate (§22.2.3.1): what literals and string methods make.
    pub(in crate::js) fn regexp_create(&mut self, pattern: Local<'_>, flags: Local<'_>) -> Completion<Local<'s>> {
        let (pattern, flags) = (self.same(pattern), self.same(flags));
        let regexp = self.new_regexp()?;
        let realm = self.current_realm();
        self.set_field(regexp, REALM, realm);
        initialize(self, regexp, pattern, flags)?;
        Ok(regexp)
    }

    /// Another regular expression with the pattern and the flags of one that no script has.
    pub(in crate::js) fn regexp_like(&mut self, model: Local<'_>) -> Completion<Local<'s>> {
        let regexp = self.new_regexp()?;
        let realm = self.current_realm();
        self.set_field(regexp, REALM, realm);
        for field in [SOURCE, FLAGS, MATCHER] {
            let value = self.field_value(model, field);
            self.set_field_value(regexp, field, value);
        }
        Ok(regexp)
    }
}

/// RegExp.escape ( S ) (§22.2.5.1).
pub(super) fn escape<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = cx.arg(args, 0);
    if !string.is_string() {
        return Err(cx.type_error("RegExp.escape requires a string"));
    }
    let mut escaped: Vec<u16> = Vec::new();
    for char in char::decode_utf16(cx.code_units(string)?) {
        match char {
            Ok(char) => encode_for_escape(&mut escaped, char),
            Err(error) => escaped.extend(format!("\\u{:04x}", error.unpaired_surrogate()).encode_utf16()),
        }
    }
    cx.string_utf16(&escaped)
}

/// EncodeForRegExpEscape (§22.2.5.1.1).
fn encode_for_escape(escaped: &mut Vec<u16>, char: char) {
    const PUNCTUATORS: &str = ",-=<>#&!%:;@~'`\"";
    let text = match char {
        char if escaped.is_empty() && char.is_ascii_alphanumeric() => format!("\\x{:02x}", char as u32),
        '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '/' => format!("\\{char}"),
        '\t' => "\\t".to_owned(),
        '\n' => "\\n".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\r' => "\\r".to_owned(),
        char if PUNCTUATORS.contains(char) || u16::try_from(char as u32).is_ok_and(is_white_space) => {
            if (char as u32) < 256 {
                format!("\\x{:02x}", char as u32)
            } else {
                format!("\\u{:04x}", char as u32)
            }
        }
        char => char.to_string(),
    };
    escaped.extend(text.encode_utf16());
}

/// RegExp.prototype.compile ( pattern, flags ) (§B.2.4.1).
pub(super) fn compile<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !cx.is(this, Class::RegExp) {
        return Err(cx.type_error("RegExp.prototype.compile requires that 'this' be a RegExp"));
    }
    let (pattern, flags) = (cx.arg(args, 0), cx.arg(args, 1));
    if cx.is(pattern, Class::RegExp) {
        if !flags.is_undefined() {
            return Err(cx.type_error("Invalid flags supplied to RegExp.prototype.compile"));
        }
        let (source, flags) = (cx.field(pattern, SOURCE), cx.field(pattern, FLAGS));
        initialize(cx, this, source, flags)?;
    } else {
        initialize(cx, this, pattern, flags)?;
    }
    Ok(this)
}
