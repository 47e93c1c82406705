select id from jobs where tenant_id = tenant() and source ->> 'sha256' = %(sha256)s order by number desc limit 1
