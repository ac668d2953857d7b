/** The page for everybody: by keyboard alone, and under the rules of axe-core in light and dark. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, type Page, test } from '@playwright/test';
import { makeCluster } from '../support/cluster.ts';
import { Gateways } from '../support/gateway.ts';
import { createRoom, expectNoProblems, openPage, post, register } from '../support/page.ts';

const PORT = 24_330;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let gateways: Gateways;

test.beforeEach(async () => {
  gateways = new Gateways(makeCluster('access', 4, true), PORT);
  await gateways.start();
});

test.afterEach(async () => {
  await gateways.stop();
  expectNoProblems();
});

/** What axe-core finds wrong, in a line each. */
async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { html: string }[] }[] };
    const { axe } = globalThis as unknown as { axe: { run(): Promise<Found> } };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe-core finds nothing wrong in the ${colorScheme} page`, async ({ browser }) => {
    const page = await (await browser.newContext({ colorScheme, reducedMotion: 'reduce' })).newPage();
    await openPage(page, gateways.url(0));
    expect(await complaints(page)).toEqual([]);
    await register(page, 'ada');
    await createRoom(page, 'lobby');
    await post(page, 'hello');
    await page.locator('[data-check=checked]').click();
    await expect(page.getByRole('dialog')).toBeVisible();
    expect(await complaints(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await complaints(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });
}

test('a person without a mouse can do everything', async ({ page }) => {
  await openPage(page, gateways.url(0));
  const reach = async (name: RegExp) => {
    for (let steps = 0; steps < 60; steps += 1) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate(() => {
        const on = document.activeElement;
        const label = on instanceof HTMLElement && 'labels' in on ? [...(on as HTMLInputElement).labels ?? []] : [];
        return [on?.textContent ?? '', ...label.map((one) => one.textContent ?? '')].join(' ');
      });
      if (name.test(found)) {
        return;
      }
    }
    throw new Error(`the keyboard does not reach ${name}`);
  };
  await reach(/Pick a name/);
  await page.keyboard.type('ada');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('own-name')).toHaveText('ada');
  await reach(/^\s*Name/);
  await page.keyboard.type('lobby');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('room-name')).toHaveText('lobby');
  await reach(/Write to/);
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await expect(page.locator('.message .text')).toHaveText('one\ntwo');
  await expect(page.locator('[data-check=checked]')).toBeVisible();
  await reach(/^\s*✔ checked\s*$/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});
