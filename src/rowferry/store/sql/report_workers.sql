-- all tenants: workers belong to none
insert into workers (name, host, pid, job_id)
select name, host, pid, job_id from unnest(%(names)s::text[], %(hosts)s::text[], %(pids)s::int[], %(jobs)s::uuid[]) w(name, host, pid, job_id)
order by name
on conflict (name) do update set host = excluded.host, pid = excluded.pid, job_id = excluded.job_id, heartbeat_at = now(),
    started_at = case when workers.pid = excluded.pid and workers.host = excluded.host then workers.started_at else now() end
