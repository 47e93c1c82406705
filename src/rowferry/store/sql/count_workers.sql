-- all tenants: metrics are of the whole installation and name no tenant
select case when job_id is null then 'idle' else 'busy' end state, count(*) workers
from workers where heartbeat_at > now() - interval '60 seconds' group by 1
