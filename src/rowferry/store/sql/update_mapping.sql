update mappings set name = %(name)s, target = %(target)s, columns = %(columns)s, defaults = %(defaults)s, headers = %(headers)s, updated_at = now()
where tenant_id = tenant() and id = %(id)s
returning id, name, target, columns, defaults, headers, created_at, updated_at
