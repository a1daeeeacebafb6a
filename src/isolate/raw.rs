//! Calls by bits, for a layer that has values of its own: arguments and results as they stand in registers, references as bits of the heap.
//!
//! **Contract** of everything here: bits are of the types that the function has. A reference is one of this store's heap, or an index of its
//! function table, that is alive now; it is good until the next allocation.

use std::mem::MaybeUninit;

use crate::abi::call::{CallLayout, Place};
use crate::base::sync::Arc;
use crate::isolate::marshal::{ArgReader, ResultWriter};
use crate::layout::EntryFrame;
use crate::layout::frame::INT_ARG_COUNT;
use crate::runtime::error::ResourceError;
use crate::runtime::host::{HostCode, HostContext, HostFunc};
use crate::runtime::liveness::Owned;
use crate::runtime::store::Store;
use crate::runtime::trap::{HostError, Trap};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::ValType;

/// Most integer arguments of [`Store::call_ints`].
pub(crate) const INTS_MAX: usize = INT_ARG_COUNT - 1;

impl Store {
    /// Calls a function of integers, at most [`INTS_MAX`], with at most one result, which is one too: else 0.
    ///
    /// # Errors
    ///
    /// What ended the guest.
    #[inline]
    pub(crate) fn call_ints(&mut self, reference: u32, args: [u64; INTS_MAX]) -> Result<u64, Trap> {
        let Some(entry) = self.func_table.entry_of(reference) else { return Ok(0) };
        let (slot, vmctx) = (entry.slot, entry.vmctx);
        let mut ints = [MaybeUninit::new(vmctx as u64); INT_ARG_COUNT];
        for (place, arg) in ints[1..].iter_mut().zip(args) {
            place.write(arg);
        }
        // SAFETY: slot and vmctx are those of one entry, whose type has what the contract says.
        unsafe { self.enter_guest_ints(slot, ints) }
    }

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// What ended the guest.
    pub(crate) fn call_bits(
        &mut self,
        reference: u32,
        layout: &CallLayout,
        args: &[u128],
        results: &mut [u128],
    ) -> Result<(), Trap> {
        let Some(entry) = self.func_table.entry_of(reference) else { return Ok(()) };
        let (slot, vmctx) = (entry.slot, entry.vmctx);
        let mut stack: smallvec::SmallVec<[u128; 4]> = smallvec::smallvec![0; layout.stack_arg_bytes as usize / 16];
        // SAFETY: all-zero is a frame.
        let mut frame: EntryFrame = unsafe { std::mem::zeroed() };
        frame.int_args[0] = vmctx as u64;
        if layout.area_bytes > 0 {
            debug_assert!(results.len() * 16 >= layout.area_bytes as usize);
            frame.int_args[1] = results.as_mut_ptr() as u64;
        }
        for (&place, &bits) in layout.params.iter().zip(args) {
            match place {
                Place::Int(register) => frame.int_args[usize::from(register)] = bits as u64,
                Place::Float(register) => frame.float_args[usize::from(register)] = bits,
                // No vector is among them: a word of 8 bytes.
                Place::Stack(offset) => {
                    let shift = 8 * (offset % 16);
                    let word = &mut stack[offset as usize / 16];
                    *word = *word & !(u128::from(u64::MAX) << shift) | u128::from(bits as u64) << shift;
                }
                Place::Area(_) => {}
            }
        }
        frame.stack_args = stack.as_ptr().cast();
        frame.stack_arg_bytes = layout.stack_arg_bytes as usize;
        // SAFETY: the frame follows the layout of the function's type.
        unsafe { self.enter_guest(slot, &raw mut frame) }?;
        for (&place, result) in layout.results.iter().zip(results) {
            match place {
                Place::Int(register) => *result = u128::from(frame.int_results[usize::from(register)]),
                Place::Float(register) => *result = frame.float_results[usize::from(register)],
                Place::Area(_) | Place::Stack(_) => {}
            }
        }
        Ok(())
    }

    /// A function of the host over bits, for which a boxed value of the heap is kept. Gives its reference.
    ///
    /// # Errors
    ///
    /// There is no room for another function, or the type is none of functions.
    pub(crate) fn new_raw_func(
        &mut self,
        ty: &TypeHandle,
        captured: u64,
        closure: impl Fn(&mut Store, u64, &[u128], &mut [u128]) -> Result<(), HostError> + Send + Sync + 'static,
    ) -> Result<u32, ResourceError> {
        let func = ty.as_func().ok_or_else(|| ResourceError("a type of functions is expected".into()))?.clone();
        let data = Arc::new(Raw { ty: ty.clone(), layout: CallLayout::new(&func), closure: Box::new(closure) });
        // SAFETY: the code takes a `Raw` and follows its type.
        let func = unsafe { HostFunc::new::<Raw>(func, data) }.of_type(ty.clone());
        let reference = self.host_func_ref(&func)?;
        if let Some(Owned::Host(index)) = self.func_table.owner(reference) {
            self.host_contexts[index as usize].captured = captured;
        }
        Ok(reference)
    }
}

/// A closure over the store, the captured value, arguments and results.
type RawClosure = dyn Fn(&mut Store, u64, &[u128], &mut [u128]) -> Result<(), HostError> + Send + Sync;

struct Raw {
    ty: TypeHandle,
    layout: CallLayout,
    closure: Box<RawClosure>,
}

impl HostCode for Raw {
    unsafe fn run(_: *const (), _: &mut Store, _: *mut EntryFrame) -> Result<(), HostError> {
        Err("a function over bits has a context".into())
    }

    unsafe fn run_of(context: *const HostContext, store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: the context is that of the call, and lives as long; its data was paired with this code in `new_raw_func`.
        let (raw, captured) = unsafe { (&*(*context).data.cast::<Raw>(), (*context).captured) };
        let Some(ty) = raw.ty.as_func() else { return Ok(()) };
        let uses_area = raw.layout.area_bytes > 0;
        // SAFETY: the frame is the stub's and follows the type.
        let mut reader = unsafe { ArgReader::new(frame, if uses_area { 2 } else { 1 }) };
        let read = |&ty: &ValType| reader.get(ty.is_float_or_vector(), ty == ValType::V128);
        let args: smallvec::SmallVec<[u128; 6]> = ty.params.iter().map(read).collect();
        let mut results: smallvec::SmallVec<[u128; 2]> = smallvec::smallvec![0; ty.results.len()];
        (raw.closure)(store, captured, &args, &mut results)?;
        // SAFETY: as above.
        let mut writer = unsafe { ResultWriter::new(frame, uses_area) };
        for (&bits, ty) in results.iter().zip(&ty.results) {
            writer.put(ty.is_float_or_vector(), bits);
        }
        Ok(())
    }
}
