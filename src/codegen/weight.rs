//! Weights: what a function's budget loses by what the function does in baseline code.
//!
//! *Problem.* Optimizing takes a thousand times what the baseline tier takes, in proportion to the size of a body, and pays off only
//! where much time is spent. *Idea.* The unit is about a byte of a body that is passed: a call weighs as much as its function is long, an
//! iteration of a loop as much as most loops are. A budget is a multiple of the body's length, so that what a function has cost when it is
//! used up is a multiple of what optimizing it will.

use crate::base::tuning::{CALL_WEIGHT_MAX, CALL_WEIGHT_MIN, ITERATION_WEIGHT};

/// The weight of a call, by the bytes of the callee's body.
pub fn of_call(body_bytes: usize) -> i32 {
    i32::try_from(body_bytes).unwrap_or(i32::MAX).clamp(CALL_WEIGHT_MIN, CALL_WEIGHT_MAX)
}

/// What a budget is a multiple of: optimizing takes in proportion to the whole body, however much of it a call leaves out.
pub fn of_body(body_bytes: usize) -> i64 {
    i64::try_from(body_bytes).unwrap_or(i64::MAX).max(i64::from(CALL_WEIGHT_MIN))
}

/// The weight of an iteration of a loop in a function.
pub fn of_iteration(body_bytes: usize) -> i32 {
    of_call(body_bytes).min(ITERATION_WEIGHT)
}
