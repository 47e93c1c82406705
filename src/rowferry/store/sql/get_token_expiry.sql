select expires_at from tokens where tenant_id = tenant() and id = %(id)s
