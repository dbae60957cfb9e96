// Before and after, one over the other, with a line between them that is dragged.

export function createCompare(element) {
  element.innerHTML = `<canvas class="before"></canvas><canvas class="after"></canvas><b>Before</b><b>After</b>
    <input type="range" min="0" max="100" value="50" aria-label="Where before ends and after begins">`;
  const [before, after] = element.querySelectorAll("canvas");
  const slider = element.querySelector("input");
  const move = () => element.style.setProperty("--at", `${slider.value}%`);
  slider.addEventListener("input", move);
  move();

  function show(canvas, picture) {
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }
  return {
    before: (picture) => show(before, picture),
    after: (picture) => show(after, picture),
  };
}
