//! What every tier must answer alike: which bodies are too large, what an operator costs, which accesses need a check, which objects
//! are made inline, what a cast looks for.

pub(in crate::codegen) mod bodies;
pub(in crate::codegen) mod casts;
pub(in crate::codegen) mod features;
pub(in crate::codegen) mod fuel;
pub(in crate::codegen) mod kind;
pub(in crate::codegen) mod loop_state;
pub(in crate::codegen) mod memory;
pub(in crate::codegen) mod objects;
pub(in crate::codegen) mod operators;
