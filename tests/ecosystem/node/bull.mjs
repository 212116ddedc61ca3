// Bull, the older one: jobs, priorities, delays, retries, repeats, limits.

import Bull from 'bull';
import { assert, connection, parts, sleep, until } from './common.mjs';

const make = (name, more = {}) => new Bull(name, { redis: { host: connection.host, port: connection.port }, ...more });

await parts({
  async 'jobs in order, with results'() {
    const queue = make('order');
    const seen = [];
    for (let n = 0; n < 50; n += 1) await queue.add({ n });
    queue.process(async (job) => { seen.push(job.data.n); return job.data.n * 2; });
    await until(() => seen.length === 50, 'all jobs');
    assert.deepEqual(seen, Array.from({ length: 50 }, (_, n) => n));
    await until(async () => (await queue.getJobCounts()).completed === 50, 'all completed');
    await queue.close();
  },
  async 'priorities'() {
    const queue = make('priority');
    await queue.pause();
    for (const priority of [5, 1, 9, 1, 3]) await queue.add({ priority }, { priority });
    const seen = [];
    queue.process(async (job) => { seen.push(job.data.priority); });
    await queue.resume();
    await until(() => seen.length === 5, 'all jobs');
    assert.deepEqual(seen, [1, 1, 3, 5, 9]);
    await queue.close();
  },
  async 'delays, retries and what failed'() {
    const queue = make('retry', { settings: { guardInterval: 200 } });
    const seen = [];
    let tries = 0;
    queue.process('late', async () => { seen.push('late'); });
    queue.process('bad', async () => { tries += 1; throw new Error('no'); });
    await queue.add('late', {}, { delay: 300 });
    const bad = await queue.add('bad', {}, { attempts: 3, backoff: 50 });
    await until(() => seen.length === 1, 'the delayed job');
    await until(async () => (await bad.getState()) === 'failed', 'failed');
    assert.equal(tries, 3);
    await queue.close();
  },
  async 'repeats, and a limit on the rate'() {
    const queue = make('limited', { limiter: { max: 2, duration: 300 } });
    const times = [];
    for (let n = 0; n < 6; n += 1) await queue.add({ n });
    queue.process(async () => { times.push(Date.now()); });
    await until(() => times.length === 6, 'all jobs');
    assert.ok(times[5] - times[0] >= 450);
    await queue.close();
    const repeated = make('repeated');
    let count = 0;
    repeated.process(async () => { count += 1; });
    await repeated.add({}, { repeat: { every: 100 } });
    await until(() => count >= 3, 'three rounds');
    assert.equal((await repeated.getRepeatableJobs()).length, 1);
    await repeated.close();
  },
  async 'clean, empty, obliterate, finished'() {
    const queue = make('manage');
    const job = await queue.add({ n: 1 });
    queue.process(async () => 'done');
    assert.equal(await job.finished(), 'done');
    await sleep(10);
    assert.equal((await queue.clean(0, 'completed')).length, 1);
    await queue.pause();
    await queue.add({ n: 2 });
    await queue.empty();
    assert.equal(await queue.count(), 0);
    await queue.obliterate({ force: true });
    await queue.close();
  },
});
