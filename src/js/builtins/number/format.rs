//! Numbers as digits: exactly rounded, halves away from zero, and in other radices.
#![forbid(unsafe_code)]

use dashu_int::UBig;

/// Significant digits of a number, and the exponent of the first.
pub(super) struct Digits {
    digits: String,
    pub exponent: i32,
}

impl Digits {
    /// `d.ddde±x`
    pub fn exponential(&self) -> String {
        let (first, rest) = self.digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{first}{point}{rest}e{}", self.exponent)
    }

    /// Without an exponent, which lies between −6 and the number of digits.
    pub fn plain(&self) -> String {
        if self.exponent < 0 {
            return format!("0.{}{}", "0".repeat((-self.exponent - 1) as usize), self.digits);
        }
        let whole = self.exponent as usize + 1;
        let (before, after) = self.digits.split_at(whole.min(self.digits.len()));
        if after.is_empty() { before.to_owned() } else { format!("{before}.{after}") }
    }
}

/// A finite number that is not negative as a fraction of integers.
fn fraction(number: f64) -> (UBig, UBig) {
    let bits = number.to_bits();
    let (exponent, mantissa) = ((bits >> 52) as i32 & 0x7ff, bits & ((1 << 52) - 1));
    let (mantissa, exponent) = if exponent == 0 { (mantissa, -1074) } else { (mantissa | 1 << 52, exponent - 1075) };
    let mantissa = UBig::from(mantissa);
    if exponent >= 0 { (mantissa << exponent as usize, UBig::ONE) } else { (mantissa, UBig::ONE << (-exponent) as usize) }
}

/// A fraction, rounded; halves away from zero.
fn rounded(numerator: UBig, denominator: UBig) -> UBig {
    (numerator * 2u8 + &denominator) / (denominator * 2u8)
}

fn power_of_ten(exponent: usize) -> UBig {
    UBig::from(10u8).pow(exponent)
}

/// So many significant digits of a finite number that is not negative: of two that are as near the larger (§21.1.3.5, step 10.a).
pub(super) fn digits_of(number: f64, count: usize) -> Digits {
    if number == 0.0 {
        return Digits { digits: "0".repeat(count), exponent: 0 };
    }
    let (numerator, denominator) = fraction(number);
    let mut exponent = number.log10().floor() as i32;
    // The logarithm may be off by one, and rounding may carry.
    loop {
        let shift = count as i32 - 1 - exponent;
        let scaled = if shift >= 0 {
            rounded(&numerator * power_of_ten(shift as usize), denominator.clone())
        } else {
            rounded(numerator.clone(), &denominator * power_of_ten(-shift as usize))
        };
        let digits = scaled.to_string();
        match digits.len().cmp(&count) {
            std::cmp::Ordering::Equal => return Digits { digits, exponent },
            std::cmp::Ordering::Greater => exponent += 1,
            std::cmp::Ordering::Less => exponent -= 1,
        }
    }
}

/// So many digits behind the point (§21.1.3.3, step 11).
pub(super) fn fixed(number: f64, count: usize) -> String {
    let (numerator, denominator) = fraction(number);
    let digits = rounded(numerator * power_of_ten(count), denominator).to_string();
    let digits = format!("{digits:0>width$}", width = count + 1);
    let (whole, rest) = digits.split_at(digits.len() - count);
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}

/// Number::toString (§6.1.6.1.20) in a radix that is not ten: as many digits as tell the number from its neighbours.
pub(super) fn radix_text(number: f64, radix: u32) -> String {
    let is_negative = number < 0.0;
    let number = number.abs();
    let digit = |value: u32| char::from_digit(value, radix).unwrap_or('0');
    let (whole, mut rest) = (number.trunc(), number.fract());
    // Digits that a double does not hold are zeros.
    let (mut value, base) = (whole, f64::from(radix));
    let mut digits = Vec::new();
    while value >= 9007199254740992.0 {
        value /= base;
        digits.push('0');
    }
    loop {
        let last = value % base;
        digits.push(digit(last as u32));
        value = (value - last) / base;
        if value <= 0.0 {
            break;
        }
    }
    let mut text: String = digits.into_iter().rev().collect();
    if rest > 0.0 {
        text.push('.');
        // Half of the distance to the next number: what is smaller need not be written.
        let next = f64::from_bits(number.to_bits() + 1);
        let mut delta = (0.5 * (next - number)).max(f64::from_bits(1));
        let mut digits: Vec<u32> = Vec::new();
        loop {
            rest *= base;
            delta *= base;
            let value = rest.trunc();
            digits.push(value as u32);
            rest -= value;
            if (rest > 0.5 || (rest == 0.5 && (value as u32) & 1 == 1)) && rest + delta > 1.0 {
                round_up(&mut digits, &mut text, radix);
                break;
            }
            if rest < delta {
                break;
            }
        }
        text.extend(digits.into_iter().map(digit));
        if text.ends_with('.') {
            text.pop();
        }
    }
    if is_negative { format!("-{text}") } else { text }
}

/// Adds one to the last digit, and carries; into the whole part if it must.
fn round_up(digits: &mut Vec<u32>, text: &mut String, radix: u32) {
    while let Some(last) = digits.pop() {
        if last + 1 < radix {
            digits.push(last + 1);
            return;
        }
    }
    let whole = UBig::from_str_radix(text.trim_end_matches('.'), radix).unwrap_or_default() + 1u8;
    *text = format!("{}.", whole.in_radix(radix as u8));
}

#[cfg(test)]
mod tests {
    use super::{digits_of, fixed, radix_text};

    #[test]
    fn digits_are_rounded_exactly() {
        assert_eq!(fixed(1.005, 2), "1.00");
        assert_eq!(fixed(0.5, 0), "1");
        assert_eq!(fixed(2.5, 0), "3");
        assert_eq!(fixed(1000000000000000128.0, 1), "1000000000000000128.0");
        assert_eq!(digits_of(123.456, 4).plain(), "123.5");
        assert_eq!(digits_of(0.000001, 2).plain(), "0.0000010");
        assert_eq!(digits_of(99.99, 3).plain(), "100");
        assert_eq!(digits_of(1.25, 2).exponential(), "1.3e0");
    }

    #[test]
    fn other_radices() {
        assert_eq!(radix_text(255.0, 16), "ff");
        assert_eq!(radix_text(-0.5, 2), "-0.1");
        assert_eq!(radix_text(0.1, 3), "0.0022002200220022002200220022002201");
        assert_eq!(radix_text(9007199254740991.0, 36), "2gosa7pa2gv");
    }
}
