// What visage sends to a Cloudinary account, beside what the official Node SDK sends for the same calls. PROGRAM is visage,
// CLOUDINARY_MODULE the SDK, FILES a folder with pictures. A recorder stands for the account.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');

const SECRET = 'a-secret-of-the-account';
const DISPLAY = 'c_thumb,g_face,h_400,w_400/f_auto,q_auto';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'account-'));
const recorded = [];
let waiting = () => {};

/** One request, taken apart. */
async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const entry = { method: request.method, path: request.url, headers: request.headers, fields: {}, file: null };
  if ((request.headers['content-type'] ?? '').startsWith('multipart/form-data')) {
    const form = await new Response(Buffer.concat(chunks), { headers: request.headers }).formData();
    for (const [name, value] of form) {
      if (typeof value === 'string') entry.fields[name] = value;
      else entry.file = { field: name, name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) };
    }
  }
  return entry;
}

/** Public ids that were destroyed: their delivery URLs are 404. */
const gone = new Set();

/** What an account answers. */
function answer({ path: url, fields, file }) {
  if (url.endsWith('/destroy')) {
    gone.add(fields.public_id);
    return { result: 'ok' };
  }
  if (!file) return {};
  const etag = crypto.createHash('md5').update(file.bytes).digest('hex');
  return { public_id: fields.public_id, version: 1719307544, etag, bytes: file.bytes.length, width: 1, height: 1, format: 'png' };
}

const recorder = http.createServer(async (request, response) => {
  const entry = await read(request);
  recorded.push(entry);
  response.setHeader('content-type', 'application/json');
  if (entry.method === 'HEAD' && [...gone].some((id) => entry.path.endsWith(id))) response.statusCode = 404;
  response.end(entry.method === 'HEAD' ? undefined : JSON.stringify(answer(entry)));
  waiting();
});

/** The first recorded request that fits, as soon as there is one. */
async function request(fits, since = 0) {
  for (;;) {
    const found = recorded.slice(since).find(fits);
    if (found) return found;
    await new Promise((resolve) => { waiting = resolve; });
  }
}

const isCall = (action) => (entry) => entry.path.endsWith(`/image/${action}`);

/** Names and values, without what differs from call to call. */
function parameters({ fields }) {
  const { timestamp, signature, ...rest } = fields;
  return rest;
}

async function freePort() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startVisage(accountUrl) {
  const address = `127.0.0.1:${await freePort()}`;
  const env = {
    PATH: process.env.PATH, CLOUDINARY_URL: accountUrl, VISAGE_DATA: path.join(folder, 'data'), VISAGE_LISTEN: address,
    VISAGE_REAPER__RETIRE_AFTER: '0s', VISAGE_REAPER__INTERVAL: '1s', VISAGE_AUTH__BCRYPT_COST: '4',
  };
  const child = spawn(process.env.PROGRAM, ['serve', '--quiet'], { env, cwd: folder });
  let log = '';
  child.stderr.on('data', (text) => { log += text; });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return { url: `http://${address}`, child, log: () => log };
}

async function signIn(url) {
  const account = { name: 'Asha', email: 'asha@example.com', password: 'correct horse' };
  const headers = { 'content-type': 'application/json' };
  const post = (route) => fetch(`${url}/api/auth/${route}`, { method: 'POST', headers, body: JSON.stringify(account) });
  await post('register');
  return (await (await post('login')).json()).token;
}

async function upload({ url }, token) {
  const form = new FormData();
  form.set('profileImage', new Blob([fs.readFileSync(path.join(process.env.FILES, 'photo.png'))]), 'photo.png');
  const sent = { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: form };
  const response = await fetch(`${url}/api/users/profile-image`, sent);
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return body;
}

test('visage sends what the SDK sends, parameter by parameter', async (t) => {
  const begun = Math.floor(Date.now() / 1000);
  recorder.listen(0, '127.0.0.1');
  await new Promise((resolve) => recorder.once('listening', resolve));
  const prefix = `http://127.0.0.1:${recorder.address().port}`;
  const accountUrl = `cloudinary://1234567890:${SECRET}@demo?upload_prefix=${prefix}`;
  const visage = await startVisage(accountUrl);
  t.after(() => {
    visage.child.kill('SIGKILL');
    recorder.closeAllConnections();
    recorder.close();
    fs.rmSync(folder, { recursive: true });
  });

  const token = await signIn(visage.url);
  const saved = await upload(visage, token);
  const ourUpload = await request(isCall('upload'));
  await upload(visage, token);
  const ourDestroy = await request(isCall('destroy'));

  const id = saved.cloudinaryId;
  assert.match(id, /^profiles\/[a-z0-9]{20}$/);
  assert.equal(saved.profileImage, `${prefix}/demo/image/upload/${DISPLAY}/v1719307544/${id}`);
  const confirmed = await request((entry) => entry.method === 'HEAD');
  assert.equal(`${prefix}${confirmed.path}`, saved.profileImage, 'the picture is asked for before anybody refers to it');

  process.env.CLOUDINARY_URL = accountUrl;
  const cloudinary = require(process.env.CLOUDINARY_MODULE).v2;
  const file = path.join(folder, ourUpload.file.name);
  fs.writeFileSync(file, ourUpload.file.bytes);
  const before = recorded.length;
  const chain = [{ width: 400, height: 400, crop: 'thumb', gravity: 'face' }, { fetch_format: 'auto', quality: 'auto' }];
  await cloudinary.uploader.upload(file, {
    public_id: id, asset_folder: 'profiles', overwrite: false, eager: [{ transformation: chain }],
  });
  await cloudinary.uploader.destroy(id, { invalidate: true });
  const [theirUpload, theirDestroy] = [await request(isCall('upload'), before), await request(isCall('destroy'), before)];

  for (const [ours, theirs] of [[ourUpload, theirUpload], [ourDestroy, theirDestroy]]) {
    assert.deepEqual(parameters(ours), parameters(theirs));
    assert.deepEqual([ours.method, ours.path], [theirs.method, theirs.path]);
    const { signature, api_key, ...signed } = ours.fields;
    assert.equal(signature, cloudinary.utils.api_sign_request(signed, SECRET));
    assert.ok(Number(signed.timestamp) >= begun && Number(signed.timestamp) <= Date.now() / 1000, `${signed.timestamp} since ${begun}`);
  }
  assert.deepEqual(
    [ourUpload.file.field, ourUpload.file.name, ourUpload.file.type],
    [theirUpload.file.field, theirUpload.file.name, theirUpload.file.type],
  );
  assert.ok(ourUpload.file.bytes.equals(theirUpload.file.bytes));
  assert.ok(!visage.log().includes(SECRET), 'the secret is in the log');
});
