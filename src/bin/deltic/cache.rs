//! The cache of compiled code: which one a command uses, and `deltic cache`.

use std::io::Write;
use std::path::{Path, PathBuf};

use deltic::{CodeCache, DirectoryStore, Module, TaskPriority, Tier};

use crate::args::{CacheAction, CacheArgs, WarmArgs};
use crate::exit::Exit;
use crate::load;

/// The user's own directory; nothing for who has no home.
fn default_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache"))).map(|cache| cache.join("deltic"))
}

fn directory(option: Option<&str>) -> Option<PathBuf> {
    match option {
        Some("none") => None,
        Some(path) => Some(PathBuf::from(path)),
        None => default_directory(),
    }
}

fn warn(message: &str) {
    // A program runs without its cache, and without somebody who is told.
    let _ = writeln!(std::io::stderr(), "warning: code cache: {message}");
}

/// The cache that an option asks for. What is wrong with it is said once, and then there is none.
pub fn open(option: Option<&str>) -> Option<CodeCache> {
    match CodeCache::in_directory(directory(option)?) {
        Ok(cache) => Some(cache.on_warning(warn)),
        Err(error) => {
            warn(&error.to_string());
            None
        }
    }
}

fn store(option: Option<&str>) -> Result<DirectoryStore, Exit> {
    let path = directory(option).ok_or_else(|| Exit::usage("there is no cache: name a directory with --cache"))?;
    DirectoryStore::open(path).map_err(Exit::failure)
}

/// The key of the user's cache, with which files of code are made.
pub fn key(option: Option<&str>, file: Option<&Path>) -> Result<deltic::MacKey, Exit> {
    match file {
        Some(path) => deltic::MacKey::read_file(path).map_err(Exit::failure),
        None => store(option)?.mac_key().map_err(Exit::failure),
    }
}

/// `deltic cache stats|clean|warm`.
pub fn cache(args: &CacheArgs) -> Result<(), Exit> {
    let print = |text: String| {
        let written = std::io::stdout().write_all(text.as_bytes());
        written.map_err(|error| Exit::failure(format_args!("standard output: {error}")))
    };
    match &args.action {
        CacheAction::Stats(args) => {
            let store = store(args.cache.as_deref())?;
            let stats = store.stats().map_err(Exit::failure)?;
            print(format!("directory {}\nfiles {}\nbytes {}\n", store.path().display(), stats.file_count, stats.bytes))
        }
        CacheAction::Clean(args) => {
            let removed = store(args.cache.as_deref())?.clear().map_err(Exit::failure)?;
            print(format!("removed {} files, {} bytes\n", removed.file_count, removed.bytes))
        }
        CacheAction::Warm(args) => args.files.iter().try_for_each(|path| print(warm(args, path)?)),
    }
}

/// Compiles all of a module and keeps it as `deltic run` with the same options would find it.
fn warm(args: &WarmArgs, path: &Path) -> Result<String, Exit> {
    let cache = CodeCache::in_directory(store(args.engine.cache.as_deref())?.path()).map_err(Exit::failure)?;
    let engine = load::engine(&load::config(&args.engine)?.with_code_cache(cache.clone().on_warning(warn)))?;
    let module = load::module(&engine, path, load::read(path)?)?;
    let tier = if args.optimize { Tier::Optimized } else { Tier::Baseline };
    let warmed = module.warm_up(module.funcs(), tier, TaskPriority::UserBlocking).map_err(|error| Exit::file(path, error))?;
    warmed.wait().map_err(|error| Exit::file(path, error))?;
    let done = if module.keep_code() { "kept" } else { "nothing new" };
    let stats = module.compile_stats();
    Ok(format!("{}: {done}, {} functions, {} bytes of code\n", path.display(), stats.functions, stats.native_bytes))
}

/// Has what was compiled found by the next run.
pub fn keep(module: &Module) {
    module.keep_code();
}
