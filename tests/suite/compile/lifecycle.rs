//! Modules from bytes to code and to their end.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use cranelift_entity::EntityRef;
use deltic::abi::artifact::{CodeVariant, Tier};
use deltic::base::DefinedFuncIndex;
use deltic::compile::Module;

use super::fake::*;

#[test]
fn a_module_has_all_its_code_when_new_returns() {
    for tasks in [0, 1, 2, 8] {
        let compiler = Arc::new(FakeCompiler::new());
        let engine = engine(tasks, &compiler);
        let module = Module::new(&engine, module_of(&[20; 100])).unwrap();
        assert_eq!(compiler.finished(), 100);
        for n in 0..100 {
            assert_eq!(module.tier(CodeVariant::Guarded, DefinedFuncIndex::new(n)), Some(Tier::Optimized), "function {n}");
        }
        let stats = module.compile_stats();
        assert_eq!((stats.functions, stats.finished_by_tier), (100, [0, 100]));
        assert_eq!(stats.workers.iter().map(|worker| worker.unit_count).sum::<usize>(), 100);
    }
}

#[test]
fn a_variant_is_compiled_on_demand_and_once() {
    for tasks in [0, 1, 2, 8] {
        let compiler = Arc::new(FakeCompiler::new().every(Act::Sleep(Duration::from_micros(100))));
        let engine = engine(tasks, &compiler);
        let module = Module::new(&engine, module_of(&[20; 50])).unwrap();
        assert!(module.tier(CodeVariant::Checked, DefinedFuncIndex::new(0)).is_none());
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| module.ensure_variant(CodeVariant::Checked).unwrap());
            }
        });
        assert_eq!(compiler.finished(), 100, "{tasks} tasks");
        assert!(module.tier(CodeVariant::Checked, DefinedFuncIndex::new(49)).is_some());
    }
}
