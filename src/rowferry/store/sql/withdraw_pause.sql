-- No attempt has heeded the wish yet, and none will.
with job as (
    update jobs set pause_requested_at = null, version = version + 1, event_seq = event_seq + 1
    where tenant_id = tenant() and id = %(id)s and status = %(status)s and pause_requested_at is not null
    returning id, status, attempt, event_seq
)
insert into events (tenant_id, job_id, seq, type, data)
select tenant(), id, event_seq, 'resumed', jsonb_build_object('status', status, 'attempt', attempt) from job
