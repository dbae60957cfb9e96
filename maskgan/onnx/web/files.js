// Pictures in and out of files. Result files carry the mark that trained networks drew part of them (XMP).

import { picture } from "./pixels.js";

const MOST_PIXELS = 64e6;
const LEAST_SIDE = 64;

/** A picture file as RGB: upright, in sRGB, over white; refused when a side has fewer pixels than `least`. */
export async function decode(blob, least = LEAST_SIDE) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    throw new Error("This browser cannot read that file as a picture; save it as JPEG or PNG.");
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw new Error("The picture has more than 64 megapixels; make it smaller first.");
  if (Math.min(width, height) < least) throw new Error(`The picture needs at least ${least} pixels on each side.`);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8ClampedArray(3 * width * height);
  for (let i = 0, j = 0; j < rgb.length; i += 4) {
    rgb[j++] = data[i];
    rgb[j++] = data[i + 1];
    rgb[j++] = data[i + 2];
  }
  return picture(width, height, 3, rgb);
}

/** A picture of RGB for a canvas. */
export function imageData({ width, height, data }) {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0, j = 0; j < data.length; i += 4) {
    rgba[i] = data[j++];
    rgba[i + 1] = data[j++];
    rgba[i + 2] = data[j++];
  }
  return new ImageData(rgba, width, height);
}

/** A picture as a file of type "image/png" or "image/jpeg"; `packet`: the mark's XMP, or null for an unedited photo. */
export async function encode(image, type, packet) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(imageData(image), 0, 0);
  const file = await canvas.convertToBlob({ type, quality: 0.95 });
  if (!packet) return file;
  const [at, mark] = type === "image/png" ? [33, pngChunk(packet)] : [await endOfHeader(file), jpegSegment(packet)];
  return new Blob([file.slice(0, at), mark, file.slice(at)], { type });
}

/** An iTXt chunk, which goes behind the header chunk. */
function pngChunk(packet) {
  const body = concatenated(latin("iTXtXML:com.adobe.xmp\0\0\0\0\0"), packet);
  return concatenated(bigEndian(body.length - 4), body, bigEndian(crc32(body)));
}

/** An APP1 segment, which goes behind the JFIF one. */
function jpegSegment(packet) {
  const body = concatenated(latin("http://ns.adobe.com/xap/1.0/\0"), packet);
  return concatenated([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255], body);
}

async function endOfHeader(jpeg) {
  const start = new DataView(await jpeg.slice(0, 6).arrayBuffer());
  return start.getUint16(2) === 0xffe0 ? 4 + start.getUint16(4) : 2;
}

const latin = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const bigEndian = (value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const concatenated = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
