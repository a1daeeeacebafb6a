//! Types in the text format (§6.4). A type of an engine has no index there: its id stands for one, as `$t7`.

use std::fmt;

use super::{
    ArrayType, Clauses, CompositeType, FieldType, FuncType, HeapType, RefType, StorageType, StructType, SubType, ValType,
};

impl fmt::Display for ValType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValType::I32 => f.write_str("i32"),
            ValType::I64 => f.write_str("i64"),
            ValType::F32 => f.write_str("f32"),
            ValType::F64 => f.write_str("f64"),
            ValType::V128 => f.write_str("v128"),
            ValType::Ref(r) => r.fmt(f),
        }
    }
}

impl fmt::Display for HeapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeapType::Func => "func",
            HeapType::NoFunc => "nofunc",
            HeapType::Extern => "extern",
            HeapType::NoExtern => "noextern",
            HeapType::Any => "any",
            HeapType::Eq => "eq",
            HeapType::I31 => "i31",
            HeapType::Struct => "struct",
            HeapType::Array => "array",
            HeapType::None => "none",
            HeapType::Exn => "exn",
            HeapType::NoExn => "noexn",
            HeapType::Concrete(_, index) => return write!(f, "{}", index.as_u32()),
            HeapType::Canonical(_, id) => return write!(f, "$t{}", id.as_u32()),
            HeapType::Exact(_, index) => return write!(f, "(exact {})", index.as_u32()),
            HeapType::CanonicalExact(_, id) => return write!(f, "(exact $t{})", id.as_u32()),
        })
    }
}

/// The short form of a nullable reference type (§6.4.4).
fn short(heap: HeapType) -> Option<&'static str> {
    Some(match heap {
        HeapType::Func => "funcref",
        HeapType::NoFunc => "nullfuncref",
        HeapType::Extern => "externref",
        HeapType::NoExtern => "nullexternref",
        HeapType::Any => "anyref",
        HeapType::Eq => "eqref",
        HeapType::I31 => "i31ref",
        HeapType::Struct => "structref",
        HeapType::Array => "arrayref",
        HeapType::None => "nullref",
        HeapType::Exn => "exnref",
        HeapType::NoExn => "nullexnref",
        HeapType::Concrete(..) | HeapType::Canonical(..) | HeapType::Exact(..) | HeapType::CanonicalExact(..) => return None,
    })
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nullable, short(self.heap)) {
            (true, Some(short)) => f.write_str(short),
            (true, None) => write!(f, "(ref null {})", self.heap),
            (false, _) => write!(f, "(ref {})", self.heap),
        }
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        for (keyword, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({keyword}")?;
                for ty in types {
                    write!(f, " {ty}")?;
                }
                f.write_str(")")?;
            }
        }
        f.write_str(")")
    }
}

impl fmt::Display for StorageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageType::I8 => f.write_str("i8"),
            StorageType::I16 => f.write_str("i16"),
            StorageType::Val(ty) => ty.fmt(f),
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mutable { write!(f, "(mut {})", self.storage) } else { self.storage.fmt(f) }
    }
}

impl fmt::Display for StructType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(struct")?;
        for field in &self.fields {
            write!(f, " (field {field})")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for ArrayType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(array {})", self.element)
    }
}

impl fmt::Display for CompositeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompositeType::Func(ty) => ty.fmt(f),
            CompositeType::Struct(ty) => ty.fmt(f),
            CompositeType::Array(ty) => ty.fmt(f),
        }
    }
}

/// `(sub final? super? clauses …)`, or its short form where it has one.
pub(crate) fn sub_type(
    f: &mut fmt::Formatter<'_>,
    is_final: bool,
    supertype: Option<HeapType>,
    clauses: Clauses<HeapType>,
    composite: &dyn fmt::Display,
) -> fmt::Result {
    if is_final && supertype.is_none() && clauses.is_empty() {
        return composite.fmt(f);
    }
    f.write_str(if is_final { "(sub final " } else { "(sub " })?;
    if let Some(supertype) = supertype {
        write!(f, "{supertype} ")?;
    }
    for (keyword, ty) in [("describes", clauses.describes), ("descriptor", clauses.descriptor)] {
        if let Some(ty) = ty {
            write!(f, "({keyword} {ty}) ")?;
        }
    }
    write!(f, "{composite})")
}

impl fmt::Display for SubType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |index| HeapType::Concrete(self.composite.kind(), index);
        sub_type(f, self.is_final, self.supertype.map(name), self.clauses.map(name), &self.composite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CanonicalTypeId, TypeIndex};
    use crate::wasm::types::CompositeKind;

    #[test]
    fn types_read_as_in_the_text_format() {
        let concrete = HeapType::Concrete(CompositeKind::Func, TypeIndex::from_u32(3));
        assert_eq!(RefType::nullable(concrete).to_string(), "(ref null 3)");
        assert_eq!(RefType::non_null(concrete).to_string(), "(ref 3)");
        assert_eq!(RefType::nullable(HeapType::None).to_string(), "nullref");
        assert_eq!(RefType::non_null(HeapType::I31).to_string(), "(ref i31)");
        let canonical = HeapType::Canonical(CompositeKind::Array, CanonicalTypeId::from_u32(7));
        assert_eq!(RefType::non_null(canonical).to_string(), "(ref $t7)");
        assert_eq!(RefType::non_null(canonical.exact()).to_string(), "(ref (exact $t7))");
        assert_eq!(RefType::nullable(concrete.exact()).to_string(), "(ref null (exact 3))");
        let byte = FieldType { storage: StorageType::I8, mutable: true };
        let any = FieldType { storage: StorageType::Val(ValType::ANYREF), mutable: false };
        let composite = CompositeType::Struct(StructType { fields: [byte, any].into() });
        assert_eq!(SubType::plain(composite.clone()).to_string(), "(struct (field (mut i8)) (field anyref))");
        let plain = SubType::plain(composite);
        let sub = SubType { is_final: false, supertype: Some(TypeIndex::from_u32(1)), ..plain.clone() };
        assert_eq!(sub.to_string(), "(sub 1 (struct (field (mut i8)) (field anyref)))");
        let clauses = Clauses { describes: Some(TypeIndex::from_u32(4)), descriptor: Some(TypeIndex::from_u32(6)) };
        let meta = SubType { clauses, composite: CompositeType::Struct(StructType { fields: [].into() }), ..plain };
        assert_eq!(meta.to_string(), "(sub final (describes 4) (descriptor 6) (struct))");
        let array = SubType { is_final: false, ..SubType::plain(CompositeType::Array(ArrayType { element: byte })) };
        assert_eq!(array.to_string(), "(sub (array (mut i8)))");
    }
}
