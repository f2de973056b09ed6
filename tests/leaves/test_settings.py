"""Settings: variable over file over default."""

from __future__ import annotations

import ast
import os
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

import carton_runtime
from carton_runtime import Settings, SettingsError

PATHS = ("runner_dir", "runner_data_dir", "cache_dir")
LISTS = ("interpreters", "find_links", "extra_index_urls")
BOOLEANS = ("python_downloads", "offline")
VARIABLES = {item.name: item.metadata["variable"] for item in fields(Settings)}


class Config:
    """A configuration file, and the environment that names it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def loaded(self, text: str = "", **variables: str) -> Settings:
        self.path.write_text(text, encoding="utf-8")
        return Settings.load({"CARTON_CONFIG_PATH": str(self.path), **variables})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "config.toml")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of our own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".carton").mkdir(parents=True)
    return tmp_path / "home"


def test_nothing_configured_gives_the_defaults(home: Path) -> None:
    assert Settings.load({}) == Settings()


def test_the_defaults_live_below_the_home_folder(home: Path) -> None:
    settings = Settings()
    folders = [getattr(settings, name) for name in PATHS]
    assert folders == [home / ".carton" / "runners", home / ".carton" / "runner_data", home / ".carton" / "cache"]


def test_the_file_in_the_home_folder_is_read(home: Path) -> None:
    (home / ".carton" / "config.toml").write_text("offline = true", encoding="utf-8")
    assert Settings.load({}).offline is True


def test_the_named_file_is_read_in_place_of_the_one_in_the_home_folder(home: Path, config: Config) -> None:
    (home / ".carton" / "config.toml").write_text("offline = true", encoding="utf-8")
    assert config.loaded().offline is False


def test_the_named_file_may_start_with_a_tilde(home: Path) -> None:
    (home / "mine.toml").write_text("offline = true", encoding="utf-8")
    assert Settings.load({"CARTON_CONFIG_PATH": "~/mine.toml"}).offline is True


@pytest.mark.parametrize("name", PATHS)
def test_a_path_comes_from_the_variable_then_the_file_then_the_default(config: Config, name: str) -> None:
    text = f'{name} = "/from/file"'
    assert getattr(config.loaded(text, **{VARIABLES[name]: "/from/variable"}), name) == Path("/from/variable")
    assert getattr(config.loaded(text), name) == Path("/from/file")
    assert getattr(config.loaded(), name) == getattr(Settings(), name)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_comes_from_the_variable_then_the_file_then_the_default(config: Config, name: str) -> None:
    between = " " if name == "extra_index_urls" else os.pathsep
    text = f'{name} = ["/one", "/two"]'
    assert getattr(config.loaded(text, **{VARIABLES[name]: f"/a{between}/b"}), name) == ("/a", "/b")
    assert getattr(config.loaded(text), name) == ("/one", "/two")
    assert getattr(config.loaded(), name) == ()


@pytest.mark.parametrize("name", BOOLEANS)
def test_a_boolean_comes_from_the_variable_then_the_file_then_the_default(config: Config, name: str) -> None:
    default = getattr(Settings(), name)
    text = f"{name} = {str(not default).lower()}"
    assert getattr(config.loaded(text, **{VARIABLES[name]: str(default)}), name) is default
    assert getattr(config.loaded(text), name) is not default
    assert getattr(config.loaded(), name) is default


def test_the_index_comes_from_the_variable_then_the_file_then_the_default(config: Config) -> None:
    text = 'index_url = "https://file.example/simple"'
    url = "https://variable.example/simple"
    assert config.loaded(text, CARTON_INDEX_URL=url).index_url == url
    assert config.loaded(text).index_url == "https://file.example/simple"
    assert config.loaded().index_url is None


def test_a_size_comes_from_the_variable_then_the_file_then_the_default(config: Config) -> None:
    text = 'cache_size = "3 GB"'
    assert config.loaded(text, CARTON_CACHE_SIZE="2 MiB").cache_size == 2 << 20
    assert config.loaded(text).cache_size == 3 * 10**9
    assert config.loaded("cache_size = 12345").cache_size == 12345
    assert config.loaded().cache_size == 50 * 10**9


@pytest.mark.parametrize("value", ["0", "-1", '"much"', "true", "[]"])
def test_what_is_no_size_is_refused_with_its_place(config: Config, value: str) -> None:
    with pytest.raises(SettingsError, match=r"config\.toml: cache_size: .* is no amount of memory"):
        config.loaded(f"cache_size = {value}")
    with pytest.raises(SettingsError, match="CARTON_CACHE_SIZE: 'much' is no amount of memory"):
        config.loaded(CARTON_CACHE_SIZE="much")


def test_addresses_of_indexes_may_hold_colons(config: Config) -> None:
    urls = ("https://one.example:8080/simple", "file:///two")
    assert config.loaded(CARTON_EXTRA_INDEX_URLS=" ".join(urls)).extra_index_urls == urls


def test_wheels_may_come_from_pages_too(config: Config) -> None:
    assert config.loaded(CARTON_FIND_LINKS="https://one.example:8080/whl /two").find_links == (
        "https://one.example:8080/whl",
        "/two",
    )


@pytest.mark.parametrize("text", ["9" * 400, f"{1 << 63}", "0.1 B"])
def test_what_nothing_can_count_is_no_size(config: Config, text: str) -> None:
    with pytest.raises(SettingsError, match="is no amount of memory"):
        config.loaded(CARTON_CACHE_SIZE=text)


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_variable_is_an_empty_list(config: Config, name: str) -> None:
    assert getattr(config.loaded(f'{name} = ["/one"]', **{VARIABLES[name]: ""}), name) == ()


@pytest.mark.parametrize("name", PATHS)
def test_a_tilde_expands_in_the_variable_and_in_the_file(home: Path, config: Config, name: str) -> None:
    assert getattr(config.loaded(f'{name} = "~/file"'), name) == home / "file"
    assert getattr(config.loaded(**{VARIABLES[name]: "~/variable"}), name) == home / "variable"


@pytest.mark.parametrize("name", LISTS)
def test_a_tilde_expands_in_lists(home: Path, config: Config, name: str) -> None:
    assert getattr(config.loaded(f'{name} = ["~/file", "https://x.example/~y"]'), name) == (
        f"{home}/file",
        "https://x.example/~y",
    )
    assert getattr(config.loaded(**{VARIABLES[name]: "~/variable"}), name) == (f"{home}/variable",)


@pytest.mark.parametrize("name", PATHS)
def test_an_empty_variable_is_no_path(config: Config, name: str) -> None:
    assert getattr(config.loaded(f'{name} = "/file"', **{VARIABLES[name]: ""}), name) == Path("/file")


def test_the_home_of_a_user_whom_nobody_knows_is_refused(config: Config) -> None:
    with pytest.raises(SettingsError, match="the setting ~nobody-at-all/cache cannot be read"):
        config.loaded('cache_dir = "~nobody-at-all/cache"')
    with pytest.raises(SettingsError, match="the setting ~nobody-at-all/x cannot be read"):
        Settings.load({"CARTON_CONFIG_PATH": "~nobody-at-all/x"})


@pytest.mark.parametrize("text", ["1", "true", "Yes", "ON", " 1 "])
def test_these_mean_yes(config: Config, text: str) -> None:
    assert config.loaded(CARTON_OFFLINE=text).offline is True


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF", ""])
def test_these_mean_no(config: Config, text: str) -> None:
    assert config.loaded("offline = true", CARTON_OFFLINE=text).offline is False


def test_another_word_is_refused_with_the_variable_and_what_to_write(config: Config) -> None:
    with pytest.raises(SettingsError, match=r"CARTON_OFFLINE='maybe' is neither true nor false; use 1 or 0"):
        config.loaded(CARTON_OFFLINE="maybe")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cache_dir = 3", "cache_dir must be a string, not 3"),
        ("index_url = []", "index_url must be a string"),
        ("offline = 1", "offline must be true or false, not 1"),
        ('offline = "true"', "offline must be true or false"),
        ('find_links = "/one"', "find_links must be a list of strings"),
        ("find_links = [1]", "find_links must be a list of strings, not 1"),
    ],
)
def test_a_wrong_type_in_the_file_is_refused_with_its_place(config: Config, text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        config.loaded(text)
    assert str(config.path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_wrong_type_in_the_file_is_no_matter_when_a_variable_says_otherwise(config: Config) -> None:
    assert config.loaded("offline = 3", CARTON_OFFLINE="1").offline is True


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(SettingsError, match=r"CARTON_CONFIG_PATH names .*none\.toml, which does not exist"):
        Settings.load({"CARTON_CONFIG_PATH": str(missing)})


@pytest.mark.parametrize(
    "content", [b"offline = ", b"\xff\xfe", b"offline = true\noffline = true", b"a = " + b"[" * 9999]
)
def test_a_file_that_is_no_toml_is_refused_with_its_path(config: Config, content: bytes) -> None:
    config.path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"the configuration file .*config\.toml cannot be read"):
        Settings.load({"CARTON_CONFIG_PATH": str(config.path)})


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load({"CARTON_CONFIG_PATH": str(tmp_path)})


def test_keys_that_we_do_not_know_are_left_to_others(config: Config) -> None:
    assert config.loaded("[another.program]\nkey = 1") == config.loaded()


def test_the_variables_of_this_process_are_the_default(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    config.loaded("offline = true")
    monkeypatch.setenv("CARTON_CONFIG_PATH", str(config.path))
    assert Settings.load().offline is True


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().offline = True  # type: ignore[misc]


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_setting_is_documented_with_a_variable_after_its_name(item) -> None:
    assert item.metadata["variable"] == f"CARTON_{item.name.upper()}"
    assert item.metadata["doc"].endswith(".")


def test_each_variable_and_each_text_belongs_to_one_setting() -> None:
    for key in ("variable", "doc"):
        values = [item.metadata[key] for item in fields(Settings)]
        assert len(set(values)) == len(values)


def test_no_other_module_of_the_host_reads_the_environment() -> None:
    package = Path(carton_runtime.__file__).parent
    sources = [path for path in package.rglob("*.py") if not {"_child", "_runners"} & set(path.parts)]
    assert package / "settings.py" in [path for path in sources if reads_environment(path.read_text())]
    assert [path for path in sources if reads_environment(path.read_text())] == [package / "settings.py"]


@pytest.mark.parametrize("code", ["import os; os.environ['A']", "import os; os.getenv('A')", "from os import environ"])
def test_reading_the_environment_is_noticed(code: str) -> None:
    assert reads_environment(code)


def reads_environment(code: str) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in names:
                return True
        elif isinstance(node, ast.ImportFrom) and node.module == "os" and names & {item.name for item in node.names}:
            return True
    return False
