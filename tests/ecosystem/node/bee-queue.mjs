// bee-queue: jobs, results, retries, delays, stalled jobs.

import Queue from 'bee-queue';
import { assert, parts, port, until } from './common.mjs';

const make = (name, more = {}) => new Queue(name, { redis: { host: '127.0.0.1', port }, removeOnSuccess: false, ...more });

await parts({
  async 'jobs and their results'() {
    const queue = make('jobs');
    const results = [];
    queue.process(async (job) => job.data.n * 2);
    for (let n = 0; n < 30; n += 1) {
      const job = queue.createJob({ n });
      job.on('succeeded', (result) => results.push(result));
      await job.save();
    }
    await until(() => results.length === 30, 'all results');
    assert.equal(results.reduce((all, one) => all + one, 0), 870);
    await until(async () => (await queue.checkHealth()).succeeded === 30, 'health');
    await queue.close();
  },
  async 'retries and failures'() {
    const queue = make('retry', { activateDelayedJobs: true });
    let tries = 0;
    queue.process(async () => { tries += 1; throw new Error('no'); });
    const job = await queue.createJob({}).retries(2).backoff('fixed', 50).save();
    await until(async () => (await queue.checkHealth()).failed === 1, 'failed');
    assert.equal(tries, 3);
    assert.equal((await queue.getJob(job.id)).status, 'failed');
    await queue.close();
  },
  async 'delays'() {
    const queue = make('delay', { activateDelayedJobs: true });
    let at = 0;
    queue.process(async () => { at = Date.now(); });
    const due = Date.now() + 300;
    await queue.createJob({}).delayUntil(due).save();
    await until(() => at > 0, 'the delayed job');
    assert.ok(at >= due - 5);
    await queue.close();
  },
  async 'many at once, stalled ones, destroy'() {
    const queue = make('bulk', { stallInterval: 300 });
    await queue.saveAll(Array.from({ length: 100 }, (_, n) => queue.createJob({ n })));
    let count = 0;
    queue.process(5, async () => { count += 1; });
    await until(() => count === 100, 'all jobs');
    await queue.checkStalledJobs();
    await queue.destroy();
    await queue.close();
  },
});
