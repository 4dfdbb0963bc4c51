// Calls the API. What is refused is an error whose message is the server's own sentence.

import { kept, signOut, token } from './session.js';

export const ENDED = 'Your session has ended. Please sign in again.';
const OFFLINE = 'You are offline. Connect to the network and try again.';
const UNREACHABLE = 'The server cannot be reached. Please try again.';
// What was sent may have been carried out, whether its answer came or not.
const OFFLINE_SINCE = 'You are offline. Connect to the network, and look whether it is done before you try again.';
const UNANSWERED = 'The answer did not arrive. Look whether it is done before you try again.';

export class Refusal extends Error {
  constructor(message, status = 0, code = '') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What to do about a refused picture, where the server's sentence alone does not say it. */
export function advice(refusal, kinds = 'JPEG, PNG, WebP, GIF or AVIF picture') {
  if (refusal.code === 'too_large' || refusal.status === 413) return 'Choose a smaller picture, or save this one with fewer pixels.';
  if (refusal.status === 415 && !refusal.message.includes('Send a')) return `Choose a ${kinds}.`;
  return null;
}

/** Whether it is open what has become of a request: it was given up, or no answer came. */
export const isUnanswered = (error) => error.name === 'AbortError' || (error instanceof Refusal && !error.status);

function unreachable(method) {
  if (method === 'GET') return new Refusal(navigator.onLine ? UNREACHABLE : OFFLINE);
  return new Refusal(navigator.onLine ? UNANSWERED : OFFLINE_SINCE);
}

const headers = (extra = {}) => {
  const mine = token();
  return mine ? { ...extra, Authorization: `Bearer ${mine}` } : extra;
};

/**
 * The answer's JSON, or the refusal. Whoever was signed in, by the token `asked` with, and is not believed any more is signed
 * out; whoever has signed in meanwhile is not.
 */
function read(status, text, asked) {
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // What is no JSON says nothing.
  }
  if (status >= 200 && status < 300) return body;
  if (status === 401 && asked) {
    if (asked === kept()) signOut(ENDED);
    throw new Refusal(ENDED, status, 'ended');
  }
  const message = body?.message ?? body?.error?.message ?? `The server answered ${status}. Please try again.`;
  throw new Refusal(message, status, body?.code);
}

/** Calls with JSON. */
export async function call(method, path, body, signal) {
  const asked = kept();
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' };
  let answer;
  let text;
  try {
    answer = await fetch(path, {
      method, signal, headers: headers(json), cache: 'no-store', body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await answer.text();
  } catch (error) {
    throw error.name === 'AbortError' ? error : unreachable(method);
  }
  return read(answer.status, text, asked);
}

/** Sends a form, telling how far it is; `signal` gives it up. */
export function send(path, form, { signal, onProgress } = {}) {
  const asked = kept();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText, asked));
      } catch (refusal) {
        reject(refusal);
      }
    };
    request.onerror = () => reject(unreachable('POST'));
    request.onabort = () => reject(new DOMException('given up', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

/** A progress bar with a button that gives up, while `work(signal, onProgress)` is under way. */
export async function withProgress(bar, work) {
  const stop = new AbortController();
  bar.start(() => stop.abort());
  try {
    return await work(stop.signal, (part) => bar.show(part));
  } finally {
    bar.end();
  }
}
