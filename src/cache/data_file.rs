//! What a module's memories begin with, laid out in a file that is mapped.
//!
//! *Problem.* An instance of a large module begins with tens of thousands of segments being decoded and copied to new pages. *Idea.* They
//! are [laid out](crate::wasm::data_layout) once, in a file of the cache that stands for all of a module's data: its pages become those of memories, copy-on-write, and the
//! module's own bytes are not looked at.
//!
//! The first instance, which is the only one of most modules, is not given those, but [pages](PreparedPages) that were filled when the file was opened: on large pages, which a
//! file has not, programs run faster.
//!
//! **Invariants:** bytes are verified before they are used: those for the first instance where they were copied to, and the file's own, which are mapped, in
//! their place: a file of the cache is replaced, not written to, and one
//! that is changed in its place while it is mapped is outside of what can be answered for. A module with such a file has active segments only, and they are in it.

use std::fs::File;
use std::ops::Range;

use smallvec::SmallVec;

use super::fingerprint::build_hash;
use super::words::{Reader, Writer};
use crate::base::MemoryIndex;
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::platform::memory::page_bytes;
use crate::platform::prepared::PreparedPages;
use crate::platform::thread;
use crate::store::CacheKey;
use crate::store::blob::{Blob, SharedOwner};
use crate::store::container::{Container, ContainerBuilder, PART_HASH_BYTES, PartHash, SectionId, part_hash};
use crate::store::error::Rejected;
use crate::store::key::MacKey;
use crate::wasm::data_layout::DataLayout;
use crate::wasm::module::WasmModule;
use crate::wasm::wire_bytes::WireBytes;

const KIND: [u8; 4] = *b"data";
const ABOUT: SectionId = SectionId { number: 1, name: "about data" };
const PADDING: SectionId = SectionId { number: 2, name: "padding" };
const CONTENTS: SectionId = SectionId { number: 3, name: "data" };
/// Less is as soon decoded and copied.
const BYTES_MIN: usize = 256 << 10;
/// Fewer pages of zeros are copied like others.
const ZERO_PAGES_MIN: usize = 16;
/// What is verified at a time, from a multiple of that in the memory on: in a processor's cache, and a part of each large page.
const PART_BYTES: usize = 256 << 10;
/// More is not copied before there is an instance.
const PREPARED_BYTES_MAX: usize = 64 << 20;

/// Such a file.
pub struct DataFile {
    images: Box<[KeptImage]>,
    container: Container,
    blob: Arc<dyn Blob>,
    hashes: Box<[PartHash]>,
    /// For an instance that has not come yet, by image.
    prepared: Mutex<Vec<Option<PreparedPages>>>,
    /// The images' bytes, verified where they are when somebody has asked for them; nothing if they are damaged.
    sound: OnceLock<Option<SharedOwner>>,
}

/// What a memory begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImage {
    /// Which memory.
    pub memory: MemoryIndex,
    /// Where in it the bytes go: a whole page.
    pub start: usize,
    /// How long the memory is at first.
    memory_bytes: usize,
    /// Which of the file's they are, from a whole page on, with as many as fill the last one.
    range: Range<usize>,
    /// Which of them are not zero, by whole pages.
    dense: Box<[Range<usize>]>,
    /// Which of the file's hashes is that of its first part.
    first_part: usize,
}

impl KeptImage {
    /// What is verified together.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        parts(self.start, self.range.len())
    }

    /// Where in the memory those of its bytes go that are not zero: others are there already.
    fn place(&self) -> Range<usize> {
        let behind = |dense: &[Range<usize>]| dense.last().map_or(0, |last| last.end);
        let first = self.dense.first().map_or(0, |first| first.start);
        self.start + first..self.start + behind(&self.dense)
    }

    /// What a part's hash is of.
    fn pieces<'a>(&'a self, part: &Range<usize>, bytes: &'a [u8]) -> SmallVec<[&'a [u8]; 4]> {
        self.dense_in(part.clone()).map(|range| &bytes[range]).collect()
    }

    /// Those of its bytes in a range that are not zero.
    fn dense_in(&self, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let common = self.dense.iter().map(move |dense| dense.start.max(within.start)..dense.end.min(within.end));
        common.filter(|range| range.start < range.end)
    }
}

/// The parts of so many bytes that begin at an offset of a memory, from the first of these bytes on.
fn parts(start: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    let first = start / PART_BYTES;
    let at = move |part: usize| (part * PART_BYTES).saturating_sub(start).min(len);
    (first..(start + len).div_ceil(PART_BYTES)).map(move |part| at(part)..at(part + 1))
}

impl std::fmt::Debug for DataFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFile").field("images", &self.images).finish_non_exhaustive()
    }
}

/// What the file of a module's data is found by.
pub fn key(module_hash: &[u8; 32]) -> CacheKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"data").update(&build_hash()).update(&(page_bytes() as u64).to_le_bytes()).update(module_hash);
    CacheKey(*hasher.finalize().as_bytes())
}

/// The file of a module's data; nothing if that is little, or not all of it can be laid out closely.
pub fn build(module: &WasmModule, wire_bytes: &WireBytes, module_hash: &[u8; 32], key: &MacKey) -> Option<Vec<u8>> {
    if module.code_section_bytes == 0 || !module.has_datas() {
        return None;
    }
    let page = page_bytes();
    let layouts: Vec<DataLayout> = module.memories.keys().filter_map(|memory| DataLayout::of(module, memory, page)).collect();
    let data_bytes: usize = layouts.iter().map(DataLayout::data_bytes).sum();
    let span_bytes: usize = layouts.iter().map(|layout| layout.span.len()).sum();
    let laid_out: usize = layouts.iter().map(DataLayout::segment_count).sum();
    if laid_out != module.data_count() || data_bytes < BYTES_MIN || span_bytes > 2 * data_bytes {
        return None;
    }
    let mut about = Writer::default();
    about.len(layouts.len());
    let mut container = ContainerBuilder::new(key, 3);
    container.expect(span_bytes + (layouts.len() + 2) * page);
    container.add_aligned(PADDING, CONTENTS, page);
    let mut hashes: Vec<PartHash> = Vec::new();
    let number = |value: usize| u32::try_from(value).ok();
    for layout in &layouts {
        let (_, image) = container.append(|contents| {
            let begin = contents.len();
            contents.resize(begin + layout.span.len().next_multiple_of(page), 0);
            for (offset, bytes) in layout.parts(module, wire_bytes) {
                contents[begin + offset..][..bytes.len()].copy_from_slice(bytes);
            }
        });
        let dense = dense_pages(image);
        let start = layout.span.start;
        let kept = KeptImage {
            memory: layout.memory,
            start,
            memory_bytes: layout.memory_bytes,
            range: 0..image.len(),
            dense: dense.iter().map(|pages| pages.start * page..pages.end * page).collect(),
            first_part: 0,
        };
        hashes.extend(kept.parts().map(|part| part_hash(key, &kept.pieces(&part, image))));
        about.u32(layout.memory.as_u32());
        about.u32(number(start / page)?);
        about.u32(number(image.len() / page)?);
        about.u32(number(layout.memory_bytes / page)?);
        about.len(dense.len());
        for pages in dense {
            about.u32(number(pages.start)?);
            about.u32(number(pages.len())?);
        }
    }
    about.bytes.extend_from_slice(hashes.as_flattened());
    container.add(ABOUT, &about.bytes);
    Some(container.finish(KIND, &self::key(module_hash)))
}

/// The pages of an image that are not zero; a few that are, between others, are not told apart.
fn dense_pages(image: &[u8]) -> Vec<Range<usize>> {
    let mut dense: Vec<Range<usize>> = Vec::new();
    for (page, bytes) in image.chunks(page_bytes()).enumerate() {
        if bytes.iter().all(|&byte| byte == 0) {
            continue;
        }
        match dense.last_mut() {
            Some(last) if page - last.end < ZERO_PAGES_MIN => last.end = page + 1,
            _ => dense.push(page..page + 1),
        }
    }
    dense
}

impl DataFile {
    /// Opens the file of a module's data, and has what the first instance begins with made, by this thread and so many others.
    ///
    /// # Errors
    ///
    /// It is not whole, not made with this key, of another module, or contradicts itself.
    pub fn open(blob: Arc<dyn Blob>, module_hash: &[u8; 32], key: &MacKey, others: usize) -> Result<DataFile, Rejected> {
        let container = Container::open(Arc::clone(&blob), KIND, key)?;
        if *container.contents() != self::key(module_hash) {
            return Err(Rejected::Table);
        }
        let about = container.read(ABOUT)?;
        let page = page_bytes();
        let mut reader = Reader::new(&about);
        let (mut end, mut part_count) = (0_usize, 0);
        let images = reader.list(|reader| {
            let (memory, start, pages) = (reader.u32()?, reader.u32()? as usize, reader.u32()? as usize);
            let memory_bytes = (reader.u32()? as usize).checked_mul(page)?;
            let (begin, first_part) = (end, part_count);
            let (start, len) = (start.checked_mul(page)?, pages.checked_mul(page)?);
            end = begin.checked_add(len)?;
            start.checked_add(len).filter(|&end| end <= memory_bytes)?;
            let dense = reader.list(|reader| {
                let (first, count) = (reader.u32()? as usize, reader.u32()? as usize);
                let behind = first.checked_add(count).filter(|&behind| behind <= pages)?;
                Some(first * page..behind * page)
            })?;
            let memory = MemoryIndex::from_u32(memory);
            let image = KeptImage { memory, start, memory_bytes, range: begin..end, dense, first_part };
            part_count += image.parts().count();
            image.dense.is_sorted_by(|one, next| one.end <= next.start).then_some(image)
        });
        let images = images.filter(|_| end as u64 == container.section_bytes(CONTENTS)).ok_or(Rejected::Table)?;
        let hashes: Box<[PartHash]> = reader.rest().as_chunks::<PART_HASH_BYTES>().0.into();
        if hashes.len() != part_count {
            return Err(Rejected::Table);
        }
        let this = DataFile { images, container, blob, hashes, prepared: Mutex::default(), sound: OnceLock::new() };
        this.prepare(others)?;
        Ok(this)
    }

    /// Makes what the first instance begins with, if the system has room for it, and verifies all that there is.
    fn prepare(&self, others: usize) -> Result<(), Rejected> {
        let len: usize = self.images.iter().map(|image| image.range.len()).sum();
        let pages: Option<Vec<PreparedPages>> = (len <= PREPARED_BYTES_MAX)
            .then(|| self.images.iter().map(|image| PreparedPages::new(image.place(), image.memory_bytes).ok()).collect())
            .flatten();
        let Some(mut pages) = pages else {
            return if self.is_sound(others) { Ok(()) } else { Err(self.container.damaged_part(CONTENTS, 0)) };
        };
        let damaged = AtomicUsize::new(usize::MAX);
        for (image, pages) in self.images.iter().zip(&mut pages) {
            pages.fill(others, |from, into| {
                let found = self.copy_out(image, from, into);
                // Relaxed: read when all threads have ended.
                found.map(|at| damaged.fetch_min(at, Ordering::Relaxed)).is_none()
            });
        }
        let damaged = damaged.into_inner();
        if damaged < usize::MAX {
            return Err(self.container.damaged_part(CONTENTS, damaged as u64));
        }
        *self.prepared.lock() = pages.into_iter().map(Some).collect();
        Ok(())
    }

    /// Copies those of an image's parts that begin in a range of the memory to there, and verifies the copy; gives the place of the first that is damaged.
    fn copy_out(&self, image: &KeptImage, from: usize, into: &mut [u8]) -> Option<usize> {
        let file_offset = self.container.section_offset(CONTENTS) + image.range.start as u64;
        let place = |range: Range<usize>| image.start + range.start - from..image.start + range.end - from;
        for (part, hash) in self.parts_of(image) {
            if !(from..from + into.len()).contains(&(image.start + part.start)) {
                continue;
            }
            let is_read = image
                .dense_in(part.clone())
                .all(|range| self.blob.read_at(file_offset + range.start as u64, &mut into[place(range)]).is_ok());
            let pieces: SmallVec<[&[u8]; 4]> = image.dense_in(part.clone()).map(|range| &into[place(range)]).collect();
            if !is_read || !self.container.is_part(&pieces, hash) {
                return Some(image.range.start + part.start);
            }
        }
        None
    }

    /// What of an image is verified together, and its hash.
    fn parts_of<'a>(&'a self, image: &'a KeptImage) -> impl Iterator<Item = (Range<usize>, &'a PartHash)> {
        image.parts().zip(&self.hashes[image.first_part..])
    }

    /// Whether the file's bytes are what they should be, where they are: found out once, by this thread and so many others.
    pub fn is_sound(&self, others: usize) -> bool {
        self.sound
            .get_or_init(|| self.container.share(CONTENTS).ok().filter(|all| self.verify((**all).as_ref(), others)))
            .is_some()
    }

    fn verify(&self, all: &[u8], others: usize) -> bool {
        let is_part_sound = |(image, part, hash): (&KeptImage, Range<usize>, &PartHash)| {
            let bytes = &all[image.range.clone()];
            let mut gap = part.start;
            // Zeros have no hash.
            let are_gaps_zero = image.dense_in(part.clone()).chain(std::iter::once(part.end..part.end)).all(|range| {
                let start = std::mem::replace(&mut gap, range.end);
                bytes[start..range.start].iter().all(|&byte| byte == 0)
            });
            are_gaps_zero && self.container.is_part(&image.pieces(&part, bytes), hash)
        };
        let parts_of = |image| self.parts_of(image).map(move |(part, hash)| (image, part, hash));
        let parts: Vec<_> = self.images.iter().flat_map(parts_of).collect();
        thread::share_out(parts, others, is_part_sound).into_iter().all(|is_sound| is_sound)
    }

    /// The pages that one instance may begin with.
    pub fn take_prepared(&self, image: &KeptImage) -> Option<PreparedPages> {
        let position = self.images.iter().position(|other| std::ptr::eq(other, image))?;
        self.prepared.lock().get_mut(position)?.take()
    }

    /// What it was made for.
    pub fn images(&self) -> &[KeptImage] {
        &self.images
    }

    /// The bytes of an image; none before it was asked whether they are [sound](Self::is_sound).
    pub fn bytes(&self, image: &KeptImage) -> &[u8] {
        let all = self.sound.get().and_then(Option::as_ref).map_or(&[] as &[u8], |all| (**all).as_ref());
        all.get(image.range.clone()).unwrap_or_default()
    }

    /// Those bytes of an image that are not zero, and where they go in the memory: whole pages. None before, as well.
    pub fn dense<'a>(&'a self, image: &'a KeptImage) -> impl Iterator<Item = (usize, &'a [u8])> {
        let bytes = self.bytes(image);
        image.dense.iter().filter_map(move |range| Some((image.start + range.start, bytes.get(range.clone())?)))
    }

    /// Where an image is in a file that can be mapped, if it is in one: from a whole page on.
    pub fn place(&self, image: &KeptImage) -> Option<(&File, u64)> {
        let offset = self.container.section_offset(CONTENTS) + image.range.start as u64;
        self.blob.file().filter(|_| offset.is_multiple_of(page_bytes() as u64)).map(|file| (file, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::memory::LARGE_PAGE_BYTES;
    use crate::store::blob::MemoryBlob;
    use crate::wasm::decode::decode;

    fn module(text: &str) -> (Arc<WasmModule>, WireBytes) {
        let decoded = decode(WireBytes::from(wat::parse_str(text).unwrap())).unwrap();
        (decoded.module, decoded.wire_bytes)
    }

    fn built(text: &str, key: &MacKey) -> Option<Vec<u8>> {
        let (module, wire_bytes) = module(text);
        build(&module, &wire_bytes, &[7; 32], key)
    }

    fn open(bytes: &[u8], key: &MacKey) -> Result<DataFile, Rejected> {
        DataFile::open(Arc::new(MemoryBlob::new(Arc::new(bytes.to_vec()))), &[7; 32], key, 1).inspect(|file| {
            assert!(file.images().iter().all(|image| file.bytes(image).is_empty()));
            for image in file.images() {
                let pages = file.take_prepared(image).expect("pages");
                assert!(file.take_prepared(image).is_none());
                if !file.is_sound(1) {
                    continue;
                }
                // What is between dense pages is not copied, and behind them there are no pages.
                let (bytes, there) = (file.bytes(image), &pages.bytes()[image.start - pages.offset()..]);
                let common = bytes.len().min(there.len());
                assert!(bytes[..common] == there[..common] && bytes[common..].iter().all(|&byte| byte == 0));
                let dense_end = file.dense(image).last().map_or(0, |(start, bytes)| start + bytes.len());
                let end = dense_end.next_multiple_of(LARGE_PAGE_BYTES).min(image.memory_bytes);
                assert_eq!(pages.offset() + pages.bytes().len(), end, "none for zeros behind all else");
            }
        })
    }

    fn large() -> String {
        "abcdefgh".repeat(BYTES_MIN / 8)
    }

    #[test]
    fn data_is_laid_out_as_segments_say() {
        let (key, large) = (MacKey::new([3; 32]), large());
        let page = page_bytes();
        let text = format!(
            r#"(module (memory 20) (memory 10) (func nop) (data (i32.const {start}) "{large}") (data (i32.const {later}) "later")
                (data (memory 1) (i32.const 0) "other"))"#,
            start = 3 * page + 5,
            later = 3 * page + 8,
        );
        let file = open(&built(&text, &key).expect("a file"), &key).unwrap();
        let [first, second] = file.images() else { panic!("{file:?}") };
        assert_eq!((first.memory.as_u32(), first.start, second.memory.as_u32(), second.start), (0, 3 * page, 1, 0));
        assert_eq!((first.memory_bytes, second.memory_bytes), (20 << 16, 10 << 16));
        let bytes = file.bytes(first);
        assert!(bytes.starts_with(b"\0\0\0\0\0abclaterabcdefgh") && bytes.len() == (large.len() + 5).next_multiple_of(page));
        assert!(file.bytes(second).starts_with(b"other\0") && file.bytes(second).len() == page);
        assert!(file.dense(first).map(|(at, bytes)| (at, bytes.len())).eq([(3 * page, bytes.len())]));
        assert!(file.place(first).is_none(), "in memory");
    }

    #[test]
    fn zeros_between_data_are_not_copied() {
        let (key, large) = (MacKey::new([3; 32]), large());
        let behind = large.len() + 50 * page_bytes();
        let file = built(
            &format!(r#"(module (memory 20) (func nop) (data (i32.const 0) "{large}") (data (i32.const {behind}) "behind"))"#),
            &key,
        );
        let file = open(&file.expect("a file"), &key).unwrap();
        let image = &file.images()[0];
        let dense: Vec<(usize, usize)> = file.dense(image).map(|(at, bytes)| (at, bytes.len())).collect();
        assert_eq!(dense, [(0, large.len()), (behind / page_bytes() * page_bytes(), page_bytes())]);
        let is_zero = |at: usize| file.bytes(image)[at] == 0;
        assert!((large.len()..behind).all(is_zero) && file.bytes(image)[behind..].starts_with(b"behind"));
        let zeros = r"\00".repeat(LARGE_PAGE_BYTES);
        let file = built(
            &format!(r#"(module (memory 80) (func nop) (data (i32.const 0) "{large}") (data (i32.const {behind}) "{zeros}"))"#),
            &key,
        );
        let file = open(&file.expect("a file"), &key).unwrap();
        assert!(file.bytes(&file.images()[0]).len() > LARGE_PAGE_BYTES && file.dense(&file.images()[0]).count() == 1);
    }

    #[test]
    fn other_modules_have_no_such_file() {
        let (key, large) = (MacKey::new([3; 32]), large());
        let with = |memory: &str, datas: &str| {
            built(&format!("(module {memory} (global $g (mut i32) (i32.const 0)) (func nop) {datas})"), &key)
        };
        let segment = format!(r#"(data (i32.const 0) "{large}")"#);
        assert!(with("(memory 20)", &segment).is_some());
        assert!(with("(memory 20)", &format!(r#"{segment} (data "passive")"#)).is_none());
        assert!(with("(memory 20)", r#"(data (i32.const 0) "little")"#).is_none());
        assert!(with("(memory 20 20 shared)", &segment).is_none());
        assert!(with(r#"(import "a" "m" (memory 20))"#, &segment).is_none());
        assert!(with("(memory 3)", &segment).is_none(), "beyond the end: a trap");
        assert!(with("(memory 200)", &format!(r#"{segment} (data (i32.const 10000000) "far")"#)).is_none(), "mostly zeros");
    }

    #[test]
    fn damage_is_found() {
        let (key, large) = (MacKey::new([3; 32]), large());
        let bytes = built(&format!(r#"(module (memory 20) (func nop) (data (i32.const 0) "{large}"))"#), &key).unwrap();
        let begin = bytes.windows(8).position(|window| window == b"abcdefgh").unwrap();
        assert_eq!(begin % page_bytes(), 0);
        let padding = bytes[..begin].iter().rposition(|&byte| byte != 0).unwrap() + 1;
        let open = |bytes: &[u8]| open(bytes, &key).map(|file| file.bytes(&file.images()[0]).to_vec());
        let whole = open(&bytes).unwrap();
        // All bits in front of the contents, and as many behind.
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random).unwrap() % (bytes.len() * 8)
        };
        let bits: Vec<usize> = (0..padding * 8).chain((0..4_000).map(|_| next())).collect();
        let mut changed = bytes.clone();
        for bit in bits {
            let at = bit / 8;
            changed[at] ^= 1 << (bit % 8);
            match open(&changed) {
                // Nobody looks at padding.
                Ok(found) => assert!(found == whole && (padding..begin).contains(&at), "{bit}"),
                Err(rejected) => assert!(!rejected.to_string().is_empty()),
            }
            changed[at] ^= 1 << (bit % 8);
            assert!(at % 8 != 0 || open(&bytes[..at]).is_err());
        }
        let blob = Arc::new(MemoryBlob::new(Arc::new(bytes)));
        assert!(DataFile::open(blob.clone(), &[7; 32], &MacKey::new([4; 32]), 1).is_err());
        assert!(DataFile::open(blob, &[8; 32], &key, 1).is_err(), "of another module");
    }
}
