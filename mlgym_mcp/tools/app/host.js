// The host: the window's other end, spoken to in JSON-RPC by messages.
const host = (() => {
  const waiting = new Map();
  const heard = new Map();
  let next = 1;

  const send = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params = {}) => send({ method, params });
  const on = (method, act) => heard.set(method, act);
  const request = (method, params) =>
    new Promise((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve, reject });
      send({ id, method, params });
    });

  const answered = ({ id, result, error }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(error.message));
    else call?.resolve(result);
  };

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.jsonrpc !== "2.0") return;
    if (data.method === undefined) return answered(data);
    heard.get(data.method)?.(data.params ?? {});
    if (data.id === undefined) return;
    const known = ["ping", "ui/resource-teardown"].includes(data.method);
    send(known ? { id: data.id, result: {} } : { id: data.id, error: { code: -32601, message: "Method not found" } });
  });

  return { notify, on, request };
})();
