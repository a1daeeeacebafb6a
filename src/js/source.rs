//! Source texts: JavaScript code units with a name and a hash, and the lines in them.
#![forbid(unsafe_code)]

use crate::base::sync::OnceLock;
use crate::js::parse::ast::Text;

/// How a source text's bytes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceEncoding {
    /// UTF-8; what is not valid becomes U+FFFD, as the Encoding standard says. A byte order mark at the beginning is dropped.
    Utf8,
    /// A byte is a code unit.
    Latin1,
    /// UTF-16, little-endian; lone surrogates stay.
    Utf16,
}

/// A source text.
pub struct SourceText {
    name: Box<str>,
    text: Text,
    hash: [u8; 32],
    /// Offsets of the lines' first code units.
    lines: OnceLock<Box<[u32]>>,
    /// Code units at the beginning that do not count for columns.
    hidden: u32,
}

impl SourceText {
    /// From a string.
    pub fn from_utf8(name: &str, text: &str) -> Self {
        let mut decoder = SourceDecoder::new(name, SourceEncoding::Utf8);
        decoder.push(text.as_bytes());
        decoder.finish()
    }

    /// From code units.
    pub fn from_units(name: &str, units: &[u16]) -> Self {
        Self::from_text(name, Text::from_units(units))
    }

    /// From code units that are already in the narrower encoding.
    pub fn from_text(name: &str, text: Text) -> Self {
        let mut hasher = blake3::Hasher::new();
        hash_units(&mut hasher, &text);
        Self { name: name.into(), text, hash: hasher.finalize().into(), lines: OnceLock::new(), hidden: 0 }
    }

    /// The same text, whose first code units, all in its first line, were put in front of what somebody wrote: columns do not count them.
    pub fn with_hidden(self, hidden: u32) -> Self {
        Self { hidden, ..self }
    }

    /// Its name: a path or URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its code units.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// How many code units it has.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The hash of its code units; the same for the same text however it came.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The code units in a range of offsets, clamped to the text.
    pub fn slice(&self, start: u32, end: u32) -> Text {
        let end = (end as usize).min(self.len());
        let start = (start as usize).min(end);
        match &self.text {
            Text::Latin1(bytes) => Text::Latin1(bytes[start..end].into()),
            Text::Utf16(units) => Text::from_units(&units[start..end]),
        }
    }

    /// The line and column of an offset, both counted from 1, columns in code units.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let lines = self.lines.get_or_init(|| self.find_lines());
        let line = lines.partition_point(|&start| start <= offset).max(1);
        let hidden = if line == 1 { self.hidden } else { 0 };
        (line as u32, (offset - lines[line - 1]).saturating_sub(hidden) + 1)
    }

    /// A line's text without its terminator; lines are counted from 1.
    pub fn line(&self, line: u32) -> Option<Text> {
        let lines = self.lines.get_or_init(|| self.find_lines());
        let start = *lines.get((line as usize).checked_sub(1)?)?;
        let end = lines.get(line as usize).copied().unwrap_or(self.len() as u32);
        let units: Vec<u16> = self.slice(start, end).units().collect();
        let length = units.iter().rposition(|&unit| !is_line_terminator(unit)).map_or(0, |last| last + 1);
        Some(Text::from_units(&units[..length]))
    }

    fn find_lines(&self) -> Box<[u32]> {
        let mut lines = vec![0];
        let mut units = self.text.units().enumerate().peekable();
        while let Some((index, unit)) = units.next() {
            let pair = unit == 0x0d && units.peek().is_some_and(|&(_, next)| next == 0x0a);
            if is_line_terminator(unit) && !pair {
                lines.push(index as u32 + 1);
            }
        }
        lines.into()
    }
}

impl std::fmt::Debug for SourceText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceText").field("name", &self.name).field("length", &self.text.len()).finish_non_exhaustive()
    }
}

fn is_line_terminator(unit: u16) -> bool {
    matches!(unit, 0x0a | 0x0d | 0x2028 | 0x2029)
}

/// Latin-1 texts are hashed as bytes after a zero, others as UTF-16 after a one: a text has one narrowest encoding.
fn hash_units(hasher: &mut blake3::Hasher, text: &Text) {
    match text {
        Text::Latin1(bytes) => {
            hasher.update(&[0]);
            hasher.update(bytes);
        }
        Text::Utf16(units) => {
            hasher.update(&[1]);
            let mut buffer = Vec::with_capacity(8192);
            for chunk in units.chunks(4096) {
                buffer.clear();
                buffer.extend(chunk.iter().flat_map(|unit| unit.to_le_bytes()));
                hasher.update(&buffer);
            }
        }
    }
}

/// Decodes a source text that comes in chunks, which may be split anywhere.
#[derive(Debug)]
pub struct SourceDecoder {
    name: Box<str>,
    encoding: SourceEncoding,
    /// Bytes of a character that is not yet complete.
    pending: Vec<u8>,
    narrow: Vec<u8>,
    /// Once there was a code unit above 255: everything.
    wide: Option<Vec<u16>>,
    /// Nothing was decoded yet: a byte order mark would be dropped.
    at_start: bool,
}

impl SourceDecoder {
    /// Begins.
    pub fn new(name: &str, encoding: SourceEncoding) -> Self {
        Self { name: name.into(), encoding, pending: Vec::new(), narrow: Vec::new(), wide: None, at_start: true }
    }

    /// Decodes a chunk.
    pub fn push(&mut self, chunk: &[u8]) {
        match self.encoding {
            SourceEncoding::Latin1 => self.narrow.extend_from_slice(chunk),
            SourceEncoding::Utf16 => self.push_utf16(chunk),
            SourceEncoding::Utf8 if self.pending.is_empty() => self.push_utf8(chunk),
            SourceEncoding::Utf8 => {
                let mut bytes = std::mem::take(&mut self.pending);
                bytes.extend_from_slice(chunk);
                self.push_utf8(&bytes);
            }
        }
    }

    /// The text.
    pub fn finish(mut self) -> SourceText {
        if !self.pending.is_empty() {
            self.unit(0xfffd);
        }
        let text = match self.wide {
            Some(units) => Text::Utf16(units.into()),
            None => Text::Latin1(self.narrow.into()),
        };
        SourceText::from_text(&self.name, text)
    }

    fn push_utf16(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            match self.pending.pop() {
                Some(low) => self.unit(u16::from_le_bytes([low, byte])),
                None => self.pending.push(byte),
            }
        }
    }

    fn push_utf8(&mut self, mut bytes: &[u8]) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.text(text),
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    self.text(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(length) = error.error_len() else {
                        self.pending.extend_from_slice(rest);
                        return;
                    };
                    self.unit(0xfffd);
                    bytes = &rest[length..];
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_ascii() && self.wide.is_none() {
            self.at_start &= text.is_empty();
            self.narrow.extend_from_slice(text.as_bytes());
            return;
        }
        let mut buffer = [0; 2];
        for c in text.chars() {
            for &mut unit in c.encode_utf16(&mut buffer) {
                self.unit(unit);
            }
        }
    }

    fn unit(&mut self, unit: u16) {
        let first = std::mem::replace(&mut self.at_start, false);
        if first && unit == 0xfeff {
            return;
        }
        if let Some(wide) = &mut self.wide {
            wide.push(unit);
        } else if let Ok(byte) = u8::try_from(unit) {
            self.narrow.push(byte);
        } else {
            let mut wide: Vec<u16> = std::mem::take(&mut self.narrow).into_iter().map(u16::from).collect();
            wide.push(unit);
            self.wide = Some(wide);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_may_be_split_anywhere() {
        let text = "a\u{e4}\u{20ac}\u{1f600}\r\nb\u{2028}c\rd";
        let whole = SourceText::from_utf8("x", text);
        for split in 0..text.len() {
            let mut decoder = SourceDecoder::new("x", SourceEncoding::Utf8);
            decoder.push(&text.as_bytes()[..split]);
            decoder.push(&text.as_bytes()[split..]);
            let parts = decoder.finish();
            assert_eq!(parts.text(), whole.text());
            assert_eq!(parts.hash(), whole.hash());
        }
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut decoder = SourceDecoder::new("x", SourceEncoding::Utf16);
        bytes.chunks(3).for_each(|chunk| decoder.push(chunk));
        assert_eq!(decoder.finish().hash(), whole.hash());
    }

    #[test]
    fn lines_are_counted_from_one() {
        let source = SourceText::from_utf8("x", "ab\r\nc\u{2028}d\re");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(1), (1, 2));
        assert_eq!(source.position(4), (2, 1));
        assert_eq!(source.position(6), (3, 1));
        assert_eq!(source.position(8), (4, 1));
        assert_eq!(source.line(1).map(|line| line.to_utf8_lossy()), Some("ab".to_owned()));
        assert_eq!(source.line(5), None);
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_marks_are_dropped() {
        let mut decoder = SourceDecoder::new("x", SourceEncoding::Utf8);
        decoder.push(b"\xef\xbb");
        decoder.push(b"\xbfa\xffb\xe2\x82");
        assert_eq!(decoder.finish().text().to_utf8_lossy(), "a\u{fffd}b\u{fffd}");
    }
}
