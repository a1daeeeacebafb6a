//! What profilers are told of code: the list of names that `perf report` reads, and the dump that `perf inject` does.

use std::ops::Range;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use deltic::abi::artifact::CodeVariant;
use deltic::base::DefinedFuncIndex;
use deltic::{CodeSink, Config, Isolate, JitDump, Linker, NamedCode, PerfMap, Strategy};

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
    let mut command = crate::support::command();
    command.args(["run", "--perf-map", "--tier", "baseline", "--invoke", "iterative", "fib.wat", "10"]);
    let child = command.current_dir(root().join("wat")).stdout(Stdio::piped()).spawn().expect("the command starts");
    let path = format!("/tmp/perf-{}.map", child.id());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.stdout, b"55\n");
    let lines = lines(path.as_ref());
    std::fs::remove_file(path).expect("the file is there");
    assert!(names(&lines).contains(&"fib!iterative [baseline]"), "{lines:?}");
}

/// A record of code in a dump.
#[derive(Debug)]
struct Load {
    time: u64,
    address: u64,
    number: u64,
    name: String,
    bytes: Vec<u8>,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn half(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Reads a dump by the text of its specification; says as well whether it has its end.
fn loads(path: &Path, pid: u32) -> (Vec<Load>, bool) {
    let dump = std::fs::read(path).expect("a dump");
    // Magic number, version, length of the header, the machine.
    assert_eq!([0, 4, 8, 12, 16, 20].map(|at| half(&dump, at)), [0x4a69_5444, 1, 40, 62, 0, pid]);
    assert_eq!(word(&dump, 32), 0, "flags");
    let begun = word(&dump, 24);
    let (mut at, mut loads, mut is_closed) = (40, Vec::new(), false);
    while at < dump.len() {
        let record = &dump[at..at + half(&dump, at + 4) as usize];
        at += record.len();
        assert!(!is_closed, "something behind the end");
        if half(record, 0) == 3 {
            is_closed = record.len() == 16;
            continue;
        }
        assert_eq!((half(record, 0), half(record, 16)), (0, pid));
        assert_eq!(word(record, 24), word(record, 32), "code runs where it is");
        let end = 56 + record[56..].iter().position(|&byte| byte == 0).expect("the end of the name");
        let bytes = record[end + 1..].to_vec();
        assert_eq!(word(record, 40), bytes.len() as u64);
        let name = String::from_utf8(record[56..end].to_vec()).expect("a name");
        let time = word(record, 8);
        assert!(time >= begun);
        loads.push(Load { time, address: word(record, 24), number: word(record, 48), name, bytes });
    }
    (loads, is_closed)
}

#[test]
fn a_dump_has_the_code_that_was_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = JitDump::in_folder(folder.path()).expect("a dump");
    let path = dump.path().to_owned();
    assert_eq!(path, folder.path().join(format!("jit-{}.dump", std::process::id())));
    // What `perf record` looks for: an executable mapping of a file of this name.
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the mappings");
    let is_mapped = |maps: &str| maps.lines().any(|line| line.contains("r-xp") && line.ends_with(path.to_str().expect("text")));
    assert!(is_mapped(&maps), "{maps}");
    {
        let engine = engine_with(Config::default().with_strategy(Strategy::AheadOfTime).with_jitdump(dump));
        let module = module(&engine, GUEST);
        let (loads, is_closed) = loads(&path, std::process::id());
        assert!(!is_closed);
        let names: Vec<&str> = loads.iter().map(|load| load.name.as_str()).collect();
        assert_eq!(names, ["guest!hot [optimized]", "guest!func[1] [optimized]", "guest!func[2] [optimized]"]);
        for (load, position) in loads.iter().zip(0..) {
            let slot = module.slot(CodeVariant::Guarded, DefinedFuncIndex::from_u32(position));
            // SAFETY: the slot is there as long as the module.
            let entry = unsafe { (*slot).load(std::sync::atomic::Ordering::Acquire) };
            // SAFETY: it leads to the code of a function, which nobody replaces.
            let code = unsafe { std::slice::from_raw_parts(entry as *const u8, load.bytes.len()) };
            assert_eq!((load.address, &*load.bytes), (entry as u64, code), "{}", load.name);
            assert_eq!(load.number, u64::from(position));
            // push rbp; mov rbp, rsp
            assert!(load.bytes.starts_with(&[0x55, 0x48, 0x89, 0xe5]), "{:02x?}", load.bytes);
        }
    }
    assert!(loads(&path, std::process::id()).1, "the dump has an end");
    assert!(!is_mapped(&std::fs::read_to_string("/proc/self/maps").expect("the mappings")));
}

#[test]
fn a_dump_has_every_tier_and_loop_versions() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = JitDump::in_folder(folder.path()).expect("a dump");
    let path = dump.path().to_owned();
    let engine = engine_with(Config::default().with_tier_up_calls(100).with_jitdump(dump));
    let module = module(&engine, GUEST);
    let mut isolate = Isolate::new(&engine).expect("an isolate");
    let instance = Linker::new(&engine).instantiate(&mut isolate, &module).expect("an instance");
    let run = instance.get_typed_func::<i32, i32>(&mut isolate, "run").expect("a function");
    assert_eq!(run.call(&mut isolate, 100_000).expect("no trap"), 100_000);
    let (loads, _) = loads(&path, std::process::id());
    for name in
        ["guest!hot [baseline]", "guest!hot [optimized]", "guest!func[2] [baseline]", "guest!func[2] [optimized, loop at "]
    {
        assert!(loads.iter().any(|load| load.name.starts_with(name)), "no {name} in {loads:?}");
    }
    assert!(loads.is_sorted_by_key(|load| (load.number, load.time)), "{loads:?}");
}

#[test]
fn names_in_a_dump_have_an_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = JitDump::in_folder(folder.path()).expect("a dump");
    let path = dump.path().to_owned();
    let code = NamedCode { addresses: 0x1000..0x1003, name: "a\0b\n\u{e4}".into(), bytes: vec![0x90, 0, 0xc3] };
    dump.add(Duration::from_secs(1 << 40), &[code]);
    drop(dump);
    let (loads, is_closed) = loads(&path, std::process::id());
    assert_eq!((loads[0].name.as_str(), &*loads[0].bytes, is_closed), ("a?b?\u{e4}", &[0x90, 0, 0xc3][..], true));
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder").path().join("not there");
    let errors = [JitDump::in_folder(&folder).map(|_| ()), PerfMap::create(folder.join("map")).map(|_| ())];
    for (error, name) in errors.into_iter().zip([format!("jit-{}.dump", std::process::id()), "map".to_owned()]) {
        let text = error.expect_err("no folder").to_string();
        assert!(text.starts_with(&format!("{}: ", folder.join(name).display())) && text.contains("No such file"), "{text}");
    }
    let mut command = crate::support::command();
    let output = command.arg("run").arg(format!("--jitdump={}", folder.display())).arg(root().join("wat/fib.wat")).output();
    let output = output.expect("the command ends");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{message}");
    assert!(
        message.contains("no dump of code for perf") && message.contains("not there/jit-") && message.contains("No such file"),
        "{message}"
    );
}

#[test]
fn the_command_writes_a_dump() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = crate::support::command();
    command.arg("run").arg(format!("--jitdump={}", folder.path().display()));
    command.args(["--tier", "baseline", "--invoke", "iterative", "fib.wat", "10"]);
    let child = command.current_dir(root().join("wat")).stdout(Stdio::piped()).spawn().expect("the command starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.stdout, b"55\n");
    let (loads, _) = loads(&folder.path().join(format!("jit-{pid}.dump")), pid);
    assert!(loads.iter().any(|load| load.name == "fib!iterative [baseline]"), "{loads:?}");
}
