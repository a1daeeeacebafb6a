//! `TextEncoder` and `TextDecoder` (the Encoding standard, §7) for UTF-8, UTF-16LE and Latin-1's Windows form by their common names.

use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::string::Text;
use crate::shell::{define_functions, define_global};

pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let (constructor, prototype) = cx.new_class("TextEncoder", 0, new_encoder)?;
    define_functions(&mut cx, prototype, &[("encode", 0, encode), ("encodeInto", 2, encode_into)])?;
    let encoding = cx.string("utf-8")?;
    super::define(&mut cx, prototype, "encoding", encoding)?;
    define_global(&mut cx, "TextEncoder", constructor)?;
    let (constructor, prototype) = cx.new_class("TextDecoder", 0, new_decoder)?;
    define_functions(&mut cx, prototype, &[("decode", 0, decode)])?;
    define_global(&mut cx, "TextDecoder", constructor)
}

fn instance<'s>(cx: &mut Cx<'s>, args: Args<'s>, name: &str) -> Completion<Local<'s>> {
    let target = args.new_target();
    if target.is_undefined() {
        return Err(cx.type_error(&format!("Class constructor {name} cannot be invoked without 'new'")));
    }
    let prototype = cx.prototype_from_constructor(target, crate::js::intrinsic::Intrinsic::ObjectPrototype)?;
    cx.new_object_with(prototype)
}

fn new_encoder<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    instance(cx, args, "TextEncoder")
}

fn encode<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = match cx.arg(args, 0) {
        text if text.is_undefined() => String::new(),
        text => cx.to_rust_text(text)?,
    };
    cx.new_uint8_array(text.as_bytes())
}

fn encode_into<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = cx.arg(args, 0);
    let text = cx.to_string(text)?;
    let units = cx.code_units(text)?;
    let target = cx.arg(args, 1);
    let Some(room) = cx.bytes_of_view(target).map(|bytes| bytes.len()) else {
        return Err(cx.type_error("The \"dest\" argument must be an instance of Uint8Array"));
    };
    let (mut read, mut bytes) = (0, Vec::new());
    for char in char::decode_utf16(units) {
        let char = char.unwrap_or(char::REPLACEMENT_CHARACTER);
        if bytes.len() + char.len_utf8() > room {
            break;
        }
        bytes.extend(char.encode_utf8(&mut [0; 4]).bytes());
        read += char.len_utf16();
    }
    cx.write_view(target, &bytes);
    let result = cx.new_object()?;
    super::define(cx, result, "read", Local::number(read as f64))?;
    super::define(cx, result, "written", Local::number(bytes.len() as f64))?;
    Ok(result)
}

fn new_decoder<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let decoder = instance(cx, args, "TextDecoder")?;
    let label = match cx.arg(args, 0) {
        label if label.is_undefined() => "utf-8".to_owned(),
        label => cx.to_rust_text(label)?,
    };
    let encoding = match label.trim().to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "unicode-1-1-utf-8" => "utf-8",
        "utf-16le" | "utf-16" | "ucs-2" | "unicode" => "utf-16le",
        "latin1" | "iso-8859-1" | "ascii" | "us-ascii" | "windows-1252" => "windows-1252",
        _ => return Err(cx.range_error(&format!("The \"{label}\" encoding is not supported"))),
    };
    let encoding = cx.string(encoding)?;
    super::define(cx, decoder, "encoding", encoding)?;
    let options = cx.arg(args, 1);
    for name in ["fatal", "ignoreBOM"] {
        let mut cx = cx.open();
        let key = cx.key(name)?;
        let value = if options.is_object() { cx.get(options, key)? } else { Local::FALSE };
        let value = Local::bool(cx.to_boolean(value));
        super::define(&mut cx, decoder, name, value)?;
    }
    Ok(decoder)
}

/// The characters of Windows-1252 from 0x80 on that Latin-1 has not.
const WINDOWS: [u16; 32] = [
    0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
    0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
];

fn decode<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    if !this.is_object() {
        return Err(cx.type_error("Illegal invocation"));
    }
    let flag = |cx: &mut Cx<'s>, name: &str| -> Completion<bool> {
        let key = cx.key(name)?;
        let value = cx.get(this, key)?;
        Ok(cx.to_boolean(value))
    };
    let (fatal, keeps_mark) = (flag(cx, "fatal")?, flag(cx, "ignoreBOM")?);
    let encoding = cx.key("encoding")?;
    let encoding = cx.get(this, encoding)?;
    let encoding = cx.to_rust_text(encoding)?;
    let input = cx.arg(args, 0);
    let mut bytes = match cx.bytes_of_view(input) {
        Some(bytes) => bytes,
        None if input.is_undefined() => Vec::new(),
        None => return Err(cx.type_error("The \"input\" argument must be an instance of ArrayBuffer or ArrayBufferView")),
    };
    // What is left of a stream's last chunk comes first: it is kept with the decoder.
    let rest_key = cx.key("\u{1}rest")?;
    let kept = cx.get(this, rest_key)?;
    if let Some(mut kept) = cx.bytes_of_view(kept) {
        kept.append(&mut bytes);
        bytes = kept;
    }
    let options = cx.arg(args, 1);
    let streams = if options.is_object() {
        let key = cx.key("stream")?;
        let stream = cx.get(options, key)?;
        cx.to_boolean(stream)
    } else {
        false
    };
    let rest = if streams { incomplete(&encoding, &bytes) } else { 0 };
    let tail = bytes.split_off(bytes.len() - rest);
    let tail = cx.new_uint8_array(&tail)?;
    cx.define_data(this, rest_key, tail, crate::js::object::Attributes::HIDDEN)?;
    let units: Vec<u16> = match encoding.as_str() {
        "utf-16le" => {
            bytes.chunks(2).map(|pair| if let [low, high] = *pair { u16::from_le_bytes([low, high]) } else { 0xfffd }).collect()
        }
        "windows-1252" => {
            bytes.iter().map(|&byte| WINDOWS.get((byte as usize).wrapping_sub(128)).copied().unwrap_or(byte.into())).collect()
        }
        _ => {
            if bytes.is_ascii() {
                return cx.string_of(Text::Latin1(&bytes));
            }
            let text = String::from_utf8_lossy(&bytes);
            if fatal && std::str::from_utf8(&bytes).is_err() {
                return Err(cx.type_error("The encoded data was not valid for encoding utf-8"));
            }
            text.encode_utf16().collect()
        }
    };
    let units = if !keeps_mark && units.first() == Some(&0xfeff) { &units[1..] } else { &units[..] };
    cx.string_utf16(units)
}

/// Bytes at the end that begin a character which is not complete.
fn incomplete(encoding: &str, bytes: &[u8]) -> usize {
    match encoding {
        "utf-16le" => bytes.len() % 2,
        "windows-1252" => 0,
        _ => match std::str::from_utf8(bytes) {
            Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
            _ => {
                let tail = &bytes[bytes.len().saturating_sub(3)..];
                let starts = |from: usize| {
                    std::str::from_utf8(&tail[from..]).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
                };
                (0..tail.len()).find(|&from| starts(from)).map_or(0, |from| tail.len() - from)
            }
        },
    }
}
