//! Warm-up: how fast programs are when, in each way to compile and in the engines that are found on this machine.
//!
//! `cargo bench --bench tiering [-- PICTURE.svg [OPTION…]]`. Options are those of `deltic bench`, in place of `--time 3s --runs 5 --vs all`.
//! Peers are also looked for in the folder beside the checkout into which `peers.py get` puts them.

mod common;

use std::path::{Path, PathBuf};

use common::tiering::{self, Size};

/// `places.peers` of programs.toml, and what `peers.py get` puts there.
const PEERS: [(&str, &str); 3] = [
    ("node", "../bench-peers/node/package/bin/node"),
    ("bun", "../bench-peers/bun/package/bin/bun"),
    ("wasmtime", "../bench-peers/venv/bin/python"),
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let picture = args.next().map_or_else(|| folder.join("tiering.svg"), PathBuf::from);
    let mut options: Vec<String> = args.collect();
    if options.is_empty() {
        options = ["--time", "3s", "--runs", "5", "--vs", "all"].map(str::to_owned).into();
    }
    for (name, place) in PEERS {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        if program.exists() {
            options.extend(["--vs".to_owned(), format!("{name}={}", program.display())]);
        }
    }
    let programs = tiering::programs(Size::Measured);
    let measured: Vec<PathBuf> = programs.iter().map(|program| tiering::measure(program, &folder, &options)).collect();
    print!("{}", tiering::show(&measured, &picture));
    println!("\nthe curves are in {}", picture.display());
}
