-- all tenants: for administration
select id, slug from tenants order by slug
