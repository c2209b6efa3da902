from kpplugins.schema.from_names import infer_schema, numbered_names, renamed_schema, union_schema


def test_sigmas_are_cocos_only_where_all_names_are():
    assert infer_schema("x", ["nose", "leftEye", "RIGHT_EYE"]).sigmas == (0.026, 0.025, 0.025)
    assert infer_schema("x", ["nose", "tail"]).sigmas == (0.05, 0.05)
    assert "not measured" in infer_schema("x", ["tail"]).sigmas_source
    assert infer_schema("x", ["nose"], sigmas=[0.2]).sigmas_source == "given with the data"


def test_other_names_keep_what_was_given():
    given = infer_schema(
        "x", ["a", "b", "c"], skeleton=[("a", "c")], flip_pairs=[("a", "b")], sigmas=[0.1, 0.1, 0.2]
    )
    named = renamed_schema(given, ["left_eye", "right_eye", "nose"], pairs_given=True)
    assert named.flip_pairs == (("left_eye", "right_eye"),) and named.skeleton == (("left_eye", "nose"),)
    assert (named.sigmas, named.sigmas_source) == ((0.1, 0.1, 0.2), given.sigmas_source)
    plain = infer_schema("x", numbered_names(3))
    assert plain.keypoints == ("kpt_0", "kpt_1", "kpt_2")
    named = renamed_schema(plain, ["left_eye", "right_eye", "nose"], pairs_given=False)
    assert named.flip_pairs == (("left_eye", "right_eye"),) and named.sigmas_source == "COCO's, by name"
    none = infer_schema("x", numbered_names(3), flip_pairs=[])
    assert renamed_schema(none, ["left_eye", "right_eye", "nose"], pairs_given=True).flip_pairs == ()
    assert renamed_schema(plain, ["left_eye", "nose", "chin"], pairs_given=False).unpaired == ("left_eye",)


def test_the_flips_are_known_where_names_state_a_side():
    def state(*names: str) -> tuple:
        schema = infer_schema("x", names)
        return schema.flips, schema.flip_pairs, schema.unpaired

    assert state("左眼", "右眼", "嘴") == ("known", (("左眼", "右眼"),), ())
    assert state("left_eye", "nose") == ("known", (), ("left_eye",))
    assert state("head", "tail") == ("unknown", (), ())
    assert state("tip") == ("known", (), ())
    assert infer_schema("x", ["head", "tail"], flip_pairs=[]).flips == "known"


def test_a_union_is_flipped_if_one_category_has_pairs_or_all_are_known():
    face, rim, tube = (
        infer_schema("x", names) for names in (["left_eye", "right_eye"], ["rim"], ["head", "tail"])
    )
    assert union_schema({"face": face, "tube": tube}).unflipped == ""  # no side beside sides: on the axis
    assert union_schema({"rim": rim, "tube": tube}).flips == "unknown"
    assert union_schema({"face": face, "rim": rim}).flips == "known"
