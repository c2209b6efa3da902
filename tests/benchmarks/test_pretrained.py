"""The plan and the table of ImageNet weights against random ones."""

from benchmarks.pretrained import SETS, Trial, options_of, summary, tables, trials


def test_every_training_once_and_all_of_one_seed_first():
    planned = list(trials(list(SETS), 2))
    assert len(planned) == len(set(planned)) and [t.seed for t in planned] == sorted(t.seed for t in planned)
    assert planned[:3] == [
        Trial("faces", "scratch", 200, 0), Trial("faces", "ImageNet", 200, 0), Trial("faces", "ImageNet", 100, 0),
    ]  # fmt: skip


def test_both_starts_get_the_same_instances_and_smaller_parts_are_inside_of_larger_ones():
    def chosen(start: str, rows: int) -> list[int]:
        return options_of(Trial("faces", start, rows, 1), 1000, None)["train_dataloader.dataset.indices"]

    assert chosen("scratch", 200) == chosen("ImageNet", 200) and len(chosen("scratch", 200)) == 200
    assert set(chosen("ImageNet", 50)) < set(chosen("ImageNet", 200))
    assert options_of(Trial("tubes", "scratch", 5, 1), 10, "w.pth").get("backbone_weights") is None
    assert options_of(Trial("tubes", "ImageNet", 5, 1), 10, "w.pth")["backbone_weights"] == "w.pth"


def test_half_the_labels_are_set_against_all_of_them():
    figures = [
        ("scratch", 78, 0, 4.0),
        ("scratch", 78, 1, 6.0),
        ("ImageNet", 78, 0, 2.0),
        ("ImageNet", 39, 0, 4.5),
    ]
    rows = {
        str(i): dict(data="tubes", start=start, rows=rows, seed=seed, EPE=error)
        for i, (start, rows, seed, error) in enumerate(figures)
    }
    (tubes,) = summary(rows, ["tubes"])
    assert (tubes["scratch"], tubes["ImageNet"], tubes["half"], tubes["half_is_enough"]) == (
        5.0,
        2.0,
        4.5,
        True,
    )
    assert "| tubes | 78     | 5.00 ± 1.41 | 2.00        | 4.50" in tables([tubes])
    assert summary({}, ["tubes"])[0]["half_is_enough"] is None
