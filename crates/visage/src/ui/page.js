// The page: the header, and which view is shown. Views are modules with `show(main, rest)`; what they return is called when
// another view takes their place.

import { ENDED, call } from './api.js';
import { avatar, button, el, fill, keepFocus, notice, say } from './dom.js';
import * as session from './session.js';
import * as signIn from './sign-in.js';

const MEMBERS = [
  { path: 'picture', title: 'Profile picture', load: () => import('./picture.js') },
  { path: 'feed', title: 'Feed', load: () => import('./feed.js') },
];
const ADMINS = [
  { path: 'library', title: 'Library', load: () => import('./library.js') },
  { path: 'status', title: 'Status', load: () => import('./status.js') },
];
// The administrator of the settings is no user and has no picture.
const hasPicture = (user) => /^[0-9a-f]{24}$/.test(user.id);
const viewsOf = (user) => [...(hasPicture(user) ? MEMBERS : []), ...(user.role === 'admin' ? ADMINS : [])];

const main = document.getElementById('main');
const places = document.getElementById('places');
const who = document.getElementById('who');
let leave = null;
let shownFor = null;
let shown = null;

function header(user) {
  const views = user ? viewsOf(user) : [];
  places.hidden = !views.length;
  fill(places, views.map((view) => el('a', { href: `#/${view.path}`, 'aria-current': view.path === shown ? 'page' : null }, view.title)));
  if (!user) return fill(who);
  return fill(who, avatar(user, 32), el('span', { class: 'name' }, user.name || user.email),
    button('Sign out', () => session.signOut('You have signed out.'), { class: 'quiet' }));
}

const decoded = (part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

async function route() {
  const user = session.user();
  const [, path = '', ...rest] = location.hash.split('/');
  if (!user) return sessionChanged();
  const views = viewsOf(user);
  const view = views.find((one) => one.path === path) ?? views[0];
  if (!view) return header(user);
  shown = view.path;
  header(user);
  document.title = `${view.title} – visage`;
  const { show } = await view.load().catch(() => ({ show: showFailure }));
  // Somebody may have gone on while the view was loaded.
  if (shown !== view.path || session.user()?.id !== user.id) return undefined;
  leave?.();
  fill(main);
  leave = show(main, rest.map(decoded)) ?? null;
  return undefined;
}

/** In place of a view that did not arrive. Browsers keep that a module failed, so that only a new page tries again. */
function showFailure(place) {
  const failure = notice();
  fill(place, failure.element);
  failure.show('The page could not be loaded.', button('Try again', () => location.reload()));
}

/** Shows the sign-in view, or the view of the address, when somebody has come or gone; else the header alone. */
function sessionChanged(sentence) {
  if (session.isStale()) return session.signOut(ENDED);
  const user = session.user();
  const id = user?.id ?? '';
  if (id === shownFor) return header(user);
  const isFirst = shownFor === null;
  const wasSignedIn = Boolean(shownFor);
  shownFor = id;
  leave?.();
  leave = null;
  if (!user) {
    shown = null;
    document.title = 'visage';
    header(null);
    signIn.show(main, sentence ?? (wasSignedIn ? 'You have signed out.' : null));
    return undefined;
  }
  refresh();
  // A page that was just opened begins at its top; whoever has just signed in goes on in the content.
  return isFirst ? route() : route().then(keepFocus);
}

/** The picture may have been changed elsewhere since it was kept. */
async function refresh() {
  const user = session.user();
  if (!user || !hasPicture(user)) return;
  try {
    const profile = await call('GET', '/api/users/profile');
    if (session.user()?.id !== profile._id) return;
    if (profile.name !== user.name || profile.profileImage !== user.profileImage) {
      session.update(user.id, { name: profile.name, profileImage: profile.profileImage });
    }
  } catch (refusal) {
    if (session.user()?.id !== user.id) return;
    if (refusal.status === 404) session.signOut('This account does not exist any more.');
    else say(refusal.message);
  }
}

document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener('hashchange', () => {
  main.focus({ preventScroll: true });
  route();
});
// A file that is dropped beside its place must not take the place of the page.
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());
addEventListener('visibilitychange', () => {
  if (!document.hidden && session.isStale()) session.signOut(ENDED);
});
session.onChange(sessionChanged);
sessionChanged();
