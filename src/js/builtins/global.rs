//! The global object's values and functions (§19.1, §19.2, §B.2.1).
#![forbid(unsafe_code)]

use crate::js::convert::number::{digits_to_number, is_white_space, trim};
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::Attributes;
use crate::js::string::Text;

/// Puts them into the global object.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let (global, this) = (cx.global(), cx.intrinsic(Intrinsic::GlobalThis));
    cx.define_data(global, Name::globalThis.key(), this, Attributes::HIDDEN)?;
    for (name, value) in [
        (Name::Infinity, Local::number(f64::INFINITY)),
        (Name::NaN, Local::number(f64::NAN)),
        (Name::undefined, Local::UNDEFINED),
    ] {
        cx.install_constant(global, name, value)?;
    }
    let table: &[(Name, u32, Native)] = &[
        (Name::isFinite, 1, is_finite),
        (Name::isNaN, 1, is_nan),
        (Name::parseFloat, 1, parse_float),
        (Name::parseInt, 2, parse_int),
        (Name::decodeURI, 1, decode_uri),
        (Name::decodeURIComponent, 1, decode_uri_component),
        (Name::encodeURI, 1, encode_uri),
        (Name::encodeURIComponent, 1, encode_uri_component),
        (Name::escape, 1, escape),
        (Name::unescape, 1, unescape),
    ];
    cx.install_methods(global, table)
}

/// isFinite ( number ) (§19.2.2).
fn is_finite<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.to_number(cx.arg(args, 0))?.is_finite()))
}

/// isNaN ( number ) (§19.2.3).
fn is_nan<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    Ok(Local::bool(cx.to_number(cx.arg(args, 0))?.is_nan()))
}

/// parseFloat ( string ) (§19.2.4).
fn parse_float<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = cx.to_string(cx.arg(args, 0))?;
    cx.flatten(string)?;
    let text = trim(cx.text(string));
    // The longest beginning that is a StrDecimalLiteral: its characters are ASCII.
    let ascii: String = text.units().map_while(|unit| u8::try_from(unit).ok().filter(u8::is_ascii)).map(char::from).collect();
    let unsigned = ascii.strip_prefix(['+', '-']).unwrap_or(&ascii);
    let sign = if ascii.starts_with('-') { -1.0 } else { 1.0 };
    if unsigned.starts_with("Infinity") {
        return Ok(Local::number(sign * f64::INFINITY));
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Ok(Local::number(f64::NAN));
    }
    let number = fast_float2::parse_partial::<f64, _>(unsigned).map_or(f64::NAN, |(number, _)| number);
    Ok(Local::number(sign * number))
}

/// parseInt ( string, radix ) (§19.2.5).
fn parse_int<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (string, radix) = (cx.arg(args, 0), cx.arg(args, 1));
    // An integer is itself.
    if string.as_int().is_some() && radix.is_undefined() {
        return Ok(string);
    }
    // 1. to 3.
    let string = cx.to_string(string)?;
    let radix = cx.to_int32(radix)?;
    cx.flatten(string)?;
    let text = cx.text(string);
    let from = text.units().position(|unit| !is_white_space(unit)).unwrap_or(text.len());
    let ascii: String = text
        .part(from, text.len())
        .units()
        .map_while(|unit| u8::try_from(unit).ok().filter(u8::is_ascii))
        .map(char::from)
        .collect();
    // 4. to 6.
    let sign = if ascii.starts_with('-') { -1.0 } else { 1.0 };
    let mut digits = ascii.strip_prefix(['+', '-']).unwrap_or(&ascii);
    // 7. to 12.
    let mut radix = radix;
    if radix != 0 && !(2..=36).contains(&radix) {
        return Ok(Local::number(f64::NAN));
    }
    if (radix == 0 || radix == 16)
        && let Some(rest) = digits.strip_prefix("0x").or(digits.strip_prefix("0X"))
    {
        (digits, radix) = (rest, 16);
    }
    let radix = if radix == 0 { 10 } else { radix.cast_unsigned() };
    // 13. to 18.
    let end = digits.find(|digit: char| !digit.is_digit(radix)).unwrap_or(digits.len());
    let number = digits_to_number(&digits[..end], radix).unwrap_or(f64::NAN);
    Ok(Local::number(sign * number))
}

const ALWAYS_UNESCAPED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!~*'()_";
const RESERVED: &[u8] = b";/?:@&=+$,";

/// Encode (§19.2.6.5).
fn encode<'s>(cx: &mut Cx<'s>, value: Local<'s>, extra: &[u8]) -> Completion<Local<'s>> {
    let string = cx.to_string(value)?;
    let units = cx.code_units(string)?;
    let mut encoded = Vec::with_capacity(units.len());
    for char in char::decode_utf16(units) {
        let Ok(char) = char else { return Err(cx.uri_error("URI malformed")) };
        match u8::try_from(char) {
            Ok(byte) if ALWAYS_UNESCAPED.contains(&byte) || extra.contains(&byte) => encoded.push(byte),
            _ => {
                for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                    encoded.extend(format!("%{byte:02X}").bytes());
                }
            }
        }
    }
    cx.string_of(Text::Latin1(&encoded))
}

/// Decode (§19.2.6.6).
fn decode<'s>(cx: &mut Cx<'s>, value: Local<'s>, preserved: &[u8]) -> Completion<Local<'s>> {
    let string = cx.to_string(value)?;
    let units = cx.code_units(string)?;
    let mut decoded = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        if units[at] != u16::from(b'%') {
            decoded.push(units[at]);
            at += 1;
            continue;
        }
        let Some(first) = hex_byte(&units, at) else { return Err(cx.uri_error("URI malformed")) };
        let start = at;
        at += 3;
        if first < 128 {
            if preserved.contains(&first) {
                decoded.extend_from_slice(&units[start..at]);
            } else {
                decoded.push(u16::from(first));
            }
            continue;
        }
        let mut bytes = vec![first];
        for _ in 1..first.leading_ones() {
            match hex_byte(&units, at) {
                Some(byte) => bytes.push(byte),
                None => return Err(cx.uri_error("URI malformed")),
            }
            at += 3;
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.chars().count() == 1 => decoded.extend(text.encode_utf16()),
            _ => return Err(cx.uri_error("URI malformed")),
        }
    }
    cx.string_utf16(&decoded)
}

/// The byte of `%XX` at a place.
fn hex_byte(units: &[u16], at: usize) -> Option<u8> {
    let digit = |unit: u16| char::from_u32(u32::from(unit))?.to_digit(16);
    if units.get(at) != Some(&u16::from(b'%')) {
        return None;
    }
    Some((digit(*units.get(at + 1)?)? << 4 | digit(*units.get(at + 2)?)?) as u8)
}

/// decodeURI ( encodedURI ) (§19.2.6.1).
fn decode_uri<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    decode(cx, cx.arg(args, 0), b";/?:@&=+$,#")
}

/// decodeURIComponent ( encodedURIComponent ) (§19.2.6.2).
fn decode_uri_component<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    decode(cx, cx.arg(args, 0), b"")
}

/// encodeURI ( uri ) (§19.2.6.3).
fn encode_uri<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    encode(cx, cx.arg(args, 0), &[RESERVED, b"#"].concat())
}

/// encodeURIComponent ( uriComponent ) (§19.2.6.4).
fn encode_uri_component<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    encode(cx, cx.arg(args, 0), b"")
}

/// escape ( string ) (§B.2.1.1).
fn escape<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@*_+-./";
    let string = cx.to_string(cx.arg(args, 0))?;
    let mut escaped = String::new();
    for unit in cx.code_units(string)? {
        match u8::try_from(unit) {
            Ok(byte) if PLAIN.contains(&byte) => escaped.push(char::from(byte)),
            Ok(byte) => escaped.push_str(&format!("%{byte:02X}")),
            Err(_) => escaped.push_str(&format!("%u{unit:04X}")),
        }
    }
    cx.string(&escaped)
}

/// unescape ( string ) (§B.2.1.2).
fn unescape<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = cx.to_string(cx.arg(args, 0))?;
    let units = cx.code_units(string)?;
    let hex = |from: usize, count: usize| {
        units
            .get(from..from + count)?
            .iter()
            .try_fold(0, |number, &unit| Some(number << 4 | char::from_u32(u32::from(unit))?.to_digit(16)?))
    };
    let mut plain = Vec::with_capacity(units.len());
    let mut at = 0;
    while at < units.len() {
        let is_wide = units.get(at + 1) == Some(&u16::from(b'u'));
        let (value, length) = match units[at] == u16::from(b'%') {
            true if is_wide => (hex(at + 2, 4), 6),
            true => (hex(at + 1, 2), 3),
            false => (None, 1),
        };
        match value {
            Some(value) => {
                plain.push(value as u16);
                at += length;
            }
            None => {
                plain.push(units[at]);
                at += 1;
            }
        }
    }
    cx.string_utf16(&plain)
}
