"""What Alembic runs: the steps, in the transaction of the connection that `Database` gives."""

from alembic import context

from detector.service.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
