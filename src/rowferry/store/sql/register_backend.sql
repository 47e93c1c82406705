-- One statement for all, over a connection without a transaction. A server that crashes ends the backend, too: nothing is lost if this is.
with here as materialized (
    select set_config('rowferry.tenant', %(tenant)s, true)::bigint as tenant, set_config('synchronous_commit', 'off', true)
)
update jobs set backend_pid = %(pid)s, backend_start = (select backend_start from pg_stat_get_activity(%(pid)s::int))
from here where tenant_id = here.tenant and id = %(id)s and attempt = %(attempt)s and status = 'running'
returning jobs.id, number, jobs.tenant_id, kind, type, status, version, jobs.created_at, started_at, finished_at, created_by,
    (select u.name from users u where u.id = created_by and u.tenant_id = jobs.tenant_id) as created_by_name, steps, steps_completed, rows_total,
    load_started_at, cursor, rows_read, created, updated, unchanged, skipped, failed, not_attempted, attempt, attempts_max, worker, heartbeat_at,
    progress_at, lease_expires_at, cancel_requested_at, pause_requested_at, failure, source, options, params, metadata, result, checkpoint,
    original_job_id, same_file_as,
    (select a.blob from artifacts a where a.tenant_id = jobs.tenant_id and a.job_id = jobs.id and a.category = 'input' order by a.id limit 1) as input
