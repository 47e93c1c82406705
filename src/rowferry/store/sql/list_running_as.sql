-- all tenants: a worker serves every tenant
select id, attempt, worker from jobs where status = 'running' and worker = any(%(names)s)
