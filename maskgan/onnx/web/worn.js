// Looks of hair by their names: hairpieces that are worn and a colour, "NAME.PART.SIZE.WAY,...@COLOUR", either of them maybe
// absent, and WAY too; see maskgan/editing/looks.py.

/** The hairpieces {name, part, size, way} in the name of a look. */
export function wornIn(look) {
  const [pieces] = look.includes("@") ? look.split("@") : [look.includes(".") ? look : ""];
  return pieces.split(",").filter(Boolean).map((piece) => {
    const [, name, part, size, way] = /^(.+?)\.(.+?)\.(.+?)(?:\.(plain|mirrored))?$/.exec(piece);
    return { name, part, size: Number(size), way };
  });
}

/** The name of the colour in the name of a look, maybe empty. */
export const colourIn = (look) => (look.includes("@") ? look.split("@")[1] : look.includes(".") ? "" : look);

/** The name of a look with these hairpieces and this colour. */
export function wearing(worn, colour) {
  const pieces = worn.map(({ name, part, size, way }) => [name, part, size, way].filter((piece) => piece !== undefined).join(".")).join(",");
  return pieces && colour ? `${pieces}@${colour}` : pieces || colour;
}

/** A look with more hairpieces, in place of those that lie where they do: a whole one replaces all. */
export function alsoWearing(worn, look) {
  const parts = worn.map(({ part }) => part);
  const kept = parts.includes("whole") ? [] : wornIn(look).filter(({ part }) => !parts.includes(part));
  return wearing([...kept, ...worn], colourIn(look));
}
