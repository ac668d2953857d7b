/** Scripts in everything that strangers choose: the page shows text and runs none of it. */

import { expect, type Page, test } from '@playwright/test';
import { makeCluster } from '../support/cluster.ts';
import { Gateways, type Shown } from '../support/gateway.ts';
import { createRoom, expectNoProblems, openPage, openRoom, register } from '../support/page.ts';
import { payloads, plainPayloads } from '../support/payloads.ts';

const PORT = 24_370;
/** Messages that one page shows at once. */
const BATCH = 3_000;
const FEWEST_PAYLOADS = 10_000;
let gateways: Gateways;

test.beforeEach(async () => {
  gateways = new Gateways(makeCluster('scripts'), PORT);
  await gateways.start();
});

test.afterEach(async () => {
  await gateways.stop();
  expectNoProblems();
});

type Watch = { hits: string[]; breaches: string[] };

/** Counts whatever a payload could run, and every breach of the policy, from before the first script of the page. */
async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const watched: Watch = { hits: [], breaches: [] };
    const count = (name: string) => () => {
      watched.hits.push(name);
    };
    Object.assign(window, { watched }, ...['hit', 'alert', 'confirm', 'prompt', 'print', 'open'].map((name) => ({ [name]: count(name) })));
    document.addEventListener('securitypolicyviolation', (event) => watched.breaches.push(`${event.violatedDirective} ${event.sample}`));
  });
}

/** What ran, and what stands in the page that a payload has made. */
function found(page: Page) {
  return page.evaluate(() => {
    const { watched } = window as unknown as { watched: Watch };
    const made = 'script:not([src]), iframe, object, embed, img, image, svg, math, video, audio, a, link[rel=import], base, meta[http-equiv], marquee, details';
    const attributes = [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames().filter((name) => name.startsWith('on')));
    return { ...watched, made: [...document.querySelectorAll(made)].map((element) => element.outerHTML), attributes };
  });
}

const NOTHING = { hits: [], breaches: [], made: [], attributes: [] };

/** Messages whose author, key and text are payloads; every replica shows the same. */
function messagesOf(batch: string[], room: string): Shown[] {
  const at = (index: number) => batch[index % batch.length] ?? '';
  return batch.map((text, index) => ({ index, sequence: index + 1, room, author: at(index + 1), key: at(index + 2), text, receipt: '' }));
}

/** Shows a batch of payloads as messages, authors, keys and rooms, and answers with the texts that the page then shows. */
async function show(page: Page, batch: string[]): Promise<string[]> {
  for (const lie of gateways.lies) {
    lie.messages = () => messagesOf(batch, 'lobby');
    lie.rooms = (rooms) => [...rooms, ...batch.filter((name) => name !== 'lobby').map((room) => ({ room, access: 'public', owner: room }))];
  }
  await page.goto('about:blank');
  await page.goto(`${gateways.url(0)}/#lobby`);
  await expect(page.locator('.message[data-index]')).toHaveCount(batch.length);
  await expect(page.locator('.rooms li')).toHaveCount(batch.length + 1);
  return page.evaluate(() => [...document.querySelectorAll('.message .text')].map((element) => element.textContent));
}

test('payloads run where text is taken for HTML, or the other tests here would prove nothing', async ({ page }) => {
  gateways.hasPolicy = false;
  await watch(page);
  await openPage(page, gateways.url(0));
  await page.evaluate((vectors) => {
    for (const vector of vectors) {
      const place = document.createElement('div');
      document.body.append(place);
      place.innerHTML = vector;
    }
  }, plainPayloads());
  await expect.poll(async () => (await found(page)).hits.length).toBeGreaterThan(10);
  expect((await found(page)).made.length).toBeGreaterThan(20);
});

// Faults: W01
test('ten thousand payloads in messages, names and rooms are shown as text and run nothing, with the policy and without', async ({ page }) => {
  test.slow();
  const all = payloads();
  expect(all.length).toBeGreaterThanOrEqual(FEWEST_PAYLOADS);
  await watch(page);
  await openPage(page, gateways.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  for (let start = 0; start < all.length; start += BATCH) {
    // The policy is the second line of defence: without it the first one stands alone.
    gateways.hasPolicy = (start / BATCH) % 2 === 0;
    const batch = all.slice(start, start + BATCH);
    expect(await show(page, batch)).toEqual(batch);
    expect(await found(page)).toEqual(NOTHING);
  }
});

// Faults: W02
test('payloads in the address, in what is typed and in what a replica says of itself run nothing', async ({ page }) => {
  gateways.hasPolicy = false;
  await watch(page);
  const some = payloads().filter((_, at) => at % 997 === 0);
  for (const payload of some) {
    await page.goto('about:blank');
    await page.goto(`${gateways.url(0)}/?q=${encodeURIComponent(payload)}#${encodeURIComponent(payload)}`);
    await expect(page.getByTestId('room-name')).toHaveText(payload, { useInnerText: false });
    expect(await found(page)).toEqual(NOTHING);
  }
  await page.goto(`${gateways.url(0)}/#%E0%A4%A<script>hit(1)</script>`);
  await register(page, '<img src=x onerror=hit(1)>');
  for (const payload of plainPayloads().filter((payload) => payload.length <= 64)) {
    await openRoom(page, payload);
  }
  const [behaviour] = plainPayloads();
  for (const lie of gateways.lies) {
    lie.status = (status) => ({ ...status, replicas: status.replicas.map((replica) => ({ ...replica, behaviour })) });
    lie.messages = () => {
      throw new Error('<svg onload=hit(1)>');
    };
  }
  await page.reload();
  await expect(page.getByTestId('behaviour').first()).toContainText('<script>');
  await openRoom(page, 'nowhere');
  await expect(page.locator('main')).toContainText('<svg onload=hit(1)>');
  expect(await found(page)).toEqual(NOTHING);
});
