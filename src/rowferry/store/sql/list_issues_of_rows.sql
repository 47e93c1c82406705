-- A row with one failed issue has failed, whatever else is said of it.
select i.row, i.ordinal, i.line, i.field, i."column", i.code, i.outcome, i.value, i.arguments, i.record
from (select r.row from row_issues r where r.tenant_id = tenant() and r.job_id = %(job_id)s and r.row > %(after_row)s
    group by r.row having bool_or(r.outcome = 'failed') = %(failed)s order by r.row limit %(size)s) found
join row_issues i on i.tenant_id = tenant() and i.job_id = %(job_id)s and i.row = found.row
order by i.row, i.ordinal
