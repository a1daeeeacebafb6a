//! Regular expressions: their early errors, and what matches them.

use regress::{Flags, Regex};

/// Whether pattern and flags are valid; otherwise why not.
pub fn check(pattern: &[u16], flags: &[u16]) -> Result<(), String> {
    compile(pattern, flags).map(drop)
}

/// A regular expression ready to be matched, or why it is none.
pub fn compile(pattern: &[u16], flags: &[u16]) -> Result<Regex, String> {
    let mut seen: u32 = 0;
    for &flag in flags {
        let place = u8::try_from(flag).ok().and_then(|flag| b"dgimsuvy".iter().position(|&known| known == flag));
        match place {
            Some(place) if seen & 1 << place == 0 => seen |= 1 << place,
            _ => return Err("Invalid flags".to_owned()),
        }
    }
    let has = |flag: u8| flags.contains(&u16::from(flag));
    let unicode = has(b'u') || has(b'v');
    if has(b'u') && has(b'v') {
        return Err("Invalid flags".to_owned());
    }
    let combined = || char::decode_utf16(pattern.iter().copied()).map(code_point).collect::<Vec<u32>>();
    let points = if unicode { split_escapes(&combined()) } else { pattern.iter().copied().map(u32::from).collect() };
    let flags = Flags::new(flags.iter().copied().map(u32::from));
    let first = Regex::from_unicode(points.iter().copied(), flags);
    match first {
        // Names of groups are made of code points without `u` too.
        Err(_) if !unicode && pattern.iter().any(|unit| (0xd800..0xdc00).contains(unit)) => {
            Regex::from_unicode(combined().into_iter(), flags)
        }
        first => first,
    }
    .map_err(|error| error.to_string())
}

fn code_point(c: Result<char, std::char::DecodeUtf16Error>) -> u32 {
    c.map_or_else(|error| u32::from(error.unpaired_surrogate()), u32::from)
}

/// A leading surrogate's escape directly before `\u{` is no half of a pair: it is written with braces, which `regress` needs.
fn split_escapes(points: &[u32]) -> Vec<u32> {
    let text = |range: std::ops::Range<usize>| -> String {
        points.get(range).unwrap_or_default().iter().filter_map(|&point| char::from_u32(point)).collect()
    };
    let mut result = Vec::with_capacity(points.len());
    let mut at = 0;
    while at < points.len() {
        let lead = u32::from_str_radix(&text(at + 2..at + 6), 16).is_ok_and(|unit| (0xd800..0xdc00).contains(&unit));
        if lead && text(at..at + 2) == "\\u" && text(at + 6..at + 9) == "\\u{" {
            result.extend("\\u{".chars().map(u32::from));
            result.extend_from_slice(&points[at + 2..at + 6]);
            result.push(u32::from('}'));
            at += 6;
        } else {
            // An escape's two characters stay together, so that `\\\\u` is not read as one.
            let length = if points[at] == u32::from('\\') { 2 } else { 1 };
            let end = (at + length).min(points.len());
            result.extend_from_slice(&points[at..end]);
            at = end;
        }
    }
    result
}
