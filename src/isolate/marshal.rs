//! Rust types as wasm types, and their places in an entry frame.
//!
//! The places are those of [`CallLayout`](crate::abi::call::CallLayout); here they follow from the types alone, so that after inlining
//! a typed call is a few stores.

use crate::abi::call::needs_return_area;
use crate::heap::HeapRef;
use crate::layout::EntryFrame;
use crate::layout::frame::{FLOAT_ARG_COUNT, INT_ARG_COUNT};
use crate::runtime::store::Store;
use crate::runtime::value::{ExternRef, Func};
use crate::wasm::types::ValType;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that stands for a wasm type.
pub trait WasmType: sealed::Sealed + Copy + Send + 'static {
    /// The wasm type.
    const TYPE: ValType;
    /// Whether it travels in an xmm register.
    #[doc(hidden)]
    const IS_FLOAT: bool;
    /// Its bits; `None` when it belongs to another isolate.
    #[doc(hidden)]
    fn to_bits(self, store: &Store) -> Option<u128>;
    /// The value of bits.
    #[doc(hidden)]
    fn from_bits(bits: u128, store: &mut Store) -> Self;
}

macro_rules! scalar {
    ($($ty:ty = $wasm:ident, $float:literal, |$value:ident| $to:expr, |$bits:ident| $from:expr;)*) => {
        $(
            impl sealed::Sealed for $ty {}
            impl WasmType for $ty {
                const TYPE: ValType = ValType::$wasm;
                const IS_FLOAT: bool = $float;
                #[inline(always)]
                fn to_bits(self, _store: &Store) -> Option<u128> { let $value = self; Some($to) }
                #[inline(always)]
                fn from_bits($bits: u128, _store: &mut Store) -> Self { $from }
            }
        )*
    };
}

scalar! {
    i32 = I32, false, |v| u128::from(v as u32), |b| b as i32;
    u32 = I32, false, |v| u128::from(v), |b| b as u32;
    i64 = I64, false, |v| u128::from(v as u64), |b| b as i64;
    u64 = I64, false, |v| u128::from(v), |b| b as u64;
    f32 = F32, true, |v| u128::from(v.to_bits()), |b| f32::from_bits(b as u32);
    f64 = F64, true, |v| u128::from(v.to_bits()), |b| f64::from_bits(b as u64);
    u128 = V128, true, |v| v, |b| b;
}

impl sealed::Sealed for Option<Func> {}
impl WasmType for Option<Func> {
    const TYPE: ValType = ValType::FUNCREF;
    const IS_FLOAT: bool = false;
    #[inline]
    fn to_bits(self, store: &Store) -> Option<u128> {
        match self {
            None => Some(0),
            Some(func) => store.func_entry(func).map(|_| u128::from(func.key.index)),
        }
    }
    #[inline]
    fn from_bits(bits: u128, store: &mut Store) -> Self {
        let reference = bits as u32;
        (reference != 0).then(|| store.func_handle(reference))
    }
}

impl sealed::Sealed for Option<ExternRef> {}
impl WasmType for Option<ExternRef> {
    const TYPE: ValType = ValType::EXTERNREF;
    const IS_FLOAT: bool = false;
    #[inline]
    fn to_bits(self, store: &Store) -> Option<u128> {
        match self {
            None => Some(0),
            Some(value) if value.store != store.id => None,
            Some(value) => store.roots.get(value.root).map(|reference| u128::from(reference.bits())),
        }
    }
    #[inline]
    fn from_bits(bits: u128, store: &mut Store) -> Self {
        let reference = HeapRef::from_bits(bits as u32);
        (!reference.is_null()).then(|| ExternRef { store: store.id, root: store.roots.add(reference) })
    }
}

/// Most values in a tuple of parameters or results.
pub const TUPLE_MAX: usize = 16;

/// Stack arguments and return area of one typed call.
#[repr(C, align(16))]
pub(crate) struct Overflow {
    pub(crate) stack: [u128; TUPLE_MAX],
    pub(crate) area: [u128; TUPLE_MAX],
}

/// Writes arguments into a frame, in order.
pub(crate) struct ArgWriter {
    frame: *mut EntryFrame,
    stack: *mut u8,
    ints: usize,
    floats: usize,
    stack_bytes: usize,
}

impl ArgWriter {
    /// # Safety
    ///
    /// Both pointers are valid for writing while the writer lives; `stack` has room for every stack argument.
    #[inline(always)]
    pub(crate) unsafe fn new(frame: *mut EntryFrame, stack: *mut u8, first_int: usize) -> Self {
        ArgWriter { frame, stack, ints: first_int, floats: 0, stack_bytes: 0 }
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, is_float: bool, is_vector: bool, bits: u128) {
        // SAFETY: the counters stay below the register counts, and the stack area has room by the promise of `new`.
        unsafe {
            if is_float && self.floats < FLOAT_ARG_COUNT {
                (&raw mut (*self.frame).float_args[self.floats]).write(bits);
                self.floats += 1;
            } else if !is_float && self.ints < INT_ARG_COUNT {
                (&raw mut (*self.frame).int_args[self.ints]).write(bits as u64);
                self.ints += 1;
            } else if is_vector {
                self.stack_bytes = self.stack_bytes.next_multiple_of(16);
                self.stack.add(self.stack_bytes).cast::<u128>().write(bits);
                self.stack_bytes += 16;
            } else {
                self.stack.add(self.stack_bytes).cast::<u64>().write(bits as u64);
                self.stack_bytes += 8;
            }
        }
    }

    /// Finishes the frame's description of its stack arguments.
    #[inline(always)]
    pub(crate) fn finish(self) {
        // SAFETY: the frame is valid by the promise of `new`.
        unsafe {
            (&raw mut (*self.frame).stack_args).write(self.stack.cast());
            (&raw mut (*self.frame).stack_arg_bytes).write(self.stack_bytes.next_multiple_of(16));
        }
    }
}

/// Reads arguments from a frame, in order.
pub(crate) struct ArgReader {
    frame: *const EntryFrame,
    ints: usize,
    floats: usize,
    stack_bytes: usize,
}

impl ArgReader {
    /// # Safety
    ///
    /// The frame is valid for reading while the reader lives, and its stack arguments are those of the types that will be read.
    #[inline(always)]
    pub(crate) unsafe fn new(frame: *const EntryFrame, first_int: usize) -> Self {
        ArgReader { frame, ints: first_int, floats: 0, stack_bytes: 0 }
    }

    #[inline(always)]
    pub(crate) fn get(&mut self, is_float: bool, is_vector: bool) -> u128 {
        // SAFETY: counters stay below the register counts; stack arguments are there by the promise of `new`.
        unsafe {
            if is_float && self.floats < FLOAT_ARG_COUNT {
                self.floats += 1;
                (&raw const (*self.frame).float_args[self.floats - 1]).read()
            } else if !is_float && self.ints < INT_ARG_COUNT {
                self.ints += 1;
                u128::from((&raw const (*self.frame).int_args[self.ints - 1]).read())
            } else {
                let stack = (*self.frame).stack_args.cast::<u8>();
                if is_vector {
                    self.stack_bytes = self.stack_bytes.next_multiple_of(16);
                    self.stack_bytes += 16;
                    stack.add(self.stack_bytes - 16).cast::<u128>().read()
                } else {
                    self.stack_bytes += 8;
                    u128::from(stack.add(self.stack_bytes - 8).cast::<u64>().read())
                }
            }
        }
    }
}

/// Writes results to a frame, or to the return area that the guest passed.
pub(crate) struct ResultWriter {
    frame: *mut EntryFrame,
    area: *mut u128,
    ints: usize,
    floats: usize,
    position: usize,
}

impl ResultWriter {
    /// # Safety
    ///
    /// The frame is valid, and its second integer argument is the return area if `uses_area`.
    #[inline(always)]
    pub(crate) unsafe fn new(frame: *mut EntryFrame, uses_area: bool) -> Self {
        // SAFETY: the frame is valid.
        let area = if uses_area { unsafe { (*frame).int_args[1] as *mut u128 } } else { std::ptr::null_mut() };
        ResultWriter { frame, area, ints: 0, floats: 0, position: 0 }
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, is_float: bool, bits: u128) {
        // SAFETY: counters are below the register counts when there is no area (`needs_return_area`); an area has a slot per result.
        unsafe {
            if !self.area.is_null() {
                self.area.add(self.position).write(bits);
                self.position += 1;
            } else if is_float {
                (&raw mut (*self.frame).float_results[self.floats]).write(bits);
                self.floats += 1;
            } else {
                (&raw mut (*self.frame).int_results[self.ints]).write(bits as u64);
                self.ints += 1;
            }
        }
    }
}

/// Reads results from a frame, or from the return area that was passed.
pub(crate) struct ResultReader {
    frame: *const EntryFrame,
    area: *const u128,
    ints: usize,
    floats: usize,
    position: usize,
}

impl ResultReader {
    /// # Safety
    ///
    /// The frame is valid, and `area` is null or holds the results.
    #[inline(always)]
    pub(crate) unsafe fn new(frame: *const EntryFrame, area: *const u128) -> Self {
        ResultReader { frame, area, ints: 0, floats: 0, position: 0 }
    }

    #[inline(always)]
    pub(crate) fn get(&mut self, is_float: bool) -> u128 {
        // SAFETY: as for `ResultWriter::put`.
        unsafe {
            if !self.area.is_null() {
                self.position += 1;
                self.area.add(self.position - 1).read()
            } else if is_float {
                self.floats += 1;
                (&raw const (*self.frame).float_results[self.floats - 1]).read()
            } else {
                self.ints += 1;
                u128::from((&raw const (*self.frame).int_results[self.ints - 1]).read())
            }
        }
    }
}

/// Parameters of a typed function: one [`WasmType`], or a tuple of up to 16.
pub trait WasmParams: sealed::Sealed + Send + 'static {
    /// Their types.
    const TYPES: &'static [ValType];
    /// Writes them; `false` when one belongs to another isolate.
    #[doc(hidden)]
    fn write(self, writer: &mut FrameWriter<'_>) -> bool;
    /// Reads them.
    #[doc(hidden)]
    fn read(reader: &mut FrameReader<'_>) -> Self;
}

/// Results of a typed function: one [`WasmType`], or a tuple of up to 16, `()` included.
pub trait WasmResults: sealed::Sealed + Send + 'static {
    /// Their types.
    const TYPES: &'static [ValType];
    /// Writes them; `false` when one belongs to another isolate.
    #[doc(hidden)]
    fn write(self, writer: &mut FrameResults<'_>) -> bool;
    /// Reads them.
    #[doc(hidden)]
    fn read(reader: &mut ResultFrame<'_>) -> Self;
}

/// Arguments on their way into a frame.
#[doc(hidden)]
pub struct FrameWriter<'a> {
    pub(crate) writer: &'a mut ArgWriter,
    pub(crate) store: &'a Store,
}

/// Arguments on their way out of a frame.
#[doc(hidden)]
pub struct FrameReader<'a> {
    pub(crate) reader: &'a mut ArgReader,
    pub(crate) store: &'a mut Store,
}

/// Results on their way into a frame.
#[doc(hidden)]
pub struct FrameResults<'a> {
    pub(crate) writer: &'a mut ResultWriter,
    pub(crate) store: &'a Store,
}

/// Results on their way out of a frame.
#[doc(hidden)]
pub struct ResultFrame<'a> {
    pub(crate) reader: &'a mut ResultReader,
    pub(crate) store: &'a mut Store,
}

const fn is_vector(ty: ValType) -> bool {
    matches!(ty, ValType::V128)
}

macro_rules! tuples {
    ($(($($name:ident),*))*) => {
        $(
            impl<$($name: WasmType),*> sealed::Sealed for ($($name,)*) {}

            #[allow(non_snake_case, unused_variables, unused_mut, clippy::unused_unit)]
            impl<$($name: WasmType),*> WasmParams for ($($name,)*) {
                const TYPES: &'static [ValType] = &[$($name::TYPE),*];
                #[inline(always)]
                fn write(self, to: &mut FrameWriter<'_>) -> bool {
                    let ($($name,)*) = self;
                    $(match $name.to_bits(to.store) {
                        Some(bits) => to.writer.put($name::IS_FLOAT, is_vector($name::TYPE), bits),
                        None => return false,
                    })*
                    true
                }
                #[inline(always)]
                fn read(from: &mut FrameReader<'_>) -> Self {
                    ($($name::from_bits(from.reader.get($name::IS_FLOAT, is_vector($name::TYPE)), from.store),)*)
                }
            }

            #[allow(non_snake_case, unused_variables, unused_mut, clippy::unused_unit)]
            impl<$($name: WasmType),*> WasmResults for ($($name,)*) {
                const TYPES: &'static [ValType] = &[$($name::TYPE),*];
                #[inline(always)]
                fn write(self, to: &mut FrameResults<'_>) -> bool {
                    let ($($name,)*) = self;
                    $(match $name.to_bits(to.store) {
                        Some(bits) => to.writer.put($name::IS_FLOAT, bits),
                        None => return false,
                    })*
                    true
                }
                #[inline(always)]
                fn read(from: &mut ResultFrame<'_>) -> Self {
                    ($($name::from_bits(from.reader.get($name::IS_FLOAT), from.store),)*)
                }
            }
        )*
    };
}

tuples! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, F)
    (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I)
    (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
    (A, B, C, D, E, F, G, H, I, J, K, L, M)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O)
    (A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P)
}

impl<T: WasmType> WasmParams for T {
    const TYPES: &'static [ValType] = &[T::TYPE];
    #[inline(always)]
    fn write(self, to: &mut FrameWriter<'_>) -> bool {
        WasmParams::write((self,), to)
    }
    #[inline(always)]
    fn read(from: &mut FrameReader<'_>) -> Self {
        <(T,) as WasmParams>::read(from).0
    }
}

impl<T: WasmType> WasmResults for T {
    const TYPES: &'static [ValType] = &[T::TYPE];
    #[inline(always)]
    fn write(self, to: &mut FrameResults<'_>) -> bool {
        WasmResults::write((self,), to)
    }
    #[inline(always)]
    fn read(from: &mut ResultFrame<'_>) -> Self {
        <(T,) as WasmResults>::read(from).0
    }
}

/// Whether a signature fits the stubs without floats and stack arguments.
pub(crate) const fn ints_only(params: &[ValType], results: &[ValType]) -> bool {
    let mut position = 0;
    while position < params.len() {
        if matches!(params[position], ValType::F32 | ValType::F64 | ValType::V128) {
            return false;
        }
        position += 1;
    }
    let float_result = matches!(results, [ValType::F32 | ValType::F64 | ValType::V128]);
    params.len() < INT_ARG_COUNT && results.len() <= 1 && !float_result
}

/// Whether references are among these types.
pub(crate) const fn has_references(types: &[ValType]) -> bool {
    let mut position = 0;
    while position < types.len() {
        if matches!(types[position], ValType::Ref(_)) {
            return true;
        }
        position += 1;
    }
    false
}

/// Whether a signature's results go through a return area.
pub(crate) const fn uses_area(results: &[ValType]) -> bool {
    needs_return_area(results)
}
