//! Containers in an object store (S3, Google Cloud Storage, Azure, HTTP, a folder, memory): what a fleet compiles once.
//!
//! *Problem.* Clients of such stores are asynchronous, and who compiles is not, and may itself run on a thread of an asynchronous runtime, which must
//! not be blocked by one. *Idea.* One thread of the store's own runs its requests; who asks waits for the answer, for so long at most. A store that
//! does not answer is one that does not have it.
//!
//! The crate `object_store` has the clients; which ones are built is the choice of its features. Containers come whole, since a round trip costs more
//! than their bytes, and are verified piece by piece all the same.
//!
//! **Invariant:** nothing in a store is trusted for being there: what counts is the [key](crate::store::key) that a container was made with.

use std::fmt;
use std::io;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::{Builder, Runtime};

use crate::base::sync::{Arc, Condvar, Mutex};
use crate::store::blob::{Blob, MemoryBlob};
use crate::store::error::StoreError;
use crate::store::{CacheKey, CacheStore};

/// How long a request may take, unless something else is said.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Containers below a prefix of an object store.
pub struct ObjectCacheStore {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    timeout: Duration,
    /// Taken only to be dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for ObjectCacheStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectCacheStore").field("objects", &self.objects).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn other(error: impl fmt::Display) -> StoreError {
    StoreError::Other(error.to_string())
}

impl ObjectCacheStore {
    /// Containers below a prefix, such as `"deltic/code"`.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str) -> Result<ObjectCacheStore, StoreError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("deltic-objects").enable_all().build();
        let runtime = runtime.map_err(|error| other(format_args!("no thread for requests: {error}")))?;
        Ok(ObjectCacheStore { objects, prefix: Path::from(prefix), timeout: TIMEOUT, runtime: Some(runtime) })
    }

    /// With another time after which a request is given up.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn path(&self, key: &CacheKey) -> Path {
        self.prefix.clone().join(format!("{key}.deltic"))
    }

    /// Runs a request on the store's own thread, and waits for it.
    fn run<T: Send + 'static>(
        &self,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let answer = Arc::new((Mutex::new(None), Condvar::new()));
        let asked = Arc::clone(&answer);
        let Some(runtime) = &self.runtime else { return Err(other("the store is closed")) };
        let timeout = self.timeout;
        runtime.spawn(async move {
            let done = tokio::time::timeout(timeout, request).await;
            *asked.0.lock() = Some(done);
            asked.1.notify_one();
        });
        let mut done = answer.0.lock();
        while done.is_none() {
            // Longer than the request may take: it may also panic.
            if answer.1.wait_for(&mut done, timeout + TIMEOUT).timed_out() {
                break;
            }
        }
        match done.take() {
            Some(Ok(Ok(done))) => Ok(Some(done)),
            Some(Ok(Err(object_store::Error::NotFound { .. }))) => Ok(None),
            Some(Ok(Err(error))) => Err(other(error)),
            Some(Err(_)) | None => Err(other(format_args!("no answer within {timeout:?}"))),
        }
    }
}

impl CacheStore for ObjectCacheStore {
    fn get(&self, key: &CacheKey) -> Result<Option<Arc<dyn Blob>>, StoreError> {
        let (objects, path) = (Arc::clone(&self.objects), self.path(key));
        let bytes = self.run(async move { objects.get(&path).await?.bytes().await })?;
        Ok(bytes.map(|bytes| Arc::new(MemoryBlob::new(Arc::new(bytes))) as Arc<dyn Blob>))
    }

    fn put(&self, key: &CacheKey, bytes: &[u8]) -> Result<(), StoreError> {
        let (objects, path) = (Arc::clone(&self.objects), self.path(key));
        let payload = PutPayload::from(bytes.to_vec());
        let done = self.run(async move { objects.put(&path, payload).await })?;
        done.map(|_| ()).ok_or_else(|| other(io::Error::from(io::ErrorKind::NotFound)))
    }

    fn remove(&self, key: &CacheKey) -> Result<(), StoreError> {
        let (objects, path) = (Arc::clone(&self.objects), self.path(key));
        self.run(async move { objects.delete(&path).await }).map(|_| ())
    }
}

impl Drop for ObjectCacheStore {
    fn drop(&mut self) {
        // On a thread of another runtime waiting for this one is forbidden, and there is nothing to wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
