"""Policies: what each says is what is done, what cannot be is refused by name, and the audit is a fair draw."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.classify.budgets import Budgets, HeldOut, read_budgets
from detector.cli import main
from detector.errors import ConfigError
from detector.service.policy import Policy
from detector.service.records import ACTIONS
from detector.service.rules import Rules, drawn
from detector.types import REASONS, MediaKind, Report
from detector.weights import asset

BUDGETS = Budgets(0.951, 0.05, HeldOut.of(np.arange(1, 201) / 200, np.arange(200), ["ffhq"] * 200))
TEXT = """
[image]
review = { fpr = 0.05 }
block = { probability = 0.97 }
[video]
review = { probability = 0.6 }
block = "never"
[abstain]
no_face = "allow"
timeout = "block"
"""


def rules(text: str = TEXT) -> Rules:
    return Policy.parse(text).resolve(BUDGETS)


def scored(probability: float, media: MediaKind = "image") -> Report:
    return Report("a.jpg", media, "ok", fake_probability=probability)


RULES = rules()


class TestDecide:
    @pytest.mark.parametrize(
        ("probability", "media", "action", "reason"),
        [
            (0.12, "image", "allow", "0.12 is below 0.95, the limit that 5 % of real faces pass"),
            (0.951, "image", "review", "0.95 is at or above 0.95, the limit that 5 % of real faces pass"),
            (0.9509, "image", "allow", "0.9509 is below 0.9510, the limit that 5 % of real faces pass"),
            (0.97, "image", "block", "0.97 is at or above 0.97, the limit that the policy names"),
            (1.0, "image", "block", "1.00 is at or above 0.97, the limit that the policy names"),
            (0.59, "video", "allow", "0.59 is below 0.60, the limit that the policy names"),
            (1.0, "video", "review", "1.00 is at or above 0.60, the limit that the policy names"),
        ],
    )
    def test_by_the_limits_and_with_their_figures(
        self, probability: float, media: MediaKind, action: str, reason: str
    ) -> None:
        decision = rules().decide(scored(probability, media), "1")
        assert (decision.action, decision.reason, decision.weight) == (action, reason, 1.0)
        assert decision.policy == Policy.parse(TEXT).version

    @pytest.mark.parametrize("reason", REASONS)
    def test_what_has_no_score_goes_to_a_person_unless_the_policy_says_otherwise(self, reason: str) -> None:
        decision = rules().decide(Report("a.jpg", "unknown", "error", reason), "1")
        assert decision.action == {"no_face": "allow", "timeout": "block"}.get(reason, "review")
        assert decision.reason == f"no score, {reason}: {REASONS[reason]}"

    def test_a_reason_from_the_future_goes_to_a_person(self) -> None:
        assert rules().decide(Report("a.jpg", "image", "error", "quantum"), "1").action == "review"

    def test_a_report_from_the_store_is_decided_as_the_report_was(self) -> None:
        for report in (scored(0.96), Report("a.jpg", "image", "abstained", "no_face")):
            assert rules().decide(vars(report), "1") == rules().decide(report, "1")

    def test_without_a_limit_nothing_is_reviewed(self) -> None:
        text = '[image]\nreview = "never"\n[video]\nreview = "never"'
        assert rules(text).decide(scored(1.0), "1").reason == "1.00, and the policy has no limit for this kind of file"

    @given(st.floats(0, 1), st.floats(0, 1))
    def test_a_higher_probability_is_never_treated_more_kindly(self, one: float, other: float) -> None:
        low, high = (ACTIONS.index(RULES.decide(scored(p), "1").action) for p in sorted((one, other)))
        assert low <= high


class TestAudit:
    text = TEXT + "[audit]\nshare = 0.2\n"

    def test_a_share_of_what_nobody_would_see_is_drawn_and_stands_for_the_rest(self) -> None:
        audit = rules(self.text)
        for probability, action in ((0.1, "allow"), (0.99, "block")):
            found = [audit.decide(scored(probability), str(n)) for n in range(4000)]
            audited = [one for one in found if one.action == "review"]
            assert len(audited) / 4000 == pytest.approx(0.2, abs=0.03)
            assert {one.weight for one in audited} == {5.0}
            assert {one.action for one in found} == {action, "review"}
            assert audited[0].reason.startswith(f"drawn at random, 20 % of what no person would see; else {action}: ")
            # Weighted, those that people see are as many as there are.
            assert sum(one.weight for one in audited) == pytest.approx(4000, rel=0.15)

    def test_what_goes_to_a_person_anyway_stands_for_itself(self) -> None:
        audit = rules(self.text)
        assert {audit.decide(scored(0.96), str(n)).weight for n in range(100)} == {1.0}

    def test_files_without_a_score_are_drawn_too(self) -> None:
        audit, report = rules(self.text), Report("a.jpg", "image", "abstained", "no_face")
        assert {audit.decide(report, str(n)).action for n in range(100)} == {"allow", "review"}

    def test_none_and_all(self) -> None:
        assert not any(drawn(str(n), 0.0) for n in range(1000))
        assert all(drawn(str(n), 1.0) for n in range(1000))

    @given(st.text(), st.floats(0, 1), st.floats(0, 1))
    def test_a_larger_share_draws_the_same_and_more(self, key: str, one: float, other: float) -> None:
        assert drawn(key, max(one, other)) >= drawn(key, min(one, other))


class TestResolve:
    def test_budgets_become_the_classifiers_thresholds(self) -> None:
        text = "[image]\nreview = { fpr = 0.1 }\nblock = { fpr = 0.01 }\n[video]\nreview = { fpr = 0.05 }"
        bounds = rules(text).bounds
        assert bounds["image"].review.at == BUDGETS.threshold_for(0.1) == pytest.approx(181 / 200)
        assert bounds["image"].block.at == BUDGETS.threshold_for(0.01)
        assert bounds["video"].review.at == 0.951
        assert math.isinf(bounds["video"].block.at)

    def test_a_budget_that_cannot_be_vouched_for_is_refused(self) -> None:
        text = TEXT.replace("fpr = 0.05", "fpr = 0.001")
        with pytest.raises(ConfigError, match=r"policy: image: fpr: the smallest budget .* is 0\.00498, got 0\.001"):
            rules(text)

    def test_review_must_begin_at_or_below_block(self) -> None:
        with pytest.raises(ConfigError, match=r"image: .*review from 0\.98 and block from 0\.97"):
            rules(TEXT.replace("{ fpr = 0.05 }", "{ probability = 0.98 }"))
        with pytest.raises(ConfigError, match=r"image: .*at or below block"):
            rules(TEXT.replace("{ fpr = 0.05 }", '"never"'))
        assert (
            rules(TEXT.replace("{ fpr = 0.05 }", "{ probability = 0.97 }")).decide(scored(0.97), "1").action == "block"
        )

    def test_as_plain_values(self) -> None:
        assert rules().as_dict() == {
            "version": Policy.parse(TEXT).version,
            "image": {"review": 0.951, "block": 0.97},
            "video": {"review": 0.6, "block": None},
            "abstain": {"no_face": "allow", "timeout": "block"},
            "audit": {"share": 0.0},
        }


class TestFile:
    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("[video]", "[film]", "unknown key 'film'; known: abstain, audit, image, video"),
            ("review = { prob", "reviews = { prob", r"\[video\]: unknown key 'reviews'; known: block, review"),
            ("fpr = 0.05", "rate = 0.05", "unknown key 'rate'; known: fpr, probability"),
            ("fpr = 0.05", "fpr = 5", r"image\.review\.fpr: .*less than 1, got 5"),
            ("probability = 0.97", "probability = 97", r"image\.block\.probability: .*1, got 97"),
            ("fpr = 0.05", "fpr = 0.05, probability = 0.9", r"image\.review: expected \{ fpr"),
            ('"never"', '"newer"', r"video\.block: expected .* or \"never\", got 'newer'"),
            ('"never"', "0.5", r"video\.block: expected .*, got 0\.5"),
            ("no_face", "noface", "unknown reason 'noface'; known: .*no_face"),
            ('= "allow"', '= "maybe"', r"abstain\.no_face: .*'allow', 'review' or 'block', got 'maybe'"),
            ("[abstain]", "[audit]\nshare = 2\n[abstain]", r"audit\.share: .*less than or equal to 1"),
            ("[image]", "image]", "is not TOML"),
            ("review = { prob", "# { prob", r"video\.review: Field required"),
        ],
    )
    def test_what_cannot_be_is_refused_by_name(self, old: str, new: str, complaint: str) -> None:
        assert old in TEXT
        with pytest.raises(ConfigError, match=complaint):
            Policy.parse(TEXT.replace(old, new))

    def test_the_version_is_that_of_the_text(self, tmp_path: Path) -> None:
        path = tmp_path / "policy.toml"
        path.write_text(TEXT, encoding="utf-8")
        assert Policy.load(path).version == Policy.parse(TEXT).version != Policy.parse(TEXT + "\n").version
        assert Policy.parse("[image]\nreview='never'\n[video]\nreview='never'").version == "c013ea7a3824"  # sha256sum's
        with pytest.raises(ConfigError, match="No such file"):
            Policy.load(tmp_path / "none.toml")

    def test_the_shipped_one_reviews_what_the_embedded_classifier_calls_fake_and_blocks_nothing(self) -> None:
        embedded = read_budgets(asset("classifier.skops"))
        shipped = replace(Policy.load().resolve(embedded), share=0.0)
        assert embedded.fpr == 0.05
        for media in ("image", "video"):
            assert shipped.decide(scored(embedded.threshold, media), "1").action == "review"
            assert shipped.decide(scored(np.nextafter(embedded.threshold, 0), media), "1").action == "allow"
            assert shipped.decide(scored(1.0, media), "1").action == "review"
        assert {shipped.decide(Report("a", "image", "error", reason), "1").action for reason in REASONS} == {"review"}
        assert 0 < Policy.load().content.audit.share < 0.1

    def test_deciding_imports_no_learner(self) -> None:
        code = (
            "import sys; from detector.service.policy import Policy; from detector.service import dry_run, labelled; "
        )
        code += "from detector.classify.budgets import read_budgets; from detector.weights import asset; "
        code += "Policy.load().resolve(read_budgets(asset('classifier.skops'))); "
        code += "sys.exit(', '.join({'sklearn', 'torch', 'skops', 'scipy'} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == ""


def test_the_command_says_from_where_on_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, own = tmp_path / "policy.toml", read_budgets(asset("classifier.skops")).threshold
    path.write_text(TEXT.replace("fpr = 0.05", "probability = 0.7"), encoding="utf-8")
    assert main(["policy", "check", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "image: review from 0.7000 on, the limit that the policy names" in printed
    assert "video: block never" in printed
    assert "no score, no_face: allow" in printed
    path.write_text(TEXT, encoding="utf-8")
    assert main(["policy", "check", str(path), "--json"]) == 0
    assert f'"review": {own}' in capsys.readouterr().out
    path.write_text(TEXT.replace("[video]", "[film]"), encoding="utf-8")
    assert main(["policy", "check", str(path)]) == 2
    assert "unknown key 'film'" in capsys.readouterr().err
