"""`detector benchmark` from files to the report, with small models that see a planted trace."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector import tracking
from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.extract import extract
from detector.benchmark.extraction.meeting import Tools
from detector.benchmark.extraction.task import OURS
from detector.benchmark.histories.history import History
from detector.benchmark.run.approaches import FITTED, SHIPPED
from detector.benchmark.run.benchmark import benchmark
from detector.benchmark.run.plan import Plan
from detector.benchmark.run.protocols import PROTOCOLS, Protocol, load_protocol
from detector.benchmark.run.results import Results
from detector.classify import ClassifierConfig, fit_classifier
from detector.errors import ConfigError, DetectorError, UnknownNameError, UsageError
from detector.score.judge import versions
from tests.benchmark.fakes import dataset, picture, small_tools
from tests.clips import write_clip

BARE = Protocol("faces at one size", History(face_px=(100.0, 140.0), last_quality=(90, 95)), frames=3)
CHOSEN = ClassifierConfig(candidates=("logistic",), strength=100.0)


@pytest.fixture(scope="module")
def models() -> Tools:
    """Small models, and all that the command measures beside them but the network's windows."""
    return replace(small_tools(), baselines=())


@pytest.fixture(scope="module")
def classifier(models: Tools, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that was fitted elsewhere, on other pictures."""
    folder = tmp_path_factory.mktemp("elsewhere")
    samples = load_dataset("manifest", dataset(folder, {"train": 6}))
    rows = extract(samples, {"protocol": BARE.history}, models, folder)
    own = versions(models.reconstructors, models.backbone)
    fitted = fit_classifier(rows.tables[OURS], rows.labels, rows.groups, rows.origins, CHOSEN, own)
    fitted.save(folder / "classifier.skops")
    return folder / "classifier.skops"


@pytest.fixture(scope="module")
def plan(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "faces").mkdir()
    manifest = dataset(folder / "faces", {"train": 7, "test": 6})
    with manifest.open("a") as lines:
        for number, label in enumerate(("real", "fake")):
            pictures = [picture(500 + 9 * number + frame, label == "fake") for frame in range(6)]
            write_clip(folder / "faces" / f"{label}.mp4", pictures, options={"crf": "8"})
            made = "gan" if label == "fake" else "camera"
            lines.write(f"{label}.mp4,{label},{made},clips,clips:{number},test\n")
    return Plan(
        data=(str(manifest),),
        protocol=BARE,
        grid="small",
        grid_files=8,
        network=False,
        classifier=classifier,
        gallery=2,
        report=folder / "report",
        work=folder / "work",
        store=folder / "runs",
    )


@pytest.fixture(scope="module")
def found(plan: Plan, models: Tools) -> Results:
    [(results, folder)] = benchmark(plan, models)
    assert folder == plan.report
    return results


def entry(results: Results, name: str):
    return next(one for one in results.entries if one.name == name)


def test_a_planted_trace_is_found_and_everything_is_told(found: Results) -> None:
    assert found.ours.name == SHIPPED
    for name in (SHIPPED, FITTED):
        assert entry(found, name).metrics["AUC"].value > 0.9
        assert set(entry(found, name).generators) == {"gan", "diffusion", "mean", "all"}
    assert set(entry(found, FITTED).left_out) == {"gan", "diffusion", "mean"}
    assert entry(found, "blur residual").against is not None
    assert entry(found, "metadata").kind == "alarm"
    assert len(found.robustness) == 13
    assert {"none", "JPEG 60", "H.264 40"} < set(found.robustness)
    assert len(found.mistakes) == 4
    assert all(one.picture is not None and one.picture.stat().st_size > 1000 for one in found.mistakes)
    assert found.importance
    assert found.slices


def test_frames_become_clips_and_what_has_no_face_is_told_not_guessed(found: Results) -> None:
    assert len(found.frames.labels) == len(found.clips.labels) + 4, "two clips of three frames each"
    black = [rate for rate in found.coverage.values() if rate.hits < rate.count]
    assert black, "every tenth picture is black"
    assert sum(rate.hits for rate in found.coverage.values()) == len(found.clips.labels) == len(found.ids)
    assert {reason for reasons in found.missed.values() for reason in reasons} == {"no_face"}
    assert all(not np.isnan(one).any() for one in found.clips.probability.values())


def test_a_second_run_gives_the_same_bytes_and_detects_nothing_again(
    plan: Plan, found: Results, models: Tools, tmp_path: Path
) -> None:
    del found
    detector = small_tools().detectors[0]
    again = replace(plan, report=tmp_path / "again", store=tmp_path, gallery=0)
    benchmark(again, replace(models, detectors=(detector,)))
    assert detector.seen == 0  # type: ignore[attr-defined]
    for name in ("metrics.csv", "scores.csv", "robustness.csv", "slices.csv"):
        assert (again.report / name).read_bytes() == (plan.report / name).read_bytes()


def test_the_run_is_remembered_with_its_parts_and_its_model(plan: Plan, found: Results) -> None:
    run = tracking.find_run(plan.store, "latest", "benchmark")
    assert run.params["command"] == plan.command
    assert run.metrics["AUC"] == pytest.approx(found.ours.metrics["AUC"].value)
    kept = {path.name for path in run.artifacts.rglob("*")}
    assert {"index.html", "report.md", "scores.csv", "MLmodel", "classifier.skops"} <= kept
    assert "signature" in (run.artifacts / "model" / "MLmodel").read_text()
    for one in found.entries:
        assert tracking.find_run(plan.store, one.name, "benchmark").params["kind"] == one.kind


def test_another_detectors_scores_stand_in_the_same_table(plan: Plan, models: Tools, tmp_path: Path) -> None:
    samples = [one for one in load_dataset("manifest", Path(plan.data[0])) if one.split == "test"]
    rows = [(Path(one.path).name, one.label if place % 5 else 0.5) for place, one in enumerate(samples)]
    with (tmp_path / "theirs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "score"), *rows[:-1]])
    theirs = replace(
        plan, scores={"theirs": tmp_path / "theirs.csv"}, report=tmp_path / "r", store=tmp_path, grid="none", gallery=0
    )
    [(results, _)] = benchmark(theirs, models)
    told = entry(results, "theirs")
    assert (told.kind, told.scored.hits) == ("external", len(results.clips.labels) - 1)
    assert told.metrics["AUC"].value > 0.9
    assert "Brier" not in told.metrics, "a score from elsewhere is no probability"
    (tmp_path / "bad.csv").write_text("path,score\nnowhere.jpg,1\n")
    with pytest.raises(UsageError, match=r"no path is of this dataset"):
        benchmark(replace(theirs, scores={"bad": tmp_path / "bad.csv"}), models)


def test_the_format_leak_is_told_on_top(plan: Plan, models: Tools, tmp_path: Path) -> None:
    """The trap: reals JPEG, fakes PNG. Nothing but the file differs, and a reader of files scores 1."""
    lines = ["path,label,generator,set,group,split"]
    for number in range(28):
        fake, split = number % 2, "train" if number < 14 else "test"
        name = f"{number}.{'png' if fake else 'jpg'}"
        cv2.imwrite(str(tmp_path / name), picture(number, fake=False))
        lines.append(f"{name},{fake},{'gan' if fake else 'camera'},s,{number},{split}")
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    leaky = replace(plan, data=(str(tmp_path / "m.csv"),), grid="none", gallery=0, store=tmp_path, work=tmp_path / "w")
    [(found, _)] = benchmark(replace(leaky, protocol=PROTOCOLS["as-found"], report=tmp_path / "a"), models)
    assert any("metadata as found" in alarm for alarm in found.alarms)
    [(hidden, _)] = benchmark(replace(leaky, protocol=BARE, report=tmp_path / "b"), models)
    assert hidden.alarms == ()
    assert any("metadata as found reaches an AUC of 1.000" in note for note in hidden.notes)


def test_datasets_are_crossed(plan: Plan, models: Tools, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        dataset(tmp_path / name, {"test": 6})
    both = replace(
        plan, data=(str(tmp_path / "one" / "manifest.csv"), f"manifest:{tmp_path / 'other' / 'manifest.csv'}"),
        grid="none", gallery=0, report=tmp_path / "r", store=tmp_path, work=tmp_path / "w",
    )  # fmt: skip
    found = benchmark(both, models)
    assert [folder.name for _, folder in found] == ["one", "other"]
    for results, folder in found:
        assert (folder / "index.html").exists()
        assert set(results.matrix) == {"one", "other"}
        assert set(results.matrix["one"]) == {"one", "other"}
        assert results.facts["fitted"].startswith("nothing is set apart")
    with pytest.raises(ConfigError, match="every group in it is tested too"):
        benchmark(replace(both, data=both.data[:1], train=both.data[1:]), models)
    manifest = tmp_path / "other" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(":", ":other-"))
    [(trained, _)] = benchmark(replace(both, data=both.data[:1], train=both.data[1:]), models)
    assert trained.facts["fitted"].startswith("camera-a 6")


def test_groups_across_splits_raise_an_alarm_and_are_not_fitted(plan: Plan, models: Tools, tmp_path: Path) -> None:
    manifest = dataset(tmp_path, {"train": 6, "test": 6})
    manifest.write_text(manifest.read_text().replace("camera-a:1,", "camera-a:25,"))  # of train, and now of test too
    leaky = replace(plan, data=(str(manifest),), grid="none", gallery=0, report=tmp_path / "r", store=tmp_path)
    [(results, _)] = benchmark(leaky, models)
    assert any("1 groups lie in the tested split" in alarm for alarm in results.alarms)
    assert "camera-a 5" in results.facts["fitted"]


def test_one_class_alone_is_measured_as_far_as_it_goes(plan: Plan, models: Tools, tmp_path: Path) -> None:
    lines = dataset(tmp_path, {"test": 3}).read_text().splitlines()
    (tmp_path / "reals.csv").write_text("\n".join(line for line in lines if ",fake," not in line) + "\n")
    alone = replace(plan, data=(str(tmp_path / "reals.csv"),), grid="none", report=tmp_path / "r", store=tmp_path)
    [(results, _)] = benchmark(alone, models)
    assert results.ours.metrics == {}
    assert results.flagged["camera-a"]["protocol"].count == 2
    assert any("Nothing was fitted: it takes five groups" in note for note in results.notes)


def test_wrong_requests_are_one_clear_line(plan: Plan, models: Tools, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        benchmark(replace(plan, data=(str(tmp_path / "none"),)), models)
    with pytest.raises(UnknownNameError, match="known: as-found, field, strict"):
        load_protocol("fair")
    with pytest.raises(ConfigError, match="jobs: expected 1 or more, got 0"):
        replace(plan, jobs=0)
    cv2.imwrite(str(tmp_path / "wall.png"), np.zeros((80, 80, 3), np.uint8))
    (tmp_path / "walls.csv").write_text("path,label,generator,set,group,split\nwall.png,real,camera,s,g,test\n")
    with pytest.raises(DetectorError, match=r"no face could be judged: no_face \(1\)"):
        benchmark(replace(plan, data=(str(tmp_path / "walls.csv"),), store=tmp_path), models)


def test_a_protocol_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('about = "mine"\nframes = 8\n[history]\ncontext = 1.5\n')
    assert load_protocol(str(tmp_path / "mine.toml")) == Protocol("mine", History(context=1.5), 8)
    (tmp_path / "odd.toml").write_text('about = "mine"\naggregate = "sum"\n')
    with pytest.raises(UnknownNameError, match="aggregate 'sum'"):
        load_protocol(str(tmp_path / "odd.toml"))
