with said as (
    insert into events (tenant_id, job_id, seq, type, data)
    values (tenant(), %(id)s, 1, 'submitted', jsonb_build_object('status', 'queued', 'kind', %(kind)s::text))
), brought as (
    insert into artifacts (id, tenant_id, job_id, category, name, media_type, bytes, sha256, blob, expires_at)
    select %(file_id)s::uuid, tenant(), %(id)s, 'input', %(file_name)s, %(media_type)s, %(bytes)s::bigint, %(sha256)s, %(blob)s,
        now() + make_interval(days => %(days)s::int)
    where %(file_id)s::uuid is not null
)
insert into jobs (id, tenant_id, kind, type, steps, source, options, params, metadata, priority, attempts_max, created_by, original_job_id,
    same_file_as, trace_parent, event_seq)
values (%(id)s, tenant(), %(kind)s, %(type)s, %(steps)s, %(source)s, %(options)s, %(params)s, %(metadata)s, %(priority)s,
    %(attempts_max)s, %(created_by)s, %(original_job_id)s,
    (select id from jobs where tenant_id = tenant() and source_sha256 = %(source)s::jsonb ->> 'sha256' order by number desc limit 1),
    %(trace_parent)s, 1)
returning jobs.id, number, jobs.tenant_id, kind, type, status, version, jobs.created_at, started_at, finished_at, created_by,
    (select u.name from users u where u.id = created_by and u.tenant_id = jobs.tenant_id) as created_by_name, steps, steps_completed, rows_total,
    load_started_at, cursor, rows_read, created, updated, unchanged, skipped, failed, not_attempted, attempt, attempts_max, worker, heartbeat_at,
    progress_at, lease_expires_at, cancel_requested_at, pause_requested_at, failure, source, options, params, metadata, result, checkpoint,
    original_job_id, same_file_as
