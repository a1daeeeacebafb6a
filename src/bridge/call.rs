//! Calls of guests by scripts (§5.8, "call an Exported Function"), and of scripts by guests ("create a host function").

use smallvec::SmallVec;

use crate::base::sync::Arc;
use crate::bridge::companion::{Signature, fast, in_store, js_tag, new_signature, signature};
use crate::bridge::ended::{Ended, ended, thrown_in_guest};
use crate::bridge::memory::follow;
use crate::bridge::values::{Carried, bits_of, carry, refused, to_guest, to_js};
use crate::heap::HeapRef;
use crate::isolate::raw::INTS_MAX;
use crate::js::agent::Agent;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Args, Local};
use crate::runtime::error::ResourceError;
use crate::runtime::exception::Thrown;
use crate::runtime::partner::with_store;
use crate::runtime::store::Store;
use crate::runtime::trap::{HostError, Trap};
use crate::runtime::value::ExnRef;
use crate::wasm::canonical::TypeHandle;

/// What an Exported Function does.
pub(super) fn exported<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let func = cx.guest_of_callee(args);
    let number = cx.captured_int(args).unwrap_or(-1);
    let known = fast(cx, number);
    if !known.is_fast {
        return call(cx, func, number, args);
    }
    let mut ints = [0; INTS_MAX];
    for (nth, int) in ints.iter_mut().enumerate().take(usize::from(known.count)) {
        let arg = cx.arg(args, nth);
        *int = match (arg.as_int(), known.is_long[nth]) {
            (Some(arg), false) => u64::from(arg.cast_unsigned()),
            (None, false) => u64::from(cx.to_int32(arg)?.cast_unsigned()),
            (_, true) => {
                let arg = cx.to_bigint(arg)?;
                cx.low_bits_of(arg)
            }
        };
    }
    let result = with_store(cx.agent_mut(), |store| enter(store, |store| store.call_ints(func, ints)));
    let bits = match result {
        Some((Ok(bits), false)) => bits,
        Some((result, views_closed)) => after(cx, result, views_closed)?,
        None => return Err(cx.type_error("WebAssembly is in use")),
    };
    match known.result_bits {
        0 => Ok(Local::UNDEFINED),
        32 => Ok(Local::int(bits as i32)),
        _ => cx.bigint_of_i64(bits.cast_signed()),
    }
}

/// Runs a call in a scope of handles. Also gives whether buffers have lost their bytes by it.
#[inline]
fn enter<R>(store: &mut Store, run: impl FnOnce(&mut Store) -> Result<R, Trap>) -> (Result<R, Ended>, bool) {
    let scope = store.begin_scope();
    let result = run(store).map_err(|trap| Ended::new(store, trap));
    store.end_scope(scope);
    (result, std::mem::take(&mut store.views_closed))
}

/// Goes on behind a call.
fn after<R>(cx: &mut Cx<'_>, result: Result<R, Ended>, views_closed: bool) -> Completion<R> {
    let result = result.map_err(|end| ended(cx, end));
    follow(cx, views_closed)?;
    result
}

/// Runs something in the store that may run guests.
pub(super) fn run_guests<R>(cx: &mut Cx<'_>, run: impl FnOnce(&mut Store) -> Result<R, Trap>) -> Completion<R> {
    let (result, views_closed) = in_store(cx, |store| enter(store, run))?;
    after(cx, result, views_closed)
}

/// Calls any function.
fn call<'s>(cx: &mut Cx<'s>, func: u32, number: i32, args: Args<'s>) -> Completion<Local<'s>> {
    let Some(signature) = signature(cx, number) else { return Err(cx.type_error("not a function of WebAssembly")) };
    // If parameters or results contains v128 or exnref, throw a TypeError.
    if signature.is_refused {
        return Err(refused(cx));
    }
    let mut carried: SmallVec<[Carried<'s>; 8]> = SmallVec::new();
    for (nth, &ty) in signature.params.iter().enumerate() {
        let arg = cx.arg(args, nth);
        carried.push(to_guest(cx, arg, ty)?);
    }
    let bits: SmallVec<[u128; 8]> = carried.iter().map(|&arg| bits_of(cx, arg)).collect();
    let mut results: SmallVec<[u128; 4]> = smallvec::smallvec![0; signature.results.len()];
    run_guests(cx, |store| store.call_bits(func, &signature.layout, &bits, &mut results))?;
    let carried: SmallVec<[Carried<'s>; 4]> =
        signature.results.iter().zip(&results).map(|(&ty, &bits)| carry(cx, ty, bits)).collect();
    match (&*signature.results, &*carried) {
        ([], _) => Ok(Local::UNDEFINED),
        (&[ty], &[result]) => to_js(cx, ty, result),
        (types, _) => {
            let mut values = Vec::with_capacity(types.len());
            for (&ty, &result) in types.iter().zip(&carried) {
                values.push(to_js(cx, ty, result)?);
            }
            cx.array_from(&values)
        }
    }
}

/// A guest's exit from a script that is being ended: no guest catches it.
#[derive(Debug, thiserror::Error)]
#[error("the script was ended")]
pub(super) struct ScriptEnded;

/// How a script that a guest has called ended, if not by its results.
enum ScriptEnd {
    /// By an exception, as the reference of one of WebAssembly.
    Thrown(u32),
    Ended,
}

/// "Create a host function" from a callable object: its reference.
pub(super) fn host_function(cx: &mut Cx<'_>, callable: Local<'_>, ty: TypeHandle) -> Completion<u32> {
    // What it throws must have a tag.
    js_tag(cx)?;
    let Some(signature) = new_signature(ty) else { return Err(cx.type_error("not a type of functions")) };
    let signature = Arc::new(signature);
    let ty = signature.ty.clone();
    let captured = cx.boxed_bits(callable);
    let made = in_store(cx, |store| store.new_raw_func(&ty, captured, host_closure(signature, run_script)))?;
    made.map_err(|error: ResourceError| cx.range_error(&error.to_string()))
}

/// A closure over bits that runs something in the agent, with a value of its own and arguments: it fills in results.
pub(super) fn host_closure(
    signature: Arc<Signature>,
    body: impl Fn(&mut Cx<'_>, &Signature, u64, &[u128], &mut [u128]) -> Completion<()> + Send + Sync + 'static,
) -> impl Fn(&mut Store, u64, &[u128], &mut [u128]) -> Result<(), HostError> + Send + Sync + 'static {
    move |store, captured, args, results| {
        let views_closed = std::mem::take(&mut store.views_closed);
        let run = |agent: &mut Agent| {
            agent.reenter(|cx| match follow(cx, views_closed).and_then(|()| body(cx, &signature, captured, args, results)) {
                Ok(()) => Ok(()),
                Err(thrown) => Err(thrown_in_guest(cx, thrown).map_or(ScriptEnd::Ended, ScriptEnd::Thrown)),
            })
        };
        match store.with_agent(run) {
            Some(Ok(())) => Ok(()),
            Some(Err(ScriptEnd::Thrown(bits))) => {
                let root = store.roots.add(HeapRef::from_bits(bits));
                Err(Thrown(ExnRef { store: store.id, root }).into())
            }
            Some(Err(ScriptEnd::Ended)) => Err(ScriptEnded.into()),
            None => Err("no agent runs this".into()),
        }
    }
}

/// "Run a host function" (§5.8).
fn run_script(cx: &mut Cx<'_>, signature: &Signature, captured: u64, args: &[u128], results: &mut [u128]) -> Completion<()> {
    let mut cx = cx.open();
    let callable = cx.local_of_bits(captured);
    // If parameters or results contains v128 or exnref, throw a TypeError.
    if signature.is_refused {
        return Err(refused(&mut cx));
    }
    let carried: SmallVec<[Carried<'_>; 8]> =
        signature.params.iter().zip(args).map(|(&ty, &bits)| carry(&mut cx, ty, bits)).collect();
    let mut values: SmallVec<[Local<'_>; 8]> = SmallVec::new();
    for (&ty, &arg) in signature.params.iter().zip(&carried) {
        values.push(to_js(&mut cx, ty, arg)?);
    }
    let value = cx.call(callable, Local::UNDEFINED, &values)?;
    let carried: SmallVec<[Carried<'_>; 4]> = match &*signature.results {
        [] => SmallVec::new(),
        &[ty] => smallvec::smallvec![to_guest(&mut cx, value, ty)?],
        types => {
            let method = cx.get_method(value, crate::js::names::Name::sym_iterator.key())?;
            if method.is_undefined() {
                return Err(cx.type_error("multi-return value must be iterable"));
            }
            let record = cx.get_iterator_from_method(value, method)?;
            let values = cx.iterator_to_list(record)?;
            if values.len() != types.len() {
                return Err(cx.type_error("multi-return length mismatch"));
            }
            let mut carried = SmallVec::new();
            for (&ty, value) in types.iter().zip(values) {
                carried.push(to_guest(&mut cx, value, ty)?);
            }
            carried
        }
    };
    for (result, carried) in results.iter_mut().zip(carried) {
        *result = bits_of(&cx, carried);
    }
    Ok(())
}
