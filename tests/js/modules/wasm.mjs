// A few bytes of WebAssembly: what programs of this folder make their modules with.
export const I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b, FUNCREF = 0x70, EXTERNREF = 0x6f, ANYREF = 0x6e;

export function unsigned(value) {
  const bytes = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) + (rest ? 128 : 0));
    value = rest;
  } while (value);
  return bytes;
}

export function signed(value) {
  const bytes = [];
  for (;;) {
    const byte = value & 127;
    value >>= 7;
    if ((value === 0 && !(byte & 64)) || (value === -1 && (byte & 64))) return [...bytes, byte];
    bytes.push(byte | 128);
  }
}

export const text = (string) => [...unsigned(string.length), ...[...string].map((char) => char.charCodeAt(0))];
export const vector = (items) => [...unsigned(items.length), ...items.flat(Infinity)];
export const func = (params, results) => [0x60, ...vector(params), ...vector(results)];
export const i32 = (value) => [0x41, ...signed(value)];
export const get = (local) => [0x20, ...unsigned(local)];
export const call = (index) => [0x10, ...unsigned(index)];

const KINDS = { func: 0, table: 1, memory: 2, global: 3, tag: 4 };

// Types are bytes; imports [module, name, kind, bytes]; functions [type, body]; exports [name, kind, index].
export function bytes({ types = [], imports = [], funcs = [], tables = [], memories = [], tags = [], globals = [], exports = [], start, elems = [] }) {
  const parts = [[0, 97, 115, 109, 1, 0, 0, 0]];
  const section = (id, items) => {
    if (!items.length) return;
    const body = vector(items);
    parts.push([id, ...unsigned(body.length), ...body]);
  };
  section(1, types);
  section(2, imports.map(([module, name, kind, bytes]) => [...text(module), ...text(name), KINDS[kind], ...bytes]));
  section(3, funcs.map(([type]) => unsigned(type)));
  section(4, tables);
  section(5, memories);
  section(13, tags);
  section(6, globals);
  section(7, exports.map(([name, kind, index]) => [...text(name), KINDS[kind], ...unsigned(index)]));
  if (start !== undefined) parts.push([8, 1, start]);
  section(9, elems);
  section(10, funcs.map(([, body]) => {
    const code = [0, ...body.flat(Infinity), 0x0b];
    return [...unsigned(code.length), ...code];
  }));
  return new Uint8Array(parts.flat());
}

export const make = (described, imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes(described)), imports).exports;

export function caught(run) {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? `${error.name}` : error;
  }
}
