// Files that come to the page other than by the file input, and what pictures look like.

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

/** The colour in the middle of a picture; `null` while it is not there. */
export const colour = (image) => image.evaluate(async (img) => {
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

export const isNear = (found, wanted) => found !== null && found.every((value, i) => Math.abs(value - wanted[i]) < 40);
