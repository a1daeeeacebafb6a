//! Numbers as text and text as numbers (§6.1.6.1.20, §7.1.4.1).
#![forbid(unsafe_code)]

use crate::js::string::Text;

/// Number::toString (§6.1.6.1.20) in base ten.
pub fn number_to_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    ryu_js::Buffer::new().format(number).to_owned()
}

/// White space and line terminators (§12.2, §12.3), which StringToNumber and `trim` leave out.
pub fn is_white_space(unit: u16) -> bool {
    matches!(
        unit,
        0x09..=0x0d | 0x20 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x2028 | 0x2029 | 0x202f | 0x205f | 0x3000 | 0xfeff
    )
}

/// A text without white space at its ends.
pub fn trim(text: Text<'_>) -> Text<'_> {
    let from = text.units().position(|unit| !is_white_space(unit)).unwrap_or(text.len());
    let to = text.len() - text.units().rev().take(text.len() - from).take_while(|&unit| is_white_space(unit)).count();
    text.part(from, to)
}

/// StringToNumber (§7.1.4.1.1).
pub fn text_to_number(text: Text<'_>) -> f64 {
    let text = trim(text);
    if text.is_empty() {
        return 0.0;
    }
    if text.units().any(|unit| unit > 127) {
        return f64::NAN;
    }
    let ascii: String = text.units().map(|unit| char::from(unit as u8)).collect();
    let radix = match ascii.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => return decimal(&ascii),
    };
    digits_to_number(&ascii[2..], radix).unwrap_or(f64::NAN)
}

/// StrDecimalLiteral.
fn decimal(text: &str) -> f64 {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" {
        return if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // Rust reads names such as "inf" too.
    if !unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return f64::NAN;
    }
    fast_float2::parse(text).unwrap_or(f64::NAN)
}

/// The number of digits in a radix; `None` if there are none or others.
pub fn digits_to_number(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    if radix == 10 {
        return fast_float2::parse(digits).ok();
    }
    let exact = digits
        .chars()
        .try_fold(0u64, |number, digit| number.checked_mul(u64::from(radix))?.checked_add(u64::from(digit.to_digit(radix)?)));
    if let Some(number) = exact.filter(|&number| number < 1 << 53) {
        return Some(number as f64);
    }
    if !radix.is_power_of_two() {
        let number = dashu_int::UBig::from_str_radix(digits, radix).ok()?;
        return Some(number.to_f64().value());
    }
    // Powers of two: round to 53 bits, ties to even.
    let number = dashu_int::UBig::from_str_radix(digits, radix).ok()?;
    Some(number.to_f64().value())
}

#[cfg(test)]
mod tests {
    use super::{digits_to_number, number_to_text, text_to_number};
    use crate::js::string::Text;

    #[test]
    fn texts_are_read_as_the_specification_says() {
        for (text, number) in [
            ("", 0.0),
            ("  12\n", 12.0),
            ("0x1F", 31.0),
            ("-0x1", f64::NAN),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("5.", 5.0),
            (".", f64::NAN),
            ("+Infinity", f64::INFINITY),
            ("inf", f64::NAN),
            ("nan", f64::NAN),
            ("1_0", f64::NAN),
            ("0b102", f64::NAN),
            ("-0", -0.0),
        ] {
            let read = text_to_number(Text::Latin1(text.as_bytes()));
            assert_eq!(read.to_bits(), if number.is_nan() { read.to_bits() } else { f64::to_bits(number) }, "{text:?}");
            assert_eq!(read.is_nan(), number.is_nan(), "{text:?}");
        }
        assert_eq!(digits_to_number("20000000000001", 16), Some(9007199254740992.0));
        assert_eq!(digits_to_number("20000000000003", 16), Some(9007199254740996.0));
    }

    #[test]
    fn numbers_are_written_as_the_specification_says() {
        for (number, text) in
            [(1e21, "1e+21"), (123456789012345680000.0, "123456789012345680000"), (-0.0, "0"), (1e-7, "1e-7"), (0.1, "0.1")]
        {
            assert_eq!(number_to_text(number), text);
        }
    }
}
