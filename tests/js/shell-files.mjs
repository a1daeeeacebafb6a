// Files by descriptors and callbacks, URLs, random bytes, and modules that are the shell's own.
import fs, { openSync, constants } from 'node:fs';
import os from 'os';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL, URL as Imported } from 'node:url';
const require = createRequire(import.meta.url);
console.log(require('fs') === fs, require('node:path').sep, Imported === URL, typeof openSync, constants.O_RDONLY);

const folder = `${os.tmpdir()}/deltic-test-${crypto.randomUUID()}`;
fs.mkdirSync(`${folder}/a/b`, { recursive: true });
const name = `${folder}/file.txt`;
const fd = fs.openSync(name, 'w+');
console.log(fs.writeSync(fd, 'hello world'), fs.writeSync(fd, new Uint8Array([33, 34, 35]), 1, 1), fs.fstatSync(fd).size);
const buffer = new Uint8Array(20);
console.log(fs.readSync(fd, buffer, 2, 5, 6), new TextDecoder().decode(buffer.subarray(2, 7)));
fs.ftruncateSync(fd, 4);
fs.closeSync(fd);
const stats = fs.statSync(name);
console.log(stats.isFile(), stats.isDirectory(), stats.size, (stats.mode & constants.S_IFMT) === constants.S_IFREG, fs.statSync(folder).isDirectory());
const code = (run) => { try { return run(); } catch (error) { return error.code; } };
console.log(code(() => fs.openSync(`${folder}/none`)), code(() => fs.readSync(fd, buffer)), code(() => fs.rmdirSync(folder)), code(() => fs.mkdirSync(folder)), fs.statSync(`${folder}/none`, { throwIfNoEntry: false }));
console.log(code(() => fs.openSync(name, 'wx')), code(() => fs.accessSync(`${folder}/none`)), fs.accessSync(name));
const order = [];
await new Promise((done) => {
  fs.readFile(name, 'utf8', (error, text) => { order.push([error, text].join(':')); });
  fs.open(`${folder}/none`, 'r', 0, (error, fd) => { order.push([error.code, error.syscall, fd].join(':')); });
  fs.open(name, 'r', (error, fd) => fs.read(fd, buffer, 0, 2, null, (error, count, same) => {
    order.push([error, count, same === buffer].join(':'));
    fs.close(fd, done);
  }));
  order.push('first');
});
console.log(order.join(' '));
fs.renameSync(name, `${folder}/a/other`);
console.log(fs.readdirSync(folder).join(), fs.readFileSync(pathToFileURL(`${folder}/a/other`), 'utf8'));
fs.unlinkSync(`${folder}/a/other`);
for (const below of ['/a/b', '/a', '']) fs.rmdirSync(folder + below);
console.log(fs.existsSync(folder));

const url = new URL('../x y?q=1&q=two+words#h', 'https://user:pass@example.com:8080/a/b/c');
console.log(url.href, url.origin, url.host, url.pathname, url.hash, url.username, `${url}`, JSON.stringify({ url }));
console.log(url.searchParams.getAll('q').join('|'), url.searchParams.get('none'), url.searchParams.size);
url.searchParams.append('z', 'ä&');
url.port = '443';
url.hash = '';
url.pathname = '/new path';
console.log(url.href);
url.search = '?only=1';
console.log([...url.searchParams].join(';'), url.searchParams.has('only', '1'), url.searchParams.has('only', '2'));
console.log(URL.canParse('nothing'), URL.canParse('x', 'http://a/'), URL.parse('nothing'));
try { new URL('nothing'); } catch (error) { console.log(error.name, error.code, error.input); }
const params = new URLSearchParams({ b: 2, a: '1 1' });
params.sort();
params.set('b', 'three');
params.delete('none');
console.log(String(params), [...params.keys()].join(), new URLSearchParams([['x', 'y'], ['x', 'z']]).toString(), new URLSearchParams('?k=v&k').getAll('k').length);
console.log(fileURLToPath('file:///a%20b/c'), pathToFileURL('/a b/c').href);
const random = crypto.getRandomValues(new Uint32Array(8));
console.log(random.length, random.some((word) => word !== 0), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()));
// => true / true function 0
// => 11 1 12
// => 5 world
// => true false 4 true true
// => ENOENT EBADF ENOTEMPTY EEXIST undefined
// => EEXIST ENOENT undefined
// => first :hell ENOENT:open: :2:true
// => a hell
// => false
// => https://user:pass@example.com:8080/a/x%20y?q=1&q=two+words#h https://example.com:8080 example.com:8080 /a/x%20y #h user https://user:pass@example.com:8080/a/x%20y?q=1&q=two+words#h {"url":"https://user:pass@example.com:8080/a/x%20y?q=1&q=two+words#h"}
// => 1|two words null 2
// => https://user:pass@example.com/new%20path?q=1&q=two+words&z=%C3%A4%26
// => only,1 true false
// => false true null
// => TypeError ERR_INVALID_URL nothing
// => a=1+1&b=three a,b x=y&x=z 2
// => /a b/c file:///a%20b/c
// => 8 true true
