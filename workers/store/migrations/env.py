"""Alembic's way in: it is handed a connection, never an address."""

from alembic import context

from workers.store.tables import metadata


def run() -> None:
    """Bring the database to the revision that Alembic was asked for."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,  # SQLite alters tables by copying them
    )
    with context.begin_transaction():
        context.run_migrations()


if hasattr(context, "config"):  # else somebody only imports it, as pytest does for doctests
    run()
