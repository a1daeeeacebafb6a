//! Where handles may be used: anything that gives access to an isolate.

use crate::isolate::async_func::AsyncCaller;
use crate::isolate::caller::Caller;
use crate::isolate::isolate::Isolate;
use crate::runtime::store::Store;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Isolate {}
    impl Sealed for super::Caller<'_> {}
    impl Sealed for super::AsyncCaller<'_> {}
    impl<T: Sealed + ?Sized> Sealed for &mut T {}
}

/// An isolate, or a host function's [`Caller`] or [`AsyncCaller`]. Calls take `impl AsScope`, so that the same code works in all places.
pub trait AsScope: sealed::Sealed {
    /// What the isolate owns.
    #[doc(hidden)]
    fn store(&self) -> &Store;

    /// What the isolate owns, to change.
    #[doc(hidden)]
    fn store_mut(&mut self) -> &mut Store;
}

impl AsScope for Isolate {
    #[inline]
    fn store(&self) -> &Store {
        Isolate::store(self)
    }

    #[inline]
    fn store_mut(&mut self) -> &mut Store {
        Isolate::store_mut(self)
    }
}

impl AsScope for Caller<'_> {
    #[inline]
    fn store(&self) -> &Store {
        Caller::store(self)
    }

    #[inline]
    fn store_mut(&mut self) -> &mut Store {
        Caller::store_mut(self)
    }
}

impl AsScope for AsyncCaller<'_> {
    fn store(&self) -> &Store {
        AsyncCaller::store(self)
    }

    fn store_mut(&mut self) -> &mut Store {
        AsyncCaller::store_mut(self)
    }
}

impl<T: AsScope + ?Sized> AsScope for &mut T {
    #[inline]
    fn store(&self) -> &Store {
        (**self).store()
    }

    #[inline]
    fn store_mut(&mut self) -> &mut Store {
        (**self).store_mut()
    }
}
