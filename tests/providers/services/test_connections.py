import httpx
import pytest

from providers.kit import Refused, SearchStackError
from providers.services.connections import ELSEWHERE

SEARCH = {"search_url": "http://search.test", "search_username": "u", "search_password": "stored"}


def test_a_password_in_the_environment_takes_precedence(connect, api):
    route = api.get("/").respond(json={"version": {"number": "2.19.1"}})
    connections = connect({"POLARSEARCH_PASSWORD": "rotated"}, **SEARCH)
    connections.check_connectivity()
    assert route.calls.last.request.headers["authorization"] == httpx.BasicAuth("u", "rotated")._auth_header
    assert connections.secrets() == ["rotated", "u:rotated"]


def test_connectivity_is_checked_once(connect, api):
    route = api.get("/").respond(json={"version": {"number": "2.19.1"}})
    connections = connect(**SEARCH)
    connections.check_connectivity()
    connections.check_connectivity()
    assert route.call_count == 1


def test_problems_of_both_services_are_reported_once(connect, api):
    route = api.get("/").respond(401, text="Unauthorized")
    connections = connect(**SEARCH, database_host="127.0.0.1", database_port="1", database_user="u")
    both = r"Unauthorized \(HTTP 401\).*; and connect to 127.0.0.1:1: .*\(2003\)"
    for reported in (both, ELSEWHERE, ELSEWHERE):
        with pytest.raises(SearchStackError, match=reported):
            connections.check_connectivity()
    assert route.call_count == 1


@pytest.mark.parametrize("service", ["search", "database"])
def test_a_missing_setting_is_named(connect, service):
    with pytest.raises(Refused, match=r"(search_url|database_host) is not set; give it to the Connection"):
        getattr(connect(), service)


def test_a_connection_to_one_service_is_enough(connect, api):
    api.get("/").respond(json={"version": {"number": "2.19.1"}})
    connect(**SEARCH).check_connectivity()
    connect().check_connectivity()


@pytest.mark.parametrize("tls", ["missing.pem"])
def test_a_missing_ca_file_is_reported_in_one_line(connect, tls):
    connections = connect(database_host="h", database_user="u", database_tls=tls)
    with pytest.raises(Refused, match=r"database_tls missing\.pem: .*; write true, or the path of a PEM file"):
        _ = connections.database
