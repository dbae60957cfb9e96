// The ONNX files of this folder on onnxruntime-web: WebGPU where there is one, else WebAssembly.

const VENDOR = new URL("vendor/", import.meta.url);
const FOLDER = new URL("../", import.meta.url);

/** Where the networks can run, best first; `wanted`: "wasm" or "webgpu" for that one, null to choose. */
async function backends(wanted) {
  if (wanted === "wasm" || wanted === "webgpu") return [wanted];
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const real = adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter); // a GPU, not a CPU as one
  return real ? ["webgpu", "wasm"] : ["wasm"];
}

async function runtime(backend, threads) {
  const ort = await import(new URL(backend === "webgpu" ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs", VENDOR));
  const binary = backend === "webgpu" ? "ort-wasm-simd-threaded.asyncify" : "ort-wasm-simd-threaded";
  ort.env.wasm.wasmPaths = { mjs: new URL(`${binary}.mjs`, VENDOR).href, wasm: new URL(`${binary}.wasm`, VENDOR).href };
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

async function fetched(url, told) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname.split("/").pop()} is missing from this folder; export it again.`);
  const parts = [];
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    told(value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** All networks, opened. `backend`: "wasm", "webgpu" or null for the best; `progress(megabytes)` tells what has come. */
export async function openNetworks({ backend: wanted, progress }) {
  const manifest = await (await fetch(new URL("onnx.json", FOLDER))).json();
  const generator = "generator_kept.onnx" in manifest.files ? "generator_kept" : "generator";
  const names = ["parser", "style_encoder", generator];
  let bytes = 0;
  const told = (length) => progress((bytes += length) / 1e6);
  const files = Object.fromEntries(
    await Promise.all([
      ...names.map(async (name) => [name, await fetched(new URL(`${name}.onnx`, FOLDER), told)]),
      ...["pnet", "rnet", "onet"].map(async (name) => [name, await fetched(new URL(`detector/${name}.onnx`, import.meta.url), told)]),
    ]),
  );
  const threads = self.crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency || 1) : 1;
  let problem = null;
  for (const backend of await backends(wanted)) {
    try {
      const ort = await runtime(backend, threads);
      const sessions = {};
      for (const [name, content] of Object.entries(files)) {
        // The detector's pictures are tiny and many: they would spend their time on the way to the GPU and back.
        const executionProviders = names.includes(name) ? [backend] : ["wasm"];
        sessions[name] = await ort.InferenceSession.create(content, { executionProviders });
      }
      const networks = new Networks(ort, sessions, manifest, generator, backend);
      await networks.tryOut();
      return { networks, backend, threads };
    } catch (error) {
      problem = error;
    }
  }
  throw new Error(`The networks could not be started in this browser (${problem.message}).`);
}

class Networks {
  constructor(ort, sessions, manifest, generator, backend) {
    Object.assign(this, { ort, sessions, manifest, generator, backend });
  }

  /** Fetches and opens one more network of the folder, unless it is open. */
  async open(name) {
    if (this.sessions[name]) return;
    const content = await fetched(new URL(`${name}.onnx`, FOLDER), () => {}).catch((error) => {
      throw error instanceof TypeError ? new Error("The networks for this could not be loaded; try again with a network.") : error;
    });
    this.sessions[name] = await this.ort.InferenceSession.create(content, { executionProviders: [this.backend] });
  }

  /** Whether the generator can be shown the pixels that an edit keeps. */
  get kept() {
    return this.generator === "generator_kept";
  }

  /** Runs one network on {name: {type, data, dims}}; what it does not take is left out. */
  async run(name, inputs) {
    const session = this.sessions[name];
    const given = session.inputNames.map((input) => {
      const { type, data, dims } = inputs[input];
      return [input, new this.ort.Tensor(type, data, dims)];
    });
    const answers = await session.run(Object.fromEntries(given));
    return Object.fromEntries(
      await Promise.all(session.outputNames.map(async (output) => [output, await plain(answers[output])])),
    );
  }

  /** A drawing of nothing: whether all operators are there, which only shows when they run. */
  async tryOut() {
    const side = 64;
    const image = { type: "float32", data: new Float32Array(3 * side * side), dims: [1, 3, side, side] };
    const mask = { type: "uint8", data: new Uint8Array(side * side), dims: [1, side, side] };
    const style = await this.run("style_encoder", { image, mask });
    const kept = { type: "float32", data: new Float32Array(4 * side * side), dims: [1, 4, side, side] };
    const { image: drawn } = await this.run(this.generator, { mask, kept, ...style });
    if (drawn.data.some((value) => !Number.isFinite(value))) throw new Error("numbers that are none");
  }
}

async function plain(tensor) {
  const { type, dims } = tensor;
  const data = await tensor.getData();
  tensor.dispose?.();
  return { type, dims, data };
}
