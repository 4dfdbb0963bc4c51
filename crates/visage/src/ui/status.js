// How visage stands, for administrators.

import { call } from './api.js';
import { ago, button, bytes, el, fill, notice, number } from './dom.js';

const EVERY_MS = 10000;

const pair = (name, value) => value !== undefined && value !== null && [el('dt', {}, name), el('dd', {}, value)];
const panel = (title, ...pairs) => el('section', { class: 'card', 'aria-label': title }, el('h2', {}, title), el('dl', {}, pairs));
const of = (part, whole) => `${bytes(part)} of ${bytes(whole)}`;
/** `destroyed_pictures` as words. */
const words = (name) => name.replace(/_/g, ' ');

function reaper({ pending, expired, takenIn, lastPass }) {
  const did = Object.entries(lastPass?.did ?? {}).filter(([, count]) => count > 0).map(([name, count]) => `${count} ${words(name)}`);
  const last = !lastPass ? 'none yet' : `${ago(lastPass.endedAt)}: ${lastPass.ok ? did.join(', ') || 'nothing to do' : 'failed, see the log'}`;
  return panel('Reaper', pair('Exchanges under way', number(pending)), pair('To be destroyed', number(expired)),
    pair('Taken in for the account', takenIn ? number(takenIn) : null), pair('Last pass', last));
}

function scrub({ enabled, damagedOriginals, roundBegunAt, lastRoundEndedAt }) {
  return panel('Scrub', pair('Damaged originals', number(damagedOriginals)), pair('Looks by itself', enabled ? 'yes' : 'no'),
    pair('Round under way since', roundBegunAt && ago(roundBegunAt)), pair('Last whole round', lastRoundEndedAt ? ago(lastRoundEndedAt) : 'none yet'));
}

function backup({ scheduled, ok, lastSuccessAt, lastFailureAt }) {
  const state = ok ? 'as planned' : 'missing, see the log';
  return panel('Backup', pair('Made by itself', scheduled ? state : 'no: back up with visage backup'),
    pair('Last one', lastSuccessAt ? ago(lastSuccessAt) : 'none yet'), pair('Last failure', lastFailureAt && ago(lastFailureAt)));
}

function panels({ version, startedAt, cloudName, mediaHost, storage, cache, reaper: reaping, scrub: scrubbing, backup: backups }) {
  return [
    panel('Server', pair('Version', version), pair('Running since', new Date(startedAt).toLocaleString()), pair('Cloud name', cloudName),
      pair('Pictures go to', mediaHost.kind === 'cloudinary' ? 'a Cloudinary account' : 'the embedded store'),
      pair('Circuit breaker', mediaHost.breaker)),
    panel('Storage', pair('Assets', number(storage.assets)), pair('Originals', bytes(storage.originalBytes)),
      pair('Derived images', `${number(storage.derived)}, ${bytes(storage.derivedBytes)}`),
      pair('Kept versions', bytes(storage.backupBytes)),
      pair('Disk', storage.diskBytes && `${bytes(storage.diskFreeBytes)} free of ${bytes(storage.diskBytes)}`)),
    panel('Cache', pair('In memory', of(cache.hotBytes, cache.hotMaxBytes)), pair('On disk', of(cache.derivedBytes, cache.derivedMaxBytes))),
    reaper(reaping), scrub(scrubbing), backup(backups),
  ];
}

export function show(main) {
  const refusal = notice();
  const place = el('div', { class: 'panels' });
  const load = async () => {
    try {
      fill(place, panels(await call('GET', '/api/admin/status')));
      refusal.hide();
    } catch (error) {
      refusal.show(error.message, button('Try again', load));
    }
  };
  fill(main, el('h1', {}, 'Status'), refusal.element, place);
  load();
  const timer = setInterval(() => document.hidden || load(), EVERY_MS);
  return () => clearInterval(timer);
}
