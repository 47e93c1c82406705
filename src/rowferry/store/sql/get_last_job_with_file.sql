select id from jobs where tenant_id = tenant() and source_sha256 = %(sha256)s order by number desc limit 1
