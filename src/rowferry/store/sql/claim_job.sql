-- all tenants: a worker serves every tenant. Nobody waits for the disk: a server that crashes ends the attempt, too.
with here as materialized (select set_config('synchronous_commit', 'off', true))
select j.id, j.number, j.tenant_id, j.kind, j.type, j.status, j.version, j.created_at, j.started_at, j.finished_at, j.created_by,
    u.name as created_by_name, j.steps, j.steps_completed, j.rows_total, j.load_started_at, j.cursor, j.rows_read, j.created, j.updated,
    j.unchanged, j.skipped, j.failed, j.not_attempted, j.attempt, j.attempts_max, j.worker, j.heartbeat_at, j.progress_at,
    j.lease_expires_at, j.cancel_requested_at, j.pause_requested_at, j.failure, j.source, j.options, j.params, j.metadata, j.result,
    j.checkpoint, j.original_job_id, j.same_file_as
from here, claim(%(worker)s, make_interval(secs => %(lease)s)) j left join users u on u.id = j.created_by
