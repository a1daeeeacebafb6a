//! Programs whose warm-up shows what tiers are for, and `deltic bench` over them. What is measured, and how, is the command's matter.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that exports "work".
#[derive(Debug)]
pub struct Program {
    pub title: &'static str,
    pub text: String,
}

/// How large programs are: as they are measured, or small for the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Measured,
    Small,
}

/// The programs, which differ in what their first milliseconds are spent on. A unit of work takes a third of a millisecond or more, since some
/// engines need a twentieth of that for the call.
pub fn programs(size: Size) -> [Program; 4] {
    let scale = if size == Size::Measured { 1 } else { 100 };
    [
        Program { title: "a kernel", text: KERNEL.to_owned() },
        Program { title: "many small functions", text: functions(1_000 / scale, 4, 1) },
        // Of these one in twenty runs.
        Program { title: "a large module", text: functions(2_000 / scale, 60, 20) },
        Program { title: "one long loop", text: LONG_LOOP.replace("ROUNDS", &(10_000_000 / scale).to_string()) },
    ]
}

/// A smoothing filter over 32 KiB, there and back, sixteen times.
const KERNEL: &str = "(module
    (memory 1)
    (func $smooth (param $from i32) (param $to i32) (local $end i32)
        (local.set $end (i32.add (local.get $from) (i32.const 32752)))
        (loop $next
            (f32.store offset=4 (local.get $to)
                (f32.add
                    (f32.mul (f32.load offset=4 (local.get $from)) (f32.const 0.5))
                    (f32.mul
                        (f32.add (f32.load (local.get $from)) (f32.load offset=8 (local.get $from)))
                        (f32.const 0.25))))
            (local.set $to (i32.add (local.get $to) (i32.const 4)))
            (br_if $next (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 4))) (local.get $end)))))
    (func (export \"work\") (local $n i32)
        (local.set $n (i32.const 16))
        (loop $next
            (f32.store offset=4096 (i32.const 0) (f32.const 1))
            (call $smooth (i32.const 0) (i32.const 32768))
            (call $smooth (i32.const 32768) (i32.const 0))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))";

/// One call that is a loop and calls nothing: rounds as those of SHA-256, with eight values that change places.
const LONG_LOOP: &str = "(module (memory 1)
    (func (export \"work\") (result i32)
      (local $n i32) (local $t i32) (local $u i32)
      (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $f i32) (local $g i32) (local $h i32)
      (local.set $n (i32.const ROUNDS))
      (local.set $a (i32.const 0x6a09e667)) (local.set $e (i32.const 0x510e527f))
      (loop $next
        (local.set $t (i32.add (i32.add (local.get $h) (i32.load (i32.and (i32.shl (local.get $n) (i32.const 2)) (i32.const 252))))
          (i32.add
            (i32.xor (i32.rotr (local.get $e) (i32.const 6)) (i32.xor (i32.rotr (local.get $e) (i32.const 11)) (i32.rotr (local.get $e) (i32.const 25))))
            (i32.xor (i32.and (local.get $e) (local.get $f)) (i32.and (i32.xor (local.get $e) (i32.const -1)) (local.get $g))))))
        (local.set $u (i32.add
            (i32.xor (i32.rotr (local.get $a) (i32.const 2)) (i32.xor (i32.rotr (local.get $a) (i32.const 13)) (i32.rotr (local.get $a) (i32.const 22))))
            (i32.xor (i32.and (local.get $a) (local.get $b)) (i32.xor (i32.and (local.get $a) (local.get $c)) (i32.and (local.get $b) (local.get $c))))))
        (local.set $h (local.get $g))
        (local.set $g (local.get $f))
        (local.set $f (local.get $e))
        (local.set $e (i32.add (local.get $d) (local.get $t)))
        (local.set $d (local.get $c))
        (local.set $c (local.get $b))
        (local.set $b (local.get $a))
        (local.set $a (i32.add (local.get $t) (local.get $u)))
        (i32.store offset=1024 (i32.and (i32.shl (local.get $n) (i32.const 2)) (i32.const 252)) (local.get $a))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $a)))";

/// So many functions of so many statements each. Work is sixteen calls of each that is a multiple of `step`.
fn functions(count: usize, statements: usize, step: usize) -> String {
    let mut text =
        format!("(module (memory 1) (type $f (func (param i32 i32) (result i32))) (table $all {count} {count} funcref)\n");
    for func in 0..count {
        let _ = writeln!(text, "(elem (i32.const {func}) $f{func})");
        let _ = writeln!(text, "(func $f{func} (param $x i32) (param $y i32) (result i32) (local $i i32)");
        for position in 0..statements {
            statement(&mut text, func * 31 + position * 7);
        }
        text.push_str("(i32.add (local.get $x) (local.get $y)))\n");
    }
    let _ = writeln!(
        text,
        "(func (export \"work\") (result i32) (local $round i32) (local $n i32) (local $x i32)
            (local.set $round (i32.const 16))
            (loop $all_again
                (local.set $n (i32.const 0))
                (loop $next
                    (local.set $x (call_indirect $all (type $f) (local.get $x) (local.get $n) (local.get $n)))
                    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const {step}))) (i32.const {count}))))
                (br_if $all_again (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
            (local.get $x)))"
    );
    text
}

/// One of some statements as compilers make them. It traps in no case.
fn statement(text: &mut String, number: usize) {
    let constant = number * 2_654_435 % 65_521 + 1;
    let place = "(i32.and (local.get $y) (i32.const 0xfffc))";
    let _ = match number % 6 {
        0 => writeln!(text, "(local.set $x (i32.xor (i32.add (local.get $x) (local.get $y)) (i32.const {constant})))"),
        1 => writeln!(
            text,
            "(local.set $y (i32.sub (i32.mul (local.get $x) (i32.const {constant})) (i32.shr_u (local.get $y) (i32.const 5))))"
        ),
        2 => writeln!(text, "(local.set $x (i32.add (local.get $x) (i32.load {place})))"),
        3 => writeln!(text, "(i32.store {place} (local.get $x))"),
        4 => writeln!(
            text,
            "(if (i32.lt_s (local.get $x) (local.get $y))
                (then (local.set $x (i32.add (local.get $x) (i32.const {constant}))))
                (else (local.set $y (i32.shl (local.get $y) (i32.const 1)))))"
        ),
        _ => writeln!(
            text,
            "(local.set $i (i32.const 3))
             (loop $l
                (local.set $y (i32.add (local.get $y) (i32.const {constant})))
                (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
        ),
    };
}

/// Has the command measure a program, with these options; gives what it measured, as a file in a folder.
pub fn measure(program: &Program, folder: &Path, options: &[String]) -> PathBuf {
    let file = |extension: &str| folder.join(program.title.replace(' ', "-")).with_extension(extension);
    let (module, json) = (file("wasm"), file("json"));
    let binary = wat::parse_str(&program.text).unwrap_or_else(|error| panic!("{}: {error}", program.title));
    std::fs::write(&module, binary).expect("a module is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    command.args(["bench", "--title", program.title, "--json"]).arg(&json).args(options).arg(&module);
    // It says itself what goes wrong.
    assert!(command.stdout(Stdio::null()).status().is_ok_and(|status| status.success()), "{command:?}");
    json
}

/// Has the command show what was measured: gives the tables, and writes the picture.
pub fn show(measured: &[PathBuf], picture: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltic"));
    command.args(["bench", "--svg"]).arg(picture);
    for json in measured {
        command.arg("--replay").arg(json);
    }
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a table")
}

/// Each program small, for a moment in each mode, with a table and a panel of the picture.
pub fn smoke() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = programs(Size::Small);
    let options = ["--time", "5ms", "--jobs", "0"].map(str::to_owned);
    let measured: Vec<PathBuf> = programs.iter().map(|program| measure(program, folder.path(), &options)).collect();
    let picture = folder.path().join("all.svg");
    let tables = show(&measured, &picture);
    let svg = std::fs::read_to_string(&picture).expect("a picture");
    for program in &programs {
        assert!(tables.contains(&format!("{}: work\n", program.title)), "{tables}");
        assert!(svg.contains(&format!("{} (work)", program.title)), "{svg}");
    }
}
