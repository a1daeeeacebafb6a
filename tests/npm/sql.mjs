// sql.js: SQLite, compiled by Emscripten.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const init = require('sql.js');
const SQL = await init();
const db = new SQL.Database();
db.run('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, score REAL)');
for (let n = 0; n < 100; n++) db.run('INSERT INTO t (name, score) VALUES (?, ?)', ['row ' + n, n / 3]);
console.log(JSON.stringify(db.exec('SELECT count(*), sum(score), max(name) FROM t WHERE id % 7 = 3')));
const copy = new SQL.Database(db.export());
const statement = copy.prepare('SELECT name, score FROM t WHERE score > $least ORDER BY score DESC LIMIT 3');
statement.bind({ $least: 10 });
while (statement.step()) console.log(JSON.stringify(statement.getAsObject()));
try { db.exec('SELECT nothing FROM nowhere'); } catch (error) { console.log(error.message); }
// => [{"columns":["count(*)","sum(score)","max(name)"],"values":[[14,221.66666666666666,"row 93"]]}]
// => {"name":"row 99","score":33}
// => {"name":"row 98","score":32.666666666666664}
// => {"name":"row 97","score":32.333333333333336}
// => near "nothing": syntax error
