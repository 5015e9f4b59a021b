"""What a create is checked against before anything goes to Mixpanel."""

import json

import pytest

from harness import Daemon, Sim, gcs, s3


@pytest.fixture(scope="module")
def sim():
    with Sim() as sim:
        yield sim


@pytest.fixture(scope="module")
def daemon(sim):
    with Daemon(sim) as daemon:
        yield daemon


def validate(api, body):
    return api.create(body, validate_only="true")


def without(body, *path):
    """The body without the member at the path."""
    body = json.loads(json.dumps(body))
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return body


def having(body, value, *path):
    body = json.loads(json.dumps(body))
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return body


def remap(data_format, remap=None):
    body = having(gcs(), data_format, "category_properties", "data_format")
    return body if remap is None else having(body, remap, "category_properties", "property_remap")


PROPERTIES = "connector_properties"
CATEGORY = "category_properties"
EVENT = {"event_name": "e", "time": "t", "distinct_id": "d"}
REMAP = "/category_properties/property_remap"

GOOD = [
    gcs(),
    s3(),
    gcs(label="a label"),
    gcs(label=""),
    gcs(label=None),
    gcs(prefix=""),
    s3(prefix=""),
    having(gcs(), "US", PROPERTIES, "gcs_region"),
    having(gcs(), "none", CATEGORY, "compression"),
    having(gcs(), None, CATEGORY, "compression"),
    having(gcs(), None, CATEGORY, "property_remap"),
    having(gcs(), "mixpanel_people", CATEGORY, "data_format"),
    having(gcs(), "mixpanel_group", CATEGORY, "data_format"),
    remap("remap_event", EVENT),
    remap("remap_event", {**EVENT, "$insert_id": "i", "ip": "p"}),
    remap("remap_people", {"$distinct_id": "d"}),
    remap("remap_group", {"$group_key": "k", "$group_id": "g"}),
]


@pytest.mark.parametrize("body", GOOD)
def test_a_good_body_is_valid(api, body):
    answer = validate(api, body)
    assert answer.status == 200
    assert answer.json == {"valid": True, "warnings": []}


BAD = [
    # required
    (without(gcs(), "connector_type"), {("/connector_type", "required")}),
    (without(gcs(), PROPERTIES), {("/connector_properties", "required")}),
    (without(gcs(), CATEGORY), {("/category_properties", "required")}),
    (having(gcs(), None, PROPERTIES), {("/connector_properties", "required")}),
    (having(gcs(), None, "connector_type"), {("/connector_type", "required")}),
    (without(gcs(), PROPERTIES, "gcs_bucket"),
     {("/connector_properties/gcs_bucket", "required")}),
    (without(gcs(), PROPERTIES, "gcs_prefix"),
     {("/connector_properties/gcs_prefix", "required")}),
    (having(gcs(), None, PROPERTIES, "gcs_bucket"),
     {("/connector_properties/gcs_bucket", "required")}),
    (without(s3(), PROPERTIES, "s3_bucket"), {("/connector_properties/s3_bucket", "required")}),
    (without(s3(), PROPERTIES, "s3_prefix"), {("/connector_properties/s3_prefix", "required")}),
    (without(s3(), PROPERTIES, "s3_region"), {("/connector_properties/s3_region", "required")}),
    (without(s3(), PROPERTIES, "s3_role"), {("/connector_properties/s3_role", "required")}),
    (without(gcs(), CATEGORY, "data_format"), {("/category_properties/data_format", "required")}),
    (remap("remap_event"), {(REMAP, "required")}),
    (remap("remap_people"), {(REMAP, "required")}),
    (remap("remap_group"), {(REMAP, "required")}),
    (remap("remap_event", {}), {(REMAP + "/event_name", "required"), (REMAP + "/time", "required"),
                                (REMAP + "/distinct_id", "required")}),
    (remap("remap_people", {}), {(REMAP + "/$distinct_id", "required")}),
    (remap("remap_group", {"$group_key": "k"}), {(REMAP + "/$group_id", "required")}),
    # wrong type
    (having(gcs(), 5, "connector_type"), {("/connector_type", "wrong-type")}),
    (having(gcs(), [], PROPERTIES), {("/connector_properties", "wrong-type")}),
    (having(gcs(), "x", CATEGORY), {("/category_properties", "wrong-type")}),
    (having(gcs(), 5, PROPERTIES, "gcs_bucket"),
     {("/connector_properties/gcs_bucket", "wrong-type")}),
    (having(gcs(), {}, PROPERTIES, "gcs_prefix"),
     {("/connector_properties/gcs_prefix", "wrong-type")}),
    (having(s3(), True, PROPERTIES, "s3_region"),
     {("/connector_properties/s3_region", "wrong-type")}),
    (having(gcs(), 5, CATEGORY, "data_format"),
     {("/category_properties/data_format", "wrong-type")}),
    (having(gcs(), False, CATEGORY, "compression"),
     {("/category_properties/compression", "wrong-type")}),
    (gcs(label=5), {("/label", "wrong-type")}),
    (remap("remap_event", []), {(REMAP, "wrong-type")}),
    (remap("remap_event", {**EVENT, "time": 5}), {(REMAP + "/time", "wrong-type")}),
    (remap("remap_event", {**EVENT, "ip": 5}), {(REMAP + "/ip", "wrong-type")}),
    # unknown value
    (having(gcs(), "ftpImport", "connector_type"), {("/connector_type", "unknown-value")}),
    (having(gcs(), "csv", CATEGORY, "data_format"),
     {("/category_properties/data_format", "unknown-value")}),
    (having(gcs(), "zip", CATEGORY, "compression"),
     {("/category_properties/compression", "unknown-value")}),
    # unknown member
    (gcs(colour="red"), {("/colour", "unknown-member")}),
    (having(gcs(), 1, "a/b~c"), {("/a~1b~0c", "unknown-member")}),
    (having(gcs(), 1, ""), {("/", "unknown-member")}),
    # all at once
    ({}, {("/connector_type", "required"), ("/connector_properties", "required"),
          ("/category_properties", "required")}),
    ({"connector_type": "s3Import", "connector_properties": {"s3_bucket": 1}, "label": [],
      "category_properties": {"compression": "zip"}, "colour": "red"},
     {("/connector_properties/s3_bucket", "wrong-type"),
      ("/connector_properties/s3_prefix", "required"),
      ("/connector_properties/s3_region", "required"),
      ("/connector_properties/s3_role", "required"), ("/label", "wrong-type"),
      ("/category_properties/compression", "unknown-value"),
      ("/category_properties/data_format", "required"), ("/colour", "unknown-member")}),
]


@pytest.mark.parametrize("body, faults", BAD, ids=[str(n) for n in range(len(BAD))])
def test_every_fault_is_pointed_at(api, body, faults):
    answer = validate(api, body)
    assert (answer.status, answer.code) == (422, "invalid-connector")
    assert answer.faults == faults


@pytest.mark.parametrize("body", [[], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(api, body):
    assert validate(api, json.dumps(body)).status in (400, 422)


def test_each_fault_says_what_is_wrong(api):
    for fault in validate(api, gcs(colour="red", label=5)).json["errors"]:
        assert fault["detail"] and isinstance(fault["detail"], str)


@pytest.mark.parametrize("body, named", [
    (having(gcs(), 1, PROPERTIES, "gcs_colour"), "gcs_colour"),
    (having(gcs(), 1, CATEGORY, "colour"), "colour"),
    (having(s3(), "mars-north-1", PROPERTIES, "s3_region"), "s3_region")])
def test_what_may_be_right_is_a_warning(api, body, named):
    answer = validate(api, body)
    assert (answer.status, answer.json["valid"]) == (200, True)
    assert len(answer.json["warnings"]) == 1
    assert named in json.dumps(answer.json["warnings"])


REGIONS = """us-east-2 us-east-1 us-west-1 us-west-2 ap-south-1 ap-northeast-3 ap-northeast-2
    ap-southeast-1 ap-southeast-2 ap-northeast-1 ca-central-1 cn-north-1 cn-northwest-1
    eu-central-1 eu-west-1 eu-west-2 eu-west-3 eu-north-1 sa-east-1""".split()


@pytest.mark.parametrize("region", REGIONS)
def test_no_documented_region_is_warned_of(api, region):
    assert validate(api, s3(region=region)).json["warnings"] == []


def test_a_refused_create_is_the_same_as_a_refused_validation(api):
    body = gcs(colour="red", label=5)
    assert api.create(body).faults == validate(api, body).faults


@pytest.mark.parametrize("value", ["yes", "", "2"])
def test_validate_only_takes_true_and_false(api, value):
    answer = api.create(gcs(), validate_only=value)
    assert (answer.status, answer.code) == (400, "invalid-parameter")


def test_nothing_of_this_went_to_mixpanel(api, sim):
    """Whatever this module has sent so far, and two more for certain."""
    validate(api, gcs())
    api.create(gcs(label=5))
    assert sim.received("create") == 0
    assert api.get("/v1/operations").json["data"] == []
