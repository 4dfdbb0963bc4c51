// What the page says is true, also when answers are late or lost, or belong to somebody who has gone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { BASE, PASSWORD, api, close, context, end, held, member, open, said, signedIn, upload } from './browser.mjs';
import { fineJpeg, shows } from './files.mjs';
import { noise, plain } from './pictures.mjs';

const RED = [220, 20, 20];
const GREEN = [20, 180, 20];
const BLUE = [20, 20, 220];

before(open);
after(close);

const PICTURE = '/api/users/profile-image';
const header = (page) => page.locator('.who img');
const refused = (page, text) => page.getByRole('alert').getByText(text).waitFor();
const choose = (page, buffer, name = 'a.png') => page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
const use = (page) => page.getByRole('button', { name: 'Use this picture' }).click();
const kept = (page) => page.evaluate(() => ({ token: localStorage.getItem('token'), user: JSON.parse(localStorage.getItem('userData')) }));
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
/** Two frames, after which what was to happen has. */
const settled = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function signIn(page, who) {
  await page.getByLabel('Email').fill(who.email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('.who').getByText(who.name, { exact: true }).waitFor();
}

test('what is sent cannot be cancelled any more, and a lost answer is looked for', async () => {
  const made = await context();
  const who = await member();
  await upload(who, plain(40, 40, GREEN));
  const page = await signedIn(made, who);
  await shows(header(page), GREEN);
  await choose(page, plain(50, 50, RED));
  await page.getByLabel('Crop frame').waitFor();
  // Whoever waits at the button is not lost when it goes.
  await page.evaluate(() => {
    const bar = document.querySelector('.progress');
    new MutationObserver(() => bar.querySelector('button').focus()).observe(bar, { attributes: true });
  });
  const answer = await held(made, page, 'POST', PICTURE);
  await use(page);
  await answer.given;
  await page.getByText('Checking and storing …').waitFor();
  assert.equal(await page.locator('.progress button').isVisible(), false);
  assert.equal(await focused(page), 'main');
  await answer.lose();
  await said(page, 'The answer did not arrive, but your picture has changed.');
  await shows(header(page), RED);
  assert.equal(await page.getByRole('alert').count(), 0);
  // The next one has a button again; and what never arrived is not claimed to be either way.
  await page.route(`**${PICTURE}`, (route) => (route.request().method() === 'POST' ? route.abort('connectionreset') : route.continue()));
  await choose(page, plain(50, 50, BLUE));
  await use(page);
  await refused(page, 'The answer did not arrive. Look whether it is done before you try again.');
  await upload(who, plain(40, 40, GREEN));
  await page.getByRole('button', { name: 'Look again' }).click();
  await said(page, 'The answer did not arrive, but your picture has changed.');
  await shows(header(page), GREEN);
  await end(made);
});

test('a post whose answer is lost is found', async () => {
  const made = await context();
  const page = await signedIn(made, await member(), '#/feed');
  const text = `Lost ${process.pid}`;
  await page.getByLabel('What is on your mind?').fill(text);
  const answer = await held(made, page, 'POST', '/api/posts');
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await answer.given;
  await answer.lose();
  await said(page, 'The answer did not arrive, but your post is there.');
  assert.equal(await page.getByRole('article').filter({ hasText: text }).count(), 1);
  assert.equal(await page.getByLabel('What is on your mind?').inputValue(), '');
  await page.route('**/api/posts', (route) => route.abort('connectionreset'));
  await page.getByLabel('What is on your mind?').fill('Never arrived');
  await page.getByRole('button', { name: 'Post', exact: true }).click();
  await refused(page, 'The answer did not arrive.');
  assert.equal(await page.getByLabel('What is on your mind?').inputValue(), 'Never arrived');
  await page.getByRole('article').filter({ hasText: text }).getByRole('button', { name: 'Delete this post' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await said(page, 'The post is deleted.');
  assert.equal(await focused(page), 'main');
  await end(made);
});

test('what an earlier session sent changes nothing for the next one', async () => {
  const made = await context();
  const [asha, ben] = [await member('Asha Rao'), await member('Ben Okafor')];
  const page = await signedIn(made, asha);
  await page.getByText('You have no picture yet').waitFor();
  await choose(page, plain(50, 50, RED));
  const answer = await held(made, page, 'POST', PICTURE);
  await use(page);
  await answer.given;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, ben);
  await page.getByText('You have no picture yet').waitFor();
  assert.equal(await focused(page), 'main');
  await page.evaluate(() => {
    window.written = [];
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function set(name, value) {
      window.written.push(value);
      setItem.call(this, name, value);
    };
  });
  const finished = page.waitForEvent('requestfinished', (request) => request.method() === 'POST' && request.url().endsWith(PICTURE));
  await answer.pass();
  await finished;
  await settled(page);
  const { user } = await kept(page);
  assert.deepEqual([user.id, user.profileImage], [ben.user.id, undefined]);
  assert.deepEqual(await page.evaluate(() => window.written), []);
  assert.equal(await page.getByText('Your new picture is in place.').count(), 0);
  // A refusal of the one who went does not end the session of the one who came.
  let refuse = null;
  const asked = new Promise((resolve) => {
    page.route('**/api/posts?*', (route) => {
      refuse = () => route.fulfill({ status: 401, json: { message: 'Token is not valid' } });
      resolve();
    }, { times: 1 });
  });
  await page.getByRole('link', { name: 'Feed' }).click();
  await asked;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, asha);
  const told = page.waitForEvent('requestfinished', (request) => request.url().includes('/api/posts?'));
  await refuse();
  await told;
  await settled(page);
  assert.equal((await kept(page)).user?.id, asha.user.id);
  // An upload that is still being sent ends with its session. It would take a minute and a half.
  await page.getByRole('link', { name: 'Profile picture' }).click();
  const looked = page.waitForResponse('**/profile-image/faces');
  await choose(page, noise(700, 700));
  const client = await made.newCDPSession(page);
  await client.send('Network.enable');
  await looked;
  await client.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 16 * 1024 });
  const failed = page.waitForEvent('requestfailed', (request) => request.method() === 'POST' && request.url().endsWith(PICTURE));
  await use(page);
  await page.locator('.progress').getByRole('button', { name: 'Cancel' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await failed;
  await end(made);
});

test('a token that runs out while the page is open ends the session, and a wrong clock is said', async () => {
  const made = await context();
  const who = await member();
  await upload(who, plain(40, 40, GREEN));
  const page = await signedIn(made, who);
  await shows(header(page), GREEN);
  await page.clock.setFixedTime(Date.now() + 1000 * 86400000);
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await refused(page, 'Your session has ended. Please sign in again.');
  await page.getByLabel('Email').fill(who.email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await refused(page, 'The clock of this device is wrong. Set it and sign in again.');
  assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), {});
  await page.clock.setFixedTime(Date.now());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Remove' }).waitFor();
  await end(made);
});

test('a crop is applied to the picture on which it was chosen, and to no other', async () => {
  const made = await context();
  const who = await member();
  await upload(who, plain(60, 60, RED));
  const page = await signedIn(made, who);
  await page.getByRole('button', { name: 'Crop again' }).click();
  await page.getByLabel('Crop frame').press('+');
  await upload(who, plain(80, 80, BLUE));
  await page.getByRole('button', { name: 'Save' }).click();
  await refused(page, 'The picture was changed meanwhile. Look at it and try again.');
  const { body } = await api('GET', PICTURE, { token: who.token });
  assert.equal(body.crop, undefined);
  await shows(header(page), BLUE);
  await shows(page.locator('.current img'), BLUE);
  assert.equal(await page.getByLabel('Crop frame').count(), 0);
  // In another tab of this browser the picture is changed: this one does not wait for a click.
  await page.getByRole('button', { name: 'Crop again' }).click();
  await page.getByLabel('Crop frame').waitFor();
  const other = await made.newPage();
  await other.goto(`${BASE}/#/picture`);
  await other.getByRole('button', { name: 'Remove' }).click();
  await other.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('You have no picture yet').waitFor();
  assert.equal(await page.getByLabel('Crop frame').count(), 0);
  await end(made);
});

test('a view or a picture that does not arrive is asked for again', async () => {
  const made = await context();
  await made.route('**/ui/picture.js', (route) => route.abort('connectionreset'), { times: 1 });
  const page = await signedIn(made, await member());
  await refused(page, 'The page could not be loaded.');
  await made.route(`**${PICTURE}`, (route) => route.abort('connectionreset'), { times: 1 });
  await page.getByRole('button', { name: 'Try again' }).click();
  await refused(page, 'The server cannot be reached. Please try again.');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('You have no picture yet').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  await end(made);
});

test('a photo that tells a resolution is cropped where the frame is', async () => {
  const made = await context();
  const who = await member();
  const page = await signedIn(made, who);
  await page.getByText('You have no picture yet').waitFor();
  const photo = await fineJpeg(page, 400, 300);
  const looks = page.waitForResponse('**/profile-image/faces');
  await page.route('**/profile-image/faces', (route) => route.fulfill({ json: { width: 200, height: 150, faces: [[150, 100, 20, 20]] } }));
  await choose(page, photo, 'fine.jpg');
  await looks;
  // The face is at the same part of the picture, in its true pixels.
  await page.getByText('Shows 72 × 72 of 400 × 300 pixels').waitFor();
  await use(page);
  await said(page, 'Your new picture is in place.');
  await shows(header(page), BLUE);
  const { body } = await api('GET', PICTURE, { token: who.token });
  assert.deepEqual([body.crop.x, body.crop.y], [284, 184]);
  await end(made);
});

test('of two files that are chosen close together the later one stays', async () => {
  const made = await context();
  const page = await signedIn(made, await member());
  await page.getByText('You have no picture yet').waitFor();
  await page.evaluate(() => {
    const { decode } = HTMLImageElement.prototype;
    HTMLImageElement.prototype.decode = async function late() {
      HTMLImageElement.prototype.decode = decode;
      await decode.call(this);
      await new Promise((resolve) => {
        window.goOn = resolve;
      });
    };
  });
  await choose(page, plain(90, 90, RED), 'slow.png');
  await page.waitForFunction(() => window.goOn);
  await choose(page, plain(60, 60, BLUE), 'quick.png');
  await page.getByText('Shows 60 × 60 of 60 × 60 pixels').waitFor();
  await page.evaluate(() => window.goOn());
  await settled(page);
  await page.getByText('Shows 60 × 60 of 60 × 60 pixels').waitFor();
  await use(page);
  await shows(header(page), BLUE);
  await end(made);
});

test('file choosers offer what is taken, and a picture that cannot be shown leaves no empty circle', async () => {
  const made = await context();
  const who = await member();
  const page = await signedIn(made, { ...who, user: { ...who.user, profileImage: '/api/nothing' } });
  const isExact = (text) => text.split(',').every((kind) => /^(image|video)\/[a-z0-9.-]+$/.test(kind)) && text.includes('image/jpeg');
  assert.ok(isExact(await page.locator('#file').getAttribute('accept')));
  await made.route('**/api/users/*/profile-image?size=*', (route) => route.fulfill({ status: 404 }));
  await made.route('**/api/users/profile', (route) => route.fulfill({ json: { _id: who.user.id, name: who.name, profileImage: '/api/nothing' } }));
  await made.route(`**${PICTURE}`, (route) => route.fulfill({ json: { maxBytes: 1000, profileImage: '/api/nothing' } }));
  await page.reload();
  await page.waitForFunction(() => ['.who img', '.current img'].every((one) => document.querySelector(one)?.getAttribute('src') === '/ui/icon.svg'));
  await page.getByRole('link', { name: 'Feed' }).click();
  assert.ok(isExact(await page.locator('#media').getAttribute('accept')));
  await end(made);
});
