with job as (
    insert into jobs (id, tenant_id, kind, type, steps, source, options, params, metadata, priority, attempts_max, created_by, original_job_id,
        same_file_as, trace_parent, event_seq)
    values (%(id)s, tenant(), %(kind)s, %(type)s, %(steps)s, %(source)s, %(options)s, %(params)s, %(metadata)s, %(priority)s,
        %(attempts_max)s, %(created_by)s, %(original_job_id)s, %(same_file_as)s, %(trace_parent)s, 1)
    returning id, kind, status
)
insert into events (tenant_id, job_id, seq, type, data)
select tenant(), id, 1, 'submitted', jsonb_build_object('status', status, 'kind', kind) from job
