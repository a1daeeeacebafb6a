// URL and URLSearchParams (https://url.spec.whatwg.org/): the classes; parsing is Rust's.
'use strict';

const noLink = Symbol('no link');

class URLSearchParams {
  #pairs = [];
  #url = null;

  constructor(init = '', link = noLink) {
    if (typeof init === 'object' && init !== null || typeof init === 'function') {
      const method = init[Symbol.iterator];
      if (method !== undefined && method !== null) {
        for (const pair of init) {
          const entry = [...pair];
          if (entry.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
          this.#pairs.push([`${entry[0]}`, `${entry[1]}`]);
        }
      } else {
        for (const key of Reflect.ownKeys(init)) {
          if (Reflect.getOwnPropertyDescriptor(init, key)?.enumerable) this.#pairs.push([`${key}`, `${init[key]}`]);
        }
      }
    } else {
      const text = `${init}`;
      this.#pairs = natives.parseQuery(text.startsWith('?') ? text.slice(1) : text);
    }
    if (link !== noLink) this.#url = link;
  }

  #changed() {
    this.#url?.(this.toString());
  }

  append(name, value) {
    this.#pairs.push([`${name}`, `${value}`]);
    this.#changed();
  }

  delete(name, value) {
    name = `${name}`;
    if (value !== undefined) value = `${value}`;
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== name || value !== undefined && pair[1] !== value);
    this.#changed();
  }

  get(name) {
    name = `${name}`;
    return this.#pairs.find((pair) => pair[0] === name)?.[1] ?? null;
  }

  getAll(name) {
    name = `${name}`;
    return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  has(name, value) {
    name = `${name}`;
    if (value !== undefined) value = `${value}`;
    return this.#pairs.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
  }

  set(name, value) {
    name = `${name}`;
    value = `${value}`;
    const first = this.#pairs.findIndex((pair) => pair[0] === name);
    if (first < 0) {
      this.#pairs.push([name, value]);
    } else {
      this.#pairs[first][1] = value;
      this.#pairs = this.#pairs.filter((pair, nth) => nth <= first || pair[0] !== name);
    }
    this.#changed();
  }

  sort() {
    this.#pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    this.#changed();
  }

  forEach(callback, receiver) {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function');
    for (const [name, value] of this) callback.call(receiver, value, name, this);
  }

  *entries() {
    for (let nth = 0; nth < this.#pairs.length; nth++) yield [...this.#pairs[nth]];
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  get size() {
    return this.#pairs.length;
  }

  toString() {
    return natives.formatQuery(this.#pairs);
  }
}
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, { value: URLSearchParams.prototype.entries, writable: true, configurable: true });
Object.defineProperty(URLSearchParams.prototype, Symbol.toStringTag, { value: 'URLSearchParams', configurable: true });

class URL {
  #parts;
  #params;

  constructor(url, base = undefined) {
    const text = `${url}`;
    const parts = natives.parse(text, base === undefined ? undefined : `${base}`);
    if (!parts) {
      const error = new TypeError('Invalid URL');
      error.code = 'ERR_INVALID_URL';
      error.input = text;
      if (base !== undefined) error.base = `${base}`;
      throw error;
    }
    this.#parts = parts;
  }

  static canParse(url, base = undefined) {
    return natives.parse(`${url}`, base === undefined ? undefined : `${base}`) !== null;
  }

  static parse(url, base = undefined) {
    return URL.canParse(url, base) ? new URL(url, base) : null;
  }

  get searchParams() {
    this.#params ??= new URLSearchParams(this.#parts.search, (query) => this.#change('search', query));
    return this.#params;
  }

  #change(name, value) {
    const parts = natives.change(this.#parts.href, name, value);
    if (parts) this.#parts = parts;
    return parts !== null;
  }

  get origin() {
    return this.#parts.origin;
  }

  toString() {
    return this.#parts.href;
  }

  toJSON() {
    return this.#parts.href;
  }

  static {
    for (const name of ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) {
      Object.defineProperty(URL.prototype, name, {
        get() { return this.#parts[name]; },
        set(value) {
          if (!this.#change(name, `${value}`) && name === 'href') throw new TypeError('Invalid URL');
          if (name === 'href' || name === 'search') this.#params = undefined;
        },
        enumerable: true,
        configurable: true,
      });
    }
  }
}
for (const name of ['origin', 'searchParams', 'toString', 'toJSON']) Object.defineProperty(URL.prototype, name, { enumerable: true });
Object.defineProperty(URL.prototype, Symbol.toStringTag, { value: 'URL', configurable: true });

return { URL, URLSearchParams };
