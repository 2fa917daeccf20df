-- AutoETL's procedures as far as they are documented, for a server that has none: they write down which links there
-- are, and tests/real/autoetl.py follows them. Its refusals are SIGNALs with 1644. Statements end at a line of slashes.

CREATE DATABASE dbms_etl CHARACTER SET utf8mb4
////
CREATE TABLE dbms_etl.links (
  id INT AUTO_INCREMENT PRIMARY KEY,
  origin VARCHAR(20) NOT NULL,
  source VARCHAR(200) NOT NULL,
  target VARCHAR(255) NOT NULL,
  fields TEXT NOT NULL COMMENT 'field=column, comma-separated',
  keyed TEXT NOT NULL COMMENT 'columns, comma-separated',
  script TEXT NOT NULL,
  status VARCHAR(20) NOT NULL DEFAULT 'active',
  message TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
)
////
CREATE PROCEDURE dbms_etl.refuse_if(refused BOOLEAN, why TEXT)
BEGIN
  DECLARE shortened VARCHAR(128) DEFAULT LEFT(why, 128);
  IF refused THEN
    SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1644, MESSAGE_TEXT = shortened;
  END IF;
END
////
CREATE PROCEDURE dbms_etl.check_column(source TEXT, named TEXT)
BEGIN
  DECLARE kind VARCHAR(64) DEFAULT (
    SELECT data_type FROM information_schema.columns
    WHERE table_schema = SUBSTRING_INDEX(source, '.', 1) AND table_name = SUBSTRING_INDEX(source, '.', -1)
      AND column_name = named);
  CALL dbms_etl.refuse_if(kind IS NULL, CONCAT('Unknown column ''', named, ''' in table ''', source, ''''));
  CALL dbms_etl.refuse_if(
    kind IN ('bit', 'geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon',
             'geometrycollection', 'geomcollection'),
    CONCAT('Column ''', named, ''' has the unsupported type ', UPPER(kind)));
END
////
CREATE PROCEDURE dbms_etl.check_table(source TEXT)
BEGIN
  CALL dbms_etl.refuse_if(@@log_bin = 0, 'Binlog is not enabled: set the cluster parameter loose_polar_log_bin to ON');
  CALL dbms_etl.refuse_if(
    NOT EXISTS (SELECT 1 FROM information_schema.tables WHERE table_schema = SUBSTRING_INDEX(source, '.', 1)
                AND table_name = SUBSTRING_INDEX(source, '.', -1)),
    CONCAT('Table ''', source, ''' doesn''t exist'));
  CALL dbms_etl.refuse_if(
    NOT EXISTS (SELECT 1 FROM information_schema.statistics WHERE table_schema = SUBSTRING_INDEX(source, '.', 1)
                AND table_name = SUBSTRING_INDEX(source, '.', -1) AND non_unique = 0),
    CONCAT('Table ''', source, ''' has no primary key or unique key'));
END
////
CREATE PROCEDURE dbms_etl.start_link(origin TEXT, sink TEXT, source TEXT, target TEXT, fields TEXT, keyed TEXT, script TEXT)
BEGIN
  DECLARE named TEXT;
  DECLARE rest TEXT DEFAULT fields;
  CALL dbms_etl.refuse_if(sink <> 'search', CONCAT('Unsupported sync target ''', sink, ''', only ''search'' is supported'));
  CALL dbms_etl.check_table(source);
  WHILE rest <> '' DO
    SET named = SUBSTRING_INDEX(SUBSTRING_INDEX(rest, ',', 1), '=', -1);
    SET rest = IF(LOCATE(',', rest), SUBSTR(rest, LOCATE(',', rest) + 1), '');
    CALL dbms_etl.check_column(source, named);
  END WHILE;
  INSERT INTO dbms_etl.links (origin, source, target, fields, keyed, script, message) VALUES (
    origin, source, target, fields, keyed, script,
    '{"errors": "", "others": "", "latency": "-1", "jobStatus": "initializing", "restart_times": "0"}');
  COMMIT;
END
////
CREATE PROCEDURE dbms_etl.sync_by_map(sink TEXT, field_map TEXT, key_map TEXT, joined TEXT, filtered TEXT)
BEGIN
  DECLARE item TEXT;
  DECLARE rest TEXT DEFAULT field_map;
  DECLARE fields, keyed TEXT DEFAULT '';
  DECLARE first TEXT DEFAULT SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTRING_INDEX(field_map, ')', 1), '(', -1), '.', 2);
  CALL dbms_etl.refuse_if(
    joined <> '' OR filtered <> '',
    'The fourth and fifth argument of sync_by_map are not documented; only '''' is accepted');
  WHILE rest <> '' DO
    SET item = SUBSTRING_INDEX(rest, ',', 1);
    SET rest = IF(LOCATE(',', rest), SUBSTR(rest, LOCATE(',', rest) + 1), '');
    CALL dbms_etl.refuse_if(
      item NOT REGEXP '^[^.(]+[.][^(]+[(][^.]+[.][^.]+[.][^.]+[)]$',
      CONCAT('Invalid field map ''', item, ''', expected index.field(database.table.column)'));
    SET fields = CONCAT(fields, IF(fields = '', '', ','), SUBSTR(SUBSTRING_INDEX(item, '(', 1), LOCATE('.', item) + 1),
                        '=', SUBSTRING_INDEX(TRIM(TRAILING ')' FROM item), '.', -1));
  END WHILE;
  SET rest = key_map;
  WHILE rest <> '' DO
    SET item = SUBSTRING_INDEX(rest, ',', 1);
    SET rest = IF(LOCATE(',', rest), SUBSTR(rest, LOCATE(',', rest) + 1), '');
    CALL dbms_etl.refuse_if(
      item NOT REGEXP '^[^.=]+[.][^=]+=[^.]+[.][^.]+[.][^.]+$',
      CONCAT('Invalid key map ''', item, ''', expected index.field=database.table.column'));
    SET keyed = CONCAT(keyed, IF(keyed = '', '', ','), SUBSTRING_INDEX(item, '.', -1));
  END WHILE;
  CALL dbms_etl.start_link('sync_by_map', sink, first, SUBSTRING_INDEX(field_map, '.', 1), fields, keyed, '');
END
////
CREATE PROCEDURE dbms_etl.sync_by_table(sink TEXT, source TEXT, target TEXT, column_list TEXT)
BEGIN
  DECLARE fields, keyed TEXT;
  SELECT GROUP_CONCAT(column_name, '=', column_name) INTO fields FROM information_schema.columns
  WHERE table_schema = SUBSTRING_INDEX(source, '.', 1) AND table_name = SUBSTRING_INDEX(source, '.', -1)
    AND (column_list IN ('', '*') OR FIND_IN_SET(column_name, REPLACE(column_list, ' ', '')));
  SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) INTO keyed FROM information_schema.key_column_usage
  WHERE table_schema = SUBSTRING_INDEX(source, '.', 1) AND table_name = SUBSTRING_INDEX(source, '.', -1)
    AND constraint_name = 'PRIMARY';
  CALL dbms_etl.start_link('sync_by_table', sink, source, target, COALESCE(fields, ''), COALESCE(keyed, ''), '');
END
////
CREATE PROCEDURE dbms_etl.sync_by_sql(sink TEXT, script TEXT)
BEGIN
  DECLARE inserted TEXT DEFAULT REPLACE(SUBSTRING_INDEX(script, 'INSERT INTO ', -1), '`', '');
  DECLARE source TEXT DEFAULT TRIM(TRAILING ';' FROM TRIM(SUBSTR(inserted, LOCATE(' FROM ', inserted) + 6)));
  DECLARE rest TEXT DEFAULT script;
  -- The first table of a query is the link's; the others are told by their declarations.
  SET source = SUBSTRING_INDEX(source, ' ', 1);
  WHILE LOCATE('database-name', rest) DO
    SET rest = SUBSTR(rest, LOCATE('database-name', rest) + 13);
    CALL dbms_etl.check_table(CONCAT(
      SUBSTRING_INDEX(SUBSTRING_INDEX(rest, '\'', 3), '\'', -1), '.',
      SUBSTRING_INDEX(SUBSTRING_INDEX(SUBSTR(rest, LOCATE('table-name', rest) + 10), '\'', 3), '\'', -1)));
  END WHILE;
  CALL dbms_etl.start_link('sync_by_sql', sink, source, SUBSTRING_INDEX(inserted, ' ', 1), '', '', script);
END
////
CREATE PROCEDURE dbms_etl.show_sync_link()
  SELECT id AS `Link Id`, 'search' AS `Type`, source AS `Source`, target AS `Target`, status AS `Status`,
         message AS `Message`, created_at AS `Created_at`, updated_at AS `Updated_at`
  FROM dbms_etl.links WHERE status <> 'dropping' ORDER BY id
////
CREATE PROCEDURE dbms_etl.drop_sync_link(link TEXT)
BEGIN
  DECLARE patience INT DEFAULT 500;
  CALL dbms_etl.refuse_if(
    NOT EXISTS (SELECT 1 FROM dbms_etl.links WHERE id = link AND status <> 'dropping'),
    CONCAT('Sync link ''', link, ''' does not exist'));
  UPDATE dbms_etl.links SET status = 'dropping' WHERE id = link;
  COMMIT;
  -- The follower deletes the row when it has sent its last document: a later one would bring a deleted index back.
  WHILE patience > 0 AND EXISTS (SELECT 1 FROM dbms_etl.links WHERE id = link) DO
    DO SLEEP(0.02);
    SET patience = patience - 1;
    COMMIT;
  END WHILE;
END
