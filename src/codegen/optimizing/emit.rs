//! From Cranelift's result to an [`Artifact`].
//!
//! Positions are kept for trap sites and return addresses only. An instruction that may trap can stand right behind a call;
//! then two entries have its offset, the call's first: a return address is looked up as the first entry at its offset, a
//! faulting instruction as the last.

use cranelift_codegen::binemit::Reloc as RelocKind;
use cranelift_codegen::ir::{ExternalName, Function, LibCall, SourceLoc, TrapCode as ClifTrap};
use cranelift_codegen::isa::unwind::UnwindInst;
use cranelift_codegen::{
    CompiledCode, FinalizedMachExceptionHandler, FinalizedMachReloc, FinalizedRelocTarget, MachSrcLoc, RegClass,
};
use smallvec::SmallVec;

use crate::abi::artifact::{
    Artifact, CodeVariant, HandlerSite, Helper, Position, Reloc, RelocTarget, SavedRegisters, StackMap, Tier, TrapSite,
};
use crate::abi::trap::TrapCode;
use crate::base::DefinedFuncIndex;
use crate::codegen::compiler::UnitError;
use crate::codegen::optimizing::bug;
use crate::codegen::optimizing::exception::ReturningCall;
use crate::codegen::optimizing::func::{Result, defined_func};
use crate::codegen::optimizing::{placement, sunk};
use crate::layout::frame::SAVED_COUNT;

/// Packs what Cranelift made.
///
/// # Errors
///
/// A relocation or a trap of a kind that translation never asks for: a defect.
pub(super) fn artifact(
    compiled: &CompiledCode,
    func: &Function,
    index: DefinedFuncIndex,
    variant: CodeVariant,
    body_offset: usize,
    preferred_alignment: u32,
    returning_calls: &[ReturningCall],
) -> Result<Artifact> {
    let relocs = compiled.buffer.relocs().iter().map(|found| reloc(found, func)).collect::<Result<_>>()?;
    let mut traps = Vec::with_capacity(compiled.buffer.traps().len());
    for found in compiled.buffer.traps() {
        traps.push(TrapSite { code_offset: found.offset, trap: trap(found.code)? });
    }
    traps.sort_by_key(|site| site.code_offset);
    let place = placement::place(compiled);
    let alignment = if place.is_some() { compiled.buffer.alignment } else { compiled.buffer.alignment.max(preferred_alignment) };
    Ok(Artifact {
        code: compiled.code_buffer().into(),
        alignment,
        place,
        relocs,
        positions: positions(compiled, func, &traps, body_offset),
        traps: traps.into(),
        stack_maps: stack_maps(compiled),
        handlers: handlers(compiled, returning_calls)?,
        saved: saved(compiled)?,
        frame_bytes: compiled.buffer.frame_layout().map_or(0, |layout| layout.frame_to_fp_offset),
        ..Artifact::new(index, Tier::Optimized, variant, Box::default())
    })
}

/// Every entry is a reference: nothing else is declared to need a map.
fn stack_maps(compiled: &CompiledCode) -> Box<[StackMap]> {
    let maps = compiled.buffer.user_stack_maps().iter().map(|(code_offset, frame_bytes, map)| StackMap {
        code_offset: *code_offset,
        frame_bytes: *frame_bytes,
        slots: map.entries().map(|(_, offset)| offset).collect(),
        deep: 0,
    });
    maps.filter(|map| !map.slots.is_empty()).collect()
}

/// Translation gives a call one handler at most, for everything.
fn handlers(compiled: &CompiledCode, returning_calls: &[ReturningCall]) -> Result<Box<[HandlerSite]>> {
    let mut sites = Vec::new();
    for site in compiled.buffer.call_sites() {
        let code_offset = site.ret_addr;
        match (site.exception_handlers, site.frame_offset) {
            (&[], _) => sites.extend(returning_site(compiled, returning_calls, code_offset)),
            (&[FinalizedMachExceptionHandler::Default(handler_offset)], Some(frame_bytes)) => {
                sites.push(HandlerSite { code_offset, handler_offset, frame_bytes });
            }
            other => return Err(bug(format!("unexpected exception handlers {other:?}"), None)),
        }
    }
    Ok(sites.into())
}

/// The site of a call that returns with its exception, if this is one. A builtin that the same operator calls throws nothing, and may
/// have a site too.
fn returning_site(compiled: &CompiledCode, calls: &[ReturningCall], code_offset: u32) -> Option<HandlerSite> {
    if calls.is_empty() {
        return None;
    }
    let location = location(compiled.buffer.get_srclocs_sorted(), code_offset.saturating_sub(1))?;
    let found = calls.binary_search_by_key(&location.bits(), |call| call.location.bits()).ok()?;
    let frame_bytes = compiled.buffer.frame_layout()?.frame_to_fp_offset - calls[found].stack_arg_bytes;
    Some(HandlerSite { code_offset, handler_offset: code_offset, frame_bytes })
}

/// The registers that the prologue saves, which must lie where [`SavedRegisters`] says.
fn saved(compiled: &CompiledCode) -> Result<SavedRegisters> {
    let mut saved = SavedRegisters::default();
    let mut area_bytes = 0;
    let mut places: SmallVec<[(usize, u32); SAVED_COUNT]> = SmallVec::new();
    for (_, unwind) in &compiled.buffer.unwind_info {
        match *unwind {
            UnwindInst::DefineNewFrame { offset_downward_to_clobbers, .. } => area_bytes = offset_downward_to_clobbers,
            UnwindInst::SaveReg { clobber_offset, reg } => {
                let position = SavedRegisters::position(reg.hw_enc()).filter(|_| reg.class() == RegClass::Int);
                let position = position.ok_or_else(|| bug(format!("unexpected saved register {reg:?}"), None))?;
                saved.insert(position);
                places.push((position, area_bytes.wrapping_sub(clobber_offset)));
            }
            _ => {}
        }
    }
    if saved.places().eq(places.iter().copied()) { Ok(saved) } else { Err(bug(format!("unexpected frame {places:?}"), None)) }
}

fn reloc(found: &FinalizedMachReloc, func: &Function) -> Result<Reloc> {
    // The only relocation of far calls: the displacement of a load, relative to its own end.
    if found.kind != RelocKind::X86GOTPCRel4 || found.addend != -4 {
        return Err(bug(format!("unexpected relocation {found:?}"), None));
    }
    let target = match &found.target {
        FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
            RelocTarget::Slot(defined_func(&func.params.user_named_funcs()[*name]))
        }
        FinalizedRelocTarget::ExternalName(ExternalName::LibCall(call)) => RelocTarget::Helper(helper(*call)?),
        target => return Err(bug(format!("unexpected relocation target {target:?}"), None)),
    };
    Ok(Reloc { code_offset: found.offset, target })
}

fn helper(call: LibCall) -> Result<Helper> {
    Ok(match call {
        LibCall::CeilF32 => Helper::CeilF32,
        LibCall::CeilF64 => Helper::CeilF64,
        LibCall::FloorF32 => Helper::FloorF32,
        LibCall::FloorF64 => Helper::FloorF64,
        LibCall::TruncF32 => Helper::TruncF32,
        LibCall::TruncF64 => Helper::TruncF64,
        LibCall::NearestF32 => Helper::NearestF32,
        LibCall::NearestF64 => Helper::NearestF64,
        LibCall::FmaF32 => Helper::FmaF32,
        LibCall::FmaF64 => Helper::FmaF64,
        LibCall::X86Pshufb => Helper::X86Pshufb,
        call => return Err(bug(format!("unexpected helper {call:?}"), None)),
    })
}

fn trap(code: ClifTrap) -> Result<TrapCode> {
    Ok(match code {
        ClifTrap::STACK_OVERFLOW => TrapCode::StackOverflow,
        ClifTrap::HEAP_OUT_OF_BOUNDS => TrapCode::MemoryOutOfBounds,
        ClifTrap::INTEGER_OVERFLOW => TrapCode::IntegerOverflow,
        ClifTrap::INTEGER_DIVISION_BY_ZERO => TrapCode::IntegerDivideByZero,
        ClifTrap::BAD_CONVERSION_TO_INTEGER => TrapCode::InvalidConversion,
        code => {
            TrapCode::from_u8(code.as_raw().get()).ok_or_else(|| -> UnitError { bug(format!("unknown trap {code}"), None) })?
        }
    })
}

/// Merges trap sites and return addresses with the wasm offsets of the code that they stand in.
fn positions(compiled: &CompiledCode, func: &Function, traps: &[TrapSite], body_offset: usize) -> Box<[Position]> {
    let body_offset = u32::try_from(body_offset).unwrap_or(u32::MAX);
    let ranges = compiled.buffer.get_srclocs_sorted();
    let find = |code_offset, inside| Position { code_offset, wasm_offset: wasm_offset(ranges, inside).unwrap_or(body_offset) };
    let end = compiled.buffer.total_size();
    // The byte before a return address belongs to the call. Nothing returns to the end: what stands before is a tail call.
    let calls = compiled.buffer.call_sites().map(|site| site.ret_addr).filter(|&offset| offset < end);
    let calls = calls.map(|offset| find(offset, offset.saturating_sub(1)));
    let mut positions = Vec::with_capacity(compiled.buffer.call_sites().count() + traps.len());
    positions.extend(calls);
    let first_trap = positions.len();
    positions.extend(traps.iter().map(|site| find(site.code_offset, site.code_offset)));
    let accesses = positions[first_trap..].iter_mut().zip(traps).filter(|(_, site)| is_access(site.trap));
    sunk::find_loads(func, accesses.map(|(position, _)| position));
    // Stable: a call stays before a trap at its return address.
    positions.sort_by_key(|position| position.code_offset);
    positions.into()
}

/// Whether an instruction that traps so may be any that reads memory.
fn is_access(trap: TrapCode) -> bool {
    matches!(
        trap,
        TrapCode::MemoryOutOfBounds
            | TrapCode::NullReference
            | TrapCode::NullStructReference
            | TrapCode::NullArrayReference
            | TrapCode::NullFunctionReference
            | TrapCode::UninitializedElement
    )
}

/// The wasm offset of the instruction at a code offset; the prologue has none.
fn wasm_offset(ranges: &[MachSrcLoc<cranelift_codegen::Final>], code_offset: u32) -> Option<u32> {
    location(ranges, code_offset).map(SourceLoc::bits)
}

fn location(ranges: &[MachSrcLoc<cranelift_codegen::Final>], code_offset: u32) -> Option<SourceLoc> {
    let next = ranges.partition_point(|range| range.start <= code_offset);
    let range = ranges.get(next.checked_sub(1)?)?;
    (code_offset < range.end && !range.loc.is_default()).then_some(range.loc)
}
