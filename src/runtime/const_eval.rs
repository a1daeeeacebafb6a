//! Constant expressions (§4.5.4), evaluated while an instance is made.

use cranelift_entity::EntityRef;

use crate::runtime::error::ResourceError;
use crate::runtime::store::Store;
use crate::wasm::module::{ConstExpr, ConstOp};

impl Store {
    /// The value of an expression, as bits. The globals that it reads are linked or made already: validation lets an expression
    /// refer to earlier globals only.
    pub(crate) fn eval_const(&mut self, instance: u32, expr: &ConstExpr) -> Result<u128, ResourceError> {
        if let [op] = *expr.0 {
            return self.eval_op(instance, op);
        }
        let mut stack: Vec<u128> = Vec::new();
        for &op in &expr.0 {
            let value = match binary(op) {
                Some(apply) => {
                    let (right, left) = (stack.pop().unwrap_or(0), stack.pop().unwrap_or(0));
                    apply(left as u64, right as u64)
                }
                None => self.eval_op(instance, op)?,
            };
            stack.push(value);
        }
        Ok(stack.pop().unwrap_or(0))
    }

    fn eval_op(&mut self, instance: u32, op: ConstOp) -> Result<u128, ResourceError> {
        Ok(match op {
            ConstOp::I32(value) => u128::from(value as u32),
            ConstOp::I64(value) => u128::from(value as u64),
            ConstOp::F32(bits) => u128::from(bits),
            ConstOp::F64(bits) => u128::from(bits),
            ConstOp::V128(bits) => bits,
            ConstOp::RefNull => 0,
            ConstOp::RefFunc(func) => u128::from(self.func_ref(instance, func)?),
            ConstOp::GlobalGet(global) => {
                let global = self.instances[instance as usize].globals[global.index()];
                self.globals[global as usize].bits()
            }
            ConstOp::I32Add | ConstOp::I32Sub | ConstOp::I32Mul | ConstOp::I64Add | ConstOp::I64Sub | ConstOp::I64Mul => 0,
        })
    }
}

type Binary = fn(u64, u64) -> u128;

fn binary(op: ConstOp) -> Option<Binary> {
    Some(match op {
        ConstOp::I32Add => |a, b| u128::from((a as u32).wrapping_add(b as u32)),
        ConstOp::I32Sub => |a, b| u128::from((a as u32).wrapping_sub(b as u32)),
        ConstOp::I32Mul => |a, b| u128::from((a as u32).wrapping_mul(b as u32)),
        ConstOp::I64Add => |a, b| u128::from(a.wrapping_add(b)),
        ConstOp::I64Sub => |a, b| u128::from(a.wrapping_sub(b)),
        ConstOp::I64Mul => |a, b| u128::from(a.wrapping_mul(b)),
        _ => return None,
    })
}
