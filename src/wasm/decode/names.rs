//! The custom section "name" (§7.4.1), with what the extended name section proposal adds. Names of locals, labels and segments are not
//! kept: nothing shows them.

use wasmparser::{BinaryReader, Name, NameMap, NameSectionReader};

use crate::base::{FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeIndex};
use crate::wasm::module::Names;

/// Reads what is well-formed: names are for people, so a bad subsection ends the reading and is no error.
pub(super) fn read(bytes: &[u8], offset: usize) -> Names {
    let mut names = Names::default();
    for subsection in NameSectionReader::new(BinaryReader::new(bytes, offset as u64)) {
        match subsection {
            Ok(Name::Module { name, .. }) => names.module = Some(name.into()),
            Ok(Name::Function(map)) => {
                names.funcs.extend(read_map(map).map(|(index, name)| (FuncIndex::from_u32(index), name)));
            }
            Ok(Name::Type(map)) => {
                names.types.extend(read_map(map).map(|(index, name)| (TypeIndex::from_u32(index), name)));
            }
            Ok(Name::Memory(map)) => {
                names.memories.extend(read_map(map).map(|(index, name)| (MemoryIndex::from_u32(index), name)));
            }
            Ok(Name::Table(map)) => {
                names.tables.extend(read_map(map).map(|(index, name)| (TableIndex::from_u32(index), name)));
            }
            Ok(Name::Global(map)) => {
                names.globals.extend(read_map(map).map(|(index, name)| (GlobalIndex::from_u32(index), name)));
            }
            Ok(Name::Tag(map)) => {
                names.tags.extend(read_map(map).map(|(index, name)| (TagIndex::from_u32(index), name)));
            }
            Ok(Name::Field(map)) => {
                for fields in map.into_iter().map_while(Result::ok).take_while(|fields| fields.index != u32::MAX) {
                    let ty = TypeIndex::from_u32(fields.index);
                    names.fields.extend(read_map(fields.names).map(|(field, name)| ((ty, field), name)));
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names
}

/// Indices and names, in order, up to the first that is malformed. The largest number is no index.
fn read_map(map: NameMap<'_>) -> impl Iterator<Item = (u32, Box<str>)> {
    let good = map.map_while(Result::ok).take_while(|naming| naming.index != u32::MAX);
    good.map(|naming| (naming.index, naming.name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A subsection with one name of one letter.
    fn one(id: u8, index: &[u8]) -> Vec<u8> {
        let len = u8::try_from(index.len() + 3).expect("short");
        [&[id, len, 1], index, &[1, b'x']].concat()
    }

    #[test]
    fn no_number_is_taken_for_an_index_that_is_none() {
        const MAX: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
        for (id, index) in [(1, &MAX[..]), (4, &MAX), (1, &[7]), (4, &[7])] {
            let names = read(&one(id, index), 0);
            let is_there = (names.funcs.contains_key(&FuncIndex::from_u32(7)), names.types.contains_key(&TypeIndex::from_u32(7)));
            assert_eq!(is_there, (index == [7] && id == 1, index == [7] && id == 4));
            assert!(names.funcs.len() + names.types.len() <= 1);
        }
        let fields = |ty: &[u8]| [&[10, u8::try_from(ty.len() + 5).expect("short"), 1], ty, &[1, 3, 1, b'y']].concat();
        assert_eq!(read(&fields(&[2]), 0).fields.get(&(TypeIndex::from_u32(2), 3)).map(|name| &**name), Some("y"));
        assert!(read(&fields(&MAX), 0).fields.is_empty());
    }
}
