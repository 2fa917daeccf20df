"""A PolarDB for MySQL small enough to run anywhere: MySQL's protocol in front of one SQLite file.

Statements are read by sqlglot, corrected by an allow-list (`translate`) and run by SQLite. Whatever is not on the list
is refused by name: error 1235, "… (in the sandbox)".

AutoETL's documentation leaves gaps. This is the one list of what is assumed here, and nowhere stated:

1. `show_sync_link()` gives the columns Link Id, Type, Source, Target, Status, Message, Created_at, Updated_at, made
   after SHOW SEARCH VIEW STATUS (whose columns are documented), and lists links made by procedures, not search views.
2. Links are dropped by `dbms_etl.drop_sync_link(id)`; neither that nor DROP SEARCH VIEW touches the index.
3. A second identical call makes a second link. `CALL dbms_etl.sync_by_…` gives no result set.
4. `sync_by_map`: argument 3 maps the document's id to the primary key or a unique key; 4 and 5 (joins, conditions) are
   accepted only as ''. `sync_by_table`: the column list is comma-separated, '' and '*' mean all.
5. The procedures are listed in information_schema.routines, and need EXECUTE as stored ones do.
6. An index that does not exist is refused by the procedures (1644), made by a search view; if it goes missing later the
   link is in trouble until it is back.
7. Status is `active` until a change of the table ends the link (a renamed column, a dropped key): then `failed`, for
   good. jobStatus is `initializing`, `running`, `recovering` or `failed`.
8. The prerequisites (binlog, key, types, ALTER and SELECT, columns) are refused with SIGNAL: 1644, SQLSTATE 45000.
9. Documents: NULL is written as null, dates as `YYYY-MM-DD HH:MM:SS`, DECIMAL as a number, JSON as compact text, BLOB
   as Base64, SET as a list, TINYINT(1) as a boolean, as Flink's MySQL source and JSON format do. The values of a
   composite key are joined by `_`.
10. Options of a link (WITH in CREATE SEARCH VIEW, the esl_* variables) are refused, since nothing here reads them.
11. Views are named without a database.
12. A query of a search view or of sync_by_sql joins tables, by equality, on unique keys of theirs; texts compare as in
    MySQL. A change of any of them writes the documents of the first table's rows that it concerns, or deletes them.
"""

from sandbox.polardb.database import Database
from sandbox.polardb.server import Running, serve

__all__ = ["Database", "Running", "serve"]
