// The official Node SDK against a running visage. CLOUDINARY_URL says where it is; FILES is a folder with files to upload;
// FILE_SERVER is a server that visage may fetch from and notify; CLOUDINARY_MODULE is the SDK.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const cloudinary = require(process.env.CLOUDINARY_MODULE).v2;
const { api, uploader } = cloudinary;
const files = process.env.FILES;
const photo = path.join(files, 'photo.png');
const server = process.env.FILE_SERVER;
const run = `n${process.pid}`;
const name = (text) => `${run}/${text}`;

/** The error that a call ends with, as the SDK shows it. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    const inner = error.error ?? error;
    return { message: inner.message, status: inner.http_code ?? error.http_code };
  }
  return assert.fail('it was not refused');
}

const get = (url, options) => fetch(url, options);

test('ping and configuration', async () => {
  assert.equal((await api.ping()).status, 'ok');
  const ping = await api.ping();
  assert.ok(ping.rate_limit_allowed > 0 && ping.rate_limit_remaining >= 0 && ping.rate_limit_reset_at instanceof Date);
  const config = await api.config({ settings: true });
  assert.equal(config.settings.folder_mode, 'dynamic');
  assert.ok((await api.usage()).resources >= 0);
  assert.deepEqual((await api.resource_types()).resource_types, ['image', 'raw', 'video']);
});

test('an upload answers what the documentation says, and the original is kept byte for byte', async () => {
  const result = await uploader.upload(photo, {
    public_id: name('a'), tags: ['b', 'a'], context: { alt: 'a|b=c' }, eager: [{ width: 20, height: 10, crop: 'fill' }],
    faces: true, colors: true, phash: true, image_metadata: true, quality_analysis: true, return_delete_token: true,
  });
  assert.equal(result.public_id, name('a'));
  assert.equal(result.format, 'png');
  assert.equal(result.bytes, fs.statSync(photo).size);
  assert.deepEqual([result.width, result.height], [120, 80]);
  assert.deepEqual(result.tags, ['a', 'b']);
  assert.equal(result.context.custom.alt, 'a|b=c');
  assert.match(result.asset_id, /^[0-9a-f]{32}$/);
  assert.match(result.version_id, /^[0-9a-f]{32}$/);
  assert.match(result.etag, /^[0-9a-f]{32}$/);
  assert.match(result.phash, /^[0-9a-f]{16}$/);
  assert.ok(Array.isArray(result.faces) && result.colors.length > 0 && result.predominant.google.length > 0);
  assert.equal(result.original_filename, 'photo');
  assert.equal(result.placeholder, false);
  assert.ok(Number.isInteger(result.version));
  // Older SDKs leave this to the application.
  const verify = cloudinary.utils.verify_api_response_signature ?? (() => true);
  assert.ok(verify(result.public_id, result.version, result.signature));
  assert.deepEqual([result.eager[0].width, result.eager[0].height], [20, 10]);
  const original = Buffer.from(await (await get(result.secure_url)).arrayBuffer());
  assert.ok(original.equals(fs.readFileSync(photo)));
  const eager = await get(result.eager[0].secure_url);
  assert.equal(eager.status, 200);
  assert.equal((await uploader.delete_by_token?.(result.delete_token))?.result ?? 'ok', 'ok');
});

test('streams, data URIs and URLs are taken', async () => {
  const stream = await new Promise((resolve, reject) => {
    const sink = uploader.upload_stream({ folder: run }, (error, result) => (error ? reject(error) : resolve(result)));
    fs.createReadStream(photo).pipe(sink);
  });
  assert.match(stream.public_id, new RegExp(`^${run}/[a-z0-9]{20}$`));
  assert.equal(stream.asset_folder, run);
  const data = `data:image/png;base64,${fs.readFileSync(photo).toString('base64')}`;
  assert.equal((await uploader.upload(data, { public_id: name('data') })).width, 120);
  const remote = await uploader.upload(`${server}/photo.png`, { public_id: name('remote'), use_filename: true });
  assert.equal(remote.original_filename, 'photo');
  const missing = await refusal(uploader.upload(`${server}/nothing.png`));
  assert.match(missing.message, /^Error in loading .* - 404 Not Found$/);
  const inside = await refusal(uploader.upload('http://127.0.0.1:1/secret.png'));
  assert.match(inside.message, /^Error in loading/);
});

test('names come from files, folders and prefixes', async () => {
  const named = await uploader.upload(photo, { use_filename: true, folder: run });
  assert.match(named.public_id, new RegExp(`^${run}/photo_[a-z0-9]{6}$`));
  const plain = await uploader.upload(photo, { use_filename: true, unique_filename: false, folder: run });
  assert.equal(plain.public_id, name('photo'));
  const asset = await uploader.upload(photo, { public_id: name('elsewhere'), asset_folder: `${run}/shelf`, display_name: 'Mine' });
  assert.deepEqual([asset.asset_folder, asset.display_name], [`${run}/shelf`, 'Mine']);
  for (const bad of ['a?b', ' a', 'a/', 'v1/a']) {
    assert.equal((await refusal(uploader.upload(photo, { public_id: bad }))).status, 400, bad);
  }
});

test('what cannot be taken is refused in the documented words', async () => {
  assert.equal((await refusal(uploader.upload('data:image/png;base64,aGVsbG8='))).message, 'Invalid image file');
  const format = await refusal(uploader.upload(photo, { allowed_formats: ['jpg'] }));
  assert.equal(format.message, 'Image file format png not allowed');
  assert.match((await refusal(uploader.upload(path.join(files, 'empty')))).message, /empty/i);
  const width = await refusal(uploader.upload(photo, { eager: [{ width: 'abc', crop: 'scale' }] }));
  assert.equal(width.message, 'Invalid width in transformation: abc');
  const secret = await refusal(uploader.upload(photo, { api_secret: 'wrong' }));
  assert.deepEqual([secret.status, secret.message.startsWith('Invalid Signature ')], [401, true]);
  const stale = await refusal(uploader.upload(photo, { timestamp: 1315060510 }));
  assert.match(stale.message, /^Stale request - reported time is 2011-09-03 14:35:10 \+0000 which is more than 1 hour ago$/);
  assert.equal((await refusal(api.resource('nothing/here'))).message, 'Resource not found - nothing/here');
});

test('a picture is changed before it is stored when the caller asks', async () => {
  const small = await uploader.upload(photo, { public_id: name('small'), transformation: { width: 60, crop: 'limit' }, format: 'jpg' });
  assert.deepEqual([small.width, small.height, small.format], [60, 40, 'jpg']);
});

test('an asset is kept, replaced, or restored', async () => {
  const id = name('again');
  const first = await uploader.upload(photo, { public_id: id, backup: true });
  const kept = await uploader.upload(path.join(files, 'other.png'), { public_id: id, overwrite: false });
  assert.deepEqual([kept.existing, kept.etag], [true, first.etag]);
  const second = await uploader.upload(path.join(files, 'other.png'), { public_id: id, backup: true });
  assert.ok(second.version > first.version);
  assert.equal(second.overwritten, true);
  const details = await api.resource(id, { versions: true });
  assert.equal(details.versions.length, 2);
  await uploader.destroy(id);
  const gone = await api.resource(id);
  assert.deepEqual([gone.placeholder, gone.bytes], [true, 0]);
  const restored = await api.restore([id], { versions: [first.version_id] });
  assert.equal(restored[id].etag, first.etag);
  assert.equal((await api.restore(['never/was']))['never/was'].error, 'no_backup');
});

test('unsigned uploads need a preset that allows them', async () => {
  await api.create_upload_preset({ name: `${run}-open`, unsigned: true, folder: run, tags: 'preset', allowed_formats: 'png' });
  await api.create_upload_preset({ name: `${run}-closed`, unsigned: false });
  const done = await uploader.unsigned_upload(photo, `${run}-open`, { tags: 'mine' });
  assert.deepEqual([done.asset_folder, done.tags], [run, ['mine', 'preset']]);
  const closed = await refusal(uploader.unsigned_upload(photo, `${run}-closed`));
  assert.equal(closed.message, 'Upload preset must be whitelisted for unsigned uploads');
  const overwrite = await refusal(uploader.unsigned_upload(photo, `${run}-open`, { eager: [{ width: 5 }] }));
  assert.match(overwrite.message, /^Eager parameter is not allowed when using unsigned upload/);
  const listed = await api.upload_presets({ max_results: 500 });
  const preset = listed.presets.find((entry) => entry.name === `${run}-open`);
  assert.deepEqual([preset.unsigned, preset.settings.tags], [true, ['preset']]);
  assert.equal((await api.update_upload_preset(`${run}-open`, { colors: true })).message, 'updated');
  assert.equal((await api.upload_preset(`${run}-open`)).settings.colors, true);
  for (const end of ['open', 'closed']) {
    assert.equal((await api.delete_upload_preset(`${run}-${end}`)).message, 'deleted');
  }
  assert.equal((await refusal(api.upload_preset(`${run}-open`))).status ?? 404, 404);
});

test('films, sounds and other files are stored and served in parts', async () => {
  const film = await uploader.upload(path.join(files, 'film.mp4'), { resource_type: 'video', public_id: name('film') });
  assert.deepEqual([film.resource_type, film.format], ['video', 'mp4']);
  const raw = await uploader.upload(path.join(files, 'notes.txt'), { resource_type: 'auto', public_id: name('notes.txt') });
  assert.deepEqual([raw.resource_type, raw.public_id], ['raw', name('notes.txt')]);
  const part = await get(raw.secure_url, { headers: { range: 'bytes=0-4' } });
  assert.deepEqual([part.status, await part.text()], [206, 'hello']);
  assert.equal((await uploader.destroy(name('notes.txt'), { resource_type: 'raw' })).result, 'ok');
});

test('large files come in parts', async () => {
  const large = path.join(files, 'large.bin');
  const result = await new Promise((resolve, reject) => {
    uploader.upload_large(large, { resource_type: 'raw', public_id: name('large.bin'), chunk_size: 5 * 1024 * 1024 },
      (error, done) => (error ? reject(error) : resolve(done)))?.catch?.(reject);
  });
  const done = result?.bytes ? result : await api.resource(name('large.bin'), { resource_type: 'raw' });
  assert.equal(done.bytes, fs.statSync(large).size);
  const body = Buffer.from(await (await get(done.secure_url)).arrayBuffer());
  assert.ok(body.equals(fs.readFileSync(large)));
});

test('private and authenticated assets need a signature', async () => {
  const secret = await uploader.upload(photo, { public_id: name('secret'), type: 'authenticated' });
  assert.equal((await get(secret.secure_url)).status, 200);
  const options = { type: 'authenticated', version: secret.version, secure: false };
  const base = new URL(secret.secure_url);
  const own = (url) => url.replace(/^https?:\/\/[^/]+/, base.origin);
  const unsigned = await get(own(cloudinary.url(`${name('secret')}.png`, options)));
  assert.equal(unsigned.status, 401);
  assert.ok(unsigned.headers.get('x-cld-error'));
  const signed = own(cloudinary.url(`${name('secret')}.png`, { ...options, sign_url: true, width: 10, crop: 'scale' }));
  assert.equal((await get(signed)).status, 200);
  assert.equal((await get(signed.replace(/s--(.)/, (all, c) => `s--${c === 'A' ? 'B' : 'A'}`))).status, 401);
  const hidden = await uploader.upload(photo, { public_id: name('hidden'), type: 'private' });
  assert.equal((await get(hidden.secure_url)).status, 200);
  assert.equal((await get(hidden.secure_url.replace(/s--[^/]+\//, ''))).status, 401);
  const link = cloudinary.utils.private_download_url(name('hidden'), 'png', { type: 'private' });
  assert.equal((await get(link)).status, 200);
});

test('assets are changed one by one and many at once', async () => {
  const [one, two] = [name('tag1'), name('tag2')];
  await uploader.upload(photo, { public_id: one });
  await uploader.upload(photo, { public_id: two });
  assert.deepEqual((await uploader.add_tag(`${run}-t`, [one, two, 'nothing'])).public_ids, [one, two]);
  assert.deepEqual((await api.resources_by_tag(`${run}-t`)).resources.length, 2);
  await uploader.remove_tag(`${run}-t`, [two]);
  await uploader.replace_tag(`${run}-u`, [two]);
  assert.deepEqual((await api.resource(two)).tags, [`${run}-u`]);
  await uploader.remove_all_tags([two]);
  assert.equal((await api.resource(two)).tags, undefined);
  await uploader.add_context('k=v|l=w', [one]);
  assert.deepEqual((await api.resource(one)).context.custom, { k: 'v', l: 'w' });
  assert.equal((await api.resources_by_context('k', 'v')).resources[0].public_id, one);
  await uploader.remove_all_context([one]);
  const explicit = await uploader.explicit(one, { type: 'upload', tags: ['x'], eager: [{ width: 7 }] });
  assert.deepEqual([explicit.tags, explicit.eager[0].width], [['x'], 7]);
  assert.equal((await refusal(uploader.explicit('no/such', { type: 'upload' }))).message, 'Resource not found - no/such');
  const renamed = await uploader.rename(one, name('renamed'));
  assert.deepEqual([renamed.public_id, renamed.asset_id], [name('renamed'), explicit.asset_id]);
  assert.match((await refusal(uploader.rename(two, name('renamed')))).message, /already exists$/);
  assert.equal((await uploader.destroy(name('renamed'))).result, 'ok');
  assert.equal((await uploader.destroy(name('renamed'))).result, 'not found');
});

test('lists have pages, orders and switches', async () => {
  const ids = ['l1', 'l2', 'l3'].map((end) => name(`list/${end}`));
  for (const id of ids) await uploader.upload(photo, { public_id: id, tags: ['list'] });
  const seen = [];
  let next;
  do {
    const page = await api.resources({ type: 'upload', prefix: name('list/'), max_results: 2, next_cursor: next, tags: true });
    seen.push(...page.resources.map((resource) => resource.public_id));
    next = page.next_cursor;
  } while (next);
  assert.deepEqual(seen, ids);
  const newest = await api.resources({ type: 'upload', max_results: 3 });
  assert.deepEqual(newest.resources.map((resource) => resource.public_id), [...ids].reverse());
  const byIds = await api.resources_by_ids([ids[0], 'nothing']);
  assert.equal(byIds.resources.length, 1);
  const byAsset = await api.resources_by_asset_ids([byIds.resources[0].asset_id]);
  assert.equal(byAsset.resources[0].public_id, ids[0]);
  assert.equal((await api.resource_by_asset_id(byAsset.resources[0].asset_id)).public_id, ids[0]);
  const fields = await api.resources({ type: 'upload', prefix: ids[0], fields: 'tags' });
  assert.deepEqual(Object.keys(fields.resources[0]).sort(), ['asset_id', 'folder', 'public_id', 'tags']);
  assert.ok((await api.tags({ prefix: 'lis' })).tags.includes('list'));
  const updated = await api.update(ids[0], { tags: 'other', moderation_status: 'approved', display_name: 'D' });
  assert.deepEqual([updated.tags, updated.display_name], [['other'], 'D']);
  assert.equal((await api.resources_by_moderation('manual', 'approved')).resources[0].public_id, ids[0]);
});

test('searches find what the expression says', async () => {
  await uploader.upload(photo, { public_id: name('find/one'), tags: [`${run}-s`], context: { colour: 'red' } });
  await uploader.upload(photo, { public_id: name('find/two'), tags: [`${run}-s`] });
  const search = (expression) => cloudinary.search.expression(expression).sort_by('public_id', 'asc').execute();
  const ids = async (expression) => (await search(expression)).resources.map((resource) => resource.public_id);
  assert.deepEqual(await ids(`tags=${run}-s`), [name('find/one'), name('find/two')]);
  assert.deepEqual(await ids(`tags=${run}-s AND context.colour=red`), [name('find/one')]);
  assert.deepEqual(await ids(`tags=${run}-s AND NOT context.colour=red`), [name('find/two')]);
  assert.deepEqual(await ids(`public_id:${run}/find/* AND width>100 AND bytes<1mb AND format=png`), [name('find/one'), name('find/two')]);
  const page = await cloudinary.search.expression(`tags=${run}-s`).max_results(1).aggregate('format').with_field('tags').execute();
  assert.deepEqual([page.total_count, page.aggregations.format.png, page.resources[0].tags], [2, 2, [`${run}-s`]]);
  assert.ok(page.next_cursor);
  assert.match((await refusal(search('width:abc'))).message, /^Query Error \(at position \d+\)/);
});

test('deletions say what they did', async () => {
  const ids = ['d1', 'd2', 'd3'].map((end) => name(`del/${end}`));
  for (const id of ids) await uploader.upload(photo, { public_id: id, tags: [`${run}-d`], eager: [{ width: 9 }] });
  const derived = (await api.resource(ids[0])).derived[0];
  assert.deepEqual((await api.delete_derived_resources([derived.id])).deleted, { [derived.id]: 'deleted' });
  const first = await api.delete_resources([ids[0], 'nothing']);
  assert.deepEqual(first.deleted, { [ids[0]]: 'deleted', nothing: 'not_found' });
  assert.deepEqual(first.deleted_counts.nothing, { original: 0, derived: 0 });
  await api.delete_derived_by_transformation([ids[1]], [{ width: 9 }]);
  assert.equal((await api.resource(ids[1])).derived.length, 0);
  assert.equal((await api.delete_resources_by_tag(`${run}-d`)).deleted[ids[1]], 'deleted');
  assert.deepEqual((await api.delete_resources_by_prefix(name('del/'))).deleted, {});
});

test('folders are made, listed, moved and deleted', async () => {
  assert.equal((await api.create_folder(`${run}/x/y`)).success, true);
  assert.deepEqual((await api.sub_folders(`${run}/x`)).folders.map((folder) => folder.path), [`${run}/x/y`]);
  assert.ok((await api.root_folders()).folders.some((folder) => folder.name === run));
  const moved = await api.rename_folder(`${run}/x/y`, `${run}/x/z`);
  assert.equal(moved.to.path, `${run}/x/z`);
  await uploader.upload(photo, { public_id: name('infolder'), asset_folder: `${run}/x/z` });
  assert.equal((await api.resources_by_asset_folder(`${run}/x/z`)).resources[0].public_id, name('infolder'));
  assert.equal((await refusal(api.delete_folder(`${run}/x/z`))).message, 'Folder is not empty');
  await uploader.destroy(name('infolder'));
  assert.deepEqual((await api.delete_folder(`${run}/x`)).deleted, [`${run}/x`, `${run}/x/z`]);
  assert.match((await refusal(api.sub_folders('no/such'))).message, /^Can't find folder with path/);
});

test('transformations have names', async () => {
  const named = `${run}_avatar`;
  assert.equal((await api.create_transformation(named, { width: 15, height: 15, crop: 'fill' })).message, 'created');
  const again = await refusal(api.create_transformation(named, { width: 5 }));
  assert.match(again.message, /already exists$/);
  const shown = await api.transformation(named);
  assert.deepEqual(shown.info, [{ crop: 'fill', height: 15, width: 15 }]);
  assert.equal(shown.allowed_for_strict, true);
  const done = await uploader.upload(photo, { public_id: name('named'), eager: [{ transformation: named }] });
  assert.deepEqual([done.eager[0].transformation, done.eager[0].width], [`t_${named}`, 15]);
  assert.equal((await get(done.eager[0].secure_url)).status, 200);
  assert.equal((await api.update_transformation(named, { unsafe_update: { width: 5 } })).message, 'updated');
  assert.ok((await api.transformations({ named: true, max_results: 500 })).transformations.some((t) => t.name === `t_${named}`));
  assert.equal((await api.delete_transformation(named)).message, 'deleted');
});

test('structured metadata has fields', async () => {
  const id = `${run}_size`;
  const field = await api.add_metadata_field({
    external_id: id, label: 'Size', type: 'enum',
    datasource: { values: [{ external_id: 's', value: 'small' }, { external_id: 'l', value: 'large' }] },
  });
  assert.equal(field.external_id, id);
  const asset = await uploader.upload(photo, { public_id: name('meta'), metadata: { [id]: 's' } });
  assert.equal(asset.metadata[id], 's');
  await uploader.update_metadata({ [id]: 'l' }, [name('meta')]);
  assert.equal((await api.resource(name('meta'))).metadata[id], 'l');
  const unknown = await refusal(uploader.upload(photo, { metadata: { nosuch: 'x' } }));
  assert.equal(unknown.message, 'Metadata External IDs do not exist: ["nosuch"]');
  assert.equal((await refusal(uploader.update_metadata({ [id]: 'xl' }, [name('meta')]))).status, 400);
  assert.equal((await api.delete_metadata_field(id)).message, 'ok');
});

test('mappings and archives', async () => {
  assert.equal((await api.create_upload_mapping(run, { template: 'https://example.com/' })).message, 'created');
  assert.equal((await api.upload_mapping(run)).template, 'https://example.com/');
  assert.equal((await api.delete_upload_mapping(run)).message, 'deleted');
  await uploader.upload(photo, { public_id: name('zip/a'), tags: [`${run}-z`] });
  const zip = await uploader.create_zip({ tags: [`${run}-z`], target_public_id: name('all') });
  assert.deepEqual([zip.resource_count, zip.file_count, zip.resource_type], [1, 1, 'raw']);
  const bytes = Buffer.from(await (await get(zip.secure_url)).arrayBuffer());
  assert.equal(bytes.subarray(0, 2).toString(), 'PK');
  const link = await get(cloudinary.utils.download_zip_url({ tags: [`${run}-z`] }));
  assert.equal(link.headers.get('content-type'), 'application/zip');
});

test('a notification is signed so that the SDK accepts it', async () => {
  await uploader.upload(photo, { public_id: name('told'), notification_url: `${server}/hook` });
  const deadline = Date.now() + 60000;
  let told = [];
  while (!told.length && Date.now() < deadline) {
    told = (await (await get(`${server}/hooks`)).json()).filter((hook) => JSON.parse(hook.body).public_id === name('told'));
    if (!told.length) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(told.length, 1);
  const [hook] = told;
  assert.equal(JSON.parse(hook.body).notification_type, 'upload');
  assert.ok(cloudinary.utils.verifyNotificationSignature(hook.body, Number(hook.timestamp), hook.signature));
});

test('text becomes a picture, and pictures have breakpoints', async () => {
  const text = await uploader.text('Hello', { public_id: name('text'), font_family: 'Arial', font_size: 20 });
  assert.equal(text.format, 'png');
  const wide = await uploader.upload(photo, {
    public_id: name('wide'), responsive_breakpoints: [{ create_derived: true, min_width: 20, max_width: 200, max_images: 3 }],
  });
  const widths = wide.responsive_breakpoints[0].breakpoints.map((entry) => entry.width);
  assert.deepEqual(widths, [...widths].sort((a, b) => b - a));
  assert.ok(Math.max(...widths) <= 120);
});

test('attachments and default images', async () => {
  const shown = await uploader.upload(photo, { public_id: name('shown') });
  const base = shown.secure_url.split('/image/')[0];
  const saved = await get(`${base}/image/upload/fl_attachment:mine/${name('shown')}.png`);
  assert.match(saved.headers.get('content-disposition'), /^attachment; filename="mine/);
  const id = name('shown').replace('/', ':');
  const instead = await get(`${base}/image/upload/w_10,d_${id}.png/v1/${name('missing')}.png`);
  assert.equal(instead.status, 200);
  assert.match(instead.headers.get('x-cld-error'), /^Resource not found/);
});
