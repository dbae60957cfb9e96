// Says what Python tells it to those who do not see it, with the time since the click or key that it answers.

(() => {
  const region = element.querySelector(".only-heard");
  let asked = performance.now();
  let said = null;
  for (const event of ["pointerdown", "pointerup", "keydown", "change"]) {
    document.addEventListener(event, () => (asked = performance.now()), true);
  }

  watch("value", () => {
    const { text, timed, number } = props.value ?? {};
    if (!text || number === said) return;
    said = number;
    const seconds = ((performance.now() - asked) / 1000).toFixed(1);
    region.textContent = timed ? `${text}, ${seconds} s` : text;
  });

  addSkipLink();
  afterChanges(() => {
    nameAll();
    groupAll();
  });
})();
