// Finds keypoints with an exported folder (model.json and model.onnx) by ONNX Runtime in the browser. The graph takes
// the image as it is, crops, normalises and decodes by itself, and returns pixels of the image.
import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

const FORMAT = 1; // the newest that this page knows
const IN_BOXES = "keypoints in boxes", ONE_STAGE = "boxes and keypoints";
const folder = new URLSearchParams(location.search).get("model") ?? "model";
const part = (name) => document.getElementById(name);
const canvas = part("image"), pen = canvas.getContext("2d");
const plain = document.createElement("canvas"); // the image without what is drawn on it
const pixels = plain.getContext("2d", { willReadFrequently: true });

let model, image = null, boxes = null, found = [], camera = null, dragged = null, busy = false;

function say(words, fault = false) {
  part("said").textContent = words;
  part("said").className = fault ? "fault" : "";
}

/** Read an exported folder, and load its graph. */
async function opened(folder) {
  const answer = await fetch(`${folder}/model.json`);
  if (!answer.ok) throw new Error(`${folder}/model.json cannot be read (${answer.status}); copy an exported folder there`);
  const facts = await answer.json();
  if (facts.format > FORMAT) throw new Error(`${folder}: format ${facts.format}; this page knows ${FORMAT}`);
  if (facts.target !== "onnx") throw new Error(`${folder}: exported for ${facts.target}; export with --to onnx`);
  if (![IN_BOXES, ONE_STAGE].includes(facts.kind)) throw new Error(`${folder}: finds ${facts.kind}, no keypoints`);
  const session = await ort.InferenceSession.create(`${folder}/${facts.file}`, { executionProviders: ["wasm"] });
  return { facts, session, schema: facts.schema };
}

/** Find keypoints in the image; boxes are x1, y1, x2, y2 in pixels whose first one is centred at 0. */
async function find() {
  const { width, height } = plain, rgba = pixels.getImageData(0, 0, width, height).data;
  const bgr = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    bgr[to] = rgba[from + 2];
    bgr[to + 1] = rgba[from + 1];
    bgr[to + 2] = rgba[from];
  }
  const given = { image: new ort.Tensor("uint8", bgr, [height, width, 3]) };
  if (model.facts.kind === IN_BOXES) {
    const asked = boxes ?? [[0, 0, width - 1, height - 1]];
    given.boxes = new ort.Tensor("float32", Float32Array.from(asked.flat()), [asked.length, 4]);
  }
  const out = await model.session.run(given);
  const [n, k] = out.scores.dims, at = (out.boxes ?? given.boxes).data;
  return Array.from({ length: n }, (_, i) => ({
    box: Array.from(at.slice(4 * i, 4 * i + 4)),
    label: out.labels ? (model.facts.classes[Number(out.labels.data[i])] ?? "") : "",
    score: out.box_scores ? out.box_scores.data[i] : null,
    keypoints: Array.from({ length: k }, (_, j) => ({
      name: model.schema.keypoints[j],
      x: out.keypoints.data[2 * (i * k + j)],
      y: out.keypoints.data[2 * (i * k + j) + 1],
      score: out.scores.data[i * k + j],
    })),
  }));
}

/** Draw the image, and on it what was found. */
function draw() {
  if (canvas.width !== plain.width || canvas.height !== plain.height) {
    canvas.width = plain.width;
    canvas.height = plain.height;
  }
  pen.drawImage(plain, 0, 0);
  const size = Math.max(1, Math.max(canvas.width, canvas.height) / 400), threshold = Number(part("threshold").value);
  const color = (j) => `rgb(${(model.schema.colors?.[j] ?? [255, 60, 60]).join(",")})`;
  pen.lineWidth = size;
  pen.font = `${Math.round(5 + 5 * size)}px sans-serif`;
  for (const { box, label, score, keypoints } of found) {
    pen.strokeStyle = "rgb(200,200,200)";
    pen.strokeRect(box[0] + 0.5, box[1] + 0.5, box[2] - box[0], box[3] - box[1]);
    if (label) write(`${label} ${score.toFixed(2)}`, box[0], box[1] - 3 * size);
    for (const [a, b] of model.schema.skeleton ?? []) {
      const [from, to] = [a, b].map((name) => keypoints.find((point) => point.name === name));
      if (from.score < threshold || to.score < threshold) continue;
      pen.strokeStyle = color(keypoints.indexOf(from));
      pen.beginPath();
      pen.moveTo(from.x + 0.5, from.y + 0.5);
      pen.lineTo(to.x + 0.5, to.y + 0.5);
      pen.stroke();
    }
    keypoints.forEach((point, j) => {
      const sure = point.score >= threshold;
      pen.beginPath();
      pen.arc(point.x + 0.5, point.y + 0.5, 2.5 * size, 0, 2 * Math.PI);
      pen.fillStyle = pen.strokeStyle = color(j);
      sure ? pen.fill() : pen.stroke();
      if (sure) write(point.name, point.x + 4 * size, point.y - 3 * size);
    });
  }
  if (dragged) {
    pen.strokeStyle = "white";
    pen.strokeRect(...dragged.from, dragged.to[0] - dragged.from[0], dragged.to[1] - dragged.from[1]);
  }
}

function write(words, x, y) {
  pen.lineJoin = "round";
  pen.strokeStyle = "rgba(0,0,0,0.75)";
  pen.strokeText(words, x, y);
  pen.fillStyle = "white";
  pen.fillText(words, x, y);
}

function list() {
  const threshold = Number(part("threshold").value);
  part("found").replaceChildren(...found.flatMap(({ label, keypoints }, i) => keypoints.map(({ name, x, y, score }) => {
    const row = document.createElement("tr");
    row.className = score < threshold ? "low" : "";
    [label ? `${i} ${label}` : i, name, x.toFixed(2), y.toFixed(2), score.toFixed(3)].forEach((value, column) => {
      const cell = row.insertCell();
      cell.textContent = value;
      cell.className = column > 1 ? "number" : "";
    });
    return row;
  })));
}

/** Take the next image, and show what is found in it. */
async function look(source, width, height) {
  if (busy || !model) return;
  busy = true;
  try {
    if (source) {
      plain.width = width;
      plain.height = height;
      pixels.drawImage(source, 0, 0);
      image = plain;
    }
    const begun = performance.now();
    found = await find();
    const took = performance.now() - begun;
    const where = found.map(({ box }) => box.map((v) => v.toFixed(1)).join(", ")).join("; ");
    canvas.dataset.boxes = JSON.stringify(found.map(({ box }) => box)); // with all digits
    say(`${width ?? plain.width}×${height ?? plain.height}, ${took.toFixed(0)} ms, box ${where || "none"}`);
    draw();
    list();
  } catch (error) {
    say(`error: ${error.message}`, true);
  } finally {
    busy = false;
  }
}

async function stop() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  part("camera").textContent = "Camera";
}

async function choose(file) {
  await stop();
  boxes = null;
  try {
    // as OpenCV reads it: turned by EXIF, no colour profile applied
    const read = await createImageBitmap(file, { colorSpaceConversion: "none", imageOrientation: "from-image" });
    await look(read, read.width, read.height);
  } catch {
    say(`error: ${file.name}: not an image that this browser can read`, true);
  }
}

async function film() {
  if (camera) return stop();
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    return say(`error: no camera (${error.message}); browsers lend it to https and localhost only`, true);
  }
  boxes = null;
  part("camera").textContent = "Stop";
  const video = document.createElement("video");
  video.srcObject = camera;
  video.muted = true;
  await video.play();
  while (camera?.active) {
    await look(video, video.videoWidth, video.videoHeight);
    await new Promise(requestAnimationFrame);
  }
}

function place(event) {
  const shown = canvas.getBoundingClientRect();
  const zoom = Math.min(shown.width / canvas.width, shown.height / canvas.height);
  return [(event.clientX - shown.left) / zoom, (event.clientY - shown.top) / zoom];
}

function ended() {
  const [[x1, y1], [x2, y2]] = [dragged.from, dragged.to];
  dragged = null;
  if (Math.abs(x2 - x1) < 4 || Math.abs(y2 - y1) < 4) return draw();
  boxes = [[Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)].map((v) => v - 0.5)];
  return look();
}

part("file").addEventListener("change", (event) => event.target.files[0] && choose(event.target.files[0]));
part("camera").addEventListener("click", film);
part("whole").addEventListener("click", () => { boxes = null; return image && look(); });
part("threshold").addEventListener("input", () => { if (image) { draw(); list(); } });
canvas.addEventListener("pointerdown", (event) => {
  if (!image || model.facts.kind !== IN_BOXES) return;
  canvas.setPointerCapture(event.pointerId);
  dragged = { from: place(event), to: place(event) };
});
canvas.addEventListener("pointermove", (event) => { if (dragged) { dragged.to = place(event); draw(); } });
canvas.addEventListener("pointerup", () => dragged && ended());

try {
  model = await opened(folder);
  part("whole").hidden = model.facts.kind !== IN_BOXES;
  const how = model.facts.kind === IN_BOXES ? "; draw a box around the instance with the mouse" : "";
  say(`${model.facts.name}: ${model.schema.keypoints.length} keypoints. Choose an image or the camera${how}.`);
} catch (error) {
  say(`error: ${error.message}`, true);
}
