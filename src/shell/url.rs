//! `URL`, `URLSearchParams` and `require("url")`: the classes are a script (`url.js`), which is run when a program first asks for one of them; parsing is the
//! crate `url`'s.

use std::borrow::Cow;

use url::{Url, form_urlencoded, quirks};

use crate::js::cx::{Completion, Cx, Native};
use crate::js::local::{Args, Local};
use crate::js::source::SourceText;
use crate::shell::{State, define, define_functions, modules};

/// The names that the script gives.
const CLASSES: [&str; 2] = ["URL", "URLSearchParams"];

/// What the script needs.
const NATIVES: &[(&str, u32, Native)] =
    &[("parse", 2, parse), ("change", 3, change), ("parseQuery", 1, parse_query), ("formatQuery", 1, format_query)];

/// Functions of `require("url")`.
pub(super) const FUNCTIONS: &[(&str, u32, Native)] =
    &[("fileURLToPath", 1, file_url_to_path), ("pathToFileURL", 1, path_to_file_url)];

/// Puts accessors into the global object that make way for the classes.
pub(super) fn install(cx: &mut Cx<'_>) -> Completion<()> {
    for name in CLASSES {
        let mut cx = cx.open();
        let (global, key, text) = (cx.global(), cx.key(name)?, cx.string(name)?);
        let getter = cx.new_capturing(get_class, 0, &[text])?;
        let setter = cx.new_capturing(set_class, 1, &[text])?;
        let accessor =
            crate::js::object::PropertyDescriptor::accessor(getter, setter, crate::js::object::Attributes::CONFIGURABLE);
        cx.define_property_or_throw(global, key, accessor)?;
    }
    Ok(())
}

fn get_class<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let name = cx.captured(args, 0);
    let name = cx.rust_text(name)?;
    let classes = classes(cx)?;
    for name in CLASSES {
        let mut cx = cx.open();
        let key = cx.key(name)?;
        let classes = cx.same(classes);
        let class = cx.get(classes, key)?;
        super::define_global(&mut cx, name, class)?;
    }
    let key = cx.key(&name)?;
    cx.get(classes, key)
}

/// An assignment before the class was asked for replaces it.
fn set_class<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let name = cx.captured(args, 0);
    let name = cx.rust_text(name)?;
    super::define_global(cx, &name, cx.arg(args, 0))?;
    Ok(Local::UNDEFINED)
}

/// The object with the classes, which is made once.
pub(super) fn classes<'s>(cx: &mut Cx<'s>) -> Completion<Local<'s>> {
    if let Some(known) = cx.embedder_data::<State>().and_then(|state| state.url_classes.take()) {
        let classes = cx.read_global(&known);
        if let Some(state) = cx.embedder_data::<State>() {
            state.url_classes = Some(known);
        }
        return Ok(classes);
    }
    let source = SourceText::from_utf8("deltic:url", include_str!("url.js"));
    let script = crate::js::script::compile_wrapped(source, &["natives"]).map_err(|error| cx.syntax_error(&error.message))?;
    let function = cx.run_script(&script)?;
    let natives = cx.new_object()?;
    define_functions(cx, natives, NATIVES)?;
    let classes = cx.call(function, Local::UNDEFINED, &[natives])?;
    let kept = cx.new_global(classes);
    if let Some(state) = cx.embedder_data::<State>() {
        state.url_classes = Some(kept);
    }
    Ok(classes)
}

/// A URL's parts as an object.
fn parts<'s>(cx: &mut Cx<'s>, url: &Url) -> Completion<Local<'s>> {
    let parts = cx.new_object()?;
    let origin = quirks::origin(url);
    let texts: [(&str, &str); 11] = [
        ("href", quirks::href(url)),
        ("origin", &origin),
        ("protocol", quirks::protocol(url)),
        ("username", quirks::username(url)),
        ("password", quirks::password(url)),
        ("host", quirks::host(url)),
        ("hostname", quirks::hostname(url)),
        ("port", quirks::port(url)),
        ("pathname", quirks::pathname(url)),
        ("search", quirks::search(url)),
        ("hash", quirks::hash(url)),
    ];
    for (name, text) in texts {
        let mut cx = cx.open();
        let text = cx.string(text)?;
        define(&mut cx, parts, name, text)?;
    }
    Ok(parts)
}

fn text_arg<'s>(cx: &mut Cx<'s>, args: Args<'s>, nth: usize) -> Completion<String> {
    let value = cx.arg(args, nth);
    cx.to_rust_text(value)
}

fn parse<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = text_arg(cx, args, 0)?;
    let url = if cx.arg(args, 1).is_undefined() {
        Url::parse(&text)
    } else {
        let base = text_arg(cx, args, 1)?;
        Url::parse(&base).and_then(|base| base.join(&text))
    };
    match url {
        Ok(url) => parts(cx, &url),
        Err(_) => Ok(Local::NULL),
    }
}

fn change<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let (href, name, value) = (text_arg(cx, args, 0)?, text_arg(cx, args, 1)?, text_arg(cx, args, 2)?);
    let Ok(mut url) = Url::parse(&href) else { return Ok(Local::NULL) };
    let done = match name.as_str() {
        "href" => quirks::set_href(&mut url, &value).is_ok(),
        "protocol" => quirks::set_protocol(&mut url, &value).is_ok(),
        "username" => quirks::set_username(&mut url, &value).is_ok(),
        "password" => quirks::set_password(&mut url, &value).is_ok(),
        "host" => quirks::set_host(&mut url, &value).is_ok(),
        "hostname" => quirks::set_hostname(&mut url, &value).is_ok(),
        "port" => quirks::set_port(&mut url, &value).is_ok(),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            true
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            true
        }
        _ => {
            quirks::set_hash(&mut url, &value);
            true
        }
    };
    if done { parts(cx, &url) } else { Ok(Local::NULL) }
}

fn parse_query<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let text = text_arg(cx, args, 0)?;
    let list = cx.new_array(0)?;
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let mut cx = cx.open();
        let (name, value) = (cx.string(&name)?, cx.string(&value)?);
        let pair = cx.array_from(&[name, value])?;
        cx.array_push(list, pair)?;
    }
    Ok(list)
}

fn format_query<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let list = cx.arg(args, 0);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for pair in cx.list_from_array_like(list)? {
        let texts = cx.list_from_array_like(pair)?;
        let [name, value] = texts[..] else { continue };
        let (name, value) = (cx.to_rust_text(name)?, cx.to_rust_text(value)?);
        query.append_pair(&name, &value);
    }
    let query = query.finish();
    cx.string(&query)
}

fn file_url_to_path<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let value = cx.arg(args, 0);
    let href = if value.is_object() {
        let key = cx.key("href")?;
        let href = cx.get(value, key)?;
        cx.to_rust_text(href)?
    } else {
        cx.to_rust_text(value)?
    };
    // What follows the path is none of it.
    let path = Url::parse(&href)
        .ok()
        .and_then(|url| modules::path_of_url(&format!("file://{}", url.path())).filter(|_| url.scheme() == "file"));
    match path {
        Some(path) => cx.string(&path.to_string_lossy()),
        None => Err(cx.type_error("The URL must be of scheme file")),
    }
}

fn path_to_file_url<'s>(cx: &mut Cx<'s>, _: Local<'s>, args: Args<'s>) -> Completion<Local<'s>> {
    let path = text_arg(cx, args, 0)?;
    let path = std::path::absolute(&path).map_or(Cow::Borrowed(std::path::Path::new(&path)), Cow::Owned);
    let href = modules::file_url(&path);
    let (classes, key) = (classes(cx)?, cx.key("URL")?);
    let class = cx.get(classes, key)?;
    let href = cx.string(&href)?;
    cx.construct(class, &[href], class)
}
