// Runs a WASI command under Node or Bun with their default settings, as far as the programs of this folder need it.
//
//     node wasi_run.mjs MODULE [ARG…]
//
// Both run the same few host functions, so that what is measured is the engine.

import { readFileSync, writeSync } from 'node:fs';

const [file, ...args] = process.argv.slice(2);
const bytes = readFileSync(file);
const encoded = [file, ...args].map((arg) => new TextEncoder().encode(`${arg}\0`));
let memory;
const view = () => new DataView(memory.buffer);

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const NOT_SUPPORTED = 58;

class Exit extends Error {
    constructor(status) {
        super(`exit status ${status}`);
        this.status = status;
    }
}

const host = {
    args_sizes_get(count, size) {
        view().setUint32(count, encoded.length, true);
        view().setUint32(size, encoded.reduce((sum, arg) => sum + arg.length, 0), true);
        return SUCCESS;
    },
    args_get(pointers, at) {
        for (const arg of encoded) {
            view().setUint32(pointers, at, true);
            new Uint8Array(memory.buffer, at, arg.length).set(arg);
            pointers += 4;
            at += arg.length;
        }
        return SUCCESS;
    },
    environ_sizes_get(count, size) {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return SUCCESS;
    },
    environ_get: () => SUCCESS,
    clock_time_get(_clock, _precision, at) {
        view().setBigUint64(at, process.hrtime.bigint(), true);
        return SUCCESS;
    },
    fd_write(descriptor, vectors, count, written) {
        if (descriptor !== 1 && descriptor !== 2) return BAD_DESCRIPTOR;
        let sum = 0;
        for (let nth = 0; nth < count; nth += 1) {
            const at = view().getUint32(vectors + 8 * nth, true);
            const length = view().getUint32(vectors + 8 * nth + 4, true);
            sum += length > 0 ? writeSync(descriptor, new Uint8Array(memory.buffer, at, length)) : 0;
        }
        view().setUint32(written, sum, true);
        return SUCCESS;
    },
    fd_fdstat_get(_descriptor, at) {
        new Uint8Array(memory.buffer, at, 24).fill(0);
        view().setUint8(at, 2);
        return SUCCESS;
    },
    fd_prestat_get: () => BAD_DESCRIPTOR,
    fd_close: () => SUCCESS,
    fd_seek: () => NOT_SUPPORTED,
    proc_exit(status) {
        throw new Exit(status);
    },
};

const { module, instance } = await WebAssembly.instantiate(bytes, {
    wasi_snapshot_preview1: new Proxy(host, { get: (found, name) => found[name] ?? (() => NOT_SUPPORTED) }),
});
void module;
memory = instance.exports.memory;
try {
    instance.exports._start?.();
} catch (error) {
    if (!(error instanceof Exit)) throw error;
    process.exitCode = error.status;
}
