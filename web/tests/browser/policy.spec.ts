/** What other sites can do to the page and its replicas, and what scripts could do in it: the real program's headers at work. */

import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, type Page, test } from '@playwright/test';
import { Demo } from '../support/demo.ts';
import { policy } from '../support/gateway.ts';
import { createRoom, openPage, openRoom, post, register } from '../support/page.ts';

const PORT = 24_540;
const DIST = '../apps/chat/dist';
let demo: Demo;
let evil: Server;
/** Another site. */
let evilUrl: string;

test.beforeAll(async () => {
  demo = await Demo.start(PORT);
  evil = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>evil</title><body></body>');
  });
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
  evilUrl = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
});

test.afterAll(async () => {
  evil.closeAllConnections();
  evil.close();
  await demo.stop();
});

const origins = () => [0, 1, 2, 3].map((id) => demo.url(id));

/** The directives of the policy that the browser found breached, once there are so many. */
async function breaches(page: Page, count: number): Promise<string[]> {
  const seen = () => page.evaluate(() => (window as unknown as { breaches: string[] }).breaches);
  await expect.poll(async () => (await seen()).length).toBeGreaterThanOrEqual(count);
  return seen();
}

// Faults: W05, W06
test('the page comes with a policy that lets nothing run but its own scripts, and no way around it is found', async ({ page }) => {
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(window, { breaches: seen, hits: 0 });
    document.addEventListener('securitypolicyviolation', (event) => seen.push(event.violatedDirective));
  });
  const answer = await page.goto(demo.url(0));
  expect(answer?.headers()['content-security-policy']).toBe(policy(origins().join(' ')));
  expect(answer?.headers()['x-frame-options']).toBe('DENY');
  expect(answer?.headers()['x-content-type-options']).toBe('nosniff');
  await expect(page.getByRole('heading', { name: 'Outvote' })).toBeVisible();
  expect(await breaches(page, 0)).toEqual([]);
  const refused = await page.evaluate(async (other) => {
    const element = (name: string, attributes: Record<string, string>, text = '') => {
      const made = document.createElement(name);
      Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
      made.append(text);
      document.body.append(made);
      return made;
    };
    const tried: Record<string, () => unknown> = {
      'an inline script': () => element('script', {}, 'hits += 1'),
      'a script of another site': () => element('script', { src: `${other}/x.js` }),
      'a script in a data URL': () => element('script', { src: 'data:text/javascript,hits += 1' }),
      'a handler in an attribute': () => element('img', { src: 'data:,', onerror: 'hits += 1' }),
      'a javascript link': () => element('a', { href: 'javascript:hits += 1' }).click(),
      'a frame': () => element('iframe', { src: other }),
      'an object': () => element('object', { data: `${other}/x.swf` }),
      'a picture of another site': () => element('img', { src: `${other}/x.png` }),
      'an inline style': () => element('style', {}, 'body { display: none }'),
      'a form': () => (element('form', { action: other, method: 'post' }) as HTMLFormElement).requestSubmit(),
      'a base': () => element('base', { href: other }),
      'a worker': () => new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))),
      'a request to another site': () => fetch(other).catch(() => {}),
      'a socket to another site': () => new WebSocket(other.replace('http', 'ws')),
      'text as HTML': () => (document.body.innerHTML = '<img src=x onerror="hits += 1">'),
    };
    const thrown: string[] = [];
    for (const [name, attempt] of Object.entries(tried)) {
      try {
        await attempt();
      } catch {
        thrown.push(name);
      }
    }
    // What the browser's own console asks for may evaluate; what the page does later may not.
    await new Promise((resolve) =>
      setTimeout(() => {
        for (const attempt of [() => eval('hits += 1'), () => new Function('hits += 1')(), () => setTimeout('hits += 1' as never)]) {
          try {
            attempt();
          } catch {
            thrown.push('evaluation');
          }
        }
        resolve(null);
      }),
    );
    return thrown;
  }, evilUrl);
  // Trusted types stop these where they are written down, before the policy for scripts is asked.
  for (const what of ['a script of another site', 'a script in a data URL', 'a handler in an attribute', 'an object', 'a worker', 'text as HTML']) {
    expect(refused).toContain(what);
  }
  expect(refused.filter((what) => what === 'evaluation').length).toBe(3);
  const seen = await breaches(page, 12);
  for (const directive of ['script-src-elem', 'frame-src', 'img-src', 'style-src-elem', 'form-action', 'base-uri', 'connect-src', 'require-trusted-types-for']) {
    expect(seen).toContain(directive);
  }
  expect(await page.evaluate(() => (window as unknown as { hits: number }).hits)).toBe(0);
});

// Faults: W06
test('the page itself breaches its policy nowhere', async ({ page }) => {
  const breached: string[] = [];
  page.on('console', (message) => {
    if (/Content.Security.Policy|Trusted ?Type/i.test(message.text())) {
      breached.push(message.text());
    }
  });
  await openPage(page, demo.url(0));
  await register(page, 'ada');
  await createRoom(page, 'lobby');
  await post(page, 'hello');
  await page.locator('.message').getByRole('button', { name: 'checked' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  expect(breached).toEqual([]);
});

// Faults: W05
test('another site cannot show the page in a frame', async ({ page }) => {
  await page.goto(evilUrl);
  await page.evaluate((url) => {
    const frame = document.createElement('iframe');
    frame.src = url;
    document.body.append(frame);
  }, demo.url(0));
  await expect.poll(() => page.frames().map((frame) => frame.url()).join(' ')).toContain('chrome-error:');
});

// Faults: W03, W04
test('another site can neither read from a replica, nor listen to it, nor make it do anything', async ({ page }) => {
  await page.goto(evilUrl);
  const answers = await page.evaluate(async (url) => {
    const submit = (enctype: string) =>
      new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.name = `target ${enctype}`;
        const form = document.createElement('form');
        Object.assign(form, { action: `${url}/api/v1/traitor`, method: 'post', enctype, target: frame.name });
        const field = document.createElement('input');
        [field.name, field.value] = ['{"replica":0,"behaviour":"mute","x":"', '"}'];
        form.append(field);
        document.body.append(frame, form);
        frame.onload = resolve;
        form.submit();
      });
    await submit('text/plain');
    await submit('application/x-www-form-urlencoded');
    const wish = JSON.stringify({ replica: 0, behaviour: 'mute' });
    const called = async (path: string, init: RequestInit) => fetch(url + path, init).then((r) => r.type, () => 'refused');
    return {
      read: await called('/api/v1/rooms', {}),
      asked: await called('/api/v1/traitor', { method: 'POST', body: wish, headers: { 'content-type': 'application/json' } }),
      unasked: await called('/api/v1/traitor', { method: 'POST', body: wish, mode: 'no-cors' }),
      listened: await new Promise((resolve) => {
        const stream = new EventSource(`${url}/api/v1/events`);
        stream.onmessage = () => resolve('heard');
        stream.addEventListener('status', () => resolve('heard'));
        stream.onerror = () => resolve('refused');
      }),
    };
  }, demo.url(1));
  expect(answers).toEqual({ read: 'refused', asked: 'refused', unasked: 'opaque', listened: 'refused' });
  // Nothing came of it.
  for (const replica of await demo.replicas()) {
    expect((replica as unknown as { behaviour: string }).behaviour).toBe('honest');
  }
});

// Faults: W07, W15
test('the page asks its committee and nobody else, and keeps no session', async ({ page, context }) => {
  const asked = new Set<string>();
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  await openPage(page, demo.url(2));
  await register(page, 'grace');
  await openRoom(page, 'lobby');
  await post(page, 'me, too');
  expect([...asked].filter((origin) => !origins().includes(origin) && origin !== 'null')).toEqual([]);
  expect(await context.cookies()).toEqual([]);
  // What was agreed was signed; who merely calls, with everything that a browser would send along, is nobody.
  const answer = await page.evaluate(() =>
    fetch('/api/v1/submit', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"request":"00"}', credentials: 'include' }).then((r) => r.status),
  );
  expect(answer).toBe(400);
});

// Faults: W15
test('what is built names no other site', async () => {
  const html = readFileSync(`${DIST}/index.html`, 'utf8');
  const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, source]) => source ?? '');
  expect(sources.length).toBeGreaterThanOrEqual(3);
  expect(sources.filter((source) => !source.startsWith('./'))).toEqual([]);
  const files = readdirSync(`${DIST}/assets`).map((name) => readFileSync(`${DIST}/assets/${name}`, 'utf8'));
  const loads = files.flatMap((text) => [...text.matchAll(/(?:import|@import|url)\s*\(?\s*["'`]?(?:https?:)?\/\/[^"'`)\s]+/g)]);
  expect(loads.map(([text]) => text)).toEqual([]);
});

// Faults: W11
test('names that look alike or turn the text stand apart, each with its key', async ({ browser }) => {
  const names = ['alan', 'аlаn', 'al\u200ban', 'alan\u202e \u2714 checked', '\u2067alan\u2066'];
  const keys = new Map<string, string>();
  let last: Page | null = null;
  for (const [at, name] of names.entries()) {
    const page = await (await browser.newContext()).newPage();
    await openPage(page, demo.url(at % 4));
    await page.getByLabel('Pick a name').fill(name);
    await page.getByRole('button', { name: 'Take it' }).click();
    await expect(page.getByTestId('own-name')).toBeVisible();
    keys.set(name, (await page.locator('.identity code').first().textContent()) ?? '');
    await openRoom(page, 'lobby');
    await page.getByRole('textbox', { name: 'Write to' }).fill(`I am number ${at}`);
    await page.keyboard.press('Enter');
    await expect(page.locator('.message', { hasText: `I am number ${at}` }).locator('[data-check=checked]')).toBeVisible();
    last = page;
  }
  expect(new Set(keys.values()).size).toBe(names.length);
  for (const [at, name] of names.entries()) {
    const line = last?.locator('.message', { hasText: `I am number ${at}` });
    const parts = ['.author', 'code', 'time', '.check'];
    const boxes = await Promise.all(parts.map((part) => line?.locator(part).first().boundingBox()));
    const lefts = boxes.map((box) => box?.x ?? Number.NaN);
    expect(lefts, `the line of ${JSON.stringify(name)} reads from left to right`).toEqual([...lefts].sort((a, b) => a - b));
    expect(await line?.locator('code').textContent()).toBe(keys.get(name));
  }
});
