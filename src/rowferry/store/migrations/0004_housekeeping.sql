-- What counts against a job when its attempt is lost.

-- Puts lost jobs back, or ends them after their last attempt. Ends the backend of the old attempt first: a frozen process
-- keeps its locks otherwise, the one on the job's row among them. `p_ids` null: every job whose lease has run out, but not before
-- the server has run for as long as a lease: those who live must have had the time to renew theirs.
-- All tenants: a worker repairs for every tenant.
create or replace function take_back(p_ids uuid[], p_attempts int[], p_reason text, p_count boolean) returns setof jobs language plpgsql as $$
declare j jobs; seen jobs; counted boolean;
begin
    for seen in
        select * from jobs where status = 'running'
            and case when p_ids is null then lease_expires_at < now() and pg_postmaster_start_time() + (lease_expires_at - heartbeat_at) < now()
                else (id, attempt) in (select * from unnest(p_ids, p_attempts)) end
            order by id limit 100
    loop
        select * into j from hold_lost(seen.id, seen.attempt, p_ids is null);
        if j.id is null then
            -- No longer lost, or another sweeper has it, or its own attempt holds the row: frozen between the fence and its commit.
            continue when not exists (select from jobs where id = seen.id and attempt = seen.attempt and status = 'running'
                and (p_ids is not null or lease_expires_at < now()));
            continue when not end_backend(seen.backend_pid, seen.backend_start);
            select * into j from hold_lost(seen.id, seen.attempt, p_ids is null);
            continue when j.id is null;
        end if;
        continue when not end_backend(j.backend_pid, j.backend_start);
        counted := p_count and case p_reason
            -- A claim whose answer was lost: no attempt has begun.
            when 'orphaned' then j.backend_pid is not null
            -- A backend may die of anything; one that dies again before a row more is settled died of the job.
            when 'database-lost' then exists (select from events e where e.job_id = j.id and e.type = 'requeued'
                and e.data ->> 'reason' = p_reason and (e.data ->> 'cursor')::bigint = j.cursor)
            else true end;
        if counted and j.crashes + 1 >= j.attempts_max then
            update jobs set status = 'interrupted', finished_at = now(), crashes = crashes + 1, lease_expires_at = null,
                rows_read = greatest(rows_read, cursor, coalesce(rows_total, 0)),
                not_attempted = greatest(rows_read, cursor, coalesce(rows_total, 0)) - created - updated - unchanged - skipped - failed,
                failure = jsonb_build_object('code', 'attempts-exhausted', 'retryable', true, 'details', jsonb_build_object('reason', p_reason, 'attempts', crashes + 1),
                    'message', format('The worker was lost %s times (%s). %s rows are settled, the rest was not attempted.', crashes + 1, p_reason, cursor)),
                backend_pid = null, backend_start = null, version = version + 1, event_seq = event_seq + 1
                where id = j.id returning * into j;
        else
            update jobs set status = 'queued', lease_expires_at = null, backend_pid = null, backend_start = null,
                crashes = crashes + counted::int,
                run_at = case when counted and crashes > 0 then now() + make_interval(secs => least(60, power(2, crashes - 1)) * (0.5 + random())) else now() end,
                version = version + 1, event_seq = event_seq + 1
                where id = j.id returning * into j;
            insert into waiting values (j.tenant_id) on conflict (tenant_id) do update set tenant_id = excluded.tenant_id;
        end if;
        insert into events (tenant_id, job_id, seq, type, data) values (j.tenant_id, j.id, j.event_seq,
            case j.status when 'interrupted' then 'interrupted' else 'requeued' end,
            jsonb_build_object('status', j.status, 'attempt', j.attempt, 'reason', p_reason, 'cursor', j.cursor));
        return next j;
    end loop;
end $$;
