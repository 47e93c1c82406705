select i.row, i.ordinal, i.line, i.field, i."column", i.code, i.outcome, i.value, i.arguments, i.record
from row_issues i
where i.tenant_id = tenant() and i.job_id = %(job_id)s and (i.row, i.ordinal) > (%(after_row)s, %(after_ordinal)s)
    and (%(outcome)s::text is null or i.outcome = %(outcome)s) and (%(code)s::text is null or i.code = %(code)s)
    and (%(field)s::text is null or i.field = %(field)s)
order by i.row, i.ordinal limit %(size)s
