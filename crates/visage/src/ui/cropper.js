// The crop frame: a square part of a picture, chosen with mouse, touch or keyboard. It gives a rectangle in pixels of the
// upright picture and a turn; the picture itself is never changed.

import { button, el, pixels } from './dom.js';

/** How much larger than a face, from brow to chin, the frame is that begins there: as the server's own crop. */
const FACE_MARGIN = 1.8;
/** The part of the stage that the frame takes; the rest shows what is left out. */
const FRAME = 0.8;
/** No closer than this many pixels of the picture. */
const MIN_SIDE = 48;
const PREVIEWS = [96, 48, 32];

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));

/** The square that shows a face, or else the upper middle, where faces are. */
export function square(width, height, face) {
  const longest = Math.min(width, height);
  if (!face) return { side: longest, cx: width / 2, cy: longest / 2 + (height - longest) / 3 };
  const [x, y, w, h] = face;
  return { side: Math.min(longest, Math.max(w, h) * FACE_MARGIN), cx: x + w / 2, cy: y + h / 2 };
}

/** A copy of the picture that is shown through a window as large as `side()` says. */
class Pane {
  constructor(url, alt) {
    this.img = el('img', { src: url, alt, draggable: 'false' });
  }

  /** Draws `state` so that its square fills `frame` pixels in the middle of `stage` pixels. */
  draw({ width, height, side, cx, cy, turn }, stage, frame) {
    const scale = frame / side;
    const { style } = this.img;
    style.width = `${width * scale}px`;
    style.height = `${height * scale}px`;
    style.transform = `translate(${stage / 2}px, ${stage / 2}px) rotate(${turn}deg) translate(${-cx * scale}px, ${-cy * scale}px)`;
  }
}

/**
 * A crop frame over the picture at `url`, of `width` × `height` pixels. It begins at `crop` if there is one, else at the
 * first of `faces`. `onInput` is told when somebody has moved it.
 */
export function cropper({ url, width, height, crop, faces = [], onInput }) {
  const start = crop
    ? { side: Math.min(crop.width, crop.height), cx: crop.x + crop.width / 2, cy: crop.y + crop.height / 2, turn: crop.turn }
    : { ...square(width, height, faces[0]), turn: 0 };
  const state = { width, height, ...start };
  const least = Math.min(MIN_SIDE, width, height);
  const most = Math.min(width, height);
  const big = new Pane(url, 'The picture that is cropped');
  const small = PREVIEWS.map((size) => ({ size, pane: new Pane(url, '') }));
  const told = el('output', { class: 'hint' });
  const zoom = el('input', { type: 'range', min: 0, max: 100, step: 1, id: 'zoom' });
  const stage = el('div', {
    class: 'stage', tabindex: 0, role: 'application', 'aria-label': 'Crop frame', 'aria-describedby': 'crop-help',
  }, big.img, el('div', { class: 'mask', 'aria-hidden': 'true' }));
  let isTouched = false;

  // The zoom's slider is logarithmic: each step is as much larger as the one before.
  const range = () => Math.log(most / least) || 1;
  const rectangle = () => {
    const side = clamp(Math.round(state.side), 1, most);
    return {
      x: clamp(Math.round(state.cx - side / 2), 0, width - side),
      y: clamp(Math.round(state.cy - side / 2), 0, height - side),
      width: side,
      height: side,
      turn: state.turn,
    };
  };

  function draw() {
    const size = stage.clientWidth;
    if (size) big.draw(state, size, size * FRAME);
    for (const one of small) one.pane.draw(state, one.size, one.size);
    zoom.value = String(Math.round((Math.log(most / state.side) / range()) * 100));
    const r = rectangle();
    const turned = r.turn ? `, turned by ${r.turn}°` : '';
    told.textContent = `Shows ${pixels(r.width, r.height)} of ${pixels(width, height)} pixels${turned}`;
  }

  function settle(isInput = true) {
    state.side = clamp(state.side, least, most);
    state.cx = clamp(state.cx, state.side / 2, width - state.side / 2);
    state.cy = clamp(state.cy, state.side / 2, height - state.side / 2);
    isTouched ||= isInput;
    draw();
    if (isInput) onInput?.();
  }

  /** Moves the picture under the frame by pixels of the screen. */
  function drag(dx, dy) {
    const scale = (stage.clientWidth * FRAME) / state.side;
    const angle = (-state.turn * Math.PI) / 180;
    state.cx -= (dx * Math.cos(angle) - dy * Math.sin(angle)) / scale;
    state.cy -= (dx * Math.sin(angle) + dy * Math.cos(angle)) / scale;
    settle();
  }

  const scaleBy = (factor) => {
    state.side *= factor;
    settle();
  };
  const turnBy = (degrees) => {
    state.turn = (state.turn + degrees + 360) % 360;
    settle();
  };
  const reset = () => {
    Object.assign(state, start);
    settle();
  };

  zoom.addEventListener('input', () => {
    state.side = most / Math.exp((Number(zoom.value) / 100) * range());
    settle();
  });
  listen(stage, { drag, scaleBy, turnBy, reset });
  const observer = new ResizeObserver(draw);
  observer.observe(stage);
  settle(false);

  const element = el('div', { class: 'cropper' }, stage,
    el('div', { class: 'crop-tools' },
      el('div', { class: 'field' }, el('label', { for: 'zoom' }, 'Zoom'), zoom),
      el('div', { class: 'row' },
        button('Turn left', () => turnBy(-90)), button('Turn right', () => turnBy(90)), button('Reset', reset, { class: 'quiet' })),
      el('div', { class: 'row previews', 'aria-hidden': 'true' },
        small.map(({ size, pane }) => el('div', { class: `pane p${size}` }, pane.img))),
      told,
      el('p', { class: 'hint', id: 'crop-help' },
        'Drag the picture, or use the arrow keys. Plus and minus zoom, R turns, Home begins again.')));
  return {
    element,
    rectangle,
    /** Goes to a face that was found later, unless somebody has moved the frame already. */
    suggest(face) {
      if (isTouched || crop || !face) return;
      Object.assign(start, square(width, height, face));
      Object.assign(state, start);
      settle(false);
    },
    focus: () => stage.focus(),
    close: () => observer.disconnect(),
  };
}

/** Mouse, touch, wheel and keys. */
function listen(stage, { drag, scaleBy, turnBy, reset }) {
  const pointers = new Map();
  const distance = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  stage.addEventListener('pointerdown', (event) => {
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const apart = pointers.size === 2 ? distance() : 0;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (apart) scaleBy(apart / Math.max(1, distance()));
    else if (pointers.size === 1) drag(event.clientX - before.x, event.clientY - before.y);
  });
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) {
    stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    scaleBy(Math.exp(clamp(event.deltaY, -100, 100) / 500));
  }, { passive: false });

  const step = (event) => (event.shiftKey ? 40 : 8);
  const keys = {
    ArrowLeft: (event) => drag(step(event), 0),
    ArrowRight: (event) => drag(-step(event), 0),
    ArrowUp: (event) => drag(0, step(event)),
    ArrowDown: (event) => drag(0, -step(event)),
    '+': () => scaleBy(1 / 1.1),
    '=': () => scaleBy(1 / 1.1),
    '-': () => scaleBy(1.1),
    r: () => turnBy(90),
    R: () => turnBy(-90),
    Home: reset,
  };
  stage.addEventListener('keydown', (event) => {
    const key = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!key) return;
    event.preventDefault();
    key(event);
  });
}
