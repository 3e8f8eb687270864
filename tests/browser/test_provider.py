"""Signing in through a provider of another site, in a browser that keeps strict cookies strictly."""

import json
from pathlib import Path

import pytest
from fixtures.browsers import PATIENCE_MS, barriers
from fixtures.consoles import Desk, serving
from fixtures.providers import CLIENT_ID, SECRET, provider_serving
from playwright.async_api import expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
]

expect.set_options(timeout=PATIENCE_MS)


async def test_there_and_back_to_the_page_that_was_wanted(duty_desk: Desk, desk_dsn: str, tmp_path: Path) -> None:
    """From the door to another site and back: signed in, on the page that was asked for, and it stays up to date."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    async with provider_serving() as provider:
        provider.claims["groups"] = ["desk"]
        settings = {
            "OIDC_ISSUER": provider.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_SECRET_FILE": str(secret),
            "OIDC_GRANTS": json.dumps({"desk": {"role": "operator", "organisation": "town"}}),
        }
        async with serving(desk_dsn, tmp_path, host="localhost", settings=settings) as own:
            context = await duty_desk.browser.new_context()
            context.set_default_timeout(PATIENCE_MS)
            page = await context.new_page()
            await page.goto(f"{own.url}/history")
            assert await barriers(page) == []
            await page.get_by_role("link", name="127.0.0.1").click()
            await page.wait_for_url(f"{own.url}/history")
            await expect(page.locator(".account .who")).to_contain_text("li.hong")
            await page.goto(own.url)
            incident = await duty_desk.night.raises()
            await duty_desk.hint()
            await expect(page.locator(f"[data-row='{incident}']")).to_be_visible()
            await context.close()
