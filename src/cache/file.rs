//! A file of code: the functions of one module in one variant, as some processes have left them.
//!
//! ```text
//! about      the fingerprint; where the code section of the module is, and what everything around it hashes to
//! bodies     lengths of the gaps before and of the bodies themselves, as in `words`
//! index      for each function, in order: its number, the length, offset and hash of its record      32 bytes each
//! wire       the module's bytes; not in a file that is found by their hash
//! records    read in parts
//! ```
//!
//! Of the module's bytes, what is around the code section is verified when the file is opened, and bodies, all together, when the
//! first of them is to be compiled: most never are.
//!
//! Records stand in the order in which they were added: the order of first calls.

use std::fmt;
use std::ops::Range;

use super::fingerprint::{Fingerprint, module_hash};
use super::record::Record;
use crate::abi::artifact::Tier;
use crate::base::DefinedFuncIndex;
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::base::sync::{Arc, OnceLock};
use crate::store::blob::Blob;
use crate::store::container::{Container, ContainerBuilder, PART_HASH_BYTES, PartHash, SectionId, part_hash};
use crate::store::error::Rejected;
use crate::store::key::MacKey;
use crate::wasm::bodies::Bodies;
use crate::wasm::module::WasmModule;
use crate::wasm::wire_bytes::WireBytes;

/// The kind of container.
pub const KIND: [u8; 4] = *b"code";

const ABOUT: SectionId = SectionId { number: 1, name: "about" };
/// Beginning and end of a body.
const BODY_BYTES: usize = 8;
const BODIES: SectionId = SectionId { number: 2, name: "bodies" };
const INDEX: SectionId = SectionId { number: 3, name: "index" };
const WIRE: SectionId = SectionId { number: 4, name: "wire" };
const RECORDS: SectionId = SectionId { number: 5, name: "records" };

const ENTRY_BYTES: usize = 32;
/// Behind the fingerprint: first and end of the code section, and the hash; and whether there is a file of the module's data.
const OUTLINE_BYTES: usize = 8 + 8 + PART_HASH_BYTES + 1;

/// A file of code that was opened.
pub struct CodeFile {
    container: Container,
    fingerprint: Fingerprint,
    code_section: Range<usize>,
    outline_hash: PartHash,
    has_data: bool,
    /// Empty if it is damaged.
    index: OnceLock<Box<[u8]>>,
    /// Whether somebody was told that it is damaged.
    is_index_told: AtomicBool,
    /// Records that were found damaged.
    damaged: AtomicUsize,
    /// The module's bytes, of a file that has them, and whether all were compared.
    wire: Option<(WireBytes, OnceLock<bool>)>,
}

impl fmt::Debug for CodeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeFile")
            .field("key", self.container.contents())
            .field("bytes", &self.len_bytes())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Entry {
    func: u32,
    len: u32,
    offset: u64,
    tier: u8,
    hash: PartHash,
}

/// Offsets have so many bits; the tier is above them.
const OFFSET_BITS: u32 = 56;

impl Entry {
    fn parse(bytes: &[u8]) -> Entry {
        let u32_at = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let place = bytes[8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (offset, tier) = (place & ((1 << OFFSET_BITS) - 1), (place >> OFFSET_BITS) as u8);
        Entry { func: u32_at(0), len: u32_at(4), offset, tier, hash: bytes[16..].first_chunk().copied().unwrap_or_default() }
    }

    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..4].copy_from_slice(&self.func.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..16].copy_from_slice(&(self.offset | u64::from(self.tier) << OFFSET_BITS).to_le_bytes());
        bytes[16..].copy_from_slice(&self.hash);
        bytes
    }
}

/// The records of a file in the order in which they stand.
pub struct RecordOrder(Box<[Entry]>);

impl RecordOrder {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The positions from one on whose records have so many bytes together; one at least, unless that is the end.
    pub fn run_from(&self, position: usize, bytes: usize) -> Range<usize> {
        let mut left = bytes;
        let rest = self.0.get(position..).unwrap_or_default();
        let fits = |entry: &&Entry| {
            let has_room = left > 0;
            left = left.saturating_sub(entry.len as usize);
            has_room
        };
        position..position + rest.iter().take_while(fits).count()
    }

    /// A function, and the tier of its code, if that makes sense.
    pub fn func(&self, position: usize) -> Option<(DefinedFuncIndex, Tier)> {
        let entry = self.0.get(position)?;
        Some((DefinedFuncIndex::from_u32(entry.func), Tier::from_u8(entry.tier)?))
    }
}

/// Records that were copied together.
pub struct RecordRun<'o> {
    entries: &'o [Entry],
    /// Where the copy begins in the section.
    start: u64,
    bytes: Box<[u8]>,
}

impl CodeFile {
    /// Opens a file and verifies everything but the index, which is verified when the first function is looked for, records and bodies.
    ///
    /// # Errors
    ///
    /// It is not whole, not made with this key, or contradicts itself.
    pub fn open(blob: Arc<dyn Blob>, key: &MacKey) -> Result<CodeFile, Rejected> {
        let container = Container::open(blob, KIND, key)?;
        let about = container.read(ABOUT)?;
        let (fingerprint, outline) = about.split_at(about.len().saturating_sub(OUTLINE_BYTES));
        let fingerprint = Fingerprint::from_bytes(fingerprint).ok_or(Rejected::Table)?;
        let position = |at: usize| {
            let bytes = outline.get(at..)?.first_chunk()?;
            usize::try_from(u64::from_le_bytes(*bytes)).ok()
        };
        let code_section = position(0).zip(position(8)).ok_or(Rejected::Table)?;
        if fingerprint.key() != *container.contents() {
            return Err(Rejected::Table);
        }
        let mut file = CodeFile {
            fingerprint,
            code_section: code_section.0..code_section.1,
            outline_hash: outline[16..].first_chunk().copied().ok_or(Rejected::Table)?,
            has_data: outline[16 + PART_HASH_BYTES] != 0,
            index: OnceLock::new(),
            is_index_told: AtomicBool::new(false),
            damaged: AtomicUsize::new(0),
            wire: None,
            container,
        };
        if file.container.has(WIRE) {
            let wire = WireBytes::new(file.container.share(WIRE)?);
            if !file.is_outline_of(&wire) {
                return Err(Rejected::Section { section: WIRE.name });
            }
            file.wire = Some((wire, OnceLock::new()));
        }
        Ok(file)
    }

    /// Whether everything around the code section is what this was made of.
    fn is_outline_of(&self, wire: &[u8]) -> bool {
        let around = wire.get(..self.code_section.start).zip(wire.get(self.code_section.end..));
        around.is_some_and(|(head, tail)| self.container.is_part(&[head, tail], &self.outline_hash))
    }

    /// What its code is good for.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Whether there was a [file of the module's data](super::data_file) when this was made.
    pub fn has_data(&self) -> bool {
        self.has_data
    }

    /// How many functions it has.
    pub fn len(&self) -> usize {
        self.index().len() / ENTRY_BYTES
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.index().is_empty()
    }

    fn index(&self) -> &[u8] {
        self.index.get_or_init(|| {
            let index = self.container.read(INDEX).ok().filter(|index| index.len() % ENTRY_BYTES == 0);
            index.unwrap_or_else(|| {
                self.damaged.fetch_add(1, Ordering::Relaxed); // a figure
                Box::default()
            })
        })
    }

    /// Says, once, that there is an index and that it is damaged.
    fn check_index(&self) -> Result<(), Rejected> {
        let is_damaged = self.is_empty() && self.container.section_bytes(INDEX) > 0;
        // Relaxed: who is first is told.
        if is_damaged && !self.is_index_told.swap(true, Ordering::Relaxed) {
            return Err(Rejected::Section { section: INDEX.name });
        }
        Ok(())
    }

    /// Its length.
    pub fn len_bytes(&self) -> u64 {
        self.container.len_bytes()
    }

    /// Bytes of all records.
    pub fn record_bytes(&self) -> u64 {
        self.container.section_bytes(RECORDS)
    }

    /// Records that were found damaged so far, and the index.
    pub fn damaged_count(&self) -> usize {
        // Relaxed: a figure.
        self.damaged.load(Ordering::Relaxed)
    }

    /// The module's bytes, if the file has them. Bodies in them are not verified: see [`is_intact`](Self::is_intact).
    pub fn wire_bytes(&self) -> Option<&WireBytes> {
        self.wire.as_ref().map(|(wire, _)| wire)
    }

    /// Whether the bodies in the file's own bytes of the module are what was written; true of a file that has none. Reads them all, once.
    pub fn is_intact(&self) -> bool {
        let Some((wire, checked)) = &self.wire else { return true };
        *checked.get_or_init(|| module_hash(wire, 0) == self.fingerprint.module)
    }

    /// Where the bodies are in the module.
    ///
    /// # Errors
    ///
    /// The section is damaged.
    pub fn bodies(&self) -> Result<Bodies, Rejected> {
        let bytes = self.container.read(BODIES)?;
        let (places, rest) = bytes.as_chunks::<BODY_BYTES>();
        let mut position = u32::try_from(self.code_section.start).map_err(|_| Rejected::Table)?;
        let mut is_in_order = rest.is_empty();
        let place = |bytes: &[u8; BODY_BYTES]| {
            let place = u64::from_le_bytes(*bytes);
            let (start, end) = (place as u32, (place >> 32) as u32);
            is_in_order &= position <= start && start <= end;
            position = end;
            start..end
        };
        let ranges: Box<[Range<u32>]> = places.iter().map(place).collect();
        if is_in_order && position as usize <= self.code_section.end { Ok(ranges.into()) } else { Err(Rejected::Table) }
    }

    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.index().chunks_exact(ENTRY_BYTES).map(Entry::parse)
    }

    fn find(&self, func: DefinedFuncIndex) -> Option<Entry> {
        let index = self.index();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let entry = Entry::parse(&index[middle * ENTRY_BYTES..]);
            match entry.func.cmp(&func.as_u32()) {
                std::cmp::Ordering::Equal => return Some(entry),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The tier of the code that it has of a function.
    pub fn tier(&self, func: DefinedFuncIndex) -> Option<Tier> {
        Tier::from_u8(self.find(func)?.tier)
    }

    /// The functions that it has, in the order of their records.
    pub fn funcs(&self) -> Vec<DefinedFuncIndex> {
        self.order().0.iter().map(|entry| DefinedFuncIndex::from_u32(entry.func)).collect()
    }

    /// Its records, in their order.
    ///
    /// # Errors
    ///
    /// The index is damaged, and nobody was told yet.
    pub fn in_order(&self) -> Result<RecordOrder, Rejected> {
        self.check_index()?;
        Ok(self.order())
    }

    fn order(&self) -> RecordOrder {
        let mut entries: Vec<Entry> = self.entries().filter(|entry| entry.func != u32::MAX).collect();
        entries.sort_unstable_by_key(|entry| (entry.offset, entry.func));
        RecordOrder(entries.into())
    }

    /// Copies some records that follow one another, by their positions in the order: not verified yet.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn read_run<'o>(&self, order: &'o RecordOrder, positions: Range<usize>) -> Result<RecordRun<'o>, Rejected> {
        let entries = order.0.get(positions).unwrap_or_default();
        let start = entries.first().map_or(0, |entry| entry.offset);
        let end = entries.iter().map(|entry| entry.offset.saturating_add(entry.len.into())).max().unwrap_or(0);
        let bytes = self.container.read_unverified(RECORDS, start..end)?;
        Ok(RecordRun { entries, start, bytes })
    }

    /// A record of a run, verified.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn record_of(&self, run: &RecordRun<'_>, position: usize) -> Result<Record, Rejected> {
        let record = run.entries.get(position).ok_or(Rejected::Table).and_then(|entry| {
            let damaged = || self.container.damaged_part(RECORDS, entry.offset);
            let start = usize::try_from(entry.offset - run.start).unwrap_or(usize::MAX);
            let bytes = run.bytes.get(start..start.saturating_add(entry.len as usize)).ok_or_else(damaged)?;
            if !self.container.is_part(&[bytes], &entry.hash) {
                return Err(damaged());
            }
            Record::read(bytes, DefinedFuncIndex::from_u32(entry.func), self.fingerprint.variant).ok_or_else(damaged)
        });
        self.count_damage(record)
    }

    /// The record of a function, verified: nothing if there is none.
    ///
    /// # Errors
    ///
    /// It is damaged, or the index is, and nobody was told yet.
    pub fn record(&self, func: DefinedFuncIndex) -> Result<Option<Record>, Rejected> {
        self.check_index()?;
        let Some(entry) = self.find(func) else { return Ok(None) };
        let record = self.read(&entry).and_then(|bytes| {
            let damaged = || self.container.damaged_part(RECORDS, entry.offset);
            Record::read(&bytes, func, self.fingerprint.variant).ok_or_else(damaged)
        });
        self.count_damage(record).map(Some)
    }

    fn count_damage<T>(&self, read: Result<T, Rejected>) -> Result<T, Rejected> {
        if read.is_err() {
            self.damaged.fetch_add(1, Ordering::Relaxed); // a figure
        }
        read
    }

    fn read(&self, entry: &Entry) -> Result<Box<[u8]>, Rejected> {
        self.container.read_part(RECORDS, entry.offset, entry.len as usize, &entry.hash)
    }

    /// Copies the record of a function as it is into a new file; nothing if it is not there or damaged.
    pub fn copy(&self, func: DefinedFuncIndex, to: &mut CodeFileBuilder<'_>) -> Option<()> {
        let entry = self.find(func)?;
        let bytes = self.count_damage(self.read(&entry)).ok()?;
        to.add_bytes(func, entry.tier, |records| records.extend_from_slice(&bytes));
        Some(())
    }
}

/// A file of code in the making.
#[derive(Debug)]
pub struct CodeFileBuilder<'k> {
    key: &'k MacKey,
    entries: Vec<Entry>,
    /// The records are its first section.
    container: ContainerBuilder<'k>,
    with_wire: bool,
    has_data: bool,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("func", &self.func).field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl<'k> CodeFileBuilder<'k> {
    /// An empty file; with the module's bytes if it must do without them elsewhere.
    pub fn new(key: &'k MacKey, with_wire: bool) -> Self {
        let mut container = ContainerBuilder::new(key, if with_wire { 5 } else { 4 });
        container.add_in_parts(RECORDS, &[]);
        CodeFileBuilder { key, entries: Vec::new(), container, with_wire, has_data: false }
    }

    /// Makes room for as much as is in a file that this one may replace, and some more.
    pub fn follows(&mut self, file: &CodeFile) {
        self.container.expect(usize::try_from(file.len_bytes()).map_or(0, |bytes| bytes + bytes / 8));
    }

    /// Adds a function that was not added before.
    pub fn add(&mut self, record: &Record) {
        self.add_bytes(record.artifact.func, record.artifact.tier as u8, |records| record.write(records));
    }

    fn add_bytes(&mut self, func: DefinedFuncIndex, tier: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let (range, bytes) = self.container.append(write);
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let hash = part_hash(self.key, &[bytes]);
        self.entries.push(Entry { func: func.as_u32(), len, offset: range.start, tier, hash });
    }

    /// How many functions were added.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says that there is a [file of the module's data](super::data_file).
    pub fn with_data(self, has_data: bool) -> Self {
        Self { has_data, ..self }
    }

    /// The file, for a module.
    pub fn finish(mut self, fingerprint: &Fingerprint, module: &WasmModule, wire_bytes: &WireBytes) -> Vec<u8> {
        self.entries.sort_unstable_by_key(|entry| entry.func);
        let code_section = code_section(module);
        let mut container = self.container;
        let mut about = fingerprint.to_bytes().to_vec();
        about.extend_from_slice(&(code_section.start as u64).to_le_bytes());
        about.extend_from_slice(&(code_section.end as u64).to_le_bytes());
        // Who has the bytes from elsewhere has hashed them.
        let outline_hash = || part_hash(self.key, &[&wire_bytes[..code_section.start], &wire_bytes[code_section.end..]]);
        about.extend_from_slice(&if self.with_wire { outline_hash() } else { PartHash::default() });
        about.push(self.has_data.into());
        container.add(ABOUT, &about);
        // Not in the fewest bytes: they are read as one.
        let bodies: Vec<u8> =
            module.bodies.values().flat_map(|body| (u64::from(body.start) | u64::from(body.end) << 32).to_le_bytes()).collect();
        container.add(BODIES, &bodies);
        let index: Vec<u8> = self.entries.iter().flat_map(|entry| entry.to_bytes()).collect();
        container.add(INDEX, &index);
        if self.with_wire {
            container.add_in_parts(WIRE, wire_bytes);
        }
        container.finish(KIND, &fingerprint.key())
    }
}

/// From the first body to behind the last; what is between bodies is not looked at again.
fn code_section(module: &WasmModule) -> Range<usize> {
    let first = module.bodies.values().next().map_or(0, |body| body.start as usize);
    let end = module.bodies.values().last().map_or(first, |body| body.end as usize);
    first..end
}
