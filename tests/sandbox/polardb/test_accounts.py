"""Who gets in, and what they may do, over a real socket."""

import pymysql
import pytest


def refused(server, sql, client):
    with pytest.raises(pymysql.MySQLError) as error:
        server.run(sql, client)
    return error.value.args


@pytest.fixture
def joe(server, run):
    """A client of joe's, who may nothing yet; `run` is the privileged user."""
    run("CREATE USER 'joe'@'%' IDENTIFIED BY 'secret'")
    return server.connect("joe", "secret")


@pytest.mark.parametrize("plugin", ["mysql_native_password", "caching_sha2_password"])
def test_both_ways_to_prove_a_password_work(server, run, plugin):
    run(f"CREATE USER ann IDENTIFIED WITH {plugin} BY 'pass'")
    assert server.run("SELECT CURRENT_USER()", server.connect("ann", "pass")) == [("ann@%",)]
    with pytest.raises(pymysql.OperationalError) as error:
        server.connect("ann", "wrong")
    assert error.value.args == (1045, "Access denied for user 'ann'@'127.0.0.1' (using password: YES)")


@pytest.mark.parametrize(("user", "password", "used"), [("nobody", "x", "YES"), ("polardb_user", "", "NO")])
def test_strangers_are_turned_away(server, user, password, used):
    with pytest.raises(pymysql.OperationalError) as error:
        server.connect(user, password)
    assert error.value.args == (1045, f"Access denied for user '{user}'@'127.0.0.1' (using password: {used})")


def test_an_empty_password_is_a_password(server, run):
    run("CREATE USER open")
    assert server.run("SELECT 1", server.connect("open", "")) == [(1,)]


def test_a_user_can_be_dropped_and_made_again(server, run, joe):
    run("DROP USER joe")
    with pytest.raises(pymysql.OperationalError):
        server.connect("joe", "secret")
    run("CREATE USER joe IDENTIFIED BY 'other'")
    server.connect("joe", "other")


def test_an_account_of_another_host_is_no_account(server, run):
    run("CREATE USER 'far'@'10.0.%' IDENTIFIED BY 'x'")
    with pytest.raises(pymysql.OperationalError):
        server.connect("far", "x")


def test_a_database_of_others_cannot_be_entered(server, joe, run):
    with pytest.raises(pymysql.OperationalError) as error:
        server.connect("joe", "secret", database="shop")
    assert error.value.args == (1044, "Access denied for user 'joe'@'%' to database 'shop'")
    run("GRANT SELECT ON shop.* TO joe")
    server.connect("joe", "secret", database="shop")
    with pytest.raises(pymysql.OperationalError, match="Unknown database 'nope'"):
        server.connect(database="nope")


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("SELECT * FROM shop.fruit", "SELECT"),
        ("SELECT * FROM shop.not_there", "SELECT"),
        ("INSERT INTO shop.fruit(id, name) VALUES (9, 'x')", "INSERT"),
        ("UPDATE shop.fruit SET name = 'x'", "UPDATE"),
        ("DELETE FROM shop.fruit", "DELETE"),
        ("ALTER TABLE shop.fruit ADD x INT", "ALTER"),
        ("CREATE TABLE shop.t(id INT)", "CREATE"),
        ("DROP TABLE shop.fruit", "DROP"),
        ("TRUNCATE TABLE shop.fruit", "DROP"),
    ],
)
def test_a_missing_privilege_is_named(server, joe, run, sql, command):
    table = sql.partition("shop.")[2].split()[0].partition("(")[0]
    text = f"{command} command denied to user 'joe'@'127.0.0.1' for table '{table}'"
    assert refused(server, sql, joe) == (1142, text)
    run(f"GRANT {command} ON shop.* TO joe")
    if "not_there" not in sql:
        server.run(sql, joe)


def test_rights_over_the_server_are_asked_for(server, joe):
    assert refused(server, "CREATE DATABASE mine", joe)[0] == 1044
    assert refused(server, "CREATE USER x", joe)[0] == 1227
    assert refused(server, "GRANT SELECT ON shop.* TO joe", joe)[0] == 1044
    assert refused(server, "FLUSH PRIVILEGES", joe)[0] == 1227


def test_execute_is_asked_for_before_a_procedure_is_looked_for(server, joe, run):
    for name in ("dbms_etl.show_sync_link", "dbms_etl.nope", "nope.nope"):
        text = f"execute command denied to user 'joe'@'127.0.0.1' for routine '{name}'"
        assert refused(server, f"CALL {name}()", joe) == (1370, text)
    run("GRANT EXECUTE ON dbms_etl.* TO joe")
    assert server.run("CALL dbms_etl.show_sync_link()", joe) == []
    assert refused(server, "CALL nope.nope()", joe)[0] == 1370


def test_grants_are_shown_as_they_were_given(server, run, joe):
    run("GRANT SELECT, ALTER ON shop.fruit TO 'joe'@'%'")
    run("GRANT ALL ON shop.* TO joe WITH GRANT OPTION")
    run("GRANT EXECUTE ON dbms_etl.* TO joe")
    assert server.run("SHOW GRANTS", joe) == [
        ("GRANT USAGE ON *.* TO `joe`@`%`",),
        ("GRANT EXECUTE ON `dbms_etl`.* TO `joe`@`%`",),
        ("GRANT ALL PRIVILEGES ON `shop`.* TO `joe`@`%` WITH GRANT OPTION",),
        ("GRANT SELECT, ALTER ON `shop`.`fruit` TO `joe`@`%`",),
    ]
    run("REVOKE ALL ON shop.* FROM joe")
    assert server.run("SELECT COUNT(*) FROM shop.fruit", joe) == [(3,)]
    assert refused(server, "DELETE FROM shop.fruit", joe)[0] == 1142


def test_information_schema_shows_only_what_may_be_seen(server, run, joe):
    count = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'"
    assert server.run(count, joe) == []
    assert server.run("SHOW DATABASES", joe) == [("information_schema",)]
    run("GRANT SELECT ON shop.sale TO joe")
    assert server.run(count, joe) == [("sale",)]
    assert refused(server, "SELECT privilege_type FROM information_schema.table_privileges", joe)[0] == 1235


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("CREATE USER joe", 1396),
        ("DROP USER nobody", 1396),
        ("GRANT SELECT ON shop.* TO nobody", 1410),
        ("GRANT SELECT ON shop.nope TO joe", 1146),
        ("GRANT CREATE ON shop.nope TO joe", None),
        ("REVOKE INSERT ON shop.fruit FROM joe", 1141),
        ("GRANT SELECT (id) ON shop.fruit TO joe", 1235),
        ("GRANT EXECUTE ON PROCEDURE dbms_etl.show_sync_link TO joe", 1235),
        ("ALTER USER joe IDENTIFIED BY 'other'", 1235),
        ("SHOW GRANTS FOR joe", 1235),
        ("GRANT NOPE ON *.* TO joe", 3619),
        ("CREATE USER x IDENTIFIED WITH sha9 BY 'x'", 1235),
    ],
)
def test_statements_about_accounts_are_checked(server, run, joe, sql, code):
    if code is None:
        assert run(sql) == []
    else:
        with pytest.raises(pymysql.MySQLError) as error:
            run(sql)
        assert error.value.args[0] == code
