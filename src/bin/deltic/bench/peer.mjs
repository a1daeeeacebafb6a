// Measures a module in Node or Bun for `deltic bench`, as `child.rs` does in Deltic. The last argument is the task.

import { openSync, readFileSync } from 'node:fs';

const task = JSON.parse(process.argv.at(-1));
const { WASI } = await import('node:wasi').catch(() => ({}));

/** Memory of this process by a line of its status, in bytes. */
function statusBytes(key) {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(status.match(new RegExp(`^${key}:\\s*(\\d+) kB`, 'm'))?.[1] ?? 0) * 1024;
}

const ownBytes = statusBytes('VmRSS');
const points = [];
let count = 0;
let next = 0;

const begun = performance.now();
const module = await WebAssembly.compile(readFileSync(task.file));
const wanted = WebAssembly.Module.imports(module);
const null_ = wanted.some(it => it.module === task.wasi) ? openSync('/dev/null', 'r+') : -1;

/** What an instance imports. */
function imported() {
    const imports = {};
    let wasi;
    if (null_ >= 0) {
        const args = [task.file, ...task.words];
        wasi = new WASI({ version: 'preview1', args, returnOnExit: true, stdin: null_, stdout: null_, stderr: null_ });
        imports[task.wasi] = wasi.wasiImport;
    }
    if (task.stub_imports) {
        for (const { module, name, kind } of wanted) {
            if (kind === 'function') {
                (imports[module] ??= {})[name] ??= () => {
                    throw new Error(`${module} ${name} is not there`);
                };
            }
        }
    }
    return { imports, wasi };
}

function begin() {
    points.push([performance.now() - begun, 0]);
}

/** A call has ended. True if there is time for another. */
function ended() {
    count++;
    const time = performance.now() - begun;
    const goesOn = time < task.time_ms;
    if (time >= next || !goesOn) {
        next = time * task.point_step;
        points.push([time, count]);
    }
    return goesOn;
}

if (task.is_command) {
    begin();
    do {
        const { imports, wasi } = imported();
        const instance = new WebAssembly.Instance(module, imports);
        if (wasi) {
            const status = wasi.start(instance);
            if (status) throw new Error(`exit status ${status}`);
        } else {
            instance.exports._start();
        }
    } while (ended());
} else {
    const { imports, wasi } = imported();
    const instance = new WebAssembly.Instance(module, imports);
    const values = { i32: Number, i64: BigInt, f32: Number, f64: Number };
    const args = task.args.map(([type, text]) => values[type](text));
    if (wasi) {
        wasi.initialize(instance);
    } else if (task.invoke !== '_initialize') {
        instance.exports._initialize?.();
    }
    const call = instance.exports[task.invoke];
    begin();
    do call(...args);
    while (ended());
}

const version = process.versions.bun ?? process.versions.node;
console.log(JSON.stringify({ points, version, own_rss_bytes: ownBytes, peak_rss_bytes: statusBytes('VmHWM') }));
