// Tools that draw a shape from where the pointer goes down to where it goes up, and what Shift does to strokes.

/** `point` moved to the nearest of the eight directions from `from`. */
function snapped(from, point) {
  const [dx, dy] = [point[0] - from[0], point[1] - from[1]];
  const angle = Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * (Math.PI / 4);
  const along = dx * Math.cos(angle) + dy * Math.sin(angle);
  return [from[0] + along * Math.cos(angle), from[1] + along * Math.sin(angle)];
}

/** A stroke with Shift goes straight, in the direction that it takes first: `follow(point)` is `point` on that line, or
 *  null while the pointer has not gone far enough to tell. */
function createStraight(from, view) {
  let direction = null;
  return {
    from,

    follow(point) {
      const [dx, dy] = [point[0] - from[0], point[1] - from[1]];
      if (!direction) {
        if (Math.hypot(dx, dy) * view.scale < DRAG) return null;
        const [x, y] = snapped([0, 0], [dx, dy]);
        direction = [x / Math.hypot(x, y), y / Math.hypot(x, y)];
      }
      const along = dx * direction[0] + dy * direction[1];
      return [from[0] + along * direction[0], from[1] + along * direction[1]];
    },
  };
}

/** A tool between two points of the mask: `pixels(from, to)` are painted at the end, `sketch(pen, from, to)` shows them
 *  before; `constrain(from, to)` is where `to` goes with Shift. */
function createShape(session, settings, { constrain, pixels, sketch }) {
  let shape = null; // {from, to}
  return {
    begin(event, point) {
      shape = { from: point, to: point };
      return true;
    },

    carryOn(event, point) {
      shape.to = event.shiftKey ? constrain(shape.from, point) : point;
    },

    finish() {
      const { from, to } = shape;
      shape = null;
      session.face.buffer.paint(pixels(from, to), settings.classId, settings.mirror);
      session.commit();
    },

    get holds() {
      return shape !== null;
    },

    drop() {
      shape = null;
    },

    draw(pen, cursor) {
      sketch(pen, shape?.from ?? null, shape?.to ?? cursor);
    },
  };
}

/** The ellipse in the box that is drawn; a circle with Shift. */
function createEllipse(session, view, settings) {
  return createShape(session, settings, {
    constrain([x0, y0], [x1, y1]) {
      const side = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
      return [x0 + side * (x1 < x0 ? -1 : 1), y0 + side * (y1 < y0 ? -1 : 1)];
    },

    pixels(from, to) {
      const far = Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])) * view.scale;
      return far < DRAG ? [] : session.face.buffer.ellipsePixels(from, to);
    },

    sketch(pen, from, to) {
      if (!from) return;
      const [x0, y0] = pen.onStage(from);
      const [x1, y1] = pen.onStage(to);
      const { context } = pen;
      context.beginPath();
      context.ellipse((x0 + x1) / 2, (y0 + y1) / 2, Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2, 0, 0, 2 * Math.PI);
      context.globalAlpha = 0.35;
      context.fillStyle = classColour(settings.classId);
      context.fill();
      context.globalAlpha = 1;
      pen.outline([4, 3]);
    },
  });
}

/** A straight line as thick as the brush; in steps of 45 degrees with Shift. */
function createLine(session, settings) {
  return createShape(session, settings, {
    constrain: snapped,
    pixels: (from, to) => session.face.buffer.strokePixels(...from, ...to, settings.size),

    sketch(pen, from, to) {
      if (!to) return;
      const { context } = pen;
      const ring = (point) => {
        context.beginPath();
        context.arc(...pen.onStage(point), Math.max((settings.size / 2) * pen.scale, 1.5), 0, 2 * Math.PI);
        pen.outline();
      };
      if (from) {
        pen.path([from, to]);
        context.globalAlpha = 0.5;
        context.lineCap = "round";
        context.lineWidth = Math.max(settings.size * pen.scale, 1);
        context.strokeStyle = classColour(settings.classId);
        context.stroke();
        context.globalAlpha = 1;
        context.lineCap = "butt";
        ring(from);
      }
      ring(to);
    },
  });
}
