//! Every function with arguments from a seeded generator: whatever a guest passes, nothing panics and nothing outside
//! changes.

use std::time::Duration;

use super::{Guest, Place, ROOT};
use crate::wasi::{DirAccess, Stop, WasiCtxBuilder, functions};

/// How often each function is called for one seed.
const ROUNDS: usize = 300;

/// Paths that lie in the guest's memory, 32 bytes apart.
const PATHS: &[&str] =
    &["a", "b", "dir", "dir/a", "dir/../b", "../outside/secret", "/etc/passwd", "out/secret", "dir/", ".", "..", "a/", "\0", ""];

/// Where they and a few records lie.
const PATHS_AT: u64 = 512;
const RECORDS_AT: u64 = 2048;

struct Random(u64);

impl Random {
    /// xorshift64*.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// An argument: small, a place in the memory, near a limit, or anything.
    fn argument(&mut self) -> u64 {
        match self.below(9) {
            0..=2 => self.below(12),
            3 => PATHS_AT + self.below(PATHS.len() as u64) * 32,
            4 => RECORDS_AT + self.below(64) * 8,
            5 => self.below(64 * 1024),
            6 => [u64::MAX, 0x7fff_ffff_ffff_ffff, 0xffff_ffff, 0x8000_0000, 64 * 1024][self.below(5) as usize],
            7 => 1 << self.below(64),
            _ => self.next(),
        }
    }
}

fn prepare(guest: &mut Guest, random: &mut Random) {
    for (place, path) in (PATHS_AT..).step_by(32).zip(PATHS) {
        guest.put(place, path.as_bytes());
    }
    // Iovecs and subscriptions, some of them sound.
    for place in (RECORDS_AT..RECORDS_AT + 768).step_by(4) {
        let value = random.argument() as u32;
        guest.put_u32(place, if random.below(3) == 0 { value } else { value % 4096 });
    }
}

/// The arguments of one call, with those spared that would fill the machine's disk.
fn arguments(name: &str, count: usize, random: &mut Random) -> Vec<u64> {
    let mut args: Vec<u64> = (0..count).map(|_| random.argument()).collect();
    match name {
        "fd_allocate" => args[2] %= 1 << 16,
        "path_open" if random.below(2) == 0 => {
            let path = random.below(PATHS.len() as u64);
            let (oflags, fdflags) = (random.below(16), random.below(32));
            let rights = random.next() & ((1 << 30) - 1);
            args = vec![
                ROOT,
                random.below(2),
                PATHS_AT + path * 32,
                PATHS[path as usize].len() as u64,
                oflags,
                rights,
                rights,
                fdflags,
                0,
            ];
        }
        // The standard streams and the root stay, most of the time.
        "fd_close" | "fd_renumber" | "fd_fdstat_set_rights" if random.below(20) != 0 => {
            args.iter_mut().for_each(|arg| *arg = arg.wrapping_add(4));
        }
        _ => {}
    }
    args
}

fn hammer(seed: u64) {
    let place = Place::new();
    std::fs::create_dir(place.root().join("dir")).expect("a directory");
    std::os::unix::fs::symlink("../outside", place.root().join("out")).expect("a link");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let builder = WasiCtxBuilder::new()
        .args(["program", "argument"])
        .env("NAME", "value")
        .stdin_bytes(vec![7; 4096])
        .capture_stdout()
        .capture_limit(1 << 20)
        .max_fds(40)
        .preopen(place.root(), "/", DirAccess::ReadWrite)
        .and_then(|builder| builder.preopen_listener(listener));
    let mut guest = Guest::new(builder.expect("a context"));
    let mut random = Random(seed);
    let mut answers = [0_u32; 77];
    for _ in 0..ROUNDS {
        prepare(&mut guest, &mut random);
        for function in functions() {
            let args = arguments(function.name, function.params.len(), &mut random);
            guest.interrupt_after(Duration::from_micros(200));
            match guest.try_call(function.name, &args) {
                Ok(errno) => answers[errno.code() as usize] += 1,
                Err(Stop::Exit(_) | Stop::Interrupted) => {}
            }
        }
    }
    // The canary: the arguments must be good enough to succeed at times, and bad enough to fail in several ways.
    assert!(answers[0] > 500, "seed {seed}: {answers:?}");
    assert!(answers.iter().filter(|count| **count > 0).count() >= 8, "seed {seed}: {answers:?}");
    let outside: Vec<_> = std::fs::read_dir(place.outside()).expect("the outside").collect();
    assert_eq!(outside.len(), 1, "seed {seed}");
    assert_eq!(std::fs::read(place.outside().join("secret")).expect("the secret"), b"secret", "seed {seed}");
    assert_eq!(std::fs::read_dir(place.dir.path()).expect("above").count(), 2, "seed {seed}");
}

#[test]
fn no_argument_panics_and_nothing_outside_changes() {
    for seed in 1..=4_u64 {
        hammer(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
    }
}
