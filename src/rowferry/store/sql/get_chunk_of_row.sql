select first_row, rows, outcomes from chunks
where tenant_id = tenant() and job_id = %(job_id)s and first_row <= %(row)s order by first_row desc limit 1
