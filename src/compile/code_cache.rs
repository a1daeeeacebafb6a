//! Where an engine keeps compiled code from one process to the next, and what happens when that place fails.
//!
//! *Problem.* A cache is a help: a disk that is full, a directory that is gone or a file of another version must neither stop a program nor fill its
//! output. *Idea.* Nothing that a [`CodeCache`] does is an error for who compiles. What fails is told once, to whoever wants to know, and
//! counted. What was rejected counts as absent, and is replaced when the module's code is kept the next time.
//!
//! **Invariant:** a code cache gives nothing that was not made with its key.

#![forbid(unsafe_code)]

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::base::{trace, tuning};
use crate::cache::data_file::{self, DataFile};
use crate::cache::file::CodeFile;
use crate::cache::fingerprint::Fingerprint;
use crate::cache::module_file::KnownFile;
use crate::store::directory::DirectoryStore;
use crate::store::error::StoreError;
use crate::store::key::MacKey;
use crate::store::{CacheKey, CacheStore};

type Warning = dyn Fn(&str) + Send + Sync;

/// Compiled code that outlives the process: see [`Config::with_code_cache`](crate::compile::Config::with_code_cache). A handle; clones are the same
/// cache, which engines may share.
#[derive(Clone)]
pub struct CodeCache(Arc<Inner>);

struct Inner {
    options: Options,
    has_warned: AtomicBool,
    counts: Counts,
}

#[derive(Clone)]
struct Options {
    store: Arc<dyn CacheStore>,
    key: MacKey,
    module_bytes_min: usize,
    quiet: Duration,
    trusts_times: bool,
    warning: Option<Arc<Warning>>,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicUsize,
    misses: AtomicUsize,
    rejected: AtomicUsize,
    kept: AtomicUsize,
}

/// How a cache was used by this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CodeCacheStats {
    /// Modules whose code was there.
    pub hits: usize,
    /// Modules whose code was not there.
    pub misses: usize,
    /// Files that were there, and not good for anything.
    pub rejected: usize,
    /// Files that were written.
    pub kept: usize,
}

impl fmt::Debug for CodeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeCache").field("store", self.store()).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl CodeCache {
    /// A cache in a directory of this user's, which is made if it is not there, with a key that is in it.
    ///
    /// # Errors
    ///
    /// It cannot be made or read, or it is not the user's alone: then it would be no proof of who made what is in it.
    pub fn in_directory(path: impl Into<PathBuf>) -> Result<CodeCache, StoreError> {
        let store = DirectoryStore::open(path)?;
        let key = store.mac_key()?;
        Ok(Self::with_store(Arc::new(store), key))
    }

    /// A cache anywhere, with a key of the host's: who has the key decides what code runs in this process.
    pub fn with_store(store: Arc<dyn CacheStore>, key: MacKey) -> CodeCache {
        Self::new(Options {
            store,
            key,
            module_bytes_min: tuning::CACHED_MODULE_BYTES_MIN,
            quiet: tuning::KEPT_AFTER_QUIET,
            trusts_times: true,
            warning: None,
        })
    }

    fn new(options: Options) -> CodeCache {
        CodeCache(Arc::new(Inner { options, has_warned: AtomicBool::new(false), counts: Counts::default() }))
    }

    /// The same with somebody who is told, once, what does not work. Traces have it in any case.
    #[must_use]
    pub fn on_warning(self, warning: impl Fn(&str) + Send + Sync + 'static) -> CodeCache {
        Self::new(Options { warning: Some(Arc::new(warning)), ..self.0.options.clone() })
    }

    /// The same for modules of so many bytes at least. By default small ones are left out: what they call is compiled sooner than looked
    /// for.
    #[must_use]
    pub fn with_module_bytes_min(self, bytes: usize) -> CodeCache {
        Self::new(Options { module_bytes_min: bytes, ..self.0.options.clone() })
    }

    /// See [`with_module_bytes_min`](Self::with_module_bytes_min).
    pub fn module_bytes_min(&self) -> usize {
        self.0.options.module_bytes_min
    }

    /// The same with another time after which code is kept, if nothing was compiled meanwhile.
    #[must_use]
    pub fn with_quiet_time(self, quiet: Duration) -> CodeCache {
        Self::new(Options { quiet, ..self.0.options.clone() })
    }

    /// See [`with_quiet_time`](Self::with_quiet_time).
    pub fn quiet(&self) -> Duration {
        self.0.options.quiet
    }

    /// The same, which does or does not believe that a file is what it was because its number, its length, and the times of its last changes are
    /// what they were, and were not of the last seconds when it was hashed. By default it does, where it is a directory:
    /// [large files](crate::compile::module::Module::from_file) whose code is in it are then not read as a whole to know what they are.
    #[must_use]
    pub fn with_file_times(self, trusts: bool) -> CodeCache {
        Self::new(Options { trusts_times: trusts, ..self.0.options.clone() })
    }

    /// Where it keeps things.
    pub fn store(&self) -> &Arc<dyn CacheStore> {
        &self.0.options.store
    }

    /// The key that its files are made with.
    pub fn key(&self) -> &MacKey {
        &self.0.options.key
    }

    /// How it was used so far.
    pub fn stats(&self) -> CodeCacheStats {
        // Relaxed: figures.
        let [hits, misses, rejected, kept] =
            [&self.0.counts.hits, &self.0.counts.misses, &self.0.counts.rejected, &self.0.counts.kept]
                .map(|count| count.load(Ordering::Relaxed));
        CodeCacheStats { hits, misses, rejected, kept }
    }

    /// The file of some code, if there is one that is sound.
    pub(super) fn find(&self, fingerprint: &Fingerprint) -> Option<CodeFile> {
        let counts = &self.0.counts;
        let key = fingerprint.key();
        let blob = match self.0.options.store.get(&key) {
            Ok(Some(blob)) => blob,
            Ok(None) => {
                counts.misses.fetch_add(1, Ordering::Relaxed); // a figure
                return None;
            }
            Err(error) => {
                self.warn(&error.to_string());
                return None;
            }
        };
        let opened = CodeFile::open(blob, &self.0.options.key).map_err(|rejected| rejected.to_string());
        // Its key is that of the contents it was asked for; a store may mix up its files.
        let opened = opened.and_then(|file| match file.fingerprint() == fingerprint {
            true => Ok(file),
            false => Err("made for something else".to_owned()),
        });
        match opened {
            Ok(file) => {
                counts.hits.fetch_add(1, Ordering::Relaxed); // a figure
                tracing::debug!(target: trace::CACHE, %key, bytes = file.len_bytes(), "code found");
                Some(file)
            }
            Err(reason) => {
                counts.rejected.fetch_add(1, Ordering::Relaxed); // a figure
                self.warn(&format!("code {key} is not used: {reason}"));
                None
            }
        }
    }

    fn trusts_times(&self) -> bool {
        self.0.options.trusts_times && self.0.options.store.is_local()
    }

    /// What is known of a file.
    pub(super) fn find_file(&self, key: &CacheKey) -> Option<KnownFile> {
        let options = &self.0.options;
        // Who looks for code next will tell of a store that does not work.
        let blob = options.store.get(key).ok().filter(|_| self.trusts_times())??;
        KnownFile::read(blob, &options.key).inspect_err(|_| drop(options.store.remove(key))).ok()
    }

    /// Keeps what is known of a file.
    pub(super) fn keep_file(&self, known: &KnownFile) {
        if self.trusts_times() {
            self.keep(&known.key(), &known.to_bytes(&self.0.options.key));
        }
    }

    /// The file of a module's data, verified by this thread and so many others, if there is one that is sound.
    pub(super) fn find_data(&self, module_hash: &[u8; 32], others: usize) -> Option<DataFile> {
        let (options, key) = (&self.0.options, data_file::key(module_hash));
        let blob = options.store.get(&key).unwrap_or_else(|error| {
            self.warn(&error.to_string());
            None
        })?;
        let opened = DataFile::open(blob, module_hash, &options.key, others);
        opened.inspect_err(|rejected| self.refuse_data(module_hash, &rejected.to_string())).ok()
    }

    /// Says that a module's data is damaged, and removes it: it is made again with the next code that is kept.
    pub(super) fn refuse_data(&self, module_hash: &[u8; 32], reason: &str) {
        let key = data_file::key(module_hash);
        self.0.counts.rejected.fetch_add(1, Ordering::Relaxed); // a figure
        self.warn(&format!("data {key} is not used: {reason}"));
        let _ = self.0.options.store.remove(&key);
    }

    /// Keeps a module's data, unless that was done or cannot be; says whether it is there.
    pub(super) fn keep_data(&self, module_hash: &[u8; 32], build: impl FnOnce(&MacKey) -> Option<Vec<u8>>) -> bool {
        let key = data_file::key(module_hash);
        match self.0.options.store.get(&key) {
            Ok(Some(_)) => return true,
            Ok(None) => {}
            // Who keeps the code will say so.
            Err(_) => return false,
        }
        let Some(bytes) = build(&self.0.options.key) else { return false };
        self.keep(&key, &bytes)
    }

    /// Keeps a file in the place of what is there.
    pub(super) fn keep(&self, key: &CacheKey, bytes: &[u8]) -> bool {
        match self.0.options.store.put(key, bytes) {
            Ok(()) => {
                self.0.counts.kept.fetch_add(1, Ordering::Relaxed); // a figure
                tracing::debug!(target: trace::CACHE, %key, bytes = bytes.len(), "code kept");
                true
            }
            Err(error) => {
                self.warn(&error.to_string());
                false
            }
        }
    }

    pub(super) fn warn(&self, message: &str) {
        tracing::warn!(target: trace::CACHE, message, "code cache");
        // Relaxed: who is first tells.
        if let Some(warning) = &self.0.options.warning
            && !self.0.has_warned.swap(true, Ordering::Relaxed)
        {
            warning(message);
        }
    }
}
