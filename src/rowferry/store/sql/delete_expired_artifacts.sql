-- all tenants: files pass their time alike. What a job that goes on may need stays, and so does what says that its issues are still to be masked.
delete from artifacts where id in (
    select a.id from artifacts a join jobs j on j.id = a.job_id
    where a.expires_at <= now() and j.finished_at is not null
        and (a.category = 'input' or not exists (select from row_issues i where i.job_id = a.job_id and i.record <> ''))
    order by a.expires_at limit %(most)s)
