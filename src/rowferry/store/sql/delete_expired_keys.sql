-- all tenants: keys pass their time alike
delete from idempotency_keys where expires_at <= now()
