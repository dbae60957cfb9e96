// A whole class as a region: grow it, shrink it, smooth its outline. Every pixel that changes gets another class id as a
// whole; a region is in or out, nothing is between.

/** Offsets [dx, dy] of the pixels whose centres are within `radius` pixels. */
function disc(radius) {
  const offsets = [];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) if (dx * dx + dy * dy <= radius * radius) offsets.push([dx, dy]);
  }
  return offsets;
}

/** Indices of pixels with another `inside` than a neighbour at one of their sides, and with this one. */
function edgePixels({ width, height }, inside, wanted) {
  const pixels = [];
  for (let index = 0; index < inside.length; index++) {
    if (inside[index] !== wanted) continue;
    const x = index % width;
    const y = (index - x) / width;
    const differs =
      (x > 0 && inside[index - 1] !== wanted) ||
      (x + 1 < width && inside[index + 1] !== wanted) ||
      (y > 0 && inside[index - width] !== wanted) ||
      (y + 1 < height && inside[index + width] !== wanted);
    if (differs) pixels.push(index);
  }
  return pixels;
}

/** Indices of pixels outside (`wanted` 0) or inside (1) of a region within `radius` of its other side. The border of the
 *  picture is no outline. */
function bandPixels(size, inside, wanted, radius) {
  const { width, height } = size;
  const found = new Uint8Array(inside.length);
  const offsets = disc(radius);
  for (const index of edgePixels(size, inside, 1 - wanted)) {
    const x = index % width;
    const y = (index - x) / width;
    for (const [dx, dy] of offsets) {
      const [px, py] = [x + dx, y + dy];
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      if (inside[py * width + px] === wanted) found[py * width + px] = 1;
    }
  }
  const pixels = [];
  found.forEach((is, index) => is && pixels.push(index));
  return pixels;
}

/** Labels of `buffer` with class `id` grown by so many pixels, over what is not locked. */
function grownRegion(buffer, id, radius) {
  const inside = Uint8Array.from(buffer.labels, (label) => (label === id ? 1 : 0));
  return withRegion(buffer, id, bandPixels(buffer, inside, 0, radius), []);
}

/** Labels of `buffer` with class `id` shrunk by so many pixels; what lies nearest takes their place. */
function shrunkRegion(buffer, id, radius) {
  const inside = Uint8Array.from(buffer.labels, (label) => (label === id ? 1 : 0));
  return withRegion(buffer, id, [], bandPixels(buffer, inside, 1, radius));
}

/** Labels of `buffer` with the outline of class `id` smoothed: a pixel is in where more than half of those within
 *  `radius` are, and as it was where it is half. */
function smoothedRegion(buffer, id, radius) {
  const { width, height, labels } = buffer;
  const inside = Uint8Array.from(labels, (label) => (label === id ? 1 : 0));
  const offsets = disc(radius);
  const changing = (index) => {
    const x = index % width;
    const y = (index - x) / width;
    let balance = 0;
    for (const [dx, dy] of offsets) {
      const [px, py] = [x + dx, y + dy];
      if (px >= 0 && py >= 0 && px < width && py < height) balance += inside[py * width + px] ? 1 : -1;
    }
    return inside[index] ? balance < 0 : balance > 0;
  };
  const added = bandPixels(buffer, inside, 0, radius).filter(changing);
  return withRegion(buffer, id, added, bandPixels(buffer, inside, 1, radius).filter(changing));
}

/** Labels of `buffer` with class `id` at `added` where nothing is locked, and something else at `removed`: the nearest
 *  class that is not locked, or the nearest of all. */
function withRegion(buffer, id, added, removed) {
  const others = CLASSES.map((each) => each.id).filter((each) => each !== id);
  const free = others.filter((each) => !buffer.locked[each]);
  const labels = removed.length ? buffer.without(removed, free.length ? free : others) : buffer.labels.slice();
  for (const index of added) if (!buffer.locked[buffer.labels[index]]) labels[index] = id;
  return labels;
}
