//! Which proposals are on in which folder of the suite.

use wasmparser::WasmFeatures;

/// The features that a script's folder stands for; those of the present specification where the folder says nothing.
pub(super) fn features_of(path: &str) -> WasmFeatures {
    let folders = path.split(['/', '\\']).rev().skip(1);
    folders.filter_map(features_of_folder).next().unwrap_or_else(present)
}

/// The present specification: what is finished, and nothing that would make it more permissive.
fn present() -> WasmFeatures {
    WasmFeatures::default().difference(WasmFeatures::CUSTOM_PAGE_SIZES | WasmFeatures::COMPACT_IMPORTS)
}

fn features_of_folder(folder: &str) -> Option<WasmFeatures> {
    Some(match folder {
        // Written against the first version: a second memory or table is an error there.
        "threads" => WasmFeatures::WASM1 | WasmFeatures::THREADS,
        "custom-page-sizes" => present() | WasmFeatures::CUSTOM_PAGE_SIZES,
        "wide-arithmetic" => present() | WasmFeatures::WIDE_ARITHMETIC,
        "custom-descriptors" => present() | WasmFeatures::CUSTOM_DESCRIPTORS,
        "compact-import-section" => present() | WasmFeatures::COMPACT_IMPORTS,
        "legacy" => present() | WasmFeatures::LEGACY_EXCEPTIONS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_folder_that_is_known_decides() {
        assert!(!features_of("suite/proposals/threads/atomic.wast").contains(WasmFeatures::REFERENCE_TYPES));
        assert!(features_of("custom-page-sizes/memory_max.wast").contains(WasmFeatures::CUSTOM_PAGE_SIZES));
        assert_eq!(features_of("threads.wast"), present());
        assert_eq!(features_of("/a/b/i32.wast"), present());
    }
}
