//! A code space: the dispatch slots and the machine code of one module in one variant, within reach of 32-bit displacements.
//!
//! One reservation, aligned to the registry's granule:
//!
//! ```text
//! dispatch slots    8 bytes each: the address of the function's present code     readable, writable
//! helper words      8 bytes each: the address of a library function              readable, writable
//! budgets           4 bytes each, if functions have some                         readable, writable
//! profiles          where each function's begins, 4 bytes; then their words      readable, writable
//! start bitmap      a bit for every 16 bytes of the executable part              readable, writable
//! executable part   thunks, { header, code } …                                   readable, executable
//! ```
//!
//! What a budget counts is the business of who compiles: generated code lowers it, and asks for better code when it is below zero. Words
//! of profiles are given out as code is published that records ([`abi::profile`](crate::abi::profile)).
//!
//! Address space is generous, since it costs nothing; memory is taken page by page, as code comes.
//!
//! **Invariants:** a slot holds the address of the function's initial code (its [thunk](crate::code::thunks), or a stub that traps) or that of published code of its function, never anything else; only
//! [`CodeSpace::publish`] changes it. Code below the cursor is written by the one publication that moved the cursor over it, or by the
//! one that took it from the free ranges.

use crate::base::sync::atomic::{AtomicI32 as MappedI32, AtomicU64 as MappedU64, AtomicUsize as MappedUsize};
use std::any::Any;
use std::fmt;
use std::ops::Range;

use crate::abi::artifact::{Entry, Helper, RelocTarget, Tier};
use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::{Arc, Mutex, RwLock};
use crate::base::{DefinedFuncIndex, tuning};
use crate::code::error::CodeError;
use crate::code::loops::LoopVersions;
use crate::code::metadata::FunctionMetadata;
use crate::code::profiles::Profiles;
use crate::code::reclaim::Reclaim;
use crate::code::registry::{GRANULE_BYTES, SpaceView};
use crate::code::{helpers, missing, thunks};
use crate::platform::exec::{ExecError, ExecMemory, ExecStrategy, Refusal};
use crate::platform::memory::{MemoryError, Reservation, page_bytes};

/// What a space is made for.
#[derive(Debug, Clone)]
pub struct CodeSpaceOptions<'a> {
    /// How many functions the module defines.
    pub slot_count: usize,
    /// Bytes of the module's bodies, from which the space for code is estimated.
    pub wasm_code_bytes: usize,
    /// Address of the code that a function has at first; by default a stub that traps.
    pub initial_code: Option<usize>,
    /// Whether each function has a thunk instead, which has it compiled at its first call.
    pub thunks: bool,
    /// Whether functions have budgets.
    pub budgets: bool,
    /// Whether functions record their calls.
    pub profiles: bool,
    /// Which ways of getting executable memory to try, in order.
    pub strategies: &'a [ExecStrategy],
    /// Upper bound of the whole space.
    pub max_bytes: usize,
}

impl CodeSpaceOptions<'static> {
    /// The usual choices.
    pub fn new(slot_count: usize, wasm_code_bytes: usize) -> Self {
        let max_bytes = tuning::CODE_SPACE_MAX_BYTES;
        CodeSpaceOptions {
            slot_count,
            wasm_code_bytes,
            initial_code: None,
            thunks: false,
            budgets: false,
            profiles: false,
            strategies: &ExecStrategy::ORDER,
            max_bytes,
        }
    }
}

/// Machine code of a module, for one variant.
pub struct CodeSpace {
    view: Box<SpaceView>,
    slots: *const MappedUsize,
    slot_count: usize,
    /// How much of the executable part thunks take.
    thunk_bytes: usize,
    has_budgets: bool,
    pub(in crate::code) profiles: Profiles,
    /// Where the next batch goes.
    pub(in crate::code) cursor: AtomicUsize,
    pub(in crate::code) code_bytes: AtomicUsize,
    pub(in crate::code) retired_bytes: AtomicUsize,
    /// How much the free ranges hold; a hint that spares a lock.
    pub(in crate::code) free_bytes: AtomicUsize,
    /// Publications hold it shared while they look at code that they may replace; freeing holds it alone.
    pub(in crate::code) installing: RwLock<()>,
    pub(in crate::code) reclaim: Mutex<Reclaim>,
    pub(in crate::code) loops: LoopVersions,
    /// Dropped last: it owns the addresses of everything else.
    exec: ExecMemory,
}

// SAFETY: `slots` leads to atomics inside the reservation, which the space owns.
unsafe impl Send for CodeSpace {}
// SAFETY: as above; everything that changes is atomic or behind a lock.
unsafe impl Sync for CodeSpace {}

/// Bytes of each part of a space.
struct Plan {
    /// Where the words of profiles begin.
    profiles_offset: usize,
    words_bytes: usize,
    bitmap_bytes: usize,
    total_bytes: usize,
}

impl Plan {
    fn new(options: &CodeSpaceOptions<'_>, expansion: usize) -> Result<Plan, CodeError> {
        let too_many = CodeError::TooManyFunctions { slot_count: options.slot_count };
        let words = options.slot_count.checked_add(Helper::COUNT).ok_or(too_many.clone())?;
        let budget_bytes = if options.budgets { 4 } else { 0 };
        let budgets = options.slot_count.checked_mul(budget_bytes).ok_or(too_many.clone())?;
        let profiles_offset = words.checked_mul(8).and_then(|bytes| bytes.checked_add(budgets)).ok_or(too_many.clone())?;
        let words_bytes = Profiles::bytes(options).and_then(|bytes| profiles_offset.checked_add(bytes));
        let words_bytes = words_bytes.and_then(|bytes| bytes.checked_next_multiple_of(64)).ok_or(too_many.clone())?;
        let wanted = estimate(options.slot_count, options.wasm_code_bytes, expansion);
        let max_bytes = options.max_bytes.min(tuning::CODE_SPACE_MAX_BYTES) / GRANULE_BYTES * GRANULE_BYTES;
        let overhead = wanted / 64 + 4 * page_bytes();
        let total = words_bytes.saturating_add(wanted).saturating_add(overhead).min(max_bytes);
        let total_bytes = total.next_multiple_of(GRANULE_BYTES);
        let bitmap_bytes = SpaceView::bitmap_bytes(total_bytes);
        let plan = Plan { profiles_offset, words_bytes, bitmap_bytes, total_bytes };
        // Half of the space at least is for code; with fewer than a hundred million functions it is more.
        if plan.data_bytes() > total_bytes / 2 { Err(too_many) } else { Ok(plan) }
    }

    fn data_bytes(&self) -> usize {
        (self.words_bytes + self.bitmap_bytes).next_multiple_of(page_bytes())
    }
}

/// Bytes of machine code for a byte of WebAssembly: several times what baseline and optimized code take together, and what still
/// does where address space is short.
const EXPANSIONS: [usize; 3] = [32, 16, 8];
const EXPANSION_MIN: usize = EXPANSIONS[2];

/// How much code a module may get at most, in all tiers.
fn estimate(slot_count: usize, wasm_code_bytes: usize, expansion: usize) -> usize {
    let stubs = slot_count.saturating_mul(expansion << 5).saturating_add(64 << 10);
    wasm_code_bytes.saturating_mul(expansion).saturating_add(stubs)
}

/// See [`CodeSpace::present_code`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentCode {
    /// Where it is.
    pub addresses: Range<usize>,
    /// Its tier.
    pub tier: Tier,
    /// Its instructions, and the constants behind them; empty if nobody asked.
    pub bytes: Vec<u8>,
}

impl CodeSpace {
    /// A space for a module with so many functions and bytes of bodies. `owner` is what [`lookup`](crate::code::lookup) gives for
    /// addresses of its code.
    ///
    /// # Errors
    ///
    /// [`CodeError`] when the system refuses memory or executable memory, or when there are too many functions.
    pub fn new(slot_count: usize, wasm_code_bytes: usize, owner: Arc<dyn Any + Send + Sync>) -> Result<Self, CodeError> {
        Self::with_options(&CodeSpaceOptions::new(slot_count, wasm_code_bytes), owner)
    }

    /// As [`new`](Self::new), with choices.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_options(options: &CodeSpaceOptions<'_>, owner: Arc<dyn Any + Send + Sync>) -> Result<Self, CodeError> {
        let mut refusals = Vec::new();
        for &strategy in options.strategies {
            for expansion in EXPANSIONS {
                match Self::with_expansion(options, strategy, expansion, &owner) {
                    // A limit on address space is the one refusal that a smaller space may escape.
                    Err(CodeError::Exec(ExecError::Refused(answers))) => {
                        let may_fit = answers.iter().any(Refusal::is_shortage);
                        refusals.extend(answers);
                        if !may_fit {
                            break;
                        }
                    }
                    Err(CodeError::Memory(MemoryError::Reserve { .. })) if expansion != EXPANSION_MIN => {}
                    made => return made,
                }
            }
        }
        refusals.dedup();
        Err(CodeError::Exec(ExecError::Refused(refusals)))
    }

    fn with_expansion(
        options: &CodeSpaceOptions<'_>,
        strategy: ExecStrategy,
        expansion: usize,
        owner: &Arc<dyn Any + Send + Sync>,
    ) -> Result<Self, CodeError> {
        let plan = Plan::new(options, expansion)?;
        let data_bytes = plan.data_bytes();
        let reservation = Reservation::new_aligned(plan.total_bytes, GRANULE_BYTES)?;
        reservation.commit(0..data_bytes)?;
        // Every slot and budget is about to be written.
        let written_bytes = options.slot_count * if options.budgets { 12 } else { 8 };
        if written_bytes >= 4 * page_bytes() {
            reservation.populate(0..written_bytes);
        }
        let base = reservation.base();
        let exec = ExecMemory::new(reservation, data_bytes, &[strategy])?;
        let slots = base.cast::<MappedUsize>().cast_const();
        let starts = base.wrapping_add(plan.words_bytes).cast::<MappedU64>().cast_const();
        let addresses = exec.base().addr()..exec.base().addr() + exec.len_bytes();
        // SAFETY: the bitmap is committed, zero, big enough for the whole reservation, and lives as long as `exec`.
        let view = Box::new(unsafe { SpaceView::new(addresses, starts, Arc::clone(owner)) });
        let mut space = CodeSpace {
            view,
            slots,
            slot_count: options.slot_count,
            thunk_bytes: 0,
            has_budgets: options.budgets,
            profiles: Profiles::new(options, base.wrapping_add(plan.profiles_offset)),
            cursor: AtomicUsize::new(0),
            code_bytes: AtomicUsize::new(0),
            retired_bytes: AtomicUsize::new(0),
            free_bytes: AtomicUsize::new(0),
            installing: RwLock::new(()),
            reclaim: Mutex::new(Reclaim::default()),
            loops: LoopVersions::default(),
            exec,
        };
        if options.thunks {
            space.write_thunks()?;
        }
        let (initial_code, thunks) = (options.initial_code.unwrap_or_else(missing::address), space.exec.base().addr());
        for position in 0..space.slot_count {
            let code = if options.thunks { thunks + thunks::offset(position) } else { initial_code };
            // Relaxed: nobody else has the space yet.
            space.word(position).store(code, Ordering::Relaxed);
        }
        for (position, address) in helpers::addresses().into_iter().enumerate() {
            space.word(space.slot_count + position).store(address, Ordering::Relaxed);
        }
        // SAFETY: the reservation is this space's alone and consists of granules; the box is unregistered before it is dropped.
        unsafe { space.view.register(&space.exec.reservation().addresses()) };
        Ok(space)
    }

    fn write_thunks(&mut self) -> Result<(), CodeError> {
        let bytes = thunks::bytes(self.slot_count).next_multiple_of(self.exec.granule_bytes());
        if bytes > self.capacity_bytes() {
            return Err(CodeError::Exhausted { asked: bytes, capacity: self.capacity_bytes() });
        }
        let slot_count = self.slot_count;
        // SAFETY: nobody else has the space yet.
        unsafe { self.exec.write(0..bytes, |code| thunks::write(code, slot_count))? };
        self.thunk_bytes = bytes;
        self.cursor = AtomicUsize::new(bytes);
        Ok(())
    }

    /// The function whose thunk has called, by the address that the call pushed.
    pub fn thunk_func(&self, pushed: usize) -> Option<DefinedFuncIndex> {
        let offset = pushed.checked_sub(self.exec.base().addr()).filter(|&offset| offset < self.thunk_bytes)?;
        let func = thunks::func_at(offset).filter(|&func| func < self.slot_count)?;
        u32::try_from(func).ok().map(DefinedFuncIndex::from_u32)
    }

    /// How many functions the space has slots for.
    pub fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// The dispatch slot of a function: a word that holds the address of its code. Valid while the space lives.
    ///
    /// # Panics
    ///
    /// If the space has no such function.
    pub fn slot(&self, func: DefinedFuncIndex) -> *const MappedUsize {
        let position = func.as_u32() as usize;
        assert!(position < self.slot_count, "{func:?} has a slot");
        self.slots.wrapping_add(position)
    }

    /// The address of a function's present code: of its thunk, or of a stub, if it has none.
    pub fn entry(&self, func: DefinedFuncIndex) -> usize {
        self.word(func.as_u32() as usize).load(Ordering::Acquire) // partner: the exchange in `publish`
    }

    /// The tier of a function's present code, or nothing if it has none.
    pub fn tier(&self, func: DefinedFuncIndex) -> Option<Tier> {
        self.metadata(func, |metadata| metadata.tier)
    }

    /// Reads the metadata of a function's present code, if it has any. No code is freed meanwhile; `read` must not publish or
    /// report.
    pub fn metadata<R>(&self, func: DefinedFuncIndex, read: impl FnOnce(&FunctionMetadata) -> R) -> Option<R> {
        let slot = self.slot(func);
        let _kept = self.installing.read();
        // SAFETY: the slot is inside the reservation.
        let entry = unsafe { &*slot }.load(Ordering::Acquire); // partner: the exchange in `publish`
        // SAFETY: the entry came from a slot, and the lock keeps its code.
        unsafe { self.metadata_of_entry(entry) }.map(read)
    }

    /// A function's present code, or its present version for a loop; with a copy of the instructions, if they are asked for.
    pub fn present_code(&self, func: DefinedFuncIndex, entry: Entry, with_bytes: bool) -> Option<PresentCode> {
        let read = |metadata: &FunctionMetadata| {
            let code = self.exec.base().wrapping_add(metadata.entry_offset as usize);
            let len = metadata.code_bytes as usize;
            // SAFETY: published code can be read, and is written no more until it is freed, which the lock keeps from happening meanwhile.
            let bytes = if with_bytes { unsafe { std::slice::from_raw_parts(code, len) }.to_vec() } else { Vec::new() };
            PresentCode { addresses: code.addr()..code.addr() + len, tier: metadata.tier, bytes }
        };
        match entry {
            Entry::Call => self.metadata(func, read),
            Entry::Loop(wasm_offset) => self.loop_metadata(func, wasm_offset, read),
        }
    }

    /// Bytes of the machine code that is published and not freed.
    pub fn code_bytes(&self) -> usize {
        self.code_bytes.load(Ordering::Relaxed) // a statistic: orders nothing
    }

    /// Bytes of code, headers and padding that the space can hold.
    pub fn capacity_bytes(&self) -> usize {
        // The last page stays empty: so the end of any code is an address of the space, as its functions' return addresses must be.
        self.exec.len_bytes() - page_bytes()
    }

    /// Bytes of memory that the space takes apart from code: slots, as far as they are written.
    pub fn slot_bytes(&self) -> usize {
        (self.slot_count + Helper::COUNT) * 8
    }

    /// How the system gives executable memory.
    pub fn strategy(&self) -> ExecStrategy {
        self.exec.strategy()
    }

    /// The address of the word that a displacement in a function's code leads to, if the space has it.
    pub(in crate::code) fn word_address(&self, of: DefinedFuncIndex, target: RelocTarget) -> Option<usize> {
        let position = match target {
            RelocTarget::Slot(func) => Some(func.as_u32() as usize).filter(|&position| position < self.slot_count)?,
            RelocTarget::Helper(helper) => self.slot_count + helper as usize,
            RelocTarget::Profile(word) => return self.profiles.word_address(of, word),
            RelocTarget::Budget(func) => return Some(std::ptr::from_ref(self.budget(func)?).addr()),
        };
        Some(self.slots.wrapping_add(position).addr())
    }

    /// The metadata of code that a slot leads to, unless that is the initial code.
    ///
    /// # Safety
    ///
    /// `entry` came from a slot, and its code is not freed while the result is in use.
    pub(in crate::code) unsafe fn metadata_of_entry(&self, entry: usize) -> Option<&FunctionMetadata> {
        let exec = self.view.exec();
        // SAFETY: a slot holds the initial code, which is outside of the space or a thunk, or an entry of published code.
        (exec.start + self.thunk_bytes..exec.end).contains(&entry).then(|| unsafe { self.view.metadata(entry - exec.start) })
    }

    pub(in crate::code) fn view(&self) -> &SpaceView {
        &self.view
    }

    pub(in crate::code) fn exec(&self) -> &ExecMemory {
        &self.exec
    }

    /// Forgets a function and frees its metadata.
    ///
    /// # Safety
    ///
    /// The function was published; no slot leads to it, nobody runs it or looks at it.
    pub(in crate::code) unsafe fn free_function(&self, entry_offset: u32) {
        // SAFETY: by contract a function starts there.
        let metadata = unsafe { self.view.metadata_pointer(entry_offset as usize) };
        self.view.clear_start(entry_offset as usize);
        // SAFETY: publication leaked the box, and nobody else looks at it.
        let metadata = unsafe { Box::from_raw(metadata) };
        self.code_bytes.fetch_sub(metadata.code_bytes as usize, Ordering::Relaxed); // a statistic: orders nothing
    }

    /// The budget of a function, if functions have some.
    pub fn budget(&self, func: DefinedFuncIndex) -> Option<&MappedI32> {
        let position = func.as_u32() as usize;
        if !self.has_budgets || position >= self.slot_count {
            return None;
        }
        let budgets = self.slots.wrapping_add(self.slot_count + Helper::COUNT).cast::<MappedI32>();
        // SAFETY: such a space has as many budgets as slots, committed, behind the helper words, and as long as it lives.
        Some(unsafe { &*budgets.add(position) })
    }

    fn word(&self, position: usize) -> &MappedUsize {
        assert!(position < self.slot_count + Helper::COUNT);
        // SAFETY: slots and helper words are committed and live as long as the space.
        unsafe { &*self.slots.add(position) }
    }
}

impl Drop for CodeSpace {
    fn drop(&mut self) {
        self.view.unregister(&self.exec.reservation().addresses());
        let starts: Vec<usize> = self.view.starts_below(self.cursor.load(Ordering::Acquire)).collect(); // alone: nobody publishes
        for start in starts {
            // SAFETY: a function starts there; the space is going, so that nobody runs or looks at it.
            unsafe { self.free_function(start as u32) };
        }
    }
}

impl fmt::Debug for CodeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeSpace")
            .field("addresses", &self.exec.reservation().addresses())
            .field("slot_count", &self.slot_count)
            .field("code_bytes", &self.code_bytes())
            .field("strategy", &self.exec.strategy())
            .finish_non_exhaustive()
    }
}
