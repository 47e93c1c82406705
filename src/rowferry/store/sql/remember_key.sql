insert into idempotency_keys (tenant_id, key, fingerprint, job_id, expires_at)
values (tenant(), %(key)s, %(fingerprint)s, %(job_id)s, now() + make_interval(secs => %(seconds)s))
on conflict (tenant_id, key) do update
    set fingerprint = excluded.fingerprint, job_id = excluded.job_id, created_at = now(), expires_at = excluded.expires_at
    where idempotency_keys.expires_at <= now()
returning key, fingerprint, job_id
