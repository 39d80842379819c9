// Requests to the server: JSON in both directions, and the server's own message for an error, with its status.

export async function ask(path, method = "GET", body = undefined) {
  const options = { method, headers: {} };
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
