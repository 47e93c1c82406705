select coalesce(sum(rows), 0)::bigint as n from issue_causes where tenant_id = tenant() and job_id = %(job_id)s
