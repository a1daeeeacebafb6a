//! Typed indices. A bare `u32` never names a function, a table or a local.
//!
//! The index spaces are those of the specification (§2.5.1): an index space starts with the imports, and the `Defined…`
//! twins count only what the module itself defines.

use cranelift_entity::entity_impl;

macro_rules! typed_indices {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(u32);
            entity_impl!($name, $prefix);
        )*
    };
}

typed_indices! {
    /// A type of a module's type section.
    TypeIndex, "type";
    /// A function, imported or defined.
    FuncIndex, "func";
    /// A function with a body in this module; body `n` is function `imported_func_count + n`.
    DefinedFuncIndex, "defined_func";
    /// A table, imported or defined.
    TableIndex, "table";
    /// A memory, imported or defined.
    MemoryIndex, "memory";
    /// A global, imported or defined.
    GlobalIndex, "global";
    /// A global with an initializer in this module.
    DefinedGlobalIndex, "defined_global";
    /// A tag, imported or defined.
    TagIndex, "tag";
    /// An element segment.
    ElemIndex, "elem";
    /// A data segment.
    DataIndex, "data";
    /// A function type made canonical across all modules of an engine: equal ids are equal types.
    CanonicalTypeId, "canon";
}
