//! Generated modules under Deltic and under an interpreter.

#![no_main]

use std::sync::LazyLock;

use deltic_fuzz::{differential, random};

static ENGINES: LazyLock<differential::Engines> = LazyLock::new(differential::Engines::new);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(problem) = differential::check(&ENGINES, data, random::hash(data)) {
        panic!("{problem}");
    }
});
