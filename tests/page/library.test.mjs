// What administrators see: the library, one asset, the status.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { BASE, CLOUD, admin, api, asset, close, context, end, member, open, screens, signedIn, upload } from './browser.mjs';
import { landscape, plain, quarters } from './pictures.mjs';

before(open);
after(close);

const count = (page, text) => page.getByRole('status').getByText(text, { exact: true }).waitFor();

test('the library is searched, filtered and paged', async () => {
  const made = await context();
  await Promise.all(Array.from({ length: 30 }, (_, i) => asset(plain(20 + i, 20, [i * 8, 120, 160]), { folder: 'swatches', public_id: `swatch-${i}`, tags: i % 2 ? 'odd' : 'even' })));
  await asset(landscape(600, 400), { folder: 'garden', public_id: 'hill', tags: 'sky,hill', context: 'caption=A hill' });
  await asset(quarters(300, 200), { folder: 'garden', public_id: 'flag', tags: 'hill' });
  await asset(Buffer.from('some notes'), { filename: 'notes.txt', public_id: 'notes.txt' });
  const page = await signedIn(made, await admin());
  const tiles = page.locator('.tile');
  await tiles.nth(23).waitFor();
  await page.getByRole('button', { name: 'Show more' }).click();
  await tiles.nth(30).waitFor();
  await page.getByLabel('Folder').selectOption('garden');
  await count(page, '2 assets');
  await page.waitForFunction(() => [...document.querySelectorAll('.thumb img')].every((img) => img.complete && img.naturalWidth));
  await screens(page, 'library');
  await page.getByLabel('Tag').selectOption('sky');
  await count(page, '1 asset');
  await page.getByLabel('Folder').selectOption('');
  await page.getByLabel('Tag').selectOption('odd');
  await count(page, '15 assets');
  await page.getByLabel('Tag').selectOption('');
  await page.getByLabel('Type').selectOption('raw');
  await page.getByText('notes.txt').waitFor();
  await page.getByLabel('Type').selectOption('');
  await page.getByLabel('Search').fill('swatch-2');
  await count(page, '11 assets');
  await page.getByLabel('Search').fill('(nothing) AND "that:is* here\\');
  await count(page, 'Nothing is found. Try fewer words or filters.');
  await end(made);
});

test('one asset is looked at, played with and deleted', async () => {
  const made = await context({ permissions: ['clipboard-read', 'clipboard-write'] });
  await asset(quarters(300, 200), { folder: 'play', public_id: 'ground', tags: 'one,two', context: 'caption=Four colours' });
  const page = await signedIn(made, await admin(), '#/library');
  await page.getByLabel('Search').fill('play');
  await page.getByRole('link', { name: 'play/ground' }).click();
  for (const fact of ['300 × 200', 'one, two', 'Four colours', 'play']) await page.locator('dd').getByText(fact, { exact: true }).waitFor();
  await page.getByText(/300\s×\s300 pixels, AVIF, .* in \d+ ms/).waitFor();
  await screens(page, 'asset');
  await page.getByLabel('Width').fill('120');
  await page.getByLabel('Shape').selectOption('r_max');
  await page.getByText(/120\s×\s300 pixels/).waitFor();
  const text = page.getByLabel('Transformation');
  assert.equal(await text.inputValue(), 'c_thumb,g_face,h_300,w_120/r_max/f_auto,q_auto');
  await text.fill('c_scale,w_50/f_png');
  await page.getByText(/50\s×\s33 pixels, PNG/).waitFor();
  await page.getByRole('button', { name: 'Copy the URL' }).click();
  const url = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(url, new RegExp(`^${BASE}/${CLOUD}/image/upload/c_scale,w_50/f_png/v\\d+/play/ground$`));
  await text.fill('c_nothing,w_50');
  await page.getByRole('alert').getByText(/nothing/).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('play/ground and everything made of it will be gone.').waitFor();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Library' }).waitFor();
  const gone = await api('GET', `/v1_1/${CLOUD}/resources/image/upload/play/ground`, { basic: true });
  assert.equal(gone.status, 404);
  await end(made);
});

test('what only signed addresses deliver is not offered, and a search takes the place of what was there', async () => {
  const made = await context();
  await Promise.all(Array.from({ length: 25 }, (_, i) => asset(plain(20, 20, [i, 9, 9]), { public_id: `row-${i}` })));
  await asset(quarters(60, 60), { public_id: 'secret', type: 'private' });
  const page = await signedIn(made, await admin(), '#/library/image/private/secret');
  await page.getByRole('heading', { name: 'Facts' }).waitFor();
  await page.getByText('Only signed addresses deliver it.').waitFor();
  assert.equal(await page.getByText('Open the original').count(), 0);
  assert.equal(await page.getByRole('heading', { name: 'Playground' }).count(), 0);
  await page.getByRole('link', { name: '← Library' }).click();
  const more = page.getByRole('button', { name: 'Show more' });
  await more.waitFor();
  let answer = null;
  const asked = new Promise((resolve) => {
    page.route('**/resources/search', (route) => {
      answer = () => route.continue();
      resolve();
    }, { times: 1 });
  });
  await page.getByLabel('Search').fill('secret');
  await asked;
  assert.equal(await more.isVisible(), false);
  await answer();
  await count(page, '1 asset');
  await end(made);
});

test('a picture that a user has is not deleted from the library', async () => {
  const made = await context();
  const who = await member();
  const url = await upload(who, plain(30, 30, [9, 90, 200]));
  const id = new URL(url).pathname.split('/').slice(-2).join('/');
  const page = await signedIn(made, await admin(), `#/library/image/upload/${encodeURIComponent(id)}`);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('alert').getByText('This is the profile picture of a user').waitFor();
  assert.equal((await api('GET', new URL(url).pathname)).status, 200);
  await end(made);
});

test('the status says how storage, cache and reaper stand, and is for administrators alone', async () => {
  const made = await context();
  const page = await signedIn(made, await admin(), '#/status');
  await page.getByText(/just now: |min ago: /).waitFor();
  await screens(page, 'status');
  for (const title of ['Server', 'Storage', 'Cache', 'Reaper', 'Scrub', 'Backup']) await page.getByRole('heading', { name: title, exact: true }).waitFor();
  await end(made);
  const other = await context();
  const members = await signedIn(other, await member(), '#/status');
  await members.getByRole('heading', { name: 'Profile picture' }).waitFor();
  assert.equal(await members.getByRole('link', { name: 'Status' }).count(), 0);
  await end(other);
});
