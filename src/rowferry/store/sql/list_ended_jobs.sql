-- all tenants: the parts of every tenant's jobs are looked at
select id from jobs where id = any(%(ids)s) and finished_at is not null
