//! Base64 and hexadecimal encodings of Uint8Array (§23.3).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::element::Element;
use crate::js::object::shape::Attributes;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Adds the methods to `Uint8Array`.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let constructor = cx.intrinsic(Intrinsic::Uint8Array);
    cx.install_methods(constructor, &[(Name::fromBase64, 1, from_base64), (Name::fromHex, 1, from_hex)])?;
    let prototype = cx.intrinsic(Intrinsic::Uint8ArrayPrototype);
    cx.install_methods(
        prototype,
        &[
            (Name::setFromBase64, 1, set_from_base64),
            (Name::setFromHex, 1, set_from_hex),
            (Name::toBase64, 0, to_base64),
            (Name::toHex, 0, to_hex),
        ],
    )
}

/// What the end of a text may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastChunk {
    Loose,
    Strict,
    StopBeforePartial,
}

/// What was decoded until the end, or an error.
struct Decoded {
    read: usize,
    bytes: Vec<u8>,
    is_good: bool,
}

/// ValidateUint8Array (§23.3.3.1).
fn validate<'s>(cx: &mut Cx<'s>, value: Local<'s>, method: &str) -> Completion<()> {
    if cx.is(value, Class::TypedArray) && cx.element_of(value) == Element::Uint8 {
        return Ok(());
    }
    Err(cx.type_error(&format!("{method}: this is not a Uint8Array")))
}

fn units<'s>(cx: &mut Cx<'s>, string: Local<'s>, method: &str) -> Completion<Vec<u16>> {
    if !string.is_string() {
        return Err(cx.type_error(&format!("{method}: the input is not a string")));
    }
    cx.code_units(string)
}

/// GetOptionsObject (§7.3.36).
fn options<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<Option<Local<'s>>> {
    if value.is_undefined() {
        return Ok(None);
    }
    if !value.is_object() {
        return Err(cx.type_error("options is not an object"));
    }
    Ok(Some(value))
}

fn choice<'s>(cx: &mut Cx<'s>, options: Option<Local<'s>>, name: Name, choices: &[&str]) -> Completion<usize> {
    let Some(options) = options else { return Ok(0) };
    let value = cx.get(options, name.key())?;
    if value.is_undefined() {
        return Ok(0);
    }
    let text = if value.is_string() { cx.rust_text(value)? } else { String::new() };
    match choices.iter().position(|choice| *choice == text) {
        Some(place) => Ok(place),
        None => Err(cx.type_error(&format!("{} must be one of {}", name.text(), choices.join(", ")))),
    }
}

fn alphabet<'s>(cx: &mut Cx<'s>, options: Option<Local<'s>>) -> Completion<&'static [u8; 64]> {
    Ok(if choice(cx, options, Name::alphabet, &["base64", "base64url"])? == 0 { STANDARD } else { URL })
}

fn decoding<'s>(cx: &mut Cx<'s>, value: Local<'s>) -> Completion<(&'static [u8; 64], LastChunk)> {
    let options = options(cx, value)?;
    let alphabet = alphabet(cx, options)?;
    let last = choice(cx, options, Name::lastChunkHandling, &["loose", "strict", "stop-before-partial"])?;
    Ok((alphabet, [LastChunk::Loose, LastChunk::Strict, LastChunk::StopBeforePartial][last]))
}

/// SkipAsciiWhitespace (§23.3.3.5).
fn skip_white_space(text: &[u16], mut index: usize) -> usize {
    while text.get(index).is_some_and(|unit| matches!(unit, 9 | 10 | 12 | 13 | 32)) {
        index += 1;
    }
    index
}

/// FromBase64 (§23.3.3.8), of at most so many bytes.
fn decode_base64(text: &[u16], alphabet: &[u8; 64], last: LastChunk, most: usize) -> Decoded {
    let mut out = Decoded { read: 0, bytes: Vec::new(), is_good: true };
    if most == 0 {
        return out;
    }
    let mut values = [64u8; 128];
    for (value, &letter) in (0u8..).zip(alphabet) {
        values[usize::from(letter)] = value;
    }
    let (mut chunk, mut count, mut index) = (0u32, 0, 0);
    loop {
        index = skip_white_space(text, index);
        let Some(&unit) = text.get(index) else {
            if count > 0 {
                match last {
                    LastChunk::StopBeforePartial => return out,
                    LastChunk::Loose if count > 1 => decode_last(&mut out, chunk, count, false),
                    _ => out.is_good = false,
                }
            }
            if out.is_good {
                out.read = text.len();
            }
            return out;
        };
        index += 1;
        if unit == u16::from(b'=') {
            decode_padded(&mut out, text, index, (chunk, count), last);
            return out;
        }
        let value = values.get(usize::from(unit)).copied().unwrap_or(64);
        if value == 64 {
            out.is_good = false;
            return out;
        }
        let remaining = most - out.bytes.len();
        if (remaining == 1 && count == 2) || (remaining == 2 && count == 3) {
            return out;
        }
        chunk = chunk << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            out.bytes.extend_from_slice(&chunk.to_be_bytes()[1..]);
            (chunk, count, out.read) = (0, 0, index);
            if out.bytes.len() == most {
                return out;
            }
        }
    }
}

/// What follows the first `=`, which is before `index`.
fn decode_padded(out: &mut Decoded, text: &[u16], index: usize, (chunk, count): (u32, usize), last: LastChunk) {
    let mut index = skip_white_space(text, index);
    if count < 2 {
        out.is_good = false;
        return;
    }
    if count == 2 {
        match text.get(index) {
            None if last == LastChunk::StopBeforePartial => return,
            Some(&unit) if unit == u16::from(b'=') => index = skip_white_space(text, index + 1),
            None => {
                out.is_good = false;
                return;
            }
            Some(_) => {}
        }
    }
    if index < text.len() {
        out.is_good = false;
        return;
    }
    decode_last(out, chunk, count, last == LastChunk::Strict);
    if out.is_good {
        out.read = text.len();
    }
}

/// DecodeFinalBase64Chunk (§23.3.3.6), of two or three letters.
fn decode_last(out: &mut Decoded, chunk: u32, count: usize, refuses_extra_bits: bool) {
    let chunk = chunk << (6 * (4 - count));
    let bytes = &chunk.to_be_bytes()[1..];
    if refuses_extra_bits && bytes[count - 1] != 0 {
        out.is_good = false;
        return;
    }
    out.bytes.extend_from_slice(&bytes[..count - 1]);
}

/// FromHex (§23.3.3.9), of at most so many bytes.
fn decode_hex(text: &[u16], most: usize) -> Decoded {
    let mut out = Decoded { read: 0, bytes: Vec::new(), is_good: text.len().is_multiple_of(2) };
    if !out.is_good {
        return out;
    }
    let digit = |unit: u16| char::from_u32(u32::from(unit)).and_then(|digit| digit.to_digit(16));
    for pair in text.chunks_exact(2).take(most) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            out.is_good = false;
            break;
        };
        out.bytes.push((high << 4 | low) as u8);
        out.read += 2;
    }
    out
}

/// An array of what was decoded.
fn array_of<'s>(cx: &mut Cx<'s>, decoded: &Decoded) -> Completion<Local<'s>> {
    if !decoded.is_good {
        return Err(cx.syntax_error("Found a character that cannot be part of a valid encoded string"));
    }
    cx.new_uint8_array(&decoded.bytes)
}

/// Writes what was decoded into an array, even before an error; how much was read and written.
fn set_decoded<'s>(cx: &mut Cx<'s>, array: Local<'s>, decoded: &Decoded) -> Completion<Local<'s>> {
    if let Some((backing, offset, _)) = cx.view_bytes(array) {
        backing.write(offset, &decoded.bytes);
    }
    if !decoded.is_good {
        return Err(cx.syntax_error("Found a character that cannot be part of a valid encoded string"));
    }
    let result = cx.new_object()?;
    cx.define_data(result, Name::read.key(), Local::number(decoded.read as f64), Attributes::ALL)?;
    cx.define_data(result, Name::written.key(), Local::number(decoded.bytes.len() as f64), Attributes::ALL)?;
    Ok(result)
}

/// Uint8Array.fromBase64 (§23.3.1.1).
fn from_base64<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = units(cx, cx.arg(args, 0), "Uint8Array.fromBase64")?;
    let (alphabet, last) = decoding(cx, cx.arg(args, 1))?;
    array_of(cx, &decode_base64(&text, alphabet, last, usize::MAX))
}

/// Uint8Array.fromHex (§23.3.1.2).
fn from_hex<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = units(cx, cx.arg(args, 0), "Uint8Array.fromHex")?;
    array_of(cx, &decode_hex(&text, usize::MAX))
}

/// Uint8Array.prototype.setFromBase64 (§23.3.2.1).
fn set_from_base64<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "Uint8Array.prototype.setFromBase64";
    validate(cx, this, METHOD)?;
    let text = units(cx, cx.arg(args, 0), METHOD)?;
    let (alphabet, last) = decoding(cx, cx.arg(args, 1))?;
    let length = cx.validate_typed_array(this, METHOD)?;
    set_decoded(cx, this, &decode_base64(&text, alphabet, last, length))
}

/// Uint8Array.prototype.setFromHex (§23.3.2.2).
fn set_from_hex<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "Uint8Array.prototype.setFromHex";
    validate(cx, this, METHOD)?;
    let text = units(cx, cx.arg(args, 0), METHOD)?;
    let length = cx.validate_typed_array(this, METHOD)?;
    set_decoded(cx, this, &decode_hex(&text, length))
}

/// Uint8Array.prototype.toBase64 (§23.3.2.3).
fn to_base64<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "Uint8Array.prototype.toBase64";
    validate(cx, this, METHOD)?;
    let options = options(cx, cx.arg(args, 0))?;
    let alphabet = alphabet(cx, options)?;
    let omits_padding = match options {
        Some(options) => {
            let value = cx.get(options, Name::omitPadding.key())?;
            cx.to_boolean(value)
        }
        None => false,
    };
    cx.validate_typed_array(this, METHOD)?;
    let bytes = cx.bytes_of_view(this).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |nth: usize| u32::from(chunk.get(nth).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for nth in 0..=chunk.len() {
            text.push(char::from(alphabet[(bits >> (18 - 6 * nth) & 63) as usize]));
        }
        if !omits_padding {
            text.push_str(&"=="[chunk.len().min(3) - 1..]);
        }
    }
    cx.string(&text)
}

/// Uint8Array.prototype.toHex (§23.3.2.4).
fn to_hex<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    const METHOD: &str = "Uint8Array.prototype.toHex";
    validate(cx, this, METHOD)?;
    cx.validate_typed_array(this, METHOD)?;
    let bytes = cx.bytes_of_view(this).unwrap_or_default();
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    cx.string(&text)
}
