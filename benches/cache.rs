//! How long it takes from bytes to an instance when the code is there already, in microseconds; medians.
//!
//! `cargo bench --bench cache [-- FILE…]` takes modules, or one that it makes.

mod common;

use common::{cache, modules};

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let folder = tempfile::tempdir().expect("a folder");
    println!("{:<28} {:>9} {:>9} {:>9} {:>9} {:>12}", "module", "lazy", "cached", "file", "keyed", "a function");
    let print = |name: &str, bytes: &[u8]| {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        let times = cache::measure(bytes, 101, &place);
        let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6;
        let [lazy, cached, file, keyed] = [times.lazy, times.cached, times.file, times.keyed].map(micros);
        println!("{name:<28} {lazy:>9.0} {cached:>9.0} {file:>9.0} {keyed:>9.0} {:>12.2}", micros(times.function));
    };
    if files.is_empty() {
        print("generated", &modules::mixed(1 << 20));
    }
    for file in files {
        let name =
            std::path::Path::new(&file).file_stem().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned());
        print(&name, &std::fs::read(&file).expect("a file"));
    }
}
