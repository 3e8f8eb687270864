"""Invariant 9: a synthetic home never reaches a real phone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from carewatch.__main__ import app
from carewatch.errors import SettingsFault

REAL = {
    "CAREWATCH_TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
    "CAREWATCH_TWILIO__AUTH_TOKEN": "a token of some length",
    "CAREWATCH_TWILIO__VOICE_NUMBER": "+441632960000",
}


@pytest.mark.parametrize("base_url", [None, "https://api.twilio.com", "http://phones.example"])
def test_the_demo_refuses_to_start_with_a_real_provider(base_url: str | None, tmp_path: Path) -> None:
    """Whoever has a real account in the settings is told why there is no demo, before anything is started."""
    stated = REAL if base_url is None else {**REAL, "CAREWATCH_TWILIO__BASE_URL": base_url}
    result = CliRunner().invoke(app, ["demo", "--folder", str(tmp_path / "demo")], env=stated)
    assert isinstance(result.exception, SettingsFault)
    assert "is a real provider, but the deployment is demo" in str(result.exception)
    assert not (tmp_path / "demo").exists()
