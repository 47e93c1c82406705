-- A job ends in one statement, and here it is that the sum is checked: what its chunks hold, counted, beside the counters that the fence moved.
drop function finish(uuid, int, text, jsonb, jsonb);
create function finish(p_job uuid, p_attempt int, p_status text, p_failure jsonb, p_result jsonb,
    p_counted bigint[] default null) returns void language plpgsql as $$
declare j jobs; ended boolean := p_status in ('succeeded', 'partial', 'failed', 'cancelled', 'interrupted');
begin
    j := hold(p_job, p_attempt);
    if array[j.cursor, j.created, j.updated, j.unchanged, j.skipped, j.failed, j.not_attempted] <> p_counted then
        raise exception 'the chunks of job % hold %, the job says otherwise', p_job, p_counted using errcode = 'RF002';
    end if;
    j.rows_read := greatest(j.rows_read, j.cursor, coalesce(j.rows_total, 0));
    update jobs set status = p_status, finished_at = case when ended then now() end, lease_expires_at = null, backend_pid = null, backend_start = null,
        pause_requested_at = null, progress_at = now(), failure = p_failure, result = p_result,
        steps_completed = case when p_status in ('succeeded', 'partial') then array_length(steps, 1) else steps_completed end,
        rows_read = case when ended then j.rows_read else rows_read end,
        not_attempted = case when ended then j.rows_read - created - updated - unchanged - skipped - failed else not_attempted end,
        version = version + 1, event_seq = event_seq + 1
        where id = p_job;
    insert into events (job_id, seq, type, data) values (p_job, j.event_seq + 1, case when ended then 'finished' else p_status end,
        jsonb_build_object('status', p_status, 'attempt', j.attempt) || case when p_failure is null then '{}' else jsonb_build_object('code', p_failure -> 'code') end);
end $$;
grant execute on function finish(uuid, int, text, jsonb, jsonb, bigint[]) to rowferry_loader;
