select code, field, shape, outcome, rows, sample from issue_causes
where tenant_id = tenant() and job_id = %(job_id)s order by rows desc, code, field, shape limit %(most)s
