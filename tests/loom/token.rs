//! The token: statements S1-10 to S1-16, S1-32.

use deltic::compile::token::{BackgroundCompileToken, TokenOwner};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::model;

/// A module whose drop loom can see: it reports a read in a scope that a drop does not come after or before.
struct Module {
    alive: Arc<UnsafeCell<bool>>,
    published: AtomicUsize,
}

type Token = std::sync::Arc<BackgroundCompileToken<Module>>;

impl Module {
    fn owned() -> TokenOwner<Module> {
        TokenOwner::new(Module { alive: Arc::new(UnsafeCell::new(true)), published: AtomicUsize::new(0) })
    }

    fn use_it(&self) {
        // SAFETY: loom checks that no write is concurrent; that is the model's point.
        self.alive.with(|alive| assert!(unsafe { *alive }, "used after its end"));
        self.published.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: as above.
        self.alive.with_mut(|alive| unsafe { *alive = false });
    }
}

/// A worker: publishes until it is told that the module is gone.
fn publish(token: &Token, times: usize) -> usize {
    let mut published = 0;
    for _ in 0..times {
        let Some(scope) = token.enter() else { break };
        scope.native_module().use_it();
        published += 1;
    }
    published
}

/// S1-12, S1-14, S1-16: in a scope the module is alive, whenever the owner drops it.
#[test]
fn enter_leave_drop() {
    model(|| {
        let owner = Module::owned();
        let token = owner.token().clone();
        let worker = thread::spawn(move || {
            publish(&token, 2);
            token
        });
        drop(owner);
        let token = worker.join().unwrap();
        assert!(token.enter().is_none());
    });
}

/// S1-15, departure: scopes of one token may be open at once; the owner waits for both.
#[test]
fn two_workers_and_a_drop() {
    model(|| {
        let owner = Module::owned();
        let workers = [owner.token().clone(), owner.token().clone()].map(|token| thread::spawn(move || publish(&token, 1)));
        drop(owner);
        for worker in workers {
            assert!(worker.join().unwrap() <= 1);
        }
    });
}

/// The foreground takes scopes too, and reads the module without one as its owner.
#[test]
fn the_owner_reads_while_workers_publish() {
    model(|| {
        let owner = Module::owned();
        let token = owner.token().clone();
        let worker = thread::spawn(move || publish(&token, 1));
        owner.get().use_it();
        assert_eq!(publish(owner.token(), 1), 1);
        drop(owner);
        worker.join().unwrap();
    });
}

/// Two cancellers at once: when either returns, no scope is open and none can be opened.
#[test]
fn two_cancellers() {
    model(|| {
        let owner = Arc::new(Module::owned());
        let open = Arc::new(AtomicUsize::new(0));
        let worker = {
            let (token, open) = (owner.token().clone(), Arc::clone(&open));
            thread::spawn(move || {
                if let Some(scope) = token.enter() {
                    open.fetch_add(1, Ordering::Relaxed);
                    scope.native_module().use_it();
                    open.fetch_sub(1, Ordering::Relaxed);
                }
            })
        };
        let cancel = |owner: Arc<TokenOwner<Module>>, open: Arc<AtomicUsize>| {
            owner.cancel();
            assert_eq!(open.load(Ordering::Relaxed), 0, "a scope was open when cancel returned");
            assert!(owner.token().enter().is_none());
        };
        let other = {
            let (owner, open) = (Arc::clone(&owner), Arc::clone(&open));
            thread::spawn(move || cancel(owner, open))
        };
        cancel(owner, open);
        other.join().unwrap();
        worker.join().unwrap();
    });
}

/// An owner who does not wait: where a scope is open another thread cancels, and whoever of the two lets go last frees.
#[test]
fn an_owner_who_does_not_wait() {
    model(|| {
        let owner = Arc::new(Module::owned());
        let worker = {
            let token = owner.token().clone();
            thread::spawn(move || publish(&token, 1))
        };
        let cleanup = (!owner.try_cancel()).then(|| {
            let owner = Arc::clone(&owner);
            thread::spawn(move || owner.cancel())
        });
        assert!(owner.token().stop_requested());
        let token = owner.token().clone();
        drop(owner);
        if let Some(cleanup) = cleanup {
            cleanup.join().unwrap();
        }
        assert!(token.enter().is_none());
        worker.join().unwrap();
    });
}

/// S1-26, departure: an error inside a scope sets the stop flag and waits for nothing; the other worker stops after its present unit; the
/// owner drops the module at any time.
#[test]
fn error_stop_and_drop() {
    model(|| {
        let owner = Module::owned();
        let failing = {
            let token = owner.token().clone();
            thread::spawn(move || {
                if let Some(scope) = token.enter() {
                    token.request_stop();
                    scope.native_module().use_it();
                }
            })
        };
        let other = {
            let token = owner.token().clone();
            thread::spawn(move || {
                if !token.stop_requested() {
                    publish(&token, 1);
                }
            })
        };
        drop(owner);
        failing.join().unwrap();
        other.join().unwrap();
    });
}

/// Engine teardown asks every token to stop while the owner drops the module: S1-41.
#[test]
fn teardown_and_drop() {
    model(|| {
        let owner = Module::owned();
        let teardown = {
            let token = owner.token().clone();
            thread::spawn(move || token.request_stop())
        };
        let worker = {
            let token = owner.token().clone();
            thread::spawn(move || publish(&token, 1))
        };
        drop(owner);
        teardown.join().unwrap();
        worker.join().unwrap();
    });
}
