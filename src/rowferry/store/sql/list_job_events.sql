select job_id, seq, overall, at, type, data from events
where tenant_id = tenant() and job_id = %(job_id)s and seq > %(after)s order by seq limit %(most)s
