# Run once, in a new PostgreSQL: a user for each service, who makes a schema of his own.
for file in /services/postgresql/*; do
    role=$(basename "$file" | tr - _)
    [ "$role" != postgres ] || continue
    psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname chancery <<SQL
CREATE ROLE $role LOGIN PASSWORD '$(cat "$file")';
GRANT CREATE ON DATABASE chancery TO $role;
SQL
done
