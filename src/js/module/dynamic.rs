//! `import()` (§13.3.10) and `import.meta` (§13.3.12).
#![forbid(unsafe_code)]

use super::ModuleId;
use crate::js::cx::{Completion, Cx};
use crate::js::host::ModuleRequest;
use crate::js::local::{Args, Local};
use crate::js::names::Name;
use crate::js::object::operations::PropertyPart;
use crate::js::value::Value;

/// Who imports.
#[derive(Debug, Clone, Copy)]
pub(in crate::js) enum Referrer<'a> {
    Module(ModuleId),
    /// A script, by its name.
    Script(&'a str),
}

impl<'s> Cx<'s> {
    /// EvaluateImportCall (§13.3.10.2): gives a promise.
    ///
    /// # Errors
    ///
    /// Only a termination: all else rejects the promise.
    pub(in crate::js) fn call_import(
        &mut self,
        referrer: Referrer<'_>,
        specifier: Local<'s>,
        options: Local<'s>,
    ) -> Completion<Local<'s>> {
        let promise = self.new_promise()?;
        let result = self.import_request(specifier, options).and_then(|request| {
            let id = match referrer {
                Referrer::Module(id) => self.load_one(Some(id), &request),
                Referrer::Script(name) => self.load_for(Some(name), &request),
            }?;
            self.continue_import(id, promise)
        });
        if let Err(thrown) = result {
            let error = self.take_exception(thrown)?;
            self.reject_promise(promise, error)?;
        }
        Ok(promise)
    }

    /// 6. to 12. of EvaluateImportCall: the specifier and the attributes.
    fn import_request(&mut self, specifier: Local<'s>, options: Local<'s>) -> Completion<ModuleRequest> {
        let specifier = self.to_rust_text(specifier)?;
        let mut attributes = Vec::new();
        if !options.is_undefined() {
            if !options.is_object() {
                return Err(self.type_error("The second argument of import() must be an object"));
            }
            let object = self.get(options, Name::with.key())?;
            if !object.is_undefined() {
                if !object.is_object() {
                    return Err(self.type_error("The 'with' option must be an object"));
                }
                for pair in self.enumerable_own_properties(object, PropertyPart::Both)? {
                    let key = self.get(pair, crate::js::local::Key::Index(0))?;
                    let value = self.get(pair, crate::js::local::Key::Index(1))?;
                    if !value.is_string() {
                        return Err(self.type_error("Import attribute values must be strings"));
                    }
                    attributes.push((self.rust_text(key)?, self.rust_text(value)?));
                }
            }
        }
        attributes.sort();
        Ok(ModuleRequest { specifier, attributes })
    }

    /// ContinueDynamicImport (§13.3.10.3).
    fn continue_import(&mut self, id: ModuleId, promise: Local<'s>) -> Completion<()> {
        fn fulfilled<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let (id, promise) = (cx.captured(args, 0).as_int().unwrap_or(0), cx.captured(args, 1));
            let namespace = cx.module_namespace(ModuleId(id.cast_unsigned()))?;
            cx.resolve_promise(promise, namespace)?;
            Ok(Local::UNDEFINED)
        }
        fn rejected<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
            let (promise, error) = (cx.captured(args, 1), cx.arg(args, 0));
            cx.reject_promise(promise, error)?;
            Ok(Local::UNDEFINED)
        }
        self.load_requested(id)?;
        self.link_module(id)?;
        let evaluation = self.evaluate_module(id)?;
        let captured = [Local::int(id.0.cast_signed()), promise];
        let on_fulfilled = self.new_capturing(fulfilled, 0, &captured)?;
        let on_rejected = self.new_capturing(rejected, 0, &captured)?;
        self.perform_promise_then(evaluation, on_fulfilled, on_rejected, None)?;
        Ok(())
    }

    /// `import.meta` of a module: one object, which the host may fill.
    ///
    /// # Errors
    ///
    /// What the host throws.
    pub(in crate::js) fn module_meta(&mut self, id: ModuleId) -> Completion<Local<'s>> {
        let known = self.module(id).meta;
        if !Value::from_bits(known).is_undefined() {
            return Ok(self.module_value(known));
        }
        let meta = self.new_object_with(Local::NULL)?;
        let key = self.module(id).key.to_string();
        self.with_host(|host, cx| host.import_meta(cx, meta, &key))?;
        let bits = self.value(meta).bits();
        self.module_mut(id).meta = bits;
        Ok(meta)
    }
}
