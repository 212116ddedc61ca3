// BullMQ: jobs of every state, priorities, delays, retries, flows, schedulers, limits, events.

import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { assert, connection, parts, sleep, until } from './common.mjs';

const open = [];
const keep = (thing) => (open.push(thing), thing);
const close = async () => { for (const thing of open.splice(0).reverse()) await thing.close(); };

const states = async (queue) => queue.getJobCounts();

await parts({
  async 'jobs are done in order, and give their results'() {
    const queue = keep(new Queue('order', { connection }));
    const seen = [];
    for (let n = 0; n < 50; n += 1) await queue.add('job', { n });
    keep(new Worker('order', async (job) => { seen.push(job.data.n); return job.data.n * 2; }, { connection }));
    await until(() => seen.length === 50, 'all jobs');
    assert.deepEqual(seen, Array.from({ length: 50 }, (_, n) => n));
    await until(async () => (await states(queue)).completed === 50, 'all completed');
    const [job] = await queue.getCompleted(0, 0);
    assert.equal(job.returnvalue, job.data.n * 2);
    await close();
  },
  async 'many at once, by several workers'() {
    const queue = keep(new Queue('bulk', { connection }));
    await queue.addBulk(Array.from({ length: 500 }, (_, n) => ({ name: 'job', data: { n } })));
    const seen = new Set();
    for (let n = 0; n < 3; n += 1) keep(new Worker('bulk', async (job) => { seen.add(job.data.n); }, { connection, concurrency: 10 }));
    await until(() => seen.size === 500, 'all jobs');
    await close();
  },
  async 'priorities, and last in first out'() {
    const queue = keep(new Queue('priority', { connection }));
    for (const priority of [5, 1, 9, 1, 3]) await queue.add('job', { priority }, { priority });
    await queue.add('job', { priority: 0 }, { lifo: true });
    const seen = [];
    keep(new Worker('priority', async (job) => { seen.push(job.data.priority); }, { connection }));
    await until(() => seen.length === 6, 'all jobs');
    assert.deepEqual(seen, [0, 1, 1, 3, 5, 9]);
    await close();
  },
  async 'delays and promotion'() {
    const queue = keep(new Queue('delay', { connection }));
    const seen = [];
    keep(new Worker('delay', async (job) => { seen.push(job.name); }, { connection }));
    await queue.add('late', {}, { delay: 400 });
    const far = await queue.add('far', {}, { delay: 1e7 });
    await queue.add('now', {});
    await until(() => seen.length === 2, 'the delayed job');
    assert.deepEqual(seen, ['now', 'late']);
    await far.promote();
    await until(() => seen.length === 3, 'the promoted job');
    await close();
  },
  async 'failures, retries with backoff, and retry by hand'() {
    const queue = keep(new Queue('retry', { connection }));
    let tries = 0;
    keep(new Worker('retry', async () => { tries += 1; throw new Error(`no ${tries}`); }, { connection }));
    const job = await queue.add('job', {}, { attempts: 3, backoff: { type: 'exponential', delay: 30 } });
    await until(async () => (await job.getState()) === 'failed', 'failed');
    assert.equal(tries, 3);
    await job.retry();
    await until(() => tries === 4, 'one more try');
    await until(async () => (await job.getState()) === 'failed', 'failed again');
    assert.equal((await queue.getFailed())[0].failedReason, 'no 4');
    await close();
  },
  async 'a flow waits for its children'() {
    const flow = keep(new FlowProducer({ connection }));
    const children = Array.from({ length: 5 }, (_, n) => ({ name: 'child', queueName: 'children', data: { n } }));
    const tree = await flow.add({ name: 'parent', queueName: 'parents', children });
    let sum = null;
    keep(new Worker('children', async (job) => job.data.n, { connection }));
    keep(new Worker('parents', async (job) => {
      sum = Object.values(await job.getChildrenValues()).reduce((all, one) => all + one, 0);
    }, { connection }));
    await until(() => sum === 10, 'the parent');
    await until(async () => (await tree.job.getState()) === 'completed', 'completed');
    await close();
  },
  async 'events, progress and waiting for the end'() {
    const queue = keep(new Queue('events', { connection }));
    const events = keep(new QueueEvents('events', { connection }));
    await events.waitUntilReady();
    const heard = [];
    for (const name of ['waiting', 'active', 'progress', 'completed']) events.on(name, () => heard.push(name));
    keep(new Worker('events', async (job) => { await job.updateProgress(50); await job.log('a line'); return 'done'; }, { connection }));
    const job = await queue.add('job', {});
    assert.equal(await job.waitUntilFinished(events, 10000), 'done');
    await until(() => heard.includes('progress') && heard.includes('completed'), 'the events');
    assert.deepEqual((await queue.getJobLogs(job.id)).logs, ['a line']);
    await close();
  },
  async 'a scheduler makes jobs again and again'() {
    const queue = keep(new Queue('scheduled', { connection }));
    let count = 0;
    keep(new Worker('scheduled', async () => { count += 1; }, { connection }));
    await queue.upsertJobScheduler('each', { every: 100 }, { name: 'tick', data: {} });
    await until(() => count >= 3, 'three ticks');
    assert.equal((await queue.getJobSchedulers()).length, 1);
    await queue.removeJobScheduler('each');
    await close();
  },
  async 'a limit on the rate'() {
    const queue = keep(new Queue('limited', { connection }));
    const times = [];
    await queue.addBulk(Array.from({ length: 6 }, () => ({ name: 'job', data: {} })));
    keep(new Worker('limited', async () => { times.push(Date.now()); }, { connection, limiter: { max: 2, duration: 300 } }));
    await until(() => times.length === 6, 'all jobs');
    assert.ok(times[5] - times[0] >= 450, `${times[5] - times[0]} ms`);
    await close();
  },
  async 'pause, drain, clean, obliterate, one job for one id'() {
    const queue = keep(new Queue('manage', { connection }));
    await queue.pause();
    for (let n = 0; n < 5; n += 1) await queue.add('job', { n }, { jobId: `own-${n % 3}` });
    assert.equal(await queue.count(), 3);
    await queue.drain();
    assert.equal(await queue.count(), 0);
    await queue.resume();
    await queue.add('a', {}, { deduplication: { id: 'same' } });
    await queue.add('b', {}, { deduplication: { id: 'same' } });
    assert.equal(await queue.count(), 1);
    await queue.obliterate({ force: true });
    assert.equal(await queue.count(), 0);
    await close();
  },
  async 'a job that its worker has lost is given to another'() {
    const queue = keep(new Queue('stalled', { connection }));
    let calls = 0;
    await queue.add('job', {});
    const first = new Worker('stalled', async () => { calls += 1; await sleep(1e6); }, { connection, lockDuration: 300, lockRenewTime: 1e6, skipStalledCheck: true });
    await until(() => calls === 1, 'the first worker');
    let done = false;
    keep(new Worker('stalled', async () => { done = true; }, { connection, stalledInterval: 200 }));
    await until(() => done, 'the second worker');
    await first.close(true);
    await close();
  },
});
