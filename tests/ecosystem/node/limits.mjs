// Limiters and locks: rate-limiter-flexible on both clients, redlock, scripts as both clients define them.

import Redis from 'ioredis';
import { createClient, defineScript } from 'redis';
import { BurstyRateLimiter, RateLimiterQueue, RateLimiterRedis } from 'rate-limiter-flexible';
import Redlock from 'redlock';
import { assert, parts, port, sleep } from './common.mjs';

const io = new Redis({ host: '127.0.0.1', port, enableOfflineQueue: true });
const node = createClient({ socket: { host: '127.0.0.1', port } });
await node.connect();

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return error;
  }
  assert.fail('it was not refused');
}

async function limit(storeClient, more) {
  const limiter = new RateLimiterRedis({ storeClient, keyPrefix: `limit${Math.random()}`, points: 3, duration: 1, ...more });
  for (let left = 2; left >= 0; left -= 1) assert.equal((await limiter.consume('who')).remainingPoints, left);
  const error = await refused(() => limiter.consume('who'));
  assert.ok(error.msBeforeNext > 0 && error.msBeforeNext <= 1000);
  await limiter.penalty('other', 2);
  assert.equal((await limiter.get('other')).consumedPoints, 2);
  await limiter.reward('other', 1);
  assert.equal((await limiter.get('other')).consumedPoints, 1);
  await sleep(1100);
  assert.equal((await limiter.consume('who')).remainingPoints, 2);
  await limiter.delete('who');
  assert.equal(await limiter.get('who'), null);
}

await parts({
  'a limiter on ioredis': () => limit(io, {}),
  'a limiter on node-redis': () => limit(node, { useRedisPackage: true }),
  async 'a limiter with blocks, one with bursts, and a queue'() {
    const blocked = new RateLimiterRedis({ storeClient: io, keyPrefix: 'block', points: 1, duration: 1, blockDuration: 2 });
    await blocked.consume('who');
    assert.ok((await refused(() => blocked.consume('who'))).msBeforeNext > 1000);
    const bursty = new BurstyRateLimiter(new RateLimiterRedis({ storeClient: io, keyPrefix: 'b1', points: 1, duration: 1 }),
      new RateLimiterRedis({ storeClient: io, keyPrefix: 'b2', points: 2, duration: 5 }));
    await bursty.consume('who');
    await bursty.consume('who');
    const queue = new RateLimiterQueue(new RateLimiterRedis({ storeClient: io, keyPrefix: 'q', points: 2, duration: 1 }));
    const began = Date.now();
    await Promise.all([1, 2, 3].map(() => queue.removeTokens(1)));
    assert.ok(Date.now() - began > 300);
  },
  async 'redlock'() {
    const locks = new Redlock([io], { retryCount: 3, retryDelay: 50 });
    const lock = await locks.lock('locked', 2000);
    await refused(() => locks.lock('locked', 2000));
    const longer = await lock.extend(3000);
    assert.ok(await io.pttl('locked') > 2000);
    await longer.unlock();
    await (await locks.lock(['locked', 'other'], 1000)).unlock();
  },
  async 'commands that ioredis defines'() {
    io.defineCommand('twice', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1], ARGV[1]}' });
    assert.deepEqual(await io.twice('k', 'v'), ['k', 'v', 'v']);
    const piped = await io.pipeline().set('x', 1).twice('k', 'w').get('x').exec();
    assert.deepEqual(piped.map(([, value]) => value), ['OK', ['k', 'w', 'w'], '1']);
    await io.script('FLUSH');
    assert.deepEqual(await io.twice('k', 'again'), ['k', 'again', 'again']);
    const many = await io.multi().twice('k', 'm').exec();
    assert.deepEqual(many[0][1], ['k', 'm', 'm']);
  },
  async 'scripts and functions of node-redis'() {
    const add = defineScript({
      NUMBER_OF_KEYS: 1, SCRIPT: "return redis.call('GET', KEYS[1]) + ARGV[1]",
      parseCommand(parser, key, n) { parser.pushKey(key); parser.push(String(n)); }, transformReply: (reply) => reply,
    });
    const client = createClient({ socket: { host: '127.0.0.1', port }, scripts: { add } });
    await client.connect();
    await client.set('n', '5');
    assert.equal(await client.add('n', 2), 7);
    await client.functionLoad("#!lua name=mine\nredis.register_function{function_name='sum', callback=function(keys, args) return args[1] + args[2] end, flags={'no-writes'}}", { REPLACE: true });
    assert.equal(await client.fCallRo('sum', { keys: [], arguments: ['2', '3'] }), 5);
    assert.equal((await client.functionList()).length, 1);
    const dump = await client.sendCommand(['FUNCTION', 'STATS']);
    assert.ok(dump);
    assert.equal(await client.functionDelete('mine'), 'OK');
    client.destroy();
  },
});
