#!/bin/sh
# Makes the secrets of compose.yaml, each a file, once: sh deploy/make_secrets.sh [FOLDER]
#
#   postgres_password   of the database
#   users.acl           who may do what in the broker, with the hash of a password
#   heatreel.toml       settings that are secret: both addresses, passwords included
#
# The folder is its owner's alone. The files in it are readable, for Compose hands them to
# containers as they are, whose users are none of this machine's.
set -eu
cd "$(dirname "$0")"
folder=${1:-secrets}
if [ -e "$folder" ]; then
    echo "$folder: is there already; what is in use must not change" >&2
    exit 1
fi

make_password() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

database=$(make_password)
broker=$(make_password)
hash=$(printf %s "$broker" | sha256sum | cut -d' ' -f1)
umask 077
mkdir -p "$folder"
umask 022
printf %s "$database" >"$folder/postgres_password"
sed -e '/^#/d' -e "s/@SHA256@/$hash/" valkey/users.acl >"$folder/users.acl"
cat >"$folder/heatreel.toml" <<END
database_url = "postgresql+psycopg://heatreel:$database@postgres:5432/heatreel"
broker_url = "redis://heatreel:$broker@valkey:6379/0"
END
