//! Which function an address belongs to: process-wide, lock-free, and safe to ask in a signal handler.
//!
//! *Problem.* A fault handler and a stack walk have an address and nothing else; code appears and disappears meanwhile. *Idea.* Three steps,
//! each a few loads:
//!
//! 1. Address space is cut into granules of 1 MiB, each of one code space at most. A static table of 2^13 pointers leads to tables
//!    of 2^14 granules, which are made when first needed and kept for ever.
//! 2. A space has a bitmap with a bit for every 16 bytes of code, set where a function starts. Scanned backwards from the address, it
//!    gives the entry.
//! 3. In front of the entry stands a header with the address of the metadata.
//!
//! *Order.* Publication writes code, header and metadata, then sets the bit (Release), then the dispatch slot (Release): whoever came to
//! run the code sees its bit. On x86-64 the plain load of a slot by generated code is an Acquire; another architecture needs
//! a barrier in the reader.
//!
//! *Why a reader is safe without a lock.* It asks about an address that is on a stack of its own, as the interrupted instruction or as a
//! return address. Code on a stack is not freed: spaces are kept by who runs their code, and `reclaim` asks all stacks. So the space,
//! the bit, the header and the metadata of this address stay. Bits of *other* functions in the same word may change; the scan stops at
//! the bit of this one, and what lies before does not matter. Addresses of no code lead to empty granules: the tables are never
//! freed, so the question itself is safe.

use crate::base::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::any::Any;
use std::ops::Range;
use std::ptr;

use crate::abi::artifact::{CodeVariant, InlinedBody, LoopValue, SavedRegisters, Tier};
use crate::abi::osr;
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;
use crate::base::sync::Arc;
use crate::code::metadata::{FunctionMetadata, Header};
use crate::code::missing;

/// Spaces start and end at multiples of this.
pub const GRANULE_BYTES: usize = 1 << GRANULE_LOG2;
const GRANULE_LOG2: usize = 20;
const TABLE_LOG2: usize = 14;
/// User space of x86-64 has 47 bits, unless a program asks for more, which the engine does not.
const ADDRESS_LOG2: usize = 47;
const FIRST_LEN: usize = 1 << (ADDRESS_LOG2 - GRANULE_LOG2 - TABLE_LOG2);

/// Granules of 16 GiB.
struct Table {
    granules: [AtomicPtr<SpaceView>; 1 << TABLE_LOG2],
}

static FIRST: [AtomicPtr<Table>; FIRST_LEN] = [const { AtomicPtr::new(ptr::null_mut()) }; FIRST_LEN];

/// An address inside of published code.
#[derive(Clone, Copy)]
pub struct CodeSite<'a> {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// Which compiler made the code.
    pub tier: Tier,
    /// For which memories.
    pub variant: CodeVariant,
    /// Distance from the entry; the length of the code, for the return address of a call at its end.
    pub code_offset: u32,
    /// What a fault of exactly this instruction means.
    pub trap: Option<TrapCode>,
    /// Position of the call that returns to exactly this address; of the trapping instruction where there is none.
    pub wasm_offset: Option<u32>,
    /// Position of the instruction that traps at exactly this address. Differs from `wasm_offset` where a call is directly followed
    /// by a trapping instruction.
    pub trap_wasm_offset: Option<u32>,
    /// Bodies in the place of calls, which positions may be in.
    pub inlined: &'a [InlinedBody],
    /// What the space was made with.
    pub owner: &'a Arc<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for CodeSite<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CodeSite { func, tier, variant, code_offset, trap, wasm_offset, .. } = self;
        write!(f, "{func:?}+{code_offset:#x} ({tier:?}, {variant:?}, {trap:?}, wasm {wasm_offset:?})")
    }
}

/// The function that an address belongs to. The address may be that of an instruction, or a return address.
///
/// # Safety
///
/// Any address of no code space may be asked about at any time. An address of a code space must be on a stack that keeps the code
/// (see above), or the space must be kept otherwise and its code not be freed, for as long as the result is in use.
pub unsafe fn lookup<'a>(pc: usize) -> Option<CodeSite<'a>> {
    // SAFETY: by contract.
    let (view, metadata, code_offset) = unsafe { find(pc)? };
    let trap_wasm_offset = metadata.trap_position(code_offset);
    Some(CodeSite {
        func: metadata.func,
        tier: metadata.tier,
        variant: metadata.variant,
        code_offset,
        trap: metadata.trap(code_offset),
        wasm_offset: metadata.call_position(code_offset),
        trap_wasm_offset,
        inlined: &metadata.inlined,
        owner: &view.owner,
    })
}

/// Where references are in the frame that a call returns to, as bytes below the frame pointer; `None` when it has none, or the address
/// is not generated code's.
///
/// # Safety
///
/// As for [`lookup`].
pub unsafe fn references<'a>(return_address: usize) -> Option<impl Iterator<Item = u32> + 'a> {
    // SAFETY: by contract.
    let (_, metadata, code_offset) = unsafe { find(return_address)? };
    metadata.references(code_offset)
}

/// A loop that polls, in the code of its function.
#[derive(Debug, Clone, Copy)]
pub struct PollingLoop<'a> {
    /// Which function.
    pub func: DefinedFuncIndex,
    /// Byte offset of the operator `loop` in the module.
    pub wasm_offset: u32,
    /// Bytes of its state.
    pub state_bytes: u32,
    /// What is in registers.
    pub values: &'a [LoopValue],
    /// What the function has saved of its caller's.
    pub saved: SavedRegisters,
}

/// The loop whose poll returns to an address.
///
/// # Safety
///
/// As for [`lookup`].
pub unsafe fn polling_loop<'a>(return_address: usize) -> Option<PollingLoop<'a>> {
    // SAFETY: by contract.
    let (_, metadata, code_offset) = unsafe { find(return_address)? };
    let site = metadata.loop_site(code_offset)?;
    Some(PollingLoop {
        func: metadata.func,
        wasm_offset: metadata.call_position(code_offset)?,
        state_bytes: site.state_bytes,
        values: osr::values(&site, &metadata.loop_values),
        saved: metadata.saved,
    })
}

/// Where an exception is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// Address of the handler.
    pub pc: usize,
    /// From the stack pointer that it wants up to the frame pointer.
    pub frame_bytes: u32,
}

/// What an exception does to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwinding {
    /// It is caught there.
    Caught(Handler),
    /// It leaves the frame, and with it go these registers.
    Left(SavedRegisters),
}

/// What an exception does that comes out of the call that returns to this address.
///
/// # Safety
///
/// As for [`lookup`].
pub unsafe fn unwinding(return_address: usize) -> Option<Unwinding> {
    // SAFETY: by contract.
    let (_, metadata, code_offset) = unsafe { find(return_address)? };
    let Some(site) = metadata.handler(code_offset) else { return Some(Unwinding::Left(metadata.saved)) };
    let pc = return_address - code_offset as usize + site.handler_offset as usize;
    Some(Unwinding::Caught(Handler { pc, frame_bytes: site.frame_bytes }))
}

/// What a hardware fault of the instruction at this address means, if it is generated code's and expected there. Knows the
/// stub of functions without code too.
///
/// # Safety
///
/// As for [`lookup`]; the interrupted instruction of the current thread is always such an address.
pub unsafe fn trap_at(pc: usize) -> Option<TrapCode> {
    if missing::addresses().contains(&pc) {
        return Some(TrapCode::MissingCode);
    }
    // SAFETY: by contract.
    let (_, metadata, code_offset) = unsafe { find(pc)? };
    metadata.trap(code_offset)
}

/// # Safety
///
/// As for [`lookup`].
unsafe fn find<'a>(pc: usize) -> Option<(&'a SpaceView, &'a FunctionMetadata, u32)> {
    let table = FIRST.get(pc >> (GRANULE_LOG2 + TABLE_LOG2))?.load(Ordering::Acquire); // partner: `table_of`
    if table.is_null() {
        return None;
    }
    // SAFETY: tables are never freed.
    let granules = unsafe { &(*table).granules };
    let view = granules[(pc >> GRANULE_LOG2) % granules.len()].load(Ordering::Acquire); // partner: `SpaceView::register`
    if view.is_null() {
        return None;
    }
    // SAFETY: the address is in the space, which by contract stays while the result is in use.
    let view = unsafe { &*view };
    let offset = pc.checked_sub(view.exec.start)?;
    let entry_offset = view.start_at_or_before(offset)?;
    // SAFETY: a bit was set for this entry; if the address is this function's, it stays by contract. If it is behind a function's end
    // it is no code at all, and on no stack: the contract asks that nothing be freed then.
    let metadata = unsafe { view.metadata(entry_offset) };
    let code_offset = u32::try_from(offset - entry_offset).ok()?;
    (code_offset <= metadata.code_bytes).then_some((view, metadata, code_offset))
}

/// What readers need of a space. Its address does not change while the space lives.
pub(in crate::code) struct SpaceView {
    /// Where code runs.
    exec: Range<usize>,
    /// One bit for each [`SpaceView::UNIT`] bytes of it.
    starts: *const AtomicU64,
    /// What the space was made with.
    owner: Arc<dyn Any + Send + Sync>,
}

// SAFETY: `starts` leads to atomics, which live as long as the space.
unsafe impl Send for SpaceView {}
// SAFETY: as above.
unsafe impl Sync for SpaceView {}

impl SpaceView {
    /// Entries are aligned to this.
    pub const UNIT: usize = 16;

    /// Bytes of bitmap for so many bytes of code.
    pub const fn bitmap_bytes(exec_bytes: usize) -> usize {
        exec_bytes.div_ceil(Self::UNIT * 64) * 8
    }

    /// # Safety
    ///
    /// `starts` leads to [`SpaceView::bitmap_bytes`] of zeros that live as long as the view and are used by nothing else.
    pub unsafe fn new(exec: Range<usize>, starts: *const AtomicU64, owner: Arc<dyn Any + Send + Sync>) -> Self {
        SpaceView { exec, starts, owner }
    }

    /// Where code runs.
    pub fn exec(&self) -> &Range<usize> {
        &self.exec
    }

    /// Lets addresses of a reservation lead here.
    ///
    /// # Safety
    ///
    /// The reservation starts and ends at granules and is registered by nobody else; the view is not moved or dropped before
    /// it was unregistered.
    pub unsafe fn register(&self, addresses: &Range<usize>) {
        for granule in granules(addresses) {
            let old = granule.swap(ptr::from_ref(self).cast_mut(), Ordering::AcqRel); // partner: `find`
            assert!(old.is_null(), "a granule belongs to one space");
        }
    }

    /// Undoes [`register`](Self::register).
    pub fn unregister(&self, addresses: &Range<usize>) {
        for granule in granules(addresses) {
            let old = granule.swap(ptr::null_mut(), Ordering::AcqRel); // partner: `find`
            assert!(ptr::eq(old, self), "a space gives back its own granules");
        }
    }

    /// Says that a function starts at an offset. Everything about it was written before.
    pub fn set_start(&self, entry_offset: usize) {
        let (word, mask) = self.word(entry_offset);
        let old = word.fetch_or(mask, Ordering::Release); // partner: `start_at_or_before`
        assert!(old & mask == 0, "one function starts at an offset");
    }

    /// Says that no function starts at an offset any more.
    pub fn clear_start(&self, entry_offset: usize) {
        let (word, mask) = self.word(entry_offset);
        let old = word.fetch_and(!mask, Ordering::Release); // partner: `start_at_or_before`
        assert!(old & mask != 0, "a function starts there");
    }

    /// The last start that is not behind an offset.
    pub fn start_at_or_before(&self, offset: usize) -> Option<usize> {
        if offset >= self.exec.len() {
            return None;
        }
        let unit = offset / Self::UNIT;
        let mut position = unit / 64;
        let mut bits = self.load(position) & (u64::MAX >> (63 - unit % 64));
        while bits == 0 {
            position = position.checked_sub(1)?;
            bits = self.load(position);
        }
        Some((position * 64 + 63 - bits.leading_zeros() as usize) * Self::UNIT)
    }

    /// All starts below an offset (and a few behind it, if there are), in order.
    pub fn starts_below(&self, offset: usize) -> impl Iterator<Item = usize> {
        (0..offset.min(self.exec.len()).div_ceil(Self::UNIT * 64)).flat_map(move |position| {
            let bits = self.load(position);
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| (position * 64 + bit) * Self::UNIT)
        })
    }

    /// The metadata of the function that starts at an offset.
    ///
    /// # Safety
    ///
    /// A function starts there, and is not freed while the result is in use.
    pub unsafe fn metadata(&self, entry_offset: usize) -> &FunctionMetadata {
        // SAFETY: by contract; the metadata lives as long as the function and never changes.
        unsafe { &*self.metadata_pointer(entry_offset) }
    }

    /// Where the metadata of the function that starts at an offset is: the box that its publication leaked.
    ///
    /// # Safety
    ///
    /// A function starts there, and is not freed meanwhile.
    pub unsafe fn metadata_pointer(&self, entry_offset: usize) -> *mut FunctionMetadata {
        // SAFETY: by contract.
        unsafe { Header::metadata_of(self.exec.start + entry_offset, entry_offset) }
    }

    fn word(&self, entry_offset: usize) -> (&AtomicU64, u64) {
        assert!(entry_offset < self.exec.len() && entry_offset.is_multiple_of(Self::UNIT));
        let unit = entry_offset / Self::UNIT;
        // SAFETY: the bitmap has a bit for every unit of the executable part.
        (unsafe { &*self.starts.add(unit / 64) }, 1 << (unit % 64))
    }

    fn load(&self, position: usize) -> u64 {
        debug_assert!(position * 64 * Self::UNIT < self.exec.len());
        // SAFETY: the bitmap has a bit for every unit of the executable part.
        unsafe { &*self.starts.add(position) }.load(Ordering::Acquire) // partners: `set_start`, `clear_start`
    }
}

/// The table entries of a reservation, made where they are not there yet.
fn granules(addresses: &Range<usize>) -> impl Iterator<Item = &'static AtomicPtr<SpaceView>> {
    assert!(addresses.start.is_multiple_of(GRANULE_BYTES) && addresses.end.is_multiple_of(GRANULE_BYTES));
    assert!(addresses.end >> ADDRESS_LOG2 == 0, "user space has {ADDRESS_LOG2} bits");
    (addresses.start >> GRANULE_LOG2..addresses.end >> GRANULE_LOG2)
        .map(|granule| &table_of(granule >> TABLE_LOG2).granules[granule % (1 << TABLE_LOG2)])
}

fn table_of(first: usize) -> &'static Table {
    let place = &FIRST[first];
    let mut table = place.load(Ordering::Acquire); // partner: the exchange below
    if table.is_null() {
        // SAFETY: a table of null pointers is all zeros.
        let new = Box::into_raw(unsafe { Box::<Table>::new_zeroed().assume_init() });
        // AcqRel: partners are the loads here and in `find`.
        table = match place.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => new,
            Err(other) => {
                // SAFETY: the exchange failed, so nobody has seen the new table.
                drop(unsafe { Box::from_raw(new) });
                other
            }
        };
    }
    // SAFETY: tables in the static are never freed.
    unsafe { &*table }
}
