-- all tenants: a worker serves every tenant
update jobs j set heartbeat_at = now(), lease_expires_at = now() + make_interval(secs => %(lease)s)
from unnest(%(ids)s::uuid[], %(attempts)s::int[]) held(id, attempt)
where j.id = held.id and j.attempt = held.attempt and j.status = 'running'
returning j.id, coalesce(j.progress_at < j.cancel_requested_at and j.cancel_requested_at < now() - make_interval(secs => %(patience)s), false) as unheeded
