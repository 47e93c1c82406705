// A customer's program for gu1: uploads entities and transactions, polls, reads failures, pauses, resumes and cancels a batch, looks at the history.
// Usage: node gu1.mjs HOST KEY MILLISECONDS_BETWEEN_POLLS
const [host, key, pause] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };

async function ask(path, options = {}) {
  const answer = await fetch(host + path, { ...options, headers: { ...headers, ...options.headers } });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}
const read = async (path, options) => JSON.parse((await ask(path, options)).text);

async function upload(path, files, fields = {}) {
  const form = new FormData();
  for (const [name, text] of Object.entries(files)) form.append("file", new Blob([text], { type: "text/csv" }), name);
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return read(path, { method: "POST", body: form });
}

async function until(jobId, found) {
  for (let tries = 0; tries < 600; tries++) {
    const { job } = await read(`/batch-import/jobs/${jobId}`);
    if (found(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, Number(pause)));
  }
  throw new Error(`${jobId} did not come so far`);
}
const over = (job) => ["completed", "failed", "cancelled", "interrupted"].includes(job.status);
const ended = (jobId) => until(jobId, over);

const control = (jobId, kind, action) =>
  ask(`/batch-import/jobs/${jobId}/control`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ kind, action }),
  });

const entities = "tax_id,type,suggested_name,country_code,external_id\n1,person,Ana,AR,e-1\n2,company,Acme,AR,e-2\n3,robot,R,AR,\n";
const first = await upload("/batch-import/import/entities", { "entities.csv": entities });
const done = await ended(first.jobId);
const failures = await read(`/batch-import/jobs/${first.jobId}?include=failures`);
const table = await ask(`/batch-import/entity-jobs/${first.jobId}/failures.csv`);
const payments = (from) => `external_id,type,amount,currency,origin_external_id\n${from},PAYMENT,1.50,USD,e-1\n`;
const several = await upload("/batch-import/import/transactions", { "a.csv": payments("t-1"), "b.csv": payments("t-2") });
const paid = await ended(several.jobId);
const lost = await upload("/batch-import/import/transactions", { "c.csv": payments("t-3").replace("e-1", "e-9") });
const refused = await ended(lost.jobId);

const rows = Array.from({ length: 30000 }, (_, number) => `m-${number},person,Many,AR\n`).join("");
const long = await upload("/batch-import/import/entities", { "many.csv": "tax_id,type,suggested_name,country_code\n" + rows });
const move = async (action) => JSON.parse((await control(long.jobId, "entity_automatic", action)).text);
const asked = await move("pause");
const rested = await until(long.jobId, (job) => job.metadata.batchPaused === true || over(job));
const still = (await read(`/batch-import/jobs/${long.jobId}`)).job;
const resumed = await move("resume");
await until(long.jobId, (job) => job.succeeded > rested.succeeded || over(job));
const cancelling = await move("cancel");
const stopped = await ended(long.jobId);

const late = await control(first.jobId, "entity_automatic", "cancel");
const history = await read("/batch-import/history?limit=10");
console.log(JSON.stringify({
  entities: [done.status, done.succeeded, done.failed, done.metadata.fileName],
  failures: [failures.failuresTotal, failures.failures[0].taxId, failures.failures[0].code, failures.truncated],
  csv: [table.status, table.type.split(";")[0], table.text.trim().split(/\r?\n/)[0]],
  paid: [paid.status, paid.succeeded],
  refused: [refused.status, refused.jobFailure.code],
  late: late.status,
  paused: [rested.status, asked.success, rested.succeeded === still.succeeded, rested.completedAt === null],
  resumed: resumed.success && resumed.job.metadata.batchPaused !== true,
  cancelled: [
    stopped.status,
    cancelling.job.status === "cancelled" || cancelling.job.metadata.batchCancelRequested === true,
    stopped.succeeded > rested.succeeded && stopped.succeeded < 30000,
  ],
  history: history.jobs.map((job) => job.jobId).sort().join() === [first, several, lost, long].map((job) => job.jobId).sort().join(),
}));
