//! The strings and symbols that the engine itself names: they have a fixed slot of the VM stack each.
#![forbid(unsafe_code)]

macro_rules! names {
    ($($name:ident)*; $($symbol:ident)*; $($special:ident = $text:literal)*) => {
        /// A string or symbol that the engine names. `Name::length` is the string `length`; a well-known symbol is `Name::sym_iterator`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(non_camel_case_types, missing_docs)]
        #[repr(u32)]
        pub enum Name { $($name,)* $($special,)* $($symbol,)* }

        impl Name {
            /// All of them, in the order of their slots.
            pub const ALL: &'static [Name] = &[$(Name::$name,)* $(Name::$special,)* $(Name::$symbol,)*];

            const TEXTS: &'static [&'static str] = &[$(stringify!($name),)* $($text,)* $(stringify!($symbol),)*];
        }
    };
}

impl Name {
    /// The text of a string; of a symbol its description, such as `Symbol.iterator`.
    pub fn text(self) -> String {
        let text = Self::TEXTS[self as usize];
        let text = text.strip_prefix("r#").unwrap_or(text);
        match text.strip_prefix("sym_") {
            Some(symbol) => format!("Symbol.{symbol}"),
            None => text.to_owned(),
        }
    }

    /// Whether it is a well-known symbol (§6.1.5.1).
    pub fn is_symbol(self) -> bool {
        self as u32 >= Name::sym_asyncDispose as u32
    }
}

names! {
    AggregateError Arguments Array ArrayBuffer ArrayIterator AsyncDisposableStack AsyncFunction AsyncGenerator
    AsyncGeneratorFunction Atomics BYTES_PER_ELEMENT BigInt BigInt64Array BigUint64Array Boolean DataView Date DisposableStack E
    EPSILON Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Generator GeneratorFunction
    Infinity Int16Array Int32Array Int8Array Iterator IteratorHelper JSON LN10 LN2 LOG10E LOG2E MAX_SAFE_INTEGER MAX_VALUE
    MIN_SAFE_INTEGER MIN_VALUE Map MapIterator Math Module NEGATIVE_INFINITY NaN Number Object PI POSITIVE_INFINITY Promise
    Proxy RangeError ReferenceError Reflect RegExp RegExpStringIterator SQRT1_2 SQRT2 Set SetIterator ShadowRealm
    SharedArrayBuffer String StringIterator SuppressedError Symbol SyntaxError TypeError URIError UTC Uint16Array Uint32Array
    Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet WrapForValidIterator __defineGetter__ __defineSetter__ __lookupGetter__
    __lookupSetter__ __proto__ abs acos acosh add adopt agent all allSettled alphabet anchor and anonymous any apply arguments
    asIntN asUintN asin asinh assign r#async asyncDispose asyncIterator at atan atan2 atanh r#await big bigint bind blink body
    bold boolean buffer byobRequest byteLength byteOffset call callee caller captureStackTrace catch cause cbrt ceil charAt
    charCodeAt chunks clear clz32 codePointAt columnNumber compareExchange compile concat configurable console construct constructor
    copyWithin cos cosh create createRealm decodeURI decodeURIComponent default defer defineProperties defineProperty delete
    deleteProperty deref description detachArrayBuffer detached difference dispose disposeAsync disposed done dotAll drop
    encodeURI encodeURIComponent endsWith entries enumerable error errors escape eval evalScript evalmachine every exchange exec
    executor exp expm1 exports f16round r#false fileName fill filter finally find findIndex findLast findLastIndex fixed flags
    flat flatMap floor r#fn fontcolor fontsize r#for forEach freeze from fromAsync fromBase64 fromCharCode fromCodePoint
    fromEntries fromHex fround fulfilled function gc get getBigInt64 getBigUint64 getDate getDay getFloat16 getFloat32
    getFloat64 getFullYear getHours getInt16 getInt32 getInt8 getMilliseconds getMinutes getMonth getOrInsert
    getOrInsertComputed getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols
    getPrototypeOf getSeconds getTime getTimezoneOffset getUTCDate getUTCDay getUTCFullYear getUTCHours getUTCMilliseconds
    getUTCMinutes getUTCMonth getUTCSeconds getUint16 getUint32 getUint8 getYear global globalThis groupBy groups grow growable
    has hasIndices hasInstance hasOwn hasOwnProperty hypot ignoreCase immutable imul includes index indexOf indices input
    intersection is isArray isConcatSpreadable isDisjointFrom isError isExtensible isFinite isFrozen isInteger isLockFree isNaN
    isPrototypeOf isRawJSON isSafeInteger isSealed isSubsetOf isSupersetOf isView isWellFormed italics iterator join key keyFor
    keys lastChunkHandling lastIndex lastIndexOf lastMatch lastParen leftContext length r#let lineNumber link load localeCompare
    log log10 log1p log2 longest loose map r#match matchAll max maxByteLength message min mode module r#move multiline name next
    normalize notify now null number object of ok omitPadding options or ownKeys padEnd padStart padding parameters parse
    parseFloat parseInt pause pop pow prepareStackTrace preventExtensions print promise promiseTry propertyIsEnumerable
    prototype proxy push race random raw rawJSON read reason reduce reduceRight register reject rejected repeat replace
    replaceAll require resizable resize resolve r#return reverse revocable revoke rightContext round seal search set setBigInt64
    setBigUint64 setDate setFloat16 setFloat32 setFloat64 setFromBase64 setFromHex setFullYear setHours setInt16 setInt32
    setInt8 setMilliseconds setMinutes setMonth setPrototypeOf setSeconds setTime setUTCDate setUTCFullYear setUTCHours
    setUTCMilliseconds setUTCMinutes setUTCMonth setUTCSeconds setUint16 setUint32 setUint8 setYear shared shift shortest sign
    sin sinh size slice sliceToImmutable small some sort source species splice split sqrt stack stackTraceLimit startsWith
    r#static status sticky store strict strike string stringify sub subarray substr substring sumPrecise sup suppressed symbol
    symmetricDifference take tan tanh test then this throw toArray toAsync toBase64 toDateString toExponential toFixed
    toGMTString toHex toISOString toJSON toLocaleDateString toLocaleLowerCase toLocaleString toLocaleTimeString
    toLocaleUpperCase toLowerCase toPrecision toPrimitive toReversed toSorted toSpliced toString toStringTag toTimeString
    toUTCString toUpperCase toWellFormed r#try transfer transferToFixedLength transferToImmutable trim trimEnd trimLeft trimRight
    trimStart r#true trunc undefined unescape unicode unicodeSets union unregister unscopables unshift url r#use value valueOf
    values wait waitAsync weeks windows with withResolvers writable written xor years r#yield zip zipKeyed;
    sym_asyncDispose sym_asyncIterator sym_dispose sym_hasInstance sym_isConcatSpreadable sym_iterator sym_match sym_matchAll sym_replace sym_search sym_species sym_split sym_toPrimitive sym_toStringTag sym_unscopables;
    empty = "" use_strict = "use strict" star_default = "*default*" star_namespace = "*namespace*" not_equal = "not-equal" timed_out = "timed-out"
    native_code = "[native code]" underscore = "_" dollar_underscore = "$_" dollar_ampersand = "$&" dollar_plus = "$+" dollar_backtick = "$`" dollar_quote = "$'" get_prefix = "get " set_prefix = "set "
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn texts_are_those_of_the_names() {
        assert_eq!(Name::length.text(), "length");
        assert_eq!(Name::r#return.text(), "return");
        assert_eq!(Name::sym_iterator.text(), "Symbol.iterator");
        assert!(Name::sym_iterator.is_symbol() && !Name::empty.is_symbol());
        let mut texts: Vec<String> = Name::ALL.iter().map(|name| name.text()).collect();
        texts.sort();
        assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
    }
}
