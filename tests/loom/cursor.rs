//! The cursor: every position is handed out once.

use deltic::compile::cursor::Cursor;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::model;

fn take_all(cursor: &Cursor) -> Vec<usize> {
    std::iter::from_fn(|| cursor.take()).flatten().collect()
}

#[test]
fn every_position_once() {
    model(|| {
        let cursor = Arc::new(Cursor::new(4, 1, 2));
        let other = {
            let cursor = Arc::clone(&cursor);
            thread::spawn(move || take_all(&cursor))
        };
        let mut all = take_all(&cursor);
        all.extend(other.join().unwrap());
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
    });
}

/// Closing takes the rest as one worker would: what was handed out and what was closed away is everything.
#[test]
fn close_while_others_take() {
    model(|| {
        let cursor = Arc::new(Cursor::new(3, 0, 2));
        let other = {
            let cursor = Arc::clone(&cursor);
            thread::spawn(move || take_all(&cursor).len())
        };
        let closed = cursor.close();
        assert_eq!(cursor.remaining(), 0);
        assert!(cursor.take().is_none());
        assert_eq!(closed + other.join().unwrap(), 3);
    });
}

/// Who is handed a position sees what was written before it arrived, and closing ends it all the same.
#[test]
fn positions_arrive_with_what_they_stand_for() {
    model(|| {
        let cursor = Arc::new(Cursor::arriving(3, 2));
        let bodies = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)]);
        let worker = {
            let (cursor, bodies) = (Arc::clone(&cursor), Arc::clone(&bodies));
            thread::spawn(move || {
                let taken = take_all(&cursor);
                // Relaxed: what orders it is the cursor.
                assert!(taken.iter().all(|&position| bodies[position].load(Ordering::Relaxed) == position + 1));
                taken
            })
        };
        for position in 0..3 {
            bodies[position].store(position + 1, Ordering::Relaxed);
            cursor.arrive(position + 1);
        }
        let mut all = take_all(&cursor);
        all.extend(worker.join().unwrap());
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}
