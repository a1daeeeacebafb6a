//! The strings of a script: names and literals, each kept once, as JavaScript code units.
//!
//! A string whose code units all fit in a byte is kept as Latin-1, every other one as UTF-16; lone surrogates survive. Equal
//! strings
//! have equal ids within one script.

use rustc_hash::FxHashMap;

/// A string of a script, by its place in the script's [`StringTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StringId(pub u32);

/// The code units of a string, in the narrower of two encodings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// Every code unit is below 256.
    Latin1(Box<[u8]>),
    /// At least one code unit is not.
    Utf16(Box<[u16]>),
}

impl Text {
    /// From UTF-8.
    pub fn from_utf8(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Latin1(text.as_bytes().into());
        }
        if text.chars().all(|c| u32::from(c) < 256) {
            return Self::Latin1(text.chars().map(|c| u32::from(c) as u8).collect());
        }
        Self::Utf16(text.encode_utf16().collect())
    }

    /// From code units; the narrower encoding is chosen.
    pub fn from_units(units: &[u16]) -> Self {
        if units.iter().all(|&unit| unit < 256) {
            return Self::Latin1(units.iter().map(|&unit| unit as u8).collect());
        }
        Self::Utf16(units.into())
    }

    /// How many code units.
    pub fn len(&self) -> usize {
        match self {
            Self::Latin1(bytes) => bytes.len(),
            Self::Utf16(units) => units.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The code units, one by one.
    pub fn units(&self) -> impl Iterator<Item = u16> + '_ {
        let (bytes, units): (&[u8], &[u16]) = match self {
            Self::Latin1(bytes) => (bytes, &[]),
            Self::Utf16(units) => (&[], units),
        };
        bytes.iter().map(|&byte| u16::from(byte)).chain(units.iter().copied())
    }

    /// As UTF-8, lone surrogates replaced by U+FFFD: for messages.
    pub fn to_utf8_lossy(&self) -> String {
        char::decode_utf16(self.units()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    /// Whether it is this ASCII text.
    pub fn is_ascii_text(&self, text: &str) -> bool {
        matches!(self, Self::Latin1(bytes) if **bytes == *text.as_bytes())
    }
}

/// All strings of a script.
#[derive(Debug, Default)]
pub struct StringTable {
    entries: Vec<Text>,
}

impl StringTable {
    /// The string.
    pub fn get(&self, id: StringId) -> &Text {
        &self.entries[id.0 as usize]
    }

    /// How many there are; ids are `0..len`.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Text> {
        self.entries.iter()
    }
}

/// A [`StringTable`] while it grows.
#[derive(Debug, Default)]
pub struct Interner {
    ids: FxHashMap<Text, StringId>,
    /// The ids again by the UTF-8 that was asked for, so that a name's next use needs no conversion.
    utf8: FxHashMap<Box<str>, StringId>,
    entries: Vec<Text>,
}

impl Interner {
    /// The id of the string, which is added if it is new.
    pub fn intern(&mut self, text: Text) -> StringId {
        if let Some(&id) = self.ids.get(&text) {
            return id;
        }
        let id = StringId(self.entries.len() as u32);
        self.entries.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// The same from UTF-8.
    pub fn intern_str(&mut self, text: &str) -> StringId {
        if let Some(&id) = self.utf8.get(text) {
            return id;
        }
        let id = self.intern(Text::from_utf8(text));
        // Names are short; long literals are rarely repeated.
        if text.len() <= 64 {
            self.utf8.insert(text.into(), id);
        }
        id
    }

    /// The string.
    pub fn get(&self, id: StringId) -> &Text {
        &self.entries[id.0 as usize]
    }

    /// The finished table.
    pub fn finish(self) -> StringTable {
        StringTable { entries: self.entries }
    }
}
