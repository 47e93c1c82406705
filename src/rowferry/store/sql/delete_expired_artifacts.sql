-- all tenants: files pass their time alike. What a job that goes on may need stays.
delete from artifacts where id in (
    select a.id from artifacts a join jobs j on j.id = a.job_id
    where a.expires_at <= now() and j.finished_at is not null order by a.expires_at limit %(most)s)
