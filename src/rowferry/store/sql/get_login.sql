-- all tenants: the address says whose
select tenant_id, user_id, user_name, scopes, password_hash from login_of(%(slug)s, %(email)s)
