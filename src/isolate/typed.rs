//! Calls from Rust into guests.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use crate::abi::call::Place;
use crate::base::CanonicalTypeId;
use crate::base::sync::atomic::AtomicUsize;
use crate::isolate::marshal::{
    ArgWriter, FrameWriter, Overflow, ResultFrame, ResultReader, WasmParams, WasmResults, ints_only, uses_area,
};
use crate::isolate::scope::AsScope;
use crate::layout::EntryFrame;
use crate::layout::frame::INT_ARG_COUNT;
use crate::runtime::call_shapes::CallShape;
use crate::runtime::error::CallError;
use crate::runtime::store::Store;
use crate::runtime::trap::Trap;
use crate::runtime::value::{Func, Val};
use crate::wasm::types::{FuncType, ValType};

/// A function whose type was checked: calls go without checks.
#[derive(Debug)]
pub struct TypedFunc<P, R> {
    func: Func,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Clone for TypedFunc<P, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, R> Copy for TypedFunc<P, R> {}

impl<P: WasmParams, R: WasmResults> TypedFunc<P, R> {
    /// The function without its types.
    pub fn func(&self) -> Func {
        self.func
    }

    /// Calls it.
    ///
    /// # Errors
    ///
    /// [`CallError::Trap`] when the guest traps, a host function fails, or fuel or time run out; [`CallError::Foreign`] when the function
    /// or an argument belongs to another isolate.
    #[inline]
    pub fn call(&self, mut scope: impl AsScope, params: P) -> Result<R, CallError> {
        let store = scope.store_mut();
        let Some(entry) = store.func_entry(self.func) else { return Err(CallError::Foreign) };
        let (slot, vmctx) = (entry.slot, entry.vmctx);
        let mut frame = MaybeUninit::<EntryFrame>::uninit();
        let mut overflow = MaybeUninit::<Overflow>::uninit();
        let (frame, overflow) = (frame.as_mut_ptr(), overflow.as_mut_ptr());
        // SAFETY: everything that the entry stub reads for this signature is written before, and results are read only after a return without
        // trap.
        unsafe {
            let Some(writer) = write_args::<P, R>(params, store, vmctx, frame, overflow) else { return Err(CallError::Foreign) };
            if const { ints_only(P::TYPES, R::TYPES) } {
                let args = (&raw const (*frame).int_args).cast::<[MaybeUninit<u64>; INT_ARG_COUNT]>().read();
                (&raw mut (*frame).int_results[0]).write(store.enter_guest_ints(slot, args)?);
            } else {
                writer.finish();
                store.enter_guest(slot, frame)?;
            }
            Ok(read_results(store, frame, overflow))
        }
    }
}

/// The return area of a call with these results, or null.
#[inline(always)]
fn area_of<R: WasmResults>(overflow: *mut Overflow) -> *mut u128 {
    // SAFETY: a field's address, which nobody reads here.
    if const { uses_area(R::TYPES) } { unsafe { (&raw mut (*overflow).area).cast::<u128>() } } else { std::ptr::null_mut() }
}

/// Writes the arguments of a call. What is left is to [finish](ArgWriter::finish). Nothing if one of them is foreign.
///
/// # Safety
///
/// Both pointers are valid for writing. `overflow` has a slot of 16 bytes for every parameter and result of a tuple.
#[inline(always)]
pub(super) unsafe fn write_args<P: WasmParams, R: WasmResults>(
    params: P,
    store: &Store,
    vmctx: *mut u8,
    frame: *mut EntryFrame,
    overflow: *mut Overflow,
) -> Option<ArgWriter> {
    // SAFETY: by contract.
    unsafe {
        let area = area_of::<R>(overflow);
        (&raw mut (*frame).int_args[0]).write(vmctx as u64);
        let first = if area.is_null() {
            1
        } else {
            (&raw mut (*frame).int_args[1]).write(area as u64);
            2
        };
        let mut writer = ArgWriter::new(frame, overflow.cast::<u8>(), first);
        params.write(&mut FrameWriter { writer: &mut writer, store }).then_some(writer)
    }
}

/// Reads the results of a call.
///
/// # Safety
///
/// The frame is one of [`write_args`] with the same results, and the function has returned.
#[inline(always)]
pub(super) unsafe fn read_results<R: WasmResults>(store: &mut Store, frame: *mut EntryFrame, overflow: *mut Overflow) -> R {
    // SAFETY: by contract.
    let mut reader = unsafe { ResultReader::new(frame, area_of::<R>(overflow)) };
    R::read(&mut ResultFrame { reader: &mut reader, store })
}

impl Func {
    /// The function's type; `None` for a function of another isolate. The types that it refers to are the engine's, and are known
    /// as long as some module or isolate has them.
    pub fn ty(&self, scope: &impl AsScope) -> Option<FuncType> {
        scope.store().func_type(*self).and_then(|ty| ty.as_func().cloned())
    }

    /// The function with its types. A result may be of a more special type than the Rust type says, and a parameter of a more
    /// general one.
    ///
    /// # Errors
    ///
    /// [`CallError::Signature`] names both types; [`CallError::Foreign`].
    pub fn typed<P: WasmParams, R: WasmResults>(&self, scope: &impl AsScope) -> Result<TypedFunc<P, R>, CallError> {
        let store = scope.store();
        let handle = store.func_type(*self).ok_or(CallError::Foreign)?;
        let ty = handle.as_func().ok_or(CallError::Foreign)?;
        if *ty.params == *P::TYPES && *ty.results == *R::TYPES {
            return Ok(TypedFunc { func: *self, types: PhantomData });
        }
        let found = FuncType::new(P::TYPES.iter().copied(), R::TYPES.iter().copied());
        if store.engine().types().func_matches(ty, &found) {
            return Ok(TypedFunc { func: *self, types: PhantomData });
        }
        Err(CallError::Signature { wanted: ty.to_string(), found: found.to_string() })
    }

    /// Calls it with values of any types.
    ///
    /// # Errors
    ///
    /// As for [`TypedFunc::call`], and [`CallError::Signature`] when the arguments do not fit.
    pub fn call(&self, mut scope: impl AsScope, args: &[Val]) -> Result<Vec<Val>, CallError> {
        let store = scope.store_mut();
        let (callee, shape) = shape_of(store, *self, args)?;
        let (results, shape) = if shape.is_ints_only {
            (call_ints(store, &shape, callee, args), shape)
        } else {
            let mut call = UntypedCall::with_shape(store, shape, callee, args);
            // SAFETY: the frame follows the layout of the function's type.
            let entered = unsafe { store.enter_guest(call.slot, &raw mut call.frame) };
            (entered.map(|()| call.results(store)), call.shape)
        };
        store.call_shapes.put(shape);
        Ok(results?)
    }
}

/// Slot and vmctx of a function.
type Callee = (*const AtomicUsize, *mut u8);

/// What a call of a function with some arguments, which fit, needs to know.
fn shape_of(store: &mut Store, func: Func, args: &[Val]) -> Result<(Callee, Box<CallShape>), CallError> {
    let entry = store.func_entry(func).ok_or(CallError::Foreign)?;
    let (callee, ty) = ((entry.slot, entry.vmctx), CanonicalTypeId::from_u32(entry.type_id));
    let known = store.call_shapes.take(ty);
    let shape = known.or_else(|| store.func_type(func).and_then(CallShape::new)).ok_or(CallError::Foreign)?;
    check_args(store, shape.ty.as_func().ok_or(CallError::Foreign)?, args)?;
    Ok((callee, shape))
}

/// Calls a function whose shape says that it has integers only.
fn call_ints(store: &mut Store, shape: &CallShape, (slot, vmctx): Callee, args: &[Val]) -> Result<Vec<Val>, Trap> {
    let mut ints = [MaybeUninit::new(0); INT_ARG_COUNT];
    ints[0].write(vmctx as u64);
    for (place, arg) in ints[1..].iter_mut().zip(args) {
        place.write(arg.to_bits(store) as u64);
    }
    // SAFETY: slot and vmctx are those of a function whose type has no floats, no arguments in memory and at most one result; its
    // arguments take the registers behind the vmctx, in their order.
    let bits = unsafe { store.enter_guest_ints(slot, ints) }?;
    Ok(match shape.ty.as_func().map_or(&[][..], |ty| &ty.results) {
        [] => Vec::new(),
        // Made where it goes to: copying a value that was just written in two parts waits for both to arrive in memory.
        [ValType::I32, ..] => vec![Val::I32(bits as i32)],
        [ValType::I64, ..] => vec![Val::I64(bits as i64)],
        // One, by contract.
        [ty, ..] => vec![Val::from_bits(*ty, u128::from(bits), store)],
    })
}

/// A call with values of any types.
pub(super) struct UntypedCall {
    pub(super) slot: *const AtomicUsize,
    /// May be moved until it is entered: what it points to is in the vectors.
    pub(super) frame: EntryFrame,
    shape: Box<CallShape>,
    area: Vec<u128>,
    /// Read by way of the frame.
    _stack: Vec<u128>,
}

impl UntypedCall {
    /// The arguments, which must fit, in the places where the function's type wants them.
    pub(super) fn new(store: &mut Store, func: Func, args: &[Val]) -> Result<Self, CallError> {
        let (callee, shape) = shape_of(store, func, args)?;
        Ok(Self::with_shape(store, shape, callee, args))
    }

    fn with_shape(store: &Store, shape: Box<CallShape>, (slot, vmctx): Callee, args: &[Val]) -> Self {
        let layout = &shape.layout;
        // SAFETY: all-zero is a frame.
        let mut frame: EntryFrame = unsafe { std::mem::zeroed() };
        let mut stack = vec![0u128; layout.stack_arg_bytes as usize / 16];
        let mut area = vec![0u128; layout.area_bytes as usize / 16];
        frame.int_args[0] = vmctx as u64;
        if !area.is_empty() {
            frame.int_args[1] = area.as_mut_ptr() as u64;
        }
        for (place, arg) in layout.params.iter().zip(args) {
            let bits = arg.to_bits(store);
            match *place {
                Place::Int(register) => frame.int_args[usize::from(register)] = bits as u64,
                Place::Float(register) => frame.float_args[usize::from(register)] = bits,
                Place::Stack(offset) => {
                    let slot = stack.as_mut_ptr().cast::<u8>().wrapping_add(offset as usize);
                    // SAFETY: the layout's offsets lie within its stack argument bytes; 8 bytes for all but vectors.
                    unsafe {
                        if arg.ty() == ValType::V128 {
                            slot.cast::<u128>().write(bits)
                        } else {
                            slot.cast::<u64>().write(bits as u64)
                        }
                    }
                }
                Place::Area(_) => {}
            }
        }
        frame.stack_args = stack.as_ptr().cast();
        frame.stack_arg_bytes = layout.stack_arg_bytes as usize;
        UntypedCall { slot, frame, shape, area, _stack: stack }
    }

    /// The results, when the function has returned.
    pub(super) fn results(&self, store: &mut Store) -> Vec<Val> {
        let types = self.shape.ty.as_func().map_or(&[][..], |ty| &ty.results);
        let results = self.shape.layout.results.iter().zip(types).map(|(place, &ty)| {
            let bits = match *place {
                Place::Int(register) => u128::from(self.frame.int_results[usize::from(register)]),
                Place::Float(register) => self.frame.float_results[usize::from(register)],
                Place::Area(offset) | Place::Stack(offset) => self.area[offset as usize / 16],
            };
            Val::from_bits(ty, bits, store)
        });
        results.collect()
    }
}

fn check_args(store: &Store, ty: &FuncType, args: &[Val]) -> Result<(), CallError> {
    // The usual case, which needs no look at the store.
    if args.len() == ty.params.len() && args.iter().zip(&ty.params).all(|(arg, &param)| arg.is_number_of(param)) {
        return Ok(());
    }
    // First: nothing can be said of a handle of another isolate.
    if args.iter().any(|arg| arg.is_foreign(store)) {
        return Err(CallError::Foreign);
    }
    let fits = args.len() == ty.params.len() && args.iter().zip(&ty.params).all(|(arg, &param)| store.is_instance(arg, param));
    if !fits {
        let found = args.iter().map(|arg| arg.ty().to_string()).collect::<Vec<_>>().join(" ");
        return Err(CallError::Signature { wanted: ty.to_string(), found: format!("({found})") });
    }
    Ok(())
}
