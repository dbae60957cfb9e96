// The lips of one face on another: npm install @gradio/client@2, then node client.mjs URL TARGET SOURCE
import { Client } from "@gradio/client";
import { readFile, writeFile } from "node:fs/promises";

const [url, target, source] = process.argv.slice(2);
const client = await Client.connect(url);
const upload = async (path) => new Blob([await readFile(path)]);

const faces = await client.predict("/detect", { photo: await upload(target) });
console.log(faces.data[0].length, "face");

const result = await client.predict("/copy_style", {
  target: await upload(target),
  source: await upload(source),
  regions: ["lips", "hair"],
  strength: 0.8,
});
const picture = await fetch(result.data[0].url);
await writeFile("result.png", Buffer.from(await picture.arrayBuffer()));
process.exit(0);
