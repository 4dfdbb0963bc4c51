// Names, file names, captions, comments, tags and public ids are text in every view, whatever is in them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { CLOUD, admin, api, asset, close, context, end, member, open, signedIn } from './browser.mjs';
import { plain } from './pictures.mjs';

before(open);
after(close);

const PAYLOADS = [
  '<script>document.title="owned"</script>',
  '"><img src=x onerror=document.title="owned">',
  "'><svg/onload=document.title='owned'>",
  '</textarea></title></style><iframe srcdoc="<script>parent.document.title=`owned`</script>">',
  'javascript:document.title="owned"',
  '{{constructor.constructor(`document.title="owned"`)()}}${7*7}',
  '<a href="javascript:document.title=1" autofocus onfocus=document.title="owned">x</a>',
  '\u202e<b onclick=alert(1)>\u0000&lt;script&gt;alert(1)&lt;/script&gt;',
];
const ALL = PAYLOADS.join(' ');
const shown = (text) => text.replace(/\u0000/g, '');

/** Nothing of it has become an element, and nothing has run. */
async function inert(page, view) {
  const found = await page.evaluate(() => ({
    title: document.title,
    elements: [...document.querySelectorAll('main *, header *')].filter((one) => ['SCRIPT', 'IFRAME', 'SVG', 'B', 'OBJECT', 'EMBED'].includes(one.tagName.toUpperCase())).length,
    handlers: [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).filter((one) => one.name.startsWith('on')).length,
    links: [...document.querySelectorAll('[href], [src]')].map((one) => one.href || one.src).filter((url) => !/^(https?|blob):/.test(url)),
  }));
  assert.ok(found.title.endsWith('visage'), `${view}: ${found.title}`);
  assert.deepEqual([found.elements, found.handlers, found.links], [0, 0, []], view);
}

async function look(page, view, text) {
  await page.getByText(text, { exact: false }).first().waitFor();
  await inert(page, view);
}

test('a hostile name and file name are text in the header and on the picture', async () => {
  const made = await context();
  const who = await member(shown(ALL).slice(0, 200));
  const page = await signedIn(made, who);
  await page.getByText('You have no picture yet').waitFor();
  await look(page, 'header', PAYLOADS[0]);
  for (const name of PAYLOADS) {
    await page.locator('#file').setInputFiles({ name: name.replaceAll('/', '_').replaceAll('\u0000', ''), mimeType: 'text/plain', buffer: Buffer.from('x') });
    await page.getByRole('alert').getByText('is not a picture').waitFor();
    await inert(page, 'file name');
  }
  await page.evaluate((name) => {
    localStorage.setItem('userData', JSON.stringify({ ...JSON.parse(localStorage.getItem('userData')), name, profileImage: `javascript:${name}` }));
  }, PAYLOADS[1]);
  await page.reload();
  await page.getByText('You have no picture yet').waitFor();
  await inert(page, 'kept data');
  await end(made);
});

test('hostile posts and comments are text in the feed', async () => {
  const made = await context();
  const who = await member(PAYLOADS[1]);
  const created = await api('POST', '/api/posts', { token: who.token, json: { content: shown(ALL) } });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  for (const text of PAYLOADS) {
    const commented = await api('POST', `/api/posts/${created.body._id}/comment`, { token: who.token, json: { text: shown(text) } });
    assert.equal(commented.status, 201);
  }
  const page = await signedIn(made, who, '#/feed');
  await look(page, 'feed', PAYLOADS[3]);
  await page.getByLabel('Your comment').fill(PAYLOADS[2]);
  await page.keyboard.press('Enter');
  await page.locator('.comments li').nth(PAYLOADS.length).waitFor();
  await inert(page, 'feed');
  await end(made);
});

test('hostile tags, captions, folders and public ids are text in the library', async () => {
  const made = await context();
  for (const [i, text] of PAYLOADS.entries()) {
    const clean = shown(text).replace(/[|=,]/g, ' ');
    const fields = { public_id: `hostile-${i}`, tags: clean, context: `caption=${clean}`, filename: 'a.png' };
    await asset(plain(10, 10, [200, 60, 10]), fields);
    // As much of it as a name may have.
    const form = new FormData();
    form.append('public_id', text.replace(/[?&#%<>+\\\u0000-\u001f]/g, ''));
    form.append('asset_folder', clean.replace(/[/\\]/g, ' '));
    form.append('display_name', clean.replace(/[/\\]/g, ' '));
    form.append('file', new Blob([plain(10, 10, [10, 60, 200])]), `${clean.replace(/["/]/g, '')}.png`);
    await api('POST', `/v1_1/${CLOUD}/image/upload`, { basic: true, form });
  }
  const page = await signedIn(made, await admin());
  await page.locator('.tile').nth(PAYLOADS.length).waitFor();
  await inert(page, 'library');
  await page.getByLabel('Tag').locator('option').nth(2).waitFor({ state: 'attached' });
  await inert(page, 'filters');
  const { body } = await api('POST', `/v1_1/${CLOUD}/resources/search`, { basic: true, json: { max_results: 50 } });
  const some = body.resources.filter((item) => /document|alert|hostile-[0-2]/.test(item.public_id)).slice(0, 8);
  assert.ok(some.length > 3);
  for (const item of some) {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, `#/library/image/upload/${encodeURIComponent(item.public_id)}`);
    await page.getByRole('heading', { name: 'Playground' }).waitFor();
    await page.getByRole('heading', { level: 1 }).getByText(item.public_id, { exact: true }).waitFor();
    await page.getByLabel('Transformation').fill(PAYLOADS[1]);
    await page.getByRole('alert').locator('p').first().waitFor();
    await inert(page, item.public_id);
  }
  await end(made);
});
