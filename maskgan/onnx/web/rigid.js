// The simplest motion of a piece as a whole that explains its outline: translation, similarity, then affinity; damped
// Gauss-Newton steps on the signed distance to the outline before; see `_fit` of maskgan/editing/outlines.py.

const POINTS = 240; // of an outline that are looked at

/** Middle, area, and the angle of the long axis, null for round regions. */
function momentsOf(points) {
  const count = points.length;
  const [x, y] = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / count);
  let [xx, xy, yy] = [0, 0, 0];
  for (const point of points) {
    xx += (point[0] - x) ** 2;
    xy += (point[0] - x) * (point[1] - y);
    yy += (point[1] - y) ** 2;
  }
  [xx, xy, yy] = [xx / (count - 1) + 1 / 12, xy / (count - 1), yy / (count - 1) + 1 / 12];
  const half = Math.hypot((xx - yy) / 2, xy);
  const middle = (xx + yy) / 2;
  return { middle: [x, y], area: count, angle: middle + half > 1.4 * (middle - half) ? Math.atan2(2 * xy, xx - yy) / 2 : null };
}

const applied = ({ start, centre, matrix: [a, b, c, d] }, [x, y]) => {
  const [u, v] = [x - start[0], y - start[1]];
  return [centre[0] + a * u + b * v, centre[1] + c * u + d * v];
};

/** The motion, a function of points, that takes the outline of a piece to that of its origin; null when none comes near.
 *  `points` of the outline have the signed distances `levels`; `target`: the field of the origin. */
export function fitted(piece, origin, points, levels, target) {
  const [own, theirs] = [momentsOf(piece), momentsOf(origin)];
  const step = Math.max(1, Math.floor(points.length / POINTS));
  points = points.filter((_, i) => i % step === 0);
  levels = levels.filter((_, i) => i % step === 0);
  const scale = Math.sqrt(theirs.area / own.area);
  let turn = 0;
  if (own.angle !== null && theirs.angle !== null) {
    const between = theirs.angle - own.angle + Math.PI / 2;
    turn = between - Math.PI * Math.floor(between / Math.PI) - Math.PI / 2;
    if (Math.abs(turn) >= Math.PI / 4) turn = 0;
  }
  const [cos, sin] = [scale * Math.cos(turn), scale * Math.sin(turn)];
  let [best, least] = [null, Infinity];
  for (const [freedom, matrix] of [[2, [1, 0, 0, 1]], [4, [cos, -sin, sin, cos]], [6, null]]) {
    const guess = matrix ? { start: own.middle, centre: theirs.middle, matrix } : best;
    const motion = refined(guess, freedom, points, levels, target);
    const found = target.at(points.map((point) => applied(motion, point)));
    const error = found.reduce((sum, [distance], i) => sum + Math.abs(distance - levels[i]), 0) / points.length;
    if (error < least - 0.08) [best, least] = [motion, error];
    if (least < 0.2) break;
  }
  const spans = [0, 1].map((k) => Math.max(...points.map((point) => point[k])) - Math.min(...points.map((point) => point[k])));
  const [a, b, c, d] = best.matrix;
  return least < 0.08 * Math.hypot(...spans) && a * d - b * c > 0.05 ? (point) => applied(best, point) : null;
}

/** A motion with 2, 4 or 6 degrees of freedom refined; what the outline does not tell stays as it is. */
function refined(motion, freedom, points, levels, target) {
  const offsets = points.map(([x, y]) => [x - motion.start[0], y - motion.start[1]]);
  const size = Math.max(Math.sqrt(offsets.reduce((sum, [x, y]) => sum + x * x + y * y, 0) / points.length), 1);
  for (let round = 0; round < 12; round++) {
    const found = target.at(points.map((point) => applied(motion, point)));
    const normal = Array.from({ length: freedom }, (_, k) => Array.from({ length: freedom }, (_, j) => (j === k ? 1e-2 * points.length : 0)));
    const right = new Array(freedom).fill(0);
    found.forEach(([distance, gx, gy], i) => {
      const residual = Math.min(Math.max(distance - levels[i], -6), 6);
      const [x, y] = [offsets[i][0] / size, offsets[i][1] / size];
      const row = [gx, gy];
      if (freedom === 4) row.push(gx * x + gy * y, gy * x - gx * y);
      if (freedom === 6) row.push(gx * x, gx * y, gy * x, gy * y);
      row.forEach((one, k) => {
        right[k] += one * residual;
        row.forEach((other, j) => (normal[k][j] += one * other));
      });
    });
    const step = solved(normal, right).map((value) => -value);
    let [a, b, c, d] = motion.matrix;
    if (freedom === 4) [a, b, c, d] = [a + step[2] / size, b - step[3] / size, c + step[3] / size, d + step[2] / size];
    if (freedom === 6) [a, b, c, d] = [a, b, c, d].map((value, k) => value + step[2 + k] / size);
    const { start, centre } = motion;
    motion = { start, centre: [centre[0] + step[0], centre[1] + step[1]], matrix: [a, b, c, d] };
    if (Math.max(...step.map(Math.abs)) < 1e-3) break;
  }
  return motion;
}

/** The solution of a small system of linear equations, by Gauss's elimination; it is definite and needs no pivots. */
function solved(matrix, right) {
  const rows = matrix.map((row, k) => [...row, right[k]]);
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    for (let j = k + 1; j < n; j++) {
      const factor = rows[j][k] / rows[k][k];
      for (let c = k; c <= n; c++) rows[j][c] -= factor * rows[k][c];
    }
  }
  const result = new Array(n);
  for (let k = n - 1; k >= 0; k--) {
    result[k] = rows[k].slice(k + 1, n).reduce((sum, value, j) => sum - value * result[k + 1 + j], rows[k][n]) / rows[k][k];
  }
  return result;
}
