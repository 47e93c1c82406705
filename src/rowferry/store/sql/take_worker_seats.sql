-- all tenants: workers belong to none
insert into workers (name, host, pid) select name, %(host)s, %(pid)s from unnest(%(names)s::text[]) as taken(name)
on conflict (name) do update set host = excluded.host, pid = excluded.pid, job_id = null, started_at = now(), heartbeat_at = now()
