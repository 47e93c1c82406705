select blob from artifacts where tenant_id = %(tenant)s and job_id = %(job_id)s and category = 'input' order by id limit 1
