//! Names for profilers: the file that `perf report` reads.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use deltic::{Config, Isolate, Linker, PerfMap, Strategy};

use crate::support::{engine_with, module, root};

const GUEST: &str = r#"(module $guest
    (func $hot (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "never"))
    (func (export "run") (param $n i32) (result i32) (local $x i32)
        (loop $next
            (local.set $x (call $hot (local.get $x)))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $x)))"#;

/// The lines of a file: addresses and names.
fn lines(path: &Path) -> Vec<(Range<usize>, String)> {
    let text = std::fs::read_to_string(path).expect("a file of names");
    let number = |text: &str| usize::from_str_radix(text, 16).expect("a hexadecimal number");
    let line = |line: &str| {
        let [start, len, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (number(start)..number(start) + number(len), name.to_owned())
    };
    text.lines().map(line).collect()
}

#[track_caller]
fn names(lines: &[(Range<usize>, String)]) -> Vec<&str> {
    let mut places: Vec<&Range<usize>> = lines.iter().map(|(addresses, _)| addresses).collect();
    places.sort_by_key(|addresses| addresses.start);
    assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start), "no address has two names: {places:x?}");
    let mut names: Vec<&str> = lines.iter().map(|(_, name)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// Rights of the mapping at an address, and its file's name: perf asks for names where there is none.
fn mapping(address: usize) -> (String, String) {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the mappings");
    let fields = |line: &str| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let rights = fields.next()?.to_owned();
        (number(start)?..number(end)?).contains(&address).then(|| (rights, fields.nth(3).unwrap_or_default().to_owned()))
    };
    maps.lines().find_map(fields).unwrap_or_else(|| panic!("nothing is at {address:#x}"))
}

/// Runs the guest, and gives what the file says of it.
fn profiled(config: Config) -> Vec<(Range<usize>, String)> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let map = PerfMap::create(file.path()).expect("a file of names");
    assert_eq!(map.path(), file.path());
    let engine = engine_with(config.with_perf_map(map));
    let module = module(&engine, GUEST);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
    for _ in 0..3 {
        assert_eq!(run.call(&mut isolate, 1000).expect("no trap"), 1000);
    }
    let lines = lines(file.path());
    for (addresses, name) in &lines {
        assert_eq!(mapping(addresses.start), ("r-xp".to_owned(), String::new()), "{name}");
    }
    lines
}

#[test]
fn each_function_has_a_line() {
    let lines = profiled(Config::default().with_strategy(Strategy::AheadOfTime));
    assert_eq!(names(&lines), ["guest!func[1] [optimized]", "guest!func[2] [optimized]", "guest!hot [optimized]"]);
}

/// A function that is compiled again has a line for each tier; what is not called has none.
#[test]
fn lines_come_as_code_does() {
    let lines = profiled(Config::default().with_tier_up_calls(100));
    let names = names(&lines);
    for name in ["guest!hot [baseline]", "guest!hot [optimized]", "guest!func[2] [baseline]"] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("func[1]")), "{names:?}");
}

#[test]
fn the_command_writes_where_perf_looks() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    command.args(["run", "--perf-map", "--tier", "baseline", "--invoke", "iterative", "fib.wat", "10"]);
    let child = command.current_dir(root().join("wat")).stdout(Stdio::piped()).spawn().expect("the command starts");
    let path = format!("/tmp/perf-{}.map", child.id());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.stdout, b"55\n");
    let lines = lines(path.as_ref());
    std::fs::remove_file(path).expect("the file is there");
    assert!(names(&lines).contains(&"fib!iterative [baseline]"), "{lines:?}");
}
