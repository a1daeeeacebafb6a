//! What nobody provides of a module's imports, for programs that are looked at rather than used: `--stub-imports`.
//!
//! Functions trap when they are called, which the linker does; all else is made as the module asks for it, empty.

use deltic::inspect::imports;
use deltic::{Extern, ExternType, Global, Isolate, LinkError, Linker, Memory, Module, Table, Tag, Val};

/// Has a linker provide what a module imports and the linker does not have.
///
/// # Errors
///
/// Something cannot be made: memory is not to be had, or a reference that cannot be null is asked for.
pub fn define_missing(linker: &mut Linker, isolate: &mut Isolate, module: &Module) -> Result<(), LinkError> {
    linker.stub_missing_funcs(true);
    for (from, name, ty) in imports(module) {
        let stub = match ty {
            ExternType::Func(_) => continue,
            // A shared one as well.
            ExternType::Memory(ty) => Memory::new(&mut *isolate, ty).map(Extern::Memory)?,
            ExternType::Table(ty) => Table::new(&mut *isolate, ty, Val::null(ty.element.heap)).map(Extern::Table)?,
            ExternType::Global(ty) => {
                // References that cannot be null: the global says that null does not fit.
                let value = Val::default_for(ty.content).unwrap_or(Val::FuncRef(None));
                Global::new(&mut *isolate, ty, value).map(Extern::Global)?
            }
            ExternType::Tag(ty) => Tag::new(&mut *isolate, &ty).map(Extern::Tag)?,
        };
        match linker.define(from, name, stub) {
            // It is there, or was made for another import of this name.
            Ok(_) | Err(LinkError::Duplicate { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
