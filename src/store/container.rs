//! The container: sections behind a header that answers for them.
//!
//! ```text
//! 0    magic "\0deltic\n"      8     24   length of the file        8
//! 8    version of the format   4     32   key of the contents      32
//! 12   kind of the contents    4     64   authentication code      32
//! 16   flags: 1, has a secret  4     96   table: for each section its number, flags, offset, length and hash   64 each
//! 20   number of sections      4          the sections, one behind the other
//! ```
//!
//! Numbers are little-endian. The authentication code is a BLAKE3 hash under the [`MacKey`] over all of header and table but itself. A section's
//! hash, under the same key, is that of its contents; sections that are read in *parts* have none, and another section has the
//! hashes of the parts.
//!
//! **Invariants:** whatever is given out as verified was copied first and hashed then. No byte of a file is in no section and in no header:
//! a changed bit is found when its section or part is read, or is never looked at.

use std::ops::Range;

use crate::base::sync::Arc;
use crate::store::CacheKey;
use crate::store::blob::{Blob, SharedOwner};
use crate::store::error::Rejected;
use crate::store::key::MacKey;

const MAGIC: [u8; 8] = *b"\0deltic\n";
/// Changes with the layout above.
const FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 96;
const MAC: Range<usize> = 64..96;
const ENTRY_BYTES: usize = 64;
/// A file has a handful.
const SECTION_COUNT_MAX: u32 = 64;
const HAS_SECRET: u32 = 1;
const IN_PARTS: u32 = 1;
/// Bytes of the hash of a part: a second one with the same hash takes 2^128 attempts to find, which need the key besides.
pub const PART_HASH_BYTES: usize = 16;

/// The hash of a part of a section.
pub type PartHash = [u8; PART_HASH_BYTES];

/// A section by its number, with the name that errors give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionId {
    /// Its number in files.
    pub number: u32,
    /// For people.
    pub name: &'static str,
}

/// Whether bytes begin as a container does.
pub fn is_container(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// A container whose header and table are verified.
#[derive(Debug)]
pub struct Container {
    blob: Arc<dyn Blob>,
    key: MacKey,
    contents: CacheKey,
    sections: Box<[Section]>,
}

#[derive(Debug, Clone, Copy)]
struct Section {
    number: u32,
    in_parts: bool,
    offset: u64,
    len: u64,
    hash: [u8; 32],
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Section {
    fn parse(entry: &[u8]) -> Section {
        let hash = entry[32..].first_chunk().copied().unwrap_or_default();
        let in_parts = u32_at(entry, 4) & IN_PARTS != 0;
        Section { number: u32_at(entry, 0), in_parts, offset: u64_at(entry, 8), len: u64_at(entry, 16), hash }
    }

    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut entry = [0; ENTRY_BYTES];
        entry[..4].copy_from_slice(&self.number.to_le_bytes());
        entry[4..8].copy_from_slice(&(if self.in_parts { IN_PARTS } else { 0 }).to_le_bytes());
        entry[8..16].copy_from_slice(&self.offset.to_le_bytes());
        entry[16..24].copy_from_slice(&self.len.to_le_bytes());
        entry[32..].copy_from_slice(&self.hash);
        entry
    }
}

impl Container {
    /// Reads the header and the table of a container of some kind, and verifies them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn open(blob: Arc<dyn Blob>, kind: [u8; 4], key: &MacKey) -> Result<Container, Rejected> {
        let bytes = blob.len_bytes();
        let mut header = [0; HEADER_BYTES];
        if bytes < HEADER_BYTES as u64 {
            return Err(Rejected::TooShort { bytes });
        }
        blob.read_at(0, &mut header)?;
        if header[..8] != MAGIC || header[12..16] != kind {
            return Err(Rejected::Magic);
        }
        let found = u32_at(&header, 8);
        if found != FORMAT_VERSION {
            return Err(Rejected::FormatVersion { found, expected: FORMAT_VERSION });
        }
        let expected = u64_at(&header, 24);
        if bytes != expected {
            return Err(Rejected::Length { found: bytes, expected });
        }
        match (u32_at(&header, 16) & HAS_SECRET != 0, key.is_secret()) {
            (true, false) => return Err(Rejected::Authentication("it was made with a key, which is not given")),
            (false, true) => return Err(Rejected::Authentication("it was made without a key: anybody may have made it")),
            _ => {}
        }
        let count = u32_at(&header, 20);
        if count > SECTION_COUNT_MAX {
            return Err(Rejected::Table);
        }
        let mut table = vec![0; count as usize * ENTRY_BYTES];
        blob.read_at(HEADER_BYTES as u64, &mut table)?;
        // A comparison that takes the same time wherever they differ.
        if key.hash(&[&header[..MAC.start], &table]) != header[MAC] {
            return Err(Rejected::Mac);
        }
        let sections: Box<[Section]> = table.chunks_exact(ENTRY_BYTES).map(Section::parse).collect();
        let mut end = (HEADER_BYTES + table.len()) as u64;
        for section in &sections {
            if section.offset != end {
                return Err(Rejected::Table);
            }
            end = end.checked_add(section.len).ok_or(Rejected::Table)?;
        }
        if end != bytes {
            return Err(Rejected::Table);
        }
        let contents = CacheKey(header[32..].first_chunk().copied().unwrap_or_default());
        Ok(Container { blob, key: key.clone(), contents, sections })
    }

    /// What it was made for.
    pub fn contents(&self) -> &CacheKey {
        &self.contents
    }

    /// Its length.
    pub fn len_bytes(&self) -> u64 {
        self.blob.len_bytes()
    }

    /// Whether it has a section.
    pub fn has(&self, id: SectionId) -> bool {
        self.sections.iter().any(|section| section.number == id.number)
    }

    fn find(&self, id: SectionId) -> Result<&Section, Rejected> {
        self.sections.iter().find(|section| section.number == id.number).ok_or(Rejected::Table)
    }

    /// Bytes of a section; 0 if there is none.
    pub fn section_bytes(&self, id: SectionId) -> u64 {
        self.find(id).map_or(0, |section| section.len)
    }

    /// Where a section begins in the file; 0 if there is none.
    pub fn section_offset(&self, id: SectionId) -> u64 {
        self.find(id).map_or(0, |section| section.offset)
    }

    /// A verified copy of a section.
    ///
    /// # Errors
    ///
    /// It is not there, is meant to be read in parts, or is damaged.
    pub fn read(&self, id: SectionId) -> Result<Box<[u8]>, Rejected> {
        let section = self.find(id)?;
        let len = usize::try_from(section.len).map_err(|_| Rejected::Table)?;
        if section.in_parts {
            return Err(Rejected::Table);
        }
        let mut bytes = vec![0; len].into_boxed_slice();
        self.blob.read_at(section.offset, &mut bytes)?;
        if self.key.hash(&[&bytes]) != section.hash {
            return Err(Rejected::Section { section: id.name });
        }
        Ok(bytes)
    }

    /// A verified copy of a part, which begins at an offset of its section.
    ///
    /// # Errors
    ///
    /// It lies outside, or is damaged.
    pub fn read_part(&self, id: SectionId, offset: u64, len: usize, hash: &PartHash) -> Result<Box<[u8]>, Rejected> {
        let bytes = self.read_unverified(id, offset..offset.saturating_add(len as u64))?;
        if !self.is_part(&[&bytes], hash) {
            return Err(self.damaged_part(id, offset));
        }
        Ok(bytes)
    }

    /// A copy of several parts together, of which [`is_part`](Self::is_part) must say that they are what they should be.
    ///
    /// # Errors
    ///
    /// They lie outside, or cannot be read.
    pub fn read_unverified(&self, id: SectionId, range: Range<u64>) -> Result<Box<[u8]>, Rejected> {
        let section = self.find(id)?;
        let len = range.end.checked_sub(range.start).filter(|_| range.end <= section.len);
        let len = len.and_then(|len| usize::try_from(len).ok()).ok_or(Rejected::Table)?;
        let mut bytes = vec![0; len].into_boxed_slice();
        self.blob.read_at(section.offset + range.start, &mut bytes)?;
        Ok(bytes)
    }

    /// What is said of a damaged part: its place in the whole.
    pub fn damaged_part(&self, id: SectionId, offset: u64) -> Rejected {
        Rejected::Part { section: id.name, offset: self.section_offset(id).saturating_add(offset) }
    }

    /// A section as it is, not verified and not copied if that can be.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be read.
    pub fn share(&self, id: SectionId) -> Result<SharedOwner, Rejected> {
        let section = self.find(id)?;
        Ok(self.blob.share(section.offset..section.offset + section.len)?)
    }

    /// Whether bytes that were read elsewhere are those of a section.
    pub fn is_section(&self, id: SectionId, bytes: &[u8]) -> bool {
        self.find(id).is_ok_and(|section| !section.in_parts && self.key.hash(&[bytes]) == section.hash)
    }

    /// Whether bytes, in pieces, are those that a part's hash was made of.
    pub fn is_part(&self, pieces: &[&[u8]], hash: &PartHash) -> bool {
        part_hash(&self.key, pieces) == *hash
    }
}

/// What the bytes of a part, in pieces, hash to.
pub fn part_hash(key: &MacKey, pieces: &[&[u8]]) -> PartHash {
    key.hash(pieces).as_bytes().first_chunk().copied().unwrap_or_default()
}

/// A container in the making, where it will stay: large sections are written once.
#[derive(Debug)]
pub struct ContainerBuilder<'k> {
    key: &'k MacKey,
    section_count: usize,
    sections: Vec<Section>,
    /// The whole file: room for header and table, and the sections so far, the last of which may grow.
    bytes: Vec<u8>,
}

impl<'k> ContainerBuilder<'k> {
    /// An empty one, which will have so many sections.
    pub fn new(key: &'k MacKey, section_count: usize) -> Self {
        let bytes = vec![0; HEADER_BYTES + section_count * ENTRY_BYTES];
        ContainerBuilder { key, section_count, sections: Vec::with_capacity(section_count), bytes }
    }

    /// Makes room for a file of so many bytes.
    pub fn expect(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Adds a section that is read whole.
    pub fn add(&mut self, id: SectionId, bytes: &[u8]) {
        let hash = *self.key.hash(&[bytes]).as_bytes();
        self.begin(id, false, hash);
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a section that is read in parts, whose hashes are elsewhere. What is [appended](Self::append) before the next one is of this one.
    pub fn add_in_parts(&mut self, id: SectionId, bytes: &[u8]) {
        self.begin(id, true, [0; 32]);
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds a section that is read in parts, and begins in the file at a multiple of a power of two; what it takes to get there is a section too.
    pub fn add_aligned(&mut self, padding: SectionId, id: SectionId, alignment: usize) {
        let begin = self.bytes.len();
        self.add(padding, &vec![0; begin.next_multiple_of(alignment) - begin]);
        self.add_in_parts(id, &[]);
    }

    /// Has a part written at the end of the last section; gives its range in the section, and its bytes.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> (Range<u64>, &[u8]) {
        let begin = self.sections.last().map_or(0, |section| section.offset);
        let start = self.bytes.len();
        write(&mut self.bytes);
        (start as u64 - begin..self.bytes.len() as u64 - begin, &self.bytes[start..])
    }

    /// The bytes of the last section so far.
    pub fn last_section(&self) -> &[u8] {
        let begin = self.sections.last().map_or(self.bytes.len(), |section| section.offset as usize);
        &self.bytes[begin..]
    }

    fn begin(&mut self, id: SectionId, in_parts: bool, hash: [u8; 32]) {
        self.end_section();
        let offset = self.bytes.len() as u64;
        self.sections.push(Section { number: id.number, in_parts, offset, len: 0, hash });
    }

    fn end_section(&mut self) {
        let end = self.bytes.len() as u64;
        if let Some(last) = self.sections.last_mut() {
            last.len = end - last.offset;
        }
    }

    /// The container.
    pub fn finish(mut self, kind: [u8; 4], contents: &CacheKey) -> Vec<u8> {
        debug_assert_eq!(self.sections.len(), self.section_count);
        self.end_section();
        let mut head = Vec::with_capacity(HEADER_BYTES + self.section_count * ENTRY_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        head.extend_from_slice(&kind);
        head.extend_from_slice(&(if self.key.is_secret() { HAS_SECRET } else { 0 }).to_le_bytes());
        head.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        head.extend_from_slice(&(self.bytes.len() as u64).to_le_bytes());
        head.extend_from_slice(&contents.0);
        head.extend_from_slice(&[0; 32]);
        self.sections.iter().for_each(|section| head.extend_from_slice(&section.to_bytes()));
        let mac = self.key.hash(&[&head[..MAC.start], &head[MAC.end..]]);
        head[MAC].copy_from_slice(mac.as_bytes());
        self.bytes[..head.len()].copy_from_slice(&head);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::blob::MemoryBlob;

    const KIND: [u8; 4] = *b"test";
    const WHOLE: SectionId = SectionId { number: 1, name: "whole" };
    const PARTS: SectionId = SectionId { number: 7, name: "parts" };
    const NONE: SectionId = SectionId { number: 2, name: "none" };

    fn open(bytes: &[u8], key: &MacKey) -> Result<Container, Rejected> {
        Container::open(Arc::new(MemoryBlob::new(Arc::new(bytes.to_vec()))), KIND, key)
    }

    fn sample(key: &MacKey) -> (Vec<u8>, [PartHash; 2]) {
        let mut builder = ContainerBuilder::new(key, 2);
        builder.add(WHOLE, b"the table of what follows");
        builder.add_in_parts(PARTS, b"firstsecond");
        (builder.finish(KIND, &CacheKey([5; 32])), [part_hash(key, &[b"first"]), part_hash(key, &[b"sec", b"ond"])])
    }

    fn read_all(container: &Container, hashes: &[PartHash; 2]) -> Result<Vec<Box<[u8]>>, Rejected> {
        Ok(vec![
            container.read(WHOLE)?,
            container.read_part(PARTS, 0, 5, &hashes[0])?,
            container.read_part(PARTS, 5, 6, &hashes[1])?,
        ])
    }

    #[test]
    fn what_was_written_is_read() {
        for key in [MacKey::nobodys(), MacKey::new([3; 32])] {
            let (bytes, hashes) = sample(&key);
            assert!(is_container(&bytes));
            let container = open(&bytes, &key).unwrap();
            assert_eq!((container.contents(), container.len_bytes()), (&CacheKey([5; 32]), bytes.len() as u64));
            let parts = read_all(&container, &hashes).unwrap();
            assert_eq!(parts.iter().map(|part| &**part).collect::<Vec<_>>().concat(), b"the table of what followsfirstsecond");
            assert_eq!((*container.share(PARTS).unwrap()).as_ref(), b"firstsecond");
            assert!(container.is_section(WHOLE, b"the table of what follows") && !container.is_section(WHOLE, b"the table"));
            assert!(container.is_part(&[b"f", b"irst"], &hashes[0]) && !container.is_part(&[b"first"], &hashes[1]));
            assert!(container.has(WHOLE) && !container.has(NONE) && container.section_bytes(PARTS) == 11);
            assert_eq!(container.read(NONE).unwrap_err(), Rejected::Table);
            assert_eq!(container.read(PARTS).unwrap_err(), Rejected::Table, "it has no hash");
            assert_eq!(container.read_part(PARTS, 6, 6, &hashes[1]).unwrap_err(), Rejected::Table);
            assert_eq!(container.read_part(PARTS, u64::MAX, 6, &hashes[1]).unwrap_err(), Rejected::Table);
            assert!(matches!(container.read_part(PARTS, 0, 6, &hashes[1]), Err(Rejected::Part { section: "parts", .. })));
        }
    }

    #[test]
    fn every_changed_bit_and_every_missing_byte_is_found() {
        for key in [MacKey::nobodys(), MacKey::new([3; 32])] {
            let (bytes, hashes) = sample(&key);
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let read = open(&changed, &key).and_then(|container| read_all(&container, &hashes));
                assert!(read.is_err(), "bit {bit}");
            }
            for len in 0..bytes.len() {
                assert!(open(&bytes[..len], &key).is_err(), "{len} bytes");
            }
            assert!(open(&[&bytes[..], b"x"].concat(), &key).is_err(), "a byte more");
        }
    }

    #[test]
    fn a_container_is_its_makers() {
        let (ours, theirs, nobodys) = (MacKey::new([3; 32]), MacKey::new([4; 32]), MacKey::nobodys());
        let (bytes, _) = sample(&ours);
        assert_eq!(open(&bytes, &theirs).unwrap_err(), Rejected::Mac);
        assert!(matches!(open(&bytes, &nobodys), Err(Rejected::Authentication(_))));
        let (bytes, _) = sample(&nobodys);
        assert!(matches!(open(&bytes, &ours), Err(Rejected::Authentication(_))));
        // Who takes the mark of a secret off does not know the code.
        let (mut bytes, _) = sample(&ours);
        bytes[16] = 0;
        assert_eq!(open(&bytes, &nobodys).unwrap_err(), Rejected::Mac);
    }

    #[test]
    fn other_files_are_told_apart() {
        let key = MacKey::nobodys();
        let (bytes, _) = sample(&key);
        assert_eq!(open(b"", &key).unwrap_err(), Rejected::TooShort { bytes: 0 });
        assert_eq!(open(&[0x7f; 200], &key).unwrap_err(), Rejected::Magic);
        let mut other = bytes.clone();
        other[8] = 9;
        assert_eq!(open(&other, &key).unwrap_err(), Rejected::FormatVersion { found: 9, expected: 1 });
        let found = Container::open(Arc::new(MemoryBlob::new(Arc::new(bytes.clone()))), *b"else", &key);
        assert_eq!(found.unwrap_err(), Rejected::Magic);
        let (found, expected) = (bytes.len() as u64 - 1, bytes.len() as u64);
        assert_eq!(open(&bytes[..bytes.len() - 1], &key).unwrap_err(), Rejected::Length { found, expected });
    }
}
