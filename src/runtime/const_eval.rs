//! Constant expressions (§4.5.4), evaluated while an instance is made. A null descriptor is the one thing that they trap at.

use cranelift_entity::EntityRef;

use crate::abi::fields::StructLayout;
use crate::abi::trap::TrapCode;
use crate::heap::HeapRef;
use crate::runtime::error::{LinkError, ResourceError};
use crate::runtime::rooted::Root;
use crate::runtime::store::Store;
use crate::runtime::trap::Trap;
use crate::wasm::module::{ConstExpr, ConstOp};
use crate::wasm::types::{CompositeType, ValType};

/// An operand. References of the heap are roots: a later operator may collect.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Bits(u128),
    Root(Root),
}

impl Store {
    /// The value of an expression, as bits. The globals that it reads are linked or made already: validation lets an expression
    /// refer to earlier globals only.
    pub(crate) fn eval_const(&mut self, instance: u32, expr: &ConstExpr) -> Result<u128, LinkError> {
        if let [op] = *expr.0
            && !allocates(op)
        {
            return Ok(self.eval_op(instance, op)?);
        }
        let roots = self.roots.len();
        let result = self.eval_ops(instance, &expr.0);
        self.roots.truncate(roots);
        result
    }

    fn eval_ops(&mut self, instance: u32, ops: &[ConstOp]) -> Result<u128, LinkError> {
        let mut stack: Vec<Operand> = Vec::new();
        for &op in ops {
            let operand = match binary(op) {
                Some(apply) => {
                    let (right, left) = (self.pop(&mut stack), self.pop(&mut stack));
                    Operand::Bits(apply(left as u64, right as u64))
                }
                None if allocates(op) => self.eval_object(instance, op, &mut stack)?,
                None if op == ConstOp::RefI31 => Operand::Bits(u128::from(HeapRef::i31(self.pop(&mut stack) as i32).bits())),
                None => self.eval_operand(instance, op)?,
            };
            stack.push(operand);
        }
        Ok(self.pop(&mut stack))
    }

    fn pop(&self, stack: &mut Vec<Operand>) -> u128 {
        match stack.pop() {
            Some(Operand::Bits(bits)) => bits,
            Some(Operand::Root(root)) => self.roots.get(root).map_or(0, |reference| u128::from(reference.bits())),
            None => 0,
        }
    }

    /// What needs no operands; a global's reference gets a root.
    fn eval_operand(&mut self, instance: u32, op: ConstOp) -> Result<Operand, ResourceError> {
        let bits = self.eval_op(instance, op)?;
        let ConstOp::GlobalGet(global) = op else { return Ok(Operand::Bits(bits)) };
        let global = self.instances[instance as usize].globals[global.index()];
        match self.globals[global as usize].ty().content {
            ValType::Ref(ty) if ty.heap.is_in_heap() => Ok(Operand::Root(self.roots.add(HeapRef::from_bits(bits as u32)))),
            _ => Ok(Operand::Bits(bits)),
        }
    }

    /// Makes an object of the operands.
    fn eval_object(&mut self, instance: u32, op: ConstOp, stack: &mut Vec<Operand>) -> Result<Operand, LinkError> {
        let index = instance as usize;
        let custom = match op {
            ConstOp::StructNewDesc(_) | ConstOp::StructNewDefaultDesc(_) => Some(self.pop_custom_descriptor(stack)?),
            _ => None,
        };
        let failed = |code: TrapCode| ResourceError(code.message().into());
        let object = match op {
            ConstOp::StructNew(ty)
            | ConstOp::StructNewDefault(ty)
            | ConstOp::StructNewDesc(ty)
            | ConstOp::StructNewDefaultDesc(ty) => self.new_object(index, ty, 0).map_err(failed)?,
            ConstOp::ArrayNewFixed(ty, length) => self.new_array(index, ty, length).map_err(failed)?,
            ConstOp::ArrayNew(ty) | ConstOp::ArrayNewDefault(ty) => {
                let length = self.pop(stack) as u32;
                self.new_array(index, ty, length).map_err(failed)?
            }
            _ => return Err(LinkError::Resource("an operator that makes no object".into())),
        };
        // Nothing allocates from here on.
        if let Some(custom) = custom.and_then(|root| self.roots.get(root)) {
            self.init_custom_descriptor(object, custom);
        }
        match op {
            ConstOp::StructNew(ty) | ConstOp::StructNewDesc(ty) => {
                let module = self.instances[index].module.clone();
                let CompositeType::Struct(fields) = &module.decoded().types[ty].composite else {
                    return Err(LinkError::Resource("a structure type is expected".into()));
                };
                let layout = StructLayout::new(fields);
                for (field, &offset) in fields.fields.iter().zip(&layout.offsets).rev() {
                    let bits = self.pop(stack);
                    self.init_field(object, field, offset, bits);
                }
            }
            ConstOp::ArrayNew(_) => {
                let bits = self.pop(stack);
                let length = self.heap().map_or(0, |heap| heap.length(object));
                self.fill_array(object, 0, bits, length).map_err(failed)?;
            }
            ConstOp::ArrayNewFixed(_, length) => {
                for position in (0..length).rev() {
                    let bits = self.pop(stack);
                    self.fill_array(object, position, bits, 1).map_err(failed)?;
                }
            }
            _ => {}
        }
        Ok(Operand::Root(self.roots.add(object)))
    }

    /// The root of an object that is to be a descriptor.
    fn pop_custom_descriptor(&self, stack: &mut Vec<Operand>) -> Result<Root, Trap> {
        match stack.pop() {
            Some(Operand::Root(root)) if self.roots.get(root).is_some_and(|found| !found.is_null()) => Ok(root),
            _ => Err(Trap::new(TrapCode::NullDescriptorReference, Vec::new())),
        }
    }

    fn eval_op(&mut self, instance: u32, op: ConstOp) -> Result<u128, ResourceError> {
        Ok(match op {
            ConstOp::I32(value) => u128::from(value as u32),
            ConstOp::I64(value) => u128::from(value as u64),
            ConstOp::F32(bits) => u128::from(bits),
            ConstOp::F64(bits) => u128::from(bits),
            ConstOp::V128(bytes) => u128::from_le_bytes(bytes),
            ConstOp::RefNull => 0,
            ConstOp::RefFunc(func) => u128::from(self.func_ref(instance, func)?),
            ConstOp::GlobalGet(global) => {
                let global = self.instances[instance as usize].globals[global.index()];
                self.globals[global as usize].bits()
            }
            // Those with operands are `eval_ops`' own.
            _ => 0,
        })
    }
}

fn allocates(op: ConstOp) -> bool {
    matches!(
        op,
        ConstOp::StructNew(_)
            | ConstOp::StructNewDefault(_)
            | ConstOp::StructNewDesc(_)
            | ConstOp::StructNewDefaultDesc(_)
            | ConstOp::ArrayNew(_)
            | ConstOp::ArrayNewDefault(_)
            | ConstOp::ArrayNewFixed(..)
    )
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
