-- all tenants: workers belong to none; whoever shows them leaves out the jobs of other tenants
select name, host, pid, job_id, started_at, heartbeat_at from workers
where heartbeat_at > now() - make_interval(secs => %(seconds)s) order by name
