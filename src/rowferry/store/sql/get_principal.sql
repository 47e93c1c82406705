-- all tenants: the secret says whose
select token_id, tenant_id, tenant_slug, user_id, user_name, scopes, state from principal(%(hash)s)
