"""Connectors as they are read: shape, filters, order, pages, ETags, and those deleted."""

import re
import threading

import pytest

from harness import PROJECT_ID, gcs, stays, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def listed(api, **query):
    return [c["connector_id"] for c in api.connectors(**query).json["data"]]


def seen(api, connector_id):
    """The connector once the daemon knows it."""
    wait_until(lambda: api.connector(connector_id).status == 200, what="the connector is known")
    return api.connector(connector_id).json


def put(sim, api, **connector):
    connector_id, = sim.put(connector=connector, job=False)
    return seen(api, connector_id)


@pytest.fixture
def told(shared_sim, shared_api):
    """What becomes of a connector with some members, on the daemon that such tests share."""
    made = []

    def tell(**connector):
        made.append(put(shared_sim, shared_api, **connector))
        return made[0]

    yield tell
    for connector in made:
        shared_sim.remove(connector["connector_id"])


# Shape


MEMBERS = {
    "connector_id": str, "kind": str, "project": str, "project_id": int, "label": str, "connector_type": str,
    "connector_properties": dict, "category_properties": dict, "status": (str, type(None)),
    "failure_message": (str, type(None)), "status_known_at": (str, type(None)), "created_at": str, "created_by": str, "state": str,
    "deleted_at": type(None), "first_seen_at": str, "updated_at": str,
    "latest_job": (dict, type(None)), "sync": dict}


def test_each_member_is_there_and_of_its_type(sim, api):
    connector = put(sim, api)
    for member, kind in MEMBERS.items():
        assert isinstance(connector[member], kind), member


def test_a_connector_tells_its_kind(sim, api):
    assert put(sim, api)["kind"] == "cloud_import"


def test_a_connector_tells_where_it_belongs(sim, api):
    connector = put(sim, api)
    assert (connector["project"], connector["project_id"]) == ("demo", PROJECT_ID)


def test_a_list_entry_is_the_single_record(sim, api):
    connector = put(sim, api)
    entry, = api.connectors().json["data"]
    assert set(entry) == set(connector)
    assert {k: v for k, v in entry.items() if k != "sync"} == \
        {k: v for k, v in connector.items() if k != "sync"}


def test_times_are_rfc_3339_in_utc(sim, api):
    connector = put(sim, api)
    for member in ("created_at", "first_seen_at", "updated_at"):
        assert TIME.fullmatch(connector[member]), member
    assert TIME.fullmatch(connector["sync"]["synced_at"])


def test_sync_is_fresh(sim, api):
    sync = put(sim, api)["sync"]
    assert sync["stale"] is False and sync["error"] is None


@pytest.mark.parametrize("given, expected", [
    ("2020-09-17T02:17:49.831793Z", "2020-09-17T02:17:49.831793Z"),
    ("2020-09-17T04:17:49+02:00", "2020-09-17T02:17:49Z"),
    ("2020-09-17T02:17:49.831793", "2020-09-17T02:17:49.831793Z"),
    ("1600309069", "2020-09-17T02:17:49Z"),
    ("2020-09-17 02:17:49.831793 +0000 UTC", "2020-09-17T02:17:49.831793Z"),
    ("0001-01-01 00:00:00 +0000 UTC", None),
    ("", None),
    (None, None),
    ("last Tuesday", None)])
def test_created_at_in_every_form(told, given, expected):
    assert told(created_at=given)["created_at"] == expected


@pytest.mark.parametrize("given, expected", [
    ("service@example.com", "service@example.com"),
    ({"id": 7, "name": "A Service", "email": "service@example.com"}, "service@example.com"),
    ({"id": 7, "name": "A Service"}, "A Service"),
    ("", None),
    (None, None)])
def test_created_by_in_every_form(told, given, expected):
    assert told(created_by=given)["created_by"] == expected


@pytest.mark.parametrize("status", ["active", "stopped", "paused", None])
def test_status_is_as_sent(sim, api, status):
    sim.settings(list_status="real")
    assert put(sim, api, status=status)["status"] == status


def test_a_missing_label_is_empty(sim, api):
    sim.settings(label="missing")
    assert put(sim, api)["label"] == ""


def test_the_failure_message_is_told(sim, api):
    sim.settings(list_status="real")
    connector = put(sim, api, status="paused", failure_message="No access to the bucket")
    assert connector["failure_message"] == "No access to the bucket"


def test_the_other_name_of_the_id_is_understood(sim, api):
    sim.settings(connector_id_member="connectorId")
    connector_id, = sim.put()
    assert seen(api, connector_id)["connector_id"] == connector_id


def test_an_id_is_opaque_text(sim, api):
    connector_id = "232f40cc-zzzz-4d5b-9d3b-12b6c0a3a2f1"
    sim.put(connector_id=connector_id)
    assert seen(api, connector_id)["connector_id"] == connector_id


def test_no_envelope_is_accepted(sim, api):
    sim.settings(envelope=False)
    connector_id, = sim.put()
    assert seen(api, connector_id)["state"] == "present"


ENTRY = ('{"connector_id":"c-1","connector_type":"gcsImport","connector_properties":'
         '{"gcs_bucket":"b","gcs_prefix":"","weight":1.50,"big":9223372036854775807,'
         '"deep":{"a":[1e3,null]}},"category_properties":{"data_format":"mixpanel_event",'
         '"extra":true}}')


def test_unknown_members_are_kept(sim, api):
    sim.put(connector_id="c-1", text=ENTRY)
    connector = seen(api, "c-1")
    assert connector["connector_properties"]["deep"] == {"a": [1000.0, None]}
    assert connector["category_properties"]["extra"] is True


@pytest.mark.parametrize("text", ['"weight":1.50', '"big":9223372036854775807', "1e3"])
def test_numbers_are_unchanged(sim, api, text):
    sim.put(connector_id="c-1", text=ENTRY)
    seen(api, "c-1")
    assert text.replace(" ", "") in api.connector("c-1").text.replace(" ", "")


def test_text_survives_whatever_it_holds(told):
    label = "snow \u2603 \U0001f600 \"quotes\" \\ \n tab\t \u0001 <script>"
    assert told(label=label)["label"] == label


def test_the_latest_job_is_shown_without_its_sync(sim, api):
    connector_id, = sim.put(job=False)
    sim.add_job(connector_id, queued_ms=0, running_ms=3600000)
    wait_until(lambda: seen(api, connector_id)["latest_job"], what="a latest job")
    latest = seen(api, connector_id)["latest_job"]
    job = api.jobs_of(connector_id).json["data"][0]
    assert "sync" not in latest
    assert set(job) - set(latest) == {"sync"}
    assert latest["job_id"] == job["job_id"]


def test_a_connector_without_jobs_has_no_latest(sim, api):
    assert put(sim, api)["latest_job"] is None


def test_updated_at_follows_changes_only(sim, api):
    connector = put(sim, api)
    here = connector["connector_id"]
    synced = connector["sync"]["synced_at"]
    wait_until(lambda: seen(api, here)["sync"]["synced_at"] > synced, what="a later refresh")
    assert seen(api, here)["updated_at"] == connector["updated_at"]
    sim.alter(here, {"label": "changed"})
    wait_until(lambda: seen(api, here)["label"] == "changed", what="the new label")
    assert seen(api, here)["updated_at"] > connector["updated_at"]
    assert seen(api, here)["first_seen_at"] == connector["first_seen_at"]


# Filters and order


@pytest.fixture
def zoo(sim, api):
    """Connectors of every sort, by name."""
    sim.settings(list_status="real")
    ids = {}

    def one(name, hour, job=None, **members):
        connector = {"label": name, "status": "active",
                     "created_at": f"2020-09-17T{hour:02}:00:00Z", **members}
        ids[name], = sim.put(connector=connector, job=False)
        if job:
            sim.verbatim_job(ids[name], status=job, start_time="1600309069", end_time="",
                             progress=1)

    one("first", 1, job="success")
    one("third", 3, job="failed", status="paused")
    one("second", 2, job="running", connector_type="s3Import", status="stopped",
        category_properties={"data_format": "mixpanel_people"})
    one("fourth", 4, status=None)
    wait_until(lambda: len(listed(api)) == 4, what="four connectors")
    wait_until(lambda: len(api.get("/v1/jobs").json["data"]) == 3, what="three jobs")
    return ids


FILTERS = [
    ({}, ["first", "second", "third", "fourth"]),
    ({"sort": "created_at"}, ["first", "second", "third", "fourth"]),
    ({"sort": "-created_at"}, ["fourth", "third", "second", "first"]),
    ({"connector_type": "s3Import"}, ["second"]),
    ({"connector_type": "gcsImport"}, ["first", "third", "fourth"]),
    ({"data_format": "mixpanel_people"}, ["second"]),
    ({"status": "active"}, ["first"]),
    ({"status": "paused"}, ["third"]),
    ({"label": "third"}, ["third"]),
    ({"label": "thi"}, []),
    ({"job_status": "succeeded"}, ["first"]),
    ({"job_status": "failed"}, ["third"]),
    ({"job_status": "running"}, ["second"]),
    ({"job_status": "queued"}, []),
    ({"state": "present"}, ["first", "second", "third", "fourth"]),
    ({"state": "deleted"}, []),
    ({"kind": "cloud_import"}, ["first", "second", "third", "fourth"]),
    ({"kind": "cloud_import", "job_status": "failed"}, ["third"]),
    ({"connector_type": "gcsImport", "status": "active"}, ["first"]),
    ({"connector_type": "s3Import", "status": "active"}, []),
    ({"connector_type": "gcsImport", "sort": "-created_at"}, ["fourth", "third", "first"]),
]


def test_filters_combine_and_order_holds(api, zoo):
    for query, names in FILTERS:
        assert listed(api, **query) == [zoo[name] for name in names], query


def test_filters_are_those_of_the_list_over_all_projects_too(api, zoo):
    for query, names in FILTERS:
        found = api.get("/v1/connectors", query).json["data"]
        assert [c["connector_id"] for c in found] == [zoo[name] for name in names], query


def test_a_connector_is_found_by_the_beginning_of_its_id(sim, api):
    for name in "abcd-1", "abcd-2", "abce-1", "ab%_d":
        sim.put(connector_id=name, job=False)
    wait_until(lambda: len(listed(api)) == 4, what="four connectors")
    for prefix, count in ("abcd", 2), ("abcd-1", 1), ("abce", 1), ("abcf", 0), ("ab%_", 1), \
            ("ABCD", 0), ("abcd-1-and-more", 0):
        found = listed(api, id_prefix=prefix)
        assert len(found) == count and all(name.startswith(prefix) for name in found), prefix
    assert listed(api, id_prefix="abcd", sort="-created_at") == listed(api, id_prefix="abcd")[::-1]
    assert listed(api, id_prefix="abcd", state="deleted") == []


def test_filters_hold_on_every_page(api, zoo):
    pages = api.every("/v1/projects/demo/connectors",
                      {"connector_type": "gcsImport", "sort": "-created_at", "limit": 1})
    assert [c["connector_id"] for c in pages] == [zoo["fourth"], zoo["third"], zoo["first"]]


@pytest.mark.parametrize("name", ["connector_type", "data_format", "status", "job_status"])
def test_a_filter_of_an_unknown_value_finds_nothing_or_is_refused(api, name):
    answer = api.connectors(**{name: "nonsense"})
    if answer.status == 200:
        assert answer.json["data"] == []
    else:
        assert (answer.status, answer.code) == (400, "invalid-parameter")


# Pages


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_paging_neither_skips_nor_repeats_while_others_come_and_go(sim, api, sort):
    stay = set(sim.put(30, job=False))
    wait_until(lambda: len(listed(api)) == 30, what="thirty connectors")
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            here = sim.put(2, job=False, connector={"created_at": "2020-09-17T02:17:49Z"})
            more = sim.put(2, job=False)
            stop.wait(0.15)
            sim.remove(here[0])
            sim.remove(more[0])

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(6):
            found = [c["connector_id"] for c in
                     api.every("/v1/projects/demo/connectors", {"limit": 3, "sort": sort})]
            assert len(found) == len(set(found)), "a record came twice"
            assert stay <= set(found), "a record was skipped"
    finally:
        stop.set()
        thread.join()


def test_connectors_of_the_same_time_are_paged_too(sim, api):
    ids = set(sim.put(7, job=False, connector={"created_at": "2020-09-17T02:17:49Z"}))
    ids |= set(sim.put(3, job=False, connector={"created_at": None}))
    wait_until(lambda: len(listed(api)) == 10, what="ten connectors")
    for sort in ("created_at", "-created_at"):
        found = [c["connector_id"] for c in
                 api.every("/v1/projects/demo/connectors", {"limit": 2, "sort": sort})]
        assert len(found) == 10 and set(found) == ids


# ETags


def etag(api, path):
    return api.get(path).headers["ETag"]


PATHS = ["/v1/projects/demo/connectors", "/v1/projects/demo/connectors/{}"]


@pytest.mark.parametrize("path", PATHS)
def test_the_etag_stays_while_only_freshness_changes(sim, api, path):
    connector = put(sim, api)
    here = connector["connector_id"]
    path = path.format(here)
    before = etag(api, path)
    wait_until(lambda: seen(api, here)["sync"]["synced_at"] > connector["sync"]["synced_at"],
               what="a later refresh")
    assert api.get(path, headers={"If-None-Match": before}).status == 304


@pytest.mark.parametrize("path", PATHS)
def test_the_etag_changes_with_the_connector(sim, api, path):
    here = put(sim, api)["connector_id"]
    path = path.format(here)
    before = etag(api, path)
    sim.alter(here, {"label": "changed"})
    wait_until(lambda: seen(api, here)["label"] == "changed", what="the new label")
    answer = api.get(path, headers={"If-None-Match": before})
    assert answer.status == 200 and answer.headers["ETag"] != before


@pytest.mark.parametrize("path", PATHS)
def test_the_etag_changes_with_the_latest_job(sim, api, path):
    here = put(sim, api)["connector_id"]
    path = path.format(here)
    before = etag(api, path)
    sim.verbatim_job(here, status="running", start_time="1600309069", progress=0.5)
    wait_until(lambda: seen(api, here)["latest_job"], what="the latest job")
    assert etag(api, path) != before


def test_the_etag_is_the_same_after_a_restart(sim, api, daemon):
    here = put(sim, api)["connector_id"]
    before = etag(api, PATHS[1].format(here))
    daemon.restart()
    assert etag(api, PATHS[1].format(here)) == before


# Those that vanished


@pytest.fixture
def deleted(sim, api):
    """A connector with a job, gone from Mixpanel."""
    here, other = sim.put(2, job=False)
    sim.verbatim_job(here, status="success", start_time="1600309069", end_time="1600309079",
                     progress=1)
    wait_until(lambda: seen(api, here)["latest_job"], what="the latest job")
    sim.remove(here)
    wait_until(lambda: seen(api, here)["state"] == "deleted", what="the deletion is noticed")
    return here


def test_a_deleted_connector_stays_readable(api, deleted):
    connector = api.connector(deleted).json
    assert connector["state"] == "deleted"
    assert TIME.fullmatch(connector["deleted_at"])


def test_a_deleted_connector_keeps_its_jobs(api, deleted):
    assert [j["status"] for j in api.jobs_of(deleted).json["data"]] == ["succeeded"]


def test_a_deleted_connector_is_listed_only_when_asked_for(api, deleted):
    assert deleted not in listed(api)
    assert listed(api, state="deleted") == [deleted]
    assert len(listed(api, state="all")) == 2


def test_a_deleted_connector_survives_a_restart(api, daemon, deleted):
    daemon.restart()
    assert api.connector(deleted).json["state"] == "deleted"


def test_a_connector_that_comes_back_is_present_again(sim, api, deleted):
    sim.put(connector_id=deleted)
    wait_until(lambda: seen(api, deleted)["state"] == "present", what="it is present again")
    assert seen(api, deleted)["deleted_at"] is None


def test_one_created_through_us_never_vanishes_for_a_moment(sim, api):
    """A list that began before the create must not delete what it could not know."""
    sim.fault("delay", "list", 3, delay_ms=500)
    created = api.create(gcs()).json["connector_id"]
    assert stays(lambda: api.connector(created).json["state"] == "present", 2)
