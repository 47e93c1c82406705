-- all tenants: metrics are of the whole installation and name no tenant
select kind, status, status in ('succeeded', 'partial', 'failed', 'cancelled', 'interrupted') ended, count(*) jobs,
    sum(created) created, sum(updated) updated, sum(unchanged) unchanged, sum(skipped) skipped, sum(failed) failed, sum(not_attempted) not_attempted,
    extract(epoch from now() - min(greatest(created_at, run_at)) filter (where status = 'queued' and run_at <= now())) oldest_waiting_seconds
from jobs group by 1, 2
