/** The page while replicas' HTTP sides come and go. */

import { expect, test } from '@playwright/test';
import { makeCluster } from '../support/cluster.ts';
import { Gateways } from '../support/gateway.ts';
import { createRoom, expectNoProblems, openPage, openRoom, post, register, write } from '../support/page.ts';

const PORT = 24_350;
let gateways: Gateways;

test.beforeEach(async () => {
  gateways = new Gateways(makeCluster('failures'), PORT);
  await gateways.start();
});

test.afterEach(async () => {
  await gateways.stop();
  expectNoProblems();
});

/** From now on no gateway answers a submission, until what this returns is called. */
function holdAnswers(): () => void {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  for (const lie of gateways.lies) {
    lie.submit = async (answer) => {
      await held;
      return answer;
    };
  }
  return letGo;
}

test('when its own replica dies the page says so, goes on with another one, and comes back', async ({ page, browser }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  await post(page, 'before');
  const other = await (await browser.newContext()).newPage();
  await openPage(other, gateways.url(2));
  await openRoom(other, 'lobby');
  await gateways.stopOne(0);
  await expect(page.getByRole('status').first()).toContainText('Replica 0 does not answer. Reading from replica 1');
  await post(page, 'after');
  await expect(page.locator('.message', { hasText: 'after' }).locator('[data-check=checked]')).toBeVisible();
  await write(other, 'seen elsewhere');
  await expect(page.locator('.message', { hasText: 'seen elsewhere' })).toBeVisible();
  await gateways.startOne(0);
  await expect(page.getByRole('status').first()).not.toContainText('does not answer');
  await post(page, 'home again');
  await expect(page.locator('.message[data-index] .text')).toHaveText(['before', 'after', 'seen elsewhere', 'home again']);
});

test('a message on its way says so, and at its end it stands among the others', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  const letGo = holdAnswers();
  for (const lie of gateways.lies) {
    lie.messages = () => [];
    lie.isSilent = true;
  }
  await write(page, 'on its way');
  const line = page.locator('.unsettled', { hasText: 'on its way' });
  await expect(line.locator('[data-state=sending]')).toHaveText(/sending/);
  await page.waitForTimeout(1_000);
  await expect(line.locator('[data-state=sending]')).toBeVisible();
  letGo();
  await expect(page.locator('.message[data-index]', { hasText: 'on its way' }).locator('[data-check=checked]')).toBeVisible();
  await expect(page.locator('.unsettled')).toHaveCount(0);
});

test('a message that is shown before its proof is in has one line', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  const letGo = holdAnswers();
  await write(page, 'said once');
  const lines = page.locator('.message', { hasText: 'said once' });
  await expect(page.locator('.message[data-index]', { hasText: 'said once' })).toBeVisible();
  await expect(lines).toHaveCount(1);
  letGo();
  await expect(lines.locator('[data-check=checked]')).toBeVisible();
  await expect(lines).toHaveCount(1);
});

// Faults: K04
test('what was written while nobody answers is pending, is asked again by itself, and stands once', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  await gateways.stop();
  await write(page, 'anybody there?');
  await expect(page.locator('.unsettled [data-state=pending]')).toContainText('Asking again is safe');
  await gateways.start();
  await expect(page.locator('.message[data-index]', { hasText: 'anybody there?' }).locator('[data-check=checked]')).toBeVisible();
  await expect(page.locator('.unsettled')).toHaveCount(0);
  await post(page, 'good');
  expect(gateways.messages.map((message) => message.text)).toEqual(['anybody there?', 'good']);
});

test('a pending message outlives the tab: the next visit asks again with the same bytes', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  for (const lie of gateways.lies) {
    // Agreed, and the answer is lost on its way back.
    lie.submit = () => '{"outcome":"pending"}';
    lie.messages = () => [];
  }
  await write(page, 'once only');
  await expect(page.locator('.unsettled [data-state=pending]')).toBeVisible();
  await page.goto('about:blank');
  gateways.lies.forEach((lie) => {
    delete lie.submit;
    delete lie.messages;
  });
  await page.goto(gateways.url(0));
  await expect(page.locator('.message[data-index]', { hasText: 'once only' }).locator('[data-check=checked]')).toBeVisible();
  await expect(page.locator('.unsettled')).toHaveCount(0);
  await post(page, 'and on');
  expect(gateways.messages.map((message) => message.text)).toEqual(['once only', 'and on']);
});

// Faults: K03
test('two tabs share one key and never one nonce', async ({ context }) => {
  const [one, two] = [await context.newPage(), await context.newPage()];
  await openPage(one, gateways.url(0));
  await register(one, 'ada');
  await createRoom(one, 'lobby');
  await openPage(two, gateways.url(0));
  await expect(two.getByTestId('own-name')).toHaveText('ada');
  await openRoom(two, 'lobby');
  for (let round = 0; round < 4; round += 1) {
    await Promise.all([write(one, `one ${round}`), write(two, `two ${round}`)]);
  }
  for (const tab of [one, two]) {
    await expect(tab.locator('.unsettled')).toHaveCount(0);
    await expect(tab.locator('[data-check=checked]')).toHaveCount(gateways.messages.length);
  }
  const nonces = gateways.messages.map((message) => (JSON.parse(message.receipt.replace(/:(\d{17,})/g, ':"$1"')) as { operation: { nonce: number } }).operation.nonce);
  expect(new Set(nonces).size).toBe(nonces.length);
  expect(Math.max(...nonces) - Math.min(...nonces)).toBe(nonces.length - 1);
});

// Faults: W13
test('the secret key cannot be read out by any script', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  const kinds = await page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const asked = indexedDB.open('outvote');
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    const stored = await new Promise<{ kind: string; key: CryptoKey }[]>((resolve) => {
      const asked = database.transaction('keys').objectStore('keys').getAll();
      asked.onsuccess = () => resolve(asked.result);
    });
    return Promise.all(
      stored.map(async ({ kind, key }) => [kind, key.extractable, await crypto.subtle.exportKey('pkcs8', key).then(() => 'read', () => 'refused')]),
    );
  });
  expect(kinds).toEqual([['webcrypto', false, 'refused']]);
});
