// Files that come to the page other than by the file input, and what pictures look like.

import { eventually } from './browser.mjs';

/** A file as text, which is what reaches the page. */
export const fileOf = (name, bytes, type = 'image/png') => ({ name, type, data: bytes.toString('base64') });

const transfer = (page, file) => page.evaluateHandle(({ name, type, data }) => {
  const moved = new DataTransfer();
  moved.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
  return moved;
}, file);

export async function drop(page, selector, file) {
  const dataTransfer = await transfer(page, file);
  await page.dispatchEvent(selector, 'dragover', { dataTransfer });
  await page.dispatchEvent(selector, 'drop', { dataTransfer });
}

export async function paste(page, file) {
  const moved = await transfer(page, file);
  await page.evaluate((clipboardData) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })), moved);
}

/** A JPEG of `width` × `height` whose camera says 144 dots per inch and half as many pixels, as some do. Its quarters have colours. */
export async function fineJpeg(page, width, height) {
  const text = await page.evaluate(async ([w, h]) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [w, h];
    const pen = canvas.getContext('2d');
    for (const [i, colour] of ['rgb(220 20 20)', 'rgb(20 180 20)', 'rgb(220 190 20)', 'rgb(20 20 220)'].entries()) {
      pen.fillStyle = colour;
      pen.fillRect((i % 2) * (w / 2), Math.floor(i / 2) * (h / 2), w / 2, h / 2);
    }
    return canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
  }, [width, height]);
  const jpeg = Buffer.from(text, 'base64');
  const tiff = Buffer.alloc(8 + 2 + 4 * 12 + 4 + 16 + 2 + 2 * 12 + 4);
  tiff.write('MM\0*', 'latin1');
  tiff.writeUInt32BE(8, 4);
  let at = 8;
  const directory = (entries) => {
    at = tiff.writeUInt16BE(entries.length, at);
    for (const [tag, kind, value] of entries) {
      at = tiff.writeUInt16BE(tag, at);
      at = tiff.writeUInt16BE(kind, at);
      at = tiff.writeUInt32BE(1, at);
      // Short numbers are at the left of their place.
      tiff.writeUInt32BE(kind === 3 ? value * 65536 : value, at);
      at += 4;
    }
    at += 4;
  };
  const fractions = 8 + 2 + 4 * 12 + 4;
  directory([[0x11a, 5, fractions], [0x11b, 5, fractions + 8], [0x128, 3, 2], [0x8769, 4, fractions + 16]]);
  for (const value of [144, 1, 144, 1]) at = tiff.writeUInt32BE(value, at);
  directory([[0xa002, 4, width / 2], [0xa003, 4, height / 2]]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(tiff.length + 8, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, Buffer.from('Exif\0\0', 'latin1'), tiff, jpeg.subarray(2)]);
}

/** The colour in the middle of a picture; `null` while it is not there. */
const colour = (image) => image.evaluate(async (img) => {
  try {
    await img.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [9, 9];
  const pen = canvas.getContext('2d');
  pen.drawImage(img, 0, 0, 9, 9);
  return [...pen.getImageData(4, 4, 1, 1).data.slice(0, 3)];
});

const isNear = (found, wanted) => found !== null && found.every((value, i) => Math.abs(value - wanted[i]) < 40);

/** Waits until a picture has this colour in the middle, without a reload. */
export async function shows(image, rgb) {
  let found = null;
  const isShown = async () => {
    found = await colour(image);
    return isNear(found, rgb);
  };
  await eventually(isShown, () => `it shows ${found} instead of ${rgb}`);
}
