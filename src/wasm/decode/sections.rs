//! One function per section.

use std::ops::Range;

use wasmparser as wp;

use super::hints;
use super::types::{self, Translation};
use crate::base::{FuncIndex, GlobalIndex, MemoryIndex, TableIndex, TagIndex, TypeIndex};
use crate::wasm::error::CompileError;
use crate::wasm::module::{
    ConstExpr, ConstOp, DataMode, DataSegment, ElemItems, ElemMode, ElemSegment, Export, ExportIndex, Import, ImportKind,
    TableDecl, WasmModule,
};

type Result<T> = std::result::Result<T, CompileError>;

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl WasmModule {
    pub(super) fn read_types(&mut self, reader: wp::TypeSectionReader<'_>) -> Result<()> {
        let start = at(reader.range().start);
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

    pub(super) fn read_funcs(&mut self, reader: wp::FunctionSectionReader<'_>) -> Result<()> {
        for ty in reader {
            self.funcs.push(TypeIndex::from_u32(ty?));
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

    pub(super) fn read_datas(&mut self, reader: wp::DataSectionReader<'_>) -> Result<()> {
        for data in reader {
            let data = data?;
            let mode = match data.kind {
                wp::DataKind::Passive => DataMode::Passive,
                wp::DataKind::Active { memory_index, offset_expr } => {
                    DataMode::Active { memory: MemoryIndex::from_u32(memory_index), offset: const_expr(&offset_expr)? }
                }
            };
            // `range` covers the whole segment; its bytes are the tail.
            let end = at(data.range.end);
            self.datas.push(DataSegment { mode, bytes: end - data.data.len()..end });
        }
        Ok(())
    }

    pub(super) fn read_custom(&mut self, reader: &wp::CustomSectionReader<'_>) {
        let start = at(reader.data_offset());
        let range = start..start + reader.data().len();
        if reader.name() == "name" {
            self.name_section = Some(range.clone());
        }
        if reader.name() == hints::SECTION {
            self.branch_hints = hints::read(reader.data(), start);
        }
        self.customs.push((reader.name().into(), range));
    }

    pub(super) fn push_body(&mut self, range: Range<u64>) -> Result<()> {
        let (Ok(start), Ok(end)) = (u32::try_from(range.start), u32::try_from(range.end)) else {
            return Err(CompileError::limit("function body beyond 4 GiB", Some(at(range.start))));
        };
        self.bodies.push(start..end);
        Ok(())
    }

    pub(super) fn index_exports(&mut self) {
        self.export_by_name = self.exports.iter().enumerate().map(|(position, export)| (export.name.clone(), position)).collect();
    }

    fn declare(&mut self, expr: &ConstExpr) {
        self.declared_funcs.extend(expr.0.iter().filter_map(|op| match op {
            ConstOp::RefFunc(func) => Some(*func),
            _ => None,
        }));
    }
}

/// A validated constant expression.
fn const_expr(expr: &wp::ConstExpr<'_>) -> Result<ConstExpr> {
    let mut ops = Vec::new();
    for op in expr.get_operators_reader().into_iter_with_offsets() {
        let (op, offset) = op?;
        ops.push(match op {
            wp::Operator::I32Const { value } => ConstOp::I32(value),
            wp::Operator::I64Const { value } => ConstOp::I64(value),
            wp::Operator::F32Const { value } => ConstOp::F32(value.bits()),
            wp::Operator::F64Const { value } => ConstOp::F64(value.bits()),
            wp::Operator::V128Const { value } => ConstOp::V128(u128::from_le_bytes(*value.bytes())),
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
    Ok(ConstExpr(ops.into_boxed_slice()))
}
