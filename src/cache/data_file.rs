//! What a module's memories begin with, laid out in a file that is mapped.
//!
//! *Problem.* An instance of a large module begins with tens of thousands of segments being decoded and copied to new pages. *Idea.* They
//! are [laid out](crate::wasm::data_layout) once, in a file of the cache that stands for all of a module's data: its pages become those of memories, copy-on-write, and the
//! module's own bytes are not looked at.
//!
//! **Invariants:** all bytes are verified before the first is used, in place: a file of the cache is replaced, not written to, and one
//! that is changed in its place while it is mapped is outside of what can be answered for. A module with such a file has active segments only, and they are in it.

use std::fs::File;
use std::ops::Range;

use super::fingerprint::build_hash;
use super::words::{Reader, Writer};
use crate::base::MemoryIndex;
use crate::base::sync::Arc;
use crate::platform::memory::page_bytes;
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
/// What a thread verifies at a time.
const PART_BYTES: usize = 512 << 10;

/// Such a file, verified.
pub struct DataFile {
    images: Box<[KeptImage]>,
    blob: Arc<dyn Blob>,
    contents_offset: u64,
    contents: SharedOwner,
}

/// What a memory begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptImage {
    /// Which memory.
    pub memory: MemoryIndex,
    /// Where in it the bytes go: a whole page.
    pub start: usize,
    /// Which of the file's they are, from a whole page on, with as many as fill the last one.
    range: Range<usize>,
    /// Which of them are not zero, by whole pages.
    dense: Box<[Range<usize>]>,
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
        about.u32(layout.memory.as_u32());
        about.u32(number(layout.span.start / page)?);
        about.u32(number(image.len() / page)?);
        about.len(dense.len());
        for pages in dense {
            about.u32(number(pages.start)?);
            about.u32(number(pages.len())?);
        }
    }
    let parts: Vec<PartHash> = container.last_section().chunks(PART_BYTES).map(|part| part_hash(key, &[part])).collect();
    about.bytes.extend_from_slice(parts.as_flattened());
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
    /// Opens the file of a module's data and verifies all of it, by this thread and so many others.
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
        let contents = container.share(CONTENTS)?;
        let bytes = (*contents).as_ref();
        let page = page_bytes();
        let mut reader = Reader::new(&about);
        let mut end = 0;
        let images = reader.list(|reader| {
            let (memory, start, pages) = (reader.u32()?, reader.u32()? as usize, reader.u32()? as usize);
            let begin = end;
            end = pages.checked_mul(page)?.checked_add(begin)?;
            let dense = reader.list(|reader| {
                let (first, count) = (reader.u32()? as usize, reader.u32()? as usize);
                let behind = first.checked_add(count).filter(|&behind| behind <= pages)?;
                Some(first * page..behind * page)
            })?;
            Some(KeptImage { memory: MemoryIndex::from_u32(memory), start: start.checked_mul(page)?, range: begin..end, dense })
        });
        let images = images.filter(|_| end == bytes.len()).ok_or(Rejected::Table)?;
        let hashes: Vec<PartHash> = reader.rest().as_chunks::<PART_HASH_BYTES>().0.to_vec();
        let parts: Vec<(usize, &[u8])> = bytes.chunks(PART_BYTES).enumerate().collect();
        if hashes.len() != parts.len() {
            return Err(Rejected::Table);
        }
        let damaged = thread::share_out(parts, others, |(position, part)| {
            (!container.is_part(&[part], &hashes[position])).then_some(position)
        });
        if let Some(position) = damaged.into_iter().flatten().next() {
            return Err(container.damaged_part(CONTENTS, (position * PART_BYTES) as u64));
        }
        Ok(DataFile { images, contents_offset: container.section_offset(CONTENTS), blob, contents })
    }

    /// What it was made for.
    pub fn images(&self) -> &[KeptImage] {
        &self.images
    }

    /// The bytes of an image.
    pub fn bytes(&self, image: &KeptImage) -> &[u8] {
        &(*self.contents).as_ref()[image.range.clone()]
    }

    /// Those bytes of an image that are not zero, and where they go in the memory: whole pages.
    pub fn dense<'a>(&'a self, image: &'a KeptImage) -> impl Iterator<Item = (usize, &'a [u8])> {
        let bytes = self.bytes(image);
        image.dense.iter().map(move |range| (image.start + range.start, &bytes[range.clone()]))
    }

    /// Where an image is in a file that can be mapped, if it is in one: from a whole page on.
    pub fn place(&self, image: &KeptImage) -> Option<(&File, u64)> {
        let offset = self.contents_offset + image.range.start as u64;
        self.blob.file().filter(|_| offset.is_multiple_of(page_bytes() as u64)).map(|file| (file, offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        DataFile::open(Arc::new(MemoryBlob::new(Arc::new(bytes.to_vec()))), &[7; 32], key, 1)
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
