//! Implementation limits, in one table.
//!
//! The figures are those of the WebAssembly JavaScript Interface, "Implementation-defined Limits"
//! (<https://webassembly.github.io/spec/js-api/#limits>), so that a module accepted by one engine is accepted by the other. Where
//! wasmparser takes less than that, and cannot be told otherwise, the figure is wasmparser's, and a comment says so.
//!
//! Counts of sections are compared in `wasm/decode/limits.rs` before anything of a section is read; bodies' limits where bodies are
//! translated. Parameters, results, names and the elements of one segment are counted by wasmparser, with these figures.

/// Bytes of one module.
pub const MODULE_BYTES: usize = 1_073_741_824;
/// Types in the type section.
pub const TYPE_COUNT: usize = 1_000_000;
/// Types of one recursion group.
pub const REC_GROUP_TYPE_COUNT: usize = 1_000_000;
/// Types between a type and the root of its hierarchy.
pub const SUBTYPING_DEPTH: usize = 63;
/// Types of a module, each counted once for itself and once for each type that it extends, however remotely. Not in the JavaScript
/// interface, whose limits allow 64 million: 64 MiB of tables for subtype checks.
pub const SUPERTYPE_COUNT: usize = 1 << 24;
/// Fields of a structure.
pub const FIELD_COUNT: usize = 10_000;
/// Functions, imported and defined.
pub const FUNC_COUNT: usize = 1_000_000;
/// Imports. Their types are bounded as well: see [`TYPE_SIZE`].
pub const IMPORT_COUNT: usize = 1_000_000;
/// Exports.
pub const EXPORT_COUNT: usize = 1_000_000;
/// Size of the types of all imports and exports together: wasmparser's limit, which the JavaScript interface does not have.
///
/// Each function and tag counts [`FUNC_TYPE_SIZE`], and one more for each parameter and result; everything else counts 1. So at most
/// 499,999 functions without parameters and results can be imported, or 999,998 globals.
pub const TYPE_SIZE: usize = 999_998;
/// Size of the type of a function without parameters and results, in terms of [`TYPE_SIZE`].
pub const FUNC_TYPE_SIZE: usize = 2;
/// Globals.
pub const GLOBAL_COUNT: usize = 1_000_000;
/// Tags.
pub const TAG_COUNT: usize = 1_000_000;
/// Tables.
pub const TABLE_COUNT: usize = 100_000;
/// Memories.
pub const MEMORY_COUNT: usize = 100;
/// Element segments: wasmparser's limit, a hundredth of the JavaScript interface's.
pub const ELEM_COUNT: usize = 100_000;
/// Data segments.
pub const DATA_COUNT: usize = 100_000;
/// Parameters of a function type.
pub const PARAM_COUNT: usize = 1_000;
/// Results of a function type.
pub const RESULT_COUNT: usize = 1_000;
/// Locals of a function, its parameters included.
pub const LOCAL_COUNT: usize = 50_000;
/// Bytes of a function body. They bound the depth of its blocks as well: a block takes three bytes at least.
pub const FUNC_BODY_BYTES: usize = 7_654_321;
/// Targets of one `br_table`, the default apart.
pub const BR_TABLE_TARGET_COUNT: usize = 65_520;
/// Elements of a table.
pub const TABLE_ELEM_COUNT: u64 = 10_000_000;
/// Pages of 64 KiB of a 32-bit memory.
pub const MEMORY32_PAGE_COUNT: u64 = 65_536;
/// Pages of 64 KiB of a 64-bit memory that can be had: 16 GiB, as in the JavaScript interface.
pub const MEMORY64_PAGE_COUNT: u64 = 262_144;
/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 65_536;
/// Bytes of a name (import, export, custom section).
pub const NAME_BYTES: usize = 100_000;
