//! Caches that do not work: a program runs all the same, and is told once.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use deltic::{Blob, CacheKey, CacheStore, CodeCache, Config, StoreError};

use super::{GUEST, MemoryStore, Process, cache, check_guest, key};

/// Remembers what it was told.
#[derive(Debug, Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn of(&self, cache: CodeCache) -> CodeCache {
        let told = Arc::clone(&self.0);
        cache.on_warning(move |message| told.lock().expect("no panic").push(message.to_owned()))
    }

    #[track_caller]
    fn one(&self, text: &str) {
        let told = self.0.lock().expect("no panic");
        assert!(told.len() == 1 && told[0].contains(text), "{told:?}");
    }
}

/// Runs the guest in two processes, which keep what they have.
fn run_twice(config: &Config) -> [(usize, usize); 2] {
    [(); 2].map(|()| {
        let mut process = Process::new(config.clone(), GUEST);
        check_guest(&mut process);
        process.module.keep_code();
        process.counts()
    })
}

/// Fails at everything.
#[derive(Debug)]
struct Full;

impl CacheStore for Full {
    fn get(&self, _: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError> {
        Ok(None)
    }

    fn put(&self, _: &CacheKey, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Other("no space left".to_owned()))
    }

    fn remove(&self, _: &CacheKey) -> Result<(), StoreError> {
        Err(StoreError::Other("no".to_owned()))
    }
}

#[test]
fn a_store_that_is_full() {
    let warnings = Warnings::default();
    let cache = warnings.of(CodeCache::with_store(Arc::new(Full), key()).with_module_bytes_min(0));
    assert_eq!(run_twice(&Config::default().with_code_cache(cache.clone())), [(6, 0); 2]);
    warnings.one("no space left");
    assert_eq!(cache.stats().kept, 0);
}

#[test]
fn a_directory_that_is_removed_while_it_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cache");
    let warnings = Warnings::default();
    let cache = warnings.of(CodeCache::in_directory(&path).expect("a directory").with_module_bytes_min(0));
    let config = Config::default().with_code_cache(cache);
    let mut first = Process::new(config.clone(), GUEST);
    first.call("load", 8).expect("a number");
    assert!(first.module.keep_code());
    let mut second = Process::new(config.clone(), GUEST);
    std::fs::remove_dir_all(&path).expect("removed");
    // The file is open.
    check_guest(&mut second);
    assert_eq!(second.counts(), (5, 1));
    assert_eq!(run_twice(&config), [(6, 0), (0, 6)], "it is made again");
    assert!(warnings.0.lock().expect("no panic").is_empty());
}

/// The superuser writes everywhere: what cannot be written is a folder that is a file.
#[test]
fn a_directory_that_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let warnings = Warnings::default();
    let cache = CodeCache::in_directory(folder.path()).expect("a directory").with_module_bytes_min(0);
    for first in 0..=255u8 {
        std::fs::write(folder.path().join(format!("{first:02x}")), b"in the way").expect("written");
    }
    let config = Config::default().with_code_cache(warnings.of(cache));
    assert_eq!(run_twice(&config), [(6, 0); 2]);
    let told = warnings.0.lock().expect("no panic").len();
    assert_eq!(told, 1, "once");
}

#[test]
fn a_directory_that_is_not_the_users_own() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("permissions");
    let error = CodeCache::in_directory(folder.path()).expect_err("anybody may write there");
    assert!(error.to_string().contains("others may write"), "{error}");
}

/// Files of other versions, other keys, or of nobody knows what are left out, told of once, and replaced.
#[test]
fn files_of_others() {
    let store = Arc::new(MemoryStore::default());
    let config = Config::default().with_code_cache(cache(&store));
    assert_eq!(run_twice(&config), [(6, 0), (0, 6)]);
    let (file, sound) = store.only();
    let mut version = sound.clone();
    version[8] = 200;
    for (bytes, text) in [(version, "version 200"), (b"something else".to_vec(), "too few"), (vec![0; 5_000], "kind")] {
        store.set(file, bytes);
        let warnings = Warnings::default();
        let config = Config::default().with_code_cache(warnings.of(cache(&store)));
        assert_eq!(run_twice(&config), [(6, 0), (0, 6)]);
        warnings.one(text);
        assert_eq!(store.only().1, sound);
    }
    // With a key that is not this user's.
    let warnings = Warnings::default();
    let other = CodeCache::with_store(Arc::clone(&store) as Arc<dyn CacheStore>, deltic::MacKey::new([1; 32]));
    let config = Config::default().with_code_cache(warnings.of(other.with_module_bytes_min(0)));
    assert_eq!(run_twice(&config), [(6, 0), (0, 6)]);
    warnings.one("authentication code");
    // A store that gives the file of another module.
    let mut other = Process::new(Config::default().with_code_cache(cache(&store)), "(module (func (export \"f\")))");
    other.instance.get_func(&mut other.isolate, "f").expect("a function").call(&mut other.isolate, &[]).expect("a call");
    assert!(other.module.keep_code());
    store.set(file, sound);
    let warnings = Warnings::default();
    let config = Config::default().with_code_cache(warnings.of(cache(&store)));
    assert_eq!(run_twice(&config), [(0, 6); 2]);
}

/// Small modules are not worth a look.
#[test]
fn small_modules_are_left_out() {
    let store = Arc::new(MemoryStore::default());
    let cache = CodeCache::with_store(Arc::clone(&store) as Arc<dyn CacheStore>, key());
    assert_eq!(run_twice(&Config::default().with_code_cache(cache.clone())), [(6, 0); 2]);
    assert_eq!((store.count(), cache.stats()), (0, deltic::CodeCacheStats::default()));
}
