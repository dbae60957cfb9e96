// Black-and-white, sepia and toned photos: paint is given the photo's own tone; see maskgan/editing/tones.py.
// In such a photo (R - Y, B - Y) lies on a curve over luma Y.

export const LUMA = [0.299, 0.587, 0.114];
const STEPS = 33; // of luma, between which the curve is linear
const [MEAN_OFF, MOST_OFF] = [1.5, 6]; // how far colours may lie off the curve: on the average, and for 99 in 100 pixels

export const lumaAt = (data, i) => LUMA[0] * data[i] + LUMA[1] * data[i + 1] + LUMA[2] * data[i + 2];

/** [R, G, B] of this luma whose red and blue differ from it by so much. */
export function withChroma(luma, red, blue) {
  const green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1];
  return [luma + red, luma + green, luma + blue];
}

function onCurve(curve, luma) {
  const place = (Math.min(Math.max(luma, 0), 255) / 255) * (STEPS - 1);
  const step = Math.min(Math.floor(place), STEPS - 2);
  return curve.map((values) => values[step] + (place - step) * (values[step + 1] - values[step]));
}

/** Values at all steps from those at known ones, linear between them and level beyond. */
function interpolated(known) {
  return Array.from({ length: STEPS }, (_, i) => {
    const below = known.findLast(([at]) => at <= i) ?? known[0];
    const above = known.find(([at]) => at >= i) ?? known.at(-1);
    return above[0] === below[0] ? below[1] : below[1] + ((i - below[0]) / (above[0] - below[0])) * (above[1] - below[1]);
  });
}

/** The two curves of a photo without colours; null for one in colour. */
export function toneOf({ width, height, data }) {
  const step = Math.max(1, Math.floor(Math.max(width, height) / 256));
  const places = [];
  for (let y = 0; y < height; y += step) for (let x = 0; x < width; x += step) places.push(3 * (y * width + x));
  const count = new Array(STEPS).fill(0);
  const sums = [new Array(STEPS).fill(0), new Array(STEPS).fill(0)];
  for (const i of places) {
    const luma = lumaAt(data, i);
    const bin = Math.round((luma / 255) * (STEPS - 1));
    count[bin]++;
    sums[0][bin] += data[i] - luma;
    sums[1][bin] += data[i + 2] - luma;
  }
  const curve = sums.map((sum) => interpolated(sum.map((total, bin) => [bin, total / count[bin]]).filter(([bin]) => count[bin])));
  const off = Float32Array.from(places, (i) => {
    const luma = lumaAt(data, i);
    const [red, blue] = onCurve(curve, luma);
    return Math.max(Math.abs(data[i] - luma - red), Math.abs(data[i + 2] - luma - blue));
  }).sort();
  const mean = off.reduce((a, b) => a + b) / off.length;
  return mean <= MEAN_OFF && off[Math.floor(0.99 * (off.length - 1))] <= MOST_OFF ? curve : null;
}

/** Gives the first three planes of a picture a tone, in place; their luma stays. */
export function applyTone(curve, { channels, data }) {
  for (let i = 0; i < data.length; i += channels) {
    const luma = lumaAt(data, i);
    withChroma(luma, ...onCurve(curve, luma)).forEach((value, c) => (data[i + c] = Math.min(Math.max(value, 0), 255)));
  }
}
