// Pictures that the tests draw: nobody's face is in them.

import { crc32, deflateSync } from 'node:zlib';

const crc = crc32 ?? ((bytes) => {
  let c = ~0;
  for (const byte of bytes) {
    c ^= byte;
    for (let i = 0; i < 8; i += 1) c = (c >>> 1) ^ (0xedb88320 & -(c & 1));
  }
  return ~c >>> 0;
});

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body) >>> 0, body.length + 4);
  return out;
}

/** A PNG whose pixels are `colour(x, y)`, each `[r, g, b]`. */
export function png(width, height, colour) {
  const rows = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      rows.set(colour(x, y), y * (1 + width * 3) + 1 + x * 3);
    }
  }
  return encode(width, height, rows);
}

function encode(width, height, rows) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0)),
  ]);
}

export const plain = (width, height, rgb) => png(width, height, () => rgb);

/** Red, green, blue and yellow quarters, clockwise from the top left. */
export const quarters = (width, height) => png(width, height, (x, y) => {
  if (y < height / 2) return x < width / 2 ? [220, 20, 20] : [20, 180, 20];
  return x < width / 2 ? [220, 190, 20] : [20, 20, 220];
});

/** A hill under a sky, for screenshots. */
export const landscape = (width, height) => png(width, height, (x, y) => {
  const hill = height * (0.62 + 0.1 * Math.sin((x / width) * 7));
  const sun = Math.hypot(x - width * 0.68, y - height * 0.3) < height * 0.12;
  if (sun) return [255, 214, 120];
  const t = y / height;
  return y > hill ? [46, 110 - 40 * t, 92] : [120 + 90 * t, 176 + 30 * t, 214 - 10 * t];
});

/** Noise, so that it cannot be made small. */
export function noise(width, height) {
  let state = 1;
  return png(width, height, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return [state >>> 24, (state >>> 16) & 255, (state >>> 8) & 255];
  });
}

/** All black, so that it is small whatever its size. */
export const black = (width, height) => encode(width, height, Buffer.alloc(height * (1 + width * 3)));
