// The feed: posts that live for a while, with pictures or videos, likes and comments.

import { advice, call, isUnanswered, send, withProgress } from './api.js';
import { PICTURES, add, ago, avatar, button, bytes, confirmed, duration, el, field, fill, imageUrl, notice, progress, release, say } from './dom.js';
import * as session from './session.js';

const PAGE = 10;
/** How often the time that is left is told anew. */
const TICK_MS = 15000;
const VIDEOS = 'video/mp4,video/quicktime,video/webm';
const MEDIA = 'JPEG, PNG, WebP, GIF or AVIF picture, or an MP4 or WebM video';
/** The server's sentences for what went while it was looked at. */
const NO_POST = 'Post not found';
const NO_COMMENT = 'Comment not found';

const people = (user) => ({ id: user?._id, name: user?.name ?? 'Somebody who left', profileImage: user?.profileImage });
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

/** Where a new post is written. `onPost` is told of it; `look` finds out whether there is one that nobody was told of. */
class Composer {
  constructor(onPost, look) {
    Object.assign(this, { onPost, look });
    this.userId = session.user()?.id;
    /** The server's limit, once it is known. */
    this.maxBytes = null;
    this.refusal = notice();
    this.bar = progress('Uploading');
    this.text = el('textarea', { rows: 3, maxlength: 5000 });
    this.file = el('input', { type: 'file', accept: `${PICTURES},${VIDEOS}`, id: 'media', class: 'unseen', onChange: () => this.choose() });
    this.preview = el('div', { class: 'preview', hidden: true });
    this.post = el('button', { class: 'main' }, 'Post');
    this.element = el('form', { class: 'card stack', novalidate: true }, el('h2', {}, 'Share something'), this.refusal.element,
      field('What is on your mind?', this.text), this.preview,
      el('div', { class: 'row between' }, el('span', {}, this.file, el('label', { class: 'button', for: 'media' }, 'Picture or video')), this.post),
      this.bar.element);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.send();
    });
  }

  choose() {
    const [file] = this.file.files;
    this.clearPreview();
    if (!file || this.isTooLarge(file)) return;
    this.url = URL.createObjectURL(file);
    const seen = file.type.startsWith('video/')
      ? el('video', { src: this.url, controls: true, muted: true }) : el('img', { src: this.url, alt: 'The picture of your post' });
    seen.addEventListener('error', () => seen.replaceWith(el('p', { class: 'hint' }, 'No preview')));
    fill(this.preview, seen, el('div', { class: 'row between' }, el('span', { class: 'hint name' }, file.name),
      button('Take it out', () => this.clear(), { class: 'quiet' })));
    this.preview.hidden = false;
  }

  /** Says so, and takes it out. */
  isTooLarge(file) {
    this.refusal.hide();
    if (!this.maxBytes || file.size <= this.maxBytes) return false;
    this.refusal.show(`“${file.name}” has ${bytes(file.size)}; at most ${bytes(this.maxBytes)} are taken.`, 'Choose a smaller picture, or a shorter video.');
    this.clear();
    return true;
  }

  /** What has been sent goes on. */
  close() {
    this.isClosed = true;
    this.bar.cancel();
    this.clearPreview();
  }

  clear() {
    this.file.value = '';
    this.clearPreview();
    this.file.focus();
  }

  clearPreview() {
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    fill(this.preview);
    this.preview.hidden = true;
  }

  async send() {
    const [media] = this.file.files;
    const content = this.text.value.trim();
    this.refusal.hide();
    // It may have been chosen before the limit was known.
    if (media && this.isTooLarge(media)) return;
    if (!content && !media) {
      this.refusal.show('Write something, or add a picture or a video.');
      this.text.focus();
      return;
    }
    const form = new FormData();
    form.append('content', content);
    if (media) form.append('media', media);
    this.post.disabled = true;
    try {
      const work = (signal, onProgress) => send('/api/posts', form, { signal, onProgress });
      const post = media ? await withProgress(this.bar, work) : await work();
      this.onPost(post);
      this.done('Posted');
    } catch (refusal) {
      await this.failed(refusal, content);
    } finally {
      this.post.disabled = false;
    }
  }

  done(sentence) {
    this.text.value = '';
    this.file.value = '';
    this.clearPreview();
    if (session.user()?.id === this.userId) say(sentence);
  }

  /** Tells what has become of a post that failed, as far as that is known. */
  async failed(refusal, content) {
    if (session.user()?.id !== this.userId) return;
    if (this.isClosed) say(refusal.name === 'AbortError' ? 'The upload was cancelled.' : refusal.message);
    else if (isUnanswered(refusal)) await this.find(refusal, content);
    else this.refusal.show(refusal.message, ...[advice(refusal, MEDIA)].filter(Boolean));
  }

  /** Looks whether a post that was not answered is there. */
  async find(refusal, content) {
    const wasCancelled = refusal.name === 'AbortError';
    const again = button('Look again', () => this.find(refusal, content));
    try {
      const isThere = await this.look(content);
      if (this.isClosed) return;
      if (isThere) this.done(wasCancelled ? 'It was too late to cancel: your post is there.' : 'The answer did not arrive, but your post is there.');
      if (isThere) this.refusal.hide();
      else if (wasCancelled) say('The upload was cancelled. Nothing was posted.');
      else this.refusal.show(refusal.message, again);
    } catch (error) {
      this.refusal.show(wasCancelled ? error.message : refusal.message, again);
    }
  }
}

/** One post. */
class Post {
  constructor(post, onGone) {
    Object.assign(this, { post, onGone });
    /** What is under way. */
    this.busy = new Set();
    this.id = encodeURIComponent(post._id);
    this.refusal = notice();
    this.left = el('span', { class: 'left' });
    this.like = button('', () => this.toggleLike());
    this.comments = el('ul', { class: 'comments' });
    this.text = el('input', { type: 'text', maxlength: 2000, autocomplete: 'off', 'aria-label': 'Your comment', placeholder: 'Write a comment' });
    const author = people(post.user);
    const isMine = author.id && author.id === session.user()?.id;
    this.element = el('article', { class: 'card post', 'aria-label': `Post by ${author.name}` },
      el('header', { class: 'row' }, avatar(author, 40),
        el('div', { class: 'grow' }, el('strong', { class: 'name' }, author.name), el('p', { class: 'hint' }, ago(post.createdAt), ' · ', this.left)),
        isMine && button('Delete', () => this.remove(), { class: 'quiet', 'aria-label': 'Delete this post' })),
      post.content && el('p', { class: 'content' }, post.content), this.media(), this.refusal.element,
      el('div', { class: 'row' }, this.like), this.comments, this.commentForm());
    this.showLikes();
    for (const comment of post.comments ?? []) this.addComment(comment);
    this.tick();
  }

  media() {
    const src = imageUrl(this.post.media);
    if (!src) return null;
    const isVideo = this.post.mediaType === 'video';
    const seen = isVideo ? el('video', { src, controls: true, preload: 'metadata', class: 'media' })
      : el('img', { src, alt: 'The picture of this post', class: 'media', loading: 'lazy' });
    seen.addEventListener('error', () => seen.replaceWith(el('p', { class: 'hint' }, 'The picture or video is not there any more.')));
    return seen;
  }

  /** Tells the time that is left. `false`: there is none. */
  tick() {
    const ms = new Date(this.post.expiresAt).getTime() - Date.now();
    this.left.textContent = `goes in ${duration(ms)}`;
    return !(ms <= 0);
  }

  showLikes() {
    const likes = this.post.likes ?? [];
    const isLiked = likes.includes(session.user()?.id);
    fill(this.like, isLiked ? '♥ ' : '♡ ', likes.length ? count(likes.length, 'like', 'likes') : 'Like');
    this.like.setAttribute('aria-pressed', isLiked);
  }

  toggleLike() {
    return this.act('like', async () => {
      const answer = await call('POST', `/api/posts/${this.id}/like`, {});
      this.post.likes = answer.likes;
      this.showLikes();
    });
  }

  commentForm() {
    const form = el('form', { class: 'row', novalidate: true }, el('div', { class: 'grow' }, this.text), el('button', {}, 'Comment'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.text.value.trim();
      if (!text) return;
      this.act('comment', async () => {
        this.addComment(await call('POST', `/api/posts/${this.id}/comment`, { text }));
        this.text.value = '';
      });
    });
    return form;
  }

  addComment(comment) {
    const author = people(comment.user);
    const me = session.user()?.id;
    const mayDelete = me && [author.id, this.post.user?._id].includes(me);
    const item = el('li', { class: 'row' }, avatar(author, 24),
      el('div', { class: 'grow' }, el('strong', { class: 'name' }, author.name), ' ', el('span', { class: 'hint' }, ago(comment.createdAt)),
        el('p', { class: 'content' }, comment.text)),
      mayDelete && button('Delete', () => this.removeComment(comment, item), { class: 'quiet', 'aria-label': 'Delete this comment' }));
    add(this.comments, [item]);
  }

  removeComment(comment, item) {
    return this.act(comment._id, async () => {
      try {
        await call('DELETE', `/api/posts/${this.id}/comment/${encodeURIComponent(comment._id)}`);
      } catch (refusal) {
        if (refusal.message !== NO_COMMENT) throw refusal;
        say(refusal.message);
      }
      release(item);
      item.remove();
    });
  }

  async remove() {
    if (!(await confirmed('Delete this post?', 'Its picture, likes and comments go with it.', 'Delete'))) return;
    await this.act('remove', async () => {
      await call('DELETE', `/api/posts/${this.id}`);
      say('The post is deleted.');
      this.onGone(this);
    });
  }

  /** Carries out an act, once at a time, and shows a refusal. */
  async act(what, work) {
    if (this.busy.has(what)) return;
    this.busy.add(what);
    this.refusal.hide();
    try {
      await work();
    } catch (refusal) {
      if (refusal.message === NO_POST) {
        say(refusal.message);
        this.onGone(this);
      } else {
        this.refusal.show(refusal.message);
      }
    } finally {
      this.busy.delete(what);
    }
  }
}

export function show(main) {
  const posts = new Set();
  const refusal = notice();
  const list = el('div', { class: 'stack', 'aria-busy': 'true' });
  const empty = el('div', { class: 'card empty', hidden: true }, el('p', {}, 'Nothing is here yet. Posts stay for a while and then go, with their pictures.'));
  const more = button('Show more', () => load(), { hidden: true });
  let page = 0;

  const update = () => {
    empty.hidden = posts.size > 0;
  };
  const gone = (post) => {
    posts.delete(post);
    release(post.element);
    post.element.remove();
    update();
  };
  const isKnown = (data) => [...posts].some((post) => post.post._id === data._id);
  const put = (data, isFirst) => {
    if (isKnown(data)) return;
    const post = new Post(data, gone);
    if (!post.tick()) return;
    posts.add(post);
    if (isFirst) list.prepend(post.element);
    else list.append(post.element);
  };

  async function load() {
    refusal.hide();
    more.disabled = true;
    try {
      const answer = await call('GET', `/api/posts?page=${page + 1}&limit=${PAGE}`);
      page += 1;
      composer.maxBytes = answer.maxMediaBytes;
      for (const post of answer.posts) put(post);
      more.hidden = page >= answer.totalPages;
      update();
    } catch (error) {
      refusal.show(error.message, button('Try again', load));
    } finally {
      more.disabled = false;
      list.removeAttribute('aria-busy');
    }
  }

  /** Shows what has come since at the top. Whether this user's post of `content` is there. */
  async function look(content) {
    const { posts: newest } = await call('GET', `/api/posts?page=1&limit=${PAGE}`);
    const known = newest.findIndex(isKnown);
    const fresh = known < 0 ? newest : newest.slice(0, known);
    for (const post of [...fresh].reverse()) put(post, true);
    update();
    return fresh.some((post) => post.user?._id === session.user()?.id && (post.content ?? '') === content);
  }

  const composer = new Composer((post) => {
    put(post, true);
    update();
  }, look);
  fill(main, el('div', { class: 'middle-column stack' }, el('h1', {}, 'Feed'), composer.element, refusal.element, list, empty, el('div', { class: 'row' }, more)));
  load();
  const timer = setInterval(() => {
    for (const post of [...posts]) if (!post.tick()) gone(post);
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    composer.close();
  };
}
