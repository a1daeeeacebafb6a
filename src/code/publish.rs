//! Publication: artifacts become code that runs.
//!
//! In this order, and each step for the whole batch: *check* the artifacts; *place* them (one step of the cursor for all, unless freed ranges
//! take some); *write* code, displacements and headers through the writable alias; *install* each: set its bit in the registry, then
//! swap its dispatch slot. Any number of threads may publish at once: they share nothing but the cursor, and for a slot that two
//! of them want the compare-and-swap decides. [Loop versions](crate::code::loops) have no slot, but a line in a table.
//!
//! **Invariants:** the swap never replaces code by code of a lower tier. Code that lost was never reachable and is freed at once; code that
//! was replaced is retired (see [`reclaim`](crate::code::reclaim)). A batch that is refused changes no slot.

use std::ops::Range;

use crate::abi::artifact::{Artifact, Entry, HandlerSite, LoopSite, PlaceInLine, Reloc, RelocTarget, StackMap, Tier};
use crate::base::sync::atomic::Ordering;
use crate::base::{DefinedFuncIndex, trace, tuning};
use crate::code::error::{ArtifactDefect, CodeError};
use crate::code::free::FreeRanges;
use crate::code::metadata::{FunctionMetadata, Header};
use crate::code::reclaim::Retired;
use crate::code::registry::SpaceView;
use crate::code::space::CodeSpace;
use crate::platform::exec;
use crate::platform::memory::page_bytes;

/// Batches start at multiples of this: a line of the cache, and the alignment of nearly all code.
const BATCH_ALIGNMENT: usize = 64;
/// What freed code is overwritten with: `int3`.
const ERASED: u8 = 0xcc;

/// A function that has its place.
struct Placed {
    code: Box<[u8]>,
    metadata: Box<FunctionMetadata>,
}

/// Functions that are written together, and where.
struct Run {
    range: Range<usize>,
    functions: Vec<Placed>,
}

impl CodeSpace {
    /// Publishes a batch and returns the bytes of machine code that it added. Functions that have code of a higher tier keep it; code
    /// of the same tier is replaced. Displacements may lead to functions without code: their slots exist already.
    ///
    /// # Errors
    ///
    /// [`CodeError::Exhausted`] when the space is full, [`CodeError::Malformed`] when an artifact contradicts itself or the space,
    /// [`CodeError::Exec`] when the system refuses. No slot was changed then.
    pub fn publish(&self, artifacts: Vec<Artifact>) -> Result<usize, CodeError> {
        let malformed = artifacts.iter().filter_map(|artifact| Some((artifact.func, self.check(artifact).err()?)));
        if let Some((func, defect)) = malformed.min_by_key(|&(func, _)| func.as_u32()) {
            return Err(CodeError::Malformed { func, defect });
        }
        let _kept = self.installing.read();
        let wanted: Vec<Artifact> =
            artifacts.into_iter().filter(|it| it.entry != Entry::Call || !self.is_refused(it.func, it.tier)).collect();
        for artifact in &wanted {
            self.profiles.make_room(artifact.func, artifact.profile_words);
        }
        let (runs, reused) = self.place(wanted)?;
        for run in &runs {
            self.write(run)?;
        }
        if reused {
            exec::serialize_cores();
        }
        let mut added = 0;
        let mut retired = Vec::new();
        let mut lost = Vec::new();
        for placed in runs.into_iter().flat_map(|run| run.functions) {
            match self.install(placed.metadata) {
                Ok((bytes, replaced)) => {
                    added += bytes;
                    retired.extend(replaced);
                }
                Err(range) => lost.push(range),
            }
        }
        self.settle(retired, &lost);
        tracing::trace!(target: trace::PUBLISH, bytes = added, "code published");
        Ok(added)
    }

    /// Whether the function has code of a higher tier.
    fn is_refused(&self, func: DefinedFuncIndex, tier: Tier) -> bool {
        // SAFETY: the slot is inside the reservation.
        let entry = unsafe { &*self.slot(func) }.load(Ordering::Acquire); // partner: the exchange in `install`
        // SAFETY: the entry came from a slot, and the caller holds `installing`, so that its code is not freed.
        unsafe { self.metadata_of_entry(entry) }.is_some_and(|present| present.tier > tier)
    }

    fn check(&self, artifact: &Artifact) -> Result<(), ArtifactDefect> {
        let len = artifact.code.len();
        let inside = |offset: u32, bytes: usize| (offset as usize).checked_add(bytes).is_some_and(|end| end <= len);
        if artifact.code.is_empty() {
            return Err(ArtifactDefect::Empty);
        }
        if artifact.func.as_u32() as usize >= self.slot_count() {
            return Err(ArtifactDefect::NoSlot(artifact.func));
        }
        if !artifact.alignment.is_power_of_two() || artifact.alignment as usize > page_bytes() {
            return Err(ArtifactDefect::Alignment(artifact.alignment));
        }
        for reloc in &artifact.relocs {
            if !inside(reloc.code_offset, 4) {
                return Err(ArtifactDefect::Reloc(reloc.code_offset));
            }
            if self.word_address(artifact.func, reloc.target).is_none() {
                return Err(match reloc.target {
                    RelocTarget::Slot(func) | RelocTarget::Budget(func) => ArtifactDefect::NoSlot(func),
                    RelocTarget::Helper(_) | RelocTarget::Profile(_) => ArtifactDefect::Reloc(reloc.code_offset),
                });
            }
        }
        if let Some(site) = artifact.traps.iter().find(|site| !inside(site.code_offset, 1)) {
            return Err(ArtifactDefect::Trap(site.code_offset));
        }
        if let Some(position) = artifact.positions.iter().find(|position| !inside(position.code_offset, 0)) {
            return Err(ArtifactDefect::Position(position.code_offset));
        }
        let is_bad = |map: &&StackMap| {
            !inside(map.code_offset, 0) || map.slots.iter().any(|slot| slot.saturating_add(4) > map.frame_bytes)
        };
        let (deep_count, deepest) = (artifact.deep_slots.len(), artifact.deep_slots.iter().map(|slot| slot.below_fp).max());
        let is_bad =
            |map: &&StackMap| is_bad(map) || map.deep as usize > deep_count || map.deep > 0 && deepest > Some(map.frame_bytes);
        if let Some(map) = artifact.stack_maps.iter().find(is_bad) {
            return Err(ArtifactDefect::StackMap(map.code_offset));
        }
        // A list that goes backwards has an end.
        if let Some((slot, _)) =
            artifact.deep_slots.iter().zip(0u32..).find(|(slot, position)| slot.next > *position || slot.below_fp < 4)
        {
            return Err(ArtifactDefect::StackMap(slot.next));
        }
        let value_count = artifact.loop_values.len();
        let has_values = |site: &LoopSite| site.values.0 <= site.values.1 && site.values.1 as usize <= value_count;
        if let Some(site) = artifact.loops.iter().find(|site| !inside(site.code_offset, 0) || !has_values(site)) {
            return Err(ArtifactDefect::Loop(site.code_offset));
        }
        let is_outside = |site: &&HandlerSite| !inside(site.code_offset, 0) || !inside(site.handler_offset, 1);
        if let Some(site) = artifact.handlers.iter().find(is_outside) {
            return Err(ArtifactDefect::Handler(site.code_offset));
        }
        Ok(())
    }

    /// Finds a place for each artifact; says whether any place was used before.
    fn place(&self, artifacts: Vec<Artifact>) -> Result<(Vec<Run>, bool), CodeError> {
        let mut runs = Vec::new();
        let mut rest = Vec::with_capacity(artifacts.len());
        // Relaxed: a hint; the lock inside orders.
        let free_bytes = self.free_bytes.load(Ordering::Relaxed);
        let is_worth_it = free_bytes >= tuning::REUSED_BYTES_MIN || free_bytes > 0 && exec::is_ready_to_serialize();
        if is_worth_it && self.exec().may_rewrite() {
            for artifact in artifacts {
                match self.take_free(&artifact) {
                    Some(range) => {
                        let (start, end) = (range.start as usize, range.end as usize);
                        let entry = entry_behind(start, &artifact);
                        runs.push(Run { range: start..end, functions: vec![placed(artifact, entry, range)] });
                    }
                    None => rest.push(artifact),
                }
            }
        } else {
            rest = artifacts;
        }
        let reused = !runs.is_empty();
        if !rest.is_empty() {
            match self.place_at_cursor(rest) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    self.give_back(runs.iter().map(|run| run.range.start as u32..run.range.end as u32));
                    return Err(error);
                }
            }
        }
        Ok((runs, reused))
    }

    fn take_free(&self, artifact: &Artifact) -> Option<Range<u32>> {
        let bytes = Header::BYTES + artifact.code.len() + slack(artifact);
        let mut lists = self.reclaim.lock();
        let range = lists.free.take(u32::try_from(bytes).ok()?)?;
        self.free_bytes.fetch_sub(range.len(), Ordering::Relaxed); // a hint: the lock orders
        Some(range)
    }

    /// One step of the cursor for the whole batch.
    fn place_at_cursor(&self, artifacts: Vec<Artifact>) -> Result<Run, CodeError> {
        let granule = self.exec().granule_bytes().max(BATCH_ALIGNMENT);
        let alignment = artifacts.iter().map(|it| it.alignment as usize).fold(granule, usize::max);
        // Distances from the start of the batch hold wherever it lands, because that is aligned for all.
        let mut end = 0;
        let entries: Vec<usize> = artifacts
            .iter()
            .map(|artifact| {
                let entry = entry_behind(end, artifact);
                end = (entry + artifact.code.len()).next_multiple_of(SpaceView::UNIT);
                entry
            })
            .collect();
        let bytes = end.next_multiple_of(granule);
        let capacity = self.capacity_bytes();
        let advance = |cursor: usize| {
            let end = cursor.next_multiple_of(alignment).checked_add(bytes)?;
            (end <= capacity).then_some(end)
        };
        // Relaxed: the cursor hands out disjoint ranges and publishes nothing.
        let old = self.cursor.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance);
        let start = old.map_err(|_| CodeError::Exhausted { asked: bytes, capacity })?.next_multiple_of(alignment);
        let mut from = start;
        let functions = artifacts
            .into_iter()
            .zip(entries)
            .map(|(artifact, entry)| {
                let to = (start + entry + artifact.code.len()).next_multiple_of(SpaceView::UNIT);
                let range = from as u32..to as u32;
                from = to;
                placed(artifact, start + entry, range)
            })
            .collect();
        Ok(Run { range: start..start + bytes, functions })
    }

    /// Writes headers, code and displacements of functions that nobody can reach yet.
    fn write(&self, run: &Run) -> Result<(), CodeError> {
        let base = self.exec().base().addr();
        let fill = |bytes: &mut [u8]| {
            for Placed { code, metadata } in &run.functions {
                let entry = metadata.entry_offset as usize;
                let place = &mut bytes[entry - run.range.start - Header::BYTES..][..Header::BYTES + code.len()];
                let (header, body) = place.split_at_mut(Header::BYTES);
                let address = std::ptr::from_ref(&**metadata).addr();
                header.copy_from_slice(&Header::new(address, metadata.entry_offset).to_bytes());
                body.copy_from_slice(code);
                self.relocate(body, metadata.func, base + entry, &metadata.relocs);
            }
        };
        // SAFETY: the range came from the cursor or from the free ranges, so that it is this publication's alone; nobody runs it.
        unsafe { self.exec().write(run.range.clone(), fill) }.map_err(CodeError::Exec)
    }

    fn relocate(&self, body: &mut [u8], func: DefinedFuncIndex, entry: usize, relocs: &[Reloc]) {
        for reloc in relocs {
            let field = reloc.code_offset as usize..reloc.code_offset as usize + 4;
            let word = self.word_address(func, reloc.target).expect("checked before");
            let constant_bytes = if matches!(reloc.target, RelocTarget::Budget(_)) { 4 } else { 0 };
            let distance = word.wrapping_sub(entry + field.end + constant_bytes) as isize;
            let displacement = i32::try_from(distance).expect("a space is at most 2 GiB long");
            body[field].copy_from_slice(&displacement.to_le_bytes());
        }
    }

    /// Makes a written function reachable. Gives the bytes added and what was replaced; or, if code of a higher tier is there by
    /// now, the range that is free again.
    fn install(&self, metadata: Box<FunctionMetadata>) -> Result<(usize, Option<Retired>), Range<u32>> {
        let FunctionMetadata { func, tier, entry_offset, entry: origin, .. } = *metadata;
        let bytes = metadata.code_bytes as usize;
        let range = metadata.range.clone();
        let entry = self.exec().base().addr() + entry_offset as usize;
        // SAFETY: the slot is inside the reservation.
        let slot = unsafe { &*self.slot(func) };
        // The header has its address; `free_function` makes a box of it again.
        Box::into_raw(metadata).expose_provenance();
        self.code_bytes.fetch_add(bytes, Ordering::Relaxed); // a statistic: orders nothing
        self.view().set_start(entry_offset as usize);
        if let Entry::Loop(wasm_offset) = origin {
            if self.loops.add(func, wasm_offset, entry_offset) {
                return Ok((bytes, None));
            }
            // SAFETY: nothing ever led to it.
            unsafe { self.free_function(entry_offset) };
            return Err(range);
        }
        let mut present = slot.load(Ordering::Acquire); // partner: the exchange below
        loop {
            // SAFETY: the entry came from a slot, and the caller holds `installing`, so that its code is not freed.
            let old = unsafe { self.metadata_of_entry(present) };
            if old.is_some_and(|old| old.tier > tier) {
                // SAFETY: no slot ever led to the new code, so that nobody runs it or looks at it.
                unsafe { self.free_function(entry_offset) };
                return Err(range);
            }
            // Release: partners are the loads of the slot, by generated code too (x86-64 makes each load an Acquire).
            match slot.compare_exchange(present, entry, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok((bytes, old.map(Retired::new))),
                Err(other) => present = other,
            }
        }
    }

    /// Lists what was replaced, and what lost the race for its slot.
    fn settle(&self, retired: Vec<Retired>, lost: &[Range<u32>]) {
        self.retire(retired);
        if !lost.is_empty() && self.exec().may_rewrite() {
            for range in lost {
                self.erase(range);
            }
            self.give_back(lost.iter().cloned());
        }
    }

    /// Lists code that nothing leads to any more.
    pub(in crate::code) fn retire(&self, retired: Vec<Retired>) {
        if !retired.is_empty() {
            let bytes = retired.iter().map(Retired::range_bytes).sum();
            self.retired_bytes.fetch_add(bytes, Ordering::Relaxed); // a statistic: orders nothing
            self.reclaim.lock().retire(retired);
        }
    }

    /// Makes ranges available that hold no code.
    pub(in crate::code) fn give_back(&self, ranges: impl Iterator<Item = Range<u32>>) {
        let mut lists = self.reclaim.lock();
        for range in ranges {
            self.free_bytes.fetch_add(range.len(), Ordering::Relaxed); // a hint: the lock orders
            lists.free.add(range);
        }
    }

    /// Overwrites code that nobody can reach any more.
    pub(in crate::code) fn erase(&self, range: &Range<u32>) {
        let range = range.start as usize..range.end as usize;
        // SAFETY: the caller has freed the range and told nobody else of it.
        let erased = unsafe { self.exec().write(range, |bytes| bytes.fill(ERASED)) };
        if let Err(error) = erased {
            tracing::debug!(%error, "freed code was not overwritten");
        }
    }
}

/// The first entry for an artifact whose range begins at an offset.
fn entry_behind(start: usize, artifact: &Artifact) -> usize {
    let first = (start + Header::BYTES).next_multiple_of(alignment(artifact));
    let Some(place) = artifact.place.filter(|_| alignment(artifact) == SpaceView::UNIT) else { return first };
    let line = PlaceInLine::LINE as usize;
    first + (place.bytes() as usize + line - first % line) % line
}

fn alignment(artifact: &Artifact) -> usize {
    (artifact.alignment as usize).max(SpaceView::UNIT)
}

/// How far behind the first possible place an entry may be.
fn slack(artifact: &Artifact) -> usize {
    let alignment =
        if artifact.place.is_some() { alignment(artifact).max(PlaceInLine::LINE as usize) } else { alignment(artifact) };
    alignment - SpaceView::UNIT
}

const _: () =
    assert!(PlaceInLine::STEP as usize == SpaceView::UNIT && BATCH_ALIGNMENT.is_multiple_of(PlaceInLine::LINE as usize));

fn placed(artifact: Artifact, entry: usize, range: Range<u32>) -> Placed {
    let Artifact {
        func,
        entry: origin,
        tier,
        variant,
        code,
        alignment,
        place,
        profile_words,
        relocs,
        mut traps,
        mut positions,
        mut stack_maps,
        deep_slots,
        mut handlers,
        saved,
        frame_bytes,
        state_bytes,
        inlined,
        mut loops,
        loop_values,
    } = artifact;
    if !traps.is_sorted_by_key(|site| site.code_offset) {
        traps.sort_by_key(|site| site.code_offset);
    }
    if !positions.is_sorted_by_key(|position| position.code_offset) {
        positions.sort_by_key(|position| position.code_offset);
    }
    if !stack_maps.is_sorted_by_key(|map| map.code_offset) {
        stack_maps.sort_by_key(|map| map.code_offset);
    }
    if !handlers.is_sorted_by_key(|site| site.code_offset) {
        handlers.sort_by_key(|site| site.code_offset);
    }
    if !loops.is_sorted_by_key(|site| site.code_offset) {
        loops.sort_by_key(|site| site.code_offset);
    }
    debug_assert!(range.end as usize >= entry + code.len());
    let (code_bytes, entry_offset) = (code.len() as u32, entry as u32);
    let metadata = FunctionMetadata {
        func,
        entry: origin,
        tier,
        variant,
        code_bytes,
        entry_offset,
        alignment,
        place,
        profile_words,
        range,
        relocs,
        traps,
        positions,
        stack_maps,
        deep_slots,
        handlers,
        saved,
        frame_bytes,
        state_bytes,
        inlined,
        loops,
        loop_values,
    };
    let metadata = Box::new(metadata);
    Placed { code, metadata }
}

const _: () = assert!(FreeRanges::UNIT as usize == SpaceView::UNIT && Header::BYTES == SpaceView::UNIT);
