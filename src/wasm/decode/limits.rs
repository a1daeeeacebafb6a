//! Limits of sections: compared before the validator sees a section, so that what is too much is a limit and not an invalid module.
//!
//! wasmparser has limits of its own. Those here are no larger; a test goes to each from both sides.

use wasmparser::{ExternalKind, Payload, TypeRef};

use crate::base::{FuncIndex, TagIndex, TypeIndex, limits};
use crate::wasm::error::CompileError;
use crate::wasm::module::WasmModule;

type Result = std::result::Result<(), CompileError>;

fn compare(what: &str, count: usize, max: usize, offset: u64) -> Result {
    if count <= max {
        return Ok(());
    }
    Err(CompileError::limit(format!("{count} {what}, more than {max}"), usize::try_from(offset).ok()))
}

/// The largest number can be read where an index is expected, and is none: typed indices keep it for themselves.
fn is_no_index(number: u32) -> bool {
    number == u32::MAX
}

/// What imports and exports have used up so far of [`limits::TYPE_SIZE`].
#[derive(Debug, Default)]
pub(super) struct TypeSize(usize);

impl TypeSize {
    /// Compares one section with the limits; `module` holds the sections before it.
    ///
    /// # Errors
    ///
    /// There is too much of something.
    pub(super) fn check(&mut self, payload: &Payload<'_>, module: &WasmModule) -> Result {
        let (what, present, added, max, range) = match payload {
            Payload::TypeSection(reader) => ("types", module.types.len(), reader.count(), limits::TYPE_COUNT, reader.range()),
            Payload::ImportSection(reader) => {
                ("imports", module.imports.len(), reader.count(), limits::IMPORT_COUNT, reader.range())
            }
            Payload::FunctionSection(reader) => {
                ("functions", module.funcs.len(), reader.count(), limits::FUNC_COUNT, reader.range())
            }
            Payload::TableSection(reader) => ("tables", module.tables.len(), reader.count(), limits::TABLE_COUNT, reader.range()),
            Payload::MemorySection(reader) => {
                ("memories", module.memories.len(), reader.count(), limits::MEMORY_COUNT, reader.range())
            }
            Payload::TagSection(reader) => ("tags", module.tags.len(), reader.count(), limits::TAG_COUNT, reader.range()),
            Payload::GlobalSection(reader) => {
                ("globals", module.globals.len(), reader.count(), limits::GLOBAL_COUNT, reader.range())
            }
            Payload::ExportSection(reader) => {
                ("exports", module.exports.len(), reader.count(), limits::EXPORT_COUNT, reader.range())
            }
            Payload::ElementSection(reader) => {
                ("element segments", module.elems.len(), reader.count(), limits::ELEM_COUNT, reader.range())
            }
            Payload::DataSection(reader) => ("data segments", 0, reader.count(), limits::DATA_COUNT, reader.range()),
            Payload::DataCountSection { count, range } => ("data segments", 0, *count, limits::DATA_COUNT, range.clone()),
            _ => return Ok(()),
        };
        compare(what, present.saturating_add(added as usize), max, range.start)?;
        self.check_types(payload, module)
    }

    /// Adds up what imports and exports count; imports of other kinds are bounded by the size of their types already. What is malformed or invalid is left to the validator.
    fn check_types(&mut self, payload: &Payload<'_>, module: &WasmModule) -> Result {
        match payload {
            Payload::ImportSection(reader) => {
                let (mut tables, mut memories) = (module.tables.len(), module.memories.len());
                for import in reader.clone().into_imports_with_offsets() {
                    let Ok((offset, import)) = import else { break };
                    let ty = match import.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => Some(ty),
                        TypeRef::Tag(ty) => Some(ty.func_type_idx),
                        TypeRef::Table(_) => {
                            tables += 1;
                            compare("tables", tables, limits::TABLE_COUNT, offset)?;
                            None
                        }
                        TypeRef::Memory(_) => {
                            memories += 1;
                            compare("memories", memories, limits::MEMORY_COUNT, offset)?;
                            None
                        }
                        _ => None,
                    };
                    if ty.is_some_and(is_no_index) {
                        break;
                    }
                    self.add(module, ty.map(TypeIndex::from_u32), "imports", offset)?;
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader.clone().into_iter_with_offsets() {
                    let Ok((offset, export)) = export else { break };
                    if is_no_index(export.index) {
                        break;
                    }
                    let ty = match export.kind {
                        ExternalKind::Func => module.funcs.get(FuncIndex::from_u32(export.index)),
                        ExternalKind::Tag => module.tags.get(TagIndex::from_u32(export.index)),
                        _ => None,
                    };
                    self.add(module, ty.copied(), "exports", offset)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, module: &WasmModule, ty: Option<TypeIndex>, what: &str, offset: u64) -> Result {
        let func_type_size = |ty| {
            let ty = module.types.get(ty).and_then(|ty| ty.composite.as_func());
            limits::FUNC_TYPE_SIZE + ty.map_or(0, |ty| ty.params.len() + ty.results.len())
        };
        self.0 = self.0.saturating_add(ty.map_or(1, func_type_size));
        if self.0 <= limits::TYPE_SIZE {
            return Ok(());
        }
        let message = format!("the types of {what} are larger than {} together", limits::TYPE_SIZE);
        Err(CompileError::limit(message, usize::try_from(offset).ok()))
    }
}
