// The feed: posts come, are liked and spoken to, and go.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { CLOCK, PASSWORD, api, close, context, end, eventually, member, open, said, screens, sign, signedIn, upload } from './browser.mjs';
import { landscape, quarters } from './pictures.mjs';

before(open);
after(close);
after(() => writeFile(CLOCK, '0'));

const [HOUR_S, MINUTE_S] = [3600, 60];
const post = (page, text) => page.getByRole('article').filter({ hasText: text });

/** A short video that the browser itself records. */
const video = (page) => page.evaluate(async () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 48];
  const pen = canvas.getContext('2d');
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm' });
  const pieces = [];
  recorder.ondataavailable = (event) => pieces.push(event.data);
  const ended = new Promise((done) => {
    recorder.onstop = done;
  });
  // In small pieces, until there is one: nobody knows when the first frame is encoded.
  recorder.start(100);
  const deadline = Date.now() + 60000;
  for (let i = 0; i < 12 || (!pieces.some((piece) => piece.size) && Date.now() < deadline); i += 1) {
    pen.fillStyle = `hsl(${i * 30} 70% 50%)`;
    pen.fillRect(0, 0, 64, 48);
    await new Promise((done) => requestAnimationFrame(done));
  }
  recorder.stop();
  await ended;
  const moved = new DataTransfer();
  moved.items.add(new File(pieces, 'film.webm', { type: 'video/webm' }));
  document.getElementById('media').files = moved.files;
  document.getElementById('media').dispatchEvent(new Event('change'));
});

test('posts with pictures and videos are written, liked, spoken to and deleted', async () => {
  const made = await context();
  const [asha, ben] = [await member('Asha Rao'), await member('Ben Okafor')];
  await upload(asha, landscape(300, 300));
  const page = await signedIn(made, asha, '#/feed');
  await page.getByText('Nothing is here yet.').waitFor();
  await screens(page, 'feed-empty');
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await page.getByRole('alert').getByText('Write something, or add a picture or a video.').waitFor();
  await page.getByLabel('What is on your mind?').fill('The hill behind the river.\nFirst light.');
  await page.locator('#media').setInputFiles({ name: 'hill.png', mimeType: 'image/png', buffer: landscape(800, 500) });
  await page.getByAltText('The picture of your post').waitFor();
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  const first = post(page, 'First light.');
  await first.getByAltText('The picture of this post').waitFor();
  // After a minute it is an hour less.
  await first.getByText(/goes in 1\sd 1[12]\sh/).waitFor();
  // Somebody else sees it, likes it and says so.
  const others = await context();
  const theirs = await signedIn(others, ben, '#/feed');
  const seen = post(theirs, 'First light.');
  await seen.getByRole('button', { name: 'Like' }).click();
  await seen.getByRole('button', { name: '1 like', pressed: true }).waitFor();
  await seen.getByLabel('Your comment').fill('I know that place.');
  await theirs.keyboard.press('Enter');
  await seen.getByText('I know that place.').waitFor();
  assert.equal(await seen.getByRole('button', { name: 'Delete this post' }).count(), 0);
  await end(others);
  await video(page);
  await page.getByLabel('What is on your mind?').fill('It moves.');
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await post(page, 'It moves.').locator('video').waitFor();
  await page.waitForFunction(() => document.querySelector('article video').readyState >= 1);
  await page.reload();
  await first.getByText('I know that place.').waitFor();
  await first.getByAltText('The picture of this post').scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelector('article img.media').naturalWidth > 0);
  await screens(page, 'feed');
  await first.getByRole('button', { name: '1 like' }).click();
  await first.getByRole('button', { name: '2 likes', pressed: true }).click();
  await first.getByRole('button', { name: '1 like', pressed: false }).waitFor();
  await first.getByRole('button', { name: 'Delete this comment' }).click();
  await first.getByText('I know that place.').waitFor({ state: 'detached' });
  await post(page, 'It moves.').getByRole('button', { name: 'Delete this post' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await post(page, 'It moves.').waitFor({ state: 'detached' });
  await page.reload();
  await first.waitFor();
  assert.equal(await page.getByRole('article').count(), 1);
  await page.locator('#media').setInputFiles({ name: 'page.png', mimeType: 'image/png', buffer: Buffer.from('<html>') });
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await page.getByRole('alert').getByText(/not supported|not a/).waitFor();
  await end(made);
});

test('what went while it was looked at is said, and only that goes', async () => {
  const made = await context();
  const who = await member();
  const { body: one } = await api('POST', '/api/posts', { token: who.token, json: { content: 'Stays a while.' } });
  const comments = [];
  for (const text of ['first', 'second']) comments.push((await api('POST', `/api/posts/${one._id}/comment`, { token: who.token, json: { text } })).body);
  const page = await signedIn(made, who, '#/feed');
  const seen = post(page, 'Stays a while.');
  const items = seen.locator('.comments li');
  await items.nth(1).waitFor();
  // Another tab has been faster.
  await api('DELETE', `/api/posts/${one._id}/comment/${comments[0]._id}`, { token: who.token });
  await items.first().getByRole('button', { name: 'Delete this comment' }).click();
  await said(page, 'Comment not found');
  await items.getByText('first').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await items.getByText('second').waitFor();
  // Two Enters are one comment.
  await seen.getByLabel('Your comment').fill('third');
  await page.evaluate(() => {
    const { form } = document.querySelector('article input');
    form.requestSubmit();
    form.requestSubmit();
  });
  await items.getByText('third').first().waitFor();
  await page.waitForLoadState('networkidle');
  const { body: list } = await api('GET', '/api/posts', { token: who.token });
  assert.deepEqual(list.posts.find((found) => found._id === one._id).comments.map((comment) => comment.text), ['second', 'third']);
  await api('DELETE', `/api/posts/${one._id}`, { token: who.token });
  await seen.getByRole('button', { name: 'Like' }).click();
  await said(page, 'Post not found');
  await seen.waitFor({ state: 'detached' });
  await end(made);
});

test('a video that is too large is not sent', async () => {
  const made = await context();
  const page = await signedIn(made, await member(), '#/feed');
  // The limit comes with the posts.
  await page.locator('[aria-busy]').waitFor({ state: 'detached' });
  const sent = [];
  page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
  const film = (length) => page.evaluate((bytes) => {
    const moved = new DataTransfer();
    moved.items.add(new File([new Uint8Array(bytes)], 'film.mp4', { type: 'video/mp4' }));
    document.getElementById('media').files = moved.files;
    document.getElementById('media').dispatchEvent(new Event('change'));
  }, length);
  await film(10 * 1024 * 1024 + 1);
  await page.getByRole('alert').getByText('“film.mp4” has 10 MB; at most 10 MB are taken.').waitFor();
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await page.getByRole('alert').getByText('Write something, or add a picture or a video.').waitFor();
  assert.deepEqual(sent, []);
  await film(10 * 1024 * 1024);
  await page.getByText('film.mp4').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  await end(made);
});

test('a post is there until its time is over, and then it is gone with its picture', async () => {
  const made = await context();
  const who = await member();
  const form = new FormData();
  form.append('content', 'For a while.');
  form.append('media', new Blob([quarters(60, 60)]), 'a.png');
  const created = await api('POST', '/api/posts', { token: who.token, form });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const picture = new URL(created.body.media).pathname;
  // Tokens live shorter than posts.
  const again = async () => (await api('POST', '/api/auth/login', { json: { email: who.email, password: PASSWORD } })).body;
  // Ten minutes before its end; the clocks go on while the page is opened.
  await writeFile(CLOCK, String(36 * HOUR_S - 10 * MINUTE_S));
  const now = await again();
  const page = await made.newPage();
  await page.clock.install({ time: new Date(created.body.expiresAt).getTime() - 10 * MINUTE_S * 1000 });
  await sign(page, now, '#/feed');
  await post(page, 'For a while.').getByText(/goes in (9|10)\smin/).waitFor();
  assert.equal((await api('GET', picture)).status, 200);
  // It goes from a page that is open, without a word from the server.
  await page.clock.fastForward(11 * MINUTE_S * 1000);
  await page.getByText('Nothing is here yet.').waitFor();
  await writeFile(CLOCK, String(36 * HOUR_S + MINUTE_S));
  await page.reload();
  await page.getByText('Nothing is here yet.').waitFor();
  // One pass of the reaper, which runs every second here.
  let status = 200;
  const isOver = async () => {
    ({ status } = await api('GET', picture));
    return status !== 200;
  };
  await eventually(isOver, () => 'the picture is still there');
  assert.equal(status, 404);
  await end(made);
});

test('a file that is dropped beside its place does not take the place of the page', async () => {
  const made = await context();
  const page = await signedIn(made, await member(), '#/feed');
  await page.getByRole('heading', { name: 'Feed' }).waitFor();
  const isLeft = await page.evaluate(() => document.querySelector('h1').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true })));
  assert.equal(isLeft, false);
  await end(made);
});
