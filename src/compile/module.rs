//! TEMP
#![allow(missing_docs)]
use crate::abi::artifact::CodeVariant;
use crate::abi::vmctx::VmLayout;
use crate::base::DefinedFuncIndex;
use crate::base::sync::{Arc, Mutex, OnceLock};
use crate::code::space::CodeSpace;
use crate::codegen::compiler::{Compiler, UnitContext, UnitError};
use crate::codegen::env::CompileEnv;
use crate::compile::engine::WasmEngine;
use crate::wasm::decode;
use crate::wasm::error::*;
use crate::wasm::module::*;
use crate::wasm::validate::Features;
use std::any::Any;
#[derive(Debug)]
pub struct ModuleDebug {
    pub module: Arc<WasmModule>,
    pub wire_bytes: Arc<[u8]>,
}
#[derive(Debug, Clone)]
pub struct Module(Arc<Inner>);
struct Inner {
    engine: WasmEngine,
    env: CompileEnv,
    types: CanonicalTypes,
    ids: Vec<u32>,
    spaces: [OnceLock<CodeSpace>; 2],
    lock: Mutex<()>,
    image: OnceLock<Box<dyn Any + Send + Sync>>,
}
impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Module")
    }
}
impl Module {
    pub fn new(engine: &WasmEngine, bytes: impl AsRef<[u8]>) -> Result<Module, CompileError> {
        Self::from_decoded(engine, decode::decode(decode::to_binary(bytes.as_ref())?)?)
    }
    pub fn from_decoded(engine: &WasmEngine, d: decode::Decoded) -> Result<Module, CompileError> {
        let types = engine.types().ids_of(&d.module);
        let ids = types.values().map(|t| t.as_u32()).collect();
        let layout = VmLayout::new(&d.module);
        let env = CompileEnv {
            wire_bytes: d.wire_bytes,
            module: d.module,
            validation: d.validation,
            layout,
            settings: engine.config().settings.clone(),
        };
        let m = Module(Arc::new(Inner {
            engine: engine.clone(),
            env,
            types,
            ids,
            spaces: Default::default(),
            lock: Mutex::new(()),
            image: OnceLock::new(),
        }));
        m.ensure_variant(if engine.config().guards { CodeVariant::Guarded } else { CodeVariant::Checked })?;
        Ok(m)
    }
    pub fn decoded(&self) -> &Arc<WasmModule> {
        &self.0.env.module
    }
    pub fn wire_bytes(&self) -> &Arc<[u8]> {
        &self.0.env.wire_bytes
    }
    pub fn layout(&self) -> &VmLayout {
        &self.0.env.layout
    }
    pub fn canonical_types(&self) -> &CanonicalTypes {
        &self.0.types
    }
    pub fn type_ids(&self) -> &[u32] {
        &self.0.ids
    }
    pub fn engine(&self) -> &WasmEngine {
        &self.0.engine
    }
    pub fn image_cache(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.0.image
    }
    pub fn slot(&self, v: CodeVariant, f: DefinedFuncIndex) -> *const std::sync::atomic::AtomicUsize {
        self.0.spaces[v as usize].get().unwrap().slot(f)
    }
    pub fn ensure_variant(&self, v: CodeVariant) -> Result<(), CompileError> {
        let _g = self.0.lock.lock();
        if self.0.spaces[v as usize].get().is_some() {
            return Ok(());
        }
        let m = &self.0.env.module;
        let space = CodeSpace::new(
            m.bodies.len(),
            m.code_section_bytes,
            Arc::new(ModuleDebug { module: m.clone(), wire_bytes: self.0.env.wire_bytes.clone() }),
        )
        .map_err(|e| CompileError::limit(e.to_string(), None))?;
        let c = &self.0.engine.0.optimizing;
        let mut scratch = c.new_scratch();
        let mut det = Features::default();
        for f in m.bodies.keys() {
            let a = c
                .compile(&self.0.env, f, v, &mut UnitContext { scratch: &mut scratch, detected: &mut det, stop: &|| false })
                .map_err(|e| match e {
                    UnitError::Module(e) => e,
                    e => CompileError::new(CompileErrorKind::EngineBug, format!("{e:?}"), None),
                })?;
            space.publish(vec![a]).map_err(|e| CompileError::limit(e.to_string(), None))?;
        }
        let _ = self.0.spaces[v as usize].set(space);
        Ok(())
    }
}
