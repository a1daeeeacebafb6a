//! The token: how background work reaches a native module that may die at any moment.
//!
//! Problem: a worker compiles for 100 ms while the module's owner may drop the module. If the worker owns the module (a strong
//! or an upgraded weak reference), the last drop may happen on the worker, with callbacks and all. If the owner waits for the
//! worker, dropping a module takes 100 ms.
//!
//! Idea: workers own a [`BackgroundCompileToken`], which *refers* to the module and does not keep it. To touch the module a
//! worker opens a [`BackgroundCompileScope`]; while one is open the module is alive; between scopes it may go. The owner's end
//! is a [`TokenOwner`]; its [`cancel`](TokenOwner::cancel) waits for the scopes that are open now, and for nothing else. An owner who does
//! not even want to wait for those, whose threads the system may have taken off their processors, [tries](TokenOwner::try_cancel), and has another
//! thread own the module if that fails.
//!
//! ```text
//!             enter -> Some                    cancel (waits until no scope is open)
//!   Alive(0 scopes) <-----> Alive(n scopes)    Alive(0) ------------------> Cancelled; enter -> None, for ever
//!              drop(scope)
//! ```
//!
//! Scopes are readers of a reader-writer lock: those of one token do not exclude each other, so whatever they change in the
//! module is atomic or has its own short lock. `cancel` is the writer. Statement S1-15 ("all scopes of one token are
//! sequential") is an implementation fact that nothing observable depends on; the feature `mutex-token` has it, for comparison.
//!
//! **Invariants**
//! * While a scope is open the module is not freed (S1-16): freeing needs the write lock first. Kept in [`TokenOwner`].
//! * A reference from a scope does not outlive it: the borrow checker keeps this.
//! * Scopes never nest and stay on their thread: ranks are asserted in debug builds; `!Send` by type.
//! * Only the owner cancels: a scope gives no way to the [`TokenOwner`], so nobody waits for his own scope.
//!   [`request_stop`](BackgroundCompileToken::request_stop) is the flag that anybody may set; it waits for nothing.
//! * The module is freed on a thread of an owner, or of who waits in its place: never inside of a scope.
//!
//! Model: `tests/loom/token.rs`.
//!
//! What the compiler refuses: use of the module after its scope was closed,
//!
//! ```compile_fail,E0505
//! # use deltic::compile::token::TokenOwner;
//! let owner = TokenOwner::new(String::from("module"));
//! let token = owner.token().clone();
//! let scope = token.enter().unwrap();
//! let module: &String = scope.native_module();
//! drop(scope);
//! println!("{module}");
//! ```
//!
//! sending a scope to another thread,
//!
//! ```compile_fail,E0277
//! # use deltic::compile::token::TokenOwner;
//! let owner = TokenOwner::new(String::from("module"));
//! let scope = owner.token().enter().unwrap();
//! std::thread::scope(|threads| {
//!     threads.spawn(move || scope.native_module().len());
//! });
//! ```
//!
//! and keeping the module without the owner.
//!
//! ```compile_fail,E0505
//! # use deltic::compile::token::TokenOwner;
//! let owner = TokenOwner::new(String::from("module"));
//! let module: &String = owner.get();
//! drop(owner);
//! println!("{module}");
//! ```
//!
//! The same, put right:
//!
//! ```
//! # use deltic::compile::token::TokenOwner;
//! let owner = TokenOwner::new(String::from("module"));
//! let token = owner.token().clone();
//! {
//!     let scope = token.enter().unwrap();
//!     assert_eq!(scope.native_module(), "module");
//! }
//! drop(owner);
//! assert!(token.enter().is_none());
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::base::rank::{self, Held, Rank};
use crate::base::sync::Arc;
use crate::base::sync::model::atomic::{AtomicBool, Ordering};
use crate::compile::native_module::NativeModule;
use lock::{ScopeGuard, TokenLock};

/// Refers to a native module, without keeping it. Shared by the module's owner and every background task.
pub struct BackgroundCompileToken<M = NativeModule> {
    module: TokenLock<Option<ModulePtr<M>>>,
    stop: AtomicBool,
}

/// The module, of which the lock says whether it may be looked at.
struct ModulePtr<M>(NonNull<M>);

// SAFETY: the pointer is followed only inside a scope, on whatever thread that is, and gives `&M` there, which `M: Sync` allows.
// It is never used to free: that is the owner's.
unsafe impl<M: Sync> Send for ModulePtr<M> {}
// SAFETY: as above; `&ModulePtr` gives no more than `ModulePtr`.
unsafe impl<M: Sync> Sync for ModulePtr<M> {}

impl<M> BackgroundCompileToken<M> {
    /// Opens a scope; `None` once the owner has cancelled (statement S1-14). Waits only while a cancel is under way.
    pub fn enter(&self) -> Option<BackgroundCompileScope<'_, M>> {
        let held = Held::new(Rank::Scope);
        let guard = self.module.open();
        let module = guard.as_ref()?.0;
        Some(BackgroundCompileScope { module, _guard: guard, _held: held })
    }

    /// Asks background units to give up. They notice between passes; nothing is waited for, and the module stays as it is.
    pub fn request_stop(&self) {
        // Relaxed: a hint that orders nothing; no partner.
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether background units should give up.
    pub fn stop_requested(&self) -> bool {
        // Relaxed: see `request_stop`.
        self.stop.load(Ordering::Relaxed)
    }
}

impl<M> fmt::Debug for BackgroundCompileToken<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundCompileToken").field("stop", &self.stop_requested()).finish_non_exhaustive()
    }
}

/// While this is open, the native module is alive.
pub struct BackgroundCompileScope<'t, M = NativeModule> {
    module: NonNull<M>,
    _guard: ScopeGuard<'t, Option<ModulePtr<M>>>,
    /// Scopes do not nest. Not `Send`, so that a scope stays on its thread.
    _held: Held,
}

impl<M> BackgroundCompileScope<'_, M> {
    /// The module, for as long as the scope is open.
    pub fn native_module(&self) -> &M {
        // SAFETY: `enter` read the pointer under the lock that this scope still holds for reading. The owner frees the module
        // only after it has held the same lock for writing and has taken the pointer away (`TokenOwner::cancel`), so it is
        // alive until this scope is dropped, and the reference borrows from the scope. `&mut M` exists nowhere: the owner
        // gives out `&M` only, and takes the box back after `cancel`.
        unsafe { self.module.as_ref() }
    }
}

impl<M> fmt::Debug for BackgroundCompileScope<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundCompileScope").finish_non_exhaustive()
    }
}

/// The owner's end: it owns the module, gives out its token, cancels, and frees.
///
/// The module is held by raw pointer, as scopes hold `&M` of their own while the owner is being dropped.
pub struct TokenOwner<M = NativeModule> {
    module: NonNull<M>,
    token: Arc<BackgroundCompileToken<M>>,
    _owns: PhantomData<M>,
}

// SAFETY: it owns an `M` and gives out `&M`: with `M: Send + Sync` both may happen on any thread.
unsafe impl<M: Send + Sync> Send for TokenOwner<M> {}
// SAFETY: `&TokenOwner` gives `&M` and `cancel`, which is safe from several threads at once.
unsafe impl<M: Send + Sync> Sync for TokenOwner<M> {}

impl<M> TokenOwner<M> {
    /// Takes the module.
    pub fn new(module: M) -> Self {
        let module = NonNull::from(Box::leak(Box::new(module)));
        let token =
            Arc::new(BackgroundCompileToken { module: TokenLock::new(Some(ModulePtr(module))), stop: AtomicBool::new(false) });
        TokenOwner { module, token, _owns: PhantomData }
    }

    /// The module.
    pub fn get(&self) -> &M {
        // SAFETY: the module is freed in `drop` only, which needs this owner to itself; nobody has `&mut M` before.
        unsafe { self.module.as_ref() }
    }

    /// The token to give to background tasks.
    pub fn token(&self) -> &Arc<BackgroundCompileToken<M>> {
        &self.token
    }

    /// [Cancels](Self::cancel) if no scope is open now. Background units are asked to stop, whether or not.
    #[must_use]
    pub fn try_cancel(&self) -> bool {
        self.token.request_stop();
        self.token.module.try_close()
    }

    /// Ends every scope's chance (statement S1-12): returns once no scope is open, and none will be. May be called again, and
    /// by several threads at once; each of them returns only then. Background units are asked to stop, and not waited for.
    ///
    /// Not to be called inside a scope of the same thread.
    pub fn cancel(&self) {
        // Inside a scope of this thread it would wait for itself.
        rank::assert_may_take(Rank::Scope);
        self.token.request_stop();
        self.token.module.close();
    }
}

impl<M> Drop for TokenOwner<M> {
    fn drop(&mut self) {
        self.cancel();
        // SAFETY: the pointer comes from `Box::leak` in `new` and is freed here only. `cancel` has returned, so that no scope is
        // open and none can be opened; references from `get` borrow from this owner, which is being dropped.
        drop(unsafe { Box::from_raw(self.module.as_ptr()) });
    }
}

impl<M: fmt::Debug> fmt::Debug for TokenOwner<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenOwner").field("module", self.get()).finish_non_exhaustive()
    }
}

/// Scopes share.
#[cfg(not(feature = "mutex-token"))]
mod lock {
    use crate::base::sync::model::{RwLock, RwLockReadGuard};

    pub(super) struct TokenLock<T>(RwLock<T>);

    pub(super) type ScopeGuard<'t, T> = RwLockReadGuard<'t, T>;

    impl<T> TokenLock<Option<T>> {
        pub(super) fn new(value: Option<T>) -> Self {
            TokenLock(RwLock::new(value))
        }

        pub(super) fn open(&self) -> ScopeGuard<'_, Option<T>> {
            self.0.read()
        }

        pub(super) fn close(&self) {
            *self.0.write() = None;
        }

        pub(super) fn try_close(&self) -> bool {
            self.0.try_write().map(|mut value| *value = None).is_some()
        }
    }
}

/// Scopes exclude each other, as S1-15 has it.
#[cfg(feature = "mutex-token")]
mod lock {
    use crate::base::sync::model::{Mutex, MutexGuard};

    pub(super) struct TokenLock<T>(Mutex<T>);

    pub(super) type ScopeGuard<'t, T> = MutexGuard<'t, T>;

    impl<T> TokenLock<Option<T>> {
        pub(super) fn new(value: Option<T>) -> Self {
            TokenLock(Mutex::new(value))
        }

        pub(super) fn open(&self) -> ScopeGuard<'_, Option<T>> {
            self.0.lock()
        }

        pub(super) fn close(&self) {
            *self.0.lock() = None;
        }

        pub(super) fn try_close(&self) -> bool {
            self.0.try_lock().map(|mut value| *value = None).is_some()
        }
    }
}
