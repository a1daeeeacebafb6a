//! Between JavaScript's code units and the UTF-8 that the parser reads: offsets, and the values of literals.

use std::borrow::Cow;

use super::strings::Text;
use crate::js::source::SourceText;

/// A source text as UTF-8 with something before and behind it, and the way back from its offsets.
#[derive(Debug)]
pub(super) struct Utf8Source<'s> {
    pub(super) text: Cow<'s, str>,
    source: &'s SourceText,
    prefix: u32,
    /// The code-unit offset at every 64th byte of the text; empty if all is ASCII.
    blocks: Vec<u32>,
    /// Whether a lone surrogate was replaced.
    pub(super) lossy: bool,
}

impl<'s> Utf8Source<'s> {
    pub(super) fn new(source: &'s SourceText, prefix: &str, suffix: &str) -> Self {
        let mut lossy = false;
        let body: Cow<'s, str> = match source.text() {
            Text::Latin1(bytes) if bytes.is_ascii() => Cow::Borrowed(std::str::from_utf8(bytes).unwrap_or_default()),
            Text::Latin1(bytes) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
            Text::Utf16(units) => Cow::Owned(
                char::decode_utf16(units.iter().copied())
                    .map(|c| {
                        c.unwrap_or_else(|_| {
                            lossy = true;
                            char::REPLACEMENT_CHARACTER
                        })
                    })
                    .collect(),
            ),
        };
        let mut blocks = Vec::new();
        if !body.is_ascii() {
            let mut units = 0;
            for (offset, c) in body.char_indices() {
                while blocks.len() * 64 <= offset {
                    blocks.push(units);
                }
                units += c.len_utf16() as u32;
            }
            while blocks.len() * 64 <= body.len() {
                blocks.push(units);
            }
        }
        let text = if prefix.is_empty() && suffix.is_empty() { body } else { Cow::Owned(format!("{prefix}{body}{suffix}")) };
        Self { text, source, prefix: prefix.len() as u32, blocks, lossy }
    }

    /// The offset in code units of a byte of the UTF-8 text.
    pub(super) fn offset(&self, byte: u32) -> u32 {
        let byte = byte.saturating_sub(self.prefix);
        let length = self.source.len() as u32;
        if self.blocks.is_empty() {
            return byte.min(length);
        }
        let index = (byte as usize / 64).min(self.blocks.len() - 1);
        // A block's count is of the first character at or behind its beginning.
        let mut at = index * 64 + self.prefix as usize;
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        let end = (byte + self.prefix) as usize;
        let rest = self.text.get(at..end).unwrap_or_default();
        (self.blocks[index] + rest.chars().map(|c| c.len_utf16() as u32).sum::<u32>()).min(length)
    }

    /// The code units between two bytes.
    pub(super) fn units(&self, start: u32, end: u32) -> Vec<u16> {
        self.source.slice(self.offset(start), self.offset(end)).units().collect()
    }
}

/// The value of what stands between a literal's quotes, which is known to be well-formed.
pub(super) fn cook(raw: &[u16]) -> Vec<u16> {
    let mut cooked = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(&unit) = raw.get(at) {
        at += 1;
        if unit == u16::from(b'\r') {
            at += usize::from(raw.get(at) == Some(&10));
            cooked.push(10);
        } else if unit == u16::from(b'\\') {
            at = cook_escape(raw, at, &mut cooked);
        } else {
            cooked.push(unit);
        }
    }
    cooked
}

fn digit(raw: &[u16], at: usize, radix: u32) -> Option<u32> {
    char::from_u32(u32::from(*raw.get(at)?))?.to_digit(radix)
}

fn cook_escape(raw: &[u16], mut at: usize, cooked: &mut Vec<u16>) -> usize {
    let Some(&unit) = raw.get(at) else { return at };
    at += 1;
    let simple = match char::from_u32(u32::from(unit)).unwrap_or('\0') {
        'n' => 10,
        't' => 9,
        'r' => 13,
        'b' => 8,
        'f' => 12,
        'v' => 11,
        '\r' => return at + usize::from(raw.get(at) == Some(&10)),
        '\n' | '\u{2028}' | '\u{2029}' => return at,
        'x' => {
            let value = digit(raw, at, 16).unwrap_or(0) * 16 + digit(raw, at + 1, 16).unwrap_or(0);
            cooked.push(value as u16);
            return at + 2;
        }
        'u' => {
            let braced = raw.get(at) == Some(&u16::from(b'{'));
            at += usize::from(braced);
            let mut value = 0u32;
            let mut count = 0;
            while let Some(next) = digit(raw, at, 16)
                && (braced || count < 4)
            {
                value = (value << 4 | next) & 0xff_ffff;
                count += 1;
                at += 1;
            }
            if let Ok(unit) = u16::try_from(value) {
                cooked.push(unit);
            } else {
                let mut buffer = [0; 2];
                cooked.extend_from_slice(char::from_u32(value).unwrap_or('\u{fffd}').encode_utf16(&mut buffer));
            }
            return at + usize::from(braced);
        }
        '0'..='7' => {
            let mut value = u32::from(unit) - 48;
            let limit = if value < 4 { 2 } else { 1 };
            for _ in 0..limit {
                let Some(next) = digit(raw, at, 8) else { break };
                value = value * 8 + next;
                at += 1;
            }
            cooked.push(value as u16);
            return at;
        }
        _ => unit,
    };
    cooked.push(simple);
    at
}

/// A template's raw string: line terminators are line feeds.
pub(super) fn normalize_lines(units: &[u16]) -> Vec<u16> {
    let mut result = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(&unit) = units.get(at) {
        at += 1;
        if unit == 13 {
            at += usize::from(units.get(at) == Some(&10));
            result.push(10);
        } else {
            result.push(unit);
        }
    }
    result
}
