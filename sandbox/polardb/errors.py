"""What MySQL says when it refuses: number, SQLSTATE and text. Clients decide by the number, people read the text."""

from __future__ import annotations

TEXTS: dict[int, tuple[str, str]] = {
    1007: ("HY000", "Can't create database '{}'; database exists"),
    1008: ("HY000", "Can't drop database '{}'; database doesn't exist"),
    1044: ("42000", "Access denied for user '{}'@'{}' to database '{}'"),
    1045: ("28000", "Access denied for user '{}'@'{}' (using password: {})"),
    1046: ("3D000", "No database selected"),
    1047: ("08S01", "Unknown command"),
    1048: ("23000", "Column '{}' cannot be null"),
    1049: ("42000", "Unknown database '{}'"),
    1050: ("42S01", "Table '{}' already exists"),
    1051: ("42S02", "Unknown table '{}'"),
    1052: ("23000", "Column '{}' in {} is ambiguous"),
    1054: ("42S22", "Unknown column '{}' in '{}'"),
    1055: ("42000", "Expression #{} of {} is not in GROUP BY clause and contains nonaggregated column '{}' which is"
                    " not functionally dependent on columns in GROUP BY clause; this is incompatible with"
                    " sql_mode=only_full_group_by"),
    1060: ("42S21", "Duplicate column name '{}'"),
    1061: ("42000", "Duplicate key name '{}'"),
    1062: ("23000", "Duplicate entry '{}' for key '{}'"),
    1063: ("42000", "Incorrect column specifier for column '{}'"),
    1064: ("42000", "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server"
                    " version for the right syntax to use near '{}' at line {}"),
    1065: ("42000", "Query was empty"),
    1066: ("42000", "Not unique table/alias: '{}'"),
    1067: ("42000", "Invalid default value for '{}'"),
    1068: ("42000", "Multiple primary key defined"),
    1071: ("42000", "Specified key was too long; max key length is 3072 bytes"),
    1072: ("42000", "Key column '{}' doesn't exist in table"),
    1074: ("42000", "Column length too big for column '{}' (max = {}); use BLOB or TEXT instead"),
    1075: ("42000", "Incorrect table definition; there can be only one auto column and it must be defined as a key"),
    1090: ("42000", "You can't delete all columns with ALTER TABLE; use DROP TABLE instead"),
    1091: ("42000", "Can't DROP '{}'; check that column/key exists"),
    1096: ("HY000", "No tables used"),
    1101: ("42000", "BLOB, TEXT, GEOMETRY or JSON column '{}' can't have a default value"),
    1105: ("HY000", "{}"),
    1109: ("42S02", "Unknown table '{}' in {}"),
    1110: ("42000", "Column '{}' specified twice"),
    1111: ("HY000", "Invalid use of group function"),
    1113: ("42000", "A table must have at least 1 column"),
    1115: ("42000", "Unknown character set: '{}'"),
    1118: ("42000", "Row size too large. The maximum row size for the used table type, not counting BLOBs, is 65535."
                    " This includes storage overhead, check the manual. You have to change some columns to TEXT or"
                    " BLOBs"),
    1136: ("21S01", "Column count doesn't match value count at row {}"),
    1138: ("22004", "Invalid use of NULL value"),
    1140: ("42000", "In aggregated query without GROUP BY, expression #{} of {} contains nonaggregated column '{}';"
                    " this is incompatible with sql_mode=only_full_group_by"),
    1141: ("42000", "There is no such grant defined for user '{}' on host '{}'"),
    1142: ("42000", "{} command denied to user '{}'@'{}' for table '{}'"),
    1146: ("42S02", "Table '{}.{}' doesn't exist"),
    1170: ("42000", "BLOB/TEXT column '{}' used in key specification without a key length"),
    1171: ("42000", "All parts of a PRIMARY KEY must be NOT NULL; if you need NULL in a key, use UNIQUE instead"),
    1193: ("HY000", "Unknown system variable '{}'"),
    1205: ("HY000", "Lock wait timeout exceeded; try restarting transaction"),
    1227: ("42000", "Access denied; you need (at least one of) the {} privilege(s) for this operation"),
    1231: ("42000", "Variable '{}' can't be set to the value of '{}'"),
    1232: ("42000", "Incorrect argument type to variable '{}'"),
    1235: ("42000", "This version of MySQL doesn't yet support '{}'"),
    1238: ("HY000", "Variable '{}' is a {} variable"),
    1264: ("22003", "Out of range value for column '{}' at row {}"),
    1265: ("01000", "Data truncated for column '{}' at row {}"),
    1273: ("HY000", "Unknown collation: '{}'"),
    1292: ("22007", "Incorrect {} value: '{}' for column '{}' at row {}"),
    1305: ("42000", "{} {} does not exist"),
    1318: ("42000", "Incorrect number of arguments for PROCEDURE {}; expected {}, got {}"),
    1364: ("HY000", "Field '{}' doesn't have a default value"),
    1365: ("22012", "Division by 0"),
    1366: ("HY000", "Incorrect {} value: '{}' for column '{}' at row {}"),
    1370: ("42000", "execute command denied to user '{}'@'{}' for routine '{}'"),
    1396: ("HY000", "Operation {} failed for '{}'@'{}'"),
    1406: ("22001", "Data too long for column '{}' at row {}"),
    1410: ("42000", "You are not allowed to create a user with GRANT"),
    1425: ("42000", "Too big scale {} specified for column '{}'. Maximum is 30."),
    1426: ("42000", "Too-big precision {} specified for '{}'. Maximum is {}."),
    1427: ("42000", "For float(M,D), double(M,D) or decimal(M,D), M must be >= D (column '{}')."),
    1582: ("42000", "Incorrect parameter count in the call to native function '{}'"),
    1644: ("45000", "{}"),
    1690: ("22003", "{} value is out of range in '{}'"),
    3140: ("22032", "Invalid JSON text: \"{}\" at position {} in value for column '{}'."),
    3152: ("42000", "JSON column '{}' supports indexing only via generated columns on a specified JSON path."),
    3619: ("HY000", "Illegal privilege level specified for {}"),
    3685: ("HY000", "Illegal argument to a regular expression."),
}  # fmt: skip


class SqlError(Exception):
    """A refusal, as a client gets it: `code`, `state` (five characters) and `message`."""

    def __init__(self, code: int, message: str, state: str) -> None:
        super().__init__(f"({code}) {message}")
        self.code = code
        self.message = message
        self.state = state


def refusal(code: int, *parts: object) -> SqlError:
    """The error `code` with its text filled in: `raise refusal(1049, "shop")`."""
    state, text = TEXTS[code]
    return SqlError(code, text.format(*parts), state)


def unsupported(what: str) -> SqlError:
    """This is MySQL, but outside of what the sandbox answers exactly."""
    state, text = TEXTS[1235]
    return SqlError(1235, f"{text.format(what)} (in the sandbox)", state)


def syntax_error(text: str, position: int) -> SqlError:
    """1064 as MySQL words it: 80 characters from where reading stopped, and the line."""
    return refusal(1064, text[position : position + 80], text.count("\n", 0, position) + 1)
