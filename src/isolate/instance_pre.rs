//! Instances of one module, again and again: what its imports are is found out once.

#![forbid(unsafe_code)]

use crate::compile::module::Module;
use crate::isolate::scope::AsScope;
use crate::runtime::error::LinkError;
use crate::runtime::link::{Extern, LinkedImports};
use crate::runtime::value::Instance;

/// A module with definitions for its imports in one isolate, found by their names and known to fit. Made by
/// [`Linker::instantiate_pre`](crate::Linker::instantiate_pre).
///
/// It holds handles of the definitions, which are good for as long as other handles: until the end of the scope in which it was made.
///
/// ```
/// use deltic::{Config, Isolate, Linker, Module, WasmEngine};
///
/// let engine = WasmEngine::new(&Config::default())?;
/// let module = Module::new(&engine, r#"(module
///     (import "host" "next" (func $next (result i32)))
///     (global $sum (mut i32) (i32.const 0))
///     (func (export "add") (result i32)
///         (global.set $sum (i32.add (global.get $sum) (call $next)))
///         (global.get $sum)))"#)?;
/// let mut linker = Linker::new(&engine);
/// linker.func_wrap("host", "next", || 7)?;
/// let mut isolate = Isolate::new(&engine)?;
/// let pre = linker.instantiate_pre(&mut isolate, &module)?;
/// for _ in 0..1_000 {
///     let sum = isolate.root_scope(|isolate| {
///         let instance = pre.instantiate(&mut *isolate)?;
///         let add = instance.get_typed_func::<(), i32>(isolate, "add")?;
///         Ok::<_, Box<dyn std::error::Error>>(add.call(isolate, ())?)
///     })?;
///     assert_eq!(sum, 7, "each instance begins anew");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct InstancePre {
    module: Module,
    imports: LinkedImports,
}

impl InstancePre {
    pub(super) fn new(scope: &mut impl AsScope, module: &Module, imports: &[Extern]) -> Result<Self, LinkError> {
        let imports = scope.store_mut().link(module, imports)?;
        Ok(InstancePre { module: module.clone(), imports })
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The definitions, in the import section's order.
    pub fn imports(&self) -> &[Extern] {
        self.imports.externs()
    }

    /// Makes an instance, without a look at names or types.
    ///
    /// # Errors
    ///
    /// [`LinkError::Foreign`] in another isolate than that which it was made for, and when a scope has ended that it needs; memory is not to be
    /// had, a segment does not fit, or the start function traps.
    pub fn instantiate(&self, mut scope: impl AsScope) -> Result<Instance, LinkError> {
        scope.store_mut().instantiate_linked(&self.module, &self.imports)
    }
}
