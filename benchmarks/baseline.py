"""What a load is measured against: plain psql, COPY into a temporary table and MERGE, of the same rows."""

import subprocess

from machine import run_measured

TABLES = ("patient", "observation", "observation_component", "zipcode_patient")


class Baseline:
    def __init__(self, cluster, database, directory):
        """Takes rows and definitions of the tables from a loaded database."""
        self.cluster = cluster
        self.directory = directory
        directory.mkdir()
        words = [cluster.programs / "pg_dump", "--schema-only", "--no-owner", "-d", cluster.url(database)]
        self.schema = subprocess.run(words, check=True, capture_output=True).stdout
        script = ["BEGIN;"]
        for table in TABLES:
            columns = cluster.query(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                f"WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''", database)
            with open(directory / f"{table}.csv", "wb") as rows:
                subprocess.run(cluster.psql(database, "-c", f"COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT csv)"),
                               check=True, stdout=rows)
            script += self.statements(table, columns, self.key(table, database))
        (directory / "merge.sql").write_text("\n".join([*script, "COMMIT;", ""]))

    def key(self, table, database):
        columns = self.cluster.query(
            "SELECT quote_ident(attname) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) "
            f"WHERE indrelid = '{table}'::regclass AND indisprimary ORDER BY attnum", database)
        return columns.split()

    def statements(self, table, columns, key):
        names = columns.split(", ")
        yield f"CREATE TEMPORARY TABLE incoming_{table} ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA;"
        yield f"\\copy incoming_{table} FROM '{self.directory / table}.csv' (FORMAT csv)"
        if not key:
            # Rows that belong to another table's row have no key to merge by.
            yield f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming_{table};"
            return
        matches = " AND ".join(f"t.{name} = s.{name}" for name in key)
        updates = ", ".join(f"{name} = s.{name}" for name in names if name not in key)
        values = ", ".join(f"s.{name}" for name in names)
        yield f"MERGE INTO {table} t USING incoming_{table} s ON {matches}"
        yield f"  WHEN MATCHED THEN UPDATE SET {updates}"
        yield f"  WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values});"

    def run(self, database):
        self.cluster.create(database)
        subprocess.run(self.cluster.psql(database), input=self.schema, check=True, stdout=subprocess.DEVNULL)
        self.cluster.settle()
        before = self.cluster.cpu_seconds()
        words = self.cluster.psql(database, "-f", str(self.directory / "merge.sql"))
        measured = run_measured(words, self.cluster.environment())
        measured["cpu_seconds"] += self.cluster.cpu_seconds() - before
        measured["rows"] = self.cluster.count_rows(database)
        self.cluster.drop(database)
        return measured
