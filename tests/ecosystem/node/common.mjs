// What the programs share: the server's address, a wait that ends, and an end that says what failed.

import assert from 'node:assert/strict';

export { assert };
export const port = Number(process.env.REDIS_PORT);
export const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(holds, what, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `it did not come: ${what}`);
    await sleep(20);
  }
}

/** Runs the parts one after the other; the process ends with 1 if one of them fails. */
export async function parts(all) {
  let failed = 0;
  for (const [name, run] of Object.entries(all)) {
    try {
      await run();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.stack ?? error}`);
    }
  }
  process.exit(failed ? 1 : 0);
}
