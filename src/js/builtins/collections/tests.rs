//! Collections and arrays without a script, with a collection at every allocation as well.
#![forbid(unsafe_code)]

use crate::heap::HeapConfig;
use crate::js::agent::{Agent, AgentConfig};
use crate::js::cx::{Completion, Cx};
use crate::js::local::Local;
use crate::js::names::Name;

fn with_agents(run: impl for<'s> Fn(&mut Cx<'s>) -> Completion<()>) {
    for stress in [false, true] {
        let config = AgentConfig { heap: HeapConfig { stress, ..HeapConfig::default() }, ..AgentConfig::default() };
        let mut agent = Agent::new(config).expect("an agent");
        agent.enter(|cx| {
            if let Err(thrown) = run(cx) {
                let error = cx.take_exception(thrown).expect("no termination");
                panic!("{}", cx.display(error));
            }
        });
    }
}

#[test]
fn maps_find_all_kinds_of_keys_and_keep_their_order() {
    with_agents(|cx| {
        let map = cx.new_map()?;
        let objects = cx.new_array(0)?;
        for nth in 0..40 {
            let mut cx = cx.open();
            let object = cx.new_object()?;
            cx.array_push(objects, object)?;
            cx.table_set(map, object, Local::int(nth))?;
            let text = cx.string(&format!("a key that is long enough {nth}"))?;
            cx.table_set(map, text, Local::int(nth))?;
            cx.table_set(map, Local::number(f64::from(nth) + 0.5), Local::int(nth))?;
        }
        assert_eq!(cx.table_size(map), 120);
        let mut cursor = cx.table_start(map);
        let mut met = 0;
        while let Some(((key, value), next)) = cx.table_next(cursor) {
            cursor = next;
            assert_eq!(value.as_int(), Some(met / 3));
            met += 1;
            // The table is packed meanwhile.
            if !key.is_object() {
                assert!(cx.table_delete(map, key)?);
            }
        }
        assert_eq!((met, cx.table_size(map)), (120, 40));
        for nth in 0..40 {
            let mut cx = cx.open();
            let object = cx.get_at(objects, nth)?;
            let value = cx.table_get(map, object)?.and_then(Local::as_int);
            assert_eq!(value, Some(nth as i32));
        }
        let (start, zero) = (cx.table_start(map), Local::number(-0.0));
        cx.table_clear(map)?;
        cx.table_set(map, zero, Local::TRUE)?;
        let Some(((key, _), _)) = cx.table_next(start) else { panic!("iteration goes on behind what was cleared") };
        assert_eq!(key.as_int(), Some(0));
        Ok(())
    });
}

#[test]
fn weak_maps_let_go_of_dead_keys() {
    with_agents(|cx| {
        let constructor = cx.intrinsic(crate::js::intrinsic::Intrinsic::WeakMap);
        let map = cx.construct(constructor, &[], constructor)?;
        let kept = cx.new_object()?;
        cx.weak_set(map, kept, Local::int(7))?;
        for nth in 0..50 {
            let mut cx = cx.open();
            let key = cx.new_object()?;
            let value = cx.new_object()?;
            cx.weak_set(map, key, value)?;
            cx.weak_set(map, key, Local::int(nth))?;
            assert_eq!(cx.weak_get(map, key).and_then(Local::as_int), Some(nth));
        }
        cx.collect_garbage();
        assert_eq!(cx.weak_get(map, kept).and_then(Local::as_int), Some(7));
        assert!(cx.weak_delete(map, kept) && !cx.weak_has(map, kept));
        Ok(())
    });
}

#[test]
fn arrays_change_and_sort() {
    with_agents(|cx| {
        let array = cx.new_array(0)?;
        for nth in 0..20 {
            let number = Local::int((nth * 7) % 20);
            cx.invoke(array, Name::push.key(), &[number])?;
        }
        let text = cx.string("text")?;
        cx.invoke(array, Name::unshift.key(), &[text, Local::NULL])?;
        cx.invoke(array, Name::splice.key(), &[Local::int(1), Local::int(3), text, text])?;
        let slice = cx.invoke(array, Name::slice.key(), &[Local::int(-2)])?;
        let both = cx.invoke(array, Name::concat.key(), &[slice])?;
        cx.invoke(both, Name::sort.key(), &[])?;
        let joined = cx.invoke(both, Name::join.key(), &[])?;
        assert_eq!(cx.rust_text(joined)?, "1,10,11,12,13,13,14,15,16,17,18,19,2,3,4,5,6,6,8,9,text,text,text");
        let entries = cx.invoke(both, Name::values.key(), &[])?;
        let taken = cx.invoke(entries, Name::take.key(), &[Local::int(3)])?;
        let list = cx.invoke(taken, Name::toArray.key(), &[])?;
        let text = cx.to_rust_text(list)?;
        assert_eq!(text, "1,10,11");
        Ok(())
    });
}
