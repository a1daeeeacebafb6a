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
}

/// Instances of an isolate are freed with it: so many are made before it is renewed.
pub const INSTANCES_PER_ISOLATE: usize = 1_000;

/// An isolate that is renewed from time to time.
#[derive(Debug)]
pub struct Renewed {
    engine: WasmEngine,
    isolate: Isolate,
    made: usize,
    limit: usize,
}

impl Renewed {
    /// A new one, good for so many instances.
    pub fn new(engine: &WasmEngine, limit: usize) -> Renewed {
        Renewed { engine: engine.clone(), isolate: Isolate::new(engine).expect("an isolate"), made: 0, limit }
    }

    /// The isolate, for one more instance.
    pub fn isolate(&mut self) -> &mut Isolate {
        if self.made == self.limit {
            self.isolate = Isolate::new(&self.engine).expect("an isolate");
            self.made = 0;
        }
        self.made += 1;
        &mut self.isolate
    }
}

/// Some instances of each kind, in one isolate and in several.
pub fn smoke(engine: &WasmEngine) {
    let mut renewed = Renewed::new(engine, 4);
    for template in [Template::empty(engine), Template::one_memory(engine), Template::imports(engine)] {
        for _ in 0..5 {
            let isolate = renewed.isolate();
            let instance = template.instantiate(isolate);
            assert!(instance.module(isolate).is_some_and(|module| module.is_same(&template.module)));
        }
    }
    let template = Template::one_memory(engine);
    let isolate = renewed.isolate();
    let instance = template.instantiate(isolate);
    let read = instance.get_typed_func::<i32, i32>(isolate, "read").expect("a function");
    assert_eq!(read.call(isolate, 1024).expect("no trap"), i32::from_le_bytes(*b"a li"));
}
