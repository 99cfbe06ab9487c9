/** One HTTP call, with the server's errors turned into `ApiError`. Knows nothing of sessions. */

/** An answer that says no. `code` is stable and machine-readable, `message` is for people. */
export class ApiError extends Error {
  /** @param {number} status HTTP status; 0 when the server could not be reached */
  constructor(status, { code = "unknown", detail = "", errors = [] } = {}, retryAfter = null) {
    super(detail || code);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }

  /** The server was not reached or is overloaded: the same call may work later. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {string} method
 * @param {string} path absolute path on this server
 * @param {{json?: any, form?: Record<string, string>, blob?: Blob, query?: Record<string, any>, token?: string}} [options]
 * @returns {Promise<any>} the decoded JSON, a Blob for other types, null for an empty answer
 */
export async function call(method, path, { json, form, blob, query, token } = {}) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let body;
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  } else if (form) {
    body = new URLSearchParams(form);
  } else if (blob) {
    headers["Content-Type"] = "application/octet-stream";
    body = blob;
  }
  let response;
  try {
    response = await fetch(path + queryString(query), { method, headers, body });
  } catch {
    throw new ApiError(0, { code: "unreachable" });
  }
  if (!response.ok) throw await refusal(response);
  return decode(response);
}

function queryString(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function decode(response) {
  if (response.status === 204) return null;
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.includes("json")) return response.blob();
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

async function refusal(response) {
  const problem = await response.json().catch(() => ({}));
  return asError(response.status, problem, response.headers.get("Retry-After"));
}

/** @param {object} problem the body of the answer, as RFC 9457 or OAuth 2 has it */
export function asError(status, problem, retryAfter) {
  return new ApiError(
    status,
    {
      code: problem.code ?? problem.error, // the token endpoint answers in OAuth 2's words
      detail: problem.detail ?? problem.error_description ?? problem.title,
      errors: problem.errors,
    },
    Number(retryAfter) || null,
  );
}
