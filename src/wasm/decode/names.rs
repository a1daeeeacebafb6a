//! The custom section "name" (§7.4.1).

use wasmparser::{BinaryReader, Name, NameSectionReader};

use crate::base::FuncIndex;
use crate::wasm::module::Names;

/// Reads what is well-formed: names are for people, so a bad subsection ends the reading and is no error.
pub(super) fn read(bytes: &[u8], offset: usize) -> Names {
    let mut names = Names::default();
    for subsection in NameSectionReader::new(BinaryReader::new(bytes, offset as u64)) {
        match subsection {
            Ok(Name::Module { name, .. }) => names.module = Some(name.into()),
            Ok(Name::Function(map)) => {
                for naming in map.into_iter().map_while(Result::ok) {
                    names.funcs.insert(FuncIndex::from_u32(naming.index), naming.name.into());
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names
}
