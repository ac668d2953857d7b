/** What the browser tests do on the page. */

import { expect, type Page } from '@playwright/test';

/** What the browser complained of since the last look. */
let problems: string[] = [];

/** Opens the page and notes every breach of its content security policy and every script error. */
export async function openPage(page: Page, url: string): Promise<void> {
  page.on('console', (message) => {
    if (/Content.Security.Policy|Trusted ?Type/i.test(message.text())) {
      problems.push(message.text());
    }
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('dialog', (dialog) => {
    problems.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  await expect(page.getByRole('heading', { name: 'Outvote' })).toBeVisible();
}

export function expectNoProblems(): void {
  const found = problems;
  problems = [];
  expect(found).toEqual([]);
}

export async function register(page: Page, name: string): Promise<void> {
  await page.getByLabel('Pick a name').fill(name);
  await page.getByRole('button', { name: 'Take it' }).click();
  await expect(page.getByTestId('own-name')).toHaveText(name);
}

export async function createRoom(page: Page, room: string, access: 'public' | 'invite-only' = 'public'): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(room);
  await page.getByRole('radio', { name: access === 'public' ? 'everybody with a name' : 'those I invite' }).check();
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByTestId('room-name')).toHaveText(room);
}

export async function openRoom(page: Page, room: string): Promise<void> {
  await page.getByLabel('Open a room by its name').fill(room);
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await expect(page.getByTestId('room-name')).toHaveText(room);
}

export async function write(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Write to' }).fill(text);
  await page.keyboard.press('Enter');
}

/** Writes and waits until the message stands at its agreed place. */
export async function post(page: Page, text: string): Promise<void> {
  const before = await page.locator('.message[data-index]').count();
  await write(page, text);
  await expect(page.locator('.message[data-index]')).toHaveCount(before + 1);
  await expect(page.locator('.unsettled')).toHaveCount(0);
}
