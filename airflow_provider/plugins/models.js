// The list of models in Airflow's pages: Airflow loads this module, and draws the component that it leaves behind, with
// the React of its own pages.
const { createElement: h, useEffect, useState } = globalThis.React;

const links = new URL("links", import.meta.url);

function anchor(href, text) {
  // The registry may hold any text; an address that would run as a script is none of its.
  if (!/^https?:/.test(href)) return text;
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", style: { textDecoration: "underline" } }, text);
}

function useLinks({ dagId, runId, taskId, mapIndex }) {
  const [found, setFound] = useState({ state: "loading" });
  useEffect(() => {
    const asked = new AbortController();
    const url = new URL(links);
    const wanted = { dag_id: dagId, run_id: runId, task_id: taskId, map_index: runId && taskId ? (mapIndex ?? -1) : undefined };
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined) url.searchParams.set(name, value);
    fetch(url, { credentials: "same-origin", signal: asked.signal })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(answer.status === 403 ? "You may not see what the tasks of this DAG left behind (XCom)." : `Airflow answered ${answer.status}.`);
        setFound({ state: "found", ...(await answer.json()) });
      })
      .catch((error) => error.name !== "AbortError" && setFound({ state: "failed", why: error.message }));
    return () => asked.abort();
  }, [dagId, runId, taskId, mapIndex]);
  return found;
}

const cell = { textAlign: "left", padding: "0.4rem 0.8rem 0.4rem 0", overflowWrap: "anywhere", verticalAlign: "top", borderBottom: "1px solid rgba(128, 128, 128, 0.3)" };
const head = { ...cell, fontWeight: 600 };

function row(link, index, columns) {
  const task = link.map_index < 0 ? link.task_id : `${link.task_id}[${link.map_index}]`;
  const shown = { dag: link.dag_id, run: link.run_id, task };
  return h(
    "tr",
    { key: index },
    ...columns.map((name) => h("td", { key: name, style: cell }, shown[name])),
    h("td", { key: "link", style: cell }, `${link.kind} `, anchor(link.url, link.name)),
  );
}

function table(found, columns) {
  const heads = { dag: "DAG", run: "Run", task: "Task" };
  return h(
    "table",
    { style: { width: "100%", borderCollapse: "collapse" }, "aria-label": "In the model registry" },
    h("thead", null, h("tr", null, ...[...columns.map((name) => heads[name]), "In the registry"].map((name) => h("th", { key: name, scope: "col", style: head }, name)))),
    h("tbody", null, ...found.links.map((link, index) => row(link, index, columns))),
  );
}

function Models(subject) {
  const found = useLinks(subject);
  const columns = [!subject.dagId && "dag", !subject.runId && "run", !(subject.runId && subject.taskId) && "task"].filter(Boolean);
  const parts = [];
  if (found.state === "loading") parts.push(h("p", { key: "wait", role: "status" }, "Looking…"));
  if (found.state === "failed") parts.push(h("p", { key: "why", role: "alert" }, found.why));
  if (found.state === "found") {
    parts.push(
      h("p", { key: "registry", style: { marginBottom: "0.8rem" } }, found.registry ? anchor(found.registry, "Open the model registry") : "Nobody has said where the registry is: make the connection model_registry_default, or set [model_registry] url."),
      found.links.length ? h("div", { key: "links" }, table(found, columns)) : h("p", { key: "none" }, "No task here has made, read, awaited or promoted a version yet."),
    );
    if (found.more) parts.push(h("p", { key: "more" }, `The newest ${found.links.length}.`));
  }
  return h("section", { style: { padding: "1rem" }, "aria-label": "Models" }, ...parts);
}

globalThis.AirflowPlugin = Models;
