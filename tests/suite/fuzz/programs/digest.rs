//! A function of the guest that makes one number of an object and all that it leads to, down to some depth.

use wasm_encoder::{AbstractHeapType, BlockType, Function, HeapType, RefType, StorageType, ValType};

use super::body::Body;
use super::types::{named, non_null, nullable, unpacked};
use super::{Program, Random};

/// An object, and the depth.
pub(super) const PARAMS: [ValType; 2] = [ValType::Ref(RefType { nullable: true, heap_type: HeapType::ANY }), ValType::I32];

/// Of longer arrays only so many elements count.
const ELEMENTS: i32 = 5;

/// The function.
pub(super) fn function(program: &mut Program, random: &mut Random) -> Function {
    let mut body = Body::new(program, random, &PARAMS, &[ValType::I64]);
    let total = body.local(ValType::I64);
    body.sink().local_get(0).ref_is_null();
    body.open_if(BlockType::Empty);
    body.sink().i64_const(1).return_();
    body.close();
    body.sink().local_get(1).i32_eqz();
    body.open_if(BlockType::Empty);
    body.sink().i64_const(2).return_();
    body.close();
    // Types come after those that they extend, so the last that fits says most.
    let (structs, arrays) = (body.program.types.structs(), body.program.types.arrays());
    for index in structs.into_iter().chain(arrays).rev() {
        body.digest_of_type(index, total);
    }
    let i31 = named(AbstractHeapType::I31);
    body.sink().local_get(0).ref_test_non_null(i31);
    body.open_if(BlockType::Empty);
    body.sink().local_get(0).ref_cast_non_null(i31).i31_get_s().i64_extend_i32_s().return_();
    body.close();
    body.sink().i64_const(3);
    body.finish()
}

impl Body<'_> {
    fn digest_of_type(&mut self, index: u32, total: u32) {
        let heap = HeapType::Concrete(index);
        let object = self.local(ValType::Ref(nullable(heap)));
        let other = self.open_block(BlockType::Result(PARAMS[0]));
        let to = self.to(other);
        self.sink().local_get(0).br_on_cast_fail(to, nullable(HeapType::ANY), non_null(heap)).local_set(object);
        self.sink().i64_const(i64::from(index) + 11).local_set(total);
        match self.program.types.element(index) {
            Some(element) => self.digest_of_elements(index, element.element_type, object, total),
            None => {
                for (field, def) in (0u32..).zip(self.program.types.fields(index).to_vec()) {
                    self.sink().local_get(object);
                    let mut sink = self.sink();
                    match def.element_type {
                        StorageType::Val(_) => sink.struct_get(index, field),
                        _ => sink.struct_get_s(index, field),
                    };
                    self.add_to_digest(unpacked(def.element_type), total);
                }
            }
        }
        self.sink().local_get(total).return_();
        self.close();
        self.sink().drop();
    }

    fn digest_of_elements(&mut self, index: u32, storage: StorageType, object: u32, total: u32) {
        let at = self.local(ValType::I32);
        self.sink().local_get(object).array_len().i64_extend_i32_u().local_get(total).i64_add().local_set(total);
        self.sink().i32_const(0).local_set(at);
        let exit = self.open_block(BlockType::Empty);
        let head = self.open_loop();
        let to = self.to(exit);
        self.sink().local_get(at).local_get(object).array_len().i32_ge_u().br_if(to);
        self.sink().local_get(at).i32_const(ELEMENTS).i32_ge_u().br_if(to);
        self.sink().local_get(object).local_get(at);
        let mut sink = self.sink();
        match storage {
            StorageType::Val(_) => sink.array_get(index),
            _ => sink.array_get_u(index),
        };
        self.add_to_digest(unpacked(storage), total);
        self.sink().local_get(at).i32_const(1).i32_add().local_set(at);
        self.branch(head);
        self.close();
        self.close();
    }

    /// Adds the value on the stack to the number in a local; objects count one level less deep than in the function's own parameter.
    fn add_to_digest(&mut self, ty: ValType, total: u32) {
        if let ValType::Ref(ty) = ty {
            self.number_of_reference(ty, |body| {
                body.sink().local_get(1).i32_const(1).i32_sub();
            });
        }
        self.add(ty, total);
    }

    /// Makes a number of the reference on the stack, with a depth that is computed there.
    fn number_of_reference(&mut self, ty: RefType, depth: impl FnOnce(&mut Self)) {
        let digest = self.program.digest();
        match self.program.types.top(ty.heap_type) {
            HeapType::Abstract { ty: top @ (AbstractHeapType::Any | AbstractHeapType::Extern), .. } => {
                if top == AbstractHeapType::Extern {
                    self.sink().any_convert_extern();
                }
                depth(self);
                self.sink().call(digest);
            }
            _ => {
                self.sink().ref_is_null().i64_extend_i32_u();
            }
        }
    }

    /// Adds a number, or what was made of a reference.
    fn add(&mut self, ty: ValType, total: u32) {
        let mut sink = self.sink();
        match ty {
            ValType::I32 => sink.i64_extend_i32_u(),
            ValType::I64 | ValType::Ref(_) => &mut sink,
            ValType::F32 => sink.i32_reinterpret_f32().i64_extend_i32_u(),
            ValType::F64 => sink.i64_reinterpret_f64(),
            ValType::V128 => sink.i64x2_extract_lane(1),
        };
        sink.local_get(total).i64_const(31).i64_mul().i64_add().local_set(total);
    }

    /// One number of all values on the stack.
    pub(super) fn digest_of_stack(&mut self, types: &[ValType]) {
        let total = self.local(ValType::I64);
        let locals = self.store_all(types);
        self.sink().i64_const(7).local_set(total);
        for (local, ty) in locals.into_iter().zip(types) {
            self.sink().local_get(local);
            if let ValType::Ref(ty) = ty {
                self.number_of_reference(*ty, |body| {
                    body.sink().i32_const(3);
                });
            }
            self.add(*ty, total);
        }
        self.sink().local_get(total);
    }
}
