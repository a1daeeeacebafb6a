//! The constructors GeneratorFunction, AsyncFunction, AsyncGeneratorFunction and their prototypes (§27.3, §27.4, §27.7).
#![forbid(unsafe_code)]

use crate::js::class::Class;
use crate::js::cx::{Completion, Cx, Native};
use crate::js::intrinsic::Intrinsic;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::shape::Attributes;
use crate::js::parse::DynamicFunction;

/// Makes them, and the prototypes of generators.
pub(in crate::js) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    let function_prototype = cx.intrinsic(Intrinsic::FunctionPrototype);
    let parent = match cx.intrinsic(Intrinsic::Function) {
        function if function.is_object() => function,
        _ => function_prototype,
    };
    let kinds: [(Name, Native, Intrinsic, Intrinsic, Option<Intrinsic>); 3] = [
        (
            Name::GeneratorFunction,
            generator_function,
            Intrinsic::GeneratorFunction,
            Intrinsic::GeneratorFunctionPrototype,
            Some(Intrinsic::GeneratorPrototype),
        ),
        (Name::AsyncFunction, async_function, Intrinsic::AsyncFunction, Intrinsic::AsyncFunctionPrototype, None),
        (
            Name::AsyncGeneratorFunction,
            async_generator_function,
            Intrinsic::AsyncGeneratorFunction,
            Intrinsic::AsyncGeneratorFunctionPrototype,
            Some(Intrinsic::AsyncGeneratorPrototype),
        ),
    ];
    for (name, native, constructor_place, prototype_place, instances) in kinds {
        let constructor = cx.new_native_with(native, name.key(), "", 1, true, parent)?;
        let prototype = cx.make_object(Class::Ordinary, function_prototype)?;
        cx.define_data(constructor, Name::prototype.key(), prototype, Attributes::NONE)?;
        cx.define_data(prototype, Name::constructor.key(), constructor, Attributes::CONFIGURABLE)?;
        cx.set_intrinsic(constructor_place, constructor);
        cx.set_intrinsic(prototype_place, prototype);
        if let Some(place) = instances {
            let above = match place {
                Intrinsic::GeneratorPrototype => Intrinsic::IteratorPrototype,
                _ => Intrinsic::AsyncIteratorPrototype,
            };
            let above = cx.intrinsic(above);
            let above = if above.is_object() { above } else { cx.intrinsic(Intrinsic::ObjectPrototype) };
            let generators = cx.make_object(Class::Ordinary, above)?;
            cx.set_intrinsic(place, generators);
            cx.define_data(generators, Name::constructor.key(), prototype, Attributes::CONFIGURABLE)?;
            cx.define_data(prototype, Name::prototype.key(), generators, Attributes::CONFIGURABLE)?;
        }
        cx.install_tag(prototype, &name.text())?;
    }
    Ok(())
}

fn make<'s>(cx: &mut Cx<'s>, args: Args<'s>, kind: DynamicFunction) -> Completion<Local<'s>> {
    // 1. to 3. CreateDynamicFunction of the active function, NewTarget and the arguments.
    let constructor = cx.callee(args);
    let list = cx.args_from(args, 0);
    cx.create_dynamic_function(constructor, args.new_target(), kind, &list)
}

/// GeneratorFunction (§27.3.1.1).
fn generator_function<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    make(cx, args, DynamicFunction::Generator)
}

/// AsyncFunction (§27.7.1.1).
fn async_function<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    make(cx, args, DynamicFunction::Async)
}

/// AsyncGeneratorFunction (§27.4.1.1).
fn async_generator_function<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    make(cx, args, DynamicFunction::AsyncGenerator)
}
