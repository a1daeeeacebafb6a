//! Modules from random bytes, by wasm-smith.

use arbitrary::Unstructured;
use wasm_smith::{Config, MemoryOffsetChoices, Module};

use super::random::Random;

/// Fuel of a generated module: loops and calls until `unreachable`.
const FUEL: u32 = 300;

/// A module that ends, and that both engines take; none when the bytes do not make one.
pub fn module(data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Unstructured::new(data);
    let config = config(bytes.arbitrary().ok()?);
    let mut module = Module::new(config, &mut bytes).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

/// A module with objects and exceptions, which only engines that collect garbage take.
pub fn seeded_object_module(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    let count = 1024 + random.below(11 << 10);
    let bytes = random.bytes(count);
    let mut bytes = Unstructured::new(&bytes);
    let config = config(bytes.arbitrary().ok()?);
    let (gc_enabled, exceptions_enabled) = (true, true);
    let config = Config {
        gc_enabled,
        exceptions_enabled,
        // It makes exact types only, and other engines refuse those.
        custom_descriptors_enabled: seed.is_multiple_of(4),
        max_imports: 2,
        min_types: 12,
        max_types: 40,
        max_globals: 16,
        max_tags: 6,
        ..config
    };
    let mut module = Module::new(config, &mut bytes).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}

/// A module from a seed.
pub fn seeded_module(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    let count = 1024 + random.below(11 << 10);
    module(&random.bytes(count))
}

/// Proposals are switched on and off by the bits of a number, so that each is met with and without the others.
fn config(switches: u32) -> Config {
    let on = |bit: u32| switches >> bit & 1 == 1;
    Config {
        bulk_memory_enabled: true,
        reference_types_enabled: true,
        multi_value_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: on(0),
        tail_call_enabled: on(1),
        memory64_enabled: on(2),
        extended_const_enabled: on(3),
        wide_arithmetic_enabled: on(4),
        custom_page_sizes_enabled: on(5) && on(6),
        max_memories: if on(7) { 3 } else { 1 },
        max_tables: if on(8) { 3 } else { 1 },
        allow_floats: !(on(9) && on(10)),
        // One of the engines does not know these, or may choose their results.
        exceptions_enabled: false,
        gc_enabled: false,
        threads_enabled: false,
        relaxed_simd_enabled: false,
        compact_imports_enabled: false,
        canonicalize_nans: true,
        export_everything: true,
        max_imports: 8,
        min_types: 4,
        min_funcs: 5,
        min_globals: 2,
        min_memories: u32::from(!on(11) || !on(12)),
        min_tables: u32::from(!on(13) || !on(14)),
        max_funcs: 12,
        max_globals: 8,
        max_types: 16,
        max_instructions: 100,
        max_data_segments: 6,
        max_element_segments: 6,
        max_elements: 12,
        max_memory32_bytes: 8 << 16,
        max_memory64_bytes: 8 << 16,
        memory_max_size_required: true,
        max_table_elements: 100,
        table_max_size_required: true,
        memory_offset_choices: MemoryOffsetChoices(90, 9, 1),
        ..Config::default()
    }
}
