// The feed: posts that live for a while, with pictures or videos, likes and comments.

import { advice, call, send, withProgress } from './api.js';
import { add, ago, avatar, button, confirmed, duration, el, field, fill, imageUrl, notice, progress, say } from './dom.js';
import * as session from './session.js';

const PAGE = 10;
/** How often the time that is left is told anew. */
const TICK_MS = 15000;
const MEDIA = 'JPEG, PNG, WebP, GIF or AVIF picture, or an MP4 or WebM video';

const people = (user) => ({ id: user?._id, name: user?.name ?? 'Somebody who left', profileImage: user?.profileImage });
const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;

/** Where a new post is written. */
class Composer {
  constructor(onPost) {
    this.onPost = onPost;
    this.refusal = notice();
    this.bar = progress('Uploading');
    this.text = el('textarea', { rows: 3, maxlength: 5000 });
    this.file = el('input', { type: 'file', accept: 'image/*,video/*', id: 'media', class: 'unseen', onChange: () => this.choose() });
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
    if (!file) return;
    this.url = URL.createObjectURL(file);
    const seen = file.type.startsWith('video/')
      ? el('video', { src: this.url, controls: true, muted: true }) : el('img', { src: this.url, alt: 'The picture of your post' });
    seen.addEventListener('error', () => seen.replaceWith(el('p', { class: 'hint' }, 'No preview')));
    fill(this.preview, seen, el('div', { class: 'row between' }, el('span', { class: 'hint name' }, file.name),
      button('Take it out', () => this.clear(), { class: 'quiet' })));
    this.preview.hidden = false;
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
      this.text.value = '';
      this.file.value = '';
      this.clearPreview();
      this.onPost(post);
      say('Posted');
    } catch (refusal) {
      if (refusal.name === 'AbortError') say('The upload was cancelled. Nothing was posted.');
      else this.refusal.show(refusal.message, ...[advice(refusal, MEDIA)].filter(Boolean));
    } finally {
      this.post.disabled = false;
    }
  }
}

/** One post. */
class Post {
  constructor(post, onGone) {
    Object.assign(this, { post, onGone });
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
    return this.act(async () => {
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
      this.act(async () => {
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
      mayDelete && button('Delete', () => this.act(async () => {
        await call('DELETE', `/api/posts/${this.id}/comment/${encodeURIComponent(comment._id)}`);
        item.remove();
      }), { class: 'quiet', 'aria-label': 'Delete this comment' }));
    add(this.comments, [item]);
  }

  async remove() {
    if (!(await confirmed('Delete this post?', 'Its picture, likes and comments go with it.', 'Delete'))) return;
    await this.act(async () => {
      await call('DELETE', `/api/posts/${this.id}`);
      say('The post is deleted.');
      this.onGone(this);
    });
  }

  async act(work) {
    this.refusal.hide();
    try {
      await work();
    } catch (refusal) {
      this.refusal.show(refusal.message);
      // It went while it was looked at.
      if (refusal.status === 404) this.onGone(this);
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
    post.element.remove();
    update();
  };
  const put = (data, isFirst) => {
    if ([...posts].some((post) => post.post._id === data._id)) return;
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

  const composer = new Composer((post) => {
    put(post, true);
    update();
  });
  fill(main, el('div', { class: 'middle-column stack' }, el('h1', {}, 'Feed'), composer.element, refusal.element, list, empty, el('div', { class: 'row' }, more)));
  load();
  const timer = setInterval(() => {
    for (const post of [...posts]) if (!post.tick()) gone(post);
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    composer.clearPreview();
  };
}
