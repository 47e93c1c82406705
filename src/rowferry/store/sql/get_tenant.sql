-- all tenants: who it is, is asked here
select id, slug from tenants where slug = %(slug)s
