-- Goes on from its cursor with attempts anew. The rows behind the cursor that an interrupted job had counted as read and not attempted are
-- open again.
with job as (
    update jobs set status = 'queued', finished_at = null, failure = null, crashes = 0, run_at = now(), pause_requested_at = null,
        cancel_requested_at = null, rows_read = greatest(cursor, (checkpoint ->> 'rows_read')::bigint),
        not_attempted = cursor - created - updated - unchanged - skipped - failed,
        version = version + 1, event_seq = event_seq + 1
    where tenant_id = tenant() and id = %(id)s and status = %(status)s
    returning id, status, attempt, event_seq
)
insert into events (tenant_id, job_id, seq, type, data)
select tenant(), id, event_seq, 'resumed', jsonb_build_object('status', status, 'attempt', attempt) from job
