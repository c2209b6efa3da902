import pytest

from kpplugins.schema.side_names import are_alike, read_sides, words_of


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left_eye", "right_eye"), ("eye_left", "eye_right"), ("leftEye", "rightEye"), ("EyeLeft", "EyeRight"),
        ("LEye", "REye"), ("eye_l", "eye_r"), ("l-eye", "r-eye"), ("eye.L", "eye.R"), ("lefteye", "righteye"),
        ("left_eye_inner_corner", "right_eye_inner_corner"), ("Left Eye", "Right Eye"), ("eyeL", "eyeR"),
        ("lpaw", "rpaw"), ("L1", "R1"), ("LE", "RE"), ("LF", "RF"), ("LH", "RH"), ("fl", "fr"), ("bl", "br"),
        ("LFPaw", "RFPaw"), ("paw1LH", "paw4RH"), ("左眼", "右眼"), ("左眼1", "右眼1"), ("眼（左）", "眼（右）"),
        ("left_眼", "right_眼"), ("Ｌ目", "Ｒ目"), ("目L", "目R"), ("oeil_gauche", "oeil_droit"),
        ("oreille_gauche", "oreille_droite"), ("oreilleGauche", "oreilleDroite"), ("linkes_Auge", "rechtes_Auge"),
        ("Auge links", "Auge rechts"), ("linkeroog", "rechteroog"), ("ojo_izquierdo", "ojo_derecho"),
        ("oreja izq", "oreja der"), ("orelha_esquerda", "orelha_direita"), ("olho_esq", "olho_dir"),
        ("occhio_sinistro", "occhio_destro"), ("occhio_sx", "occhio_dx"), ("левый_глаз", "правый_глаз"),
        ("лев_ухо", "прав_ухо"), ("ухо.л", "ухо.п"), ("лівий_око", "правий_око"), ("vänster_öga", "höger_öga"),
        ("venstre_øye", "høyre_øye"), ("lewe_oko", "prawe_oko"), ("sol_göz", "sağ_göz"), ("왼쪽눈", "오른쪽눈"),
        ("ซ้ายตา", "ขวาตา"), ("عين_يسرى", "عين_يمنى"), ("बायाँ_आँख", "दायाँ_आँख"), ("hidari_me", "migi_me"),
        ("zuo_yan", "you_yan"), ("silmä_vasen", "silmä_oikea"),
        ("levo_oko", "desno_oko"), ("leva_noga", "desna_noga"), ("lev_glaz", "prav_glaz"),
        ("levyi_glaz", "pravyi_glaz"),
        ("αριστερό_μάτι", "δεξί_μάτι"), ("ひだり目", "みぎ目"), ("linkeroor", "regteroor"),
        ("vinstra_auga", "hægra_auga"),
        ("vasak_silm", "parem_silm"), ("kreisā_acs", "labā_acs"), ("kairė_akis", "dešinė_akis"),
        ("ezker_begi", "eskuin_begi"), ("kaliwang_mata", "kanang_mata"),
        ("llygad_chwith", "llygad_dde"), ("بائیں_آنکھ", "دائیں_آنکھ"), ("বাম_চোখ", "ডান_চোখ"), ("இடது_கண்", "வலது_கண்"),
        ("ఎడమ_కన్ను", "కుడి_కన్ను"),
    ],
)  # fmt: skip
def test_left_and_right_in_the_usual_spellings(left: str, right: str):
    sides = read_sides(["nose", right, left])
    assert sides.pairs == ((left, right),) and sides.lone == () and sides.telling


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["lf", "rf", "lr", "rr"], [("lf", "rf"), ("lr", "rr")]),  # left rear, right rear
        (["ul", "ur", "ll", "lr"], [("ul", "ur"), ("ll", "lr")]),  # lower left, lower right
        (["tl", "tr", "br", "bl"], [("tl", "tr"), ("bl", "br")]),
        (["paw1LH", "paw2LF", "paw3RF", "paw4RH"], [("paw1LH", "paw4RH"), ("paw2LF", "paw3RF")]),
        (["left_ear_1", "left_ear_2", "right_ear_1", "right_ear_2"],
         [("left_ear_1", "right_ear_1"), ("left_ear_2", "right_ear_2")]),
        (["ear1L", "ear2L", "ear1R", "ear2R"], [("ear1L", "ear1R"), ("ear2L", "ear2R")]),
    ],
)  # fmt: skip
def test_several_pairs(names: list[str], pairs: list):
    assert list(read_sides(names).pairs) == pairs


def test_what_has_no_partner_stays_alone():
    sides = read_sides(["left_eye", "bright", "light", "tail", "l", "rear"])
    assert sides.pairs == () and sides.lone == ("left_eye",)  # a word is enough; letters need their opposite
    assert read_sides(["leftear", "snout"]).lone == ("leftear",)
    assert read_sides(["port", "plug", "sol", "bal", "der"]).lone == ()


def test_ambiguous_names_are_not_paired():
    sides = read_sides(["left_eye", "leftEye", "right_eye"])
    assert sides.pairs == () and sides.lone == ("left_eye", "leftEye", "right_eye")
    assert read_sides(["ll", "lr", "rl", "rr"]).pairs == ()  # lower or left first?


def test_sides_of_two_languages_are_no_pair():
    assert read_sides(["oeil_gauche", "oeil_right"]).pairs == ()


def test_numbers_leave_sides_open():
    sides = read_sides(["eye1", "eye2", "mouth", "ear_a", "ear_b", "left_paw", "right_paw"])
    assert sides.pairs == (("left_paw", "right_paw"),)
    assert sides.numbered == (("eye1", "eye2"), ("ear_a", "ear_b"))
    assert sides.may_pair("eye1", "eye2") and not sides.may_pair("eye1", "ear_a")
    assert read_sides(["x"]).may_pair("left_ear_1", "right_ear_3")
    assert not read_sides(["x"]).may_pair("left_ear_1", "left_ear_3")


@pytest.mark.parametrize(
    "names", [["kpt_0", "kpt_1"], ["1", "2"], ["Keypoint 1", "Keypoint 2"], ["a", "b"], ["点1", "点2"]]
)
def test_numbers_alone_tell_nothing(names: list[str]):
    sides = read_sides(names)
    assert not sides.telling and sides.pairs == sides.numbered == ()
    assert read_sides(["head", "tail"]).telling


def test_words():
    assert words_of("leftEarTip2") == ["left", "ear", "tip", "2"]
    assert words_of("paw1LH_top") == ["paw", "1", "lh", "top"]
    assert words_of("前左足") == ["前", "左", "足"]


def test_names_that_may_be_two_of_a_kind():
    assert (
        are_alike("jicho_kushoto", "jicho_kulia")
        and are_alike("眼甲", "眼乙")
        and are_alike("tail_base", "tail_tip")
    )
    assert not are_alike("head", "tail") and not are_alike("snout", "tailbase")
