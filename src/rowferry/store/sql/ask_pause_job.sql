-- The attempt heeds the wish after its chunk. A second wish changes nothing.
with job as (
    update jobs set pause_requested_at = coalesce(pause_requested_at, now()), version = version + (pause_requested_at is null)::int,
        event_seq = event_seq + (pause_requested_at is null)::int
    where tenant_id = tenant() and id = %(id)s and status = %(status)s and cancel_requested_at is null
    returning id, status, attempt, event_seq
), noted as (
    insert into events (tenant_id, job_id, seq, type, data)
    select tenant(), id, event_seq, 'pause_requested', jsonb_build_object('status', status, 'attempt', attempt) from job
    on conflict (job_id, seq) do nothing
)
select id from job
