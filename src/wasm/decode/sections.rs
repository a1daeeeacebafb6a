//! One function per section.

use std::ops::Range;

use cranelift_entity::PrimaryMap;
use smallvec::{SmallVec, smallvec};
use wasmparser as wp;

use super::decoder::Window;
use super::types::{self, Translation};
use super::{hints, priorities};
use crate::base::{DataIndex, FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeIndex};
use crate::wasm::error::CompileError;
use crate::wasm::module::{
    ConstExpr, ConstOp, DataMode, DataSegment, ElemItems, ElemMode, ElemSegment, Export, ExportIndex, Import, ImportKind,
    TableDecl, Tail, WasmModule,
};

use crate::wasm::wire_bytes::WireBytes;
use crate::wasm::words::{Code, short_sleb64, valid_sleb32};

type Result<T> = std::result::Result<T, CompileError>;

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl WasmModule {
    pub(super) fn read_types(&mut self, reader: wp::TypeSectionReader<'_>) -> Result<()> {
        let start = at(reader.range().start);
        // A group takes two bytes at least, and most are of one type.
        let groups = (reader.count() as usize).min(at(reader.range().end - reader.range().start) / 2);
        self.types.reserve(groups);
        self.rec_groups.reserve(groups);
        let mut kinds = Vec::new();
        for group in reader {
            let group = group?;
            kinds.clear();
            for ty in group.types() {
                let unsupported = || types::unsupported(format_args!("the type {ty}"), start);
                kinds.push(types::kind(&ty.composite_type).ok_or_else(unsupported)?);
            }
            if kinds.is_empty() {
                continue;
            }
            let first = self.types.next_key();
            self.rec_groups.push(first);
            for (offset, ty) in group.into_types_and_offsets() {
                let ty = Translation { module: self, group: (first, &kinds), offset: at(offset) }.sub_type(&ty)?;
                self.types.push(ty);
            }
        }
        Ok(())
    }

    fn translation(&self, offset: usize) -> Translation<'_> {
        Translation { module: self, group: (self.types.next_key(), &[]), offset }
    }

    pub(super) fn read_imports(&mut self, reader: wp::ImportSectionReader<'_>) -> Result<()> {
        let offset = at(reader.range().start);
        for import in reader.into_imports() {
            let import = import?;
            let kind = match import.ty {
                wp::TypeRef::Func(index) | wp::TypeRef::FuncExact(index) => {
                    let ty = TypeIndex::from_u32(index);
                    self.funcs.push(ty);
                    self.imported_func_count += 1;
                    if import.ty == wp::TypeRef::Func(index) { ImportKind::Func(ty) } else { ImportKind::FuncExact(ty) }
                }
                wp::TypeRef::Table(ty) => {
                    let ty = self.translation(offset).table_type(&ty)?;
                    self.tables.push(TableDecl { ty, init: None });
                    self.imported_table_count += 1;
                    ImportKind::Table(ty)
                }
                wp::TypeRef::Memory(ty) => {
                    let ty = types::memory_type(&ty);
                    self.memories.push(ty);
                    self.imported_memory_count += 1;
                    ImportKind::Memory(ty)
                }
                wp::TypeRef::Global(ty) => {
                    let ty = self.translation(offset).global_type(&ty)?;
                    self.globals.push(ty);
                    self.imported_global_count += 1;
                    ImportKind::Global(ty)
                }
                wp::TypeRef::Tag(ty) => {
                    let ty = TypeIndex::from_u32(ty.func_type_idx);
                    self.tags.push(ty);
                    ImportKind::Tag(ty)
                }
            };
            self.imports.push(Import { module: import.module.into(), name: import.name.into(), kind });
        }
        Ok(())
    }

    pub(super) fn read_funcs(&mut self, wire_bytes: Window<'_>, section: &wp::FunctionSectionReader<'_>) -> Result<()> {
        let range = section.range();
        let mut reader = wp::BinaryReader::new(wire_bytes.get(range.clone()), range.start);
        let count = reader.read_var_u32()?;
        // Each takes a byte at least.
        self.funcs.reserve((count as usize).min(reader.bytes_remaining()));
        for _ in 0..count {
            self.funcs.push(TypeIndex::from_u32(reader.read_var_u32()?));
        }
        Ok(())
    }

    pub(super) fn read_tables(&mut self, reader: wp::TableSectionReader<'_>) -> Result<()> {
        for table in reader.into_iter_with_offsets() {
            let (offset, table) = table?;
            let ty = self.translation(at(offset)).table_type(&table.ty)?;
            let init = match table.init {
                wp::TableInit::RefNull => None,
                wp::TableInit::Expr(expr) => Some(const_expr(&expr)?),
            };
            self.tables.push(TableDecl { ty, init });
        }
        Ok(())
    }

    pub(super) fn read_memories(&mut self, reader: wp::MemorySectionReader<'_>) -> Result<()> {
        for memory in reader {
            self.memories.push(types::memory_type(&memory?));
        }
        Ok(())
    }

    pub(super) fn read_tags(&mut self, reader: wp::TagSectionReader<'_>) -> Result<()> {
        for tag in reader {
            self.tags.push(TypeIndex::from_u32(tag?.func_type_idx));
        }
        Ok(())
    }

    pub(super) fn read_globals(&mut self, reader: wp::GlobalSectionReader<'_>) -> Result<()> {
        for global in reader.into_iter_with_offsets() {
            let (offset, global) = global?;
            let ty = self.translation(at(offset)).global_type(&global.ty)?;
            self.globals.push(ty);
            let init = const_expr(&global.init_expr)?;
            self.declare(&init);
            self.global_inits.push(init);
        }
        Ok(())
    }

    pub(super) fn read_exports(&mut self, reader: wp::ExportSectionReader<'_>) -> Result<()> {
        // Each takes three bytes at least.
        self.exports.reserve((reader.count() as usize).min(at(reader.range().end - reader.range().start) / 3));
        for export in reader.into_iter_with_offsets() {
            let (offset, export) = export?;
            let index = match export.kind {
                wp::ExternalKind::Func => {
                    let func = FuncIndex::from_u32(export.index);
                    self.declared_funcs.push(func);
                    ExportIndex::Func(func)
                }
                wp::ExternalKind::Table => ExportIndex::Table(TableIndex::from_u32(export.index)),
                wp::ExternalKind::Memory => ExportIndex::Memory(MemoryIndex::from_u32(export.index)),
                wp::ExternalKind::Global => ExportIndex::Global(GlobalIndex::from_u32(export.index)),
                wp::ExternalKind::Tag => ExportIndex::Tag(TagIndex::from_u32(export.index)),
                wp::ExternalKind::FuncExact => return Err(CompileError::invalid("exact exports are not supported", at(offset))),
            };
            self.exports.push(Export { name: export.name.into(), index });
        }
        Ok(())
    }

    pub(super) fn read_elems(&mut self, reader: wp::ElementSectionReader<'_>) -> Result<()> {
        for elem in reader.into_iter_with_offsets() {
            let (offset, elem) = elem?;
            let mode = match elem.kind {
                wp::ElementKind::Passive => ElemMode::Passive,
                wp::ElementKind::Declared => ElemMode::Declared,
                wp::ElementKind::Active { table_index, offset_expr } => {
                    ElemMode::Active { table: TableIndex::from_u32(table_index.unwrap_or(0)), offset: const_expr(&offset_expr)? }
                }
            };
            let (ty, items) = match elem.items {
                wp::ElementItems::Functions(funcs) => {
                    let funcs =
                        funcs.into_iter().map(|f| f.map(FuncIndex::from_u32)).collect::<std::result::Result<Box<[_]>, _>>()?;
                    self.declared_funcs.extend_from_slice(&funcs);
                    (crate::wasm::types::RefType::FUNC, ElemItems::Funcs(funcs))
                }
                wp::ElementItems::Expressions(ty, exprs) => {
                    let exprs = exprs.into_iter().map(|e| const_expr(&e?)).collect::<Result<Box<[_]>>>()?;
                    exprs.iter().for_each(|expr| self.declare(expr));
                    (self.translation(at(offset)).ref_type(ty)?, ElemItems::Exprs(exprs))
                }
            };
            self.elems.push(ElemSegment { mode, ty, items });
        }
        Ok(())
    }

    /// Hints for the code of functions, which stand in front of them: behind the code section they say nothing.
    pub(super) fn read_hints(&mut self, reader: &wp::CustomSectionReader<'_>) {
        let start = at(reader.data_offset());
        if reader.name() == hints::SECTION {
            self.branch_hints = hints::read(reader.data(), start);
        }
    }

    fn declare(&mut self, expr: &ConstExpr) {
        self.declared_funcs.extend(expr.0.iter().filter_map(|op| match op {
            ConstOp::RefFunc(func) => Some(*func),
            _ => None,
        }));
    }
}

impl Tail {
    /// Reads the segments out of the bytes of the section, whose validity is known. Some modules have a hundred thousand.
    pub(super) fn read_datas(&mut self, wire_bytes: Window<'_>, section: &wp::DataSectionReader<'_>) -> Result<()> {
        let range = section.range();
        let bytes = wire_bytes.get(range.clone());
        let (start, code) = (at(range.start), Code::new(bytes));
        let mut reader = wp::BinaryReader::new(bytes, range.start);
        reader.read_var_u32()?;
        let mut position = reader.current_position();
        let mut datas = PrimaryMap::with_capacity(section.count() as usize);
        for _ in 0..section.count() {
            let (segment, next) = match usual_data(code, position, start) {
                Some(data) => data,
                None => other_data(bytes.get(position..).unwrap_or_default(), start + position)?,
            };
            position = next - start;
            datas.push(segment);
        }
        self.data_count = datas.len();
        // New: nobody has set it.
        self.datas.get_or_init(|| datas);
        Ok(())
    }

    pub(super) fn read_custom(&mut self, reader: &wp::CustomSectionReader<'_>) {
        let start = at(reader.data_offset());
        if reader.name() == priorities::SECTION {
            self.priorities = priorities::read(reader.data(), start);
        }
        self.add_custom(reader.name(), start..start + reader.data().len());
    }

    /// Adds a custom section whose contents are looked at when somebody asks for them.
    pub(super) fn add_custom(&mut self, name: &str, contents: Range<usize>) {
        if name == "name" {
            self.name_section = Some(contents.clone());
        }
        self.customs.push((name.into(), contents));
    }
}

/// The segments of a section that was not decoded with its module, which is valid. None if it is not what it was: see
/// [`has_datas`](WasmModule::has_datas).
pub fn late_datas((wire_bytes, range): &(WireBytes, Range<usize>)) -> PrimaryMap<DataIndex, DataSegment> {
    let mut tail = Tail::default();
    if wire_bytes.want(range.clone()) {
        let window = Window { bytes: wire_bytes.of(range), start: range.start };
        let section = wp::DataSectionReader::new(wp::BinaryReader::new(window.bytes, range.start as u64));
        let read = section.map_err(CompileError::from).and_then(|section| tail.read_datas(window, &section));
        debug_assert!(read.is_ok(), "{read:?}");
    }
    tail.datas.into_inner().unwrap_or_default()
}

/// A data segment of the form that nearly all have: of the first memory, at an address that is a constant. The section begins at `section` of
/// the module. Gives the module's position behind the segment too.
fn usual_data(code: Code<'_>, position: usize, section: usize) -> Option<(DataSegment, usize)> {
    let word = code.word_at(position)?;
    // Active, of the first memory; `i32.const`.
    if word & 0xffff != 0x4100 {
        return None;
    }
    let (address, size) = valid_sleb32(word >> 16)?;
    let end = position + 2 + size;
    if code.byte_at(end)? != 0x0b {
        return None;
    }
    let (count, start) = code.u32_at(end + 1)?;
    let start = section + start;
    let bytes = start..start.checked_add(count as usize)?;
    let offset = ConstExpr(smallvec![ConstOp::I32(address)]);
    let next = bytes.end;
    Some((DataSegment { mode: DataMode::Active { memory: MemoryIndex::from_u32(0), offset }, bytes }, next))
}

/// A data segment of any form, at the beginning of some bytes, and the position behind it.
fn other_data(bytes: &[u8], position: usize) -> Result<(DataSegment, usize)> {
    let mut reader = wp::BinaryReader::new(bytes, position as u64);
    let data: wp::Data<'_> = reader.read()?;
    let mode = match data.kind {
        wp::DataKind::Passive => DataMode::Passive,
        wp::DataKind::Active { memory_index, offset_expr } => {
            DataMode::Active { memory: MemoryIndex::from_u32(memory_index), offset: const_expr(&offset_expr)? }
        }
    };
    // The bytes are the tail of the segment.
    let end = at(reader.original_position());
    Ok((DataSegment { mode, bytes: end - data.data.len()..end }, end))
}

/// A validated constant expression.
fn const_expr(expr: &wp::ConstExpr<'_>) -> Result<ConstExpr> {
    if let Some(op) = single_const(expr) {
        return Ok(ConstExpr(smallvec![op]));
    }
    const_ops(expr)
}

/// All operators of an expression.
fn const_ops(expr: &wp::ConstExpr<'_>) -> Result<ConstExpr> {
    let mut ops = SmallVec::new();
    for op in expr.get_operators_reader().into_iter_with_offsets() {
        let (op, offset) = op?;
        ops.push(match op {
            wp::Operator::I32Const { value } => ConstOp::I32(value),
            wp::Operator::I64Const { value } => ConstOp::I64(value),
            wp::Operator::F32Const { value } => ConstOp::F32(value.bits()),
            wp::Operator::F64Const { value } => ConstOp::F64(value.bits()),
            wp::Operator::V128Const { value } => ConstOp::V128(*value.bytes()),
            wp::Operator::RefNull { .. } => ConstOp::RefNull,
            wp::Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIndex::from_u32(function_index)),
            wp::Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIndex::from_u32(global_index)),
            wp::Operator::I32Add => ConstOp::I32Add,
            wp::Operator::I32Sub => ConstOp::I32Sub,
            wp::Operator::I32Mul => ConstOp::I32Mul,
            wp::Operator::I64Add => ConstOp::I64Add,
            wp::Operator::I64Sub => ConstOp::I64Sub,
            wp::Operator::I64Mul => ConstOp::I64Mul,
            wp::Operator::StructNew { struct_type_index } => ConstOp::StructNew(TypeIndex::from_u32(struct_type_index)),
            wp::Operator::StructNewDefault { struct_type_index } => {
                ConstOp::StructNewDefault(TypeIndex::from_u32(struct_type_index))
            }
            wp::Operator::StructNewDesc { struct_type_index } => ConstOp::StructNewDesc(TypeIndex::from_u32(struct_type_index)),
            wp::Operator::StructNewDefaultDesc { struct_type_index } => {
                ConstOp::StructNewDefaultDesc(TypeIndex::from_u32(struct_type_index))
            }
            wp::Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(TypeIndex::from_u32(array_type_index)),
            wp::Operator::ArrayNewDefault { array_type_index } => ConstOp::ArrayNewDefault(TypeIndex::from_u32(array_type_index)),
            wp::Operator::ArrayNewFixed { array_type_index, array_size } => {
                ConstOp::ArrayNewFixed(TypeIndex::from_u32(array_type_index), array_size)
            }
            wp::Operator::RefI31 => ConstOp::RefI31,
            // References do not change with their type.
            wp::Operator::AnyConvertExtern | wp::Operator::ExternConvertAny | wp::Operator::End => continue,
            other => {
                let name = format!("{other:?}");
                let name = name.split([' ', '{']).next().unwrap_or_default();
                return Err(types::unsupported(format_args!("operator {name} in a constant expression"), at(offset)));
            }
        });
    }
    Ok(ConstExpr(ops))
}

/// The operator of an expression that is one constant.
fn single_const(expr: &wp::ConstExpr<'_>) -> Option<ConstOp> {
    let mut reader = expr.get_binary_reader();
    let bytes = reader.read_bytes(reader.bytes_remaining()).ok()?;
    let mut word = [0; 8];
    word.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let word = u64::from_le_bytes(word);
    let (op, size) = match word as u8 {
        0x41 => valid_sleb32(word >> 8).map(|(value, size)| (ConstOp::I32(value), size))?,
        0x42 => short_sleb64(word >> 8).map(|(value, size)| (ConstOp::I64(value), size))?,
        _ => return None,
    };
    // The last one ends the expression.
    (bytes.len() == 1 + size + 1).then_some(op)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_segments_are_read_as_any_others() {
        let mut usual = 0;
        for head in [&[0x00, 0x41][..], &[0x00, 0x42], &[0x01], &[0x02, 0x00, 0x41], &[0x02, 0x01, 0x41], &[0x00, 0x23]] {
            for address in [
                &[0x00][..],
                &[0x7f],
                &[0x80, 0x01],
                &[0xff, 0x7f],
                &[0x80, 0x80, 0x80, 0x80, 0x78],
                &[0x81, 0x80, 0x80, 0x80, 0x00],
            ] {
                for tail in [
                    &[0x0b, 0x00][..],
                    &[0x0b, 0x02, 0xaa, 0xbb],
                    &[0x0b, 0x81, 0x00, 0x0b],
                    &[0x41, 0x01, 0x6a, 0x0b, 0x01, 0x0b],
                ] {
                    let address = if head == [0x01] { &[] } else { address };
                    let tail = if head == [0x01] { &tail[1..] } else { tail };
                    let segment = [head, address, tail].concat();
                    let bytes = [&[0xff; 3][..], &segment, &[0x0b; 8]].concat();
                    let Ok((expected, end)) = other_data(&bytes[3..], 3) else { continue };
                    if let Some((found, next)) = usual_data(Code::new(&bytes), 3, 0) {
                        usual += 1;
                        assert_eq!((format!("{found:?}"), next), (format!("{expected:?}"), end), "{segment:02x?}");
                    }
                }
            }
        }
        assert_eq!(usual, 6 * 3);
    }

    #[test]
    fn single_constants_are_read_as_any_expressions() {
        for bytes in [
            &[0x41, 0x7f, 0x0b][..],
            &[0x41, 0x80, 0x80, 0x80, 0x80, 0x78, 0x0b],
            &[0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f, 0x0b],
            &[0x42, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x0b],
            &[0x42, 0x40, 0x0b],
            &[0x41, 0x01, 0x41, 0x02, 0x6a, 0x0b],
            &[0x23, 0x00, 0x0b],
        ] {
            let expr = wp::ConstExpr::new(wp::BinaryReader::new(bytes, 0));
            let expected = const_ops(&expr).expect("a constant expression");
            assert_eq!(const_expr(&expr).expect("the same"), expected, "{bytes:02x?}");
        }
    }
}
