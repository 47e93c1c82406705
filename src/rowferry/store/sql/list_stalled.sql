-- all tenants: a worker serves every tenant
select id from jobs where id = any(%(ids)s) and status = 'running' and progress_at < now() - make_interval(secs => %(seconds)s)
