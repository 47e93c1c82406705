update users set email = %(email)s, password_hash = %(hash)s, scopes = %(scopes)s where tenant_id = %(tenant)s and id = %(user)s
