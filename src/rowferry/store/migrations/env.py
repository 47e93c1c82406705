"""Alembic's entry: runs the revisions on the connection that `store.database.migrate` hands in."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="rowferry",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
