from kpplugins.data.parsing.notes import Notes


def test_lines_are_said_once_and_counts_add_up():
    notes, other = Notes(), Notes()
    notes.say("b", "a", "b")
    notes.count("image left out")
    notes.count("row left out", 0)
    other.say("a", "c")
    other.count("image left out", 2)
    other.count("frame left out", 5)
    notes.join(other)
    assert notes.lines == ["b", "a", "c"]
    assert notes.counts == {"image left out": 3, "frame left out": 5}
