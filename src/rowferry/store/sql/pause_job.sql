-- Nobody works on the job: it rests at once.
with job as (
    update jobs set status = 'paused', pause_requested_at = null, version = version + 1, event_seq = event_seq + 1
    where tenant_id = tenant() and id = %(id)s and status = %(status)s and cancel_requested_at is null
    returning id, status, attempt, event_seq
)
insert into events (tenant_id, job_id, seq, type, data)
select tenant(), id, event_seq, 'paused', jsonb_build_object('status', status, 'attempt', attempt) from job
