//! The cursor: every position is handed out once.

use deltic::compile::cursor::Cursor;
use loom::sync::Arc;
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
