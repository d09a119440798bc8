"""What the command line makes of objects, without a server."""

from __future__ import annotations

import json
import ssl

import pytest
from click.testing import CliRunner

from knarr.cli.apply import LAST_APPLIED, merge_difference, namespace_of, parse, with_mark
from knarr.cli.connect import Server
from knarr.cli.execute import exit_code
from knarr.cli.failure import RequestFailed
from knarr.cli.get import layout
from knarr.cli.main import COMMANDS, cli
from knarr.cli.pods import selector_of
from knarr.cli.resources import split_targets
from knarr.cli.rollout import verdict


def test_every_command_has_help_that_loads():
    """Each word of the table leads to a command with words of its own."""
    for name in COMMANDS:
        done = CliRunner().invoke(cli, [name, "--help"])
        assert done.exit_code == 0, (name, done.output)
        assert "Usage:" in done.output


@pytest.mark.parametrize(("words", "targets"), [
    pytest.param(("pods",),                [("pods", "")],                   id="all of a kind"),
    pytest.param(("pod", "a", "b"),        [("pod", "a"), ("pod", "b")],     id="kind and names"),
    pytest.param(("pod/a", "svc/b"),       [("pod", "a"), ("svc", "b")],     id="slashes"),
    pytest.param(("pods,svc",),            [("pods", ""), ("svc", "")],      id="several kinds"),
])
def test_targets(words, targets):
    assert targets == split_targets(words)


def test_mixed_targets_are_refused():
    """`pod/a b` means nothing clear."""
    with pytest.raises(RequestFailed, match="cannot be mixed"):
        split_targets(("pod/a", "b"))


def test_a_table_is_laid_out_in_columns():
    """Wide columns only when asked for; empty cells are shown."""
    table = {"columnDefinitions": [{"name": "Name"}, {"name": "Age"}, {"name": "Node", "priority": 1}],
             "rows": [{"cells": ["a", None, "n1"]}, {"cells": ["longer", "5s", "n2"]}]}

    assert ["NAME     AGE", "a        <none>", "longer   5s"] == layout(table, wide=False, namespaced=False)
    assert layout(table, wide=True, namespaced=False)[0] == "NAME     AGE      NODE"


@pytest.mark.parametrize(("named", "wanted", "expected"), [
    pytest.param(False, None, "here", id="nobody says"),
    pytest.param(False, "there", "there", id="the object says"),
    pytest.param(True, None, "here", id="the command line says"),
    pytest.param(True, "here", "here", id="both say the same"),
])
def test_where_an_object_goes(named, wanted, expected):
    """The object's own word counts, then the command line's, then the kubeconfig's."""
    server = Server("https://x", ssl.create_default_context(), namespace="here", namespace_named=named)
    assert expected == namespace_of(server, {"namespace": wanted} if wanted else {})


def test_an_object_that_goes_elsewhere():
    """`apply -n here` of what says `there`: nobody can mean that, so nothing is done."""
    server = Server("https://x", ssl.create_default_context(), namespace="here", namespace_named=True)
    with pytest.raises(RequestFailed, match='provided object "there" does not match the namespace "here"'):
        namespace_of(server, {"namespace": "there"})


def test_apply_sends_only_the_difference():
    """What was applied before and is not any more goes; what others set stays."""
    before = {"data": {"a": "1", "b": "2"}, "extra": 1}
    wanted = {"data": {"a": "9"}}
    present = {"data": {"a": "1", "b": "2", "c": "theirs"}, "extra": 1, "status": {}}

    assert {"extra": None, "data": {"a": "9", "b": None}} == merge_difference(before, wanted, present)
    assert merge_difference(wanted, wanted, {"data": {"a": "9", "c": "theirs"}}) == {}


def test_apply_marks_what_it_applied():
    """As kubectl does, so that both can follow each other."""
    marked = with_mark({"kind": "A", "metadata": {"name": "x", "annotations": {"k": "v"}}})

    assert marked["metadata"]["annotations"]["k"] == "v"
    assert json.loads(marked["metadata"]["annotations"][LAST_APPLIED])["metadata"] == {"name": "x", "annotations": {"k": "v"}}


def test_lists_are_opened_and_empty_documents_skipped():
    """`---` alone, a List, an object."""
    text = "---\n---\napiVersion: v1\nkind: List\nitems: [{kind: A, apiVersion: v1}]\n---\n{apiVersion: v1, kind: B}\n"

    assert ["A", "B"] == [body["kind"] for body in parse(text, "x.yaml")]


def test_words_mean_in_a_file_what_they_mean_to_kubernetes():
    """`=` is a word, a date is a text, `<<` merges, and an alias does not reach into the next document."""
    text = "&a {apiVersion: v1, kind: A, op: =, day: 2026-01-02, old: 010}\n---\n{<<: {apiVersion: v1}, kind: B}\n"
    wanted = [{"apiVersion": "v1", "kind": "A", "op": "=", "day": "2026-01-02", "old": 8}, {"apiVersion": "v1", "kind": "B"}]

    assert wanted == list(parse(text, "x.yaml"))
    with pytest.raises(RequestFailed, match="unknown anchor 'a' referenced"):
        list(parse(text + "---\n*a\n", "x.yaml"))


@pytest.mark.parametrize(("text", "words"), [
    pytest.param("a: [",      "is no YAML",                    id="malformed"),
    pytest.param("a: b",      "apiVersion and kind",           id="no object"),
    pytest.param("just text", "apiVersion and kind",           id="a string"),
])
def test_files_that_hold_no_objects_are_refused(text, words):
    with pytest.raises(RequestFailed, match=words):
        list(parse(text, "x.yaml"))


@pytest.mark.parametrize(("status", "code"), [
    pytest.param({"status": "Success"}, 0, id="success"),
    pytest.param({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "42"}]}}, 42, id="its own code"),
])
def test_exit_codes(status, code):
    assert code == exit_code(status)


def test_a_command_that_never_ran_is_an_error():
    """No such program in the container."""
    with pytest.raises(RequestFailed, match="not found"):
        exit_code({"status": "Failure", "message": "executable file not found", "reason": "InternalError"})


@pytest.mark.parametrize(("status", "done", "words"), [
    pytest.param({"observedGeneration": 1}, False, "waiting for the change", id="unseen"),
    pytest.param({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1}, False, "1 of 3 updated", id="updating"),
    pytest.param({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3}, False, "1 old replicas", id="old ones going"),
    pytest.param({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 2}, False,
                 "2 of 3 available", id="starting"),
    pytest.param({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}, True,
                 "3 of 3 available", id="done"),
])
def test_how_far_a_rollout_is(status, done, words):
    body = {"kind": "Deployment", "metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status}

    assert done == verdict(body)[0]
    assert words in verdict(body)[1]


def test_selectors_of_workloads_and_services():
    """A Deployment has matchLabels, a Service plain labels."""
    assert selector_of({"spec": {"selector": {"matchLabels": {"a": "b"}}}}) == {"a": "b"}
    assert selector_of({"spec": {"selector": {"a": "b"}}}) == {"a": "b"}
    assert selector_of({"spec": {}}) == {}
