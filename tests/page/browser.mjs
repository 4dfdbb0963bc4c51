// The browser, and pages of it that remember everything they must not do.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

import { chromium } from 'playwright-core';

export const { BASE, CLOCK, SCREENS, ADMIN_EMAIL, ADMIN_PASSWORD, KEY, SECRET, CLOUD } = process.env;
export const PASSWORD = 'correct horse';
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** How long something may take before it counts as missing, on a machine that is busy with something else. */
const PATIENCE_MS = 60000;
const LONG_MS = 2 * PATIENCE_MS;

let browser = null;

export async function open() {
  browser = await chromium.launch({
    timeout: LONG_MS,
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

export const close = () => browser?.close();

/** A context of its own: nobody is signed in. Its pages are watched. */
export async function context(options = {}) {
  const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  made.setDefaultTimeout(LONG_MS);
  made.troubles = [];
  made.isOffline = false;
  // What the browser itself says of a refused answer is expected: refusals are part of the tests.
  const isOfNetwork = (text) => /Failed to load resource/.test(text);
  await made.addInitScript((longMs) => {
    // What the page says goes after six seconds: a busy machine may look later.
    const { setTimeout: later } = window;
    window.setTimeout = (act, ms, ...rest) => later(act, ms > 5000 ? longMs : ms, ...rest);
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  }, LONG_MS);
  made.on('page', (page) => {
    page.on('console', (message) => {
      if (message.type() === 'error' && !isOfNetwork(message.text())) made.troubles.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => made.troubles.push(`error: ${error.stack}`));
    page.on('dialog', (dialog) => {
      made.troubles.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${BASE}/`) && !url.startsWith(`blob:${BASE}/`) && url !== 'about:blank') made.troubles.push(`left the server: ${url}`);
    });
    page.on('response', (response) => {
      const asked = response.url().startsWith(`${BASE}/ui/`);
      if (asked && response.status() >= 400) made.troubles.push(`missing: ${response.url()}`);
    });
  });
  return made;
}

/** Ends a context; it must have had no trouble. */
export async function end(made) {
  await made.close();
  assert.deepEqual(made.troubles, []);
}

/** What `probe` gives, as soon as that is something; `failure` tells what there is instead. */
export async function eventually(probe, failure) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < deadline, failure());
    await pause(50);
  }
}

/** Waits until the page says this, and takes it away, so that the same sentence counts once. */
export async function said(page, text) {
  const isSeen = await page.getByRole('status').getByText(text).evaluate((one) => {
    const seen = one.checkVisibility();
    one.remove();
    return seen;
  });
  assert.ok(isSeen, text);
}

/** axe-core finds nothing. It is evaluated by the debugger, past the page's policy. */
export async function accessible(page, what) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), TAGS);
  const found = violations.map((one) => `${one.id}: ${one.help} (${one.nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join('; ')})`);
  assert.deepEqual(found, [], what);
}

const WIDTHS = [360, 768, 1280];

/** Pictures of a view at three widths, light and dark. Axe-core looks at both, at a wide one and at a phone, where nothing is too wide. */
export async function screens(page, name) {
  await mkdir(SCREENS, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: `${SCREENS}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
  }
  await accessible(page, `${name}, dark`);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 320, height: 700 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px too wide for a phone`);
  await accessible(page, `${name}, light, on a phone`);
  await page.setViewportSize({ width: 1280, height: 900 });
}

/**
 * Holds the next answer to a call of `method` on `path`: `given` is when the server has carried it out, `pass` lets the answer
 * through, `lose` drops the connection instead.
 */
export async function held(made, page, method, path) {
  const client = await made.newCDPSession(page);
  let tell = null;
  const given = new Promise((resolve) => {
    tell = resolve;
  });
  client.on('Fetch.requestPaused', ({ requestId, request }) => {
    if (request.method === method) tell(requestId);
    // The page may be closed by then, and its requests with it.
    else client.send('Fetch.continueRequest', { requestId }).catch(() => {});
  });
  await client.send('Fetch.enable', { patterns: [{ urlPattern: `${BASE}${path}`, requestStage: 'Response' }] });
  const end = async (act, more) => {
    await client.send(act, { requestId: await given, ...more });
    await client.detach();
  };
  return { given, pass: () => end('Fetch.continueRequest'), lose: () => end('Fetch.failRequest', { errorReason: 'ConnectionReset' }) };
}

let members = 0;

/** Calls the API outside of the browser. */
export async function api(method, path, { token, json, form, basic } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (basic) headers.Authorization = `Basic ${Buffer.from(`${KEY}:${SECRET}`).toString('base64')}`;
  if (json) headers['Content-Type'] = 'application/json';
  const answer = await fetch(BASE + path, { method, headers, body: json ? JSON.stringify(json) : form });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
}

/** A member that nobody else has. */
export async function member(name = 'Asha Rao') {
  members += 1;
  const email = `member.${process.pid}.${members}@example.com`;
  const registered = await api('POST', '/api/auth/register', { json: { name, email, password: PASSWORD } });
  assert.equal(registered.status, 201);
  const { body } = await api('POST', '/api/auth/login', { json: { email, password: PASSWORD } });
  return { email, name, token: body.token, user: body.user };
}

/** A page with somebody signed in, as it is after a sign-in in another tab. */
export async function signedIn(made, who, view = '') {
  const page = await made.newPage();
  await sign(page, who, view);
  return page;
}

/** The same, with a page that is there already. */
export async function sign(page, { token, user }, view = '') {
  await page.goto(`${BASE}/`);
  await page.evaluate(([kept, data]) => {
    localStorage.setItem('token', kept);
    localStorage.setItem('userData', JSON.stringify(data));
  }, [token, user]);
  // Two addresses that differ behind the # alone are one page.
  await page.goto('about:blank');
  await page.goto(`${BASE}/${view}`);
}

export async function admin() {
  const { body } = await api('POST', '/api/auth/login', { json: { email: ADMIN_EMAIL, password: ADMIN_PASSWORD } });
  return body;
}

/** A picture as a member's profile image, without the page. */
export async function upload(who, file, crop) {
  const form = new FormData();
  if (crop) form.append('crop', JSON.stringify(crop));
  form.append('profileImage', new Blob([file]), 'a.png');
  const answer = await api('POST', '/api/users/profile-image', { token: who.token, form });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.profileImage;
}

/** An asset of the library. */
export async function asset(file, fields = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([file]), fields.filename ?? 'a.png');
  const answer = await api('POST', `/v1_1/${CLOUD}/auto/upload`, { basic: true, form });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}
