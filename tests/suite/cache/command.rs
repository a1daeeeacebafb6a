//! The command's cache, in processes that are processes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A program that is large enough to be kept: a table of bytes, and a sum over it.
fn program(folder: &Path) -> String {
    let table: String = (0..20_000u32).map(|n| format!("\\{:02x}", (n * 7 + 3) as u8)).collect();
    let text = format!(
        r#"(module (memory 1) (data (i32.const 0) "{table}")
        (func $at (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "sum") (param i32) (result i32) (local $n i32)
            (loop $again
                (local.set $n (i32.add (local.get $n) (call $at (local.get 0))))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get $n)))"#
    );
    let path = folder.join("program.wasm");
    std::fs::write(&path, wat::parse_str(&text).expect("text")).expect("written");
    path.to_string_lossy().into_owned()
}

/// Functions stay in their tier.
const STAY: [&str; 3] = ["--no-osr", "--tier-up-calls", "1000000"];

fn deltic(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    command.args(args).env("HOME", home).env_remove("XDG_CACHE_HOME");
    command.output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs the program; gives how many functions were compiled and how many loaded, and what else was said.
fn run(home: &Path, args: &[&str], program: &str) -> (u64, u64, String) {
    let args = [&["run", "--stats"], args, &["--invoke", "sum", program, "2000"]].concat();
    let output = deltic(home, &args);
    let stderr = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).trim()), (Some(0), "254280"), "{stderr}");
    let (said, stats) = stderr.trim_end().rsplit_once('\n').unwrap_or(("", stderr.trim_end()));
    let stats: Value = serde_json::from_str(stats).expect("an object");
    let count = |key: &str| stats["compiled"][key].as_u64().expect("a number");
    (count("baseline") + count("optimized"), count("loaded"), said.to_owned())
}

#[test]
fn a_second_run_finds_the_code_of_the_first() {
    let home = tempfile::tempdir().expect("a folder");
    let program = program(home.path());
    let (compiled, loaded, said) = run(home.path(), &STAY, &program);
    assert_eq!((compiled, loaded, said.as_str()), (2, 0, ""));
    let (compiled, loaded, said) = run(home.path(), &STAY, &program);
    assert_eq!((compiled, loaded, said.as_str()), (0, 2, ""));
    assert_eq!(run(home.path(), &["--cache", "none"], &program).1, 0);
    let elsewhere = home.path().join("elsewhere");
    let elsewhere = elsewhere.to_str().expect("a path");
    assert_eq!(run(home.path(), &["--cache", elsewhere], &program).1, 0);
    assert_eq!(run(home.path(), &["--cache", elsewhere], &program).1, 2);

    let stats = text(&deltic(home.path(), &["cache", "stats"]).stdout);
    assert!(stats.contains("/.cache/deltic\nfiles 1\nbytes "), "{stats}");
    let cleaned = text(&deltic(home.path(), &["cache", "clean"]).stdout);
    assert!(cleaned.starts_with("removed 1 files, "), "{cleaned}");
    assert_eq!(run(home.path(), &[], &program).1, 0);
}

#[test]
fn warm_programs_are_not_compiled() {
    let home = tempfile::tempdir().expect("a folder");
    let program = program(home.path());
    for (args, tier) in
        [(&["cache", "warm", &program][..], "baseline"), (&["cache", "warm", "--optimize", &program], "optimized")]
    {
        deltic(home.path(), &["cache", "clean"]);
        let output = deltic(home.path(), args);
        assert!(text(&output.stdout).contains("kept, 2 functions"), "{tier}: {}", text(&output.stdout));
        // In optimized code one of the two is in the place of its call.
        let (compiled, loaded, _) = run(home.path(), &STAY, &program);
        assert!(compiled == 0 && loaded >= 1, "{tier}: {compiled} {loaded}");
    }
}

#[test]
fn compiled_files_run_for_who_has_the_key() {
    let home = tempfile::tempdir().expect("a folder");
    let program = program(home.path());
    let compiled = home.path().join("program.compiled");
    let compiled = compiled.to_str().expect("a path");
    let made = deltic(home.path(), &["compile", &program, "-o", compiled]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert_eq!(run(home.path(), &[], compiled), (0, 2, String::new()));
    let inspected = text(&deltic(home.path(), &["inspect", compiled]).stdout);
    assert!(inspected.contains(", included\nbuild this one\n") && inspected.contains("optimized 2 functions, "), "{inspected}");
    assert!(!inspected.contains("damaged"), "{inspected}");
    let mut damaged = std::fs::read(compiled).expect("bytes");
    // Behind the header and a table of five: the first record.
    damaged[96 + 5 * 64] ^= 1;
    let other_file = home.path().join("damaged");
    std::fs::write(&other_file, damaged).expect("written");
    let inspected = text(&deltic(home.path(), &["inspect", other_file.to_str().expect("a path")]).stdout);
    assert!(inspected.contains("optimized 1 functions, ") && inspected.contains("damaged 1\n  body "), "{inspected}");
    // Another user.
    let other = tempfile::tempdir().expect("a folder");
    let refused = deltic(other.path(), &["run", "--invoke", "sum", compiled, "1"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("program.compiled: precompiled: its authentication code does not match"));
    // A key that both have.
    let key = home.path().join("shared.key");
    std::fs::write(&key, [5; 32]).expect("written");
    let key = key.to_str().expect("a path");
    let lax = deltic(home.path(), &["compile", &program, "-o", compiled, "--key", key]);
    assert!(text(&lax.stderr).contains("others may use the key"), "{}", text(&lax.stderr));
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    assert_eq!(deltic(home.path(), &["compile", &program, "-o", compiled, "--key", key]).status.code(), Some(0));
    assert_eq!(run(other.path(), &["--key", key], compiled), (0, 2, String::new()));
}

#[test]
fn a_cache_that_does_not_work_is_told_of_once() {
    let home = tempfile::tempdir().expect("a folder");
    let program = program(home.path());
    // A file where the directory should be.
    std::fs::write(home.path().join(".cache"), b"").expect("written");
    let (compiled, loaded, said) = run(home.path(), &[], &program);
    assert!(compiled >= 2 && loaded == 0);
    assert!(said.starts_with("warning: code cache: ") && said.lines().count() == 1, "{said}");
    std::fs::remove_file(home.path().join(".cache")).expect("removed");
    // A key that is cut short.
    run(home.path(), &[], &program);
    std::fs::write(home.path().join(".cache/deltic/key"), [1; 5]).expect("written");
    let (_, loaded, said) = run(home.path(), &[], &program);
    assert!(loaded == 0 && said.contains("the key does not have 32 bytes"), "{said}");
    let failed = deltic(home.path(), &["cache", "stats", "--cache", "none"]);
    assert_eq!(failed.status.code(), Some(2));
}

/// Eight processes at once, on an empty cache and on a full one.
#[test]
fn many_processes_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let program = program(home.path());
    for round in 0..2 {
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    let (_, loaded, said) = run(home.path(), &[], &program);
                    assert_eq!(said, "");
                    // Optimized code has one of them inlined, which need not be there then.
                    assert!(round == 0 || (1..=2).contains(&loaded), "{loaded}");
                });
            }
        });
    }
    let stats = text(&deltic(home.path(), &["cache", "stats"]).stdout);
    assert!(stats.contains("files 1\n"), "{stats}");
}
