//! Life cycles of modules and engines.

#![no_main]

use std::sync::LazyLock;

use deltic_fuzz::token;

static MODULES: LazyLock<token::Modules> = LazyLock::new(token::Modules::new);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Err(problem) = token::check(&MODULES, data) {
        panic!("{problem}");
    }
});
