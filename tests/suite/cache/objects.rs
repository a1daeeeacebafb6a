//! The cache in an object store: in memory, and in a folder.

use std::sync::Arc;
use std::time::Duration;

use deltic::{CacheStore, CodeCache, Config, ObjectCacheStore};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::throttle::{ThrottleConfig, ThrottledStore};

use super::{GUEST, Process, check_guest, key};

fn cache(objects: Arc<dyn ObjectStore>) -> CodeCache {
    let store = ObjectCacheStore::new(objects, "fleet/code").expect("a store");
    CodeCache::with_store(Arc::new(store), key()).with_module_bytes_min(0)
}

fn counts(cache: &CodeCache) -> (usize, usize) {
    let mut process = Process::new(Config::default().with_code_cache(cache.clone()), GUEST);
    check_guest(&mut process);
    process.module.keep_code();
    process.counts()
}

#[test]
fn a_fleet_compiles_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let local = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).expect("a folder"));
    let stores: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), local];
    for objects in stores {
        let first = cache(Arc::clone(&objects));
        assert_eq!(counts(&first), (6, 0));
        // Another machine.
        let second = cache(Arc::clone(&objects));
        assert_eq!(counts(&second), (0, 6));
        assert_eq!((first.stats().kept, second.stats().hits), (1, 1));
    }
    assert!(folder.path().join("fleet/code").is_dir());
}

/// On a thread of somebody else's runtime, where waiting for a future is forbidden; and dropped there.
#[test]
fn inside_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        assert_eq!(counts(&cache(Arc::clone(&objects))), (6, 0));
        assert_eq!(counts(&cache(objects)), (0, 6));
    });
}

/// A store that does not answer in time is one that does not have it.
#[test]
fn a_store_that_is_slow() {
    let config = ThrottleConfig { wait_get_per_call: Duration::from_secs(60), ..ThrottleConfig::default() };
    let slow = Arc::new(ThrottledStore::new(InMemory::new(), config));
    let store = ObjectCacheStore::new(slow, "").expect("a store").with_timeout(Duration::from_millis(20));
    let error = store.get(&deltic::CacheKey([1; 32])).expect_err("no answer");
    assert!(error.to_string().contains("no answer within 20ms"), "{error}");
    let cache = CodeCache::with_store(Arc::new(store), key()).with_module_bytes_min(0);
    assert_eq!(counts(&cache), (6, 0));
}

#[test]
fn what_is_removed_is_gone() {
    let store = ObjectCacheStore::new(Arc::new(InMemory::new()), "x").expect("a store");
    let key = deltic::CacheKey([7; 32]);
    assert!(store.get(&key).expect("an answer").is_none());
    store.put(&key, b"bytes").expect("put");
    assert_eq!(store.get(&key).expect("an answer").expect("bytes").len_bytes(), 5);
    store.remove(&key).expect("removed");
    store.remove(&key).expect("nothing to remove");
    assert!(store.get(&key).expect("an answer").is_none());
}
