/** The page served by the real program: four replicas in processes of their own. */

import { type Browser, expect, type Page, test } from '@playwright/test';
import { Demo } from '../support/demo.ts';
import { createRoom, expectNoProblems, openPage, openRoom, post, register, write } from '../support/page.ts';

const PORT = 24_510;
let demo: Demo;

test.beforeAll(async () => {
  demo = await Demo.start(PORT);
});

test.afterAll(() => demo?.stop());

test.afterEach(async ({ browser }) => {
  expectNoProblems();
  // People go home: pages that stay open would share the replicas' connections with the next test's.
  await Promise.all(browser.contexts().map((context) => context.close()));
});

/** A page of a person of their own: another browser profile, another key. */
async function person(browser: Browser, replica: number, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await openPage(page, demo.url(replica));
  await register(page, name);
  return page;
}

const texts = (page: Page) => page.locator('.message[data-index] .text').allTextContents();

test('a message is agreed, checked in the browser, and its saved receipt holds for the command line', async ({ browser }) => {
  const page = await person(browser, 0, 'ada');
  await createRoom(page, 'lobby');
  await post(page, 'good morning');
  const line = page.locator('.message', { hasText: 'good morning' });
  await expect(line.locator('[data-check=checked]')).toBeVisible();
  await line.getByRole('button', { name: 'checked' }).click();
  await expect(page.getByRole('dialog')).toContainText('ada, as at least 2 replicas say');
  await expect(page.getByTestId('committers')).toHaveText(/^replica \d, replica \d, replica \d$/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the receipt' }).click()]);
  const file = await download.path();
  await demo.run('receipt', 'verify', file, '--committee', `${demo.home}/committee.toml`);
});

test('pages of different replicas show the same messages in the same order, each one checked', async ({ browser }) => {
  const grace = await person(browser, 1, 'grace');
  const alan = await person(browser, 3, 'alan');
  await createRoom(grace, 'order');
  await openRoom(alan, 'order');
  for (let round = 0; round < 5; round += 1) {
    await Promise.all([write(grace, `grace ${round}`), write(alan, `alan ${round}`)]);
  }
  for (const page of [grace, alan]) {
    await expect(page.locator('.message[data-index]')).toHaveCount(10);
    await expect(page.locator('[data-check=checked]')).toHaveCount(10);
  }
  expect(await texts(grace)).toEqual(await texts(alan));
  await grace.reload();
  await expect(grace.locator('[data-check=checked]')).toHaveCount(10);
  expect(await texts(grace)).toEqual(await texts(alan));
  await expect(grace.getByTestId('own-name')).toHaveText('grace');
});

test('beside the chat stand the four replicas with view, leader and lag, and who can read the chat', async ({ browser }) => {
  const page = await person(browser, 0, 'watcher');
  await createRoom(page, 'tower');
  await expect(page.locator('.banners')).toContainText('Every replica can read what is written here, in invite-only rooms too.');
  const leader = (await demo.replicas()).find((replica) => replica.leader);
  const follower = (await demo.replicas()).find((replica) => !replica.leader && replica.id !== 0);
  expect(leader?.pid ?? 0).toBeGreaterThan(1);
  expect(follower?.pid ?? 0).toBeGreaterThan(1);
  const facts = (id: number | undefined) => page.locator(`[data-replica="${id}"] .facts`);
  await expect(page.locator('[data-replica]')).toHaveCount(4);
  await expect(page.locator('.tag', { hasText: 'leader' })).toHaveCount(1);
  await expect(page.locator(`[data-replica="${leader?.id}"]`)).toContainText('★ leader');
  for (const id of [0, 1, 2, 3]) {
    await expect(facts(id)).toContainText(/Reachable ● yes\s*View \d+\s*Lag none/);
  }
  // One that hangs falls behind, and is level again once it goes on.
  process.kill(follower?.pid ?? Number.NaN, 'SIGSTOP');
  try {
    for (const text of ['one', 'two', 'three']) {
      await post(page, text);
    }
    await expect(facts(follower?.id)).toContainText(/Lag [1-9]\d* blocks?/);
  } finally {
    process.kill(follower?.pid ?? Number.NaN, 'SIGCONT');
  }
  await post(page, 'four');
  await expect(facts(follower?.id)).toContainText(/Reachable ● yes[^]*Lag none/);
});

// Faults: M07
test('any text is shown as text', async ({ browser }) => {
  const page = await person(browser, 0, '<b>bold</b>');
  await createRoom(page, '<img src=x onerror=alert(1)>');
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror="alert(1)"><svg onload=alert(1)>',
    '</p><style>*{display:none}</style><a href="javascript:alert(1)">x</a>',
    '{{constructor.constructor("alert(1)")()}} ${alert(1)} &lt;b&gt; \u202eright to left',
  ];
  for (const text of hostile) {
    await post(page, text);
  }
  await expect(page.locator('.message[data-index] .text')).toHaveText(hostile);
  await expect(page.locator('[data-check=checked]')).toHaveCount(hostile.length);
  expect(await page.locator('main img, main script, main style, main a, main svg').count()).toBe(0);
});

test('a refusal shows its reason, and an invitation by name lifts it', async ({ browser }) => {
  const owner = await person(browser, 0, 'owner');
  const guest = await person(browser, 2, 'guest');
  await createRoom(owner, 'attic', 'invite-only');
  await post(owner, 'only us');
  await openRoom(guest, 'attic');
  await write(guest, 'let me in');
  const refused = guest.locator('[data-state=rejected]');
  await expect(refused).toContainText('ask its owner for an invitation');
  await expect(refused).toContainText('not-a-member');
  await guest.getByRole('button', { name: 'Dismiss' }).click();
  await expect(refused).toHaveCount(0);
  await owner.getByLabel('Name or key').fill('guest');
  await owner.getByRole('button', { name: 'Invite', exact: true }).click();
  await expect(owner.locator('.invite [data-state=agreed]')).toBeVisible();
  await write(guest, 'thank you');
  await expect(guest.locator('.message', { hasText: 'thank you' }).locator('[data-check=checked]')).toBeVisible();
  await expect(guest.locator('.message', { hasText: 'only us' })).toBeVisible();
});

test('a taken name is refused with its reason', async ({ browser }) => {
  await person(browser, 0, 'unique');
  const page = await (await browser.newContext()).newPage();
  await openPage(page, demo.url(1));
  await page.getByLabel('Pick a name').fill('unique');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-state=rejected]')).toContainText('belongs to another key');
});

test('a long history comes page by page', async ({ browser }) => {
  const page = await person(browser, 0, 'scribe');
  await createRoom(page, 'annals');
  const wanted = Array.from({ length: 60 }, (_, at) => `line ${at}`);
  for (const text of wanted) {
    await write(page, text);
  }
  await expect(page.locator('.message[data-index]')).toHaveCount(60, { timeout: 60_000 });
  expect(await texts(page)).toEqual(wanted);
  await page.reload();
  await expect(page.locator('.message[data-index]')).toHaveCount(50);
  await page.getByRole('button', { name: 'Earlier messages' }).click();
  await expect(page.locator('.message[data-index]')).toHaveCount(60);
  expect(await texts(page)).toEqual(wanted);
  await expect(page.getByRole('button', { name: 'Earlier messages' })).toHaveCount(0);
});

test('an idle page uses no processor time', async ({ browser }) => {
  const page = await person(browser, 0, 'idler');
  await createRoom(page, 'quiet');
  await post(page, 'silence, please');
  await page.waitForTimeout(3_000);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busySeconds = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((metric) => metric.name === 'TaskDuration')?.value ?? Number.NaN;
  };
  const before = await busySeconds();
  await page.waitForTimeout(4_000);
  expect((await busySeconds()) - before).toBeLessThan(0.1);
});

test('a replica told to lie is shown with the evidence against it, and the chat goes on', async ({ browser }) => {
  const page = await person(browser, 0, 'witness');
  await createRoom(page, 'court');
  const traitor = (await demo.replicas()).find((replica) => replica.leader)?.id ?? 2;
  await page.getByRole('radio', { name: String(traitor), exact: true }).check();
  await page.getByLabel('What it does').selectOption('equivocate');
  await expect(page.getByTestId('behaviour-about')).toContainText('two signatures stand below as evidence');
  await page.getByRole('button', { name: 'Tell it' }).click();
  await expect(page.locator(`[data-replica="${traitor}"]`).getByTestId('behaviour')).toHaveText('▲ equivocate');
  const evidence = page.locator(`[data-accused="${traitor}"][data-proof=proven]`).first();
  for (let round = 0; round < 40 && (await evidence.count()) === 0; round += 1) {
    await write(page, `testimony ${round}`);
    await page.waitForTimeout(300);
  }
  await expect(evidence).toContainText(new RegExp(`Replica ${traitor}: two .* view \\d+, slot \\d+`));
  await expect(page.locator('.unsettled')).toHaveCount(0, { timeout: 30_000 });
  expect(new Set(await texts(page)).size).toBe((await texts(page)).length);
  await page.getByLabel('What it does').selectOption('honest');
  await page.getByRole('button', { name: 'Tell it' }).click();
  await expect(page.locator(`[data-replica="${traitor}"]`).getByTestId('behaviour')).toHaveText('■ honest');
  await expect(page.locator(`[data-replica="${traitor}"]`)).toContainText('Follows only: its key may never vote again');
});

test('with the leader killed the chat goes on, on its own page too', async ({ browser }) => {
  const leader = (await demo.replicas()).find((replica) => replica.leader);
  expect(leader).toBeDefined();
  const [dead, alive] = [leader?.id ?? 0, ((leader?.id ?? 0) + 1) % 4];
  const orphan = await person(browser, dead, 'orphan');
  const friend = await person(browser, alive, 'friend');
  await createRoom(orphan, 'lifeboat');
  await post(orphan, 'before');
  await openRoom(friend, 'lifeboat');
  // 0 would mean this test's own processes.
  expect(leader?.pid ?? 0).toBeGreaterThan(1);
  process.kill(leader?.pid ?? Number.NaN, 'SIGKILL');
  await post(friend, 'it died');
  await expect(friend.locator('.message', { hasText: 'it died' }).locator('[data-check=checked]')).toBeVisible();
  // Its own replica is gone: it hears of this from another one.
  await expect(orphan.locator('.message', { hasText: 'it died' })).toBeVisible();
  await post(orphan, 'and I am still here');
  await expect(orphan.locator('.message', { hasText: 'still here' }).locator('[data-check=checked]')).toBeVisible();
  for (const page of [orphan, friend]) {
    await expect(page.locator('.message[data-index] .text')).toHaveText(['before', 'it died', 'and I am still here']);
  }
});
