// One asset of the library: its facts, versions and derived images, a playground for transformations, and its end.

import { call } from './api.js';
import { button, bytes, confirmed, copy, el, field, fill, notice, pixels, say } from './dom.js';
import { base, deliveryPath, encoded, isShowable } from './library.js';

const ACCEPT = 'image/avif,image/webp,image/*,*/*;q=0.8';
const FIRST = 'c_thumb,g_face,h_300,w_300/f_auto,q_auto';

/** What the builder offers: each writes parameters of one component, or a component of its own. */
const CROPS = ['', 'c_thumb', 'c_fill', 'c_fit', 'c_limit', 'c_pad', 'c_crop', 'c_scale', 'c_auto'];
const GRAVITIES = ['', 'g_face', 'g_faces', 'g_auto', 'g_center', 'g_north', 'g_custom'];
const EFFECTS = ['', 'e_grayscale', 'e_sepia', 'e_blur:300', 'e_sharpen', 'e_improve', 'e_pixelate', 'e_cartoonify'];
const SHAPES = ['', 'r_max', 'r_24'];
const FORMATS = ['f_auto,q_auto', 'f_avif', 'f_webp', 'f_jpg', 'f_png', ''];

const pair = (name, value) => value !== undefined && value !== null && value !== '' && [el('dt', {}, name), el('dd', {}, value)];
const options = (values) => values.map((value) => el('option', { value }, value || 'none'));

function factsOf(item) {
  const created = item.created_at && new Date(item.created_at).toLocaleString();
  return el('dl', {}, [
    pair('Public id', item.public_id), pair('Name', item.display_name), pair('File', item.original_filename), pair('Kind', `${item.resource_type} / ${item.type}`), pair('Format', item.format?.toUpperCase()),
    pair('Pixels', item.width && pixels(item.width, item.height)), pair('Size', bytes(item.bytes)),
    pair('Version', item.version && String(item.version)), pair('Created', created), pair('Folder', item.asset_folder || item.folder),
    pair('Tags', item.tags?.join(', ')), pair('MD5', item.etag), pair('Asset id', item.asset_id),
    Object.entries(item.context?.custom ?? {}).map(([name, value]) => pair(name, value)),
    pair('Crop', item.coordinates?.custom?.map((box) => box.join(', ')).join('; ')),
  ]);
}

function table(head, rows, none) {
  if (!rows.length) return el('p', { class: 'hint' }, none);
  return el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': none.replace(/^No /, 'All ') }, el('table', {},
    el('thead', {}, el('tr', {}, head.map((text) => el('th', { scope: 'col' }, text)))),
    el('tbody', {}, rows.map((cells) => el('tr', {}, cells.map((cell) => el('td', {}, cell)))))));
}

const versionsOf = (item) => table(['Version', 'Size', 'Stored'],
  (item.versions ?? []).map((one) => [el('code', {}, one.version_id ?? ''), bytes(one.size ?? one.bytes), one.time ? new Date(one.time).toLocaleString() : '']),
  'No older versions');
const derivedOf = (item) => table(['Transformation', 'Format', 'Size'],
  (item.derived ?? []).map((one) => [el('code', {}, one.transformation), (one.format ?? '').toUpperCase(), bytes(one.bytes)]),
  'No derived images');

/** Type a transformation, or build one; see the result, its size and its time. */
function playground(delivery, item) {
  const refusal = notice();
  const text = el('input', { type: 'text', value: FIRST, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', class: 'code' });
  const seen = el('div', { class: 'result' });
  const told = el('p', { class: 'hint', role: 'status' });
  const control = (values) => el('select', { onChange: () => build() }, options(values));
  const size = () => el('input', { type: 'number', min: 1, max: 4096, value: 300, onInput: () => build() });
  const [crop, gravity, effect, shape, format] = [CROPS, GRAVITIES, EFFECTS, SHAPES, FORMATS].map(control);
  const [width, height] = [size(), size()];
  [crop.value, gravity.value] = ['c_thumb', 'g_face'];
  let shown = null;
  let waiting = null;
  let asked = 0;
  const path = () => deliveryPath(delivery, item, text.value.trim());

  function build() {
    const sizes = [height.value && `h_${Number(height.value)}`, width.value && `w_${Number(width.value)}`];
    const first = [crop.value, gravity.value, ...(crop.value ? sizes : [])].filter(Boolean).join(',');
    text.value = [first, shape.value, effect.value, format.value].filter(Boolean).join('/');
    later();
  }

  function later() {
    clearTimeout(waiting);
    waiting = setTimeout(make, 250);
  }

  async function make() {
    const mine = (asked += 1);
    const begun = performance.now();
    refusal.hide();
    let answer;
    let blob;
    try {
      answer = await fetch(path(), { headers: { Accept: ACCEPT }, cache: 'no-store' });
      blob = await answer.blob();
    } catch {
      answer = null;
    }
    if (mine !== asked) return;
    if (!answer?.ok) {
      fill(seen);
      told.textContent = '';
      refusal.show(answer ? answer.headers.get('X-Cld-Error') ?? `The server answered ${answer.status}.` : 'The server cannot be reached.');
      return;
    }
    const ms = performance.now() - begun;
    if (shown) URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(blob);
    const img = el('img', { src: shown, alt: `The result of ${text.value}` });
    img.addEventListener('load', () => {
      const kind = (blob.type.split('/')[1] ?? '').toUpperCase();
      told.textContent = `${pixels(img.naturalWidth, img.naturalHeight)} pixels, ${kind}, ${bytes(blob.size)}, in ${Math.round(ms)} ms`;
    });
    fill(seen, img);
  }

  text.addEventListener('input', later);
  make();
  const element = el('section', { class: 'card stack', 'aria-label': 'Playground' }, el('h2', {}, 'Playground'),
    field('Transformation', text),
    el('div', { class: 'filters' }, field('Crop', crop), field('Gravity', gravity), field('Width', width), field('Height', height),
      field('Shape', shape), field('Effect', effect), field('Format', format)),
    refusal.element, seen, told, el('div', { class: 'row' }, button('Copy the URL', () => copy(new URL(path(), location.href).href, 'URL'))));
  return {
    element,
    close() {
      asked += 1;
      clearTimeout(waiting);
      if (shown) URL.revokeObjectURL(shown);
    },
  };
}

/** What is not public is delivered to signed addresses alone, and the page has no secret to sign with. */
const original = (delivery, item) => (item.type === 'upload'
  ? el('a', { class: 'button', href: deliveryPath(delivery, item), target: '_blank', rel: 'noopener' }, 'Open the original')
  : el('p', { class: 'hint' }, 'Only signed addresses deliver it.'));

async function remove(api, item, refusal) {
  if (!(await confirmed('Delete this asset?', `${item.public_id} and everything made of it will be gone.`, 'Delete'))) return;
  refusal.hide();
  try {
    const query = new URLSearchParams({ 'public_ids[]': item.public_id });
    const { deleted } = await call('DELETE', `${api}/resources/${item.resource_type}/${item.type}?${query}`);
    const outcome = deleted?.[item.public_id];
    if (outcome === 'in_use') {
      refusal.show('This is the profile picture of a user, who alone can change or remove it.');
      return;
    }
    say(outcome === 'deleted' ? 'The asset is deleted.' : 'The asset was gone already.');
    location.hash = '#/library';
  } catch (error) {
    refusal.show(error.message);
  }
}

export function show(main, [resourceType, type, publicId]) {
  const refusal = notice();
  let play = null;
  let isGone = false;
  const back = el('p', {}, el('a', { href: '#/library' }, '← Library'));
  fill(main, back, el('h1', { class: 'name' }, publicId), refusal.element);

  async function load() {
    try {
      const { api, delivery } = await base();
      const path = `${api}/resources/${encodeURIComponent(resourceType)}/${encodeURIComponent(type)}/${encoded(publicId)}`;
      const item = await call('GET', `${path}?versions=true&coordinates=true&max_results=100`);
      if (isGone) return;
      if (isShowable(item) && !item.placeholder) play = playground(delivery, item);
      main.append(el('div', { class: 'two' },
        el('div', { class: 'stack' },
          el('section', { class: 'card', 'aria-label': 'Facts' }, el('h2', {}, 'Facts'), factsOf(item),
            el('div', { class: 'row' }, original(delivery, item),
              button('Delete', () => remove(api, item, refusal), { class: 'danger' }))),
          el('section', { class: 'card', 'aria-label': 'Versions' }, el('h2', {}, 'Versions'), versionsOf(item)),
          el('section', { class: 'card', 'aria-label': 'Derived images' }, el('h2', {}, 'Derived images'), derivedOf(item))),
        play?.element));
    } catch (error) {
      if (!isGone) refusal.show(error.message);
    }
  }

  load();
  return () => {
    isGone = true;
    play?.close();
  };
}
