// A menu beside a quick edit's button: the shape that is chosen is applied at once, and can be chosen again.

const menu = element.querySelector("select");
menu.addEventListener("change", () => {
  props.value = menu.value;
  trigger("input", { shape: menu.value });
  menu.value = "";
});
