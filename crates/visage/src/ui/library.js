// The library: what the embedded store keeps, for administrators, through Cloudinary's own API.

import { call } from './api.js';
import { bytes, button, el, field, fill, notice, number, pixels } from './dom.js';
import * as asset from './asset.js';

const PAGE = 24;
/** Characters that mean something in a search expression. */
const SPECIAL = /[!(){}[\]*^~?:\\=&<>"/+\-|;,.@#%$'`]/g;

let cloud = null;

/** Where the store's API is. Its name is in every path. */
export async function base() {
  cloud ??= (await call('GET', '/api/admin/status')).cloudName;
  return { api: `/v1_1/${encodeURIComponent(cloud)}`, delivery: `/${encodeURIComponent(cloud)}` };
}

const quoted = (text) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
const word = (text) => `${text.replace(SPECIAL, '\\$&')}*`;

/** The search expression of what is typed and chosen. */
export function expression({ text, folder, tag, type }) {
  const words = text.trim().split(/\s+/).filter(Boolean).map(word);
  const parts = [...words, folder && `asset_folder=${quoted(folder)}`, tag && `tags=${quoted(tag)}`, type && `resource_type=${type}`];
  return parts.filter(Boolean).join(' AND ');
}

/** A path with each part encoded. */
export const encoded = (publicId) => publicId.split('/').map(encodeURIComponent).join('/');

/** The path of an asset's delivery, on this very server, whatever address is saved in its URLs. */
export function deliveryPath(delivery, item, transformation = '') {
  const chain = transformation && `${transformation.split('/').map((part) => encodeURIComponent(part).replace(/%2C/gi, ',').replace(/%3A/gi, ':')).join('/')}/`;
  return `${delivery}/${item.resource_type}/${item.type}/${chain}v${item.version}/${encoded(item.public_id)}`;
}

export const isShowable = (item) => item.resource_type === 'image' && item.type === 'upload';

function tile(delivery, item) {
  const href = `#/library/${[item.resource_type, item.type, item.public_id].map(encodeURIComponent).join('/')}`;
  const seen = isShowable(item)
    ? el('img', { src: deliveryPath(delivery, item, 'c_fill,g_auto,h_240,w_240/f_auto,q_auto'), alt: '', loading: 'lazy', width: 240, height: 240 })
    : el('span', { class: 'kind' }, item.format || item.resource_type);
  return el('li', {}, el('a', { class: 'tile', href }, el('span', { class: 'thumb' }, seen),
    el('span', { class: 'name' }, item.public_id), el('span', { class: 'hint' }, facts(item))));
}

const facts = (item) => [item.format?.toUpperCase(), item.width && pixels(item.width, item.height), bytes(item.bytes)].filter(Boolean).join(' · ');

async function choices(api) {
  const [folders, tags] = await Promise.all([
    call('GET', `${api}/folders?max_results=500`), call('GET', `${api}/tags/image?max_results=500`),
  ]);
  return { folders: folders.folders.map((folder) => folder.path), tags: tags.tags };
}

const select = (name, all, values) => el('select', { name }, el('option', { value: '' }, all), values.map((value) => el('option', { value }, value)));

export function show(main, rest) {
  if (rest.length >= 3) return asset.show(main, rest);
  const refusal = notice();
  const grid = el('ul', { class: 'grid' });
  const total = el('p', { class: 'hint', role: 'status' });
  const more = button('Show more', () => load(), { hidden: true });
  const [folder, tag] = [select('folder', 'All folders', []), select('tag', 'All tags', [])];
  const type = select('type', 'All types', ['image', 'video', 'raw']);
  const text = el('input', { type: 'search', name: 'text', autocomplete: 'off' });
  const form = el('form', { class: 'filters', role: 'search', novalidate: true },
    field('Search', text), field('Folder', folder), field('Tag', tag), field('Type', type));
  let next = null;
  let asked = 0;

  async function load(isNew = false) {
    const mine = (asked += 1);
    refusal.hide();
    more.disabled = true;
    // More of what was found before would take the place of this answer.
    if (isNew) more.hidden = true;
    try {
      const { api, delivery } = await base();
      const body = { expression: expression({ text: text.value, folder: folder.value, tag: tag.value, type: type.value }), max_results: PAGE };
      if (!isNew && next) body.next_cursor = next;
      const found = await call('POST', `${api}/resources/search`, body);
      // An answer to what was typed before is late.
      if (mine !== asked) return;
      if (isNew) fill(grid);
      grid.append(...found.resources.map((item) => tile(delivery, item)));
      next = found.next_cursor ?? null;
      more.hidden = !next;
      total.textContent = found.total_count ? `${number(found.total_count)} ${found.total_count === 1 ? 'asset' : 'assets'}`
        : body.expression ? 'Nothing is found. Try fewer words or filters.' : 'Nothing is here yet. Uploads and profile pictures appear here.';
    } catch (error) {
      if (mine === asked) refusal.show(error.message, button('Try again', () => load(isNew)));
    } finally {
      more.disabled = false;
    }
  }

  async function fillChoices() {
    try {
      const { folders, tags } = await choices((await base()).api);
      folder.append(...folders.map((value) => el('option', { value }, value)));
      tag.append(...tags.map((value) => el('option', { value }, value)));
    } catch {
      // The list itself says what is wrong.
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    load(true);
  });
  // Leaving the search field changes nothing that its input has not: a click that leaves it must find its link in place.
  form.addEventListener('change', (event) => { if (event.target !== text) load(true); });
  let typing = null;
  text.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => load(true), 200);
  });
  fill(main, el('h1', {}, 'Library'), form, refusal.element, total, grid, el('div', { class: 'row' }, more));
  load(true);
  fillChoices();
  return () => clearTimeout(typing);
}
