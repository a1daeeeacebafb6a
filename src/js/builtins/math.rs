//! Math (§21.3).
#![forbid(unsafe_code)]

use crate::js::convert::primitive::to_int32;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;

/// Makes the object.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let mut cx = cx.open();
    let math = cx.new_object()?;
    cx.set_intrinsic(Intrinsic::Math, math);
    use std::f64::consts;
    for (name, value) in [
        (Name::E, consts::E),
        (Name::LN10, consts::LN_10),
        (Name::LN2, consts::LN_2),
        (Name::LOG10E, consts::LOG10_E),
        (Name::LOG2E, consts::LOG2_E),
        (Name::PI, consts::PI),
        (Name::SQRT1_2, consts::FRAC_1_SQRT_2),
        (Name::SQRT2, consts::SQRT_2),
    ] {
        cx.install_constant(math, name, Local::number(value))?;
    }
    cx.install_tag(math, "Math")?;
    cx.install_methods(math, UNARY)?;
    let table: &[(Name, u32, Native)] = &[
        (Name::atan2, 2, atan2),
        (Name::hypot, 2, hypot),
        (Name::imul, 2, imul),
        (Name::max, 2, max),
        (Name::min, 2, min),
        (Name::pow, 2, pow),
        (Name::random, 0, random),
        (Name::sumPrecise, 1, sum_precise),
    ];
    cx.install_methods(math, table)?;
    cx.install_global(Name::Math, math)
}

macro_rules! unary {
    ($($name:ident $section:literal $number:ident => $result:expr;)*) => {
        $(#[doc = concat!("Math.", stringify!($name), " ( x ) (§", $section, ").")]
        fn $name<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let $number = cx.to_number(cx.arg(args, 0))?;
            Ok(Local::number($result))
        })*

        const UNARY: &[(Name, u32, Native)] = &[$((Name::$name, 1, $name),)*];
    };
}

unary! {
    abs "21.3.2.1" x => x.abs();
    acos "21.3.2.2" x => libm::acos(x);
    acosh "21.3.2.3" x => libm::acosh(x);
    asin "21.3.2.4" x => libm::asin(x);
    asinh "21.3.2.5" x => if x == 0.0 || x.is_infinite() { x } else { libm::asinh(x) };
    atan "21.3.2.6" x => libm::atan(x);
    atanh "21.3.2.7" x => libm::atanh(x);
    cbrt "21.3.2.9" x => libm::cbrt(x);
    ceil "21.3.2.10" x => x.ceil();
    clz32 "21.3.2.11" x => f64::from(to_int32(x).leading_zeros());
    cos "21.3.2.12" x => libm::cos(x);
    cosh "21.3.2.13" x => libm::cosh(x);
    exp "21.3.2.14" x => libm::exp(x);
    expm1 "21.3.2.15" x => libm::expm1(x);
    floor "21.3.2.16" x => x.floor();
    fround "21.3.2.17" x => f64::from(x as f32);
    f16round "21.3.2.18" x => round_to_half(x);
    log "21.3.2.21" x => libm::log(x);
    log10 "21.3.2.22" x => libm::log10(x);
    log1p "21.3.2.23" x => libm::log1p(x);
    log2 "21.3.2.24" x => libm::log2(x);
    round "21.3.2.29" x => round_half_up(x);
    sign "21.3.2.30" x => if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x };
    sin "21.3.2.31" x => libm::sin(x);
    sinh "21.3.2.32" x => libm::sinh(x);
    sqrt "21.3.2.33" x => x.sqrt();
    tan "21.3.2.34" x => libm::tan(x);
    tanh "21.3.2.35" x => libm::tanh(x);
    trunc "21.3.2.36" x => x.trunc();
}

/// To the nearest integer, halves towards +∞; the sign of zero stays.
fn round_half_up(x: f64) -> f64 {
    if !x.is_finite() || x.fract() == 0.0 {
        return x;
    }
    let rounded = if x - x.floor() >= 0.5 { x.ceil() } else { x.floor() };
    rounded.copysign(x)
}

/// The nearest of the numbers with 11 bits, ties to even (§21.3.2.18).
fn round_to_half(x: f64) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let magnitude = x.abs();
    // The distance between neighbours there: 2⁻²⁴ for the smallest.
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(-14);
    let step = libm::ldexp(1.0, exponent - 10);
    let rounded = (magnitude / step).round_ties_even() * step;
    (if rounded >= 65520.0 { f64::INFINITY } else { rounded }).copysign(x)
}

/// Math.atan2 ( y, x ) (§21.3.2.8).
fn atan2<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let y = cx.to_number(cx.arg(args, 0))?;
    let x = cx.to_number(cx.arg(args, 1))?;
    Ok(Local::number(libm::atan2(y, x)))
}

/// All arguments as numbers: they are converted before anything is looked at.
fn numbers<'s>(cx: &mut Cx<'s>, args: Args<'s>) -> Completion<Vec<f64>> {
    (0..args.len()).map(|nth| cx.to_number(cx.arg(args, nth))).collect()
}

/// Math.hypot ( ...args ) (§21.3.2.19).
fn hypot<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let numbers = numbers(cx, args)?;
    if numbers.iter().any(|number| number.is_infinite()) {
        return Ok(Local::number(f64::INFINITY));
    }
    if numbers.iter().any(|number| number.is_nan()) {
        return Ok(Local::number(f64::NAN));
    }
    let largest = numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    if largest == 0.0 {
        return Ok(Local::ZERO);
    }
    // Kahan's sum of squares of what is at most 1.
    let (mut sum, mut rest) = (0.0, 0.0);
    for number in numbers {
        let scaled = number / largest;
        let term = scaled * scaled - rest;
        let next = sum + term;
        rest = (next - sum) - term;
        sum = next;
    }
    Ok(Local::number(sum.sqrt() * largest))
}

/// Math.imul ( x, y ) (§21.3.2.20).
fn imul<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let x = cx.to_int32(cx.arg(args, 0))?;
    let y = cx.to_int32(cx.arg(args, 1))?;
    Ok(Local::int(x.wrapping_mul(y)))
}

/// Math.max ( ...args ) (§21.3.2.25).
fn max<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let numbers = numbers(cx, args)?;
    let larger = |left: f64, right: f64| match () {
        () if left.is_nan() || right.is_nan() => f64::NAN,
        () if left == 0.0 && right == 0.0 => {
            if left.is_sign_negative() {
                right
            } else {
                left
            }
        }
        () => left.max(right),
    };
    Ok(Local::number(numbers.into_iter().fold(f64::NEG_INFINITY, larger)))
}

/// Math.min ( ...args ) (§21.3.2.26).
fn min<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let numbers = numbers(cx, args)?;
    let smaller = |left: f64, right: f64| match () {
        () if left.is_nan() || right.is_nan() => f64::NAN,
        () if left == 0.0 && right == 0.0 => {
            if left.is_sign_negative() {
                left
            } else {
                right
            }
        }
        () => left.min(right),
    };
    Ok(Local::number(numbers.into_iter().fold(f64::INFINITY, smaller)))
}

/// Number::exponentiate (§6.1.6.1.3).
pub(in crate::js) fn exponentiate(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || (base.abs() == 1.0 && exponent.is_infinite()) {
        return f64::NAN;
    }
    base.powf(exponent)
}

/// Math.pow ( base, exponent ) (§21.3.2.27).
fn pow<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let base = cx.to_number(cx.arg(args, 0))?;
    let exponent = cx.to_number(cx.arg(args, 1))?;
    Ok(Local::number(exponentiate(base, exponent)))
}

/// Math.random ( ) (§21.3.2.28), by xorshift128+ (Vigna, 2017).
fn random<'s>(cx: &mut Cx<'s>, _: Local<'s>, _: Args<'s>) -> Completion<Local<'s>> {
    let [mut first, second] = cx.agent.random;
    first ^= first << 23;
    let next = first ^ second ^ (first >> 18) ^ (second >> 5);
    cx.agent.random = [second, next];
    let sum = next.wrapping_add(second);
    Ok(Local::number((sum >> 11) as f64 / (1u64 << 53) as f64))
}

/// Math.sumPrecise ( items ) (§21.3.2.37): the exact sum, rounded once.
fn sum_precise<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let items = cx.arg(args, 0);
    cx.require_object_coercible(items, "Math.sumPrecise")?;
    let record = cx.get_iterator(items)?;
    let mut sum = ExactSum::default();
    loop {
        let mut cx = cx.open();
        let Some(value) = cx.iterator_step_value(record)? else { break };
        match value.as_number() {
            Some(number) => sum.add(number),
            None => {
                let thrown = cx.type_error("Math.sumPrecise takes numbers only");
                return Err(cx.iterator_close_throw(record.iterator, thrown));
            }
        }
    }
    Ok(Local::number(sum.value()))
}

/// A sum in units of 2⁻¹⁰⁷⁴.
#[derive(Default)]
struct ExactSum {
    units: dashu_int::IBig,
    special: Option<f64>,
    has_other_than_minus_zero: bool,
}

impl ExactSum {
    fn add(&mut self, number: f64) {
        self.has_other_than_minus_zero |= number != 0.0 || number.is_sign_positive();
        if !number.is_finite() {
            self.special = Some(self.special.map_or(number, |special| special + number));
            return;
        }
        let bits = number.to_bits();
        let (exponent, mantissa) = ((bits >> 52) as usize & 0x7ff, bits & ((1 << 52) - 1));
        let (mantissa, shift) = if exponent == 0 { (mantissa, 0) } else { (mantissa | 1 << 52, exponent - 1) };
        let units = dashu_int::IBig::from(mantissa) << shift;
        if number < 0.0 { self.units -= units } else { self.units += units }
    }

    fn value(self) -> f64 {
        if let Some(special) = self.special {
            return special;
        }
        if self.units == dashu_int::IBig::ZERO {
            return if self.has_other_than_minus_zero { 0.0 } else { -0.0 };
        }
        let (sign, magnitude) = self.units.into_parts();
        let length = dashu_int::ops::BitTest::bit_len(&magnitude);
        // 53 bits are kept, rounded to even; subnormal numbers keep what they have.
        let drop = length.saturating_sub(53);
        let mut kept = u64::try_from(&magnitude >> drop).unwrap_or(u64::MAX);
        if drop > 0 {
            let half = dashu_int::UBig::ONE << (drop - 1);
            let rest = &magnitude - (dashu_int::UBig::from(kept) << drop);
            if rest > half || (rest == half && kept & 1 == 1) {
                kept += 1;
            }
        }
        let value = libm::ldexp(kept as f64, drop as i32 - 1074);
        if sign == dashu_int::Sign::Negative { -value } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExactSum, round_half_up, round_to_half};

    #[test]
    fn halves_are_rounded_up() {
        for (x, rounded) in [
            (0.5, 1.0),
            (-0.5, -0.0),
            (2.5, 3.0),
            (-2.5, -2.0),
            (0.49999999999999994, 0.0),
            (4503599627370495.5, 4503599627370496.0),
        ] {
            assert_eq!(round_half_up(x).to_bits(), f64::to_bits(rounded), "{x}");
        }
    }

    #[test]
    fn sums_are_exact() {
        let sum = |numbers: &[f64]| {
            let mut sum = ExactSum::default();
            numbers.iter().for_each(|&number| sum.add(number));
            sum.value()
        };
        assert_eq!(sum(&[1e308, 1e308, -1e308]), 1e308);
        assert_eq!(sum(&[0.1, 0.2, -0.3]), 2.7755575615628914e-17);
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[-0.0]).to_bits(), (-0.0f64).to_bits());
        assert_eq!(sum(&[5e-324, 5e-324]), 1e-323);
    }

    #[test]
    fn half_precision_rounds_to_even() {
        for (x, rounded) in
            [(1.00048828125, 1.0), (65519.99, 65504.0), (65520.0, f64::INFINITY), (5.960464477539063e-8, 5.960464477539063e-8)]
        {
            assert_eq!(round_to_half(x), rounded, "{x}");
        }
    }
}
