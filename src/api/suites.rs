//! What runners of conformance suites share: finding files, and giving them to threads.

use std::path::{Path, PathBuf};

use crate::base::sync::atomic::{AtomicUsize, Ordering};
use crate::base::sync::thread;

/// Bytes of a worker's stack: programs of a suite recurse.
const STACK_BYTES: usize = 64 << 20;

/// Adds the files of a folder and of those in it whose paths are wanted.
pub(super) fn walk(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error| format!("cannot read {}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            walk(&path, is_wanted, files)?;
        } else if is_wanted(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs something for each item, on so many threads; as many as the machine runs at once if that is not said.
pub(super) fn for_each<T: Sync>(items: &[T], jobs: Option<usize>, run: impl Fn(&T) + Sync) {
    let jobs = jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
    let next = AtomicUsize::new(0);
    let work = || {
        // Relaxed: a number that is drawn once.
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            run(item);
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs {
            // A thread that could not be started is one fewer; this one works as well if there is none.
            let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        }
    });
    work();
}
