select key, fingerprint, job_id from idempotency_keys where tenant_id = tenant() and key = %(key)s and expires_at > now()
