#!/bin/sh
# Secrets that come as files become the variables that are read: PGPASSWORD by PostgreSQL's library, the other by us.
set -eu
if [ -r /run/secrets/database_password ]; then
    PGPASSWORD="$(cat /run/secrets/database_password)"
    export PGPASSWORD
fi
if [ -r /run/secrets/webhook_secret ]; then
    DETECTOR_WEBHOOK_SECRET="$(cat /run/secrets/webhook_secret)"
    export DETECTOR_WEBHOOK_SECRET
fi
exec detector "$@"
