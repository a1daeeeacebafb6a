//! Host functions from Rust closures.

use std::marker::PhantomData;

use crate::base::sync::Arc;
use crate::isolate::caller::Caller;
use crate::isolate::marshal::{
    ArgReader, FrameReader, FrameResults, ResultWriter, WasmParams, WasmResults, WasmType, has_references, uses_area,
};
use crate::isolate::scope::AsScope;
use crate::layout::EntryFrame;
use crate::runtime::error::ResourceError;
use crate::runtime::host::{HostCode, HostFunc};
use crate::runtime::store::Store;
use crate::runtime::trap::HostError;
use crate::runtime::value::{Func, Val};
use crate::wasm::canonical::TypeHandle;
use crate::wasm::types::{FuncType, ValType};

/// What a host closure may return: results, or `Result` of results.
pub trait IntoResult {
    /// The results.
    type Results: WasmResults;
    /// The results, or why the guest shall stop.
    ///
    /// # Errors
    ///
    /// What the closure returned.
    fn into_result(self) -> Result<Self::Results, HostError>;
}

impl<R: WasmResults> IntoResult for R {
    type Results = R;
    #[inline]
    fn into_result(self) -> Result<R, HostError> {
        Ok(self)
    }
}

impl<R: WasmResults, E: Into<HostError>> IntoResult for Result<R, E> {
    type Results = R;
    #[inline]
    fn into_result(self) -> Result<R, HostError> {
        self.map_err(Into::into)
    }
}

/// Closures that can be host functions: `Fn(A, B, …) -> R` and `Fn(Caller<'_>, A, B, …) -> R`, with up to 16 parameters.
///
/// `R` is a [`WasmResults`], or a `Result` of one whose error stops the guest.
pub trait IntoFunc<Params>: Send + Sync + 'static {
    /// The host function.
    fn into_func(self) -> HostFunc;
}

/// Marks closures that take a [`Caller`].
#[doc(hidden)]
#[derive(Debug)]
pub struct WithCaller<T>(std::marker::PhantomData<T>);

#[derive(Debug, thiserror::Error)]
#[error("a host function returned a reference of another isolate")]
struct ForeignResult;

/// Writes what a closure has returned.
///
/// # Safety
///
/// The frame is that of the call, of a function with these results.
#[inline(always)]
pub(super) unsafe fn finish<R: IntoResult>(result: R, store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
    let results = result.into_result()?;
    // SAFETY: the frame is the stub's, and follows a type with these results.
    let mut writer = unsafe { ResultWriter::new(frame, const { uses_area(<R::Results as WasmResults>::TYPES) }) };
    if results.write(&mut FrameResults { writer: &mut writer, store }) { Ok(()) } else { Err(ForeignResult.into()) }
}

/// The code of closures with these parameters, and of those that take a [`Caller`] before them.
struct Typed<Closure, Params>(PhantomData<(Closure, Params)>);
struct TypedWithCaller<Closure, Params>(PhantomData<(Closure, Params)>);

macro_rules! closures {
    ($(($($param:ident),*))*) => {
        $(
            closure!(Typed, false, ($($param,)*), Closure: Fn($($param),*), |closure, store| closure($($param),*), $($param)*);
            closure!(
                TypedWithCaller, true, WithCaller<($($param,)*)>, Closure: Fn(Caller<'_>, $($param),*),
                |closure, store| closure(Caller::new(store), $($param),*), $($param)*
            );
        )*
    };
}

macro_rules! closure {
    (
        $code:ident, $has_caller:literal, $marker:ty, Closure: Fn($($arg:ty),* $(,)?), |$closure:ident, $store:ident| $call:expr, $($param:ident)*
    ) => {
        impl<Closure, R, $($param),*> HostCode for $code<Closure, ($($param,)*)>
        where
            Closure: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: IntoResult,
            $($param: WasmType + 'static,)*
        {
            const USES_HANDLES: bool =
                $has_caller || has_references(&[$($param::TYPE),*]) || has_references(<R::Results as WasmResults>::TYPES);

            #[inline(always)]
            #[allow(non_snake_case)]
            unsafe fn run(data: *const (), $store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
                // SAFETY: `into_func` pairs this code with the closure and with the type of its parameters.
                unsafe {
                    let $closure = &*data.cast::<Closure>();
                    let first = if const { uses_area(<R::Results as WasmResults>::TYPES) } { 2 } else { 1 };
                    let mut reader = ArgReader::new(frame, first);
                    let ($($param,)*) = <($($param,)*) as WasmParams>::read(&mut FrameReader { reader: &mut reader, store: $store });
                    let result = $call;
                    finish(result, $store, frame)
                }
            }
        }

        impl<Closure, R, $($param),*> IntoFunc<$marker> for Closure
        where
            Closure: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: IntoResult,
            $($param: WasmType + 'static,)*
        {
            fn into_func(self) -> HostFunc {
                let ty = func_type::<($($param,)*), R::Results>();
                // SAFETY: the code takes the closure that stands in the box, and reads and writes frames of this type.
                unsafe { HostFunc::new::<$code<Closure, ($($param,)*)>>(ty, Arc::new(self)) }
            }
        }
    };
}

closures! {
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

pub(super) fn func_type<P: WasmParams, R: WasmResults>() -> FuncType {
    FuncType::new(P::TYPES.iter().copied(), R::TYPES.iter().copied())
}

/// A host closure over values of any types.
type UntypedClosure = dyn Fn(Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync;

struct Untyped {
    ty: FuncType,
    layout: crate::abi::call::CallLayout,
    closure: Box<UntypedClosure>,
}

#[derive(Debug, thiserror::Error)]
#[error("a host function of type {wanted} returned ({found})")]
struct WrongResults {
    wanted: String,
    found: String,
}

/// A host function of a type that is known at run time only.
pub(crate) fn untyped(
    ty: FuncType,
    closure: impl Fn(Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
) -> HostFunc {
    let layout = crate::abi::call::CallLayout::new(&ty);
    let data = Arc::new(Untyped { ty: ty.clone(), layout, closure: Box::new(closure) });
    // SAFETY: the code takes an `Untyped` and follows its type.
    unsafe { HostFunc::new::<Untyped>(ty, data) }
}

impl HostCode for Untyped {
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: paired in `untyped`.
        let untyped = unsafe { &*data.cast::<Untyped>() };
        let uses_area = untyped.layout.area_bytes > 0;
        // SAFETY: the frame is the stub's and follows the type.
        unsafe {
            let args: smallvec::SmallVec<[Val; 8]> = read_args(&untyped.ty, uses_area, store, frame).collect();
            let results = (untyped.closure)(Caller::new(store), &args)?;
            write_results(&untyped.ty, uses_area, &results, store, frame)
        }
    }
}

/// The arguments of a call of a function of a type.
///
/// # Safety
///
/// The frame is that of the call; `uses_area` says that the function's results are returned in memory.
pub(super) unsafe fn read_args<'a>(
    ty: &'a FuncType,
    uses_area: bool,
    store: &'a mut Store,
    frame: *mut EntryFrame,
) -> impl Iterator<Item = Val> + 'a {
    // SAFETY: by contract.
    let mut reader = unsafe { ArgReader::new(frame, if uses_area { 2 } else { 1 }) };
    ty.params.iter().map(move |&ty| {
        let bits = reader.get(ty.is_float_or_vector(), ty == ValType::V128);
        Val::from_bits(ty, bits, store)
    })
}

/// Writes what a closure over values of any types has returned.
///
/// # Errors
///
/// The results do not fit the type, or are another isolate's.
///
/// # Safety
///
/// As for [`read_args`].
pub(super) unsafe fn write_results(
    ty: &FuncType,
    uses_area: bool,
    results: &[Val],
    store: &Store,
    frame: *mut EntryFrame,
) -> Result<(), HostError> {
    if results.iter().any(|result| result.is_foreign(store)) {
        return Err(ForeignResult.into());
    }
    let fits =
        results.len() == ty.results.len() && results.iter().zip(&ty.results).all(|(result, &ty)| store.is_instance(result, ty));
    if !fits {
        let found = results.iter().map(|result| result.ty().to_string()).collect::<Vec<_>>().join(" ");
        return Err(WrongResults { wanted: ty.to_string(), found }.into());
    }
    // SAFETY: by contract.
    let mut writer = unsafe { ResultWriter::new(frame, uses_area) };
    for (result, ty) in results.iter().zip(&ty.results) {
        writer.put(ty.is_float_or_vector(), result.to_bits(store));
    }
    Ok(())
}

impl Func {
    /// A host function of one isolate.
    ///
    /// # Errors
    ///
    /// The isolate has no room for another function.
    pub fn wrap<Params>(mut scope: impl AsScope, closure: impl IntoFunc<Params>) -> Result<Func, ResourceError> {
        let store = scope.store_mut();
        let reference = store.host_func_ref(&closure.into_func())?;
        Ok(store.func_handle(reference))
    }

    /// A host function of one isolate, of a type that is known at run time only.
    ///
    /// # Errors
    ///
    /// The isolate has no room for another function, or the engine does not have a type that this one refers to.
    pub fn new(
        mut scope: impl AsScope,
        ty: FuncType,
        closure: impl Fn(Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
    ) -> Result<Func, ResourceError> {
        let store = scope.store_mut();
        let reference = store.host_func_ref(&untyped(ty, closure))?;
        Ok(store.func_handle(reference))
    }

    /// A host function of exactly this type, which may extend others or stand in a recursion group.
    ///
    /// # Errors
    ///
    /// The isolate has no room for another function, or the type is none of functions or another engine's.
    pub fn of_type(
        mut scope: impl AsScope,
        ty: &TypeHandle,
        closure: impl Fn(Caller<'_>, &[Val]) -> Result<Vec<Val>, HostError> + Send + Sync + 'static,
    ) -> Result<Func, ResourceError> {
        let store = scope.store_mut();
        let func = ty.as_func().ok_or_else(|| ResourceError(format!("{} is no type of functions", ty.ty())))?;
        let reference = store.host_func_ref(&untyped(func.clone(), closure).of_type(ty.clone()))?;
        Ok(store.func_handle(reference))
    }
}

/// A host closure over integer and float words, for tables of functions whose types are data.
type WordClosure = dyn Fn(Caller<'_>, &[u64]) -> Result<Option<u64>, HostError> + Send + Sync;

struct Words {
    ty: FuncType,
    closure: Box<WordClosure>,
}

/// A host function over words: one per parameter, in its low bits if it is narrower; at most one result.
///
/// Vectors do not fit a word, and a reference is no number; a type that has them, or several results, gives `None`.
pub(crate) fn words(
    ty: FuncType,
    closure: impl Fn(Caller<'_>, &[u64]) -> Result<Option<u64>, HostError> + Send + Sync + 'static,
) -> Option<HostFunc> {
    let fits = |ty: &ValType| !matches!(ty, ValType::V128 | ValType::Ref(_));
    if ty.results.len() > 1 || !ty.params.iter().chain(&ty.results).all(fits) {
        return None;
    }
    let data = Arc::new(Words { ty: ty.clone(), closure: Box::new(closure) });
    // SAFETY: the code takes a `Words` and follows its type.
    Some(unsafe { HostFunc::new::<Words>(ty, data) })
}

impl HostCode for Words {
    unsafe fn run(data: *const (), store: &mut Store, frame: *mut EntryFrame) -> Result<(), HostError> {
        // SAFETY: paired in `words`.
        let words = unsafe { &*data.cast::<Words>() };
        // SAFETY: the frame is the stub's and follows the type, whose single result never needs a return area.
        let mut reader = unsafe { ArgReader::new(frame, 1) };
        let args: smallvec::SmallVec<[u64; 12]> =
            words.ty.params.iter().map(|ty| reader.get(ty.is_float_or_vector(), false) as u64).collect();
        let result = (words.closure)(Caller::new(store), &args)?;
        if let Some(ty) = words.ty.results.first() {
            // SAFETY: as above.
            let mut writer = unsafe { ResultWriter::new(frame, false) };
            writer.put(ty.is_float_or_vector(), u128::from(result.unwrap_or(0)));
        }
        Ok(())
    }
}
