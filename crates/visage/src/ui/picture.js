// The profile picture: choose, crop, upload, see it where it is shown, crop again, remove.

import { advice, call, isUnanswered, send, withProgress } from './api.js';
import { cropper } from './cropper.js';
import { PICTURES, avatar, button, bytes, confirmed, copy, el, fill, keepFocus, notice, pixels, progress, release, say } from './dom.js';
import * as session from './session.js';

/** Where pages show it, in CSS pixels. */
const PLACES = [24, 32, 40, 48, 80, 128];
/** A picture is looked at for faces in a small copy. */
const LOOK_PIXELS = 640;
/** What current browsers take, so that what is measured is what they get. */
const ACCEPT = 'image/avif,image/webp,image/*,*/*;q=0.8';
const KINDS = 'JPEG, PNG, WebP, GIF or AVIF picture';

/** The picture in a file, decoded by the browser; `null` when it cannot. */
async function decode(url) {
  const img = new Image();
  img.src = url;
  try {
    await img.decode();
    return img.naturalWidth ? img : null;
  } catch {
    return null;
  }
}

/**
 * How many pixels a decoded file really has, upright. A browser may count it in other pixels when the file tells a resolution,
 * and the server does not.
 */
async function trueSize(file, img) {
  const [width, height] = [img.naturalWidth, img.naturalHeight];
  try {
    const bitmap = await createImageBitmap(file);
    const sides = [bitmap.width, bitmap.height];
    bitmap.close();
    const isTurned = (sides[0] > sides[1]) !== (width > height);
    return isTurned ? sides.reverse() : sides;
  } catch {
    return [width, height];
  }
}

/** The faces in a picture that the browser shows, in its pixels. None when the server does not say. */
async function findFaces(img) {
  const scale = Math.min(1, LOOK_PIXELS / Math.max(img.naturalWidth, img.naturalHeight));
  const canvas = el('canvas', {
    width: Math.max(1, Math.round(img.naturalWidth * scale)), height: Math.max(1, Math.round(img.naturalHeight * scale)),
  });
  canvas.getContext('2d').drawImage(img, 0, 0, canvas.width, canvas.height);
  const small = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
  const form = new FormData();
  form.append('profileImage', small, 'look.jpg');
  const { faces } = await send('/api/users/profile-image/faces', form);
  return faces.map((face) => face.map((pixels) => pixels / scale));
}

/** What a picture is delivered as at one address: format and bytes; of another server's, nothing is known. */
async function measure(url) {
  if (new URL(url, location.href).origin !== location.origin) return null;
  try {
    const answer = await fetch(url, { headers: { Accept: ACCEPT } });
    if (!answer.ok) return null;
    const blob = await answer.blob();
    return { format: (blob.type.split('/')[1] ?? '').split(/[+;]/)[0].toUpperCase(), bytes: blob.size };
  } catch {
    return null;
  }
}

class View {
  constructor(main) {
    this.userId = session.user()?.id;
    this.image = null;
    this.editor = null;
    this.url = null;
    /** The picture that is cropped again, while it is. */
    this.croppedUrl = null;
    this.refusal = notice();
    this.bar = progress('Uploading');
    this.current = el('div', { class: 'current' });
    this.editing = el('div', { class: 'editing', hidden: true });
    this.about = el('section', { class: 'about', 'aria-label': 'How it is delivered' });
    this.file = el('input', { type: 'file', accept: PICTURES, id: 'file', class: 'unseen', onChange: () => this.choose(this.file.files[0]) });
    this.drop = el('section', { class: 'card drop', 'aria-label': 'Profile picture' },
      el('h1', {}, 'Profile picture'), this.refusal.element, this.current, this.editing, this.bar.element);
    fill(main, this.drop, this.about);
    this.listen();
    this.load();
  }

  /** Drop on the card, paste anywhere. */
  listen() {
    const stop = new AbortController();
    const { signal } = stop;
    const over = (isOver) => this.drop.classList.toggle('over', isOver);
    this.drop.addEventListener('dragover', (event) => {
      event.preventDefault();
      over(true);
    });
    this.drop.addEventListener('dragleave', () => over(false));
    this.drop.addEventListener('drop', (event) => {
      event.preventDefault();
      over(false);
      this.choose(event.dataTransfer.files[0]);
    });
    document.addEventListener('paste', (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (!file) return;
      event.preventDefault();
      this.choose(file);
    }, { signal });
    const stopWatching = session.onChange(() => this.sessionChanged());
    this.stopListening = () => {
      stop.abort();
      stopWatching();
    };
  }

  /** What has been sent goes on, for the user who sent it. */
  close() {
    this.isClosed = true;
    this.stopListening();
    this.bar.cancel();
    this.endEditing();
  }

  get isOfSession() {
    return session.user()?.id === this.userId;
  }

  /** The picture may have been changed in another tab. */
  sessionChanged() {
    if (!this.image || this.isSending || !this.isOfSession) return;
    if (session.user().profileImage !== this.image.profileImage) this.load();
  }

  /** Asks for the picture and shows it. Whether it is known now. */
  async load() {
    let image;
    try {
      image = await call('GET', '/api/users/profile-image');
    } catch (refusal) {
      if (!this.isClosed) this.refusal.show(refusal.message, button('Try again', () => this.load()));
      return false;
    }
    if (this.isClosed || !this.isOfSession) return false;
    this.image = image;
    this.refusal.hide();
    if (this.croppedUrl && this.croppedUrl !== image.profileImage) {
      this.endEditing();
      say('Your picture was changed meanwhile.');
    }
    if (session.user().profileImage !== image.profileImage) session.update(this.userId, { profileImage: image.profileImage });
    this.show();
    return true;
  }

  show() {
    const user = session.user();
    if (!user) return;
    const has = Boolean(this.image.profileImage);
    const choose = el('label', { class: 'button main', for: 'file' }, has ? 'Choose another picture' : 'Choose a picture');
    fill(this.current, avatar({ ...user, profileImage: this.image.profileImage }, 160, 'large'),
      el('div', { class: 'stack' },
        el('p', {}, has ? 'This is how others see you.' : 'You have no picture yet. Others see your initials.'),
        el('div', { class: 'row' }, this.file, choose,
          has && this.image.preview && button('Crop again', () => this.cropAgain()),
          has && button('Remove', () => this.remove(), { class: 'quiet' })),
        el('p', { class: 'hint' }, `Or drop one here, or paste it: a ${KINDS}, up to ${bytes(this.image.maxBytes)}.`)));
    this.showAbout(user);
  }

  showAbout(user) {
    const { image } = this;
    const places = el('div', { class: 'row places' },
      PLACES.map((size) => el('figure', {}, avatar({ ...user, profileImage: image.profileImage }, size), el('figcaption', {}, `${size} px`))));
    const src = `${location.origin}/api/users/${user.id}/profile-image`;
    const code = `<img src="${src}?size=96" srcset="${src}?size=192 2x" width="96" height="96" alt="">`;
    fill(this.about, el('div', { class: 'card' }, el('h2', {}, 'Where it is shown'), places),
      image.sizes && el('div', { class: 'card' }, el('h2', {}, 'What is delivered'), this.original(), this.sizes()),
      el('div', { class: 'card' }, el('h2', {}, 'Use it anywhere'),
        el('p', {}, 'This address always answers with your current picture, or with your initials.'),
        el('pre', { tabindex: 0, 'aria-label': 'Code for a page' }, el('code', {}, code)),
        button('Copy the code', () => copy(code, 'Code'))));
  }

  original() {
    const { width, height, format, bytes: size } = this.image.original;
    if (!width) return null;
    return el('p', {}, `The original is kept whole: ${pixels(width, height)} pixels, ${format.toUpperCase()}, ${bytes(size)}.`);
  }

  sizes() {
    const rows = this.image.sizes.map(({ size, url }) => {
      const [format, weight] = [el('td', {}, '…'), el('td', {}, '…')];
      measure(url).then((found) => {
        format.textContent = found?.format ?? '–';
        weight.textContent = bytes(found?.bytes);
      });
      return el('tr', {}, el('td', {}, el('a', { href: url, target: '_blank', rel: 'noopener' }, pixels(size, size))), format, weight);
    });
    return el('table', {},
      el('thead', {}, el('tr', {}, ['Pixels', 'Format', 'Size'].map((text) => el('th', { scope: 'col' }, text)))),
      el('tbody', {}, rows));
  }

  /** Shows a chosen file at once, with the frame on the face as soon as that is found. */
  async choose(file) {
    this.file.value = '';
    if (!file || this.isSending) return;
    this.endEditing();
    this.refusal.hide();
    const tooLarge = file.size > this.image?.maxBytes;
    if (tooLarge) {
      this.refusal.show(`“${file.name}” has ${bytes(file.size)}; at most ${bytes(this.image.maxBytes)} are taken.`,
        'Choose a smaller picture, or save this one with fewer pixels.');
      return;
    }
    const url = URL.createObjectURL(file);
    this.url = url;
    const img = await decode(url);
    const [width, height] = img ? await trueSize(file, img) : [];
    // Another file was chosen while this one was decoded.
    if (this.url !== url) return;
    if (!img) {
      this.editUnseen(file);
      return;
    }
    const crop = this.edit({ url, width, height, verb: 'Use this picture', save: (rectangle) => this.upload(file, rectangle) });
    const scale = width / img.naturalWidth;
    // Without a face the frame stays where it is; that is no reason to complain.
    findFaces(img).then(([face]) => crop.suggest(face?.map((side) => side * scale)), () => {});
  }

  edit({ url, width, height, crop, faces, verb, save }) {
    this.editor?.close();
    this.editor = cropper({ url, width, height, crop, faces });
    fill(this.editing, this.editor.element,
      el('div', { class: 'row' }, button(verb, () => save(this.editor.rectangle()), { class: 'main' }),
        button('Cancel', () => this.endEditing(true), { class: 'quiet' })));
    this.current.hidden = true;
    this.editing.hidden = false;
    this.editor.focus();
    return this.editor;
  }

  /** A file that the browser cannot show may be one that the server can. */
  editUnseen(file) {
    if (file.type && !file.type.startsWith('image/')) {
      this.refusal.show(`“${file.name}” is not a picture.`, `Choose a ${KINDS}.`);
      this.endEditing();
      return;
    }
    fill(this.editing, el('p', {}, `This browser cannot show “${file.name}”. visage may be able to read it all the same.`),
      el('div', { class: 'row' }, button('Upload it', () => this.upload(file), { class: 'main' }),
        button('Cancel', () => this.endEditing(true), { class: 'quiet' })));
    this.current.hidden = true;
    this.editing.hidden = false;
  }

  endEditing(backToChoice = false) {
    this.editor?.close();
    this.editor = null;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.croppedUrl = null;
    release(this.editing);
    fill(this.editing);
    this.editing.hidden = true;
    this.current.hidden = false;
    if (backToChoice) {
      this.refusal.hide();
      this.file.focus();
    }
  }

  async upload(file, crop) {
    if (this.isSending) return;
    const form = new FormData();
    if (crop) form.append('crop', JSON.stringify(crop));
    form.append('profileImage', file);
    await this.change(async () => {
      const answer = await withProgress(this.bar, (signal, onProgress) => send('/api/users/profile-image', form, { signal, onProgress }));
      return [answer.profileImage, 'Your new picture is in place.'];
    });
  }

  async cropAgain() {
    const { image } = this;
    const { profileImage, preview, original, crop, faces } = image;
    this.refusal.hide();
    // Where the server does not know how large the picture is, the picture does.
    const { width, height } = original.width ? original : await sizeOf(original.url);
    if (this.image !== image || this.url) return;
    if (!width) {
      this.refusal.show('The picture cannot be loaded now. Please try again.');
      return;
    }
    this.croppedUrl = profileImage;
    this.edit({
      url: preview, width, height, crop, faces, verb: 'Save', save: (rectangle) => this.change(async () => {
        const answer = await call('PUT', '/api/users/profile-image/crop', { ...rectangle, profileImage });
        return [answer.profileImage, 'Your picture is cropped.'];
      }),
    });
  }

  async remove() {
    const isSure = await confirmed('Remove your picture?', 'Others will see your initials.', 'Remove');
    if (!isSure) return;
    await this.change(async () => {
      await call('DELETE', '/api/users/profile-image');
      return [undefined, 'Your picture is removed.'];
    });
  }

  /** Carries out a change. A refusal leaves everything, also what was chosen, as it was. */
  async change(act) {
    this.isSending = true;
    this.refusal.hide();
    this.setBusy(true);
    try {
      const [profileImage, sentence] = await act();
      session.update(this.userId, { profileImage });
      if (this.isOfSession) say(sentence);
      if (this.isClosed) return;
      this.endEditing();
      await this.load();
      this.file.focus();
    } catch (refusal) {
      await this.failed(refusal);
    } finally {
      this.isSending = false;
      this.setBusy(false);
      if (!this.isClosed) keepFocus();
    }
  }

  /** Tells what has become of a change that failed, as far as that is known. */
  async failed(refusal) {
    if (!this.isOfSession) return;
    if (this.isClosed) {
      say(refusal.name === 'AbortError' ? 'The upload was cancelled.' : refusal.message);
      return;
    }
    if (isUnanswered(refusal)) {
      await this.find(refusal);
      return;
    }
    // The picture is another one by now, or is gone.
    if ([404, 409].includes(refusal.status)) await this.load();
    this.refusal.show(refusal.message, ...[advice(refusal, KINDS)].filter(Boolean));
  }

  /** Looks whether a change that was not answered was made. */
  async find(refusal) {
    const wasCancelled = refusal.name === 'AbortError';
    const before = this.image?.profileImage;
    const isKnown = await this.load();
    if (this.isClosed || (wasCancelled && !isKnown)) return;
    if (isKnown && this.image.profileImage !== before) {
      this.endEditing();
      say(wasCancelled ? 'It was too late to cancel: your picture has changed.' : 'The answer did not arrive, but your picture has changed.');
    } else if (wasCancelled) {
      say('The upload was cancelled. Your picture is what it was.');
    } else {
      this.refusal.show(refusal.message, button('Look again', () => this.find(refusal)));
    }
  }

  setBusy(isBusy) {
    for (const control of this.editing.querySelectorAll('button, input')) control.disabled = isBusy;
  }
}

async function sizeOf(url) {
  const img = await decode(url);
  return { width: img?.naturalWidth, height: img?.naturalHeight };
}

export function show(main) {
  const view = new View(main);
  return () => view.close();
}
