// Who is signed in. The names and shapes in localStorage are those that the application's own pages use, so that whoever is
// signed in there is signed in here, and the other way round.

const TOKEN = 'token';
const USER = 'userData';
const listeners = new Set();

/** What a token says, as the pages read it; `null` when it cannot be read. The server alone decides whether it is good. */
export function claims(token) {
  try {
    const text = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  } catch {
    return null;
  }
}

const isOver = (token) => !(claims(token)?.exp * 1000 > Date.now());

/** What is kept as the token, whether its time is over or not. */
export const kept = () => localStorage.getItem(TOKEN);

/** The token, while its time is not over. */
export function token() {
  const one = kept();
  return one && !isOver(one) ? one : null;
}

/** `{id, name, email, role, profileImage?}` of who is signed in. */
export function user() {
  const mine = token();
  if (!mine) return null;
  const said = claims(mine);
  let data = null;
  try {
    data = JSON.parse(localStorage.getItem(USER));
  } catch {
    // What somebody else wrote there counts as nothing.
  }
  const name = typeof data?.name === 'string' ? data.name : '';
  const isTheirs = data?.id === said.userId;
  return { ...(isTheirs ? data : {}), name: isTheirs ? name : '', id: said.userId, email: said.email, role: said.role };
}

export const isAdmin = () => user()?.role === 'admin';

export function signIn(newToken, data) {
  localStorage.setItem(TOKEN, newToken);
  localStorage.setItem(USER, JSON.stringify(data));
  changed();
}

/** Ends the session. The sentence, if any, says why. */
export function signOut(sentence) {
  localStorage.removeItem(TOKEN);
  localStorage.removeItem(USER);
  changed(sentence);
}

/** Changes what is kept of the user `id`, while that is who is signed in; all tabs learn of it. */
export function update(id, changes) {
  const now = user();
  if (!now || now.id !== id) return;
  localStorage.setItem(USER, JSON.stringify({ ...now, ...changes }));
  changed();
}

/** Calls `listener` whenever somebody signs in or out or changes, here or in another tab, until what it returns is called. */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed(sentence) {
  for (const listener of listeners) listener(sentence);
}

/** Whether a session is kept whose time is over. */
export const isStale = () => Boolean(kept()) && !token();

addEventListener('storage', (event) => {
  if (event.key === null || event.key === TOKEN || event.key === USER) changed();
});
