"""Dry runs: past results decided again, counted by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from detector.classify.budgets import Budgets
from detector.cli import main
from detector.service.dry_run import DryRun, Share, dry_run
from detector.service.policy import Policy
from detector.service.records import Action, Decision, Item, Label, Outcome, Review
from detector.service.store import Store
from detector.types import Report
from detector.weights import asset, version
from tests.service.orders import done

CLASSIFIER = "0123456789ab"
OLD = "[image]\nreview = { probability = 0.6 }\n[video]\nreview = { probability = 0.6 }\n"
NEW = (
    "[image]\nreview = { probability = 0.7 }\nblock = { probability = 0.9 }\n[video]\nreview = { probability = 0.5 }\n"
    '[abstain]\nno_face = "allow"\n'
)


def report(probability: float | None, classifier: str = CLASSIFIER) -> Report:
    """Of a picture; without a probability, of one without a face."""
    if probability is None:
        return Report("a.jpg", "image", "abstained", "no_face", models={"yunet": "a"})
    return Report("a.jpg", "image", "ok", fake_probability=probability, models={"classifier": classifier})


def item(name: str, told: Report, label: Label | None = None, before: Action | None = None) -> Item:
    """What became of a file under the old policy."""
    decision = Policy.parse(OLD).resolve(Budgets(0.5, 0.05)).decide(told, name)
    decision = decision if before is None else Decision(before, "", "p")
    review = Review(1, name, 1.0, "ann", "allow", label, "", "") if label else None
    fields = (name, "j", 0, "a.jpg", 1, "ab", told.media, "done", 1, 0.0, 1.0, vars(told), decision, (), None, review)
    return Item(*fields)


def tried(items: Iterable[Item], text: str = NEW, examples: int = 5) -> DryRun:
    return dry_run(items, Policy.parse(text).resolve(Budgets(0.5, 0.05)), CLASSIFIER, examples)


ITEMS = [
    item("low", report(0.1)),
    item("doubtful", report(0.65), "real"),
    item("high", report(0.8), "fake"),
    item("higher", report(0.95), "real"),
    item("highest", report(0.99), "fake"),
    item("clip", replace(report(0.55), media="video")),
    item("nobody", report(None), "fake"),
    item("old", report(0.95, classifier="older")),
    replace(item("waiting", report(0.9)), report=None, decision=None),
]


def test_what_would_be_done_by_hand() -> None:
    found = tried(ITEMS)
    counts = {(cell.media, cell.before, cell.after): (cell.items, cell.examples) for cell in found.cells}
    assert counts == {
        ("image", "allow", "allow"): (1, ()),
        ("image", "review", "allow"): (2, ("doubtful", "nobody")),
        ("image", "review", "review"): (1, ()),
        ("image", "review", "block"): (2, ("higher", "highest")),
        ("video", "allow", "review"): (1, ("clip",)),
    }
    assert (found.real_blocked, found.fake_allowed) == (Share(1, 2), Share(1, 3))
    assert (found.elsewhere, found.policy) == (1, Policy.parse(NEW).version)


def test_the_same_policy_changes_nothing_not_even_its_audit() -> None:
    text = OLD + "[audit]\nshare = 0.3\n"
    rules = Policy.parse(text).resolve(Budgets(0.5, 0.05))
    items = [item(str(n), report(0.1), before=rules.decide(report(0.1), str(n)).action) for n in range(200)]
    assert {one.decision.action for one in items if one.decision} == {"allow", "review"}
    assert tried(items, text).changed == ()
    assert tried(items, text + "# said otherwise\n").changed == ()


def test_examples_are_as_many_as_asked_for() -> None:
    [cell] = tried((item(str(n), report(0.95)) for n in range(20)), examples=3).changed
    assert (cell.items, cell.examples) == (20, ("0", "1", "2"))


def test_as_json_and_for_a_person() -> None:
    found = tried(ITEMS)
    told = json.loads(json.dumps(found.as_dict()))
    assert (told["items"], told["changed"], told["elsewhere"]) == (7, 5, 1)
    assert told["table"][0] == {"media": "image", "before": "allow", "after": "allow", "items": 1, "examples": []}
    assert told["reviewed"]["real_blocked"]["count"] == 1
    page = str(found)
    assert "| image: was | would be allow | would be review | would be block |" in page
    assert "| review | 2 | 1 | 2 |" in page
    assert "image, review → block, e.g. higher, highest" in page
    assert "Found real by people, would be blocked: 1 of 2 (95 % interval 9.5% to 90.5%)." in page
    assert "Left out: 1 files that another classifier scored." in page
    assert "Found real by people, would be blocked: 0 of 0." in str(tried([]))


@given(st.integers(1, 500), st.data())
def test_the_interval_is_wilsons(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert Share(count, of).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_an_interval_of_nothing_is_everything() -> None:
    assert Share(0, 0).interval == (0.0, 1.0)


def test_past_results_of_a_real_store(store: Store) -> None:
    for name, probability in (("fake", 0.95), ("real", 0.65)):
        told = report(probability)
        ended = done(store, made=Outcome(vars(told), Decision("review", "", "p")))
        store.decide(ended.items[0].id, "ann", "allow", "real" if name == "real" else "fake")
    found = tried(store.results())
    assert {(cell.before, cell.after): cell.items for cell in found.cells} == {
        ("review", "allow"): 1,
        ("review", "block"): 1,
    }
    assert (found.real_blocked, found.fake_allowed) == (Share(0, 1), Share(0, 1))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(NEW, encoding="utf-8")
    assert main(["policy", "dry-run", str(policy), "--state", str(tmp_path)]) == 2
    assert "no service has kept anything here" in capsys.readouterr().err
    store = Store.open(f"sqlite:///{tmp_path / 'service.db'}")
    told = vars(report(0.95, version(asset("classifier.skops"))))
    done(store, made=Outcome(told, Decision("review", "", "p")))
    store.close()
    assert main(["policy", "dry-run", str(policy), "--state", str(tmp_path)]) == 0
    assert "1 files would be treated otherwise" in capsys.readouterr().out
    config = tmp_path / "service.toml"
    config.write_text(f'database = "sqlite:///{tmp_path / "service.db"}"\n', encoding="utf-8")
    assert main(["policy", "dry-run", str(policy), "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == 1
