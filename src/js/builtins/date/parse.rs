//! Date.parse (§21.4.3.2): the format of §21.4.1.32, what `toString` and `toUTCString` give, and what else people write.
#![forbid(unsafe_code)]

use super::time::{make_date, make_day, make_time, time_clip, utc};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The time value of a text; NaN if it is none.
pub(super) fn parse(text: &str) -> f64 {
    let text = text.trim();
    // Nobody but the format of the specification writes a year with a sign.
    let has_sign = text.starts_with(['+', '-']);
    iso(text).or_else(|| if has_sign { None } else { legacy(text) }).map_or(f64::NAN, time_clip)
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let is_it = self.rest.first() == Some(&byte);
        if is_it {
            self.rest = &self.rest[1..];
        }
        is_it
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<f64> {
        let digits = self.rest.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.rest = &self.rest[count..];
        Some(digits.iter().fold(0.0, |number, digit| number * 10.0 + f64::from(digit - b'0')))
    }
}

/// Date Time String Format (§21.4.1.32).
fn iso(text: &str) -> Option<f64> {
    let mut cursor = Cursor { rest: text.as_bytes() };
    let year = match cursor.rest.first()? {
        b'+' => {
            cursor.eat(b'+');
            cursor.digits(6)?
        }
        b'-' => {
            cursor.eat(b'-');
            let year = cursor.digits(6)?;
            if year == 0.0 {
                return None;
            }
            -year
        }
        _ => cursor.digits(4)?,
    };
    let (mut month, mut date) = (1.0, 1.0);
    if cursor.eat(b'-') {
        month = cursor.digits(2)?;
        if cursor.eat(b'-') {
            date = cursor.digits(2)?;
        }
    }
    if !(1.0..=12.0).contains(&month) || !(1.0..=31.0).contains(&date) {
        return None;
    }
    let day = make_day(year, month - 1.0, date);
    let has_time = cursor.eat(b'T') || cursor.eat(b't') || (text.len() > 10 && cursor.eat(b' '));
    if !has_time {
        // A date alone is in UTC.
        return cursor.rest.is_empty().then(|| make_date(day, 0.0));
    }
    let hour = cursor.digits(2)?;
    let minute = if cursor.eat(b':') { cursor.digits(2)? } else { return None };
    let (mut second, mut ms) = (0.0, 0.0);
    if cursor.eat(b':') {
        second = cursor.digits(2)?;
        if cursor.eat(b'.') || cursor.eat(b',') {
            let count = cursor.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let digits = std::str::from_utf8(&cursor.rest[..count]).ok()?;
            cursor.rest = &cursor.rest[count..];
            ms = (format!("0.{digits}").parse::<f64>().ok().filter(|_| count > 0)? * 1000.0 + 1e-9).floor();
        }
    }
    let is_end_of_day = hour == 24.0 && minute == 0.0 && second == 0.0 && ms == 0.0;
    if (hour > 23.0 && !is_end_of_day) || minute > 59.0 || second > 59.0 {
        return None;
    }
    let local = make_date(day, make_time(hour, minute, second, ms));
    if cursor.eat(b'Z') || cursor.eat(b'z') {
        return cursor.rest.is_empty().then_some(local);
    }
    let sign = match cursor.rest.first() {
        None => return Some(utc(local)),
        Some(b'+') => 1.0,
        Some(b'-') => -1.0,
        Some(_) => return None,
    };
    cursor.rest = &cursor.rest[1..];
    let hours = cursor.digits(2)?;
    cursor.eat(b':');
    let minutes = cursor.digits(2)?;
    (cursor.rest.is_empty() && hours < 24.0 && minutes < 60.0).then(|| local - sign * make_time(hours, minutes, 0.0, 0.0))
}

/// What is not that format: words and numbers in many orders, such as `Tue Mar 01 2022 10:00:00 GMT+0100 (CET)` and `3/1/2022 10:00 PM`.
fn legacy(text: &str) -> Option<f64> {
    let mut numbers = Vec::new();
    let (mut month, mut time, mut offset, mut afternoon) = (None, None, None, None);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '(' {
            // A comment.
            rest = rest.find(')').map_or("", |end| &rest[end + 1..]);
        } else if first.is_ascii_alphabetic() {
            let end = rest.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(rest.len());
            let word = rest[..end].to_ascii_lowercase();
            rest = rest[end..].trim_start_matches('.');
            let is_start_of = |names: &[&str]| names.iter().position(|name| word.len() >= 3 && word.starts_with(name));
            if let Some(nth) = is_start_of(&MONTHS) {
                month = Some(nth as f64);
            } else if matches!(word.as_str(), "gmt" | "utc" | "ut" | "z") {
                offset = Some(0.0);
            } else if word == "am" || word == "pm" {
                afternoon = Some(word == "pm");
            } else if let Some(hours) = zone_of(&word) {
                offset = Some(hours * 60.0);
            } else if is_start_of(&["sun", "mon", "tue", "wed", "thu", "fri", "sat"]).is_none() && word != "t" {
                return None;
            }
        } else if first.is_ascii_digit() {
            let end = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
            if rest[end..].starts_with(':') && time.is_none() {
                let end = rest.find(|char: char| !char.is_ascii_digit() && char != ':' && char != '.').unwrap_or(rest.len());
                time = Some(clock(&rest[..end])?);
                rest = &rest[end..];
            } else {
                numbers.push((rest[..end].parse::<f64>().ok()?, end));
                rest = &rest[end..];
            }
        } else if (first == '+' || first == '-') && time.is_some() {
            let digits: String =
                rest[1..].chars().take_while(|char| char.is_ascii_digit() || *char == ':').filter(|char| *char != ':').collect();
            let number = digits.parse::<f64>().ok()?;
            let minutes = if digits.len() <= 2 { number * 60.0 } else { (number / 100.0).floor() * 60.0 + number % 100.0 };
            offset = Some(if first == '-' { -minutes } else { minutes });
            let end = rest[1..].find(|char: char| !char.is_ascii_digit() && char != ':').map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
        } else if matches!(first, ' ' | ',' | '/' | '-' | '.' | '\t') {
            rest = &rest[first.len_utf8()..];
        } else {
            return None;
        }
    }
    let (year, month, date) = match (month, &numbers[..]) {
        (Some(month), [(first, digits), (second, _)]) if *digits > 2 => (*first, month, *second),
        (Some(month), [(date, _), (year, digits)]) => (full_year(*year, *digits), month, *date),
        (Some(month), [(year, digits)]) if *digits > 2 => (*year, month, 1.0),
        (Some(month), [(date, _)]) => (2001.0, month, *date),
        (None, [(first, digits), (month, _), (date, _)]) if *digits > 2 => (*first, month - 1.0, *date),
        (None, [(month, _), (date, _), (year, digits)]) => (full_year(*year, *digits), month - 1.0, *date),
        _ => return None,
    };
    if !(0.0..12.0).contains(&month) || !(1.0..=31.0).contains(&date) {
        return None;
    }
    let (mut hour, minute, second, ms) = time.unwrap_or((0.0, 0.0, 0.0, 0.0));
    if let Some(afternoon) = afternoon {
        if !(1.0..=12.0).contains(&hour) {
            return None;
        }
        hour = hour % 12.0 + if afternoon { 12.0 } else { 0.0 };
    }
    if hour > 24.0 || minute > 59.0 || second > 59.0 {
        return None;
    }
    let local = make_date(make_day(year, month, date), make_time(hour, minute, second, ms));
    Some(match offset {
        Some(minutes) => local - minutes * 60_000.0,
        None => utc(local),
    })
}

/// Years of one or two digits are near 2000.
fn full_year(year: f64, digits: usize) -> f64 {
    if digits > 2 || year > 99.0 {
        year
    } else if year < 50.0 {
        2000.0 + year
    } else {
        1900.0 + year
    }
}

fn zone_of(word: &str) -> Option<f64> {
    Some(match word {
        "est" => -5.0,
        "edt" => -4.0,
        "cst" => -6.0,
        "cdt" => -5.0,
        "mst" => -7.0,
        "mdt" => -6.0,
        "pst" => -8.0,
        "pdt" => -7.0,
        _ => return None,
    })
}

/// `h:mm`, `h:mm:ss`, `h:mm:ss.sss`
fn clock(text: &str) -> Option<(f64, f64, f64, f64)> {
    let mut parts = text.split(':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds: f64 = parts.next().map_or(Some(0.0), |seconds| seconds.parse().ok())?;
    parts.next().is_none().then(|| (hour, minute, seconds.trunc(), (seconds.fract() * 1000.0 + 1e-6).floor()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn texts_in_many_forms_are_read() {
        let time = 1_646_128_800_000.0;
        for text in [
            "2022-03-01T10:00:00Z",
            "2022-03-01T11:00+01:00",
            "Tue Mar 01 2022 11:00:00 GMT+0100 (Central European Standard Time)",
            "Tue, 01 Mar 2022 10:00:00 GMT",
            "Mar 1, 2022 10:00 AM UTC",
            "3/1/2022 10:00:00 GMT",
            "1 March 2022 05:00 EST",
        ] {
            assert_eq!(parse(text), time, "{text}");
        }
        assert_eq!(parse("1970-01-01"), 0.0);
        assert_eq!(parse("+275760-09-13T00:00:00.000Z"), 8.64e15);
        for text in [
            "",
            "x",
            "2022-13-01",
            "2022-02-01T25:00Z",
            "-000000-01-01T00:00:00Z",
            "+275760-09-13T00:00:00.001Z",
            "2022-03-01T10Z",
        ] {
            assert!(parse(text).is_nan(), "{text}");
        }
    }
}
