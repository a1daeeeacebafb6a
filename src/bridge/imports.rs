//! Reading the imports of a module (§5.2, "read the imports"), and linking them.

use crate::bridge::call::host_function;
use crate::bridge::companion::in_store;
use crate::bridge::ended::{Ended, ended};
use crate::bridge::errors::throw;
use crate::bridge::idl::{Kind, owned};
use crate::bridge::js_string;
use crate::bridge::memory::follow;
use crate::bridge::module::{Compiled, error_text};
use crate::bridge::values::{Carried, bits_of, to_guest};
use crate::js::cx::{Completion, Cx, Thrown};
use crate::js::local::Local;
use crate::runtime::error::{LinkError, ResourceError};
use crate::runtime::global::GlobalObject;
use crate::runtime::link::Extern;
use crate::runtime::liveness::Owned;
use crate::runtime::store::Store;
use crate::wasm::module::{Import, ImportKind};
use crate::wasm::types::{GlobalType, ValType};

/// What is given for an import.
enum Given<'s> {
    Func(u32),
    Owned(Owned),
    /// A value, of which a global is made.
    Value(GlobalType, Carried<'s>),
}

fn link_error(cx: &mut Cx<'_>, what: &str, import: &Import, message: &str) -> Thrown {
    let text = format!("{what}: Import \"{}\" \"{}\": {message}", import.module, import.name);
    throw(cx, Kind::LinkError, &text)
}

/// Reads what an object has for the imports of a module: a value for each that the engine does not give itself.
pub(super) fn read<'s>(cx: &mut Cx<'s>, compiled: &Compiled, object: Local<'s>, what: &str) -> Completion<Vec<Local<'s>>> {
    let imports = compiled.module.decoded().imports.iter().filter(|import| !compiled.is_builtin(import));
    let mut values = Vec::new();
    for import in imports {
        // If module.imports is not empty, and importObject is undefined, throw a TypeError exception.
        if !object.is_object() {
            return Err(cx.type_error(&format!("{what}: Imports argument must be present and must be an object")));
        }
        let key = cx.key(&import.module)?;
        let module = cx.get(object, key)?;
        if !module.is_object() {
            let name = &import.module;
            return Err(cx.type_error(&format!("{what}: Import \"{name}\": module is not an object or function")));
        }
        let key = cx.key(&import.name)?;
        let value = cx.get(module, key)?;
        check(cx, import, value, what)?;
        values.push(value);
    }
    Ok(values)
}

/// Refuses a value that is none for an import.
fn check<'s>(cx: &mut Cx<'s>, import: &Import, value: Local<'s>, what: &str) -> Completion<()> {
    let is = |cx: &Cx<'_>, kind: Kind| cx.embedder_kind(value) == Some(kind as i32);
    let message = match import.kind {
        ImportKind::Func(_) | ImportKind::FuncExact(_) if !cx.is_callable(value) => "function import requires a callable",
        ImportKind::Memory(_) if !is(cx, Kind::Memory) => "memory import must be a WebAssembly.Memory object",
        ImportKind::Table(_) if !is(cx, Kind::Table) => "table import requires a WebAssembly.Table",
        ImportKind::Tag(_) if !is(cx, Kind::Tag) => "tag import requires a WebAssembly.Tag",
        ImportKind::Global(ty) if !is(cx, Kind::Global) => match ty.content {
            _ if ty.mutable => "imported mutable global must be a WebAssembly.Global object",
            ValType::I64 if !value.is_bigint() => "global import must be a BigInt",
            ValType::I32 | ValType::F32 | ValType::F64 if !value.is_number() => {
                "global import must be a number, valid Wasm reference, or WebAssembly.Global object"
            }
            ValType::V128 => "global import of type v128 must be a WebAssembly.Global object",
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(link_error(cx, what, import, message))
}

/// What a value that was read is for an import. No script runs.
fn convert<'s>(cx: &mut Cx<'s>, compiled: &Compiled, import: &Import, value: Local<'s>, what: &str) -> Completion<Given<'s>> {
    let types = compiled.module.canonical_types();
    match import.kind {
        ImportKind::Func(ty) | ImportKind::FuncExact(ty) => {
            if let Some(func) = cx.exported_func(value) {
                return Ok(Given::Func(func));
            }
            let Some(ty) = types.handle(ty) else { return Err(link_error(cx, what, import, "its type is gone")) };
            host_function(cx, value, ty).map(Given::Func)
        }
        ImportKind::Global(ty) if cx.embedder_kind(value) != Some(Kind::Global as i32) => {
            let ty = types.global_type(ty);
            match to_guest(cx, value, ty.content) {
                Ok(carried) => Ok(Given::Value(ty, carried)),
                Err(thrown) => {
                    cx.take_exception(thrown)?;
                    Err(link_error(cx, what, import, "imported value does not match the expected type"))
                }
            }
        }
        _ => owned(cx, value).map(Given::Owned),
    }
}

/// What the engine itself gives for an import.
fn builtin<'s>(cx: &mut Cx<'s>, compiled: &Compiled, import: &Import, what: &str) -> Completion<Given<'s>> {
    let types = compiled.module.canonical_types();
    match import.kind {
        ImportKind::Global(ty) => {
            let text = cx.string(&import.name)?;
            Ok(Given::Value(types.global_type(ty), Carried::Reference(text)))
        }
        ImportKind::Func(ty) | ImportKind::FuncExact(ty) => {
            match types.handle(ty).and_then(|ty| js_string::function(cx, &import.name, ty).transpose()) {
                Some(func) => func.map(Given::Func),
                None => Err(link_error(cx, what, import, "there is no such builtin")),
            }
        }
        _ => Err(link_error(cx, what, import, "a builtin is a function")),
    }
}

/// Why there is no instance.
enum Failed {
    Link(LinkError),
    Ended(Ended),
}

/// Makes an instance with the values that were read: its index.
pub(super) fn instantiate<'s>(cx: &mut Cx<'s>, compiled: &Compiled, values: &[Local<'s>], what: &str) -> Completion<u32> {
    let mut values = values.iter();
    let mut given = Vec::new();
    for import in &compiled.module.decoded().imports {
        given.push(match compiled.is_builtin(import) {
            true => builtin(cx, compiled, import, what)?,
            false => {
                let value = values.next().copied().unwrap_or(Local::UNDEFINED);
                convert(cx, compiled, import, value, what)?
            }
        });
    }
    // From here to the end nothing is allocated for scripts, so that the bits of references stay good.
    let bits: Vec<u128> =
        given.iter().map(|given| if let Given::Value(_, carried) = *given { bits_of(cx, carried) } else { 0 }).collect();
    let (made, views_closed) = in_store(cx, |store| {
        let made =
            link(store, &given, &bits).map_err(LinkError::from).and_then(|externs| store.instantiate(&compiled.module, &externs));
        let made = match made {
            Ok(instance) => Ok(instance.key.index),
            Err(LinkError::Trap(trap)) => Err(Failed::Ended(Ended::new(store, trap))),
            Err(error) => Err(Failed::Link(error)),
        };
        (made, std::mem::take(&mut store.views_closed))
    })?;
    let made = made.map_err(|failed| match failed {
        Failed::Ended(end) => ended(cx, end),
        Failed::Link(LinkError::Resource(message)) => cx.range_error(&format!("{what}: {message}")),
        Failed::Link(LinkError::Compile(error)) => throw(cx, Kind::CompileError, &error_text(what, &error)),
        Failed::Link(error) => throw(cx, Kind::LinkError, &format!("{what}: {error}")),
    });
    follow(cx, views_closed)?;
    made
}

/// Handles of what is given, which keep that for the present scope.
fn link(store: &mut Store, given: &[Given<'_>], bits: &[u128]) -> Result<Vec<Extern>, ResourceError> {
    let externs = given.iter().zip(bits).map(|(given, &bits)| {
        Ok(match *given {
            Given::Func(func) => Extern::Func(store.func_handle(func)),
            Given::Value(ty, _) => {
                let index = store.globals.insert(GlobalObject::new(ty, bits))?;
                Extern::Global(store.global_handle(index))
            }
            Given::Owned(Owned::Memory(index)) => Extern::Memory(store.memory_handle(index)),
            Given::Owned(Owned::Table(index)) => Extern::Table(store.table_handle(index)),
            Given::Owned(Owned::Global(index)) => Extern::Global(store.global_handle(index)),
            Given::Owned(Owned::Tag(index)) => Extern::Tag(store.tag_handle(index)),
            Given::Owned(Owned::Instance(_) | Owned::Host(_)) => return Err(ResourceError("an instance is no import".into())),
        })
    });
    externs.collect()
}
