//! Any bytes as a module.

#![no_main]

use std::sync::LazyLock;

use deltic_fuzz::decode;

static ENGINES: LazyLock<decode::Engines> = LazyLock::new(decode::Engines::new);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(problem) = decode::check(&ENGINES, data) {
        panic!("{problem}");
    }
});
