//! The checks of `tests/suite/fuzz`, for the targets of this package.
//!
//! In this folder, on a stable toolchain and from seeds, each number being one input that can be had again (`--from N --count 1`):
//!
//! ```text
//! cargo run --release --bin seeds -- all --seconds 240
//! ```
//!
//! `bodies` mutates bodies and compares the quick validator with wasmparser, some thousand bodies a seed. `streams` gives
//! damaged modules in pieces, and `stored` damages files of code. `differential` compares with wasmi; `objects` (what wasm-smith makes with objects and exceptions) and `programs` (a generator of our own,
//! [`programs`]) with wasmtime; `legacy` (the same generator, exceptions of the older form) with Node, found as `$NODE` or on the path:
//!
//! ```text
//! cargo run --release --bin seeds -- programs --from 1000000 --seconds 3600
//! ```
//!
//! These three run Deltic at ease, under stress and with a small nursery by turns, count what they compared, and fail when nothing was
//! moved under stress.
//!
//! A seed that takes longer than 30 s (`--patience S`) is printed, and the process aborts; `gdb --args` around it then shows where all
//! threads stand (`thread apply all backtrace`).
//!
//! With libFuzzer and AddressSanitizer on a nightly toolchain, guided by coverage, with or without cargo-fuzz:
//!
//! ```text
//! export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
//!     -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1"
//! cargo +nightly build --release --features libfuzzer --target x86_64-unknown-linux-gnu
//! cd target/x86_64-unknown-linux-gnu/release
//! mkdir -p decode.corpus differential.corpus token.corpus
//! ./decode -max_len=8192 -len_control=0 -max_total_time=150 decode.corpus ../../../../wat
//! ./differential -max_len=12288 -len_control=0 -max_total_time=200 differential.corpus
//! ./token -max_len=130 -len_control=0 -max_total_time=200 token.corpus
//! ```
//!
//! Inputs of `differential` are noise for a generator and those of `token` are steps: short ones mean little, hence `-len_control=0`;
//! a few files of noise are a good first corpus. The target must be named, or build scripts and macros get the sanitizer as well.

#[path = "../../tests/suite/fuzz/bodies.rs"]
pub mod bodies;
#[path = "../../tests/suite/fuzz/collect.rs"]
pub mod collect;
#[path = "../../tests/suite/fuzz/decode.rs"]
pub mod decode;
#[path = "../../tests/suite/fuzz/differential.rs"]
pub mod differential;
#[path = "../../tests/suite/fuzz/generate.rs"]
pub mod generate;
#[path = "../../tests/suite/fuzz/interpreter.rs"]
pub mod interpreter;
#[path = "../../tests/suite/fuzz/mixed.rs"]
pub mod mixed;
#[path = "../../benches/common/modules.rs"]
pub mod modules;
pub mod node;
#[path = "../../tests/suite/fuzz/observe.rs"]
pub mod observe;
#[path = "../../tests/suite/fuzz/oracle.rs"]
pub mod oracle;
#[path = "../../tests/suite/fuzz/programs/mod.rs"]
pub mod programs;
#[path = "../../tests/suite/fuzz/random.rs"]
pub mod random;
#[path = "../../tests/suite/fuzz/stored.rs"]
pub mod stored;
#[path = "../../tests/suite/fuzz/subject.rs"]
pub mod subject;
#[path = "../../tests/suite/fuzz/token.rs"]
pub mod token;
pub mod wasmtime;
