/** The page against gateways that lie to it. What is signed comes from a made-up cluster; the page is the built one. */

import { expect, test } from '@playwright/test';
import { makeCluster } from '../support/cluster.ts';
import { forged, Gateways } from '../support/gateway.ts';
import { createRoom, expectNoProblems, openPage, post, register } from '../support/page.ts';

const PORT = 24_310;
let gateways: Gateways;

test.beforeEach(async () => {
  gateways = new Gateways(makeCluster('hostile'), PORT);
  await gateways.start();
});

test.afterEach(async () => {
  await gateways.stop();
  expectNoProblems();
});

test('gateways that tell the truth are believed', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  await post(page, 'hello');
  const line = page.locator('.message', { hasText: 'hello' });
  await expect(line.locator('[data-check=checked]')).toBeVisible();
  await line.getByRole('button', { name: 'checked' }).click();
  await expect(page.getByTestId('committers')).toHaveText('replica 1, replica 2, replica 3');
});

// Faults: R20
test('a forged receipt for a message of one’s own shows as not verified', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  gateways.lies.forEach((lie) => {
    lie.submit = forged;
    lie.messages = () => [];
  });
  await page.getByRole('textbox', { name: 'Write to' }).fill('is this agreed?');
  await page.keyboard.press('Enter');
  const line = page.locator('.message', { hasText: 'is this agreed?' }).last();
  await expect(line.locator('[data-state=unproven]')).toContainText('not verified');
  await expect(page.locator('[data-replica="0"]')).toContainText('Caught by this page');
});

// Faults: R20
test('when one gateway forges, the proof comes from another one and the liar is named', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  const lie = gateways.lies[0] ?? {};
  lie.submit = forged;
  lie.receipt = forged;
  await post(page, 'hello');
  await expect(page.locator('.message', { hasText: 'hello' }).locator('[data-check=checked]')).toBeVisible();
  await expect(page.locator('[data-replica="0"]')).toContainText('Caught by this page');
  await expect(page.locator('[data-replica="1"]')).not.toContainText('Caught by this page');
});

// Faults: R20
test('a history with a changed text shows as not verified', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  await post(page, 'pay Bob');
  const lie = gateways.lies[0] ?? {};
  lie.messages = (messages) => messages.map((message) => ({ ...message, text: message.text.replace('Bob', 'Eve') }));
  await page.reload();
  const line = page.locator('.message', { hasText: 'pay Eve' });
  await expect(line.locator('[data-check=failed]')).toContainText('not verified');
  await line.getByRole('button', { name: 'not verified' }).click();
  await expect(page.getByRole('dialog')).toContainText('the proof shows another text');
});

test('a withheld message is noticed and fetched from the other replicas', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  for (const text of ['one', 'two', 'three']) {
    await post(page, text);
  }
  const lie = gateways.lies[0] ?? {};
  lie.messages = (messages) => messages.filter((message) => message.text !== 'two');
  await page.reload();
  await expect(page.locator('main')).toContainText('Replica 0 withheld 1 message of this room; replica 1 shows it.');
  await expect(page.locator('.message .text')).toHaveText(['one', 'two', 'three']);
  await expect(page.locator('.message', { hasText: 'two' }).locator('[data-check=checked]')).toBeVisible();
});

test('newest messages that are held back come from the other replicas', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  for (const text of ['one', 'two']) {
    await post(page, text);
  }
  const lie = gateways.lies[0] ?? {};
  lie.messages = (messages) => messages.filter((message) => message.text !== 'two');
  await page.reload();
  await expect(page.locator('.message .text')).toHaveText(['one', 'two']);
  await expect(page.locator('main')).toContainText('Replica 0 does not show the newest 1 message');
});

test('another committee at a known address is an alarm, and nothing is sent to it', async ({ page }) => {
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await page.goto('about:blank');
  await gateways.stop();
  gateways = new Gateways(makeCluster('usurper'), PORT);
  await gateways.start();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(gateways.url(0));
  await expect(page.getByRole('alert')).toContainText('This is not the committee that you know');
  expect(asked.filter((path) => path.startsWith('/api/'))).toEqual(['/api/v1/cluster']);
  await page.getByRole('button', { name: 'trust it' }).click();
  await expect(page.getByLabel('Pick a name')).toBeVisible();
});

test('a replica whose description contradicts its committee is not used', async ({ page }) => {
  const lie = gateways.lies[0] ?? {};
  lie.cluster = (json) => ({ ...json, cluster: 'ab'.repeat(32) });
  await page.goto(gateways.url(0));
  await expect(page.locator('main')).toContainText('does not belong to its committee');
});
