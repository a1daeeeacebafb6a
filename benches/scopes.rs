//! Waiting for scopes and holding them, by number of compile tasks: not a time per call but a distribution, so no harness.
//!
//! `cargo bench --bench scopes [-- BYTES TASKS…]`

mod common;

use common::{modules, scopes};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let (bytes, tasks) = match &numbers[..] {
        [bytes, tasks @ ..] if !tasks.is_empty() => (*bytes, tasks.to_vec()),
        [bytes] => (*bytes, vec![0, 1, 2, 4, 8]),
        _ => (2 << 20, vec![0, 1, 2, 4, 8]),
    };
    let module = modules::mixed(bytes);
    println!("a generated module of {} bytes; shares are of the processor time of compiling", module.len());
    println!("{}", scopes::table(&tasks, &module));
}
