// Which classes may be painted over: all, all but locked ones, or chosen ones only.

const GUARDS = [
  ["all", "Everything"],
  ["lock", "All but the locked"],
  ["only", "Only the chosen"],
];

/** `chosen` is what people chose, {mode, ids}: one of GUARDS, and classes; `changed()` is called after each change. */
function createGuard(chosen, changed) {
  const locked = new Uint8Array(256); // shared with every `LabelBuffer`

  function apply() {
    for (const { id } of CLASSES) {
      const named = chosen.ids.includes(id);
      locked[id] = Number((chosen.mode === "lock" && named) || (chosen.mode === "only" && !named));
    }
    changed();
  }

  function setMode(mode) {
    if (mode !== chosen.mode && (mode === "only" || chosen.mode === "only")) chosen.ids = [];
    chosen.mode = mode;
    apply();
  }

  return {
    locked,
    apply,
    setMode,

    get mode() {
      return chosen.mode;
    },

    get any() {
      return locked.includes(1);
    },

    names: (id) => chosen.ids.includes(id),

    /** Choose a class, or no longer: lock it, or let it be painted over where only the chosen ones are. */
    toggle(id) {
      if (chosen.mode === "all") Object.assign(chosen, { mode: "lock", ids: [id] });
      else if (chosen.ids.includes(id)) chosen.ids = chosen.ids.filter((each) => each !== id);
      else chosen.ids = [...chosen.ids, id];
      apply();
    },
  };
}
