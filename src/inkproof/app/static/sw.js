// Serves the page without a network. The server adds two lines above this one: EDITION, which changes whenever a file
// of the page changes, and PARTS, the addresses of all files.

const PAGE = `inkproof-page-${EDITION}`;
const MODELS = "inkproof-models"; // model files, whose addresses contain their version, and the list of models
const LIST = "/api/models";

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === LIST) event.respondWith(list(event.request));
  else if (url.pathname.startsWith("/models/")) event.respondWith(model(event.request));
  else if (PARTS.includes(url.pathname)) event.respondWith(part(url.pathname, event.request));
});

async function install() {
  const page = await caches.open(PAGE);
  await page.addAll(PARTS.map((path) => new Request(path, { cache: "no-cache" })));
  await keepModels(await fetch(LIST));
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("inkproof-") && name !== PAGE && name !== MODELS) await caches.delete(name);
  }
  await self.clients.claim();
}

// Stores the list and the default model. Other models are stored when they are chosen. Old versions are deleted.
async function keepModels(response) {
  if (!response.ok) return;
  const models = await caches.open(MODELS);
  await models.put(LIST, response.clone());
  const files = (await response.json()).models.map((one) => one.file);
  for (const request of await models.keys()) {
    const path = new URL(request.url).pathname;
    if (path !== LIST && !files.includes(path)) await models.delete(request);
  }
  if (files.length && !(await models.match(files[0]))) await models.add(files[0]);
}

async function list(request) {
  try {
    const response = await fetch(request);
    if (response.ok) {
      keepModels(response.clone()).catch(() => {}); // the next visit tries again
      return response;
    }
  } catch {
    // No network, or no server.
  }
  return (await caches.match(LIST, { cacheName: MODELS })) ?? Response.error();
}

async function model(request) {
  const models = await caches.open(MODELS);
  const known = await models.match(request);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) await models.put(request, response.clone());
  return response;
}

// Fetches the current version if the server responds: an unchanged file costs one short request. So the page does not
// hide another program that is served on this address some other day.
async function part(path, request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(path, { cacheName: PAGE })) ?? Response.error();
  }
}
