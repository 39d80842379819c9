// Serves the page without a network. `read_parts` in pages.py adds three lines above this one: EDITION, which changes
// whenever a file of the page changes, PARTS, the SHA-256 of all files by their addresses, and CATALOG, the address of
// the list of models. Addresses are relative to this script, so the page may be under any path.

const BASE = new URL("./", location.href).pathname;
const OURS = `inkproof ${BASE} `; // other pages of the same host may have caches, too
const PAGE = OURS + EDITION;
const MODELS = `${OURS}models`; // model files, whose addresses contain their version, and the list of models

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !pathname.startsWith(BASE)) return;
  const path = `./${pathname.slice(BASE.length).replace(/^index\.html$/, "")}`;
  if (path === `./${CATALOG}`) event.respondWith(list(event.request));
  else if (path.startsWith("./models/")) event.respondWith(model(event.request));
  else if (Object.hasOwn(PARTS, path)) event.respondWith(part(path, event.request));
});

async function install() {
  const page = await caches.open(PAGE);
  await Promise.all(Object.entries(PARTS).map(async ([path, hash]) => page.put(path, await fetched(path, hash))));
  await keepModels(await fetch(CATALOG, { cache: "no-cache" }));
  await self.skipWaiting();
}

// Fetches a file of which the beginning of the SHA-256 is known. A host that is being updated may still send another
// one. Then this rejects, and the next visit tries again.
async function fetched(path, hash) {
  const response = await fetch(path, { cache: "no-cache" });
  if (!(await isWhole(response, hash))) throw new Error(`${path} is not the file that was expected`);
  return response;
}

// Whether a response has the file whose SHA-256 begins with `hash`.
async function isWhole(response, hash) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.clone().arrayBuffer()));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return response.ok && found.startsWith(hash);
}

async function activate() {
  for (const name of await caches.keys()) {
    const old = name.startsWith(OURS) || name.startsWith("inkproof-"); // the names until version 0.2
    if (old && name !== PAGE && name !== MODELS) await caches.delete(name);
  }
  await self.clients.claim();
}

// Stores the list and the default model. Other models are stored when they are chosen. Old versions are deleted.
async function keepModels(response) {
  if (!response.ok) return;
  const cache = await caches.open(MODELS);
  await cache.put(CATALOG, response.clone());
  const { models } = await response.json();
  const known = [CATALOG, ...models.map((one) => one.file)].map((path) => new URL(path, location.href).href);
  for (const request of await cache.keys()) if (!known.includes(request.url)) await cache.delete(request);
  const [first] = models;
  if (first && !(await cache.match(first.file))) await cache.put(first.file, await fetched(first.file, first.version));
}

async function list(request) {
  try {
    const response = await fetch(request, { cache: "no-cache" });
    if (response.ok) {
      keepModels(response.clone()).catch(() => {}); // the next visit tries again
      return response;
    }
  } catch {
    // No network, or no server.
  }
  return (await caches.match(CATALOG, { cacheName: MODELS })) ?? Response.error();
}

async function model(request) {
  const models = await caches.open(MODELS);
  const known = await models.match(request);
  if (known) return known;
  const response = await fetch(request);
  const [version] = new URL(request.url).pathname.split("/").at(-1).split(".");
  if (await isWhole(response, version)) await models.put(request, response.clone());
  return response;
}

// Fetches the current version if the host responds: an unchanged file costs one short request. So the page does not
// hide another program that is served on this address some other day.
async function part(path, request) {
  try {
    return await fetch(request, { cache: "no-cache" });
  } catch {
    return (await caches.match(path, { cacheName: PAGE })) ?? Response.error();
  }
}
