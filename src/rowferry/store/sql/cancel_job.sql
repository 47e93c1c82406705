-- Nobody works on the job: it ends at once, and what was not reached is not attempted.
with job as (
    update jobs set status = 'cancelled', finished_at = now(), cancel_requested_at = coalesce(cancel_requested_at, now()), pause_requested_at = null,
        rows_read = greatest(rows_read, cursor, coalesce(rows_total, 0)),
        not_attempted = greatest(rows_read, cursor, coalesce(rows_total, 0)) - created - updated - unchanged - skipped - failed,
        version = version + 1, event_seq = event_seq + 1
    where tenant_id = tenant() and id = %(id)s and status = %(status)s
    returning id, status, attempt, event_seq
)
insert into events (tenant_id, job_id, seq, type, data)
select tenant(), id, event_seq, 'finished', jsonb_build_object('status', status, 'attempt', attempt) from job
