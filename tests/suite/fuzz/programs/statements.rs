//! Statements: code that leaves nothing on the stack.

use wasm_encoder::{BlockType, HeapType, ValType};

use super::body::{Body, Label};
use super::expressions::WORD;
use super::objects::Segment;
use super::types::{has_default, nullable, pick, unpacked};
use super::{AbstractHeapType, DATA_BYTES, FUEL, FUNCS, OBJECTS, SEGMENT_LEN, TABLE_LEN, named, non_null};

impl Body<'_> {
    /// Some statement.
    pub(super) fn statement(&mut self, depth: u32) {
        self.budget -= 2;
        if depth == 0 || self.budget < 0 {
            return;
        }
        let depth = depth - 1;
        match self.random.below(28) {
            0..=2 => self.set_local(depth),
            3..=5 => self.set_global(depth),
            6..=9 => self.write_field(depth),
            10 | 11 => self.write_element(depth),
            12 | 13 => self.change_elements(depth),
            14 => self.set_table(depth),
            15 | 16 => self.build(depth),
            17 | 18 => self.repeat(depth),
            19 => self.choose(depth),
            20 => {
                let own = self.any_func_type();
                self.call(own, depth);
                self.drop_results(own);
            }
            21..=23 => self.try_(None, depth),
            24 => self.maybe(depth, |body, depth| body.throw(depth)),
            25 => {
                self.address(depth);
                self.expression(ValType::I64, depth);
                self.sink().i64_store(WORD);
            }
            26 => self.maybe(depth, |body, _| {
                let results = body.results.clone();
                if body.random.one_in(3) {
                    let params = Vec::new();
                    body.tail_call_returning(&results, params);
                } else {
                    results.iter().for_each(|ty| body.expression(*ty, 1));
                    body.sink().return_();
                }
            }),
            _ => {
                let ty = self.some_type();
                self.expression(ty, depth);
                self.sink().drop();
            }
        }
    }

    /// Does it under a condition.
    fn maybe(&mut self, depth: u32, act: impl FnOnce(&mut Self, u32)) {
        self.condition(depth);
        self.open_if(BlockType::Empty);
        act(self, depth);
        self.close();
    }

    fn set_local(&mut self, depth: u32) {
        let (local, ty) = match self.any_local() {
            Some(found) if self.random.one_in(2) => found,
            _ => {
                let ty = self.some_type();
                (self.local(ty), ty)
            }
        };
        self.expression(ty, depth);
        self.sink().local_set(local);
    }

    fn set_global(&mut self, depth: u32) {
        let globals = self.program.globals.iter().enumerate().skip(FUEL as usize + 1).filter(|(_, global)| global.1);
        let globals: Vec<(u32, ValType)> = globals.map(|(index, global)| (index as u32, global.0)).collect();
        let Some((global, ty)) = pick(self.random, globals) else { return };
        self.expression(ty, depth);
        self.sink().global_set(global);
    }

    /// Changes a field, of an old object more often than not.
    fn write_field(&mut self, depth: u32) {
        let Some((index, field, def)) = self.mutable_field() else { return };
        let ty = ValType::Ref(nullable(HeapType::Concrete(index)));
        let object = self.local(ty);
        let null = self.open_block(BlockType::Empty);
        if self.random.one_in(4) {
            self.expression(ty, depth)
        } else {
            self.leaf(ty)
        }
        let to = self.to(null);
        self.sink().local_tee(object).br_on_null(to);
        self.expression(unpacked(def.element_type), depth);
        self.sink().struct_set(index, field);
        self.close();
        if self.random.one_in(20) {
            self.sink().local_get(object);
            self.leaf(unpacked(def.element_type));
            self.sink().struct_set(index, field);
        }
    }

    fn write_element(&mut self, depth: u32) {
        let Some((index, element)) = self.mutable_array() else { return };
        let absent = self.open_block(BlockType::Empty);
        self.place(index, depth, absent);
        self.expression(unpacked(element.element_type), depth);
        self.sink().array_set(index);
        self.close();
    }

    /// Changes a range of elements: fills, copies, or takes from a segment.
    fn change_elements(&mut self, depth: u32) {
        let Some((index, element)) = self.mutable_array() else { return };
        let ty = unpacked(element.element_type);
        let absent = self.open_block(BlockType::Empty);
        match (self.random.below(4), self.segment_for(element.element_type)) {
            (0, Some(Segment::Data(bytes))) => {
                self.range(index, depth, absent);
                // The range is short.
                let at = self.random.below((DATA_BYTES - 3 * bytes) as usize) as i32;
                let count = self.local(ValType::I32);
                self.sink().local_set(count).i32_const(at).local_get(count).array_init_data(index, 0);
            }
            (0, Some(Segment::Elements(segment))) => {
                self.range(index, depth, absent);
                let at = self.random.below(SEGMENT_LEN as usize - 3) as i32;
                let count = self.local(ValType::I32);
                self.sink().local_set(count).i32_const(at).local_get(count).array_init_elem(index, segment);
            }
            (1, _) => {
                self.range(index, depth, absent);
                let count = self.local(ValType::I32);
                self.sink().local_set(count);
                self.expression(ty, depth);
                self.sink().local_get(count).array_fill(index);
            }
            _ => {
                let types = &self.program.types;
                let fits = |source: &u32| {
                    types.element(*source).is_some_and(|from| match (from.element_type, element.element_type) {
                        (from, to) if from == to => true,
                        (wasm_encoder::StorageType::Val(from), wasm_encoder::StorageType::Val(to)) => types.is_subtype(from, to),
                        _ => false,
                    })
                };
                let fitting: Vec<u32> = types.arrays().into_iter().filter(fits).collect();
                let source = pick(self.random, fitting).unwrap_or(index);
                let (count, other) = (self.local(ValType::I32), self.local(ValType::I32));
                self.range(index, depth, absent);
                self.sink().local_set(count);
                // Two ranges, and the shorter of their lengths. The first lies below the second on the stack.
                let locals = [ValType::Ref(nullable(HeapType::Concrete(index))), ValType::I32];
                let first = self.store_all(&locals);
                self.range(source, depth, absent);
                self.sink().local_set(other);
                let locals = [ValType::Ref(nullable(HeapType::Concrete(source))), ValType::I32];
                let second = self.store_all(&locals);
                for local in first.into_iter().chain(second) {
                    self.sink().local_get(local);
                }
                self.sink().local_get(count).local_get(other).local_get(count).local_get(other).i32_lt_u().select();
                self.sink().array_copy(index, source);
            }
        }
        self.close();
    }

    /// An array, an index, and how many elements from there: nearly always ones that it has, at most three.
    fn range(&mut self, index: u32, depth: u32, absent: Label) {
        let ty = ValType::Ref(nullable(HeapType::Concrete(index)));
        self.place(index, depth, absent);
        let locals = self.store_all(&[ty, ValType::I32]);
        self.sink().local_get(locals[0]).local_get(locals[1]);
        if self.random.one_in(30) {
            self.sink().i32_const(5);
            return;
        }
        // The number of elements from there, the lower two bits of it.
        self.sink().local_get(locals[0]).array_len().local_get(locals[1]).i32_sub();
        let rest = self.local(ValType::I32);
        self.sink().local_tee(rest).i32_const(3).local_get(rest).i32_const(3).i32_lt_u().select();
    }

    fn set_table(&mut self, depth: u32) {
        self.small(TABLE_LEN, depth);
        if self.random.one_in(2) {
            self.expression(ValType::Ref(nullable(HeapType::ANY)), depth);
            self.sink().table_set(OBJECTS);
        } else {
            self.expression(ValType::Ref(nullable(named(AbstractHeapType::Func))), depth);
            self.sink().table_set(FUNCS);
        }
    }

    /// A long list, if there is a structure that can refer to its own kind.
    fn build(&mut self, depth: u32) {
        let types = &self.program.types;
        let mut fitting = Vec::new();
        for index in types.structs() {
            let own = ValType::Ref(non_null(HeapType::Concrete(index)));
            let may_default = types.fields(index).iter().all(|field| has_default(field.element_type));
            for (position, field) in (0u32..).zip(types.fields(index)) {
                if may_default && field.mutable && types.is_subtype(own, unpacked(field.element_type)) {
                    fitting.push((index, position));
                }
            }
        }
        let Some((index, link)) = pick(self.random, fitting) else { return };
        let ty = ValType::Ref(nullable(HeapType::Concrete(index)));
        let (list, node, count) = (self.local(ty), self.local(ty), self.local(ValType::I32));
        self.leaf(ty);
        let turns = 2 + self.random.below(30) as i32;
        self.sink().local_set(list).i32_const(turns).local_set(count);
        let label = self.open_loop();
        // Something on the stack while there is an allocation.
        self.sink().struct_new_default(index);
        self.new_struct(index, depth.min(1));
        self.sink().local_tee(node).local_get(list).struct_set(index, link).drop();
        self.sink().local_get(node).local_set(list);
        self.sink().local_get(count).i32_const(1).i32_sub().local_tee(count);
        let to = self.to(label);
        self.sink().br_if(to);
        self.close();
        if let Some(global) = self.global_of(ty, true) {
            self.sink().local_get(list).global_set(global);
        }
    }

    fn repeat(&mut self, depth: u32) {
        let count = self.local(ValType::I32);
        let turns = 1 + self.random.below(8) as i32;
        self.sink().i32_const(turns).local_set(count);
        let exit = self.open_block(BlockType::Empty);
        let head = self.open_loop();
        let out = self.to(exit);
        self.sink().global_get(FUEL).i32_eqz().br_if(out).local_get(count).i32_eqz().br_if(out);
        self.take_fuel();
        self.sink().local_get(count).i32_const(1).i32_sub().local_set(count);
        for _ in 0..1 + self.random.below(3) {
            self.statement(depth);
        }
        self.branch(head);
        self.close();
        self.close();
    }

    /// One of some statements, by a number.
    fn choose(&mut self, depth: u32) {
        let labels: Vec<Label> = (0..2 + self.random.below(3)).map(|_| self.open_block(BlockType::Empty)).collect();
        self.expression(ValType::I32, depth.min(2));
        self.sink().i32_const(7).i32_and();
        let targets: Vec<u32> = labels.iter().skip(1).map(|label| self.to(*label)).collect();
        let last = self.to(labels[0]);
        self.sink().br_table(targets, last);
        for label in labels.iter().rev() {
            self.close();
            if *label != labels[0] {
                self.statement(depth);
                if self.random.one_in(2) {
                    self.branch(labels[0]);
                }
            }
        }
    }

    // ---- Calls ----

    /// The type of some function.
    pub(super) fn any_func_type(&mut self) -> u32 {
        let funcs = self.program.types.funcs();
        pick(self.random, funcs).unwrap_or_default()
    }

    fn arguments(&mut self, func_type: u32, depth: u32) {
        let (params, _) = self.program.types.signature(func_type);
        params.iter().for_each(|ty| self.expression(*ty, depth));
    }

    /// Calls a function of a type in one of the ways there are; its results are left.
    pub(super) fn call(&mut self, func_type: u32, depth: u32) {
        self.arguments(func_type, depth);
        match self.random.below(12) {
            0..=5 => {
                let func = self.func_of(Some(func_type));
                self.sink().call(func);
            }
            6 => {
                self.small(TABLE_LEN, 0);
                self.sink().call_indirect(FUNCS, func_type);
            }
            _ => {
                self.expression(ValType::Ref(non_null(HeapType::Concrete(func_type))), depth);
                self.sink().call_ref(func_type);
            }
        }
    }

    /// Calls a function of the same results in place of returning.
    pub(super) fn tail_call(&mut self, own_type: u32) {
        let (_, results) = self.program.types.signature(own_type);
        self.tail_call_returning(&results, vec![own_type]);
    }

    fn tail_call_returning(&mut self, results: &[ValType], mut fitting: Vec<u32>) {
        let types = &self.program.types;
        fitting.extend(types.funcs().into_iter().filter(|&index| {
            let (_, others) = types.signature(index);
            others.len() == results.len() && others.iter().zip(results).all(|(other, own)| types.is_subtype(*other, *own))
        }));
        let Some(func_type) = pick(self.random, fitting) else {
            // Of what is exported there is no type in the group.
            results.iter().for_each(|ty| self.leaf(*ty));
            self.sink().return_();
            return;
        };
        self.arguments(func_type, 2);
        match self.random.below(8) {
            0..=4 => {
                let func = self.func_of(Some(func_type));
                self.sink().return_call(func);
            }
            5 => {
                self.small(TABLE_LEN, 0);
                self.sink().return_call_indirect(FUNCS, func_type);
            }
            _ => {
                self.expression(ValType::Ref(non_null(HeapType::Concrete(func_type))), 2);
                self.sink().return_call_ref(func_type);
            }
        }
    }

    fn drop_results(&mut self, func_type: u32) {
        let (_, results) = self.program.types.signature(func_type);
        self.store_all(&results);
    }
}
