// Asking the registry: JSON in, JSON out, and a refusal as an error with its words.

export class Refusal extends Error {
  constructor(problem, status) {
    super(problem.detail ?? `The registry answered ${status}.`);
    this.code = problem.code ?? "unknown";
    this.status = status;
  }
}

// `key`: the same for every try of one act, so that it has one effect. `match`: the version that it replaces.
export async function ask(method, path, body, { key, match } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key !== undefined) headers["idempotency-key"] = key;
  if (match !== undefined) headers["if-match"] = `"${match}"`;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
    });
  } catch {
    throw new Refusal({ code: "unreachable", detail: "The registry can't be reached. Nothing is known of this act: try again." }, 0);
  }
  const text = await answer.text();
  let value = null;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch {
    // What stands before the registry answered, in words of its own.
  }
  if (!answer.ok) throw new Refusal(value ?? {}, answer.status);
  return value;
}
