//! Making isolates and instances.

use deltic::{Instance, Isolate, Linker, Module, WasmEngine};

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

    /// A module that imports twenty functions.
    pub fn imports(engine: &WasmEngine) -> Template {
        Self::new(engine, &modules::with_imports(20), 20)
    }

    /// An instance.
    pub fn instantiate(&self, isolate: &mut Isolate) -> Instance {
        self.linker.instantiate(isolate, &self.module).expect("an instance")
    }

    /// An instance that is freed some time later.
    pub fn instantiate_in_scope(&self, isolate: &mut Isolate) {
        isolate.root_scope(|isolate| self.instantiate(isolate));
    }
}

/// Some instances of each kind.
pub fn smoke(engine: &WasmEngine) {
    let mut isolate = Isolate::new(engine).expect("an isolate");
    for template in [Template::empty(engine), Template::one_memory(engine), Template::imports(engine)] {
        let instance = template.instantiate(&mut isolate);
        assert!(instance.module(&isolate).is_some_and(|module| module.is_same(&template.module)));
        (0..100).for_each(|_| template.instantiate_in_scope(&mut isolate));
    }
    isolate.collect_garbage();
    assert_eq!(isolate.instance_count(), 3);
    let template = Template::one_memory(engine);
    let instance = template.instantiate(&mut isolate);
    let read = instance.get_typed_func::<i32, i32>(&mut isolate, "read").expect("a function");
    assert_eq!(read.call(&mut isolate, 1024).expect("no trap"), i32::from_le_bytes(*b"a li"));
}
