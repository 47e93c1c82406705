select first_row, rows, outcomes from chunks where tenant_id = %(tenant)s and job_id = %(job_id)s order by first_row
