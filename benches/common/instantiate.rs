//! Making isolates and instances.

use std::sync::Barrier;

use deltic::{Instance, InstancePre, Isolate, Linker, Module, WasmEngine};

use super::modules;

/// A module, and what it imports.
#[derive(Debug)]
pub struct Template {
    pub module: Module,
    pub linker: Linker,
}

impl Template {
    fn new(engine: &WasmEngine, bytes: &[u8], imports: u32) -> Template {
        let mut linker = Linker::new(engine);
        for index in 0..imports {
            linker.func_wrap("env", &format!("f{index}"), |x: i32| x).expect("a new name");
        }
        Template { module: Module::new(engine, bytes).expect("a valid module"), linker }
    }

    /// A module without anything.
    pub fn empty(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::empty(), 0)
    }

    /// A module with one memory and one data segment.
    pub fn one_memory(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::one_memory(), 0)
    }

    /// A module with a memory of 32 pages, and so much data in it that it is mapped.
    pub fn with_image(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::with_data(32, 256 << 10), 0)
    }

    /// A module with a table of so many functions.
    pub fn with_table(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::with_table(1_000), 0)
    }

    /// A module that imports twenty functions.
    pub fn imports(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::with_imports(20), 20)
    }

    /// An instance.
    pub fn instantiate(&self, isolate: &mut Isolate) -> Instance {
        self.linker.instantiate(isolate, &self.module).expect("an instance")
    }

    /// The module with what it imports, for many instances.
    pub fn prepare(&self, isolate: &mut Isolate) -> InstancePre {
        self.linker.instantiate_pre(isolate, &self.module).expect("definitions that fit")
    }

    /// So many instances, one after the other, in isolates on so many threads.
    pub fn instantiate_on_threads(&self, engine: &WasmEngine, threads: usize, instances: usize) {
        let ready = Barrier::new(threads);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut isolate = Isolate::new(engine).expect("an isolate");
                    let pre = self.prepare(&mut isolate);
                    ready.wait();
                    for _ in 0..instances / threads {
                        isolate.root_scope(|isolate| pre.instantiate(isolate).expect("an instance"));
                    }
                });
            }
        });
    }

    /// An instance that is freed some time later.
    pub fn instantiate_in_scope(&self, isolate: &mut Isolate) {
        isolate.root_scope(|isolate| self.instantiate(isolate));
    }
}

/// Some instances of each kind.
pub fn smoke(engine: &WasmEngine) {
    let mut isolate = Isolate::new(engine).expect("an isolate");
    let templates = [Template::empty, Template::one_memory, Template::imports, Template::with_image, Template::with_table];
    for template in templates {
        let template = template(engine);
        let instance = template.instantiate(&mut isolate);
        assert!(instance.module(&isolate).is_some_and(|module| module.is_same(&template.module)));
        (0..100).for_each(|_| template.instantiate_in_scope(&mut isolate));
        let pre = template.prepare(&mut isolate);
        (0..100).for_each(|_| assert!(isolate.root_scope(|isolate| pre.instantiate(isolate)).is_ok()));
        template.instantiate_on_threads(engine, 2, 100);
    }
    isolate.collect_garbage();
    assert_eq!(isolate.instance_count(), 5);
    let template = Template::one_memory(engine);
    let instance = template.instantiate(&mut isolate);
    let read = instance.get_typed_func::<i32, i32>(&mut isolate, "read").expect("a function");
    assert_eq!(read.call(&mut isolate, 1024).expect("no trap"), i32::from_le_bytes(*b"a li"));
}
