//! Objects, with a collection at every allocation too.

use crate::heap::HeapConfig;
use crate::js::agent::{Agent, AgentConfig};
use crate::js::class::Class;
use crate::js::cx::{Completion, Cx};
use crate::js::local::{Key, Local};
use crate::js::names::Name;
use crate::js::object::{Attributes, PropertyDescriptor};

/// Runs a test plainly and with a collection at every allocation.
fn both(test: impl for<'s> Fn(&mut Cx<'s>) -> Completion<()>) {
    for stress in [false, true] {
        let heap = HeapConfig { stress, stress_major_every: 8, ..HeapConfig::default() };
        let mut agent = Agent::new(AgentConfig { heap, ..AgentConfig::default() }).expect("an agent");
        agent.enter(|cx| test(cx).unwrap_or_else(|_| panic!("it throws, stress: {stress}")));
    }
}

fn text(cx: &mut Cx<'_>, local: Local<'_>) -> String {
    cx.to_rust_text(local).expect("a text")
}

#[test]
fn properties_are_found_where_they_were_put() {
    both(|cx| {
        let object = cx.new_object()?;
        for nth in 0..60 {
            let mut cx = cx.open();
            let (key, value) = (cx.key(&format!("p{nth}"))?, cx.string(&format!("value {nth}"))?);
            cx.set(object, key, value)?;
        }
        for nth in 0..60 {
            let mut cx = cx.open();
            let key = cx.key(&format!("p{nth}"))?;
            let value = cx.get(object, key)?;
            assert_eq!(text(&mut cx, value), format!("value {nth}"));
        }
        assert_eq!(cx.own_property_keys(object)?.len(), 60);
        Ok(())
    });
}

#[test]
fn objects_made_alike_share_a_shape() {
    both(|cx| {
        let make = |cx: &mut Cx<'_>, names: [&str; 3]| -> Completion<u32> {
            let mut cx = cx.open();
            let object = cx.new_object()?;
            for name in names {
                let key = cx.key(name)?;
                cx.set(object, key, Local::TRUE)?;
            }
            Ok(cx.shape(object).0.bits())
        };
        let held = cx.new_object()?;
        for name in ["a", "b", "c"] {
            let key = cx.key(name)?;
            cx.set(held, key, Local::NULL)?;
        }
        let first = cx.shape(held).0.bits();
        assert_eq!(make(cx, ["a", "b", "c"])?, first);
        assert_ne!(make(cx, ["a", "c", "b"])?, first);
        assert_eq!(make(cx, ["a", "b", "c"])?, first);
        Ok(())
    });
}

#[test]
fn deleted_properties_are_gone_and_the_others_keep_their_order() {
    both(|cx| {
        let object = cx.new_object()?;
        for nth in 0..40 {
            let key = cx.key(&format!("k{nth}"))?;
            cx.set(object, key, Local::int(nth))?;
        }
        for nth in (0..40).filter(|nth| nth % 4 != 0) {
            let key = cx.key(&format!("k{nth}"))?;
            assert!(cx.delete(object, key)?);
        }
        let keys = cx.own_property_keys(object)?;
        let names: Vec<String> = keys.iter().map(|&key| cx.key_text(key)).collect();
        assert_eq!(names, ["k0", "k4", "k8", "k12", "k16", "k20", "k24", "k28", "k32", "k36"]);
        for nth in [0, 4, 36] {
            let key = cx.key(&format!("k{nth}"))?;
            assert_eq!(cx.get(object, key)?.as_int(), Some(nth));
        }
        Ok(())
    });
}

#[test]
fn elements_are_dense_and_sparse() {
    both(|cx| {
        let array = cx.new_array(0)?;
        for index in [0, 1, 2, 5, 1 << 30, 100_000, 7] {
            cx.set(array, Key::Index(index), Local::number(f64::from(index)))?;
        }
        assert_eq!(cx.array_length(array), (1 << 30) + 1);
        let keys = cx.own_property_keys(array)?;
        let names: Vec<String> = keys.iter().map(|&key| cx.key_text(key)).collect();
        assert_eq!(names, ["0", "1", "2", "5", "7", "100000", "1073741824", "length"]);
        let fixed = PropertyDescriptor { configurable: Some(false), ..PropertyDescriptor::default() };
        assert!(cx.define_own_property(array, Key::Index(5), fixed)?);
        let cut = cx.set_with(array, Name::length.key(), Local::int(2), array)?;
        assert!(!cut && cx.array_length(array) == 6);
        assert_eq!(cx.get(array, Key::Index(5))?.as_int(), Some(5));
        assert!(cx.get(array, Key::Index(7))?.is_undefined());
        Ok(())
    });
}

#[test]
fn a_sparse_array_that_fills_up_becomes_dense_again() {
    both(|cx| {
        let array = cx.new_array(0)?;
        for index in (4096..4096 + 700).chain(0..4096).filter(|index| index % 3 == 0) {
            let mut cx = cx.open();
            cx.set(array, Key::Index(index * 8), Local::int(index as i32))?;
        }
        for index in (0..4796).filter(|index| index % 3 == 0) {
            let mut cx = cx.open();
            assert_eq!(cx.get(array, Key::Index(index * 8))?.as_int(), Some(index as i32), "{index}");
        }
        Ok(())
    });
}

#[test]
fn prototypes_are_asked_and_attributes_obeyed() {
    both(|cx| {
        let parent = cx.new_object()?;
        let child = cx.new_object_with(parent)?;
        let key = cx.key("x")?;
        cx.define_data(parent, key, Local::int(1), Attributes::NONE)?;
        assert_eq!(cx.get(child, key)?.as_int(), Some(1));
        assert!(!cx.set_with(child, key, Local::int(2), child)?);
        assert!(!cx.delete(parent, key)?);
        assert!(!cx.set_prototype_of(parent, child)?);
        assert!(cx.prevent_extensions(child)?);
        let other = cx.key("y")?;
        assert!(!cx.set_with(child, other, Local::int(2), child)?);
        assert!(cx.is(child, Class::Ordinary));
        Ok(())
    });
}

#[test]
fn strings_are_concatenated_cut_and_compared() {
    both(|cx| {
        let mut parts = cx.string("ä")?;
        let piece = cx.string("bcdefghijklmnopqrstuvwxyz")?;
        for _ in 0..50 {
            parts = cx.concat(parts, piece)?;
        }
        assert_eq!(cx.string_length(parts), 1 + 25 * 50);
        let part = cx.substring(parts, 1 + 25 * 3, 1 + 25 * 5)?;
        let twice = cx.concat(piece, piece)?;
        assert!(cx.strings_equal(part, twice)?);
        assert!(cx.same_value(part, twice));
        let (a, b) = (cx.key_of_string(part)?, cx.key_of_string(twice)?);
        assert!(cx.same_key(a, b));
        let wide = cx.string("€")?;
        let mixed = cx.concat(parts, wide)?;
        assert_eq!(cx.code_units(mixed)?.last(), Some(&0x20ac));
        Ok(())
    });
}

#[test]
fn atoms_that_nobody_holds_are_forgotten() {
    both(|cx| {
        for nth in 0..3000 {
            let mut cx = cx.open();
            cx.key(&format!("forgotten {nth}"))?;
        }
        cx.collect_garbage();
        let before = cx.agent.roots.atoms.count();
        assert!(before < 2500, "{before} atoms are left");
        Ok(())
    });
}
