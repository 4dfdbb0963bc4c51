// Makes elements. Text comes in as text nodes alone, and attributes by name: nothing that is read from the server is ever
// parsed as markup.

/** What file choosers offer: the pictures that are taken. A phone that keeps others then converts the one that is chosen. */
export const PICTURES = 'image/jpeg,image/png,image/webp,image/gif,image/avif,image/bmp,image/tiff,image/x-icon,image/vnd.microsoft.icon';

const listenerOf = (name) => name.slice(2).toLowerCase();

/** An element: `el('p', { class: 'hint', onClick: f }, 'text', other)`. Absent values and children are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(listenerOf(key), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  add(element, children);
  return element;
}

/** Appends children; text is text. */
export function add(element, children) {
  const wanted = children.flat(3).filter((child) => child !== undefined && child !== null && child !== false);
  element.append(...wanted.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

/** Puts children in the place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

export const button = (text, onClick, attributes = {}) => el('button', { type: 'button', onClick, ...attributes }, text);

/** A labelled field: label and input, and what the input is called. */
export function field(label, input, hint) {
  const id = input.id || `f${(field.count = (field.count ?? 0) + 1)}`;
  input.id = id;
  const parts = [el('label', { for: id }, label), input];
  if (hint) {
    parts.push(el('p', { class: 'hint', id: `${id}h` }, hint));
    input.setAttribute('aria-describedby', `${id}h`);
  }
  return el('div', { class: 'field' }, parts);
}

/** Shows a sentence for a while, and reads it out. */
export function say(text) {
  const place = document.getElementById('said');
  fill(place, el('p', {}, text));
  clearTimeout(say.timer);
  say.timer = setTimeout(() => fill(place), 6000);
}

const toContent = () => document.getElementById('main').focus({ preventScroll: true });

/** Before an element goes: whoever has the keyboard in it goes on in the content. */
export function release(element) {
  if (element.contains(document.activeElement)) toContent();
}

/** After something has gone: the same for whoever was in it. */
export function keepFocus() {
  if (document.activeElement === document.body) toContent();
}

/** A place for a refusal: empty until `show` is called. */
export function notice() {
  const element = el('div', { class: 'notice', role: 'alert', hidden: true });
  return {
    element,
    show(...parts) {
      fill(element, parts.map((part) => (part instanceof Node ? part : el('p', {}, part))));
      element.hidden = false;
    },
    hide() {
      element.hidden = true;
      fill(element);
    },
  };
}

/** A progress bar with a button that gives up, as long as that means something; hidden until it is started. */
export function progress(label) {
  const bar = el('progress', { max: 100, value: 0, 'aria-label': label });
  const text = el('span', { class: 'hint' });
  let giveUp = null;
  const cancel = button('Cancel', () => giveUp?.(), { class: 'quiet' });
  const commit = () => {
    giveUp = null;
    release(cancel);
    cancel.hidden = true;
  };
  const element = el('div', { class: 'progress', hidden: true }, bar, text, cancel);
  return {
    element,
    start(onCancel) {
      giveUp = onCancel;
      cancel.hidden = false;
      bar.value = 0;
      text.textContent = `${label} …`;
      element.hidden = false;
    },
    show(part) {
      bar.value = Math.round(part * 100);
      text.textContent = part < 1 ? `${label}: ${bar.value} %` : 'Checking and storing …';
      // What has been sent is carried out, whoever waits for it.
      if (part >= 1) commit();
    },
    /** Gives up, unless everything has been sent. */
    cancel: () => giveUp?.(),
    end() {
      commit();
      element.hidden = true;
    },
  };
}

/** Asks before something that cannot be taken back. Resolves to whether it was wanted. */
export function confirmed(question, what, verb) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = el('dialog', { 'aria-labelledby': 'ask' },
      el('h2', { id: 'ask' }, question), what && el('p', {}, what),
      el('div', { class: 'row end' }, button('Cancel', answer('')), button(verb, answer('yes'), { class: 'danger' })));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Copies a text and says so. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    say('The browser did not allow to copy; the text can be selected instead.');
  }
}

/** A picture's address as the pages read it: absolute or from the root, and nothing else. */
export function imageUrl(text) {
  if (typeof text !== 'string' || !text) return null;
  if (/^https?:\/\//i.test(text)) return text;
  return text.startsWith('/') && !text.startsWith('//') ? text : null;
}

/** A round picture of somebody; drawn initials where there is none, and a sign where neither can be loaded. */
export function avatar(user, size, className = '') {
  const drawn = user?.id && /^[0-9a-f]{24}$/.test(user.id) && `/api/users/${user.id}/profile-image?size=${size * 2}`;
  const sources = [imageUrl(user?.profileImage), drawn, '/ui/icon.svg'].filter(Boolean);
  const img = el('img', { class: `avatar ${className}`, alt: '', width: size, height: size, decoding: 'async' });
  const next = () => {
    if (sources.length) img.src = sources.shift();
  };
  img.addEventListener('error', next);
  next();
  return img;
}

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** `2.1 MB`, of 1024 KB; of nothing known, a dash. */
export function bytes(count) {
  if (!Number.isFinite(count)) return '–';
  let step = 0;
  while (count >= 1024 && step < UNITS.length - 1) {
    count /= 1024;
    step += 1;
  }
  return `${Math.round(count * 10) / 10}\u00a0${UNITS[step]}`;
}

export const number = (count) => new Intl.NumberFormat().format(count);

/** `900 × 600`, in one piece. */
export const pixels = (width, height) => `${number(width)}\u00a0×\u00a0${number(height)}`;

/** `1 d 12 h`, `23 h 59 min` or `5 min`, of milliseconds. */
export function duration(ms) {
  const minutes = Math.max(0, Math.ceil(ms / 60000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days) return `${days}\u00a0d ${hours}\u00a0h`;
  return hours ? `${hours}\u00a0h ${minutes % 60}\u00a0min` : `${minutes}\u00a0min`;
}

/** `5 min ago`, and after a week the date. */
export function ago(date) {
  const ms = Date.now() - new Date(date).getTime();
  if (!Number.isFinite(ms)) return '';
  if (ms < 60000) return 'just now';
  return ms < 7 * 86400000 ? `${duration(ms - 59999)} ago` : new Date(date).toLocaleDateString();
}
