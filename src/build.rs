//! Names this build of the engine, for files of code: see `cache/fingerprint.rs`.
//!
//! What code may assume of the engine (layouts, conventions, numbers) is written all over the sources, so that all of them are hashed, with
//! what decides how they are compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// FNV-1a with 128 bits: no two builds meet by accident, and files of code are not trusted for their build.
struct Hash(u128);

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        // The length first, so that what is added cannot run together.
        for &byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.toml");
    let mut hash = Hash(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    let mut files = vec![PathBuf::from("Cargo.toml")];
    // The command and tests are no part of what code assumes.
    sources(Path::new("src"), &mut files);
    files.retain(|path| !path.starts_with("src/bin"));
    files.sort();
    for path in &files {
        hash.add(path.to_string_lossy().as_bytes());
        hash.add(&fs::read(path).unwrap_or_default());
    }
    let mut settings: Vec<(String, String)> = std::env::vars()
        .filter(|(name, _)| {
            let of_build = matches!(name.as_str(), "TARGET" | "PROFILE" | "OPT_LEVEL" | "CARGO_ENCODED_RUSTFLAGS");
            of_build || name.starts_with("CARGO_FEATURE_")
        })
        .collect();
    settings.sort();
    for (name, value) in &settings {
        hash.add(name.as_bytes());
        hash.add(value.as_bytes());
    }
    // Layouts of structures are the compiler's choice.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("-vV").output();
    hash.add(&version.map(|output| output.stdout).unwrap_or_default());
    println!("cargo::rustc-env=DELTIC_BUILD_ID={:032x}", hash.0);
}
