// Requests to the server: JSON in both directions, and the server's own message for an error, with its status.

import { remember, remembered } from "./memory.js";

// The link of those who may keep and delete drawings ends in a token, which is for this device alone.
const LINK = "#token=";
let token = remembered("token", null);
if (location.hash.startsWith(LINK)) {
  token = location.hash.slice(LINK.length);
  remember("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

export async function ask(path, method = "GET", body = undefined) {
  const options = { method, headers: token ? { Authorization: `Bearer ${token}` } : {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("the server cannot be reached");
  }
  if (response.status === 204) return null;
  let content;
  try {
    content = await response.json();
  } catch {
    throw new Error(`the server sent an unreadable response (${response.status})`);
  }
  if (!response.ok) {
    const error = new Error(content.error ?? `the server rejected the request (${response.status})`);
    throw Object.assign(error, { status: response.status });
  }
  return content;
}
