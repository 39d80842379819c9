// Asking the server: JSON there and back, and its own words when it refuses.

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
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`the server's answer cannot be read (${response.status})`);
  }
  if (!response.ok) throw new Error(answer.error ?? `the server refused (${response.status})`);
  return answer;
}
