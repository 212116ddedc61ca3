// Documents: client.json of node-redis in either protocol, and JSON commands through ioredis. A real server has no JSON
// without a module.

import Redis from 'ioredis';
import { createClient } from 'redis';
import { assert, parts, port } from './common.mjs';

const io = new Redis({ host: '127.0.0.1', port });

async function withClients(use) {
  for (const RESP of [2, 3]) {
    const client = createClient({ RESP, socket: { host: '127.0.0.1', port } });
    await client.connect();
    await client.flushAll();
    await use(client.json);
    client.destroy();
  }
}

await parts({
  'documents are set, read and removed': () =>
    withClients(async (json) => {
      assert.equal(await json.set('doc', '$', { nested: [1, 2, 3], a: { b: null } }), 'OK');
      assert.deepEqual(await json.get('doc'), { nested: [1, 2, 3], a: { b: null } });
      assert.deepEqual(await json.get('doc', { path: '$.nested[0]' }), [1]);
      assert.deepEqual(await json.get('doc', { path: ['$.nested', '$.a.b'] }), { '$.nested': [[1, 2, 3]], '$.a.b': [null] });
      assert.equal(await json.get('missing'), null);
      assert.equal(await json.set('doc', '$.a.b', 1, { condition: 'NX' }), null);
      await json.mSet([{ key: 'one', path: '$', value: { a: 1 } }, { key: 'two', path: '$', value: [2] }]);
      assert.deepEqual(await json.mGet(['one', 'two', 'missing'], '$'), [[{ a: 1 }], [[2]], null]);
      assert.equal(await json.merge('one', '$', { b: 2 }), 'OK');
      assert.equal(await json.del('doc', { path: '$.a' }), 1);
      assert.equal(await json.forget('doc'), 1);
    }),
  'numbers, strings and booleans change in place': () =>
    withClients(async (json) => {
      await json.set('doc', '$', { n: 1, s: 'foo', t: true });
      assert.deepEqual(await json.numIncrBy('doc', '$.n', 2), [3]);
      assert.deepEqual(await json.numMultBy('doc', '$.n', 2), [6]);
      assert.deepEqual(await json.strAppend('doc', 'bar', { path: '$.s' }), [6]);
      assert.deepEqual(await json.strLen('doc', { path: '$.s' }), [6]);
      assert.deepEqual((await json.toggle('doc', '$.t')).map(Boolean), [false]);
      assert.equal(await json.clear('doc', { path: '$.n' }), 1);
    }),
  'arrays and objects': () =>
    withClients(async (json) => {
      await json.set('doc', '$', { l: [1, 2, 3] });
      assert.deepEqual(await json.arrAppend('doc', '$.l', 4, { x: 1 }), [5]);
      assert.deepEqual(await json.arrInsert('doc', '$.l', 0, 'first'), [6]);
      assert.deepEqual(await json.arrIndex('doc', '$.l', 4), [4]);
      assert.deepEqual(await json.arrLen('doc', { path: '$.l' }), [6]);
      assert.deepEqual(await json.arrPop('doc', { path: '$.l' }), [{ x: 1 }]);
      assert.deepEqual(await json.arrTrim('doc', '$.l', 1, 2), [2]);
      assert.deepEqual(await json.objKeys('doc', { path: '$' }), [['l']]);
      assert.deepEqual(await json.objLen('doc', { path: '$' }), [1]);
      assert.deepEqual((await json.type('doc', { path: '$.l' })).flat(), ['array']);
    }),
  async 'ioredis sends them as it sends any command'() {
    assert.equal(await io.call('JSON.SET', 'io', '$', JSON.stringify({ a: [1] })), 'OK');
    assert.deepEqual(JSON.parse(await io.call('JSON.GET', 'io', '$.a')), [[1]]);
    assert.deepEqual(await io.multi().call('JSON.ARRAPPEND', 'io', '$.a', '2').call('JSON.ARRLEN', 'io', '$.a').exec(), [[null, [2]], [null, [2]]]);
  },
});
