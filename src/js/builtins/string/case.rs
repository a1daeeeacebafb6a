//! Case, normalization, comparison and well-formedness of strings (§22.1.3).
#![forbid(unsafe_code)]

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use super::this_string;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::js::string::Text;

/// Applies something to the parts of a string between surrogates without a partner, which stay.
fn by_parts(units: &[u16], convert: impl Fn(&str) -> String) -> Vec<u16> {
    let mut result = Vec::with_capacity(units.len());
    let mut part = String::new();
    for char in char::decode_utf16(units.iter().copied()) {
        match char {
            Ok(char) => part.push(char),
            Err(error) => {
                result.extend(convert(&part).encode_utf16());
                part.clear();
                result.push(error.unpaired_surrogate());
            }
        }
    }
    result.extend(convert(&part).encode_utf16());
    result
}

/// String.prototype.toLowerCase ( ) (§22.1.3.28).
pub(super) fn to_lower_case<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "toLowerCase")?;
    cx.flatten(string)?;
    if let Text::Latin1(bytes) = cx.text(string)
        && bytes.is_ascii()
    {
        let lower = bytes.to_ascii_lowercase();
        return cx.string_of(Text::Latin1(&lower));
    }
    let units = cx.text(string).to_vec();
    // Rust's conversion knows the final sigma (Unicode, §3.13).
    let lower = by_parts(&units, str::to_lowercase);
    cx.string_utf16(&lower)
}

/// String.prototype.toUpperCase ( ) (§22.1.3.30).
pub(super) fn to_upper_case<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "toUpperCase")?;
    cx.flatten(string)?;
    if let Text::Latin1(bytes) = cx.text(string)
        && bytes.is_ascii()
    {
        let upper = bytes.to_ascii_uppercase();
        return cx.string_of(Text::Latin1(&upper));
    }
    let units = cx.text(string).to_vec();
    let upper = by_parts(&units, str::to_uppercase);
    cx.string_utf16(&upper)
}

/// String.prototype.normalize ( \[ form \] ) (§22.1.3.15).
pub(super) fn normalize<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "normalize")?;
    let form = match cx.arg(args, 0) {
        form if form.is_undefined() => "NFC".to_owned(),
        form => cx.to_rust_text(form)?,
    };
    let units = cx.code_units(string)?;
    let normalized = match form.as_str() {
        "NFC" => by_parts(&units, |part| ComposingNormalizerBorrowed::new_nfc().normalize(part).into_owned()),
        "NFD" => by_parts(&units, |part| DecomposingNormalizerBorrowed::new_nfd().normalize(part).into_owned()),
        "NFKC" => by_parts(&units, |part| ComposingNormalizerBorrowed::new_nfkc().normalize(part).into_owned()),
        "NFKD" => by_parts(&units, |part| DecomposingNormalizerBorrowed::new_nfkd().normalize(part).into_owned()),
        _ => return Err(cx.range_error("The normalization form should be one of NFC, NFD, NFKC, NFKD.")),
    };
    cx.string_utf16(&normalized)
}

/// String.prototype.localeCompare ( that ) (§22.1.3.12): canonically equal strings are equal, all others go by code units.
pub(super) fn locale_compare<'s>(cx: &mut Cx<'s>, this: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "localeCompare")?;
    let that = cx.to_string(cx.arg(args, 0))?;
    let mut form = |string: Local<'s>| -> Completion<Vec<u16>> {
        let units = cx.code_units(string)?;
        Ok(by_parts(&units, |part| DecomposingNormalizerBorrowed::new_nfd().normalize(part).into_owned()))
    };
    let (left, right) = (form(string)?, form(that)?);
    Ok(Local::int(left.cmp(&right) as i32))
}

/// String.prototype.isWellFormed ( ) (§22.1.3.10).
pub(super) fn is_well_formed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "isWellFormed")?;
    cx.flatten(string)?;
    Ok(Local::bool(char::decode_utf16(cx.text(string).units()).all(|char| char.is_ok())))
}

/// String.prototype.toWellFormed ( ) (§22.1.3.31).
pub(super) fn to_well_formed<'s>(cx: &mut Cx<'s>, this: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let string = this_string(cx, this, "toWellFormed")?;
    let units = cx.code_units(string)?;
    let well_formed = String::from_utf16_lossy(&units);
    cx.string(&well_formed)
}
