//! Waiters of a shared memory: no wake-up is lost, none is spent twice, and every wait has one end.

use std::time::Instant;

use deltic::runtime::waiters::{WaitEnd, Waiter, WaiterTable};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::model;

/// Another thread waits at address 0 for as long as a value is 0, or until the deadline, which in a model passes when others had a turn.
fn waiting(waiter: &Arc<Waiter>, value: &Arc<AtomicU32>, deadline: Option<Instant>) -> thread::JoinHandle<WaitEnd> {
    let (waiter, value) = (Arc::clone(waiter), Arc::clone(value));
    thread::spawn(move || Waiter::wait(&waiter, 0, deadline, || value.load(Ordering::SeqCst) == 0))
}

/// The value changes, then the waiter is woken: it has seen the one or gets the other. A lost wake-up would be a deadlock.
#[test]
fn a_wake_up_is_not_lost() {
    model(|| {
        let (table, value) = (Arc::new(WaiterTable::default()), Arc::new(AtomicU32::new(0)));
        let other = waiting(&Waiter::new(&table), &value, None);
        value.store(1, Ordering::SeqCst);
        let woken = table.notify(0, 1);
        let end = other.join().unwrap();
        assert_eq!(end, if woken == 1 { WaitEnd::Woken } else { WaitEnd::NotEqual });
        assert!(table.is_empty());
    });
}

/// Who counts as woken has been: a wait does not end by its time after a wake-up was spent on it.
#[test]
fn a_deadline_and_a_wake_up_agree() {
    model(|| {
        let (table, value) = (Arc::new(WaiterTable::default()), Arc::new(AtomicU32::new(0)));
        let other = waiting(&Waiter::new(&table), &value, Some(Instant::now()));
        let woken = table.notify(0, 1);
        let end = other.join().unwrap();
        assert_eq!(end, if woken == 1 { WaitEnd::Woken } else { WaitEnd::TimedOut });
        assert!(table.is_empty());
    });
}

/// An interrupt may come before the wait has begun, and loses against a wake-up that was spent already.
#[test]
fn an_interrupt_and_a_wake_up_agree() {
    model(|| {
        let (table, value) = (Arc::new(WaiterTable::default()), Arc::new(AtomicU32::new(0)));
        let waiter = Waiter::new(&table);
        let other = waiting(&waiter, &value, None);
        let woken = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.notify(0, 1))
        };
        waiter.interrupt();
        let (woken, end) = (woken.join().unwrap(), other.join().unwrap());
        assert_eq!(end, if woken == 1 { WaitEnd::Woken } else { WaitEnd::Interrupted });
        assert!(table.is_empty());
    });
}

/// A wake-up is not spent on a waiter that was interrupted, but on the next.
#[test]
fn an_interrupted_waiter_takes_no_wake_up() {
    model(|| {
        let (table, value) = (Arc::new(WaiterTable::default()), Arc::new(AtomicU32::new(0)));
        let [first, second] = [(); 2].map(|()| Waiter::new(&table));
        let interrupted = waiting(&first, &value, None);
        let woken = waiting(&second, &value, None);
        first.interrupt();
        while table.notify(0, 1) == 0 {
            thread::yield_now();
        }
        assert_eq!((interrupted.join().unwrap(), woken.join().unwrap()), (WaitEnd::Interrupted, WaitEnd::Woken));
        assert!(table.is_empty());
    });
}
