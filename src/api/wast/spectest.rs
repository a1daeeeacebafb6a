//! The host module "spectest", which every script may import from.

use wasmparser::WasmFeatures;

use crate::api::{
    Extern, Global, GlobalType, HostError, Isolate, Linker, Memory, MemoryType, RefType, Table, TableType, Val, ValType,
};

const MODULE: &str = "spectest";

/// Defines it. Its printing functions print nothing.
pub(super) fn define(linker: &mut Linker, isolate: &mut Isolate, features: WasmFeatures) -> Result<(), HostError> {
    linker.func_wrap(MODULE, "print", || {})?;
    linker.func_wrap(MODULE, "print_i32", |_: i32| {})?;
    linker.func_wrap(MODULE, "print_i64", |_: i64| {})?;
    linker.func_wrap(MODULE, "print_f32", |_: f32| {})?;
    linker.func_wrap(MODULE, "print_f64", |_: f64| {})?;
    linker.func_wrap(MODULE, "print_i32_f32", |_: i32, _: f32| {})?;
    linker.func_wrap(MODULE, "print_f64_f64", |_: f64, _: f64| {})?;
    let globals = [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6_f32.to_bits())),
        ("global_f64", Val::F64(666.6_f64.to_bits())),
    ];
    for (name, value) in globals {
        let ty = GlobalType { content: value.ty(), mutable: false };
        linker.define(MODULE, name, Extern::Global(Global::new(&mut *isolate, ty, value)?))?;
    }
    debug_assert_eq!(Val::FuncRef(None).ty(), ValType::FUNCREF);
    for (name, table64) in [("table", false), ("table64", true)] {
        let ty = TableType { element: RefType::FUNC, min: 10, max: Some(20), table64 };
        linker.define(MODULE, name, Extern::Table(Table::new(&mut *isolate, ty, Val::FuncRef(None))?))?;
    }
    let ty = MemoryType { min: 1, max: Some(2), memory64: false, shared: false, page_size_log2: 16 };
    linker.define(MODULE, "memory", Extern::Memory(Memory::new(&mut *isolate, ty)?))?;
    if features.contains(WasmFeatures::THREADS) {
        let ty = MemoryType { shared: true, ..ty };
        linker.define(MODULE, "shared_memory", Extern::Memory(Memory::new(&mut *isolate, ty)?))?;
    }
    Ok(())
}
